/* The one nftables table of an engine, spoken to in nf_tables netlink messages of our own (libmnl).
 *
 * Table `inet davit` (for engines with other roots `inet davit-SUFFIX`). Published ports are elements of maps
 * and networks are elements of verdict maps that lead to two small chains each, so publishing a port or
 * adding a network costs the same with one or with thousands. Nothing outside of the table is ever touched.
 *
 *     map publish4 { ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service }   one host address
 *     map publish4any { inet_proto . inet_service : ipv4_addr . inet_service }            0.0.0.0
 *     (publish6, publish6any likewise)
 *     set open4, open6 { ip_addr . inet_proto . inet_service }   ports reached at the container's own address
 *     map forward_in, forward_out { ifname : verdict }   into, out of a network's bridge
 *     map masquerade4, masquerade6 { prefix : verdict }  by a packet's source
 *     set bridges { ifname } */
#pragma once

#include "base/error.h"
#include "network/address.h"

#include <net/if.h>
#include <stddef.h>

struct nft;

int nft_open(const char *table, struct nft **ret, struct error *err);
void nft_close(struct nft *nft); /* NULL is fine */
static inline void cleanup_nft_func(struct nft **nft)
{
        nft_close(*nft);
}
#define cleanup_nft __attribute__((cleanup(cleanup_nft_func)))

/* How a family's addresses of a network are reached from outside: published ports are translated and nothing
 * else gets in; everything gets in; published ports (and ICMP) are reached at the container's own address;
 * not at all, the host has no address there. */
enum gateway_mode { GATEWAY_NAT, GATEWAY_NAT_UNPROTECTED, GATEWAY_ROUTED, GATEWAY_ISOLATED };

struct nft_network {
        char bridge[IFNAMSIZ];
        struct ip_prefix subnets[8]; /* masqueraded when they leave through another interface */
        size_t n_subnets;
        bool masquerade, internal, icc;
        enum gateway_mode modes[2];   /* IPv4's, IPv6's */
        struct ip_address sources[2]; /* what they are masqueraded as; AF_UNSPEC: the interface's address */
        char *const *trusted; /* interfaces from which published ports are reached directly, too; NULL */
};
struct nft_publish {
        struct ip_address host_ip; /* 0.0.0.0 or :: for every address */
        uint16_t host_port;
        int protocol; /* IPPROTO_TCP, _UDP, _SCTP */
        struct ip_address container_ip;
        uint16_t container_port;
};

/* Each is queued; nft_commit() sends everything as one transaction: all or nothing. */
void nft_table_replace(struct nft *nft); /* drops what an earlier engine left, makes table, chains, maps */
void nft_table_delete(struct nft *nft);
void nft_network_add(struct nft *nft, const struct nft_network *network);
void nft_network_remove(struct nft *nft, const struct nft_network *network);
void nft_publish_add(struct nft *nft, const struct nft_publish *port);
void nft_publish_remove(struct nft *nft, const struct nft_publish *port);
/* A container's port that is reached at its own address (GATEWAY_ROUTED, trusted interfaces). */
void nft_open_add(struct nft *nft, const struct nft_publish *port);
void nft_open_remove(struct nft *nft, const struct nft_publish *port);
/* In a container's namespace: port 53 of 127.0.0.11 leads to these ports of it, where the embedded server
 * listens, so that a container may have a server of its own on port 53. Replaces the table. */
void nft_dns_redirect(struct nft *nft, uint16_t udp_port, uint16_t tcp_port);
int nft_commit(struct nft *nft, struct error *err);

/* Whether another's base chain in the forward hook (iptables' FORWARD, firewalld, ufw) has policy drop; gives
 * its table's and chain's names ("ip filter FORWARD"; heap) or NULL. Legacy iptables is not seen. */
int nft_forward_drops(char **ret_chain, struct error *err);
