/* Short syntaxes to long ones. */
#include "compose/loader-internal.h"
#include "base/path.h"
#include "compose/mount-spec.h"
#include "oci/port-spec.h"

static struct node *set_text(struct loader *l, struct node *map, const char *key, const char *text)
{
        struct node *node = node_string(&l->arena, text, map);

        node_set(&l->arena, map, key, node);
        return node;
}

static void set_bool(struct loader *l, struct node *map, const char *key, bool value)
{
        node_set(&l->arena, map, key, node_bool(&l->arena, value, map));
}

static struct node *map_with(struct loader *l, const char *key, struct node *value)
{
        struct node *map = node_new(&l->arena, NODE_MAP, value);

        node_set(&l->arena, map, key, value);
        return map;
}

static int invalid_type(struct loader *l, const struct node *node, const char *what)
{
        return mistake(l, node, "%s: invalid type %s for %s", loader_path(l), node_type_name(node), what);
}

int canonical_service(struct loader *l, const struct rule_node *at, struct node **node)
{
        return (*node)->kind == NODE_MAP ? rules_walk_children(l, PASS_CANONICAL, at, *node) : 0;
}

int canonical_build(struct loader *l, const struct rule_node *at, struct node **node)
{
        if ((*node)->kind == NODE_MAP)
                return rules_walk_children(l, PASS_CANONICAL, at, *node);
        if ((*node)->kind != NODE_STRING)
                return invalid_type(l, *node, "build");
        *node = map_with(l, "context", *node);
        return 0;
}

int canonical_extends(struct loader *l, const struct rule_node *at, struct node **node)
{
        (void)at;
        if ((*node)->kind == NODE_MAP)
                return 0;
        if ((*node)->kind != NODE_STRING)
                return invalid_type(l, *node, "extends");
        *node = map_with(l, "service", *node);
        return 0;
}

int canonical_list(struct loader *l, const struct rule_node *at, struct node **node)
{
        struct node *list;

        (void)at;
        if ((*node)->kind != NODE_STRING)
                return 0;
        list = node_new(&l->arena, NODE_LIST, *node);
        node_append(&l->arena, list, *node);
        *node = list;
        return 0;
}

int canonical_text(struct loader *l, const struct rule_node *at, struct node **node)
{
        (void)at;
        if ((*node)->kind != NODE_STRING)
                *node = node_string(&l->arena, node_sprint(&l->arena, *node), *node);
        return 0;
}

int canonical_list_to_map(struct loader *l, const struct rule_node *at, struct node **node)
{
        struct node *map;

        (void)at;
        if ((*node)->kind != NODE_LIST)
                return 0;
        map = node_new(&l->arena, NODE_MAP, *node);
        for (size_t i = 0; i < (*node)->count; i++) {
                struct node *item = (*node)->items[i];

                if (item->kind != NODE_STRING)
                        return invalid_type(l, item, "name");
                node_set(&l->arena, map, item->string, node_new(&l->arena, NODE_NULL, item));
        }
        *node = map;
        return 0;
}

int canonical_key_value(struct loader *l, const struct rule_node *at, struct node **node)
{
        struct node *map;

        (void)at;
        if ((*node)->kind == NODE_MAP)
                return 0;
        if ((*node)->kind != NODE_LIST)
                return mistake(l, *node, "%s: invalid type %s", loader_path(l), node_type_name(*node));
        map = node_new(&l->arena, NODE_MAP, *node);
        for (size_t i = 0; i < (*node)->count; i++) {
                struct node *item = (*node)->items[i];
                const char *text = node_sprint(&l->arena, item), *equals = strchr(text, '=');

                if (!equals)
                        return l->no_interpolate
                                   ? 0
                                   : mistake(l, item, "%s: invalid value %s, expected key=value",
                                             loader_path(l), text);
                node_set(&l->arena, map, arena_strndup(&l->arena, text, (size_t)(equals - text)),
                         node_string(&l->arena, equals + 1, item));
        }
        *node = map;
        return 0;
}

static void fill_dependency(struct loader *l, struct node *map)
{
        if (!node_has(map, "condition"))
                set_text(l, map, "condition", "service_started");
        if (!node_has(map, "required"))
                set_bool(l, map, "required", true);
}

int canonical_depends_on(struct loader *l, const struct rule_node *at, struct node **node)
{
        if ((*node)->kind == NODE_LIST) {
                if (canonical_list_to_map(l, at, node) < 0)
                        return -1;
                for (size_t i = 0; i < (*node)->count; i++)
                        (*node)->map.entries[i].value =
                            node_new(&l->arena, NODE_MAP, (*node)->map.entries[i].value);
        }
        if ((*node)->kind != NODE_MAP)
                return invalid_type(l, *node, "depend_on");
        for (size_t i = 0; i < (*node)->count; i++) {
                struct node *value = (*node)->map.entries[i].value;

                if (value->kind != NODE_MAP)
                        return mistake(l, value, "%s.%s: unsupported value %s", loader_path(l),
                                       (*node)->map.entries[i].key, node_sprint(&l->arena, value));
                fill_dependency(l, value);
        }
        return 0;
}

int canonical_device(struct loader *l, const struct rule_node *at, struct node **node)
{
        struct node *map;
        char **parts;
        size_t count;

        (void)at;
        if ((*node)->kind == NODE_MAP)
                return 0;
        if ((*node)->kind != NODE_STRING)
                return invalid_type(l, *node, "service volume mount");
        map = node_new(&l->arena, NODE_MAP, *node);
        parts = strv_split((*node)->string, ':');
        count = strv_length(parts);
        if (count > 3) {
                strv_free(parts);
                return l->no_interpolate
                           ? 0
                           : mistake(l, *node, "confusing device mapping, please use long syntax: %s",
                                     (*node)->string);
        }
        set_text(l, map, "source", parts[0]);
        set_text(l, map, "target", count > 1 && *parts[1] ? parts[1] : parts[0]);
        set_text(l, map, "permissions", count > 2 ? parts[2] : "rwm");
        strv_free(parts);
        *node = map;
        return 0;
}

static struct node *env_file_entry(struct loader *l, struct node *node)
{
        if (node->kind == NODE_STRING)
                node = map_with(l, "path", node);
        if (node->kind == NODE_MAP && !node_has(node, "required"))
                set_bool(l, node, "required", true);
        return node;
}

int canonical_env_file(struct loader *l, const struct rule_node *at, struct node **node)
{
        if (canonical_list(l, at, node) < 0)
                return -1;
        if ((*node)->kind != NODE_LIST)
                return invalid_type(l, *node, "env_file");
        for (size_t i = 0; i < (*node)->count; i++)
                (*node)->items[i] = env_file_entry(l, (*node)->items[i]);
        return 0;
}

/* external: {name: x} is how it was said once. */
int canonical_external(struct loader *l, const struct rule_node *at, struct node **node)
{
        struct node *external = node_get(*node, "external"), *old, *name = node_get(*node, "name");

        if ((*node)->kind != NODE_MAP)
                return 0;
        if (rules_walk_children(l, PASS_CANONICAL, at, *node) < 0)
                return -1;
        if (!node_is(external, NODE_MAP))
                return 0;
        set_bool(l, *node, "external", true);
        old = node_get(external, "name");
        if (!old)
                return 0;
        loader_warn(l, "%s: external.name is deprecated. Please set name and external: true", loader_path(l));
        if (name && !node_equal(name, old))
                return mistake(l, old, "%s: name and external.name conflict; only use name", loader_path(l));
        node_set(&l->arena, *node, "name", old);
        return 0;
}

int canonical_gpus(struct loader *l, const struct rule_node *at, struct node **node)
{
        struct node *list;

        if ((*node)->kind == NODE_LIST)
                return rules_walk_children(l, PASS_CANONICAL, at, *node);
        if ((*node)->kind != NODE_STRING)
                return invalid_type(l, *node, "gpus");
        list = node_new(&l->arena, NODE_LIST, *node);
        node_append(&l->arena, list, map_with(l, "count", node_string(&l->arena, "all", *node)));
        *node = list;
        return 0;
}

int canonical_reference(struct loader *l, const struct rule_node *at, struct node **node)
{
        (void)at;
        if ((*node)->kind == NODE_MAP)
                return 0;
        if ((*node)->kind != NODE_STRING)
                return mistake(l, *node, "%s: unsupported type %s", loader_path(l), node_type_name(*node));
        *node = map_with(l, "source", *node);
        return 0;
}

int canonical_ssh(struct loader *l, const struct rule_node *at, struct node **node)
{
        struct node *map;

        (void)at;
        if ((*node)->kind == NODE_MAP)
                return 0;
        if ((*node)->kind != NODE_LIST)
                return invalid_type(l, *node, "ssh");
        map = node_new(&l->arena, NODE_MAP, *node);
        for (size_t i = 0; i < (*node)->count; i++) {
                struct node *item = (*node)->items[i];
                const char *text = node_sprint(&l->arena, item), *equals = strchr(text, '=');

                if (item->kind != NODE_STRING)
                        return mistake(l, item, "invalid ssh key type %s", node_type_name(item));
                if (!equals && !streq(text, "default"))
                        return mistake(l, item, "invalid ssh key \"%s\"", text);
                node_set(&l->arena, map, arena_strndup(&l->arena, text, strcspn(text, "=")),
                         equals ? node_string(&l->arena, equals + 1, item)
                                : node_new(&l->arena, NODE_NULL, item));
        }
        *node = map;
        return 0;
}

int canonical_ulimit(struct loader *l, const struct rule_node *at, struct node **node)
{
        (void)at;
        return (*node)->kind == NODE_MAP || (*node)->kind == NODE_INT ? 0
                                                                      : invalid_type(l, *node, "external");
}

/* ---- volumes ---- */

static void set_bind(struct loader *l, struct node *map, const struct mount_spec *spec)
{
        struct node *bind = node_new(&l->arena, NODE_MAP, map);

        if (spec->selinux)
                set_text(l, bind, "selinux", spec->selinux);
        if (spec->propagation)
                set_text(l, bind, "propagation", spec->propagation);
        if (spec->bind)
                set_bool(l, bind, "create_host_path", true);
        node_set(&l->arena, map, "bind", bind);
}

int canonical_mount(struct loader *l, const struct rule_node *at, struct node **node)
{
        cleanup_error struct error why = {};
        cleanup_free char *target = NULL;
        struct mount_spec spec;
        struct node *map, *volume;

        (void)at;
        if ((*node)->kind == NODE_MAP)
                return 0;
        if ((*node)->kind != NODE_STRING)
                return invalid_type(l, *node, "service volume mount");
        if (mount_spec_parse(&l->arena, (*node)->string, &spec, &why) < 0)
                return l->no_interpolate ? 0 : mistake(l, *node, "%s", error_message(&why));
        map = node_new(&l->arena, NODE_MAP, *node);
        set_text(l, map, "type", spec.bind ? "bind" : "volume");
        if (spec.source)
                set_text(l, map, "source", spec.source);
        target = string_empty(spec.target) ? NULL : path_clean(spec.target);
        if (target)
                set_text(l, map, "target", target);
        if (spec.read_only)
                set_bool(l, map, "read_only", true);
        if (spec.bind || spec.propagation || spec.selinux)
                set_bind(l, map, &spec);
        if (spec.no_copy || (!spec.bind && strlen((*node)->string) > 2)) {
                volume = node_new(&l->arena, NODE_MAP, map);
                if (spec.no_copy)
                        set_bool(l, volume, "nocopy", true);
                node_set(&l->arena, map, "volume", volume);
        }
        *node = map;
        return 0;
}

/* ---- ports ---- */

static int compare_port_keys(const void *a, const void *b)
{
        const struct port_spec *x = a, *y = b;
        cleanup_free char *p = string_format("%u", x->port), *q = string_format("%u", y->port);

        return strcmp(p, q);
}

static void append_port(struct loader *l, struct node *list, const struct port_spec *spec,
                        const struct node *place)
{
        struct node *map = node_new(&l->arena, NODE_MAP, place), *target;

        set_text(l, map, "mode", "ingress");
        if (spec->ip)
                set_text(l, map, "host_ip", spec->ip);
        target = node_new(&l->arena, NODE_INT, place);
        target->integer = spec->port;
        node_set(&l->arena, map, "target", target);
        if (spec->published)
                set_text(l, map, "published", spec->published);
        set_text(l, map, "protocol", spec->protocol);
        node_append(&l->arena, list, map);
}

/* 1: what isn't substituted cannot be read. */
static int append_ports(struct loader *l, struct node *list, const struct node *entry)
{
        cleanup_error struct error why = {};
        struct port_spec *specs;
        size_t count;

        if (port_spec_parse(node_sprint(&l->arena, entry), &specs, &count, &why) < 0)
                return l->no_interpolate ? 1 : mistake(l, entry, "%s", error_message(&why));
        /* The reference sorts the ports of a range as texts. */
        qsort(specs, count, sizeof(*specs), compare_port_keys);
        for (size_t i = 0; i < count; i++)
                append_port(l, list, &specs[i], entry);
        port_specs_free(specs, count);
        return 0;
}

int canonical_ports(struct loader *l, const struct rule_node *at, struct node **node)
{
        struct node *list = node_new(&l->arena, NODE_LIST, *node);

        (void)at;
        if ((*node)->kind != NODE_LIST)
                return invalid_type(l, *node, "port");
        for (size_t i = 0; i < (*node)->count; i++) {
                struct node *entry = (*node)->items[i];

                loader_push(l, arena_format(&l->arena, "[%zu]", i));
                if (entry->kind == NODE_MAP) {
                        node_append(&l->arena, list, entry);
                } else if (entry->kind == NODE_INT || entry->kind == NODE_STRING) {
                        int r = append_ports(l, list, entry);

                        if (r != 0)
                                return r < 0 ? -1 : (loader_pop(l), 0);
                } else {
                        return invalid_type(l, entry, "port");
                }
                loader_pop(l);
        }
        *node = list;
        return 0;
}

/* ---- What says nothing ---- */

int omit_empty(struct loader *l, struct node *root)
{
        struct node *services = node_get(root, "services");

        (void)l;
        for (size_t i = 0; node_is(services, NODE_MAP) && i < services->count; i++) {
                struct node *dns = node_get(services->map.entries[i].value, "dns");
                size_t kept = 0;

                for (size_t j = 0; node_is(dns, NODE_LIST) && j < dns->count; j++) {
                        const struct node *item = dns->items[j];

                        if (item->kind != NODE_NULL && !(item->kind == NODE_STRING && !*item->string))
                                dns->items[kept++] = dns->items[j];
                }
                if (node_is(dns, NODE_LIST))
                        dns->count = kept;
        }
        return 0;
}
