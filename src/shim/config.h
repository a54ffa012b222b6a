/* What a shim is told about its container: CONTAINER_DIR/bundle/shim.json, written by davitd before each start.
 *
 * The container itself is described by the OCI spec beside it (CONTAINER_DIR/bundle/config.json); this is what the OCI
 * spec has no word for. `--init` is no business of the shim: davitd puts davit-init into the spec (a bind mount and the
 * first argument). The console size of a tty is the spec's process.consoleSize.
 *
 * Descriptors that the shim inherits (shim_spawn() in client.h arranges them):
 *   0, 1      /dev/null
 *   2         /dev/null, or davitd's own diagnostics when it was started with --debug
 *   3         the listening control socket, EXEC_ROOT/containers/ID/ctl.sock
 *   4         the container's network namespace if `has_netns`, else unused
 *   5, 6, …   the bound host port sockets, one for each of `ports`
 *   behind    the DNS server's UDP and TCP socket, if `dns_directory`
 * (shim_ports() and shim_dns() in client.h bring others later.) */
#pragma once

#include "base/error.h"
#include "base/json.h"
#include "oci/container-config.h"

#define SHIM_FD_CONTROL 3
#define SHIM_FD_NETNS 4
#define SHIM_FD_PORTS 5

/* A published port. The socket is bound by davitd (and listens, if `relay` and tcp); packets normally go by nftables. */
struct shim_port {
        char *host_ip;
        int host_port;
        char *protocol; /* "tcp", "udp", "sctp" */
        char *container_ip;
        int container_port;
        bool relay; /* tcp: the shim accepts connections and passes them on inside the container's netns */
        bool direct; /* davitd's: reached at the container's own address, too (without a host port: only so) */
};
extern const struct json_table shim_port_table;

struct shim_config {
        char *id;
        char *name; /* without the slash */

        /* The root file system: overlay of `lowers` (topmost first) with `upper` and `work`, or a plain directory. */
        char *rootfs; /* used when `lowers` is NULL */
        char **lowers;
        char *upper, *work;

        bool tty, open_stdin, stdin_once;

        char *log_driver; /* "json-file", "local", "none", "syslog", "journald" */
        struct strmap log_options;
        struct strmap log_attributes; /* from labels=, env=, …; log_describe() in log-options.h makes them */
        char *log_tag;                /* expanded; as above */
        char *log_path;               /* json-file: CONTAINER_DIR/ID-json.log; local: …/local-logs/container.log */

        struct restart_policy restart;
        struct health_config health;
        char **health_shell; /* for CMD-SHELL: the image's SHELL, else NULL for {"/bin/sh", "-c"} */
        int stop_signal;     /* 0: SIGTERM */
        char **group_add;    /* --group-add: an exec with a user of its own gets them, too */
        bool auto_remove;

        char *seccomp_cache; /* a compiled filter's file (see runtime), or NULL */
        char *image_name; /* for the journal */

        bool has_netns;
        struct shim_port *ports;
        size_t n_ports;
        char *dns_directory; /* EXEC_ROOT/networks: the shim answers names (network/dns.h); NULL: it doesn't */
};

extern const struct json_table shim_config_table;

/* Reads and checks CONTAINER_DIR/bundle/shim.json. `config` is zeroed by the caller; shim_config_deinit() frees it. */
int shim_config_load(int container_dirfd, struct shim_config *config, struct error *err);
/* Writes it, replacing what was there. */
int shim_config_save(int container_dirfd, const struct shim_config *config, struct error *err);
void shim_config_deinit(struct shim_config *config);
#define cleanup_shim_config __attribute__((cleanup(shim_config_deinit)))
