/* The typed Compose model: what the files of a project say after interpolation, merging, extension,
 * inclusion, normalising and checking. Members stand in the order of the canonical output (project.c binds
 * them by tables).
 *
 * The project owns everything below it; strings and lists are heap memory, so a caller may change a member
 * with replace_string(), strv_append(), strmap_set(). Sequences that the reference keeps as maps (services,
 * networks, …, depends_on) are sorted by name. NULL, an absent list and zero mean "not given" unless a
 * comment says more. Durations are nanoseconds, sizes bytes. */
#pragma once

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* x-… attributes (of a project, a service, …) are kept as they were written: an object, or NULL. */

struct compose_ulimit {
        char *name;
        int64_t single, soft, hard; /* either single, or soft and hard */
        json_object *extensions;
};

/* A grant of a secret or a config to a service (or of a secret to a build). */
struct compose_file_reference {
        char *source, *target, *uid, *gid;
        int64_t *mode; /* permission bits; NULL: the default, 0444 */
        json_object *extensions;
};

struct compose_ssh_key {
        char *id, *path; /* path NULL: the agent */
};

struct compose_build {
        char *context, *dockerfile, *dockerfile_inline;
        char **entitlements;
        struct strmap args; /* a NULL value: taken from the environment, which has none */
        char *provenance, *sbom;
        struct compose_ssh_key *ssh;
        size_t n_ssh;
        struct strmap labels;
        char **cache_from, **cache_to;
        bool no_cache;
        struct strmap additional_contexts;
        bool pull;
        char **extra_hosts; /* "name=address", sorted */
        char *isolation, *network, *target;
        struct compose_file_reference *secrets;
        size_t n_secrets;
        int64_t shm_size;
        char **tags;
        struct compose_ulimit *ulimits;
        size_t n_ulimits;
        char **platforms;
        bool privileged;
        json_object *extensions;
};

/* A command that runs inside a container at some moment of its life. */
struct compose_hook {
        char **command;
        char *user;
        bool privileged;
        char *working_dir;
        struct strmap environment;
        json_object *extensions;
};

struct compose_watch {
        char *path;
        char *action; /* sync, rebuild, restart, sync+restart, sync+exec */
        char *target;
        struct compose_hook exec;
        char **include, **ignore;
        bool initial_sync;
        json_object *extensions;
};

struct compose_develop {
        struct compose_watch *watch;
        size_t n_watch;
        json_object *extensions;
};

struct compose_weight_device {
        char *path;
        int weight;
        json_object *extensions;
};

struct compose_throttle_device {
        char *path;
        int64_t rate;
        json_object *extensions;
};

struct compose_blkio {
        int weight;
        struct compose_weight_device *weight_device;
        size_t n_weight_device;
        struct compose_throttle_device *device_read_bps, *device_read_iops, *device_write_bps,
            *device_write_iops;
        size_t n_device_read_bps, n_device_read_iops, n_device_write_bps, n_device_write_iops;
        json_object *extensions;
};

struct compose_credential_spec {
        char *config, *file, *registry;
        json_object *extensions;
};

struct compose_dependency {
        char *service;
        char *condition; /* service_started, service_healthy, service_completed_successfully */
        bool restart, required;
        json_object *extensions;
};

/* Of `gpus` and of deploy.resources.reservations.devices. */
struct compose_device_request {
        char **capabilities;
        char *driver;
        int64_t count; /* -1: all */
        char **device_ids;
        struct strmap options;
};

struct compose_generic_resource {
        char *kind;
        int64_t value;
        json_object *extensions;
};

struct compose_resource {
        double cpus;
        int64_t memory, pids; /* pids -1: no limit */
        struct compose_device_request *devices;
        size_t n_devices;
        struct compose_generic_resource *generic_resources;
        size_t n_generic_resources;
        json_object *extensions;
};

struct compose_resources {
        struct compose_resource *limits, *reservations;
        json_object *extensions;
};

struct compose_restart_policy {
        char *condition; /* none, on-failure, any */
        int64_t *delay;
        uint64_t *max_attempts;
        int64_t *window;
        json_object *extensions;
};

struct compose_update_config {
        uint64_t *parallelism;
        int64_t delay;
        char *failure_action;
        int64_t monitor;
        double max_failure_ratio;
        char *order;
        json_object *extensions;
};

struct compose_placement_preference {
        char *spread;
        json_object *extensions;
};

struct compose_placement {
        char **constraints;
        struct compose_placement_preference *preferences;
        size_t n_preferences;
        uint64_t max_replicas_per_node;
        json_object *extensions;
};

struct compose_deploy {
        char *mode;
        int *replicas;
        struct strmap labels;
        struct compose_update_config *update_config, *rollback_config;
        struct compose_resources resources;
        struct compose_restart_policy *restart_policy;
        struct compose_placement placement;
        char *endpoint_mode;
        json_object *extensions;
};

struct compose_device {
        char *source, *target, *permissions;
        json_object *extensions;
};

struct compose_env_file {
        char *path;
        bool required;
        char *format;
};

struct compose_healthcheck {
        char **test; /* CMD, CMD-SHELL or NONE and its words */
        int64_t *timeout, *interval;
        uint64_t *retries;
        int64_t *start_period, *start_interval;
        bool disable;
        json_object *extensions;
};

struct compose_logging {
        char *driver;
        struct strmap options;
        json_object *extensions;
};

struct compose_service_model {
        char *name; /* of the project's model */
        char *endpoint_var, *model_var;
        json_object *extensions;
};

/* A service's place on a network. */
struct compose_service_network {
        char *name; /* the key below the project's networks */
        bool given; /* false: the file says nothing about it ("front: null") */
        char **aliases;
        struct strmap driver_opts;
        int gw_priority;
        char *interface_name, *ipv4_address, *ipv6_address;
        char **link_local_ips;
        char *mac_address;
        int priority;
        json_object *extensions;
};

struct compose_port {
        char *name;
        char *mode; /* ingress, host */
        char *host_ip;
        uint32_t target;
        char *published; /* "8080", "8080-8090"; NULL: any free port */
        char *protocol;
        char *app_protocol;
        json_object *extensions;
};

struct compose_provider_option {
        char *name;
        char **values;
};

struct compose_provider {
        char *type;
        struct compose_provider_option *options;
        size_t n_options;
        json_object *extensions;
};

struct compose_mount_bind {
        char *selinux, *propagation;
        bool create_host_path;
        char *recursive;
        json_object *extensions;
};
struct compose_mount_volume {
        struct strmap labels;
        bool nocopy;
        char *subpath;
        json_object *extensions;
};
struct compose_mount_tmpfs {
        int64_t size;
        uint32_t mode;
        json_object *extensions;
};
struct compose_mount_image {
        char *subpath;
        json_object *extensions;
};

/* An entry of a service's `volumes`. */
struct compose_mount {
        char *type;   /* bind, volume, tmpfs, npipe, cluster, image */
        char *source; /* a host path, a key below the project's volumes (NULL: anonymous), an image */
        char *target;
        bool read_only;
        char *consistency;
        struct compose_mount_bind *bind;
        struct compose_mount_volume *volume;
        struct compose_mount_tmpfs *tmpfs;
        struct compose_mount_image *image;
        json_object *extensions;
};

struct compose_service {
        char *name;
        char **profiles;
        struct strmap annotations;
        bool *attach; /* NULL: true */
        struct compose_build *build;
        struct compose_develop *develop;
        struct compose_blkio *blkio_config;
        char **cap_add, **cap_drop;
        char *cgroup_parent, *cgroup;
        int64_t cpu_count;
        double cpu_percent;
        int64_t cpu_period, cpu_quota, cpu_rt_period, cpu_rt_runtime;
        double cpus;
        char *cpuset;
        int64_t cpu_shares;
        char **command; /* NULL: the image's; empty: cleared */
        struct compose_file_reference *configs;
        size_t n_configs;
        char *container_name;
        struct compose_credential_spec *credential_spec;
        struct compose_dependency
            *depends_on; /* with what links, network_mode, ipc, pid, volumes_from imply */
        size_t n_depends_on;
        struct compose_deploy *deploy;
        char **device_cgroup_rules;
        struct compose_device *devices;
        size_t n_devices;
        char **dns, **dns_opt, **dns_search;
        char *dockerfile, *domainname;
        char **entrypoint; /* NULL: the image's; empty: cleared */
        struct compose_provider *provider;
        struct strmap environment; /* with what env_file says; a NULL value: nobody knows it */
        struct compose_env_file *env_file;
        size_t n_env_file;
        char **expose;
        char **external_links;
        char **extra_hosts; /* "name=address", sorted */
        char **group_add;
        struct compose_device_request *gpus;
        size_t n_gpus;
        char *hostname;
        struct compose_healthcheck *healthcheck;
        char *image;
        bool *init;
        char *ipc, *isolation;
        struct strmap labels; /* the files'; not Compose's own */
        char **label_file;
        char **links;
        struct compose_logging *logging;
        char *log_driver;
        struct strmap log_opt;
        int64_t mem_limit, mem_reservation, memswap_limit, mem_swappiness;
        char *mac_address;
        struct compose_service_model *models;
        size_t n_models;
        char *net, *network_mode;
        struct compose_service_network *networks;
        size_t n_networks;
        bool oom_kill_disable;
        int64_t oom_score_adj;
        char *pid;
        int64_t pids_limit;
        char *platform;
        struct compose_port *ports;
        size_t n_ports;
        bool privileged;
        char *pull_policy;
        bool read_only;
        char *restart, *runtime;
        int *scale;
        struct compose_file_reference *secrets;
        size_t n_secrets;
        char **security_opt;
        int64_t shm_size;
        bool stdin_open;
        int64_t *stop_grace_period;
        char *stop_signal;
        struct strmap storage_opt;
        struct strmap sysctls;
        char **tmpfs;
        bool tty;
        struct compose_ulimit *ulimits;
        size_t n_ulimits;
        bool use_api_socket;
        char *user, *userns_mode, *uts, *volume_driver;
        struct compose_mount *volumes;
        size_t n_volumes;
        char **volumes_from;
        char *working_dir;
        struct compose_hook *post_start, *pre_stop;
        size_t n_post_start, n_pre_stop;
        json_object *extensions;
};

struct compose_ipam_pool {
        char *subnet, *gateway, *ip_range;
        struct strmap aux_addresses;
        json_object *extensions;
};

struct compose_ipam {
        char *driver;
        struct compose_ipam_pool *config;
        size_t n_config;
        json_object *extensions;
};

struct compose_network {
        char *key;
        char *name; /* on the engine: PROJECT_KEY unless the file names it */
        char *driver;
        struct strmap driver_opts;
        struct compose_ipam ipam;
        bool external, internal, attachable;
        struct strmap labels;
        bool *enable_ipv4, *enable_ipv6;
        json_object *extensions;
};

struct compose_volume {
        char *key;
        char *name; /* on the engine */
        char *driver;
        struct strmap driver_opts;
        bool external;
        struct strmap labels;
        json_object *extensions;
};

/* A secret or a config: one of file, environment, content, external. */
struct compose_file_object {
        char *key;
        char *name;
        char *file;        /* absolute */
        char *environment; /* a variable's name; `content` holds its value (which is never printed) */
        char *content;
        bool external;
        struct strmap labels;
        char *driver;
        struct strmap driver_opts;
        char *template_driver;
        json_object *extensions;
};

struct compose_model {
        char *key;
        char *name, *model;
        int context_size;
        char **runtime_flags;
        json_object *extensions;
};

struct compose_project {
        char *name;
        char *working_dir;  /* absolute */
        char **files;       /* absolute, as read; "-" is standard input */
        char **env_files;   /* what was given by --env-file or COMPOSE_ENV_FILES, absolute */
        char **environment; /* NAME=value: for interpolation; shell over .env, and COMPOSE_PROJECT_NAME */
        char **profiles;    /* those that are active */
        struct compose_service *services;
        size_t n_services;
        struct compose_service *disabled; /* services whose profiles are not active, or not selected */
        size_t n_disabled;
        struct compose_network *networks;
        size_t n_networks;
        struct compose_volume *volumes;
        size_t n_volumes;
        struct compose_file_object *secrets, *configs;
        size_t n_secrets, n_configs;
        struct compose_model *models;
        size_t n_models;
        json_object *extensions;
};

void compose_project_free(struct compose_project *project);
DEFINE_CLEANUP(struct compose_project *, cleanup_compose_project_func, compose_project_free)
#define cleanup_compose_project __attribute__((cleanup(cleanup_compose_project_func)))

/* NULL when there is none of that name (or key). */
struct compose_service *compose_project_service(const struct compose_project *project, const char *name);
struct compose_service *compose_project_disabled(const struct compose_project *project, const char *name);
struct compose_network *compose_project_network(const struct compose_project *project, const char *key);
struct compose_volume *compose_project_volume(const struct compose_project *project, const char *key);
struct compose_file_object *compose_project_secret(const struct compose_project *project, const char *key);
struct compose_file_object *compose_project_config(const struct compose_project *project, const char *key);

/* Activates the profiles of the services in `names` (those that are disabled), and with them every service
 * that has one of these profiles. NULL or an empty list does nothing. An unknown name is ignored: selecting
 * complains. */
void compose_project_enable(struct compose_project *project, char *const *names);

enum compose_dependencies {
        COMPOSE_WITH_DEPENDENCIES,
        COMPOSE_WITH_DEPENDENTS,
        COMPOSE_WITHOUT_DEPENDENCIES,
};
/* Keeps the services in `names` (shell patterns work) and what `dependencies` says; the others move to
 * `disabled`, and the kept no longer depend on them. NULL or an empty list keeps all. ERROR_NOT_FOUND "no
 * such service: X". */
int compose_project_select(struct compose_project *project, char *const *names,
                           enum compose_dependencies dependencies, struct error *err);
/* Moves these services to `disabled`, and no service depends on them any more. */
void compose_project_disable(struct compose_project *project, char *const *names);
/* Drops networks, volumes, secrets, configs and models that no active service refers to. */
void compose_project_drop_unused(struct compose_project *project);
/* Fills the services' environment from their env_file (which is emptied when `discard`) and the project's
 * environment: what compose_load() leaves out when told (no_env_resolution). */
int compose_project_resolve_environment(struct compose_project *project, bool discard, struct error *err);

/* A deep copy into zeroed `out`; freed by the second. */
void compose_service_copy(const struct compose_service *service, struct compose_service *out);
void compose_service_deinit(struct compose_service *service);
/* Where a service is run how many times: scale, else deploy.replicas, else 1. */
int compose_service_scale(const struct compose_service *service);
void compose_service_set_scale(struct compose_service *service, int scale);
/* The image's name: `image`, or the project's and the service's name joined by `separator` ("-"; "_" with
 * --compatibility). Heap. */
char *compose_service_image(const struct compose_project *project, const struct compose_service *service,
                            const char *separator);
struct compose_dependency *compose_service_dependency(const struct compose_service *service,
                                                      const char *name);
/* Its networks from high to low priority, then by name: the first is where the container is created. Pointers
 * into the service; the array is heap. */
struct compose_service_network **compose_service_networks(const struct compose_service *service);

/* What com.docker.compose.config-hash holds: 64 hexadecimal digits, the same as Docker Compose's. */
#define COMPOSE_HASH_LENGTH 64
void compose_service_hash(const struct compose_service *service, char ret[COMPOSE_HASH_LENGTH + 1]);
void compose_network_hash(const struct compose_network *network, char ret[COMPOSE_HASH_LENGTH + 1]);
void compose_volume_hash(const struct compose_volume *volume, char ret[COMPOSE_HASH_LENGTH + 1]);

/* The canonical model as `config` prints it (without doubling of dollars); heap. */
char *compose_project_yaml(const struct compose_project *project);
char *compose_project_json(const struct compose_project *project);
