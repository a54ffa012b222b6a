/* Networks: records in the database, their bridges and rules in the kernel, and what a container needs of
 * them:
 *
 *     create   network_container_create()   checks the request and records the wanted endpoints
 *     start    network_container_start()    namespace, addresses, published ports, files in CONTAINER_DIR
 *     exit     network_container_stop()     gives ports and addresses back
 *     remove   network_container_remove()   forgets the endpoints
 *
 * All calls are thread-safe. Errors are Docker's sentences with their kinds. */
#pragma once

#include "base/filters.h"
#include "base/json.h"
#include "network/address.h"
#include "oci/container-config.h"
#include "shim/config.h"

#include <sys/types.h>

struct database;
struct event_log;
struct ipam_pool;
struct networks;

/* davitd's flags. Strings are copied; zero or NULL is the default. */
struct network_options {
        const char
            *exec_root; /* names of bridges and of the nftables table depend on it unless it is the default */
        const char *bridge; /* --bridge: "none" for no default network */
        const char *bip;    /* --bip: 172.17.0.1/16 */
        const char *bip6;   /* --bip6 with --ipv6 */
        const char *fixed_cidr, *fixed_cidr6;
        const char *default_gateway, *default_gateway6;
        unsigned mtu; /* --mtu */
        const struct ipam_pool *pools;
        size_t n_pools;
        bool ipv6;                     /* --ipv6: the default bridge, too */
        bool no_icc;                   /* --icc=false */
        bool no_masquerade;            /* --ip-masq=false */
        bool no_forward;               /* --ip-forward=false */
        const char *default_ip;        /* --ip: where ports are published unless told, 0.0.0.0 */
        char *const *host_gateway_ips; /* --host-gateway-ip */
        char *const *dns, *const *dns_search,
                              *const *dns_options; /* --dns…: for containers without their own */
};

/* The words of --default-address-pool: "base=10.0.0.0/8,size=24"; the caller frees *ret. */
int network_pools_parse(char *const *texts, struct ipam_pool **ret, size_t *ret_count, struct error *err);

/* What networks need of a running container; given by the engine. ERROR_CONFLICT when it is not running. */
struct network_hooks {
        /* A descriptor of its network namespace: another container joins, or `network connect` is called. */
        int (*netns)(void *engine, const char *container_id, struct error *err);
        /* Its shim gets other published ports, a DNS server: shim/client.h. */
        int (*ports)(void *engine, const char *container_id, const struct shim_port *ports, size_t count,
                     const int *fds, struct error *err);
        int (*dns)(void *engine, const char *container_id, const char *directory, const int fds[2],
                   struct error *err);
};

/* Opens the records, makes what is missing in the kernel (bridges, table) and clears what a dead engine left.
 * `live` are the ids of containers whose shims run: endpoints of others lose address and ports (it is
 * network_recover() as well). The default bridge is set up at once; user bridges, too. */
int networks_open(struct database *db, struct event_log *events, const struct network_options *options,
                  char *const *live, struct networks **ret, struct error *err);
/* Leaves the kernel's state as it is: containers run on. */
void networks_close(struct networks *nets);
void networks_set_engine(struct networks *nets, void *engine, const struct network_hooks *hooks);
/* What the log and `docker info` shall say (e.g. that the host's forward chain drops); NULL-terminated, ours.
 */
char *const *networks_warnings(struct networks *nets);

/* ---- Containers ---- */

/* A container that another links to on the default bridge (--link NAME:ALIAS). */
struct network_link {
        const char *id, *name, *alias, *hostname;
        char *const *env, *const *exposed_ports;
};

/* A container as networks see it. */
struct network_member {
        const char *id, *name; /* name without the slash */
        const char *dir; /* CONTAINER_DIR, absolute: hosts, hostname and resolv.conf are written there */
        const struct container_config *config;
        const struct host_config *host;
        const struct network_link *links; /* for a start; else NULL */
        size_t n_links;
};

/* What can't be asked for together with container:X; of the request alone, before an image's configuration is
 * merged in and before X is looked up. */
int network_mode_check(const struct container_config *config, const struct host_config *host,
                       struct error *err);
/* Checks ports, addresses, aliases, dns, extra hosts and records endpoints. `networking` may be NULL.
 * `host->network_mode` is normalised in place ("" and "default" become "bridge"; container:NAME is the
 * engine's to resolve before). Warnings ("Published ports are discarded when using host network mode") are
 * appended. */
int network_container_create(struct networks *nets, const struct network_member *member,
                             const struct networking_config *networking, char ***warnings, struct error *err);

/* The result of a start; network_start_deinit() closes descriptors (the kernel's state stays until
 * network_container_stop()). */
struct network_start {
        int netns;   /* to be entered; -1: the host's (network_mode host) */
        bool joined; /* the namespace is another container's (container:X) */
        struct shim_port *ports;
        int *port_fds;
        size_t n_ports;
        char **env; /* of legacy links */
        /* The embedded DNS server's sockets and its files, on user-defined networks; -1 and NULL without. */
        int dns_fds[2];
        char *dns_directory;
};
#define NETWORK_START_NONE ((struct network_start){ .netns = -1, .dns_fds = { -1, -1 } })
/* Errors begin with "failed to set up container networking: " where Docker's do. On failure nothing is left.
 */
int network_container_start(struct networks *nets, const struct network_member *member,
                            struct network_start *ret, struct error *err);
void network_start_deinit(struct network_start *start);
#define cleanup_network_start __attribute__((cleanup(network_start_deinit)))
/* Idempotent. Called when the shim has ended or a start failed. */
void network_container_stop(struct networks *nets, const char *container_id);
void network_container_remove(struct networks *nets, const char *container_id);
/* The container that `link` leads to has started again: its address in the hosts file of the one that links
 * to it, which runs in `container_dir`. */
int network_link_moved(struct networks *nets, const char *container_dir, const struct network_link *link,
                       struct error *err);
void network_container_rename(struct networks *nets, const char *container_id, const char *name);

/* Forgets all containers but these: those that were removed when the last engine died. */
void networks_keep(struct networks *nets, char *const *container_ids);

/* Fills zeroed `ret` (free with json_free_fields(&network_settings_table, …)) for inspect and ps. */
struct network_settings {
        char *bridge, *sandbox_id, *sandbox_key;
        struct port_map_entry *ports; /* {"80/tcp": null | [{HostIp, HostPort}]} */
        size_t n_ports;
        bool hairpin_mode;
        char *link_local_ipv6_address;
        int link_local_ipv6_prefix_len;
        char **secondary_ip_addresses, **secondary_ipv6_addresses;
        char *endpoint_id, *gateway, *global_ipv6_address;
        int global_ipv6_prefix_len;
        char *ip_address;
        int ip_prefix_len;
        char *ipv6_gateway, *mac_address;
        struct endpoint_entry *networks;
        size_t n_networks;
};
extern const struct json_table network_settings_table;
int network_container_settings(struct networks *nets, const struct network_member *member,
                               struct network_settings *ret, struct error *err);

/* ---- The API's /networks ---- */

/* All answer with json-c trees, ready to print. `name` is a name, an id or the unique beginning of one. */
int network_create(struct networks *nets, json_object *request, json_object **ret, struct error *err);
int network_inspect(struct networks *nets, const char *name, json_object **ret, struct error *err);
int network_list(struct networks *nets, const struct filters *filters, json_object **ret, struct error *err);
int network_remove(struct networks *nets, const char *name, struct error *err);
int network_prune(struct networks *nets, const struct filters *filters, json_object **ret, struct error *err);
/* `settings` (EndpointSettings) may be NULL. */
int network_connect(struct networks *nets, const char *name, const struct network_member *member,
                    const struct endpoint_settings *settings, struct error *err);
/* `member` NULL: a container that the engine doesn't know any more; `force` drops its endpoint. */
int network_disconnect(struct networks *nets, const char *name, const struct network_member *member,
                       const char *container, bool force, struct error *err);
