/* Links, addresses, routes: rtnetlink through libmnl. A socket belongs to the network namespace of the thread
 * that opened it, for ever. Changes are collected and sent in one write: rtnl_commit() waits for all their
 * answers. */
#pragma once

#include "base/error.h"
#include "network/address.h"

#include <net/if.h>
#include <stddef.h>

struct rtnl;

int rtnl_open(struct rtnl **ret, struct error *err);
void rtnl_close(struct rtnl *rtnl); /* NULL is fine */
static inline void cleanup_rtnl_func(struct rtnl **rtnl)
{
        rtnl_close(*rtnl);
}
#define cleanup_rtnl __attribute__((cleanup(cleanup_rtnl_func)))

/* ---- Changes: queued ---- */

struct rtnl_veth {
        const char *name; /* on our side */
        int master;       /* bridge to put it into, 0: none */
        const char *peer_name;
        int peer_netns; /* descriptor of the namespace in which the other end is made */
        uint8_t peer_mac[6];
        unsigned mtu; /* 0: the kernel's */
        /* Of the bridge's port: packets may go back out of it (needed where bridged packets pass the IP
         * rules: bridge-nf-call-iptables); ports don't talk to each other. */
        bool hairpin, isolated;
};
void rtnl_bridge_add(struct rtnl *rtnl, const char *name, const uint8_t mac[6], unsigned mtu);
void rtnl_veth_add(struct rtnl *rtnl, const struct rtnl_veth *veth);
/* A macvlan or ipvlan interface in a container. */
struct rtnl_vlan {
        const char *kind; /* "macvlan", "ipvlan" */
        int mode, flag;   /* the kernel's numbers; `flag` of ipvlan */
        int parent;
        const char *name;
        int netns;
        uint8_t mac[6]; /* of macvlan */
        unsigned mtu;   /* 0: the parent's */
};
void rtnl_vlan_add(struct rtnl *rtnl, const struct rtnl_vlan *vlan);
void rtnl_dummy_add(struct rtnl *rtnl, const char *name); /* up */
/* An interface for the frames of a parent that have the tag (802.1Q); up. */
void rtnl_tagged_add(struct rtnl *rtnl, const char *name, int parent, uint16_t tag);
void rtnl_link_up(struct rtnl *rtnl, int index, const char *name); /* index 0: by name; so for those below */
void rtnl_link_down(struct rtnl *rtnl, const char *name);
void rtnl_link_rename(struct rtnl *rtnl, int index, const char *name);
void rtnl_link_delete(struct rtnl *rtnl, const char *name);
void rtnl_address_add(struct rtnl *rtnl, int index, const struct ip_prefix *address);
void rtnl_address_delete(struct rtnl *rtnl, int index, const struct ip_prefix *address);
/* `destination` with length 0 is the default route; `gateway` may be NULL (a route on the link). */
void rtnl_route_add(struct rtnl *rtnl, int index, const struct ip_prefix *destination,
                    const struct ip_address *gateway);
void rtnl_route_delete(struct rtnl *rtnl, int index, const struct ip_prefix *destination);

/* Sends what is queued; the first refusal becomes the error ("create veth davit1234: …"), the rest was still
 * tried. The queue is empty afterwards. The error's errnum is the kernel's. */
int rtnl_commit(struct rtnl *rtnl, struct error *err);

/* ---- Questions ---- */

struct rtnl_link {
        int index, master;
        unsigned mtu, flags;
        char name[IFNAMSIZ];
        char kind[16]; /* "bridge", "veth", …; "" */
        uint8_t mac[6];
};
/* Returns 1 and the link, 0 if there is none of that name. */
int rtnl_link_find(struct rtnl *rtnl, const char *name, struct rtnl_link *ret, struct error *err);
int rtnl_links(struct rtnl *rtnl, struct rtnl_link **ret, size_t *ret_count, struct error *err);

struct rtnl_route {
        struct ip_prefix destination; /* length 0: default */
        struct ip_address gateway;    /* AF_UNSPEC: none */
        int index;
        uint32_t priority;
};
/* The main table's unicast routes of both families. */
int rtnl_routes(struct rtnl *rtnl, struct rtnl_route **ret, size_t *ret_count, struct error *err);

struct rtnl_interface_address {
        struct ip_prefix address;
        int index;
};
int rtnl_addresses(struct rtnl *rtnl, struct rtnl_interface_address **ret, size_t *ret_count,
                   struct error *err);

/* The parsers behind the questions, for one netlink message of a dump (fuzzed): 1 filled, 0 not of interest.
 */
struct nlmsghdr;
int rtnl_parse_link(const struct nlmsghdr *message, struct rtnl_link *ret);
int rtnl_parse_route(const struct nlmsghdr *message, struct rtnl_route *ret);
int rtnl_parse_address(const struct nlmsghdr *message, struct rtnl_interface_address *ret);
