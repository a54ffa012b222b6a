/* The tree that a Compose file is until it is bound to the typed project: what YAML said, with places. Nodes
 * live in an arena; strings are never NULL. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"

#include <stdint.h>

enum node_kind { NODE_NULL, NODE_BOOL, NODE_INT, NODE_FLOAT, NODE_STRING, NODE_MAP, NODE_LIST };

/* !reset: what earlier files say is dropped. !override: it is replaced instead of merged. */
enum node_mark { NODE_PLAIN, NODE_RESET, NODE_OVERRIDE };

struct node_entry {
        const char *key;
        struct node *value;
        int line;
};

struct node {
        enum node_kind kind;
        enum node_mark mark;
        bool single;      /* NODE_FLOAT of Go's float32 */
        int line, column; /* from 1; 0: made by us */
        const char *file;
        union {
                bool boolean;
                int64_t integer;
                double number;
                const char *string;
                struct {
                        struct node_entry *entries;
                        uint32_t *index; /* hash table of places + 1 when there are many */
                        size_t index_size;
                } map;
                struct node **items;
        };
        size_t count, room; /* of entries or items */
};

struct node *node_new(struct arena *arena, enum node_kind kind, const struct node *place);
struct node *node_string(struct arena *arena, const char *text, const struct node *place);
struct node *node_bool(struct arena *arena, bool value, const struct node *place);
struct node *node_copy(struct arena *arena, const struct node *node); /* deep */
bool node_equal(const struct node *a, const struct node *b);

static inline bool node_is(const struct node *node, enum node_kind kind)
{
        return node && node->kind == kind;
}

/* Of maps; a key that is absent gives NULL (a null value gives its node). Any `node` is allowed, NULL as
 * well. */
struct node *node_get(const struct node *node, const char *key);
bool node_has(const struct node *node, const char *key);
/* The string there, or NULL when it is absent or something else. */
const char *node_text(const struct node *node, const char *key);
/* `key` must live as long as the arena. */
void node_set(struct arena *arena, struct node *map, const char *key, struct node *value);
bool node_remove(struct node *map, const char *key);
void node_remove_at(struct node *map, size_t i);
void node_append(struct arena *arena, struct node *list, struct node *value);
/* The entries' places in the order of their keys; heap. */
size_t *node_sorted(const struct node *map);

/* A scalar as Go's fmt.Sprint shows it; arena. Maps and lists give "". */
const char *node_sprint(struct arena *arena, const struct node *node);
/* Go's strconv.FormatFloat(value, 'g', -1) with the exponent's limits of fmt and of JSON. */
#define NODE_FLOAT_MAX 40
void node_format_float(double value, bool single, char ret[NODE_FLOAT_MAX]);

/* The tree as JSON; keys sorted. */
json_object *node_to_json(const struct node *node);
