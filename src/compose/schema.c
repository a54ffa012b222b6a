#include "compose/schema.h"
#include "base/mem.h"

#define SCHEMA(...) (&(const struct schema){ __VA_ARGS__ })
#define ONE_OF(...)                                                                                          \
        .one_of = (const struct schema *const[])                                                             \
        {                                                                                                    \
                __VA_ARGS__, NULL                                                                            \
        }
#define STRINGS(...)                                                                                         \
        (const char *const[])                                                                                \
        {                                                                                                    \
                __VA_ARGS__, NULL                                                                            \
        }
#define NUMBER(n)                                                                                            \
        (const long[])                                                                                       \
        {                                                                                                    \
                n                                                                                            \
        }
#define PROPERTIES(table)                                                                                    \
        .types = SCHEMA_MAPPING, .properties = table, .n_properties = ARRAY_SIZE(table), .closed = true
/* A mapping of these attributes and x-…. */
#define OBJECT(table) SCHEMA(PROPERTIES(table), .extensible = true)
#define LIST_OF(schema) SCHEMA(.types = SCHEMA_ARRAY, .items = (schema))

#define TEXT (&text)
#define FLAG (&flag)
#define NUMERIC (&numeric)
#define WHOLE (&whole)

static const struct schema text = { .types = SCHEMA_STRING },
                           flag = { .types = SCHEMA_BOOLEAN | SCHEMA_STRING },
                           numeric = { .types = SCHEMA_NUMBER | SCHEMA_STRING },
                           whole = { .types = SCHEMA_INTEGER | SCHEMA_STRING },
                           text_list = { .types = SCHEMA_ARRAY, .items = TEXT },
                           unique_list = { .types = SCHEMA_ARRAY, .items = TEXT, .unique = true };

static const struct schema text_or_list = { ONE_OF(TEXT, &unique_list) };
static const struct schema text_or_any_list = { ONE_OF(TEXT, &text_list) };
static const struct schema command = { ONE_OF(SCHEMA(.types = SCHEMA_NULL), TEXT, &text_list) };
static const struct schema list_or_map = { ONE_OF(
    SCHEMA(.types = SCHEMA_MAPPING, .keys = SCHEMA_ANY_KEY, .closed = true,
           .values = SCHEMA(.types = SCHEMA_STRING | SCHEMA_NUMBER | SCHEMA_BOOLEAN | SCHEMA_NULL)),
    &unique_list) };
static const struct schema extra_hosts = { ONE_OF(
    SCHEMA(.types = SCHEMA_MAPPING, .keys = SCHEMA_ANY_KEY, .closed = true, .values = &text_or_any_list),
    &unique_list) };
static const struct schema options = { .types = SCHEMA_MAPPING, .keys = SCHEMA_ANY_KEY, .values = NUMERIC };
static const struct schema text_options = {
        .types = SCHEMA_MAPPING, .keys = SCHEMA_ANY_KEY, .values = TEXT, .closed = true
};

static const struct schema_property ulimit_properties[] = { { "hard", WHOLE }, { "soft", WHOLE } };
static const struct schema ulimits = { .types = SCHEMA_MAPPING,
                                       .keys = SCHEMA_LOWER_CASE,
                                       .values = SCHEMA(ONE_OF(
                                           WHOLE, SCHEMA(PROPERTIES(ulimit_properties), .extensible = true,
                                                         .required = STRINGS("soft", "hard")))) };

static const struct schema_property reference_properties[] = {
        { "source", TEXT }, { "target", TEXT }, { "uid", TEXT }, { "gid", TEXT }, { "mode", NUMERIC }
};
static const struct schema references = { .types = SCHEMA_ARRAY,
                                          .items = SCHEMA(ONE_OF(TEXT, OBJECT(reference_properties))) };

static const struct schema_property hook_properties[] = { { "command", &command },
                                                          { "user", TEXT },
                                                          { "privileged", FLAG },
                                                          { "working_dir", TEXT },
                                                          { "environment", &list_or_map } };
static const struct schema hook = { PROPERTIES(hook_properties), .extensible = true,
                                    .required = STRINGS("command") };
static const struct schema hooks = { .types = SCHEMA_ARRAY, .items = &hook };

static const struct schema_property build_properties[] = {
        { "context", TEXT },
        { "dockerfile", TEXT },
        { "dockerfile_inline", TEXT },
        { "entitlements", &text_list },
        { "args", &list_or_map },
        { "ssh", &list_or_map },
        { "labels", &list_or_map },
        { "cache_from", &text_list },
        { "cache_to", &text_list },
        { "no_cache", FLAG },
        { "additional_contexts", &list_or_map },
        { "network", TEXT },
        { "provenance", FLAG },
        { "sbom", FLAG },
        { "pull", FLAG },
        { "target", TEXT },
        { "shm_size", WHOLE },
        { "extra_hosts", &extra_hosts },
        { "isolation", TEXT },
        { "privileged", FLAG },
        { "secrets", &references },
        { "tags", &text_list },
        { "ulimits", &ulimits },
        { "platforms", &text_list },
};

static const struct schema_property limit_properties[] = { { "path", TEXT }, { "rate", WHOLE } };
static const struct schema_property weight_properties[] = { { "path", TEXT }, { "weight", WHOLE } };
static const struct schema limits = { .types = SCHEMA_ARRAY, .items = SCHEMA(PROPERTIES(limit_properties)) };
static const struct schema_property blkio_properties[] = {
        { "device_read_bps", &limits },
        { "device_read_iops", &limits },
        { "device_write_bps", &limits },
        { "device_write_iops", &limits },
        { "weight", WHOLE },
        { "weight_device", LIST_OF(SCHEMA(PROPERTIES(weight_properties))) },
};

static const struct schema_property credential_spec_properties[] = { { "config", TEXT },
                                                                     { "file", TEXT },
                                                                     { "registry", TEXT } };

static const struct schema_property dependency_properties[] = {
        { "restart", FLAG },
        { "required", SCHEMA(.types = SCHEMA_BOOLEAN) },
        { "condition", SCHEMA(.types = SCHEMA_STRING, .choices = STRINGS("service_started", "service_healthy",
                                                                         "service_completed_successfully")) },
};
static const struct schema depends_on = { ONE_OF(
    &unique_list, SCHEMA(.types = SCHEMA_MAPPING, .closed = true,
                         .values = SCHEMA(PROPERTIES(dependency_properties), .extensible = true,
                                          .required = STRINGS("condition")))) };

static const struct schema_property device_properties[] = { { "source", TEXT },
                                                            { "target", TEXT },
                                                            { "permissions", TEXT } };

/* ---- deploy ---- */

static const struct schema_property update_properties[] = {
        { "parallelism", WHOLE },
        { "delay", TEXT },
        { "failure_action", TEXT },
        { "monitor", TEXT },
        { "max_failure_ratio", NUMERIC },
        { "order", SCHEMA(.types = SCHEMA_STRING, .choices = STRINGS("start-first", "stop-first")) },
};
static const struct schema_property discrete_properties[] = { { "kind", TEXT }, { "value", NUMERIC } };
static const struct schema_property generic_properties[] = { { "discrete_resource_spec",
                                                               OBJECT(discrete_properties) } };
static const struct schema_property request_properties[] = { { "capabilities", &unique_list },
                                                             { "count", WHOLE },
                                                             { "device_ids", &unique_list },
                                                             { "driver", TEXT },
                                                             { "options", &list_or_map } };
static const struct schema_property resource_limit_properties[] = { { "cpus", NUMERIC },
                                                                    { "memory", TEXT },
                                                                    { "pids", WHOLE } };
static const struct schema_property reservation_properties[] = {
        { "cpus", NUMERIC },
        { "memory", TEXT },
        { "generic_resources", LIST_OF(OBJECT(generic_properties)) },
        { "devices", LIST_OF(SCHEMA(PROPERTIES(request_properties), .extensible = true,
                                    .required = STRINGS("capabilities"))) },
};
static const struct schema_property resources_properties[] = {
        { "limits", OBJECT(resource_limit_properties) }, { "reservations", OBJECT(reservation_properties) }
};
static const struct schema_property restart_policy_properties[] = {
        { "condition", TEXT }, { "delay", TEXT }, { "max_attempts", WHOLE }, { "window", TEXT }
};
static const struct schema_property preference_properties[] = { { "spread", TEXT } };
static const struct schema_property placement_properties[] = { { "constraints", &text_list },
                                                               { "preferences",
                                                                 LIST_OF(OBJECT(preference_properties)) },
                                                               { "max_replicas_per_node", WHOLE } };
static const struct schema_property deploy_properties[] = {
        { "mode", TEXT },
        { "endpoint_mode", TEXT },
        { "replicas", WHOLE },
        { "labels", &list_or_map },
        { "rollback_config", OBJECT(update_properties) },
        { "update_config", OBJECT(update_properties) },
        { "resources", OBJECT(resources_properties) },
        { "restart_policy", OBJECT(restart_policy_properties) },
        { "placement", OBJECT(placement_properties) },
};
static const struct schema deploy = { .types = SCHEMA_MAPPING | SCHEMA_NULL,
                                      .properties = deploy_properties,
                                      .n_properties = ARRAY_SIZE(deploy_properties),
                                      .closed = true,
                                      .extensible = true };

static const struct schema_property watch_properties[] = {
        { "ignore", &text_or_list },
        { "include", &text_or_list },
        { "path", TEXT },
        { "action", SCHEMA(.types = SCHEMA_STRING,
                           .choices = STRINGS("rebuild", "sync", "restart", "sync+restart", "sync+exec")) },
        { "target", TEXT },
        { "exec", &hook },
        { "initial_sync", SCHEMA(.types = SCHEMA_BOOLEAN) },
};
static const struct schema_property develop_properties[] = {
        { "watch", LIST_OF(SCHEMA(PROPERTIES(watch_properties), .extensible = true,
                                  .required = STRINGS("path", "action"))) }
};
static const struct schema develop = { .types = SCHEMA_MAPPING | SCHEMA_NULL,
                                       .properties = develop_properties,
                                       .n_properties = ARRAY_SIZE(develop_properties),
                                       .closed = true,
                                       .extensible = true };

static const struct schema_property env_file_properties[] = { { "path", TEXT },
                                                              { "format", TEXT },
                                                              { "required", FLAG } };
static const struct schema env_file = { ONE_OF(
    TEXT,
    LIST_OF(SCHEMA(ONE_OF(TEXT, SCHEMA(PROPERTIES(env_file_properties), .required = STRINGS("path")))))) };

static const struct schema_property extends_properties[] = { { "service", TEXT }, { "file", TEXT } };

static const struct schema provider_value = { .types = SCHEMA_STRING | SCHEMA_NUMBER | SCHEMA_BOOLEAN };
static const struct schema_property provider_properties[] = {
        { "type", TEXT },
        { "options", SCHEMA(.types = SCHEMA_MAPPING, .keys = SCHEMA_ANY_KEY,
                            .values = SCHEMA(ONE_OF(&provider_value, LIST_OF(&provider_value)))) },
};

static const struct schema_property gpu_properties[] = { { "capabilities", &unique_list },
                                                         { "count", WHOLE },
                                                         { "device_ids", &unique_list },
                                                         { "driver", TEXT },
                                                         { "options", &list_or_map } };

static const struct schema_property healthcheck_properties[] = {
        { "disable", FLAG },           { "interval", TEXT }, { "retries", NUMERIC },
        { "test", &text_or_any_list }, { "timeout", TEXT },  { "start_period", TEXT },
        { "start_interval", TEXT },
};

static const struct schema_property logging_properties[] = {
        { "driver", TEXT },
        { "options", SCHEMA(.types = SCHEMA_MAPPING, .keys = SCHEMA_ANY_KEY,
                            .values = SCHEMA(.types = SCHEMA_STRING | SCHEMA_NUMBER | SCHEMA_NULL)) },
};

static const struct schema_property service_model_properties[] = { { "endpoint_var", TEXT },
                                                                   { "model_var", TEXT } };
static const struct schema service_models = { ONE_OF(
    &unique_list, SCHEMA(.types = SCHEMA_MAPPING, .values = SCHEMA(ONE_OF(OBJECT(service_model_properties),
                                                                          SCHEMA(.types = SCHEMA_NULL))))) };

static const struct schema_property service_network_properties[] = {
        { "aliases", &unique_list },
        { "interface_name", TEXT },
        { "ipv4_address", TEXT },
        { "ipv6_address", TEXT },
        { "link_local_ips", &unique_list },
        { "mac_address", TEXT },
        { "driver_opts", &options },
        { "priority", SCHEMA(.types = SCHEMA_NUMBER) },
        { "gw_priority", SCHEMA(.types = SCHEMA_NUMBER) },
};
static const struct schema service_networks = { ONE_OF(
    &unique_list,
    SCHEMA(.types = SCHEMA_MAPPING, .closed = true,
           .values = SCHEMA(ONE_OF(OBJECT(service_network_properties), SCHEMA(.types = SCHEMA_NULL))))) };

static const struct schema_property port_properties[] = {
        { "name", TEXT },       { "mode", TEXT },     { "host_ip", TEXT },      { "target", WHOLE },
        { "published", WHOLE }, { "protocol", TEXT }, { "app_protocol", TEXT },
};

static const struct schema_property bind_properties[] = {
        { "propagation", TEXT },
        { "create_host_path", FLAG },
        { "recursive",
          SCHEMA(.types = SCHEMA_STRING, .choices = STRINGS("enabled", "disabled", "writable", "readonly")) },
        { "selinux", SCHEMA(.types = SCHEMA_STRING, .choices = STRINGS("z", "Z")) },
};
static const struct schema_property mount_volume_properties[] = { { "labels", &list_or_map },
                                                                  { "nocopy", FLAG },
                                                                  { "subpath", TEXT } };
static const struct schema_property tmpfs_properties[] = {
        { "size", SCHEMA(ONE_OF(SCHEMA(.types = SCHEMA_INTEGER, .minimum = NUMBER(0)), TEXT)) },
        { "mode", NUMERIC },
};
static const struct schema_property image_properties[] = { { "subpath", TEXT } };
static const struct schema_property mount_properties[] = {
        { "type", SCHEMA(.types = SCHEMA_STRING,
                         .choices = STRINGS("bind", "volume", "tmpfs", "cluster", "npipe", "image")) },
        { "source", TEXT },
        { "target", TEXT },
        { "read_only", FLAG },
        { "consistency", TEXT },
        { "bind", OBJECT(bind_properties) },
        { "volume", OBJECT(mount_volume_properties) },
        { "tmpfs", OBJECT(tmpfs_properties) },
        { "image", OBJECT(image_properties) },
};

static const struct schema numbers_or_texts = { .types = SCHEMA_ARRAY,
                                                .items = SCHEMA(.types = SCHEMA_STRING | SCHEMA_NUMBER),
                                                .unique = true };

static const struct schema_property service_properties[] = {
        { "develop", &develop },
        { "deploy", &deploy },
        { "annotations", &list_or_map },
        { "attach", FLAG },
        { "build", SCHEMA(ONE_OF(TEXT, OBJECT(build_properties))) },
        { "blkio_config", SCHEMA(PROPERTIES(blkio_properties)) },
        { "cap_add", &unique_list },
        { "cap_drop", &unique_list },
        { "cgroup", SCHEMA(.types = SCHEMA_STRING, .choices = STRINGS("host", "private")) },
        { "cgroup_parent", TEXT },
        { "command", &command },
        { "configs", &references },
        { "container_name", SCHEMA(.types = SCHEMA_STRING, .pattern = "[a-zA-Z0-9][a-zA-Z0-9_.-]+") },
        { "cpu_count", SCHEMA(ONE_OF(TEXT, SCHEMA(.types = SCHEMA_INTEGER, .minimum = NUMBER(0)))) },
        { "cpu_percent", SCHEMA(ONE_OF(TEXT, SCHEMA(.types = SCHEMA_INTEGER, .minimum = NUMBER(0),
                                                    .maximum = NUMBER(100)))) },
        { "cpu_shares", NUMERIC },
        { "cpu_quota", NUMERIC },
        { "cpu_period", NUMERIC },
        { "cpu_rt_period", NUMERIC },
        { "cpu_rt_runtime", NUMERIC },
        { "cpus", NUMERIC },
        { "cpuset", TEXT },
        { "credential_spec", OBJECT(credential_spec_properties) },
        { "depends_on", &depends_on },
        { "device_cgroup_rules", &unique_list },
        { "devices", LIST_OF(SCHEMA(ONE_OF(TEXT, SCHEMA(PROPERTIES(device_properties), .extensible = true,
                                                        .required = STRINGS("source"))))) },
        { "dns", &text_or_list },
        { "dns_opt", &unique_list },
        { "dns_search", &text_or_list },
        { "domainname", TEXT },
        { "entrypoint", &command },
        { "env_file", &env_file },
        { "label_file", &text_or_any_list },
        { "environment", &list_or_map },
        { "expose", &numbers_or_texts },
        { "extends",
          SCHEMA(ONE_OF(TEXT, SCHEMA(PROPERTIES(extends_properties), .required = STRINGS("service")))) },
        { "provider",
          SCHEMA(PROPERTIES(provider_properties), .extensible = true, .required = STRINGS("type")) },
        { "external_links", &unique_list },
        { "extra_hosts", &extra_hosts },
        { "gpus", SCHEMA(ONE_OF(SCHEMA(.types = SCHEMA_STRING, .choices = STRINGS("all")),
                                LIST_OF(SCHEMA(.types = SCHEMA_MAPPING, .properties = gpu_properties,
                                               .n_properties = ARRAY_SIZE(gpu_properties))))) },
        { "group_add", &numbers_or_texts },
        { "healthcheck", OBJECT(healthcheck_properties) },
        { "hostname", TEXT },
        { "image", TEXT },
        { "init", FLAG },
        { "ipc", TEXT },
        { "isolation", TEXT },
        { "labels", &list_or_map },
        { "links", &unique_list },
        { "logging", OBJECT(logging_properties) },
        { "mac_address", TEXT },
        { "mem_limit", NUMERIC },
        { "mem_reservation", WHOLE },
        { "mem_swappiness", WHOLE },
        { "memswap_limit", NUMERIC },
        { "network_mode", TEXT },
        { "models", &service_models },
        { "networks", &service_networks },
        { "oom_kill_disable", FLAG },
        { "oom_score_adj", SCHEMA(ONE_OF(TEXT, SCHEMA(.types = SCHEMA_INTEGER, .minimum = NUMBER(-1000),
                                                      .maximum = NUMBER(1000)))) },
        { "pid", SCHEMA(.types = SCHEMA_STRING | SCHEMA_NULL) },
        { "pids_limit", NUMERIC },
        { "platform", TEXT },
        { "ports",
          SCHEMA(.types = SCHEMA_ARRAY, .unique = true,
                 .items = SCHEMA(ONE_OF(SCHEMA(.types = SCHEMA_NUMBER), TEXT, OBJECT(port_properties)))) },
        { "post_start", &hooks },
        { "pre_stop", &hooks },
        { "privileged", FLAG },
        { "profiles", &unique_list },
        { "pull_policy",
          SCHEMA(.types = SCHEMA_STRING, .pattern = "always|never|build|if_not_present|missing|refresh|daily|"
                                                    "weekly|every_([0-9]+[wdhms])+") },
        { "pull_refresh_after", TEXT },
        { "read_only", FLAG },
        { "restart", TEXT },
        { "runtime", TEXT },
        { "scale", WHOLE },
        { "security_opt", &unique_list },
        { "shm_size", NUMERIC },
        { "secrets", &references },
        { "sysctls", &list_or_map },
        { "stdin_open", FLAG },
        { "stop_grace_period", TEXT },
        { "stop_signal", TEXT },
        { "storage_opt", SCHEMA(.types = SCHEMA_MAPPING) },
        { "tmpfs", &text_or_list },
        { "tty", FLAG },
        { "ulimits", &ulimits },
        { "use_api_socket", SCHEMA(.types = SCHEMA_BOOLEAN) },
        { "user", TEXT },
        { "uts", TEXT },
        { "userns_mode", TEXT },
        { "volumes",
          SCHEMA(.types = SCHEMA_ARRAY, .unique = true,
                 .items = SCHEMA(ONE_OF(TEXT, SCHEMA(PROPERTIES(mount_properties), .extensible = true,
                                                     .required = STRINGS("type"))))) },
        { "volumes_from", &unique_list },
        { "working_dir", TEXT },
};

/* ---- Beside the services ---- */

static const struct schema_property external_properties[] = { { "name", TEXT } };
static const struct schema external = {
        .types = SCHEMA_BOOLEAN | SCHEMA_STRING | SCHEMA_MAPPING,
        .properties = external_properties,
        .n_properties = ARRAY_SIZE(external_properties),
        .closed = true,
        .extensible = true,
};
static const struct schema open_external = {
        .types = SCHEMA_BOOLEAN | SCHEMA_STRING | SCHEMA_MAPPING,
        .properties = external_properties,
        .n_properties = ARRAY_SIZE(external_properties),
};

static const struct schema_property pool_properties[] = {
        { "subnet", TEXT }, { "ip_range", TEXT }, { "gateway", TEXT }, { "aux_addresses", &text_options }
};
static const struct schema_property ipam_properties[] = { { "driver", TEXT },
                                                          { "config", LIST_OF(OBJECT(pool_properties)) },
                                                          { "options", &text_options } };
static const struct schema_property network_properties[] = {
        { "name", TEXT },
        { "driver", TEXT },
        { "driver_opts", &options },
        { "ipam", OBJECT(ipam_properties) },
        { "external", &external },
        { "internal", FLAG },
        { "enable_ipv4", FLAG },
        { "enable_ipv6", FLAG },
        { "attachable", FLAG },
        { "labels", &list_or_map },
};
static const struct schema_property volume_properties[] = { { "name", TEXT },
                                                            { "driver", TEXT },
                                                            { "driver_opts", &options },
                                                            { "external", &external },
                                                            { "labels", &list_or_map } };
static const struct schema_property secret_properties[] = {
        { "name", TEXT },
        { "environment", TEXT },
        { "file", TEXT },
        { "external", &open_external },
        { "labels", &list_or_map },
        { "driver", TEXT },
        { "driver_opts", &options },
        { "template_driver", TEXT },
};
static const struct schema_property config_properties[] = {
        { "name", TEXT },
        { "content", TEXT },
        { "environment", TEXT },
        { "file", TEXT },
        { "external", &open_external },
        { "labels", &list_or_map },
        { "template_driver", TEXT },
};
static const struct schema_property model_properties[] = { { "name", TEXT },
                                                           { "model", TEXT },
                                                           { "context_size",
                                                             SCHEMA(.types = SCHEMA_INTEGER) },
                                                           { "runtime_flags", &text_list } };
static const struct schema_property include_properties[] = { { "path", &text_or_list },
                                                             { "env_file", &text_or_list },
                                                             { "project_directory", TEXT } };

/* A mapping of names to what may also be null. */
#define NULLABLE(table)                                                                                      \
        SCHEMA(.types = SCHEMA_MAPPING | SCHEMA_NULL, .properties = table,                                   \
               .n_properties = ARRAY_SIZE(table), .closed = true, .extensible = true)

static const struct schema_property project_properties[] = {
        { "version", TEXT },
        { "name", TEXT },
        { "include", LIST_OF(SCHEMA(ONE_OF(TEXT, SCHEMA(PROPERTIES(include_properties))))) },
        { "services", SCHEMA(.types = SCHEMA_MAPPING, .closed = true, .values = OBJECT(service_properties)) },
        { "models",
          SCHEMA(.types = SCHEMA_MAPPING, .values = SCHEMA(PROPERTIES(model_properties), .extensible = true,
                                                           .required = STRINGS("model"))) },
        { "networks", SCHEMA(.types = SCHEMA_MAPPING, .values = NULLABLE(network_properties)) },
        { "volumes", SCHEMA(.types = SCHEMA_MAPPING, .closed = true, .values = NULLABLE(volume_properties)) },
        { "secrets", SCHEMA(.types = SCHEMA_MAPPING, .closed = true, .values = OBJECT(secret_properties)) },
        { "configs", SCHEMA(.types = SCHEMA_MAPPING, .closed = true, .values = OBJECT(config_properties)) },
};
const struct schema schema_project = { PROPERTIES(project_properties), .extensible = true };
