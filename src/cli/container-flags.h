/* The flags of run and create, and what they mean as the API's create request. */
#pragma once

#include "cli/command.h"
#include "oci/container-config.h"

struct container_flags {
        char **add_host, **annotation, **attach, **blkio_weight_device, **cap_add, **cap_drop, **device,
            **device_cgroup_rule;
        char **device_read_bps, **device_read_iops, **device_write_bps, **device_write_iops, **dns,
            **dns_option, **dns_search;
        char **env, **env_file, **expose, **group_add, **label, **label_file, **link, **link_local_ip,
            **log_opt, **mount, **network;
        char **network_alias, **publish, **security_opt, **storage_opt, **sysctl, **tmpfs, **ulimit, **volume,
            **volumes_from;
        char *cgroup_parent, *cgroupns, *cidfile, *cpuset_cpus, *cpuset_mems, *detach_keys, *domainname,
            *entrypoint, *gpus;
        char *health_cmd, *hostname, *ip, *ip6, *ipc, *isolation, *log_driver, *mac_address, *name, *pid,
            *platform, *pull, *restart;
        char *runtime, *stop_signal, *user, *userns, *uts, *volume_driver, *workdir;
        int64_t blkio_weight, cpu_period, cpu_quota, cpu_rt_period, cpu_rt_runtime, cpu_shares, cpus,
            health_interval, health_retries;
        int64_t health_start_interval, health_start_period, health_timeout, kernel_memory, memory,
            memory_reservation, memory_swap;
        int64_t memory_swappiness, oom_score_adj, pids_limit, shm_size, stop_timeout;
        bool detach, disable_content_trust, help, init, interactive, no_healthcheck, oom_kill_disable,
            privileged, publish_all, quiet;
        bool read_only, rm, sig_proxy, tty, use_api_socket;
        int64_t windows; /* what only Windows containers have: refused, never used */
};

/* run has all of create's and three more. */
#define N_CREATE_OPTIONS 103
#define N_RUN_OPTIONS (N_CREATE_OPTIONS + 3)
extern const struct option run_options[N_RUN_OPTIONS], create_options[N_CREATE_OPTIONS];

struct container_spec_request {
        struct container_config config;
        struct host_config host;
        struct networking_config networking;
};
/* call->args are IMAGE [COMMAND ARG…]. */
int container_flags_request(struct invocation *call, struct container_spec_request *ret, struct error *err);
json_object *container_request_json(const struct container_spec_request *r);
void container_spec_request_deinit(struct container_spec_request *r);

/* ---- Grammars that others use too ---- */
/* Lines of an env file appended to `list`; "docker:"-less errors as Docker's. */
int env_file_read(const char *path, bool is_env, char ***list, struct error *err);
/* "NAME" takes its value from our environment; without one it is left as a name alone. */
void env_add(char ***list, const char *text);
int check_env(const char *value, struct error *err);
int check_label(const char *value, struct error *err);
