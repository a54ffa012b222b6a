/* Defaults, and what the schema cannot say about single attributes. */
#include "compose/loader-internal.h"

#include <arpa/inet.h>

static void set_default(struct loader *l, struct node *map, const char *key, const char *text)
{
        if (!node_has(map, key))
                node_set(&l->arena, map, key, node_string(&l->arena, text, map));
}

int default_build(struct loader *l, const struct rule_node *at, struct node **node)
{
        (void)at;
        if ((*node)->kind == NODE_MAP)
                set_default(l, *node, "context", ".");
        return 0;
}

int default_secret(struct loader *l, const struct rule_node *at, struct node **node)
{
        const char *source = node_text(*node, "source");

        (void)at;
        if ((*node)->kind != NODE_MAP)
                return mistake(l, *node, "%s: unsupported type %s", loader_path(l), node_type_name(*node));
        set_default(l, *node, "target", arena_format(&l->arena, "/run/secrets/%s", source ? source : ""));
        return 0;
}

int default_port(struct loader *l, const struct rule_node *at, struct node **node)
{
        (void)at;
        if ((*node)->kind == NODE_MAP) {
                set_default(l, *node, "protocol", "tcp");
                set_default(l, *node, "mode", "ingress");
        }
        return 0;
}

int default_device_request(struct loader *l, const struct rule_node *at, struct node **node)
{
        (void)at;
        if ((*node)->kind != NODE_MAP)
                return mistake(l, *node, "%s: invalid type %s for device request", loader_path(l),
                               node_type_name(*node));
        if (!node_has(*node, "device_ids"))
                set_default(l, *node, "count", "all");
        return 0;
}

int check_device_request(struct loader *l, const struct rule_node *at, struct node **node)
{
        (void)at;
        return node_has(*node, "count") && node_has(*node, "device_ids")
                   ? mistake(l, *node, "%s: \"count\" and \"device_ids\" attributes are exclusive",
                             loader_path(l))
                   : 0;
}

int check_port(struct loader *l, const struct rule_node *at, struct node **node)
{
        const char *ip = node_text(*node, "host_ip");
        struct in6_addr address;

        (void)at;
        return ip && inet_pton(AF_INET, ip, &address) != 1 && inet_pton(AF_INET6, ip, &address) != 1
                   ? mistake(l, node_get(*node, "host_ip"), "%s: invalid ip address: %s", loader_path(l), ip)
                   : 0;
}

int check_watch_path(struct loader *l, const struct rule_node *at, struct node **node)
{
        (void)at;
        return (*node)->kind == NODE_STRING && !*(*node)->string
                   ? mistake(l, *node, "%s: value can't be blank", loader_path(l))
                   : 0;
}

int check_volume(struct loader *l, const struct rule_node *at, struct node **node)
{
        const struct node *external = node_get(*node, "external");

        (void)at;
        if (!node_is(external, NODE_BOOL) || !external->boolean)
                return 0;
        for (size_t i = 0; i < (*node)->count; i++) {
                const char *key = (*node)->map.entries[i].key;

                if (!streq(key, "name") && !streq(key, "external") && !string_after(key, "x-"))
                        return mistake(l, (*node)->map.entries[i].value,
                                       "%s: conflicting parameters \"external\" and \"%s\" specified",
                                       loader_path(l), key);
        }
        return 0;
}

static int check_source(struct loader *l, const struct node *node, const char *const *keys, const char *shown)
{
        size_t count = 0;

        for (; *keys; keys++)
                count += node_has(node, *keys);
        if (count > 1)
                return mistake(l, node, "%s: %s attributes are mutually exclusive", loader_path(l), shown);
        if (count == 0 && !node_has(node, "driver") && !node_has(node, "external"))
                return mistake(l, node, "%s: one of %s must be set", loader_path(l), shown);
        return 0;
}

int check_config(struct loader *l, const struct rule_node *at, struct node **node)
{
        static const char *const keys[] = { "file", "environment", "content", NULL };

        (void)at;
        return check_source(l, *node, keys, "file|environment|content");
}

int check_secret(struct loader *l, const struct rule_node *at, struct node **node)
{
        static const char *const keys[] = { "file", "environment", NULL };

        (void)at;
        return check_source(l, *node, keys, "file|environment");
}
