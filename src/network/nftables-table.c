/* What is in the table: nftables.h has it in words. */
#include "network/nftables-internal.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define CONCAT2(a, b) ((uint32_t)((a) << NFT_TYPE_BITS | (b)))
#define CONCAT3(a, b, c) CONCAT2(CONCAT2(a, b), c)
#define CT_STATE(state) (1U << ((state) % IP_CT_IS_REPLY + 1)) /* as nft_ct counts */

static const struct nft_set_shape sets[] = {
        { "bridges", NFT_TYPE_IFNAME, IFNAMSIZ, 0, 0, 0 },
        { "publish4", CONCAT3(NFT_TYPE_IPV4, NFT_TYPE_PROTOCOL, NFT_TYPE_SERVICE), 12,
          CONCAT2(NFT_TYPE_IPV4, NFT_TYPE_SERVICE), 8, 0 },
        { "publish4any", CONCAT2(NFT_TYPE_PROTOCOL, NFT_TYPE_SERVICE), 8,
          CONCAT2(NFT_TYPE_IPV4, NFT_TYPE_SERVICE), 8, 0 },
        { "publish6", CONCAT3(NFT_TYPE_IPV6, NFT_TYPE_PROTOCOL, NFT_TYPE_SERVICE), 24,
          CONCAT2(NFT_TYPE_IPV6, NFT_TYPE_SERVICE), 20, 0 },
        { "publish6any", CONCAT2(NFT_TYPE_PROTOCOL, NFT_TYPE_SERVICE), 8,
          CONCAT2(NFT_TYPE_IPV6, NFT_TYPE_SERVICE), 20, 0 },
        { "open4", CONCAT3(NFT_TYPE_IPV4, NFT_TYPE_PROTOCOL, NFT_TYPE_SERVICE), 12, 0, 0, 0 },
        { "open6", CONCAT3(NFT_TYPE_IPV6, NFT_TYPE_PROTOCOL, NFT_TYPE_SERVICE), 24, 0, 0, 0 },
        { "forward_in", NFT_TYPE_IFNAME, IFNAMSIZ, NFT_DATA_VERDICT, 0, 0 },
        { "forward_out", NFT_TYPE_IFNAME, IFNAMSIZ, NFT_DATA_VERDICT, 0, 0 },
        { "masquerade4", NFT_TYPE_IPV4, 4, NFT_DATA_VERDICT, 0, NFT_SET_INTERVAL },
        { "masquerade6", NFT_TYPE_IPV6, 16, NFT_DATA_VERDICT, 0, NFT_SET_INTERVAL },
};

/* Where the addresses are in the two headers, and which maps belong to them. */
static const struct family {
        int family;
        uint32_t size, source, destination;
        const char *publish, *publish_any, *open, *masquerade;
        uint8_t icmp;
} families[] = {
        { NFPROTO_IPV4, 4, 12, 16, "publish4", "publish4any", "open4", "masquerade4", IPPROTO_ICMP },
        { NFPROTO_IPV6, 16, 8, 24, "publish6", "publish6any", "open6", "masquerade6", IPPROTO_ICMPV6 },
};

static void match_family(struct nft_rule *r, int family)
{
        uint8_t value = (uint8_t)family;

        nft_expr_meta(r, NFT_META_NFPROTO, NFT_REG_1);
        nft_expr_compare(r, NFT_REG_1, NFT_CMP_EQ, &value, sizeof(value));
}

static void match_interface(struct nft_rule *r, uint32_t key, uint32_t op, const char *name)
{
        char padded[IFNAMSIZ] = { 0 };

        memcpy(padded, name, strnlen(name, sizeof(padded) - 1));
        nft_expr_meta(r, key, NFT_REG_1);
        nft_expr_compare(r, NFT_REG_1, op, padded, sizeof(padded));
}

/* ct `key` & bits != 0 */
static void match_ct(struct nft_rule *r, uint32_t key, uint32_t bits)
{
        uint32_t zero = 0;

        nft_expr_ct(r, key, NFT_REG_1);
        nft_expr_mask(r, NFT_REG_1, &bits, sizeof(bits));
        nft_expr_compare(r, NFT_REG_1, NFT_CMP_NEQ, &zero, sizeof(zero));
}

/* 127.0.0.0/8 at an offset of the IPv4 header. */
static void match_loopback(struct nft_rule *r, uint32_t offset)
{
        uint8_t loopback = 127;

        nft_expr_payload(r, NFT_PAYLOAD_NETWORK_HEADER, offset, 1, NFT_REG_1);
        nft_expr_compare(r, NFT_REG_1, NFT_CMP_EQ, &loopback, sizeof(loopback));
}

/* [daddr .] l4proto . dport, from the first register on */
static void load_destination(struct nft_rule *r, const struct family *f, bool any)
{
        uint32_t words = any ? 0 : f->size / 4;

        match_family(r, f->family);
        if (!any)
                nft_expr_payload(r, NFT_PAYLOAD_NETWORK_HEADER, f->destination, f->size, NFT_REG32_00);
        nft_expr_meta(r, NFT_META_L4PROTO, NFT_REG32_00 + words);
        nft_expr_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG32_01 + words);
}

/* dnat to [daddr .] l4proto . dport map @name */
static void add_publish_rule(struct nft *nft, const struct family *f, bool any)
{
        struct nft_rule r = nft_rule_begin(nft, "publish");

        load_destination(&r, f, any);
        nft_expr_lookup(&r, any ? f->publish_any : f->publish, NFT_REG32_00, NFT_REG32_00, true);
        nft_expr_dnat(&r, f->family, NFT_REG32_00, NFT_REG32_00 + f->size / 4);
        nft_rule_end(&r);
}

/* Connections to ::1 belong to the shims' relays: the kernel doesn't route them. */
static void add_loopback6_rule(struct nft *nft)
{
        struct nft_rule r = nft_rule_begin(nft, "publish");
        static const uint8_t one[16] = { [15] = 1 };

        match_family(&r, NFPROTO_IPV6);
        nft_expr_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, families[1].destination, 16, NFT_REG_1);
        nft_expr_compare(&r, NFT_REG_1, NFT_CMP_EQ, one, sizeof(one));
        nft_expr_verdict(&r, NFT_RETURN, NULL);
        nft_rule_end(&r);
}

static void add_local_rule(struct nft *nft, const char *chain)
{
        struct nft_rule r = nft_rule_begin(nft, chain);
        uint32_t local = RTN_LOCAL;

        nft_expr_fib_daddr_type(&r, NFT_REG_1);
        nft_expr_compare(&r, NFT_REG_1, NFT_CMP_EQ, &local, sizeof(local));
        nft_expr_verdict(&r, NFT_JUMP, "publish");
        nft_rule_end(&r);
}

/* Ports on 127.0.0.1 need route_localnet on the bridges; without this rule a container could reach whatever
 * listens on the host's 127.0.0.1. */
static void add_loopback_guard(struct nft *nft)
{
        struct nft_rule r = nft_rule_begin(nft, "guard");

        match_family(&r, NFPROTO_IPV4);
        nft_expr_meta(&r, NFT_META_IIFNAME, NFT_REG_1);
        nft_expr_lookup(&r, "bridges", NFT_REG_1, 0, false);
        match_loopback(&r, families[0].destination);
        nft_expr_verdict(&r, NF_DROP, NULL);
        nft_rule_end(&r);
}

static void add_postrouting_rules(struct nft *nft)
{
        struct nft_rule r = nft_rule_begin(nft, "postrouting");

        match_family(&r, NFPROTO_IPV4);
        match_loopback(&r, families[0].source);
        nft_expr_meta(&r, NFT_META_OIFNAME, NFT_REG_1);
        nft_expr_lookup(&r, "bridges", NFT_REG_1, 0, false);
        nft_expr_masquerade(&r);
        nft_rule_end(&r);
        for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
                r = nft_rule_begin(nft, "postrouting");
                match_family(&r, families[i].family);
                nft_expr_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, families[i].source, families[i].size,
                                 NFT_REG_1);
                nft_expr_lookup(&r, families[i].masquerade, NFT_REG_1, NFT_REG_VERDICT, true);
                nft_rule_end(&r);
        }
}

static void add_forward_rules(struct nft *nft)
{
        struct nft_rule r = nft_rule_begin(nft, "forward");

        match_ct(&r, NFT_CT_STATE, CT_STATE(IP_CT_ESTABLISHED) | CT_STATE(IP_CT_RELATED));
        nft_expr_verdict(&r, NF_ACCEPT, NULL);
        nft_rule_end(&r);
        r = nft_rule_begin(nft, "forward");
        nft_expr_meta(&r, NFT_META_IIFNAME, NFT_REG_1);
        nft_expr_lookup(&r, "forward_out", NFT_REG_1, NFT_REG_VERDICT, true);
        nft_rule_end(&r);
        r = nft_rule_begin(nft, "forward");
        nft_expr_meta(&r, NFT_META_OIFNAME, NFT_REG_1);
        nft_expr_lookup(&r, "forward_in", NFT_REG_1, NFT_REG_VERDICT, true);
        nft_rule_end(&r);
}

static void table_message(struct nft *nft, int type, uint16_t flags)
{
        struct nlmsghdr *m = nft_message_begin(nft, type, flags);

        nft_message_end(nft, m);
}

void nft_table_delete(struct nft *nft)
{
        /* Made first: deleting what isn't there would fail. */
        table_message(nft, NFT_MSG_NEWTABLE, NLM_F_CREATE);
        table_message(nft, NFT_MSG_DELTABLE, 0);
}

void nft_table_replace(struct nft *nft)
{
        nft_table_delete(nft);
        table_message(nft, NFT_MSG_NEWTABLE, NLM_F_CREATE);
        for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
                nft_set_add(nft, &sets[i]);
        nft_chain_add(nft, "publish");
        nft_base_chain_add(nft, "guard", "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW);
        nft_base_chain_add(nft, "prerouting", "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST);
        nft_base_chain_add(nft, "output", "nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST);
        nft_base_chain_add(nft, "postrouting", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC);
        nft_base_chain_add(nft, "forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER);
        add_loopback6_rule(nft);
        for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
                add_publish_rule(nft, &families[i], false);
                add_publish_rule(nft, &families[i], true);
        }
        add_loopback_guard(nft);
        add_local_rule(nft, "prerouting");
        add_local_rule(nft, "output");
        add_postrouting_rules(nft);
        add_forward_rules(nft);
}

/* ---- Networks ---- */

struct chain_names {
        char in[32], out[32], nat[32];
};

static struct chain_names chain_names(const struct nft_network *n)
{
        struct chain_names names;

        snprintf(names.in, sizeof(names.in), "in-%s", n->bridge);
        snprintf(names.out, sizeof(names.out), "out-%s", n->bridge);
        snprintf(names.nat, sizeof(names.nat), "nat-%s", n->bridge);
        return names;
}

static void verdict_rule(struct nft *nft, const char *chain, uint32_t key, uint32_t op, const char *interface,
                         int verdict)
{
        struct nft_rule r = nft_rule_begin(nft, chain);

        if (interface)
                match_interface(&r, key, op, interface);
        nft_expr_verdict(&r, verdict, NULL);
        nft_rule_end(&r);
}

static void dnat_rule(struct nft *nft, const char *chain, bool masquerade)
{
        struct nft_rule r = nft_rule_begin(nft, chain);

        match_ct(&r, NFT_CT_STATUS, IPS_DST_NAT);
        if (masquerade)
                nft_expr_masquerade(&r);
        else
                nft_expr_verdict(&r, NF_ACCEPT, NULL);
        nft_rule_end(&r);
}

/* What gets in beside translated ports. */
static void add_family_rules(struct nft *nft, const struct nft_network *n, const struct family *f,
                             enum gateway_mode mode, const char *chain)
{
        struct nft_rule r;

        if (mode == GATEWAY_NAT_UNPROTECTED) {
                r = nft_rule_begin(nft, chain);
                match_family(&r, f->family);
                nft_expr_verdict(&r, NF_ACCEPT, NULL);
                nft_rule_end(&r);
        }
        if (mode == GATEWAY_ROUTED) {
                r = nft_rule_begin(nft, chain);
                match_family(&r, f->family);
                nft_expr_meta(&r, NFT_META_L4PROTO, NFT_REG_1);
                nft_expr_compare(&r, NFT_REG_1, NFT_CMP_EQ, &f->icmp, sizeof(f->icmp));
                nft_expr_verdict(&r, NF_ACCEPT, NULL);
                nft_rule_end(&r);
                r = nft_rule_begin(nft, chain);
                load_destination(&r, f, false);
                nft_expr_lookup(&r, f->open, NFT_REG32_00, 0, false);
                nft_expr_verdict(&r, NF_ACCEPT, NULL);
                nft_rule_end(&r);
        }
        for (char *const *interface = n->trusted; interface && *interface; interface++) {
                r = nft_rule_begin(nft, chain);
                match_interface(&r, NFT_META_IIFNAME, NFT_CMP_EQ, *interface);
                load_destination(&r, f, false);
                nft_expr_lookup(&r, f->open, NFT_REG32_00, 0, false);
                nft_expr_verdict(&r, NF_ACCEPT, NULL);
                nft_rule_end(&r);
        }
}

static void masquerade_rule(struct nft *nft, const struct nft_network *n, const struct family *f,
                            const struct ip_address *source, const char *chain)
{
        struct nft_rule r = nft_rule_begin(nft, chain);

        match_family(&r, f->family);
        match_interface(&r, NFT_META_OIFNAME, NFT_CMP_NEQ, n->bridge);
        if (ip_given(source)) {
                nft_expr_value(&r, NFT_REG_1, source->bytes, f->size);
                nft_expr_snat(&r, f->family, NFT_REG_1);
        } else {
                nft_expr_masquerade(&r);
        }
        nft_rule_end(&r);
}

static void add_network_rules(struct nft *nft, const struct nft_network *n, const struct chain_names *names)
{
        if (!n->internal) {
                dnat_rule(nft, names->in, false);
                for (size_t i = 0; i < ARRAY_SIZE(families); i++)
                        add_family_rules(nft, n, &families[i], n->modes[i], names->in);
        }
        verdict_rule(nft, names->in, NFT_META_IIFNAME, NFT_CMP_EQ, n->bridge, n->icc ? NF_ACCEPT : NF_DROP);
        verdict_rule(nft, names->in, 0, 0, NULL, NF_DROP);
        if (n->internal)
                verdict_rule(nft, names->out, NFT_META_OIFNAME, NFT_CMP_NEQ, n->bridge, NF_DROP);
        for (size_t i = 0; i < ARRAY_SIZE(families) && n->masquerade && !n->internal; i++)
                if (n->modes[i] != GATEWAY_ROUTED)
                        masquerade_rule(nft, n, &families[i], &n->sources[i], names->nat);
        /* A published port reached from its own bridge: without this the answer would take a short cut. */
        dnat_rule(nft, names->nat, true);
}

/* The prefix as an interval: its first address and the one behind its last (none at the end of the world). */
static void prefix_elements(struct nft *nft, const struct ip_prefix *prefix, const char *chain,
                            void (*each)(struct nft *nft, const struct nft_element *element))
{
        const struct family *f = &families[prefix->address.family == AF_INET6];
        struct ip_prefix network = ip_prefix_network(prefix);
        struct ip_address last = ip_prefix_last(prefix), end = ip_address_add(&last, 1);
        struct nft_element e = {
                .set = f->masquerade, .key = network.address.bytes, .key_len = f->size, .jump = chain
        };

        each(nft, &e);
        if (ip_address_compare(&end, &last) > 0) {
                e.key = end.bytes;
                e.interval_end = true;
                each(nft, &e);
        }
}

static void network_elements(struct nft *nft, const struct nft_network *n, const struct chain_names *names,
                             void (*each)(struct nft *nft, const struct nft_element *element))
{
        char key[IFNAMSIZ] = { 0 };
        struct nft_element e = { .set = "bridges", .key = key, .key_len = sizeof(key) };

        memcpy(key, n->bridge, strnlen(n->bridge, sizeof(key) - 1));
        each(nft, &e);
        e.set = "forward_in";
        e.jump = names->in;
        each(nft, &e);
        e.set = "forward_out";
        e.jump = names->out;
        each(nft, &e);
        for (size_t i = 0; i < n->n_subnets; i++)
                prefix_elements(nft, &n->subnets[i], names->nat, each);
}

void nft_network_add(struct nft *nft, const struct nft_network *network)
{
        struct chain_names names = chain_names(network);

        nft_chain_add(nft, names.in);
        nft_chain_add(nft, names.out);
        nft_chain_add(nft, names.nat);
        add_network_rules(nft, network, &names);
        network_elements(nft, network, &names, nft_element_add);
}

void nft_network_remove(struct nft *nft, const struct nft_network *network)
{
        struct chain_names names = chain_names(network);

        network_elements(nft, network, &names, nft_element_delete);
        nft_chain_delete(nft, names.in);
        nft_chain_delete(nft, names.out);
        nft_chain_delete(nft, names.nat);
}

/* ---- Ports ---- */

static void publish_element(struct nft *nft, const struct nft_publish *p,
                            void (*each)(struct nft *nft, const struct nft_element *element))
{
        const struct family *f = &families[p->container_ip.family == AF_INET6];
        uint8_t key[24] = { 0 }, data[20] = { 0 };
        size_t at = 0;
        uint16_t host_port = htons(p->host_port), container_port = htons(p->container_port);
        bool any = ip_address_is_any(&p->host_ip);
        struct nft_element e = { .set = any ? f->publish_any : f->publish, .key = key, .data = data };

        /* Each part of a concatenation is padded to 32 bits. */
        if (!any) {
                memcpy(key, p->host_ip.bytes, f->size);
                at = f->size;
        }
        key[at] = (uint8_t)p->protocol;
        memcpy(key + at + 4, &host_port, sizeof(host_port));
        e.key_len = at + 8;
        memcpy(data, p->container_ip.bytes, f->size);
        memcpy(data + f->size, &container_port, sizeof(container_port));
        e.data_len = f->size + 4;
        each(nft, &e);
}

void nft_publish_add(struct nft *nft, const struct nft_publish *port)
{
        publish_element(nft, port, nft_element_add);
}

void nft_publish_remove(struct nft *nft, const struct nft_publish *port)
{
        publish_element(nft, port, nft_element_delete);
}

static void open_element(struct nft *nft, const struct nft_publish *p,
                         void (*each)(struct nft *nft, const struct nft_element *element))
{
        const struct family *f = &families[p->container_ip.family == AF_INET6];
        uint8_t key[24] = { 0 };
        uint16_t port = htons(p->container_port);
        struct nft_element e = { .set = f->open, .key = key, .key_len = f->size + 8 };

        memcpy(key, p->container_ip.bytes, f->size);
        key[f->size] = (uint8_t)p->protocol;
        memcpy(key + f->size + 4, &port, sizeof(port));
        each(nft, &e);
}

void nft_open_add(struct nft *nft, const struct nft_publish *port)
{
        open_element(nft, port, nft_element_add);
}

void nft_open_remove(struct nft *nft, const struct nft_publish *port)
{
        open_element(nft, port, nft_element_delete);
}

/* ---- The embedded DNS server, in a container's namespace ---- */

static void add_redirect(struct nft *nft, int protocol, uint16_t to)
{
        static const uint8_t server[4] = { 127, 0, 0, 11 };
        struct nft_rule r = nft_rule_begin(nft, "output");
        uint8_t number = (uint8_t)protocol;
        uint16_t domain = htons(53), port = htons(to);

        match_family(&r, NFPROTO_IPV4);
        nft_expr_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, families[0].destination, 4, NFT_REG_1);
        nft_expr_compare(&r, NFT_REG_1, NFT_CMP_EQ, server, sizeof(server));
        nft_expr_meta(&r, NFT_META_L4PROTO, NFT_REG_1);
        nft_expr_compare(&r, NFT_REG_1, NFT_CMP_EQ, &number, sizeof(number));
        nft_expr_payload(&r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1);
        nft_expr_compare(&r, NFT_REG_1, NFT_CMP_EQ, &domain, sizeof(domain));
        nft_expr_value(&r, NFT_REG_1, server, sizeof(server));
        nft_expr_value(&r, NFT_REG_2, &port, sizeof(port));
        nft_expr_dnat(&r, NFPROTO_IPV4, NFT_REG_1, NFT_REG_2);
        nft_rule_end(&r);
}

void nft_dns_redirect(struct nft *nft, uint16_t udp_port, uint16_t tcp_port)
{
        nft_table_delete(nft);
        table_message(nft, NFT_MSG_NEWTABLE, NLM_F_CREATE);
        nft_base_chain_add(nft, "output", "nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST);
        add_redirect(nft, IPPROTO_UDP, udp_port);
        add_redirect(nft, IPPROTO_TCP, tcp_port);
}
