/* The socket and the transaction. */
#include "network/nftables-internal.h"

#include "base/fd.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

int nft_open(const char *table, struct nft **ret, struct error *err)
{
        cleanup_nft struct nft *nft = xcalloc(1, sizeof(*nft));
        int room = 8 << 20;

        nft->table = xstrdup(table);
        nft->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
        if (!nft->socket)
                return error_errno(err, "open a netfilter netlink socket");
        if (mnl_socket_bind(nft->socket, 0, MNL_SOCKET_AUTOPID) < 0)
                return error_errno(err, "bind a netfilter netlink socket");
        /* A transaction is one write, however many ports it has. */
        setsockopt(mnl_socket_get_fd(nft->socket), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
        *ret = take_ptr(nft);
        return 0;
}

void nft_close(struct nft *nft)
{
        if (!nft)
                return;
        if (nft->socket)
                mnl_socket_close(nft->socket);
        free(nft->table);
        free(nft->queue);
        free(nft);
}

static struct nlmsghdr *message_put(struct nft *nft, uint16_t type, uint16_t flags, int family, int resource)
{
        struct nlmsghdr *m;
        struct nfgenmsg *gen;

        if (nft->queue_room - nft->queue_len < NFT_MESSAGE_ROOM) {
                nft->queue_room = nft->queue_room * 2 + 2 * (size_t)NFT_MESSAGE_ROOM;
                nft->queue = xrealloc(nft->queue, nft->queue_room);
        }
        memset(nft->queue + nft->queue_len, 0, NFT_MESSAGE_ROOM);
        m = mnl_nlmsg_put_header(nft->queue + nft->queue_len);
        m->nlmsg_type = type;
        m->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
        m->nlmsg_seq = ++nft->sequence;
        gen = mnl_nlmsg_put_extra_header(m, sizeof(*gen));
        gen->nfgen_family = (uint8_t)family;
        gen->version = NFNETLINK_V0;
        gen->res_id = htons((uint16_t)resource);
        return m;
}

static void batch_mark(struct nft *nft, uint16_t type)
{
        struct nlmsghdr *m = message_put(nft, type, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);

        nft->queue_len += MNL_ALIGN(m->nlmsg_len);
}

struct nlmsghdr *nft_message_begin(struct nft *nft, int type, uint16_t flags)
{
        struct nlmsghdr *m;

        if (nft->n_messages == 0) {
                nft->queue_len = 0;
                nft->first = nft->sequence + 1;
                batch_mark(nft, NFNL_MSG_BATCH_BEGIN);
        }
        m = message_put(nft, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, NFPROTO_INET, 0);
        mnl_attr_put_strz(m, 1, nft->table);
        return m;
}

void nft_message_end(struct nft *nft, const struct nlmsghdr *message)
{
        nft->last = nft->queue_len;
        nft->queue_len += MNL_ALIGN(message->nlmsg_len);
        nft->n_messages++;
}

/* The kernel tells every message that it refuses, in their order, and acknowledges the last one: so the
 * answer to the last one is the end. */
static int receive_answers(struct nft *nft, uint32_t last, struct error *err)
{
        char buffer[8192];

        for (;;) {
                ssize_t n = mnl_socket_recvfrom(nft->socket, buffer, sizeof(buffer));
                int left = (int)n;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err->kind ? -1 : error_errno(err, "receive nftables answers");
                for (const struct nlmsghdr *m = (void *)buffer; mnl_nlmsg_ok(m, left);
                     m = mnl_nlmsg_next(m, &left)) {
                        const struct nlmsgerr *answer = mnl_nlmsg_get_payload(m);

                        if (m->nlmsg_type != NLMSG_ERROR || m->nlmsg_seq < nft->first || m->nlmsg_seq > last)
                                continue;
                        if (answer->error != 0 && !err->kind)
                                error_errnum(err, -answer->error,
                                             "change nftables table %s (message %u of %zu)", nft->table,
                                             m->nlmsg_seq - nft->first, nft->n_messages);
                        if (m->nlmsg_seq == last)
                                return err->kind ? -1 : 0;
                }
        }
}

int nft_commit(struct nft *nft, struct error *err)
{
        cleanup_error struct error refused = { 0 };
        struct nlmsghdr *last;
        int r;

        if (nft->n_messages == 0)
                return 0;
        last = (void *)(nft->queue + nft->last);
        last->nlmsg_flags |= NLM_F_ACK;
        batch_mark(nft, NFNL_MSG_BATCH_END);
        last = (void *)(nft->queue + nft->last);
        if (mnl_socket_sendto(nft->socket, nft->queue, nft->queue_len) < 0)
                r = error_errno(&refused, "change nftables table %s", nft->table);
        else
                r = receive_answers(nft, last->nlmsg_seq, &refused);
        nft->n_messages = 0;
        return r < 0 ? error_move(err, &refused) : 0;
}

/* ---- The host's own firewall ---- */

static void look_at_chain(const struct nlmsghdr *message, char **found)
{
        const struct nfgenmsg *gen = mnl_nlmsg_get_payload(message);
        const char *table = NULL, *name = NULL;
        const struct nlattr *attr, *inner;
        uint32_t hook = UINT32_MAX, policy = NF_ACCEPT;

        mnl_attr_for_each(attr, message, sizeof(*gen))
        {
                int type = mnl_attr_get_type(attr);

                if (type == NFTA_CHAIN_TABLE && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
                        table = mnl_attr_get_str(attr);
                else if (type == NFTA_CHAIN_NAME && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
                        name = mnl_attr_get_str(attr);
                else if (type == NFTA_CHAIN_POLICY && mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
                        policy = ntohl(mnl_attr_get_u32(attr));
                else if (type == NFTA_CHAIN_HOOK)
                        mnl_attr_for_each_nested(inner,
                                                 attr) if (mnl_attr_get_type(inner) == NFTA_HOOK_HOOKNUM &&
                                                           mnl_attr_validate(inner, MNL_TYPE_U32) == 0) hook =
                            ntohl(mnl_attr_get_u32(inner));
        }
        if (table && name && hook == NF_INET_FORWARD && policy == NF_DROP && !*found &&
            (gen->nfgen_family == NFPROTO_IPV4 || gen->nfgen_family == NFPROTO_INET))
                *found =
                    string_format("%s %s %s", gen->nfgen_family == NFPROTO_IPV4 ? "ip" : "inet", table, name);
}

int nft_forward_drops(char **ret_chain, struct error *err)
{
        cleanup_nft struct nft *nft = NULL;
        cleanup_free char *found = NULL;
        struct nlmsghdr *request;
        char buffer[32768];

        if (nft_open("", &nft, err) < 0)
                return -1;
        request = message_put(nft, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, NLM_F_DUMP, AF_UNSPEC, 0);
        if (mnl_socket_sendto(nft->socket, request, request->nlmsg_len) < 0)
                return error_errno(err, "list nftables chains");
        for (;;) {
                ssize_t n = mnl_socket_recvfrom(nft->socket, buffer, sizeof(buffer));
                int left = (int)n;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return error_errno(err, "list nftables chains");
                for (const struct nlmsghdr *m = (void *)buffer; mnl_nlmsg_ok(m, left);
                     m = mnl_nlmsg_next(m, &left)) {
                        if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR) {
                                *ret_chain = take_ptr(found);
                                return 0;
                        }
                        look_at_chain(m, &found);
                }
        }
}
