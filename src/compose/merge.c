/* Later files over earlier ones, extending services over extended ones. */
#include "compose/loader-internal.h"

static int merge_nodes(struct loader *l, const struct rule_node *at, struct node *base, struct node *over,
                       struct node **ret);

static int merge_maps(struct loader *l, const struct rule_node *at, struct node *base, struct node *over,
                      struct node **ret)
{
        for (size_t i = 0; i < over->count; i++) {
                const char *key = over->map.entries[i].key;
                struct node *value = over->map.entries[i].value, *old = node_get(base, key);

                if (old) {
                        loader_push(l, key);
                        if (merge_nodes(l, rules_child(at, key), old, value, &value) < 0)
                                return -1;
                        loader_pop(l);
                }
                node_set(&l->arena, base, key, value);
        }
        *ret = base;
        return 0;
}

static void append_all(struct loader *l, struct node *list, const struct node *other)
{
        for (size_t i = 0; i < other->count; i++)
                node_append(&l->arena, list, other->items[i]);
}

static int merge_nodes(struct loader *l, const struct rule_node *at, struct node *base, struct node *over,
                       struct node **ret)
{
        const struct rule *rule = rules_here(at);

        if (rule && rule->merge)
                return rule->merge(l, at, base, over, ret);
        *ret = over->kind == NODE_NULL ? base : over;
        if (over->kind == NODE_NULL || (base->kind != NODE_MAP && base->kind != NODE_LIST))
                return 0;
        if (base->kind != over->kind)
                return mistake(l, over, "cannot override %s", loader_path(l));
        if (base->kind == NODE_MAP)
                return merge_maps(l, at, base, over, ret);
        append_all(l, base, over);
        *ret = base;
        return 0;
}

int merge_trees(struct loader *l, struct node *base, struct node *over, struct node **ret)
{
        return merge_nodes(l, l->rules, base, over, ret);
}

int merge_service(struct loader *l, struct node *base, struct node *over, struct node **ret)
{
        const struct rule_node *at = rules_child(rules_child(l->rules, "services"), "*");
        int r;

        loader_push(l, "services");
        loader_push(l, "x");
        r = merge_nodes(l, at, base, over, ret);
        if (r == 0) {
                loader_pop(l);
                loader_pop(l);
        }
        return r;
}

/* ---- Attributes with rules of their own ---- */

int merge_override(struct loader *l, const struct rule_node *at, struct node *base, struct node *over,
                   struct node **ret)
{
        (void)l, (void)at, (void)base;
        *ret = over;
        return 0;
}

/* {a: 1, b: null, c: [x, y]} → a=1, b, c=x, c=y, sorted. */
static struct node *map_to_sequence(struct loader *l, const struct node *map)
{
        cleanup_free size_t *order = node_sorted(map);
        struct node *list = node_new(&l->arena, NODE_LIST, map);

        for (size_t i = 0; i < map->count; i++) {
                const char *key = map->map.entries[order[i]].key;
                const struct node *value = map->map.entries[order[i]].value;

                if (value->kind == NODE_NULL) {
                        node_append(&l->arena, list, node_string(&l->arena, key, value));
                        continue;
                }
                for (size_t j = 0; j < (value->kind == NODE_LIST ? value->count : 1); j++) {
                        const struct node *one = value->kind == NODE_LIST ? value->items[j] : value;
                        struct node *text = node_new(&l->arena, NODE_STRING, one);

                        text->string = arena_format(&l->arena, "%s=%s", key, node_sprint(&l->arena, one));
                        node_append(&l->arena, list, text);
                }
        }
        return list;
}

static struct node *to_sequence(struct loader *l, struct node *node)
{
        struct node *list;

        if (node->kind == NODE_MAP)
                return map_to_sequence(l, node);
        if (node->kind == NODE_LIST)
                return node;
        list = node_new(&l->arena, NODE_LIST, node);
        if (node->kind == NODE_STRING)
                node_append(&l->arena, list, node);
        return list;
}

int merge_sequence(struct loader *l, const struct rule_node *at, struct node *base, struct node *over,
                   struct node **ret)
{
        (void)at;
        *ret = to_sequence(l, base);
        append_all(l, *ret, to_sequence(l, over));
        return 0;
}

static bool contains(const struct node *list, const struct node *item)
{
        for (size_t i = 0; i < list->count; i++)
                if (node_equal(list->items[i], item))
                        return true;
        return false;
}

int merge_extra_hosts(struct loader *l, const struct rule_node *at, struct node *base, struct node *over,
                      struct node **ret)
{
        struct node *left = to_sequence(l, base), *right = to_sequence(l, over);
        size_t before = left->count;

        (void)at;
        for (size_t i = 0; i < right->count; i++) {
                struct node old = *left;

                old.count = before;
                if (!contains(&old, right->items[i]))
                        node_append(&l->arena, left, right->items[i]);
        }
        *ret = left;
        return 0;
}

static struct node *to_build(struct loader *l, struct node *node)
{
        struct node *map;

        if (node->kind == NODE_MAP)
                return node;
        map = node_new(&l->arena, NODE_MAP, node);
        if (node->kind == NODE_STRING)
                node_set(&l->arena, map, "context", node);
        return map;
}

int merge_build(struct loader *l, const struct rule_node *at, struct node *base, struct node *over,
                struct node **ret)
{
        return merge_maps(l, at, to_build(l, base), to_build(l, over), ret);
}

/* [a, b] → {a: …, b: …}, each with what `fill` puts there. */
static int to_named(struct loader *l, struct node *node, bool dependency, struct node **ret)
{
        struct node *map;

        if (node->kind == NODE_MAP) {
                *ret = node;
                return 0;
        }
        map = node_new(&l->arena, NODE_MAP, node);
        for (size_t i = 0; node->kind == NODE_LIST && i < node->count; i++) {
                struct node *item = node->items[i],
                            *value = node_new(&l->arena, dependency ? NODE_MAP : NODE_NULL, item);

                if (item->kind != NODE_STRING)
                        return mistake(l, item, "%s must be a string", loader_path(l));
                if (dependency) {
                        node_set(&l->arena, value, "condition",
                                 node_string(&l->arena, "service_started", item));
                        node_set(&l->arena, value, "required", node_bool(&l->arena, true, item));
                }
                node_set(&l->arena, map, item->string, value);
        }
        *ret = map;
        return 0;
}

static int merge_as_named(struct loader *l, const struct rule_node *at, struct node *base, struct node *over,
                          bool dependency, struct node **ret)
{
        if (to_named(l, base, dependency, &base) < 0 || to_named(l, over, dependency, &over) < 0)
                return -1;
        return merge_maps(l, at, base, over, ret);
}

int merge_named(struct loader *l, const struct rule_node *at, struct node *base, struct node *over,
                struct node **ret)
{
        return merge_as_named(l, at, base, over, false, ret);
}

int merge_depends_on(struct loader *l, const struct rule_node *at, struct node *base, struct node *over,
                     struct node **ret)
{
        return merge_as_named(l, at, base, over, true, ret);
}

/* Options belong to a driver: with another driver they are not kept. */
int merge_logging(struct loader *l, const struct rule_node *at, struct node *base, struct node *over,
                  struct node **ret)
{
        const struct node *old = node_get(base, "driver"), *new = node_get(over, "driver");

        if (base->kind != NODE_MAP || over->kind != NODE_MAP)
                return mistake(l, over, "%s must be a mapping", loader_path(l));
        if (!old || !new || node_equal(old, new))
                return merge_maps(l, at, base, over, ret);
        *ret = over;
        return 0;
}

static bool same_subnet(const struct node *a, const struct node *b)
{
        const struct node *x = node_get(a, "subnet"), *y = node_get(b, "subnet");

        return x == y || (x && y && node_equal(x, y));
}

/* Where a pool of the same subnet is; their count when there is none. */
static size_t find_pool(const struct node *pools, const struct node *pool)
{
        size_t i = 0;

        while (i < pools->count && !same_subnet(pools->items[i], pool))
                i++;
        return i;
}

/* Address pools are told apart by their subnet. What the reference makes of other subnets is kept: pools of
 * the later file replace those of the earlier one. */
int merge_ipam(struct loader *l, const struct rule_node *at, struct node *base, struct node *over,
               struct node **ret)
{
        struct node *pools = node_new(&l->arena, NODE_LIST, over);

        if (base->kind != NODE_LIST || over->kind != NODE_LIST)
                return mistake(l, over, "%s: unexpected type %s", loader_path(l),
                               node_type_name(base->kind != NODE_LIST ? base : over));
        for (size_t i = 0; i < base->count * over->count; i++) {
                struct node *old = base->items[i / over->count], *new = over->items[i % over->count], *merged;
                size_t found;

                if (old->kind != NODE_MAP || new->kind != NODE_MAP)
                        return mistake(l, new, "%s must be a mapping", loader_path(l));
                if (!same_subnet(old, new) && find_pool(pools, new) == pools->count) {
                        node_append(&l->arena, pools, new);
                        continue;
                }
                if (merge_maps(l, at, old, new, &merged) < 0)
                        return -1;
                found = find_pool(pools, merged);
                if (found < pools->count)
                        pools->items[found] = merged;
                else
                        node_append(&l->arena, pools, merged);
        }
        *ret = pools;
        return 0;
}

/* ---- !reset and !override ---- */

/* Whether the keys on the way down to here still fit. */
static bool starts_with(const struct yaml_mark *mark, const char *const *keys, size_t count)
{
        if (mark->count <= count)
                return false;
        for (size_t i = 0; i < count; i++)
                if (!streq(mark->keys[i], keys[i]))
                        return false;
        return true;
}

void apply_marks(const struct yaml_mark *marks, size_t count, struct node *root,
                 const char *const *keys_before, size_t n_before)
{
        for (size_t i = 0; i < count; i++) {
                struct node *at = root;

                if (!starts_with(&marks[i], keys_before, n_before))
                        continue;
                for (size_t k = n_before; at && k + 1 < marks[i].count; k++)
                        at = node_get(at, marks[i].keys[k]);
                if (node_is(at, NODE_MAP))
                        node_remove(at, marks[i].keys[marks[i].count - 1]);
        }
}
