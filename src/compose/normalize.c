/* What files may leave out is put in its place: the default network, names on the engine, dependencies that
 * other attributes imply. */
#include "compose/loader-internal.h"
#include "base/path.h"

static void set_text(struct loader *l, struct node *map, const char *key, const char *text)
{
        node_set(&l->arena, map, key, node_string(&l->arena, text, map));
}

static struct node *make_map(struct loader *l, struct node *map, const char *key)
{
        struct node *value = node_get(map, key);

        if (!node_is(value, NODE_MAP)) {
                value = node_new(&l->arena, NODE_MAP, map);
                node_set(&l->arena, map, key, value);
        }
        return value;
}

/* ---- Networks ---- */

/* Whether the service is on the default network (where it now is when it is on none). */
static bool place_on_network(struct loader *l, struct node *service)
{
        struct node *networks = node_get(service, "networks");

        if (node_has(service, "provider") || node_has(service, "network_mode"))
                return false;
        if (node_is(networks, NODE_MAP) && networks->count)
                return node_has(networks, "default");
        networks = node_new(&l->arena, NODE_MAP, service);
        node_set(&l->arena, networks, "default", node_new(&l->arena, NODE_NULL, service));
        node_set(&l->arena, service, "networks", networks);
        return true;
}

static void normalize_networks(struct loader *l, struct node *root)
{
        struct node *services = node_get(root, "services"), *networks;
        bool used = false;

        for (size_t i = 0; node_is(services, NODE_MAP) && i < services->count; i++)
                used |= place_on_network(l, services->map.entries[i].value);
        if (!used)
                return;
        networks = make_map(l, root, "networks");
        if (!node_has(networks, "default"))
                node_set(&l->arena, networks, "default", node_new(&l->arena, NODE_NULL, networks));
}

/* ---- Dependencies ---- */

static void depend(struct loader *l, struct node *service, const char *on, size_t len, bool restart)
{
        struct node *all = make_map(l, service, "depends_on"), *one;
        const char *name = arena_strndup(&l->arena, on, len);

        if (node_has(all, name))
                return;
        one = node_new(&l->arena, NODE_MAP, service);
        set_text(l, one, "condition", "service_started");
        node_set(&l->arena, one, "restart", node_bool(&l->arena, restart, service));
        node_set(&l->arena, one, "required", node_bool(&l->arena, true, service));
        node_set(&l->arena, all, name, one);
}

static void imply_dependencies(struct loader *l, struct node *service)
{
        static const char *const namespaces[] = { "network_mode", "ipc", "pid", "uts", "cgroup" };
        const struct node *links = node_get(service, "links"), *from = node_get(service, "volumes_from");

        for (size_t i = 0; node_is(links, NODE_LIST) && i < links->count; i++) {
                const char *link = node_sprint(&l->arena, links->items[i]), *colon = strchr(link, ':');

                /* Two parts are SERVICE:ALIAS. */
                depend(l, service, link,
                       colon && !strchr(colon + 1, ':') ? (size_t)(colon - link) : strlen(link), true);
        }
        for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
                const char *text = node_text(service, namespaces[i]),
                           *other = text ? string_after(text, "service:") : NULL;

                if (other)
                        depend(l, service, other, strlen(other), true);
        }
        for (size_t i = 0; node_is(from, NODE_LIST) && i < from->count; i++) {
                const char *text = node_sprint(&l->arena, from->items[i]);

                if (!string_after(text, "container:"))
                        depend(l, service, text, strcspn(text, ":"), false);
        }
}

/* ---- Services ---- */

/* Names without a value get the environment's; `keep`: those that are unknown stay. */
static void resolve_names(struct loader *l, struct node *node, bool keep)
{
        size_t kept = 0;

        for (size_t i = 0; node_is(node, NODE_MAP) && i < node->count;) {
                struct node_entry *entry = &node->map.entries[i];
                const char *value =
                    entry->value->kind == NODE_NULL ? environment_get(l->scope.env, entry->key) : NULL;

                if (value)
                        entry->value = node_string(&l->arena, value, entry->value);
                if (entry->value->kind == NODE_NULL && !keep)
                        node_remove_at(node, i);
                else
                        i++;
        }
        for (size_t i = 0; node_is(node, NODE_LIST) && i < node->count; i++) {
                struct node *item = node->items[i];
                bool alone = item->kind == NODE_STRING && !strchr(item->string, '=');
                const char *value = alone ? environment_get(l->scope.env, item->string) : NULL;

                if (value)
                        item->string = arena_format(&l->arena, "%s=%s", item->string, value);
                if (!alone || value || keep)
                        node->items[kept++] = item;
        }
        if (node_is(node, NODE_LIST))
                node->count = kept;
}

static void normalize_build(struct loader *l, struct node *build)
{
        if (!node_has(build, "context"))
                set_text(l, build, "context", ".");
        if (!node_has(build, "dockerfile") && !node_has(build, "dockerfile_inline"))
                set_text(l, build, "dockerfile", "Dockerfile");
        resolve_names(l, node_get(build, "args"), false);
}

static int normalize_mounts(struct loader *l, struct node *mounts)
{
        for (size_t i = 0; node_is(mounts, NODE_LIST) && i < mounts->count; i++) {
                const char *target = node_text(mounts->items[i], "target");
                cleanup_free char *clean = target ? path_clean(target) : NULL;

                if (clean)
                        set_text(l, mounts->items[i], "target", clean);
        }
        return 0;
}

static void normalize_service(struct loader *l, struct node *service)
{
        struct node *build = node_get(service, "build");

        if (streq(node_text(service, "pull_policy"), "if_not_present"))
                set_text(l, service, "pull_policy", "missing");
        if (node_is(build, NODE_MAP))
                normalize_build(l, build);
        resolve_names(l, node_get(service, "environment"), true);
        imply_dependencies(l, service);
        normalize_mounts(l, node_get(service, "volumes"));
}

/* ---- Names on the engine ---- */

static bool is_external(const struct node *resource)
{
        const struct node *external = node_get(resource, "external");
        bool value = false;

        if (node_is(external, NODE_STRING))
                string_to_bool(external->string, &value);
        return value || (node_is(external, NODE_BOOL) && external->boolean);
}

static void name_resources(struct loader *l, struct node *root, const char *section, const char *project)
{
        struct node *all = node_get(root, section);

        for (size_t i = 0; node_is(all, NODE_MAP) && i < all->count; i++) {
                struct node_entry *entry = &all->map.entries[i];

                if (entry->value->kind != NODE_MAP)
                        entry->value = node_new(&l->arena, NODE_MAP, entry->value);
                if (node_has(entry->value, "name"))
                        continue;
                set_text(l, entry->value, "name",
                         is_external(entry->value) ? entry->key
                                                   : arena_format(&l->arena, "%s_%s", project, entry->key));
        }
}

int normalize(struct loader *l, struct node *root, const char *project_name)
{
        static const char *const sections[] = { "networks", "volumes", "configs", "secrets" };
        struct node *services = node_get(root, "services");

        normalize_networks(l, root);
        for (size_t i = 0; node_is(services, NODE_MAP) && i < services->count; i++)
                if (services->map.entries[i].value->kind == NODE_MAP)
                        normalize_service(l, services->map.entries[i].value);
        for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
                name_resources(l, root, sections[i], project_name);
        return 0;
}
