/* Events of libyaml to trees: aliases are copied where they stand (within YAML_NODES_MAX), merge keys are
 * applied, keys that come twice are refused. Recursion is bounded by YAML_DEPTH_MAX. */
#include "compose/yaml.h"
#include "base/str.h"

#include <yaml.h>

struct anchor {
        const char *name;
        struct node *node;
        size_t nodes; /* in it */
        bool open;    /* not complete: an alias to it would be a loop */
};

struct yaml_reader {
        yaml_parser_t parser;
        struct arena *arena;
        const char *file;
        size_t *nodes;
        struct anchor *anchors;
        size_t n_anchors;
        struct node *place; /* of a mistake; may be NULL */
        struct {
                const char *key; /* NULL: an index */
                size_t index;
        } way[YAML_DEPTH_MAX + 1]; /* to the node at hand, by depth */
};

static int read_node(struct yaml_reader *reader, yaml_event_t *event, size_t depth, struct node **ret,
                     struct error *err);

static void event_end(yaml_event_t *event)
{
        yaml_event_delete(event);
}
#define cleanup_event __attribute__((cleanup(event_end)))

struct yaml_reader *yaml_reader_new(struct arena *arena, const char *text, size_t len, const char *file,
                                    size_t *nodes)
{
        struct yaml_reader *reader = xcalloc(1, sizeof(*reader));

        *reader = (struct yaml_reader){ .arena = arena, .file = file, .nodes = nodes };
        if (!yaml_parser_initialize(&reader->parser))
                abort();
        yaml_parser_set_input_string(&reader->parser, (const unsigned char *)text, len);
        return reader;
}

void yaml_reader_free(struct yaml_reader *reader)
{
        yaml_parser_delete(&reader->parser);
        free(reader->anchors);
        free(reader);
}

static void set_place(struct yaml_reader *reader, size_t line, size_t column)
{
        if (reader->place)
                *reader->place =
                    (struct node){ .file = reader->file, .line = (int)line, .column = (int)column };
}

/* The reference counts lines from 1, but not for every kind of mistake. */
static int syntax_error(struct yaml_reader *reader, struct error *err)
{
        const yaml_parser_t *p = &reader->parser;
        size_t line = p->context_mark.line ? p->context_mark.line : p->problem_mark.line;
        const char *problem = p->problem ? p->problem : "unknown problem parsing YAML content";

        set_place(reader, p->problem_mark.line + 1, p->problem_mark.column + 1);
        if (p->error == YAML_READER_ERROR)
                return error_set(err, ERROR_INVALID, "yaml: %s", problem);
        if (!line)
                return error_set(err, ERROR_INVALID, "yaml: %s", problem);
        return error_set(err, ERROR_INVALID, "yaml: line %zu: %s", line + (p->error == YAML_SCANNER_ERROR),
                         problem);
}

static int next_event(struct yaml_reader *reader, yaml_event_t *ret, struct error *err)
{
        return yaml_parser_parse(&reader->parser, ret) ? 0 : syntax_error(reader, err);
}

static int mistake(struct yaml_reader *reader, const yaml_event_t *event, struct error *err, const char *what)
{
        set_place(reader, event->start_mark.line + 1, event->start_mark.column + 1);
        return error_set(err, ERROR_INVALID, "yaml: line %zu: %s", event->start_mark.line + 1, what);
}

static int count_nodes(struct yaml_reader *reader, const yaml_event_t *event, size_t more, struct error *err)
{
        *reader->nodes += more;
        return *reader->nodes > YAML_NODES_MAX
                   ? mistake(reader, event, err, "document contains excessive aliasing or too many nodes")
                   : 0;
}

static struct node *event_node(struct yaml_reader *reader, const yaml_event_t *event, enum node_kind kind,
                               const char *tag)
{
        struct node *node = node_new(reader->arena, kind, NULL);

        node->file = reader->file;
        node->line = (int)event->start_mark.line + 1;
        node->column = (int)event->start_mark.column + 1;
        node->mark = streq(tag, "!reset") ? NODE_RESET : streq(tag, "!override") ? NODE_OVERRIDE : NODE_PLAIN;
        return node;
}

/* ---- Anchors ---- */

static ssize_t anchor_open(struct yaml_reader *reader, const yaml_char_t *name, struct node *node)
{
        if (!name)
                return -1;
        ARRAY_APPEND(reader->anchors, reader->n_anchors,
                     ((struct anchor){ arena_strdup(reader->arena, (const char *)name), node, 0, true }));
        return (ssize_t)reader->n_anchors - 1;
}

static void anchor_close(struct yaml_reader *reader, ssize_t i, size_t nodes)
{
        if (i < 0)
                return;
        reader->anchors[i].open = false;
        reader->anchors[i].nodes = nodes;
}

static int read_alias(struct yaml_reader *reader, const yaml_event_t *event, struct node **ret,
                      struct error *err)
{
        const char *name = (const char *)event->data.alias.anchor;

        for (size_t i = reader->n_anchors; i-- > 0;) {
                struct anchor *anchor = &reader->anchors[i];

                if (!streq(anchor->name, name))
                        continue;
                if (anchor->open) {
                        set_place(reader, event->start_mark.line + 1, event->start_mark.column + 1);
                        return error_set(err, ERROR_INVALID, "yaml: anchor '%s' value contains itself", name);
                }
                if (count_nodes(reader, event, anchor->nodes, err) < 0)
                        return -1;
                *ret = node_copy(reader->arena, anchor->node);
                return 0;
        }
        set_place(reader, event->start_mark.line + 1, event->start_mark.column + 1);
        return error_set(err, ERROR_INVALID, "yaml: unknown anchor '%s' referenced", name);
}

/* ---- Scalars ---- */

static const struct {
        const char *tag, *shown;
        enum node_kind kind;
} scalar_tags[] = {
        { YAML_NULL_TAG, "!!null", NODE_NULL },
        { YAML_BOOL_TAG, "!!bool", NODE_BOOL },
        { YAML_INT_TAG, "!!int", NODE_INT },
        { YAML_FLOAT_TAG, "!!float", NODE_FLOAT },
};

static int resolve_tagged(struct yaml_reader *reader, const yaml_event_t *event, const char *tag,
                          struct node *node, struct error *err)
{
        const char *text = (const char *)event->data.scalar.value;

        for (size_t i = 0; i < ARRAY_SIZE(scalar_tags); i++) {
                cleanup_free char *what = NULL;

                if (!streq(tag, scalar_tags[i].tag))
                        continue;
                yaml_resolve(arena_strdup(reader->arena, text), node);
                if (node->kind == NODE_INT && scalar_tags[i].kind == NODE_FLOAT) {
                        node->kind = NODE_FLOAT;
                        node->number = (double)node->integer;
                }
                if (node->kind == scalar_tags[i].kind)
                        return 0;
                what = string_format("cannot decode !!str `%s` as a %s", text, scalar_tags[i].shown);
                return mistake(reader, event, err, what);
        }
        node->kind = NODE_STRING;
        node->string = arena_strdup(reader->arena, text);
        return 0;
}

static int read_scalar(struct yaml_reader *reader, const yaml_event_t *event, struct node **ret,
                       struct error *err)
{
        const char *text = (const char *)event->data.scalar.value,
                   *tag = (const char *)event->data.scalar.tag;
        struct node *node = event_node(reader, event, NODE_STRING, tag);

        if (strlen(text) != event->data.scalar.length)
                return mistake(reader, event, err, "control characters are not allowed");
        if (tag && node->mark == NODE_PLAIN && !streq(tag, "!")) {
                if (resolve_tagged(reader, event, tag, node, err) < 0)
                        return -1;
        } else if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
                yaml_resolve(arena_strdup(reader->arena, text), node);
        } else {
                node->string = arena_strdup(reader->arena, text);
        }
        anchor_close(reader, anchor_open(reader, event->data.scalar.anchor, node), 1);
        *ret = node;
        return 0;
}

/* ---- Collections ---- */

static int read_list(struct yaml_reader *reader, const yaml_event_t *start, size_t depth, struct node **ret,
                     struct error *err)
{
        struct node *list =
            event_node(reader, start, NODE_LIST, (const char *)start->data.sequence_start.tag);
        ssize_t anchor = anchor_open(reader, start->data.sequence_start.anchor, list);
        size_t before = *reader->nodes;

        for (;;) {
                cleanup_event yaml_event_t event = {};
                struct node *item;

                if (next_event(reader, &event, err) < 0)
                        return -1;
                if (event.type == YAML_SEQUENCE_END_EVENT)
                        break;
                reader->way[depth].key = NULL;
                reader->way[depth].index = list->count;
                if (read_node(reader, &event, depth + 1, &item, err) < 0)
                        return -1;
                node_append(reader->arena, list, item);
        }
        anchor_close(reader, anchor, *reader->nodes - before + 1);
        *ret = list;
        return 0;
}

static bool is_merge_key(const yaml_event_t *event)
{
        return event->type == YAML_SCALAR_EVENT && !event->data.scalar.tag &&
               event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
               streq((const char *)event->data.scalar.value, "<<");
}

/* What the map has itself wins; of several merged maps the first. */
static int merge_into(struct yaml_reader *reader, const yaml_event_t *event, struct node *map,
                      const struct node *from, struct error *err)
{
        if (from->kind == NODE_LIST) {
                for (size_t i = 0; i < from->count; i++)
                        if (!node_is(from->items[i], NODE_MAP) ||
                            merge_into(reader, event, map, from->items[i], err) < 0)
                                return mistake(reader, event, err->kind ? NULL : err,
                                               "map merge requires map or sequence of maps as the value");
                return 0;
        }
        if (from->kind != NODE_MAP)
                return mistake(reader, event, err, "map merge requires map or sequence of maps as the value");
        for (size_t i = 0; i < from->count; i++)
                if (!node_has(map, from->map.entries[i].key))
                        node_set(reader->arena, map, from->map.entries[i].key, from->map.entries[i].value);
        return 0;
}

static int non_string_key(struct yaml_reader *reader, const yaml_event_t *event, size_t depth,
                          const struct node *key, struct error *err)
{
        struct strbuf b = {};

        for (size_t i = 0; i < depth; i++) {
                if (reader->way[i].key)
                        strbuf_addf(&b, "%s%s", b.len ? "." : "", reader->way[i].key);
                else
                        strbuf_addf(&b, "[%zu]", reader->way[i].index);
        }
        set_place(reader, event->start_mark.line + 1, event->start_mark.column + 1);
        error_set(err, ERROR_INVALID, "non-string key %s%s: %s", b.len ? "in " : "at top level",
                  b.len ? b.data : "", key ? node_sprint(reader->arena, key) : "a collection");
        strbuf_deinit(&b);
        return -1;
}

static int read_key(struct yaml_reader *reader, const yaml_event_t *event, size_t depth, const char **ret,
                    struct error *err)
{
        struct node *node = NULL, plain = {};

        /* The usual key needs no node of its own. */
        if (event->type == YAML_SCALAR_EVENT && !event->data.scalar.anchor && !event->data.scalar.tag &&
            strlen((const char *)event->data.scalar.value) == event->data.scalar.length) {
                plain.kind = NODE_STRING;
                if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
                        yaml_resolve((const char *)event->data.scalar.value, &plain);
                if (plain.kind == NODE_STRING) {
                        *ret = arena_strndup(reader->arena, (const char *)event->data.scalar.value,
                                             event->data.scalar.length);
                        return 0;
                }
        }
        if (event->type == YAML_ALIAS_EVENT) {
                if (read_alias(reader, event, &node, err) < 0)
                        return -1;
        } else if (event->type == YAML_SCALAR_EVENT) {
                if (read_scalar(reader, event, &node, err) < 0)
                        return -1;
        }
        if (node_is(node, NODE_STRING)) {
                *ret = node->string;
                return 0;
        }
        return non_string_key(reader, event, depth, node, err);
}

static int read_entry(struct yaml_reader *reader, const yaml_event_t *key_event, size_t depth,
                      struct node *map, struct node **ret_merge, struct error *err)
{
        cleanup_event yaml_event_t event = {};
        int line = (int)key_event->start_mark.line + 1;
        const char *key = "<<";
        struct node *value;

        if (!is_merge_key(key_event) && read_key(reader, key_event, depth, &key, err) < 0)
                return -1;
        reader->way[depth].key = key;
        for (size_t i = 0; node_has(map, key) && i < map->count; i++)
                if (streq(map->map.entries[i].key, key)) {
                        set_place(reader, (size_t)line, key_event->start_mark.column + 1);
                        return error_set(err, ERROR_INVALID,
                                         "line %d: mapping key \"%s\" already defined at line %d", line, key,
                                         map->map.entries[i].line);
                }
        if (next_event(reader, &event, err) < 0 || read_node(reader, &event, depth + 1, &value, err) < 0)
                return -1;
        if (is_merge_key(key_event)) {
                if (*ret_merge) {
                        set_place(reader, (size_t)line, key_event->start_mark.column + 1);
                        return error_set(err, ERROR_INVALID, "line %d: mapping key \"<<\" already defined",
                                         line);
                }
                *ret_merge = value;
                return 0;
        }
        node_set(reader->arena, map, key, value);
        map->map.entries[map->count - 1].line = line;
        return 0;
}

static int read_map(struct yaml_reader *reader, const yaml_event_t *start, size_t depth, struct node **ret,
                    struct error *err)
{
        struct node *map = event_node(reader, start, NODE_MAP, (const char *)start->data.mapping_start.tag),
                    *merge = NULL;
        ssize_t anchor = anchor_open(reader, start->data.mapping_start.anchor, map);
        size_t before = *reader->nodes;

        for (;;) {
                cleanup_event yaml_event_t event = {};

                if (next_event(reader, &event, err) < 0)
                        return -1;
                if (event.type == YAML_MAPPING_END_EVENT)
                        break;
                if (count_nodes(reader, &event, 1, err) < 0 ||
                    read_entry(reader, &event, depth, map, &merge, err) < 0)
                        return -1;
        }
        if (merge && merge_into(reader, start, map, merge, err) < 0)
                return -1;
        anchor_close(reader, anchor, *reader->nodes - before + 1);
        *ret = map;
        return 0;
}

static int read_node(struct yaml_reader *reader, yaml_event_t *event, size_t depth, struct node **ret,
                     struct error *err)
{
        if (depth > YAML_DEPTH_MAX)
                return mistake(reader, event, err, "exceeded max depth");
        if (count_nodes(reader, event, 1, err) < 0)
                return -1;
        switch (event->type) {
        case YAML_ALIAS_EVENT:
                return read_alias(reader, event, ret, err);
        case YAML_SCALAR_EVENT:
                return read_scalar(reader, event, ret, err);
        case YAML_SEQUENCE_START_EVENT:
                return read_list(reader, event, depth, ret, err);
        case YAML_MAPPING_START_EVENT:
                return read_map(reader, event, depth, ret, err);
        default:
                return mistake(reader, event, err, "unexpected content");
        }
}

/* ---- Marks ---- */

struct mark_walk {
        struct arena *arena;
        struct yaml_document *document;
        const char *keys[YAML_DEPTH_MAX + 1];
        int too_deep; /* the line where the tree is, with its aliases, too deep; else 0 */
};

static void record_mark(struct mark_walk *walk, size_t depth)
{
        struct yaml_mark mark = { arena_alloc(walk->arena, depth * sizeof(*mark.keys)), depth };
        struct yaml_document *d = walk->document;

        memcpy(mark.keys, walk->keys, depth * sizeof(*mark.keys));
        if ((d->n_marks & (d->n_marks - 1)) == 0) {
                struct yaml_mark *bigger = arena_alloc(walk->arena, MAX(d->n_marks * 2, 1) * sizeof(*bigger));

                if (d->n_marks)
                        memcpy(bigger, d->marks, d->n_marks * sizeof(*bigger));
                d->marks = bigger;
        }
        d->marks[d->n_marks++] = mark;
}

/* Notes the marked paths; what is !reset goes from the tree itself. -1: too deep (aliases make it deeper). */
static int collect_marks(struct mark_walk *walk, struct node *node, size_t depth)
{
        size_t kept = 0;

        if (depth >= ARRAY_SIZE(walk->keys)) {
                walk->too_deep = node->line;
                return -1;
        }
        for (size_t i = 0; node->kind == NODE_MAP && i < node->count;) {
                struct node *value = node->map.entries[i].value;

                walk->keys[depth] = node->map.entries[i].key;
                if (value->mark != NODE_PLAIN)
                        record_mark(walk, depth + 1);
                if (value->mark == NODE_RESET) {
                        node_remove_at(node, i);
                        continue;
                }
                if (collect_marks(walk, value, depth + 1) < 0)
                        return -1;
                i++;
        }
        if (node->kind != NODE_LIST)
                return 0;
        walk->keys[depth] = "[]";
        for (size_t i = 0; i < node->count; i++) {
                if (node->items[i]->mark == NODE_RESET)
                        continue;
                if (collect_marks(walk, node->items[i], depth + 1) < 0)
                        return -1;
                node->items[kept++] = node->items[i];
        }
        node->count = kept;
        return 0;
}

/* ---- Documents ---- */

/* 1: the event that begins a document's content is in `ret`. */
static int begin_document(struct yaml_reader *reader, yaml_event_t *ret, struct error *err)
{
        for (;;) {
                if (next_event(reader, ret, err) < 0)
                        return -1;
                switch (ret->type) {
                case YAML_STREAM_END_EVENT:
                case YAML_NO_EVENT:
                        return 0;
                case YAML_STREAM_START_EVENT:
                case YAML_DOCUMENT_START_EVENT:
                case YAML_DOCUMENT_END_EVENT:
                        yaml_event_delete(ret);
                        continue;
                default:
                        return 1;
                }
        }
}

int yaml_read(struct yaml_reader *reader, struct yaml_document *ret, struct node *ret_place,
              struct error *err)
{
        cleanup_event yaml_event_t event = {};
        struct yaml_document document = {};
        struct mark_walk walk = { .arena = reader->arena, .document = &document };
        int r;

        reader->place = ret_place;
        reader->n_anchors = 0;
        r = begin_document(reader, &event, err);
        if (r <= 0)
                return r;
        if (read_node(reader, &event, 0, &document.root, err) < 0)
                return -1;
        if (collect_marks(&walk, document.root, 0) < 0)
                return error_set(err, ERROR_INVALID, "yaml: line %d: exceeded max depth", walk.too_deep);
        *ret = document;
        return 1;
}
