/* The Docker API's Config, HostConfig and NetworkingConfig, bound to JSON: what `POST /containers/create` takes, what a
 * container's config.json keeps, what inspect shows and (Config) what an image's configuration holds. Names, order, and what
 * is null, empty or left out follow `docker inspect` of Docker 28. Zero-initialise; free with json_free_fields(). */
#pragma once

#include "base/json.h"

/* Durations in ns; zero means Docker's default. */
struct health_config {
        char **test; /* {"CMD", …}, {"CMD-SHELL", "line"}, {"NONE"}; NULL or empty: inherited or no check */
        int64_t interval, timeout, start_period, start_interval;
        int retries;
};
extern const struct json_table health_config_table;

struct restart_policy {
        char *name; /* "", "no", "always", "unless-stopped", "on-failure" */
        int maximum_retry_count;
};
extern const struct json_table restart_policy_table;

struct container_config {
        char *hostname, *domainname, *user;
        bool attach_stdin, attach_stdout, attach_stderr;
        char **exposed_ports; /* "80/tcp" */
        bool tty, open_stdin, stdin_once;
        char **env;
        char **cmd;
        struct health_config *healthcheck;
        bool args_escaped;
        char *image;
        char **volumes; /* destinations */
        char *working_dir;
        char **entrypoint;
        bool network_disabled;
        char *mac_address; /* before API 1.44 */
        char **on_build;
        struct strmap labels;
        char *stop_signal;
        int *stop_timeout; /* seconds */
        char **shell;
};
extern const struct json_table container_config_table;

struct port_binding {
        char *host_ip, *host_port;
};
/* {"80/tcp": [{"HostIp": "", "HostPort": "80"}]}, or null for an exposed port that is not published. */
struct port_map_entry {
        char *port;
        struct port_binding *bindings;
        size_t count;
};
extern const struct json_table port_binding_table;

struct log_config {
        char *type;
        struct strmap config;
};

struct device_mapping {
        char *path_on_host, *path_in_container, *cgroup_permissions;
};

struct device_request {
        char *driver;
        int count;
        char **device_ids;
        json_object *capabilities; /* [["gpu"]] */
        struct strmap options;
};

struct weight_device {
        char *path;
        int weight;
};

struct throttle_device {
        char *path;
        uint64_t rate;
};

struct ulimit {
        char *name;
        int64_t hard, soft;
};

struct bind_options {
        char *propagation;
        bool non_recursive, create_mountpoint, read_only_non_recursive, read_only_force_recursive;
};

struct volume_driver_config {
        char *name;
        struct strmap options;
};

struct volume_options {
        bool no_copy;
        struct strmap labels;
        char *subpath;
        struct volume_driver_config *driver_config;
};

struct image_mount_options {
        char *subpath;
};

struct tmpfs_options {
        int64_t size_bytes;
        int mode;
        json_object *options; /* [["exec"], ["size", "1m"]] */
};

struct mount_config {
        char *type, *source, *target;
        bool read_only;
        char *consistency;
        struct bind_options *bind_options;
        struct volume_options *volume_options;
        struct image_mount_options *image_options;
        struct tmpfs_options *tmpfs_options;
};

struct host_config {
        char **binds;
        char *container_id_file;
        struct log_config log_config;
        char *network_mode;
        struct port_map_entry *port_bindings;
        size_t n_port_bindings;
        struct restart_policy restart_policy;
        bool auto_remove;
        char *volume_driver;
        char **volumes_from;
        uint32_t *console_size; /* height, width */
        size_t n_console_size;
        struct strmap annotations;
        char **cap_add, **cap_drop;
        char *cgroupns_mode;
        char **dns, **dns_options, **dns_search, **extra_hosts, **group_add;
        char *ipc_mode, *cgroup;
        char **links;
        int oom_score_adj;
        char *pid_mode;
        bool privileged, publish_all_ports, readonly_rootfs;
        char **security_opt;
        struct strmap storage_opt, tmpfs;
        char *uts_mode, *userns_mode;
        int64_t shm_size;
        struct strmap sysctls;
        char *runtime;
        char *isolation;
        /* Resources */
        int64_t cpu_shares, memory, nano_cpus;
        char *cgroup_parent;
        int blkio_weight;
        struct weight_device *blkio_weight_device;
        size_t n_blkio_weight_device;
        struct throttle_device *blkio_device_read_bps, *blkio_device_write_bps, *blkio_device_read_iops,
            *blkio_device_write_iops;
        size_t n_blkio_device_read_bps, n_blkio_device_write_bps, n_blkio_device_read_iops, n_blkio_device_write_iops;
        int64_t cpu_period, cpu_quota, cpu_realtime_period, cpu_realtime_runtime;
        char *cpuset_cpus, *cpuset_mems;
        struct device_mapping *devices;
        size_t n_devices;
        char **device_cgroup_rules;
        struct device_request *device_requests;
        size_t n_device_requests;
        int64_t kernel_memory_tcp; /* obsolete, refused unless 0 */
        int64_t memory_reservation, memory_swap;
        int64_t *memory_swappiness;
        bool *oom_kill_disable;
        int64_t *pids_limit;
        struct ulimit *ulimits;
        size_t n_ulimits;
        int64_t cpu_count, cpu_percent, io_maximum_iops, io_maximum_bandwidth; /* Windows */
        struct mount_config *mounts;
        size_t n_mounts;
        char **masked_paths, **readonly_paths;
        bool *init;
};
extern const struct json_table host_config_table;

struct endpoint_ipam_config {
        char *ipv4_address, *ipv6_address;
        char **link_local_ips;
};

/* One network of a container: what was asked for, and what it got. */
struct endpoint_settings {
        struct endpoint_ipam_config *ipam_config;
        char **links, **aliases;
        char *mac_address;
        struct strmap driver_opts;
        int gw_priority;
        char *network_id, *endpoint_id, *gateway, *ip_address;
        int ip_prefix_len;
        char *ipv6_gateway, *global_ipv6_address;
        int global_ipv6_prefix_len;
        char **dns_names;
};
extern const struct json_table endpoint_settings_table;

/* An entry of {"bridge": {…}}. */
struct endpoint_entry {
        char *name;
        struct endpoint_settings settings;
};
extern const struct json_table endpoint_entry_table; /* for JSON_MAP */

struct networking_config {
        struct endpoint_entry *endpoints;
        size_t n_endpoints;
};
extern const struct json_table networking_config_table;

/* The resource limits of a HostConfig alone, and its RestartPolicy: the body of POST /containers/ID/update. */
extern const struct json_table update_config_table;
