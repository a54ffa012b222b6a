/* Network namespaces of containers, held as descriptors only: no name and no mount anywhere.
 *
 * Making one takes milliseconds (the kernel sets up a whole stack), so that a thread keeps a few ready:
 * loopback up, unprivileged ports and ping allowed as Docker does, and a netlink socket inside. */
#pragma once

#include "base/error.h"
#include "network/address.h"
#include "network/interface-sysctl.h"

#include <net/if.h>
#include <stddef.h>

struct rtnl;
struct sandbox_pool;

struct sandbox {
        int netns;         /* descriptor */
        struct rtnl *rtnl; /* speaks inside of it */
};
void sandbox_deinit(struct sandbox *s);
#define cleanup_sandbox __attribute__((cleanup(sandbox_deinit)))
#define SANDBOX_NONE ((struct sandbox){ .netns = -1 })

/* Keeps `spare` namespaces ready; 0 makes each when it is asked for. */
int sandbox_pool_new(unsigned spare, struct sandbox_pool **ret, struct error *err);
void sandbox_pool_free(struct sandbox_pool *pool); /* NULL is fine */
int sandbox_take(struct sandbox_pool *pool, struct sandbox *ret, struct error *err);
/* A running container's namespace; `netns` is duplicated. */
int sandbox_open(int netns, struct sandbox *ret, struct error *err);

/* An interface in a sandbox. */
struct sandbox_interface {
        char host_name[IFNAMSIZ]; /* our end of the veth pair; "" for macvlan and ipvlan */
        char name[IFNAMSIZ];      /* "eth0" */
        const char *kind;         /* "veth", "macvlan", "ipvlan" */
        int mode, flag;           /* of macvlan, ipvlan: rtnetlink.h */
        int master;               /* index of the bridge, or of the parent */
        uint8_t mac[6];
        unsigned mtu;
        bool hairpin, isolated; /* of the bridge's port: rtnetlink.h */
        struct ip_prefix addresses[8];
        size_t n_addresses;
        struct ip_address gateways[2]; /* default routes by this interface: AF_UNSPEC for none */
        bool on_link[2];               /* default routes without a gateway (ipvlan's layer 3) */
        struct interface_sysctls sysctls;
};
/* `host` is a socket in the host's namespace. On failure nothing is left. */
int sandbox_attach(struct sandbox *s, struct rtnl *host, const struct sandbox_interface *iface,
                   struct error *err);
int sandbox_detach(struct sandbox *s, const char *name, struct error *err);
/* Replaces the default routes: IPv4's by the interface `four`, IPv6's by `six` (NULL: none). */
int sandbox_set_gateways(struct sandbox *s, const char *four, const char *six,
                         const struct ip_address gateways[2], struct error *err);
/* The first of PREFIX0, PREFIX1, … that is free ("eth"). */
int sandbox_free_name(struct sandbox *s, const char *prefix, char ret[IFNAMSIZ], struct error *err);
/* Sockets for the embedded DNS server, UDP and listening TCP, bound inside to 127.0.0.11 and reached by its
 * port 53. */
int sandbox_dns_open(struct sandbox *s, int ret_fds[2], struct error *err);
/* Runs `body` on a thread inside the namespace (for /proc/sys/net). */
int sandbox_run(int netns, int (*body)(void *arg, struct error *err), void *arg, struct error *err);
