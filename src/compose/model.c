/* The tables of the model. */
#include "compose/attribute.h"

#define ROW(name, type, member, kind, ...)                                                                   \
        {                                                                                                    \
                name, ATTRIBUTE_##kind, offsetof(type, member), 0 __VA_OPT__(| (__VA_ARGS__)), NULL, 0, NULL \
        }
#define STRUCT_ROW(name, type, member, kind, table)                                                          \
        {                                                                                                    \
                name, ATTRIBUTE_##kind, offsetof(type, member), 0, &(table), 0, NULL                         \
        }
#define LIST_ROW(name, type, member, kind, table)                                                            \
        {                                                                                                    \
                name, ATTRIBUTE_##kind, offsetof(type, member), 0, table, offsetof(type, n_##member), NULL   \
        }
#define EXTENSIONS(type)                                                                                     \
        {                                                                                                    \
                "", ATTRIBUTE_EXTENSIONS, offsetof(type, extensions), 0, NULL, 0, NULL                       \
        }
#define TABLE(name, type)                                                                                    \
        static const struct attribute_table name##_table = { sizeof(type), name##_rows,                      \
                                                             ARRAY_SIZE(name##_rows) }
#define PUBLIC_TABLE(name, type)                                                                             \
        const struct attribute_table name##_table = { sizeof(type), name##_rows, ARRAY_SIZE(name##_rows) }

#define T struct compose_ulimit
static const struct attribute ulimit_rows[] = { ROW("soft", T, soft, INT64, ATTRIBUTE_ALWAYS),
                                                ROW("hard", T, hard, INT64, ATTRIBUTE_ALWAYS),
                                                EXTENSIONS(T) };
PUBLIC_TABLE(ulimit, T);
#undef T
#define T struct compose_file_reference
static const struct attribute reference_rows[] = {
        ROW("source", T, source, STRING), ROW("target", T, target, STRING), ROW("uid", T, uid, STRING),
        ROW("gid", T, gid, STRING),       ROW("mode", T, mode, MODE_PTR),   EXTENSIONS(T)
};
TABLE(reference, T);
#undef T
#define T struct compose_build
static const struct attribute build_rows[] = {
        ROW("context", T, context, STRING),
        ROW("dockerfile", T, dockerfile, STRING),
        ROW("dockerfile_inline", T, dockerfile_inline, STRING),
        ROW("entitlements", T, entitlements, STRINGS),
        ROW("args", T, args, ENVIRONMENT),
        ROW("provenance", T, provenance, STRING),
        ROW("sbom", T, sbom, STRING),
        LIST_ROW("ssh", T, ssh, SSH, NULL),
        ROW("labels", T, labels, MAPPING),
        ROW("cache_from", T, cache_from, STRINGS),
        ROW("cache_to", T, cache_to, STRINGS),
        ROW("no_cache", T, no_cache, BOOL),
        ROW("additional_contexts", T, additional_contexts, MAPPING),
        ROW("pull", T, pull, BOOL),
        ROW("extra_hosts", T, extra_hosts, HOSTS),
        ROW("isolation", T, isolation, STRING),
        ROW("network", T, network, STRING),
        ROW("target", T, target, STRING),
        LIST_ROW("secrets", T, secrets, LIST, &reference_table),
        ROW("shm_size", T, shm_size, SIZE),
        ROW("tags", T, tags, STRINGS),
        LIST_ROW("ulimits", T, ulimits, ULIMITS, &ulimit_table),
        ROW("platforms", T, platforms, STRINGS),
        ROW("privileged", T, privileged, BOOL),
        EXTENSIONS(T),
};
TABLE(build, T);
#undef T
#define T struct compose_hook
static const struct attribute hook_rows[] = { ROW("command", T, command, COMMAND, ATTRIBUTE_JSON_ALWAYS),
                                              ROW("user", T, user, STRING),
                                              ROW("privileged", T, privileged, BOOL),
                                              ROW("working_dir", T, working_dir, STRING),
                                              ROW("environment", T, environment, ENVIRONMENT),
                                              EXTENSIONS(T) };
TABLE(hook, T);
#undef T
#define T struct compose_watch
static const struct attribute watch_rows[] = { ROW("path", T, path, STRING, ATTRIBUTE_ALWAYS),
                                               ROW("action", T, action, STRING, ATTRIBUTE_ALWAYS),
                                               ROW("target", T, target, STRING),
                                               STRUCT_ROW("exec", T, exec, STRUCT, hook_table),
                                               ROW("include", T, include, STRINGS),
                                               ROW("ignore", T, ignore, STRINGS),
                                               ROW("initial_sync", T, initial_sync, BOOL),
                                               EXTENSIONS(T) };
TABLE(watch, T);
#undef T
#define T struct compose_develop
static const struct attribute develop_rows[] = { LIST_ROW("watch", T, watch, LIST, &watch_table),
                                                 EXTENSIONS(T) };
TABLE(develop, T);
#undef T
#define T struct compose_weight_device
static const struct attribute weight_device_rows[] = {
        { "path", ATTRIBUTE_STRING, offsetof(T, path), ATTRIBUTE_ALWAYS, NULL, 0, "Path" },
        { "weight", ATTRIBUTE_INT, offsetof(T, weight), ATTRIBUTE_ALWAYS, NULL, 0, "Weight" },
        EXTENSIONS(T),
};
TABLE(weight_device, T);
#undef T
#define T struct compose_throttle_device
static const struct attribute throttle_device_rows[] = {
        { "path", ATTRIBUTE_STRING, offsetof(T, path), ATTRIBUTE_ALWAYS, NULL, 0, "Path" },
        { "rate", ATTRIBUTE_SIZE, offsetof(T, rate), ATTRIBUTE_ALWAYS, NULL, 0, "Rate" },
        EXTENSIONS(T),
};
TABLE(throttle_device, T);
#undef T
#define T struct compose_blkio
static const struct attribute blkio_rows[] = {
        ROW("weight", T, weight, INT),
        LIST_ROW("weight_device", T, weight_device, LIST, &weight_device_table),
        LIST_ROW("device_read_bps", T, device_read_bps, LIST, &throttle_device_table),
        LIST_ROW("device_read_iops", T, device_read_iops, LIST, &throttle_device_table),
        LIST_ROW("device_write_bps", T, device_write_bps, LIST, &throttle_device_table),
        LIST_ROW("device_write_iops", T, device_write_iops, LIST, &throttle_device_table),
        EXTENSIONS(T),
};
TABLE(blkio, T);
#undef T
#define T struct compose_credential_spec
static const struct attribute credential_spec_rows[] = { ROW("config", T, config, STRING),
                                                         ROW("file", T, file, STRING),
                                                         ROW("registry", T, registry, STRING),
                                                         EXTENSIONS(T) };
TABLE(credential_spec, T);
#undef T
#define T struct compose_dependency
static const struct attribute dependency_rows[] = { ROW("condition", T, condition, STRING),
                                                    ROW("restart", T, restart, BOOL),
                                                    ROW("required", T, required, BOOL, ATTRIBUTE_ALWAYS),
                                                    EXTENSIONS(T) };
TABLE(dependency, T);
#undef T
#define T struct compose_device_request
static const struct attribute device_request_rows[] = { ROW("capabilities", T, capabilities, STRINGS),
                                                        ROW("driver", T, driver, STRING),
                                                        ROW("count", T, count, COUNT),
                                                        ROW("device_ids", T, device_ids, STRINGS),
                                                        ROW("options", T, options, MAPPING) };
TABLE(device_request, T);
#undef T
#define T struct compose_generic_resource
static const struct attribute discrete_rows[] = { ROW("kind", T, kind, STRING, ATTRIBUTE_ALWAYS),
                                                  ROW("value", T, value, INT64, ATTRIBUTE_ALWAYS) };
TABLE(discrete, T);
static const struct attribute generic_resource_rows[] = {
        { "discrete_resource_spec", ATTRIBUTE_STRUCT, 0, 0, &discrete_table, 0, NULL },
        EXTENSIONS(T),
};
TABLE(generic_resource, T);
#undef T
#define T struct compose_resource
static const struct attribute resource_rows[] = {
        ROW("cpus", T, cpus, FLOAT),
        ROW("memory", T, memory, SIZE),
        ROW("pids", T, pids, INT64),
        LIST_ROW("devices", T, devices, LIST, &device_request_table),
        LIST_ROW("generic_resources", T, generic_resources, LIST, &generic_resource_table),
        EXTENSIONS(T),
};
TABLE(resource, T);
#undef T
#define T struct compose_resources
static const struct attribute resources_rows[] = {
        STRUCT_ROW("limits", T, limits, STRUCT_PTR, resource_table),
        STRUCT_ROW("reservations", T, reservations, STRUCT_PTR, resource_table),
        EXTENSIONS(T),
};
TABLE(resources, T);
#undef T
#define T struct compose_restart_policy
static const struct attribute restart_policy_rows[] = { ROW("condition", T, condition, STRING),
                                                        ROW("delay", T, delay, DURATION_PTR),
                                                        ROW("max_attempts", T, max_attempts, UINT64_PTR),
                                                        ROW("window", T, window, DURATION_PTR),
                                                        EXTENSIONS(T) };
TABLE(restart_policy, T);
#undef T
#define T struct compose_update_config
static const struct attribute update_config_rows[] = { ROW("parallelism", T, parallelism, UINT64_PTR),
                                                       ROW("delay", T, delay, DURATION),
                                                       ROW("failure_action", T, failure_action, STRING),
                                                       ROW("monitor", T, monitor, DURATION),
                                                       ROW("max_failure_ratio", T, max_failure_ratio, FLOAT),
                                                       ROW("order", T, order, STRING),
                                                       EXTENSIONS(T) };
TABLE(update_config, T);
#undef T
#define T struct compose_placement_preference
static const struct attribute preference_rows[] = { ROW("spread", T, spread, STRING), EXTENSIONS(T) };
TABLE(preference, T);
#undef T
#define T struct compose_placement
static const struct attribute placement_rows[] = {
        ROW("constraints", T, constraints, STRINGS),
        LIST_ROW("preferences", T, preferences, LIST, &preference_table),
        ROW("max_replicas_per_node", T, max_replicas_per_node, UINT64),
        EXTENSIONS(T),
};
TABLE(placement, T);
#undef T
#define T struct compose_deploy
static const struct attribute deploy_rows[] = {
        ROW("mode", T, mode, STRING),
        ROW("replicas", T, replicas, INT_PTR),
        ROW("labels", T, labels, MAPPING),
        STRUCT_ROW("update_config", T, update_config, STRUCT_PTR, update_config_table),
        STRUCT_ROW("rollback_config", T, rollback_config, STRUCT_PTR, update_config_table),
        STRUCT_ROW("resources", T, resources, STRUCT, resources_table),
        STRUCT_ROW("restart_policy", T, restart_policy, STRUCT_PTR, restart_policy_table),
        STRUCT_ROW("placement", T, placement, STRUCT, placement_table),
        ROW("endpoint_mode", T, endpoint_mode, STRING),
        EXTENSIONS(T),
};
TABLE(deploy, T);
#undef T
#define T struct compose_device
static const struct attribute device_rows[] = { ROW("source", T, source, STRING),
                                                ROW("target", T, target, STRING),
                                                ROW("permissions", T, permissions, STRING), EXTENSIONS(T) };
TABLE(device, T);
#undef T
#define T struct compose_env_file
static const struct attribute env_file_rows[] = { ROW("path", T, path, STRING),
                                                  ROW("required", T, required, BOOL, ATTRIBUTE_ALWAYS),
                                                  ROW("format", T, format, STRING) };
TABLE(env_file, T);
#undef T
#define T struct compose_healthcheck
static const struct attribute healthcheck_rows[] = { ROW("test", T, test, TEST),
                                                     ROW("timeout", T, timeout, DURATION_PTR),
                                                     ROW("interval", T, interval, DURATION_PTR),
                                                     ROW("retries", T, retries, UINT64_PTR),
                                                     ROW("start_period", T, start_period, DURATION_PTR),
                                                     ROW("start_interval", T, start_interval, DURATION_PTR),
                                                     ROW("disable", T, disable, BOOL),
                                                     EXTENSIONS(T) };
TABLE(healthcheck, T);
#undef T
#define T struct compose_logging
static const struct attribute logging_rows[] = { ROW("driver", T, driver, STRING),
                                                 ROW("options", T, options, MAPPING), EXTENSIONS(T) };
TABLE(logging, T);
#undef T
#define T struct compose_service_model
static const struct attribute service_model_rows[] = { ROW("endpoint_var", T, endpoint_var, STRING),
                                                       ROW("model_var", T, model_var, STRING),
                                                       EXTENSIONS(T) };
PUBLIC_TABLE(service_model, T);
#undef T
#define T struct compose_service_network
static const struct attribute service_network_rows[] = {
        ROW("aliases", T, aliases, STRINGS),
        ROW("driver_opts", T, driver_opts, MAPPING),
        ROW("gw_priority", T, gw_priority, INT),
        ROW("interface_name", T, interface_name, STRING),
        ROW("ipv4_address", T, ipv4_address, STRING),
        ROW("ipv6_address", T, ipv6_address, STRING),
        ROW("link_local_ips", T, link_local_ips, STRINGS),
        ROW("mac_address", T, mac_address, STRING),
        ROW("priority", T, priority, INT),
        EXTENSIONS(T),
};
PUBLIC_TABLE(service_network, T);
#undef T
#define T struct compose_port
static const struct attribute port_rows[] = { ROW("name", T, name, STRING),
                                              ROW("mode", T, mode, STRING),
                                              ROW("host_ip", T, host_ip, STRING),
                                              ROW("target", T, target, UINT32),
                                              ROW("published", T, published, STRING),
                                              ROW("protocol", T, protocol, STRING),
                                              ROW("app_protocol", T, app_protocol, STRING),
                                              EXTENSIONS(T) };
TABLE(port, T);
#undef T
#define T struct compose_provider
static const struct attribute provider_rows[] = { ROW("type", T, type, STRING),
                                                  LIST_ROW("options", T, options, OPTIONS, NULL),
                                                  EXTENSIONS(T) };
TABLE(provider, T);
#undef T
#define T struct compose_mount_bind
static const struct attribute mount_bind_rows[] = { ROW("selinux", T, selinux, STRING),
                                                    ROW("propagation", T, propagation, STRING),
                                                    ROW("create_host_path", T, create_host_path, BOOL),
                                                    ROW("recursive", T, recursive, STRING), EXTENSIONS(T) };
TABLE(mount_bind, T);
#undef T
#define T struct compose_mount_volume
static const struct attribute mount_volume_rows[] = { ROW("labels", T, labels, MAPPING),
                                                      ROW("nocopy", T, nocopy, BOOL),
                                                      ROW("subpath", T, subpath, STRING), EXTENSIONS(T) };
TABLE(mount_volume, T);
#undef T
#define T struct compose_mount_tmpfs
static const struct attribute mount_tmpfs_rows[] = { ROW("size", T, size, SIZE), ROW("mode", T, mode, UINT32),
                                                     EXTENSIONS(T) };
TABLE(mount_tmpfs, T);
#undef T
#define T struct compose_mount_image
static const struct attribute mount_image_rows[] = { ROW("subpath", T, subpath, STRING), EXTENSIONS(T) };
TABLE(mount_image, T);
#undef T
#define T struct compose_mount
static const struct attribute mount_rows[] = {
        ROW("type", T, type, STRING),
        ROW("source", T, source, STRING),
        ROW("target", T, target, STRING),
        ROW("read_only", T, read_only, BOOL),
        ROW("consistency", T, consistency, STRING),
        STRUCT_ROW("bind", T, bind, STRUCT_PTR, mount_bind_table),
        STRUCT_ROW("volume", T, volume, STRUCT_PTR, mount_volume_table),
        STRUCT_ROW("tmpfs", T, tmpfs, STRUCT_PTR, mount_tmpfs_table),
        STRUCT_ROW("image", T, image, STRUCT_PTR, mount_image_table),
        EXTENSIONS(T),
};
TABLE(mount, T);
#undef T

#define T struct compose_service
static const struct attribute service_rows[] = {
        ROW("profiles", T, profiles, STRINGS),
        ROW("annotations", T, annotations, MAPPING),
        ROW("attach", T, attach, BOOL_PTR),
        STRUCT_ROW("build", T, build, STRUCT_PTR, build_table),
        STRUCT_ROW("develop", T, develop, STRUCT_PTR, develop_table),
        STRUCT_ROW("blkio_config", T, blkio_config, STRUCT_PTR, blkio_table),
        ROW("cap_add", T, cap_add, STRINGS),
        ROW("cap_drop", T, cap_drop, STRINGS),
        ROW("cgroup_parent", T, cgroup_parent, STRING),
        ROW("cgroup", T, cgroup, STRING),
        ROW("cpu_count", T, cpu_count, INT64),
        ROW("cpu_percent", T, cpu_percent, FLOAT),
        ROW("cpu_period", T, cpu_period, INT64),
        ROW("cpu_quota", T, cpu_quota, INT64),
        ROW("cpu_rt_period", T, cpu_rt_period, INT64),
        ROW("cpu_rt_runtime", T, cpu_rt_runtime, INT64),
        ROW("cpus", T, cpus, FLOAT),
        ROW("cpuset", T, cpuset, STRING),
        ROW("cpu_shares", T, cpu_shares, INT64),
        ROW("command", T, command, COMMAND, ATTRIBUTE_JSON_ALWAYS),
        LIST_ROW("configs", T, configs, LIST, &reference_table),
        ROW("container_name", T, container_name, STRING),
        STRUCT_ROW("credential_spec", T, credential_spec, STRUCT_PTR, credential_spec_table),
        LIST_ROW("depends_on", T, depends_on, MAP, &dependency_table),
        STRUCT_ROW("deploy", T, deploy, STRUCT_PTR, deploy_table),
        ROW("device_cgroup_rules", T, device_cgroup_rules, STRINGS),
        LIST_ROW("devices", T, devices, LIST, &device_table),
        ROW("dns", T, dns, STRINGS),
        ROW("dns_opt", T, dns_opt, STRINGS),
        ROW("dns_search", T, dns_search, STRINGS),
        ROW("dockerfile", T, dockerfile, STRING),
        ROW("domainname", T, domainname, STRING),
        ROW("entrypoint", T, entrypoint, COMMAND, ATTRIBUTE_JSON_ALWAYS),
        STRUCT_ROW("provider", T, provider, STRUCT_PTR, provider_table),
        ROW("environment", T, environment, ENVIRONMENT),
        LIST_ROW("env_file", T, env_file, ENV_FILES, &env_file_table),
        ROW("expose", T, expose, STRINGS),
        ROW("external_links", T, external_links, STRINGS),
        ROW("extra_hosts", T, extra_hosts, HOSTS),
        ROW("group_add", T, group_add, STRINGS),
        LIST_ROW("gpus", T, gpus, LIST, &device_request_table),
        ROW("hostname", T, hostname, STRING),
        STRUCT_ROW("healthcheck", T, healthcheck, STRUCT_PTR, healthcheck_table),
        ROW("image", T, image, STRING),
        ROW("init", T, init, BOOL_PTR),
        ROW("ipc", T, ipc, STRING),
        ROW("isolation", T, isolation, STRING),
        ROW("labels", T, labels, MAPPING),
        ROW("label_file", T, label_file, STRINGS),
        ROW("links", T, links, STRINGS),
        STRUCT_ROW("logging", T, logging, STRUCT_PTR, logging_table),
        ROW("log_driver", T, log_driver, STRING),
        ROW("log_opt", T, log_opt, MAPPING),
        ROW("mem_limit", T, mem_limit, SIZE),
        ROW("mem_reservation", T, mem_reservation, SIZE),
        ROW("memswap_limit", T, memswap_limit, SIZE),
        ROW("mem_swappiness", T, mem_swappiness, SIZE),
        ROW("mac_address", T, mac_address, STRING),
        LIST_ROW("models", T, models, MODELS, &service_model_table),
        ROW("net", T, net, STRING),
        ROW("network_mode", T, network_mode, STRING),
        LIST_ROW("networks", T, networks, NETWORKS, &service_network_table),
        ROW("oom_kill_disable", T, oom_kill_disable, BOOL),
        ROW("oom_score_adj", T, oom_score_adj, INT64),
        ROW("pid", T, pid, STRING),
        ROW("pids_limit", T, pids_limit, INT64),
        ROW("platform", T, platform, STRING),
        LIST_ROW("ports", T, ports, LIST, &port_table),
        ROW("privileged", T, privileged, BOOL),
        ROW("pull_policy", T, pull_policy, STRING),
        ROW("read_only", T, read_only, BOOL),
        ROW("restart", T, restart, STRING),
        ROW("runtime", T, runtime, STRING),
        ROW("scale", T, scale, INT_PTR),
        LIST_ROW("secrets", T, secrets, LIST, &reference_table),
        ROW("security_opt", T, security_opt, STRINGS),
        ROW("shm_size", T, shm_size, SIZE),
        ROW("stdin_open", T, stdin_open, BOOL),
        ROW("stop_grace_period", T, stop_grace_period, DURATION_PTR),
        ROW("stop_signal", T, stop_signal, STRING),
        ROW("storage_opt", T, storage_opt, MAPPING),
        ROW("sysctls", T, sysctls, MAPPING),
        ROW("tmpfs", T, tmpfs, STRINGS),
        ROW("tty", T, tty, BOOL),
        LIST_ROW("ulimits", T, ulimits, ULIMITS, &ulimit_table),
        ROW("use_api_socket", T, use_api_socket, BOOL),
        ROW("user", T, user, STRING),
        ROW("userns_mode", T, userns_mode, STRING),
        ROW("uts", T, uts, STRING),
        ROW("volume_driver", T, volume_driver, STRING),
        LIST_ROW("volumes", T, volumes, LIST, &mount_table),
        ROW("volumes_from", T, volumes_from, STRINGS),
        ROW("working_dir", T, working_dir, STRING),
        LIST_ROW("post_start", T, post_start, LIST, &hook_table),
        LIST_ROW("pre_stop", T, pre_stop, LIST, &hook_table),
        EXTENSIONS(T),
};
PUBLIC_TABLE(service, T);
#undef T

#define T struct compose_ipam_pool
static const struct attribute pool_rows[] = {
        ROW("subnet", T, subnet, STRING), ROW("gateway", T, gateway, STRING),
        ROW("ip_range", T, ip_range, STRING), ROW("aux_addresses", T, aux_addresses, MAPPING), EXTENSIONS(T)
};
TABLE(pool, T);
#undef T
#define T struct compose_ipam
static const struct attribute ipam_rows[] = { ROW("driver", T, driver, STRING),
                                              LIST_ROW("config", T, config, LIST, &pool_table),
                                              EXTENSIONS(T) };
TABLE(ipam, T);
#undef T
#define T struct compose_network
static const struct attribute network_rows[] = { ROW("name", T, name, STRING),
                                                 ROW("driver", T, driver, STRING),
                                                 ROW("driver_opts", T, driver_opts, MAPPING),
                                                 STRUCT_ROW("ipam", T, ipam, STRUCT, ipam_table),
                                                 ROW("external", T, external, BOOL),
                                                 ROW("internal", T, internal, BOOL),
                                                 ROW("attachable", T, attachable, BOOL),
                                                 ROW("labels", T, labels, MAPPING),
                                                 ROW("enable_ipv4", T, enable_ipv4, BOOL_PTR),
                                                 ROW("enable_ipv6", T, enable_ipv6, BOOL_PTR),
                                                 EXTENSIONS(T) };
PUBLIC_TABLE(network, T);
#undef T
#define T struct compose_volume
static const struct attribute volume_rows[] = { ROW("name", T, name, STRING),
                                                ROW("driver", T, driver, STRING),
                                                ROW("driver_opts", T, driver_opts, MAPPING),
                                                ROW("external", T, external, BOOL),
                                                ROW("labels", T, labels, MAPPING),
                                                EXTENSIONS(T) };
PUBLIC_TABLE(volume, T);
#undef T
#define T struct compose_file_object
static const struct attribute file_object_rows[] = { ROW("name", T, name, STRING),
                                                     ROW("file", T, file, STRING),
                                                     ROW("environment", T, environment, STRING),
                                                     ROW("content", T, content, STRING),
                                                     ROW("external", T, external, BOOL),
                                                     ROW("labels", T, labels, MAPPING),
                                                     ROW("driver", T, driver, STRING),
                                                     ROW("driver_opts", T, driver_opts, MAPPING),
                                                     ROW("template_driver", T, template_driver, STRING),
                                                     EXTENSIONS(T) };
PUBLIC_TABLE(file_object, T);
#undef T
#define T struct compose_model
static const struct attribute model_rows[] = { ROW("name", T, name, STRING), ROW("model", T, model, STRING),
                                               ROW("context_size", T, context_size, INT),
                                               ROW("runtime_flags", T, runtime_flags, STRINGS),
                                               EXTENSIONS(T) };
PUBLIC_TABLE(model, T);
#undef T
