/* Sequences whose entries stand for one thing each: a later entry takes the place of an earlier one. */
#include "compose/loader-internal.h"
#include "compose/mount-spec.h"

/* NAME of NAME=VALUE. */
int unique_key(struct loader *l, const struct node *entry, const char **ret)
{
        if (entry->kind != NODE_STRING)
                return mistake(l, entry, "%s: unexpected type %s", loader_path(l), node_type_name(entry));
        *ret = arena_strndup(&l->arena, entry->string, strcspn(entry->string, "="));
        return 0;
}

int unique_mount(struct loader *l, const struct node *entry, const char **ret)
{
        if (entry->kind == NODE_MAP) {
                *ret = node_text(entry, "target");
                return *ret
                           ? 0
                           : mistake(l, entry, "service volume %s is missing a mount target", loader_path(l));
        }
        if (entry->kind == NODE_STRING) {
                cleanup_error struct error why = {};
                struct mount_spec spec;

                if (mount_spec_parse(&l->arena, entry->string, &spec, &why) < 0)
                        return mistake(l, entry, "%s", error_message(&why));
                *ret = spec.target ? spec.target : "";
        }
        return 0;
}

int unique_device(struct loader *l, const struct node *entry, const char **ret)
{
        if (entry->kind == NODE_MAP) {
                *ret = node_text(entry, "target");
                return *ret
                           ? 0
                           : mistake(l, entry, "service device %s is missing a mount target", loader_path(l));
        }
        if (entry->kind == NODE_STRING) {
                const char *colon = strchr(entry->string, ':');

                *ret = colon ? arena_strndup(&l->arena, colon + 1, strcspn(colon + 1, ":")) : entry->string;
        }
        return 0;
}

int unique_expose(struct loader *l, const struct node *entry, const char **ret)
{
        if (entry->kind != NODE_STRING && entry->kind != NODE_INT)
                return mistake(l, entry, "%s: unsupported expose value %s", loader_path(l),
                               node_sprint(&l->arena, entry));
        *ret = node_sprint(&l->arena, entry);
        return 0;
}

static int unique_reference(struct loader *l, const struct node *entry, const char *folder, const char **ret)
{
        const char *target = node_text(entry, "target"), *source;

        if (entry->kind != NODE_STRING && entry->kind != NODE_MAP)
                return mistake(l, entry, "%s: unsupported expose value %s", loader_path(l),
                               node_sprint(&l->arena, entry));
        source = entry->kind == NODE_STRING ? entry->string : node_text(entry, "source");
        *ret = target ? target : arena_format(&l->arena, "%s/%s", folder, source ? source : "");
        return 0;
}

int unique_config(struct loader *l, const struct node *entry, const char **ret)
{
        return unique_reference(l, entry, "", ret);
}

int unique_secret(struct loader *l, const struct node *entry, const char **ret)
{
        return unique_reference(l, entry, "/run/secrets", ret);
}

int unique_port(struct loader *l, const struct node *entry, const char **ret)
{
        const struct node *target = node_get(entry, "target"), *published = node_get(entry, "published"),
                          *host = node_get(entry, "host_ip"), *protocol = node_get(entry, "protocol");

        if (entry->kind == NODE_INT || entry->kind == NODE_STRING)
                *ret = node_sprint(&l->arena, entry);
        if (entry->kind != NODE_MAP)
                return 0;
        if (!target)
                return mistake(l, entry, "service ports %s is missing a target port", loader_path(l));
        *ret =
            arena_format(&l->arena, "%s:%s:%s/%s", host ? node_sprint(&l->arena, host) : "0.0.0.0",
                         published ? node_sprint(&l->arena, published) : "", node_sprint(&l->arena, target),
                         protocol ? node_sprint(&l->arena, protocol) : "tcp");
        return 0;
}

int unique_env_file(struct loader *l, const struct node *entry, const char **ret)
{
        if (entry->kind == NODE_STRING)
                *ret = entry->string;
        if (entry->kind != NODE_MAP)
                return 0;
        *ret = node_text(entry, "path");
        return *ret ? 0 : mistake(l, entry, "environment path attribute %s is missing", loader_path(l));
}

/* ---- The pass ---- */

static int keep_last(struct loader *l, rule_unique unique, struct node *list)
{
        struct node *places = node_new(&l->arena, NODE_MAP, NULL); /* key → NODE_INT of its place */
        size_t kept = 0;

        for (size_t i = 0; i < list->count; i++) {
                const char *key = "";
                struct node *place;

                loader_push(l, arena_format(&l->arena, "[%zu]", i));
                if (unique(l, list->items[i], &key) < 0)
                        return -1;
                loader_pop(l);
                place = node_get(places, key);
                if (place) {
                        list->items[place->integer] = list->items[i];
                        continue;
                }
                place = node_new(&l->arena, NODE_INT, NULL);
                place->integer = (int64_t)kept;
                node_set(&l->arena, places, key, place);
                list->items[kept++] = list->items[i];
        }
        list->count = kept;
        return 0;
}

static int walk(struct loader *l, const struct rule_node *at, struct node *node)
{
        const struct rule *rule = rules_here(at);

        if (node->kind == NODE_LIST && rule && rule->unique)
                return keep_last(l, rule->unique, node);
        for (size_t i = 0; at && node->kind == NODE_MAP && i < node->count; i++) {
                const char *key = node->map.entries[i].key;

                loader_push(l, key);
                if (walk(l, rules_child(at, key), node->map.entries[i].value) < 0)
                        return -1;
                loader_pop(l);
        }
        return 0;
}

int remove_duplicates(struct loader *l, struct node *root)
{
        return walk(l, l->rules, root);
}
