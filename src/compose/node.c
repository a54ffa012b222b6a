#include "compose/node.h"
#include "base/str.h"

#include <math.h>
#include <stdio.h>

#define INDEX_FROM 16

struct node *node_new(struct arena *arena, enum node_kind kind, const struct node *place)
{
        struct node *node = arena_alloc(arena, sizeof(*node));

        node->kind = kind;
        if (place) {
                node->line = place->line;
                node->column = place->column;
                node->file = place->file;
        }
        if (kind == NODE_STRING)
                node->string = "";
        return node;
}

struct node *node_string(struct arena *arena, const char *text, const struct node *place)
{
        struct node *node = node_new(arena, NODE_STRING, place);

        node->string = arena_strdup(arena, text);
        return node;
}

struct node *node_bool(struct arena *arena, bool value, const struct node *place)
{
        struct node *node = node_new(arena, NODE_BOOL, place);

        node->boolean = value;
        return node;
}

struct node *node_copy(struct arena *arena, const struct node *node)
{
        struct node *copy = arena_alloc(arena, sizeof(*copy));

        *copy = *node;
        copy->room = copy->count;
        if (node->kind == NODE_MAP) {
                copy->map.entries = arena_alloc(arena, node->count * sizeof(*copy->map.entries));
                copy->map.index = NULL;
                for (size_t i = 0; i < node->count; i++) {
                        copy->map.entries[i] = node->map.entries[i];
                        copy->map.entries[i].value = node_copy(arena, node->map.entries[i].value);
                }
        } else if (node->kind == NODE_LIST) {
                copy->items = arena_alloc(arena, node->count * sizeof(*copy->items));
                for (size_t i = 0; i < node->count; i++)
                        copy->items[i] = node_copy(arena, node->items[i]);
        }
        return copy;
}

static bool maps_equal(const struct node *a, const struct node *b)
{
        for (size_t i = 0; i < a->count; i++) {
                const struct node *other = node_get(b, a->map.entries[i].key);

                if (!other || !node_equal(a->map.entries[i].value, other))
                        return false;
        }
        return true;
}

bool node_equal(const struct node *a, const struct node *b)
{
        if (a->kind != b->kind || a->count != b->count)
                return false;
        switch (a->kind) {
        case NODE_NULL:
                return true;
        case NODE_BOOL:
                return a->boolean == b->boolean;
        case NODE_INT:
                return a->integer == b->integer;
        case NODE_FLOAT:
                return a->number == b->number;
        case NODE_STRING:
                return streq(a->string, b->string);
        case NODE_MAP:
                return maps_equal(a, b);
        case NODE_LIST:
                for (size_t i = 0; i < a->count; i++)
                        if (!node_equal(a->items[i], b->items[i]))
                                return false;
                return true;
        }
        return false;
}

/* ---- Maps ---- */

static uint32_t hash_key(const char *key)
{
        uint32_t h = 2166136261u;

        for (; *key; key++)
                h = (h ^ (unsigned char)*key) * 16777619u;
        return h;
}

static void index_add(struct node *map, size_t i)
{
        size_t mask = map->map.index_size - 1, at = hash_key(map->map.entries[i].key) & mask;

        while (map->map.index[at])
                at = (at + 1) & mask;
        map->map.index[at] = (uint32_t)i + 1;
}

static void index_build(struct arena *arena, struct node *map)
{
        map->map.index_size = 64;
        while (map->map.index_size < map->count * 4)
                map->map.index_size *= 2;
        map->map.index = arena_alloc(arena, map->map.index_size * sizeof(*map->map.index));
        for (size_t i = 0; i < map->count; i++)
                index_add(map, i);
}

static struct node_entry *find(const struct node *map, const char *key)
{
        if (!node_is(map, NODE_MAP))
                return NULL;
        if (map->map.index) {
                size_t mask = map->map.index_size - 1;

                for (size_t at = hash_key(key) & mask; map->map.index[at]; at = (at + 1) & mask) {
                        struct node_entry *entry = &map->map.entries[map->map.index[at] - 1];

                        if (streq(entry->key, key))
                                return entry;
                }
                return NULL;
        }
        for (size_t i = 0; i < map->count; i++)
                if (streq(map->map.entries[i].key, key))
                        return &map->map.entries[i];
        return NULL;
}

struct node *node_get(const struct node *node, const char *key)
{
        struct node_entry *entry = find(node, key);

        return entry ? entry->value : NULL;
}

bool node_has(const struct node *node, const char *key)
{
        return find(node, key) != NULL;
}

const char *node_text(const struct node *node, const char *key)
{
        const struct node *value = node_get(node, key);

        return node_is(value, NODE_STRING) ? value->string : NULL;
}

static void *grow(struct arena *arena, void *old, size_t count, size_t room, size_t size)
{
        void *bigger = arena_alloc(arena, room * size);

        if (count)
                memcpy(bigger, old, count * size);
        return bigger;
}

void node_set(struct arena *arena, struct node *map, const char *key, struct node *value)
{
        struct node_entry *entry = find(map, key);

        if (entry) {
                entry->value = value;
                return;
        }
        if (map->count == map->room) {
                map->room = MAX(map->room * 2, 8);
                map->map.entries =
                    grow(arena, map->map.entries, map->count, map->room, sizeof(*map->map.entries));
        }
        map->map.entries[map->count++] = (struct node_entry){ key, value, value->line };
        if (map->map.index && map->count * 2 < map->map.index_size)
                index_add(map, map->count - 1);
        else if (map->map.index || map->count > INDEX_FROM)
                index_build(arena, map);
}

void node_remove_at(struct node *map, size_t i)
{
        memmove(&map->map.entries[i], &map->map.entries[i + 1],
                (map->count - i - 1) * sizeof(*map->map.entries));
        map->count--;
        map->map.index = NULL;
}

bool node_remove(struct node *map, const char *key)
{
        struct node_entry *entry = find(map, key);

        if (entry)
                node_remove_at(map, (size_t)(entry - map->map.entries));
        return entry != NULL;
}

void node_append(struct arena *arena, struct node *list, struct node *value)
{
        if (list->count == list->room) {
                list->room = MAX(list->room * 2, 8);
                list->items = grow(arena, list->items, list->count, list->room, sizeof(*list->items));
        }
        list->items[list->count++] = value;
}

static int compare_places(const void *a, const void *b, void *entries)
{
        const struct node_entry *e = entries;

        return strcmp(e[*(const size_t *)a].key, e[*(const size_t *)b].key);
}

size_t *node_sorted(const struct node *map)
{
        size_t *order = xcalloc(map->count + 1, sizeof(*order));

        for (size_t i = 0; i < map->count; i++)
                order[i] = i;
        qsort_r(order, map->count, sizeof(*order), compare_places, map->map.entries);
        return order;
}

/* ---- Text ---- */

void node_format_float(double value, bool single, char ret[NODE_FLOAT_MAX])
{
        int digits = 1, most = single ? 9 : 17, exponent;
        char text[NODE_FLOAT_MAX], *e;

        if (isnan(value) || isinf(value)) {
                snprintf(ret, NODE_FLOAT_MAX, "%s", isnan(value) ? "NaN" : value < 0 ? "-Inf" : "+Inf");
                return;
        }
        for (; digits <= most; digits++) {
                snprintf(text, sizeof(text), "%.*e", digits - 1, value);
                if (single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value)
                        break;
        }
        digits = MIN(digits, most);
        e = strchr(text, 'e');
        exponent = atoi(e + 1);
        if (exponent < -4 || exponent >= 21)
                snprintf(ret, NODE_FLOAT_MAX, "%.*se%c%02d", (int)(e - text), text, exponent < 0 ? '-' : '+',
                         abs(exponent));
        else
                snprintf(ret, NODE_FLOAT_MAX, "%.*f", MAX(digits - 1 - exponent, 0), value);
}

const char *node_sprint(struct arena *arena, const struct node *node)
{
        char text[NODE_FLOAT_MAX];

        switch (node->kind) {
        case NODE_NULL:
                return "<nil>";
        case NODE_BOOL:
                return node->boolean ? "true" : "false";
        case NODE_INT:
                return arena_format(arena, "%lld", (long long)node->integer);
        case NODE_FLOAT:
                node_format_float(node->number, node->single, text);
                return arena_strdup(arena, text);
        case NODE_STRING:
                return node->string;
        case NODE_MAP:
        case NODE_LIST:
                break;
        }
        return "";
}

static json_object *map_to_json(const struct node *node)
{
        cleanup_free size_t *order = node_sorted(node);
        json_object *out = json_object_new_object();

        for (size_t i = 0; i < node->count; i++)
                json_object_object_add(out, node->map.entries[order[i]].key,
                                       node_to_json(node->map.entries[order[i]].value));
        return out;
}

json_object *node_to_json(const struct node *node)
{
        char text[NODE_FLOAT_MAX];
        json_object *out;

        switch (node->kind) {
        case NODE_NULL:
                return NULL;
        case NODE_BOOL:
                return json_object_new_boolean(node->boolean);
        case NODE_INT:
                return json_object_new_int64(node->integer);
        case NODE_FLOAT:
                node_format_float(node->number, node->single, text);
                return json_object_new_double_s(node->number, text);
        case NODE_STRING:
                return json_object_new_string(node->string);
        case NODE_MAP:
                return map_to_json(node);
        case NODE_LIST:
                out = json_object_new_array();
                for (size_t i = 0; i < node->count; i++)
                        json_object_array_add(out, node_to_json(node->items[i]));
                return out;
        }
        return NULL;
}
