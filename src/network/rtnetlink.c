/* The socket: a queue of changes that goes out in one write, and dumps. */
#include "network/rtnetlink-internal.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#ifndef NETLINK_CAP_ACK
#define NETLINK_CAP_ACK 10
#endif

int rtnl_open(struct rtnl **ret, struct error *err)
{
        cleanup_rtnl struct rtnl *rtnl = xcalloc(1, sizeof(*rtnl));
        int on = 1;

        rtnl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
        if (!rtnl->socket)
                return error_errno(err, "open a route netlink socket");
        if (mnl_socket_bind(rtnl->socket, 0, MNL_SOCKET_AUTOPID) < 0)
                return error_errno(err, "bind a route netlink socket");
        mnl_socket_setsockopt(rtnl->socket, NETLINK_CAP_ACK, &on, sizeof(on));
        rtnl->portid = mnl_socket_get_portid(rtnl->socket);
        *ret = take_ptr(rtnl);
        return 0;
}

static void queue_clear(struct rtnl *rtnl)
{
        for (size_t i = 0; i < rtnl->n_queued; i++)
                free(rtnl->queued[i].what);
        rtnl->n_queued = 0;
        rtnl->queue_len = 0;
}

void rtnl_close(struct rtnl *rtnl)
{
        if (!rtnl)
                return;
        if (rtnl->socket)
                mnl_socket_close(rtnl->socket);
        queue_clear(rtnl);
        free(rtnl->queued);
        free(rtnl->queue);
        free(rtnl);
}

struct nlmsghdr *rtnl_message_begin(struct rtnl *rtnl, uint16_t type, uint16_t flags)
{
        struct nlmsghdr *message;

        if (rtnl->queue_room - rtnl->queue_len < RTNL_MESSAGE_ROOM) {
                rtnl->queue_room += 4 * (size_t)RTNL_MESSAGE_ROOM;
                rtnl->queue = xrealloc(rtnl->queue, rtnl->queue_room);
        }
        memset(rtnl->queue + rtnl->queue_len, 0, RTNL_MESSAGE_ROOM);
        message = mnl_nlmsg_put_header(rtnl->queue + rtnl->queue_len);
        message->nlmsg_type = type;
        message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
        message->nlmsg_seq = ++rtnl->sequence;
        return message;
}

void rtnl_message_end(struct rtnl *rtnl, const struct nlmsghdr *message, char *what)
{
        rtnl->queue_len += MNL_ALIGN(message->nlmsg_len);
        array_reserve((void **)&rtnl->queued, rtnl->n_queued, sizeof(*rtnl->queued));
        rtnl->queued[rtnl->n_queued].sequence = message->nlmsg_seq;
        rtnl->queued[rtnl->n_queued++].what = what;
}

/* Takes the answer to a queued message; sets `err` to the first refusal. */
static void take_answer(struct rtnl *rtnl, const struct nlmsghdr *message, size_t *n_done, struct error *err)
{
        const struct nlmsgerr *answer = mnl_nlmsg_get_payload(message);
        size_t i = 0;

        while (i < rtnl->n_queued && rtnl->queued[i].sequence != message->nlmsg_seq)
                i++;
        if (message->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(message) < sizeof(int) ||
            i == rtnl->n_queued)
                return;
        (*n_done)++;
        if (answer->error != 0 && err && !err->kind)
                error_errnum(err, -answer->error, "%s", rtnl->queued[i].what);
}

int rtnl_commit(struct rtnl *rtnl, struct error *err)
{
        cleanup_error struct error refused = { 0 };
        char buffer[8192];
        size_t done = 0;

        if (rtnl->n_queued == 0)
                return 0;
        if (mnl_socket_sendto(rtnl->socket, rtnl->queue, rtnl->queue_len) < 0) {
                error_errno(&refused, "%s", rtnl->queued[0].what);
                done = rtnl->n_queued;
        }
        while (done < rtnl->n_queued) {
                ssize_t n = mnl_socket_recvfrom(rtnl->socket, buffer, sizeof(buffer));
                int left = (int)n;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) {
                        error_clear(&refused);
                        error_errno(&refused, "receive netlink answers");
                        break;
                }
                for (const struct nlmsghdr *m = (void *)buffer; mnl_nlmsg_ok(m, left);
                     m = mnl_nlmsg_next(m, &left))
                        take_answer(rtnl, m, &done, &refused);
        }
        queue_clear(rtnl);
        return refused.kind ? error_move(err, &refused) : 0;
}

int rtnl_dump(struct rtnl *rtnl, uint16_t type, int family,
              int (*each)(const struct nlmsghdr *message, void *arg), void *arg, struct error *err)
{
        char request[MNL_NLMSG_HDRLEN + sizeof(struct rtgenmsg) + 32], buffer[32768];
        struct nlmsghdr *message = mnl_nlmsg_put_header(request);
        struct rtgenmsg *gen;

        message->nlmsg_type = type;
        message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        message->nlmsg_seq = ++rtnl->sequence;
        gen = mnl_nlmsg_put_extra_header(message, sizeof(*gen));
        gen->rtgen_family = (unsigned char)family;
        if (mnl_socket_sendto(rtnl->socket, message, message->nlmsg_len) < 0)
                return error_errno(err, "ask netlink");
        for (;;) {
                ssize_t n = mnl_socket_recvfrom(rtnl->socket, buffer, sizeof(buffer));
                int left = (int)n;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return error_errno(err, "receive netlink answers");
                for (const struct nlmsghdr *m = (void *)buffer; mnl_nlmsg_ok(m, left);
                     m = mnl_nlmsg_next(m, &left)) {
                        if (m->nlmsg_seq != rtnl->sequence)
                                continue;
                        if (m->nlmsg_type == NLMSG_DONE)
                                return 0;
                        if (m->nlmsg_type == NLMSG_ERROR) {
                                const struct nlmsgerr *answer = mnl_nlmsg_get_payload(m);

                                return error_errnum(err, -answer->error, "ask netlink");
                        }
                        each(m, arg);
                }
        }
}
