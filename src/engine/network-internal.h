/* What the files engine/network-*.c share. Everything is in memory, guarded by one lock, and written through
 * to the database: tables networks (a record's JSON), network_members (a container: name, state of its
 * sandbox) and network_endpoints (what a container wants of a network, and what it got). */
#pragma once

#include "engine/network.h"
#include "network/ipam.h"
#include "network/nftables.h"
#include "network/reaper.h"
#include "network/rtnetlink.h"
#include "network/sandbox.h"

#include <pthread.h>

#define OPTION_BRIDGE_NAME "com.docker.network.bridge.name"
#define OPTION_DEFAULT_BRIDGE "com.docker.network.bridge.default_bridge"
#define OPTION_ICC "com.docker.network.bridge.enable_icc"
#define OPTION_MASQUERADE "com.docker.network.bridge.enable_ip_masquerade"
#define OPTION_HOST_BINDING "com.docker.network.bridge.host_binding_ipv4"
#define OPTION_INHIBIT_IPV4 "com.docker.network.bridge.inhibit_ipv4"
#define OPTION_GATEWAY_MODE "com.docker.network.bridge.gateway_mode_ipv4"
#define OPTION_GATEWAY_MODE6 "com.docker.network.bridge.gateway_mode_ipv6"
#define OPTION_TRUSTED "com.docker.network.bridge.trusted_host_interfaces"
#define OPTION_HOST_IPV4 "com.docker.network.host_ipv4"
#define OPTION_HOST_IPV6 "com.docker.network.host_ipv6"
#define OPTION_MTU "com.docker.network.driver.mtu"
#define OPTION_SYSCTLS "com.docker.network.endpoint.sysctls"
#define OPTION_INTERFACE "com.docker.network.endpoint.ifname"
#define OPTION_PREFIX "com.docker.network.container_iface_prefix"

/* One entry of IPAM.Config as it was asked for; what was chosen by us is marked. */
struct network_subnet {
        char *subnet, *ip_range, *gateway;
        struct strmap aux;
        bool gateway_chosen; /* not shown by inspect when the subnet was given */
        bool subnet_chosen;
};
/* The same, parsed. */
struct network_range {
        struct ip_prefix subnet, range;
        struct ip_address gateway;
        struct ip_address *aux;
        size_t n_aux;
        bool chosen;
};

struct endpoint;

struct network_record {
        char *name, *id;
        int64_t created;
        char *driver; /* "bridge", "host", "null", "macvlan", "ipvlan" */
        bool ipv4, ipv6, internal, attachable;
        bool config_only;  /* kept for others to be made from */
        char *config_from; /* the network that this was made from, NULL */
        bool parent_made;  /* macvlan, ipvlan: their parent interface was made by us and goes with them */
        char *ipam_driver; /* "default", "null": no addresses */
        struct strmap ipam_options, options, labels;
        struct network_subnet *subnets;
        size_t n_subnets;
        bool predefined;

        /* Made from the above by network_record_complete(). */
        struct network_range *ranges; /* as subnets */
        char bridge[IFNAMSIZ];
        unsigned mtu;
        bool icc, masquerade, inhibit_ipv4;
        enum gateway_mode modes[2];     /* IPv4's, IPv6's */
        struct ip_address sources[2];   /* what leaves is masqueraded as */
        char **trusted;                 /* host interfaces, NULL */
        struct ip_address host_binding; /* where ports are published unless told */
        const char *kind;               /* of interfaces: "veth", "macvlan", "ipvlan"; NULL: none */
        int mode, flag;                 /* of macvlan and ipvlan: the kernel's numbers */
        int master;                     /* index of the bridge or the parent */
};

struct endpoint {
        char *network;                     /* name, as asked for until the network is known */
        struct endpoint_settings settings; /* as inspect shows it */
        char *wanted_mac;                  /* settings.mac_address is the one in use */
        bool attached;
        char *host_name, *interface;
        struct ip_address addresses[2]; /* IPv4, IPv6; AF_UNSPEC: none */
};

struct network_member_state {
        char *id, *name;
        char *sandbox_id; /* "" or NULL: not running */
        struct endpoint *endpoints;
        size_t n_endpoints;
        struct shim_port *ports; /* published while running */
        size_t n_ports;
};

struct networks {
        pthread_mutex_t lock;
        struct database *db;
        struct event_log *events;
        void *engine;
        struct network_hooks hooks;

        /* Options, owned. */
        char *exec_root, *suffix; /* suffix: "" for the default exec root, else six hex digits */
        bool no_default, no_forward, no_masquerade, no_icc, default_ipv6;
        char *bip, *bip6, *fixed_cidr, *fixed_cidr6, *default_gateway, *default_gateway6, *bridge;
        unsigned mtu;
        struct ipam_pool *pools;
        size_t n_pools;
        struct ip_address default_ip;
        char **host_gateway_ips, **dns, **dns_search, **dns_options;

        struct rtnl *rtnl;
        struct nft *nft;
        struct sandbox_pool *sandboxes;
        struct link_reaper *reaper;
        char **warnings;
        uint16_t next_port; /* where the search for a dynamic port goes on */

        struct network_record **records; /* sorted by creation */
        size_t n_records;
        struct network_member_state **members; /* sorted by id */
        size_t n_members;
};

/* ---- network-record.c: records in memory and database. With `lock` held, as everything below. ---- */
struct network_record *network_find_exact(struct networks *nets, const char *name_or_id);
/* Name, id, or unique prefix of an id; ERROR_NOT_FOUND "network X not found". */
int network_find(struct networks *nets, const char *reference, struct network_record **ret,
                 struct error *err);
int network_records_load(struct networks *nets, struct error *err);
/* Adds a complete record and writes it; consumes it on success. */
int network_record_insert(struct networks *nets, struct network_record *record, struct error *err);
int network_record_delete(struct networks *nets, struct network_record *record, struct error *err);
void network_record_free(struct network_record *record);
bool network_record_same(const struct network_record *a, const struct network_record *b);
/* Parses subnets and options into the second half of the record. ERROR_INVALID for bad ones. */
int network_record_complete(struct networks *nets, struct network_record *record, struct error *err);
char *network_random_id(void); /* 64 hex digits; heap */
DEFINE_CLEANUP(struct network_record *, cleanup_network_record_func, network_record_free)
#define cleanup_network_record __attribute__((cleanup(cleanup_network_record_func)))

/* ---- network-member.c: containers in memory and database ---- */
int network_members_load(struct networks *nets, struct error *err);
struct network_member_state *network_member_find(struct networks *nets, const char *id);
/* Made when missing. */
struct network_member_state *network_member_get(struct networks *nets, const char *id, const char *name);
/* Writes all of a member; `durable`: what was asked for, as opposed to the state of a run. */
int network_member_save(struct networks *nets, struct network_member_state *m, bool durable,
                        struct error *err);
void network_member_delete(struct networks *nets, struct network_member_state *m);
void network_member_free(struct network_member_state *m);
struct endpoint *network_member_endpoint(struct network_member_state *m, const struct network_record *record,
                                         const char *name);
void endpoint_deinit(struct endpoint *e);
void network_member_drop_endpoint(struct network_member_state *m, struct endpoint *e);
void shim_ports_free(struct shim_port *ports, size_t count);
void shim_port_copy(const struct shim_port *from, struct shim_port *to);

/* ---- network-bridge.c: a network in the kernel ---- */
int network_up(struct networks *nets, struct network_record *record, struct error *err);
void network_down(struct networks *nets, struct network_record *record);
/* Sets `parent_made` where network_up() would make the parent interface. */
int network_parent_check(struct networks *nets, struct network_record *record, struct error *err);
void network_nft(const struct network_record *record, struct nft_network *ret);
/* Prefixes that a new network must not overlap. */
int network_taken_prefixes(struct networks *nets, bool host_too, struct ip_prefix **ret, size_t *ret_count,
                           struct error *err);
/* Everything after a start of davitd: bridges, rules, live ports; drops what is left of dead containers. */
int network_recover(struct networks *nets, char *const *live, struct error *err);

/* ---- network-endpoint.c ---- */
/* What may be asked of a network; `record` NULL: not known yet. `config` may be NULL. */
int endpoint_check(const struct network_record *record, const struct endpoint_settings *settings,
                   struct error *err);
/* Takes addresses, makes the interface and fills the settings. On failure nothing is left. */
int endpoint_attach(struct networks *nets, struct network_member_state *m, struct endpoint *e,
                    const struct network_member *member, struct sandbox *sandbox, struct error *err);
/* Gives address and interface back; `sandbox` NULL: from the host's side. */
void endpoint_detach(struct networks *nets, const struct network_member_state *m, struct endpoint *e);
/* The endpoint that gives the default routes, or NULL. */
struct endpoint *member_gateway_endpoint(struct networks *nets, struct network_member_state *m, int family);
int member_update_gateways(struct networks *nets, struct network_member_state *m, struct sandbox *sandbox,
                           struct error *err);
/* ---- network-container.c ---- */
/* What is wanted of a network; `settings` and `mac` may be NULL. */
void member_add_endpoint(struct network_member_state *m, const char *name,
                         const struct endpoint_settings *settings, const char *mac);

void network_event(struct networks *nets, const struct network_record *record, const char *action,
                   const char *container_id);

/* ---- network-publish.c ---- */
int ports_check(const struct container_config *config, const struct host_config *host, struct error *err);
/* Finds host ports, binds them and makes the rules. */
int ports_publish(struct networks *nets, struct network_member_state *m, const struct network_member *member,
                  int **ret_fds, struct error *err);
void ports_unpublish(struct networks *nets, struct network_member_state *m);
/* The rules of these ports, for the next nft_commit(). */
void ports_queue_rules(struct networks *nets, const struct shim_port *ports, size_t count, bool remove);
/* What the shim is told: the ports that have a socket. `fds` are those of ports_publish(), one for each port
 * of the member, -1 where there is none; consumed. */
void ports_for_shim(const struct network_member_state *m, int *fds, struct shim_port **ret_ports,
                    int **ret_fds, size_t *ret_count);
/* The way out of a running container is another one now: its ports follow. */
int ports_move(struct networks *nets, struct network_member_state *m, const struct network_member *member,
               struct error *err);

/* ---- network-link.c ---- */
/* All that a container links to on the default bridge runs there. */
int network_links_check(struct networks *nets, struct network_member_state *m,
                        const struct network_member *member, struct error *err);
void network_links_hosts(struct networks *nets, struct network_member_state *m,
                         const struct network_member *member, struct strbuf *b);
void network_links_env(struct networks *nets, struct network_member_state *m,
                       const struct network_member *member, char ***env);

/* ---- network-hosts.c ---- */
char *network_hosts_make(struct networks *nets, struct network_member_state *m,
                         const struct network_member *member);
/* The container's own line for an endpoint comes or goes. */
int network_hosts_endpoint(const struct network_member *member, const struct endpoint *e, bool add,
                           struct error *err);
int network_hosts_link(const char *container_dir, const char *address, const char *names, struct error *err);
/* "NAME:ADDRESS" of ExtraHosts; the address may be in brackets. */
int network_extra_host_split(const char *text, char **ret_name, char **ret_address, struct error *err);
/* In place: a running container has the file itself mounted. */
int network_file_write(int dirfd, const char *name, const char *text, struct error *err);

/* ---- network-files.c ---- */
int network_files_check(const struct host_config *host, struct error *err);
int network_files_write(struct networks *nets, struct network_member_state *m,
                        const struct network_member *member, struct error *err);
int network_resolv_conf_write(struct networks *nets, struct network_member_state *m,
                              const struct network_member *member, struct error *err);
/* Pure parts (fuzzed, tested). */
/* resolv.conf for a container. `host_text` is the host's; `internal`: the embedded server is asked. */
struct resolv_conf_request {
        const char *host_text, *host_path;
        char *const *dns, *const *search, *const *options; /* NULL or empty: the host's */
        bool internal, keep_loopback, ipv6;
};
char *resolv_conf_make(const struct resolv_conf_request *request);

/* ---- network-dns.c ---- */
int dns_files_write(struct networks *nets, struct network_member_state *m, const struct host_config *host,
                    struct error *err);
/* Is it on a user-defined network, where names are answered? */
bool member_has_names(struct networks *nets, const struct network_member_state *m);
/* Does the running container have a DNS server? */
bool dns_files_there(struct networks *nets, const struct network_member_state *m);
void dns_files_rename(struct networks *nets, struct network_member_state *m);
/* Before the endpoint is detached. */
void dns_files_remove_endpoint(struct networks *nets, const struct network_member_state *m,
                               const struct endpoint *e);
/* A running container has left a network. */
void dns_files_leave(struct networks *nets, const struct network_member_state *m, const char *network_id);
void dns_files_remove(struct networks *nets, const struct network_member_state *m);
void dns_files_remove_network(struct networks *nets, const struct network_record *r);
