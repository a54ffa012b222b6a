#pragma once

#include "network/nftables.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>

/* Numbers of nft's data types, which the kernel only keeps for those who list the table. */
enum {
        NFT_TYPE_IPV4 = 7,
        NFT_TYPE_IPV6 = 8,
        NFT_TYPE_PROTOCOL = 12,
        NFT_TYPE_SERVICE = 13,
        NFT_TYPE_IFNAME = 41,
        NFT_TYPE_BITS = 6, /* of each part of a concatenation */
};

struct nft {
        struct mnl_socket *socket;
        char *table;
        uint32_t sequence, first, next_set_id;
        char *queue;
        size_t queue_len, queue_room;
        size_t last; /* offset of the last message */
        size_t n_messages;
};

/* Begins a message of the batch with the table's name in attribute 1, as all of ours have it. It may grow to
 * NFT_MESSAGE_ROOM bytes. */
#define NFT_MESSAGE_ROOM 4096
struct nlmsghdr *nft_message_begin(struct nft *nft, int type, uint16_t flags);
void nft_message_end(struct nft *nft, const struct nlmsghdr *message);

/* ---- Objects ---- */
void nft_chain_add(struct nft *nft, const char *name);
/* A base chain: `type` "filter" or "nat", policy accept. */
void nft_base_chain_add(struct nft *nft, const char *name, const char *type, int hook, int priority);
void nft_chain_delete(struct nft *nft, const char *name); /* with its rules */

struct nft_set_shape {
        const char *name;
        uint32_t key_type, key_len;
        uint32_t data_type, data_len; /* a map's; 0: a set */
        uint32_t flags;
};
void nft_set_add(struct nft *nft, const struct nft_set_shape *shape);

struct nft_element {
        const char *set;
        const void *key;
        size_t key_len;
        const void *data; /* or */
        size_t data_len;
        const char *jump; /* a chain */
        bool interval_end;
};
void nft_element_add(struct nft *nft, const struct nft_element *element);
void nft_element_delete(struct nft *nft, const struct nft_element *element);

/* ---- Rules: begin, expressions in order, end ---- */
struct nft_rule {
        struct nft *nft;
        struct nlmsghdr *message;
        struct nlattr *expressions;
};
struct nft_rule nft_rule_begin(struct nft *nft, const char *chain);
void nft_rule_end(struct nft_rule *rule);
void nft_expr_meta(struct nft_rule *r, uint32_t key, uint32_t reg);
void nft_expr_ct(struct nft_rule *r, uint32_t key, uint32_t reg);
void nft_expr_fib_daddr_type(struct nft_rule *r, uint32_t reg);
void nft_expr_payload(struct nft_rule *r, uint32_t base, uint32_t offset, uint32_t len, uint32_t reg);
void nft_expr_compare(struct nft_rule *r, uint32_t reg, uint32_t op, const void *data, size_t len);
void nft_expr_mask(struct nft_rule *r, uint32_t reg, const void *mask, size_t len);
/* A set: matches. A map: gives the data in `dreg`. A verdict map (dreg NFT_REG_VERDICT): takes it. */
void nft_expr_lookup(struct nft_rule *r, const char *set, uint32_t sreg, uint32_t dreg, bool map);
void nft_expr_dnat(struct nft_rule *r, int family, uint32_t address_reg, uint32_t port_reg);
void nft_expr_snat(struct nft_rule *r, int family, uint32_t address_reg);
void nft_expr_value(struct nft_rule *r, uint32_t reg, const void *data, size_t len);
void nft_expr_masquerade(struct nft_rule *r);
void nft_expr_verdict(struct nft_rule *r, int verdict, const char *chain);
