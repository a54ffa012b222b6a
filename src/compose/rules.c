/* What happens to which attribute, in one table; a path that isn't here is merged by its shape and else left
 * alone. The table becomes a tree of keys for each loading, so that a walk is pruned where no rule is. */
#include "compose/loader-internal.h"

static const struct rule rules[] = {
        { "networks.*", .visit[PASS_CANONICAL] = canonical_external },
        { "networks.*.external", CAST_BOOL },
        { "networks.*.internal", CAST_BOOL },
        { "networks.*.attachable", CAST_BOOL },
        { "networks.*.enable_ipv4", CAST_BOOL },
        { "networks.*.enable_ipv6", CAST_BOOL },
        { "networks.*.ipam.config", .merge = merge_ipam },
        { "networks.*.ipam.options", .unique = unique_key },
        { "networks.*.labels", .merge = merge_sequence, .unique = unique_key },

        { "volumes.*", .visit = { [PASS_CANONICAL] = canonical_external,
                                  [PASS_CHECK] = check_volume,
                                  [PASS_RESOLVE] = resolve_volume_options } },
        { "volumes.*.external", CAST_BOOL },
        { "volumes.*.labels", .merge = merge_sequence },

        { "configs.*", .visit = { [PASS_CANONICAL] = canonical_external, [PASS_CHECK] = check_config } },
        { "configs.*.external", CAST_BOOL },
        { "configs.*.file", .visit[PASS_RESOLVE] = resolve_path_or_windows },
        { "secrets.*", .visit = { [PASS_CANONICAL] = canonical_external, [PASS_CHECK] = check_secret } },
        { "secrets.*.external", CAST_BOOL },
        { "secrets.*.file", .visit[PASS_RESOLVE] = resolve_path_or_windows },

        { "services.*", .visit[PASS_CANONICAL] = canonical_service },
        { "services.*.annotations", .merge = merge_sequence, .unique = unique_key },
        { "services.*.build", .merge = merge_build,
          .visit = { [PASS_CANONICAL] = canonical_build, [PASS_DEFAULTS] = default_build } },
        { "services.*.build.additional_contexts", .merge = merge_sequence, .unique = unique_key,
          .visit[PASS_CANONICAL] = canonical_key_value },
        { "services.*.build.additional_contexts.*", .visit[PASS_RESOLVE] = resolve_context },
        { "services.*.build.args", .merge = merge_sequence, .unique = unique_key },
        { "services.*.build.context", .visit[PASS_RESOLVE] = resolve_context },
        { "services.*.build.extra_hosts", .merge = merge_extra_hosts },
        { "services.*.build.labels", .merge = merge_sequence, .unique = unique_key },
        { "services.*.build.provenance", .visit[PASS_CANONICAL] = canonical_text },
        { "services.*.build.sbom", .visit[PASS_CANONICAL] = canonical_text },
        { "services.*.build.secrets.*", .visit[PASS_CANONICAL] = canonical_reference },
        { "services.*.build.ssh", .visit[PASS_CANONICAL] = canonical_ssh },
        { "services.*.build.ssh.*", .visit[PASS_RESOLVE] = resolve_path_or_windows },
        { "services.*.build.tags", .unique = unique_key },
        { "services.*.build.ulimits.*", .visit[PASS_CANONICAL] = canonical_ulimit },
        { "services.*.cap_add", .unique = unique_key },
        { "services.*.cap_drop", .unique = unique_key },
        { "services.*.command", .merge = merge_override },
        { "services.*.configs", .unique = unique_config },
        { "services.*.configs.*", .visit[PASS_CANONICAL] = canonical_reference },
        { "services.*.cpu_count", CAST_INT },
        { "services.*.cpu_percent", CAST_FLOAT },
        { "services.*.cpu_period", CAST_INT },
        { "services.*.cpu_quota", CAST_INT },
        { "services.*.cpu_rt_period", CAST_INT },
        { "services.*.cpu_rt_runtime", CAST_INT },
        { "services.*.cpu_shares", CAST_INT },
        { "services.*.cpus", CAST_FLOAT32 },
        { "services.*.depends_on", .merge = merge_depends_on, .visit[PASS_CANONICAL] = canonical_depends_on },
        { "services.*.deploy.labels", .merge = merge_sequence, .unique = unique_key },
        { "services.*.deploy.placement.max_replicas_per_node", CAST_INT },
        { "services.*.deploy.replicas", CAST_INT },
        { "services.*.deploy.resources.reservations.devices.*",
          .visit = { [PASS_DEFAULTS] = default_device_request, [PASS_CHECK] = check_device_request } },
        { "services.*.deploy.restart_policy.max_attempts", CAST_INT },
        { "services.*.deploy.rollback_config.max_failure_ratio", CAST_FLOAT },
        { "services.*.deploy.rollback_config.parallelism", CAST_INT },
        { "services.*.deploy.update_config.max_failure_ratio", CAST_FLOAT },
        { "services.*.deploy.update_config.parallelism", CAST_INT },
        { "services.*.develop.watch.*.ignore", .visit[PASS_CANONICAL] = canonical_list },
        { "services.*.develop.watch.*.include", .visit[PASS_CANONICAL] = canonical_list },
        { "services.*.develop.watch.*.path",
          .visit = { [PASS_CHECK] = check_watch_path, [PASS_RESOLVE] = resolve_watch_path } },
        { "services.*.devices", .unique = unique_device },
        { "services.*.devices.*", .visit[PASS_CANONICAL] = canonical_device },
        { "services.*.dns", .merge = merge_sequence, .unique = unique_key,
          .visit[PASS_CANONICAL] = canonical_list },
        { "services.*.dns_opt", .merge = merge_sequence, .unique = unique_key },
        { "services.*.dns_search", .merge = merge_sequence, .unique = unique_key },
        { "services.*.entrypoint", .merge = merge_override },
        { "services.*.env_file", .merge = merge_sequence, .unique = unique_env_file,
          .visit[PASS_CANONICAL] = canonical_env_file },
        { "services.*.env_file.*.path", .visit[PASS_RESOLVE] = resolve_path },
        { "services.*.environment", .merge = merge_sequence, .unique = unique_key },
        { "services.*.expose", .unique = unique_expose },
        { "services.*.extends", .visit[PASS_CANONICAL] = canonical_extends },
        { "services.*.extends.file", .visit[PASS_RESOLVE] = resolve_path },
        { "services.*.extra_hosts", .merge = merge_extra_hosts },
        { "services.*.gpus", .visit[PASS_CANONICAL] = canonical_gpus },
        { "services.*.gpus.*",
          .visit = { [PASS_DEFAULTS] = default_device_request, [PASS_CHECK] = check_device_request } },
        { "services.*.healthcheck.disable", CAST_BOOL },
        { "services.*.healthcheck.retries", CAST_INT },
        { "services.*.healthcheck.test", .merge = merge_override },
        { "services.*.init", CAST_BOOL },
        { "services.*.label_file", .merge = merge_sequence, .visit[PASS_CANONICAL] = canonical_list },
        { "services.*.label_file.*", .visit[PASS_RESOLVE] = resolve_path },
        { "services.*.labels", .merge = merge_sequence, .unique = unique_key },
        { "services.*.links", .unique = unique_key },
        { "services.*.logging", .merge = merge_logging },
        { "services.*.models", .merge = merge_named, .visit[PASS_CANONICAL] = canonical_list_to_map },
        { "services.*.networks", .merge = merge_named, .visit[PASS_CANONICAL] = canonical_list_to_map },
        { "services.*.networks.*.aliases", .unique = unique_key },
        { "services.*.networks.*.link_local_ips", .unique = unique_key },
        { "services.*.oom_kill_disable", CAST_BOOL },
        { "services.*.oom_score_adj", CAST_INT },
        { "services.*.pids_limit", CAST_INT },
        { "services.*.ports", .unique = unique_port, .visit[PASS_CANONICAL] = canonical_ports },
        { "services.*.ports.*", .visit = { [PASS_DEFAULTS] = default_port, [PASS_CHECK] = check_port } },
        { "services.*.ports.*.target", CAST_INT },
        { "services.*.privileged", CAST_BOOL },
        { "services.*.profiles", .unique = unique_key },
        { "services.*.read_only", CAST_BOOL },
        { "services.*.scale", CAST_INT },
        { "services.*.secrets", .unique = unique_secret },
        { "services.*.secrets.*",
          .visit = { [PASS_CANONICAL] = canonical_reference, [PASS_DEFAULTS] = default_secret } },
        { "services.*.stdin_open", CAST_BOOL },
        { "services.*.sysctls", .merge = merge_sequence, .unique = unique_key },
        { "services.*.tmpfs", .merge = merge_sequence, .unique = unique_key },
        { "services.*.tty", CAST_BOOL },
        { "services.*.ulimits.*", CAST_INT, .merge = merge_override,
          .visit[PASS_CANONICAL] = canonical_ulimit },
        { "services.*.ulimits.*.hard", CAST_INT },
        { "services.*.ulimits.*.soft", CAST_INT },
        { "services.*.volumes", .unique = unique_mount },
        { "services.*.volumes.*",
          .visit = { [PASS_CANONICAL] = canonical_mount, [PASS_RESOLVE] = resolve_mount } },
        { "services.*.volumes.*.read_only", CAST_BOOL },
        { "services.*.volumes.*.volume.labels", .merge = merge_sequence },
        { "services.*.volumes.*.volume.nocopy", CAST_BOOL },
};

struct rule_node {
        const char *key;
        const struct rule *rule;
        struct rule_node *children, *next;
};

static struct rule_node *child_of(const struct rule_node *at, const char *key, size_t len)
{
        for (struct rule_node *child = at->children; child; child = child->next)
                if (strncmp(child->key, key, len) == 0 && !child->key[len])
                        return child;
        return NULL;
}

const struct rule_node *rules_new(struct arena *arena)
{
        struct rule_node *root = arena_alloc(arena, sizeof(*root));

        for (size_t i = ARRAY_SIZE(rules); i-- > 0;) {
                struct rule_node *at = root;

                for (const char *key = rules[i].path; *key;) {
                        size_t len = strcspn(key, ".");
                        struct rule_node *child = child_of(at, key, len);

                        if (!child) {
                                child = arena_alloc(arena, sizeof(*child));
                                child->key = arena_strndup(arena, key, len);
                                child->next = at->children;
                                at->children = child;
                        }
                        at = child;
                        key += len + (key[len] == '.');
                }
                at->rule = &rules[i];
        }
        return root;
}

const struct rule_node *rules_child(const struct rule_node *at, const char *key)
{
        const struct rule_node *any = NULL;

        for (const struct rule_node *child = at ? at->children : NULL; child; child = child->next) {
                if (*child->key == *key && streq(child->key, key))
                        return child;
                if (*child->key == '*')
                        any = child;
        }
        return any;
}

const struct rule *rules_here(const struct rule_node *at)
{
        return at ? at->rule : NULL;
}

int rules_walk_children(struct loader *l, enum rule_pass pass, const struct rule_node *at, struct node *node)
{
        for (size_t i = 0; node->kind == NODE_MAP && i < node->count; i++) {
                const char *key = node->map.entries[i].key;
                const struct rule_node *child = rules_child(at, key);

                loader_push(l, key);
                if (child && rules_walk(l, pass, child, &node->map.entries[i].value) < 0)
                        return -1;
                loader_pop(l);
        }
        for (size_t i = 0; node->kind == NODE_LIST && i < node->count; i++) {
                const struct rule_node *child = rules_child(at, "[]");

                loader_push(l, "[]");
                if (child && rules_walk(l, pass, child, &node->items[i]) < 0)
                        return -1;
                loader_pop(l);
        }
        return 0;
}

int rules_walk(struct loader *l, enum rule_pass pass, const struct rule_node *at, struct node **node)
{
        const struct rule *rule = rules_here(at);

        return rule && rule->visit[pass] ? rule->visit[pass](l, at, node)
                                         : rules_walk_children(l, pass, at, *node);
}
