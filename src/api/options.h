/* davitd's configuration: dockerd's flags and the keys of daemon.json, in one table (options.c). */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "engine/build.h"

#include <stdbool.h>
#include <stdint.h>

#define DAEMON_JSON "/etc/docker/daemon.json"
#define DAEMON_JSON_MAX (1 << 20)

/* Everything that can be set. NULL, 0 and empty lists: the default. Zero-initialise. */
struct daemon_options {
        bool help, version, validate;
        char **hosts;
        char *data_root, *exec_root, *pidfile, *config_file, *group;
        bool debug, live_restore;
        char *log_level;
        char **labels;
        /* Containers' defaults. */
        char *log_driver;
        struct strmap log_opts;
        char *cgroup_parent, *default_runtime, *default_ipc_mode, *default_cgroupns_mode;
        char **exec_opts, **default_ulimits;
        bool init, no_new_privileges;
        char *init_path, *seccomp_profile;
        char **dns, **dns_opts, **dns_search;
        /* The default network. */
        char *bridge, *bip, *bip6, *fixed_cidr, *fixed_cidr_v6, *default_gateway, *default_gateway_v6, *ip;
        char **host_gateway_ips;
        int64_t default_shm_size;
        int64_t mtu;
        bool ipv6, no_icc, no_ip_masq, no_ip_forward;
        char **registry_mirrors, **insecure_registries;
        char *http_proxy, *https_proxy, *no_proxy;
        int64_t max_downloads, max_uploads, max_download_attempts;
        char **pools; /* "base=10.0.0.0/8,size=24" */
        struct build_gc build_gc;
};
void daemon_options_deinit(struct daemon_options *o);
#define cleanup_daemon_options __attribute__((cleanup(daemon_options_deinit)))

/* Flags alone. ERROR_INVALID with dockerd's sentence; ERROR_UNSUPPORTED for what davit has not. `given`
 * (NULL-terminated, owned by the caller) gets the names of the flags that were there. */
int daemon_options_parse_flags(int argc, char *const *argv, struct daemon_options *ret, char ***given,
                               struct error *err);
/* Puts the file's keys into `options`. A key that was also `given` as a flag is an error, as are unknown
 * ones. A missing file is an error only when --config-file named it. */
int daemon_options_read_file(struct daemon_options *options, char *const *given, struct error *err);
/* daemon_options_read_file() on text. */
int daemon_options_parse_file(struct daemon_options *options, char *const *given, const char *text,
                              size_t len, struct error *err);
/* What can be known to be wrong without starting. */
int daemon_options_check(const struct daemon_options *options, struct error *err);
/* --help, to be freed. */
char *daemon_options_usage(void);
