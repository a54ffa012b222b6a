/* nf_tables objects and expressions as netlink attributes (linux/netfilter/nf_tables.h). */
#include "network/nftables-internal.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <string.h>

static void put_be32(struct nlmsghdr *message, uint16_t type, uint32_t value)
{
        mnl_attr_put_u32(message, type, htonl(value));
}

void nft_chain_add(struct nft *nft, const char *name)
{
        struct nlmsghdr *m = nft_message_begin(nft, NFT_MSG_NEWCHAIN, NLM_F_CREATE);

        mnl_attr_put_strz(m, NFTA_CHAIN_NAME, name);
        nft_message_end(nft, m);
}

void nft_base_chain_add(struct nft *nft, const char *name, const char *type, int hook, int priority)
{
        struct nlmsghdr *m = nft_message_begin(nft, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
        struct nlattr *nest;

        mnl_attr_put_strz(m, NFTA_CHAIN_NAME, name);
        nest = mnl_attr_nest_start(m, NFTA_CHAIN_HOOK);
        put_be32(m, NFTA_HOOK_HOOKNUM, (uint32_t)hook);
        put_be32(m, NFTA_HOOK_PRIORITY, (uint32_t)priority);
        mnl_attr_nest_end(m, nest);
        put_be32(m, NFTA_CHAIN_POLICY, NF_ACCEPT);
        mnl_attr_put_strz(m, NFTA_CHAIN_TYPE, type);
        nft_message_end(nft, m);
}

void nft_chain_delete(struct nft *nft, const char *name)
{
        struct nlmsghdr *m = nft_message_begin(nft, NFT_MSG_DELRULE, 0);

        mnl_attr_put_strz(m, NFTA_RULE_CHAIN, name);
        nft_message_end(nft, m);
        m = nft_message_begin(nft, NFT_MSG_DELCHAIN, 0);
        mnl_attr_put_strz(m, NFTA_CHAIN_NAME, name);
        nft_message_end(nft, m);
}

void nft_set_add(struct nft *nft, const struct nft_set_shape *shape)
{
        static const struct {
                uint8_t type, len;
                uint32_t value;
        } __attribute__((packed)) byte_order = { 0, sizeof(uint32_t), 1 };
        struct nlmsghdr *m = nft_message_begin(nft, NFT_MSG_NEWSET, NLM_F_CREATE);

        mnl_attr_put_strz(m, NFTA_SET_NAME, shape->name);
        put_be32(m, NFTA_SET_ID, ++nft->next_set_id);
        put_be32(m, NFTA_SET_FLAGS, shape->flags | (shape->data_len || shape->data_type ? NFT_SET_MAP : 0));
        put_be32(m, NFTA_SET_KEY_TYPE, shape->key_type);
        put_be32(m, NFTA_SET_KEY_LEN, shape->key_len);
        if (shape->data_type) {
                put_be32(m, NFTA_SET_DATA_TYPE, shape->data_type);
                put_be32(m, NFTA_SET_DATA_LEN, shape->data_len);
        }
        /* For `nft list`: names of interfaces are in the host's byte order. */
        if (shape->key_type == NFT_TYPE_IFNAME)
                mnl_attr_put(m, NFTA_SET_USERDATA, sizeof(byte_order), &byte_order);
        nft_message_end(nft, m);
}

static void put_value(struct nlmsghdr *m, uint16_t type, const void *data, size_t len)
{
        struct nlattr *nest = mnl_attr_nest_start(m, type);

        mnl_attr_put(m, NFTA_DATA_VALUE, len, data);
        mnl_attr_nest_end(m, nest);
}

static void put_verdict(struct nlmsghdr *m, uint16_t type, int verdict, const char *chain)
{
        struct nlattr *outer = mnl_attr_nest_start(m, type);
        struct nlattr *nest = mnl_attr_nest_start(m, NFTA_DATA_VERDICT);

        put_be32(m, NFTA_VERDICT_CODE, (uint32_t)verdict);
        if (chain)
                mnl_attr_put_strz(m, NFTA_VERDICT_CHAIN, chain);
        mnl_attr_nest_end(m, nest);
        mnl_attr_nest_end(m, outer);
}

static void element_message(struct nft *nft, int type, uint16_t flags, const struct nft_element *e)
{
        struct nlmsghdr *m = nft_message_begin(nft, type, flags);
        struct nlattr *list, *nest;

        mnl_attr_put_strz(m, NFTA_SET_ELEM_LIST_SET, e->set);
        list = mnl_attr_nest_start(m, NFTA_SET_ELEM_LIST_ELEMENTS);
        nest = mnl_attr_nest_start(m, NFTA_LIST_ELEM);
        put_value(m, NFTA_SET_ELEM_KEY, e->key, e->key_len);
        if (e->interval_end)
                put_be32(m, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
        else if (e->jump)
                put_verdict(m, NFTA_SET_ELEM_DATA, NFT_JUMP, e->jump);
        else if (e->data)
                put_value(m, NFTA_SET_ELEM_DATA, e->data, e->data_len);
        mnl_attr_nest_end(m, nest);
        mnl_attr_nest_end(m, list);
        nft_message_end(nft, m);
}

void nft_element_add(struct nft *nft, const struct nft_element *element)
{
        element_message(nft, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, element);
}

void nft_element_delete(struct nft *nft, const struct nft_element *element)
{
        element_message(nft, NFT_MSG_DELSETELEM, 0, element);
}

struct nft_rule nft_rule_begin(struct nft *nft, const char *chain)
{
        struct nft_rule r = { .nft = nft };

        r.message = nft_message_begin(nft, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
        mnl_attr_put_strz(r.message, NFTA_RULE_CHAIN, chain);
        r.expressions = mnl_attr_nest_start(r.message, NFTA_RULE_EXPRESSIONS);
        return r;
}

void nft_rule_end(struct nft_rule *rule)
{
        mnl_attr_nest_end(rule->message, rule->expressions);
        nft_message_end(rule->nft, rule->message);
}

struct expr {
        struct nlmsghdr *m;
        struct nlattr *outer, *data;
};

static struct expr expr_begin(struct nft_rule *r, const char *name)
{
        struct expr e = { .m = r->message };

        e.outer = mnl_attr_nest_start(e.m, NFTA_LIST_ELEM);
        mnl_attr_put_strz(e.m, NFTA_EXPR_NAME, name);
        e.data = mnl_attr_nest_start(e.m, NFTA_EXPR_DATA);
        return e;
}

static void expr_end(struct expr *e)
{
        mnl_attr_nest_end(e->m, e->data);
        mnl_attr_nest_end(e->m, e->outer);
}

void nft_expr_meta(struct nft_rule *r, uint32_t key, uint32_t reg)
{
        struct expr e = expr_begin(r, "meta");

        put_be32(e.m, NFTA_META_KEY, key);
        put_be32(e.m, NFTA_META_DREG, reg);
        expr_end(&e);
}

void nft_expr_ct(struct nft_rule *r, uint32_t key, uint32_t reg)
{
        struct expr e = expr_begin(r, "ct");

        put_be32(e.m, NFTA_CT_KEY, key);
        put_be32(e.m, NFTA_CT_DREG, reg);
        expr_end(&e);
}

void nft_expr_fib_daddr_type(struct nft_rule *r, uint32_t reg)
{
        struct expr e = expr_begin(r, "fib");

        put_be32(e.m, NFTA_FIB_DREG, reg);
        put_be32(e.m, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
        put_be32(e.m, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
        expr_end(&e);
}

void nft_expr_payload(struct nft_rule *r, uint32_t base, uint32_t offset, uint32_t len, uint32_t reg)
{
        struct expr e = expr_begin(r, "payload");

        put_be32(e.m, NFTA_PAYLOAD_DREG, reg);
        put_be32(e.m, NFTA_PAYLOAD_BASE, base);
        put_be32(e.m, NFTA_PAYLOAD_OFFSET, offset);
        put_be32(e.m, NFTA_PAYLOAD_LEN, len);
        expr_end(&e);
}

void nft_expr_compare(struct nft_rule *r, uint32_t reg, uint32_t op, const void *data, size_t len)
{
        struct expr e = expr_begin(r, "cmp");

        put_be32(e.m, NFTA_CMP_SREG, reg);
        put_be32(e.m, NFTA_CMP_OP, op);
        put_value(e.m, NFTA_CMP_DATA, data, len);
        expr_end(&e);
}

void nft_expr_mask(struct nft_rule *r, uint32_t reg, const void *mask, size_t len)
{
        static const uint8_t zero[16];
        struct expr e = expr_begin(r, "bitwise");

        put_be32(e.m, NFTA_BITWISE_SREG, reg);
        put_be32(e.m, NFTA_BITWISE_DREG, reg);
        put_be32(e.m, NFTA_BITWISE_LEN, (uint32_t)len);
        put_value(e.m, NFTA_BITWISE_MASK, mask, len);
        put_value(e.m, NFTA_BITWISE_XOR, zero, len);
        expr_end(&e);
}

void nft_expr_lookup(struct nft_rule *r, const char *set, uint32_t sreg, uint32_t dreg, bool map)
{
        struct expr e = expr_begin(r, "lookup");

        mnl_attr_put_strz(e.m, NFTA_LOOKUP_SET, set);
        put_be32(e.m, NFTA_LOOKUP_SREG, sreg);
        if (map)
                put_be32(e.m, NFTA_LOOKUP_DREG, dreg);
        expr_end(&e);
}

void nft_expr_dnat(struct nft_rule *r, int family, uint32_t address_reg, uint32_t port_reg)
{
        struct expr e = expr_begin(r, "nat");

        put_be32(e.m, NFTA_NAT_TYPE, NFT_NAT_DNAT);
        put_be32(e.m, NFTA_NAT_FAMILY, (uint32_t)family);
        put_be32(e.m, NFTA_NAT_REG_ADDR_MIN, address_reg);
        put_be32(e.m, NFTA_NAT_REG_PROTO_MIN, port_reg);
        expr_end(&e);
}

void nft_expr_snat(struct nft_rule *r, int family, uint32_t address_reg)
{
        struct expr e = expr_begin(r, "nat");

        put_be32(e.m, NFTA_NAT_TYPE, NFT_NAT_SNAT);
        put_be32(e.m, NFTA_NAT_FAMILY, (uint32_t)family);
        put_be32(e.m, NFTA_NAT_REG_ADDR_MIN, address_reg);
        expr_end(&e);
}

void nft_expr_value(struct nft_rule *r, uint32_t reg, const void *data, size_t len)
{
        struct expr e = expr_begin(r, "immediate");

        put_be32(e.m, NFTA_IMMEDIATE_DREG, reg);
        put_value(e.m, NFTA_IMMEDIATE_DATA, data, len);
        expr_end(&e);
}

void nft_expr_masquerade(struct nft_rule *r)
{
        struct expr e = expr_begin(r, "masq");

        expr_end(&e);
}

void nft_expr_verdict(struct nft_rule *r, int verdict, const char *chain)
{
        struct expr e = expr_begin(r, "immediate");

        put_be32(e.m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        put_verdict(e.m, NFTA_IMMEDIATE_DATA, verdict, chain);
        expr_end(&e);
}
