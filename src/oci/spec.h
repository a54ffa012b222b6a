/* The OCI runtime specification 1.2 for Linux (config.json), bound to JSON: parse with json_bind_text(&oci_spec_table, …),
 * print with json_unbind(), free with json_free_fields(). Field names are the specification's; see its config.md and
 * config-linux.md for their meaning. Absent optional numbers are NULL. */
#pragma once

#include "base/json.h"

struct oci_box {
        uint32_t height, width;
};

struct oci_user {
        uint32_t uid, gid;
        int64_t *umask;
        uint32_t *additional_gids;
        size_t n_additional_gids;
};

struct oci_rlimit {
        char *type; /* "RLIMIT_NOFILE" */
        uint64_t soft, hard;
};

/* Names with or without CAP_. NULL lists are empty sets. */
struct oci_capabilities {
        char **bounding, **effective, **inheritable, **permitted, **ambient;
};

struct oci_scheduler {
        char *policy; /* "SCHED_OTHER" */
        int nice, priority;
        char **flags;
        uint64_t runtime, deadline, period;
};

struct oci_io_priority {
        char *class_name; /* "IOPRIO_CLASS_BE" */
        int priority;
};

struct oci_cpu_affinity {
        char *initial, *final;
};

struct oci_process {
        bool terminal;
        struct oci_box *console_size;
        struct oci_user user;
        char **args;
        char **env;
        char *cwd;
        struct oci_capabilities *capabilities;
        struct oci_rlimit *rlimits;
        size_t n_rlimits;
        bool no_new_privileges;
        char *apparmor_profile;
        char *selinux_label;
        int *oom_score_adj;
        struct oci_scheduler *scheduler;
        struct oci_io_priority *io_priority;
        struct oci_cpu_affinity *exec_cpu_affinity;
};

struct oci_root {
        char *path;
        bool readonly;
};

struct oci_id_mapping {
        uint32_t container_id, host_id, size;
};

struct oci_mount {
        char *destination, *type, *source;
        /* Of davit's own ("davitSourceRoot"): `source` is a path inside of this folder, and may not lead out of it
         * (RESOLVE_BENEATH) - the subpath of a volume whose content others may be changing just now. */
        char *source_root;
        char **options;
        struct oci_id_mapping *uid_mappings, *gid_mappings;
        size_t n_uid_mappings, n_gid_mappings;
};

struct oci_hook {
        char *path;
        char **args, **env;
        int *timeout; /* seconds */
};

struct oci_hooks {
        struct oci_hook *prestart, *create_runtime, *create_container, *start_container, *poststart, *poststop;
        size_t n_prestart, n_create_runtime, n_create_container, n_start_container, n_poststart, n_poststop;
};

struct oci_namespace {
        char *type; /* "pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time" */
        char *path; /* NULL or "": a new one */
};

struct oci_device {
        char *path, *type; /* "c", "b", "u", "p" */
        int64_t major, minor;
        int64_t *file_mode, *uid, *gid;
};

struct oci_device_rule {
        bool allow;
        char *type; /* "a", "c", "b"; NULL is "a" */
        int64_t *major, *minor; /* NULL or -1: all */
        char *access; /* "rwm" */
};

struct oci_memory {
        int64_t *limit, *reservation, *swap, *kernel, *kernel_tcp, *swappiness;
        bool *disable_oom_killer, *use_hierarchy, *check_before_update;
};

struct oci_cpu {
        int64_t *shares, *quota, *burst, *period, *realtime_runtime, *realtime_period;
        char *cpus, *mems;
        int64_t *idle;
};

struct oci_pids {
        int64_t *limit;
};

struct oci_weight_device {
        int64_t major, minor;
        int64_t *weight, *leaf_weight;
};

struct oci_throttle_device {
        int64_t major, minor;
        uint64_t rate;
};

struct oci_block_io {
        int64_t *weight, *leaf_weight;
        struct oci_weight_device *weight_device;
        struct oci_throttle_device *read_bps, *write_bps, *read_iops, *write_iops;
        size_t n_weight_device, n_read_bps, n_write_bps, n_read_iops, n_write_iops;
};

struct oci_hugepage_limit {
        char *page_size; /* "2MB" */
        uint64_t limit;
};

struct oci_interface_priority {
        char *name;
        uint32_t priority;
};

struct oci_network {
        int64_t *class_id;
        struct oci_interface_priority *priorities;
        size_t n_priorities;
};

struct oci_rdma {
        char *key; /* device */
        int64_t *hca_handles, *hca_objects;
};

struct oci_resources {
        struct oci_device_rule *devices;
        struct oci_memory *memory;
        struct oci_cpu *cpu;
        struct oci_pids *pids;
        struct oci_block_io *block_io;
        struct oci_hugepage_limit *hugepage_limits;
        struct oci_network *network;
        struct oci_rdma *rdma;
        struct strmap unified;
        size_t n_devices, n_hugepage_limits, n_rdma;
};

struct oci_seccomp_arg {
        uint32_t index;
        uint64_t value, value_two;
        char *op; /* "SCMP_CMP_EQ" */
};

struct oci_syscall {
        char **names;
        char *action; /* "SCMP_ACT_ALLOW" */
        int64_t *errno_ret;
        struct oci_seccomp_arg *args;
        size_t n_args;
};

struct oci_seccomp {
        char *default_action;
        int64_t *default_errno_ret;
        char **architectures; /* "SCMP_ARCH_X86_64" */
        char **flags;         /* "SECCOMP_FILTER_FLAG_LOG" */
        char *listener_path, *listener_metadata;
        struct oci_syscall *syscalls;
        size_t n_syscalls;
};

struct oci_intel_rdt {
        char *clos_id;
        char **schemata;
        char *l3_cache_schema, *mem_bw_schema;
};

struct oci_personality {
        char *domain; /* "LINUX", "LINUX32" */
        char **flags;
};

struct oci_time_offset {
        char *key; /* "monotonic", "boottime" */
        int64_t secs;
        uint32_t nanosecs;
};

/* The member "linux" of config.json ("linux" itself is a macro in GNU C). */
struct oci_linux {
        struct oci_id_mapping *uid_mappings, *gid_mappings;
        struct strmap sysctl;
        struct oci_resources *resources;
        char *cgroups_path;
        struct oci_namespace *namespaces;
        struct oci_device *devices;
        struct oci_seccomp *seccomp;
        char *rootfs_propagation;
        char **masked_paths, **readonly_paths;
        char *mount_label;
        struct oci_intel_rdt *intel_rdt;
        struct oci_personality *personality;
        struct oci_time_offset *time_offsets;
        size_t n_uid_mappings, n_gid_mappings, n_namespaces, n_devices, n_time_offsets;
};

struct oci_spec {
        char *oci_version;
        struct oci_process *process;
        struct oci_root *root;
        char *hostname, *domainname;
        struct oci_mount *mounts;
        size_t n_mounts;
        struct oci_hooks *hooks;
        struct strmap annotations;
        struct oci_linux *linux_config;
};

extern const struct json_table oci_spec_table;
extern const struct json_table oci_process_table; /* `exec --process FILE` */
extern const struct json_table oci_resources_table; /* `update --resources FILE` */
extern const struct json_table oci_seccomp_table;
extern const struct json_table oci_capabilities_table;

#define OCI_SPEC_VERSION "1.2.1"
/* Most bytes of a config.json that is read. */
#define OCI_SPEC_MAX (16 << 20)

/* Frees what `spec` holds. */
void oci_spec_deinit(struct oci_spec *spec);
#define cleanup_oci_spec __attribute__((cleanup(oci_spec_deinit)))

/* The namespace of that type ("pid"), or NULL. */
const struct oci_namespace *oci_spec_namespace(const struct oci_spec *spec, const char *type);
