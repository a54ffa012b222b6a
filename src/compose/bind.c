/* A canonical tree to the typed project, by the tables of model.c. */
#include "base/time.h"
#include "base/units.h"
#include "compose/attribute.h"
#include "compose/loader-internal.h"
#include "compose/words.h"

#include <errno.h>
#include <stdio.h>

#define AT(type, p) (*(type *)(p))

/* Where in the model: services[web].ports[0].target. */
struct way {
        const struct way *from;
        const char *key; /* NULL: an index */
        size_t index;
        bool member; /* of a struct: ".key"; else "[key]" */
};

static int bind_struct(struct loader *l, const struct way *way, const struct attribute_table *table,
                       const struct node *node, void *out);

static void add_way(struct strbuf *b, const struct way *way)
{
        if (!way)
                return;
        add_way(b, way->from);
        if (!way->key)
                strbuf_addf(b, "[%zu]", way->index);
        else if (way->member)
                strbuf_addf(b, "%s%s", b->len ? "." : "", way->key);
        else
                strbuf_addf(b, "[%s]", way->key);
}

static int cannot(struct loader *l, const struct way *way, const struct node *node, const char *why)
{
        struct strbuf b = {};

        add_way(&b, way);
        mistake(l, node, "decoding failed due to the following error(s):\n\n'%s' %s", b.data ? b.data : "",
                why);
        strbuf_deinit(&b);
        return -1;
}

static int cannot_error(struct loader *l, const struct way *way, const struct node *node, struct error *why)
{
        cannot(l, way, node, error_message(why));
        error_clear(why);
        return -1;
}

static int wrong_type(struct loader *l, const struct way *way, const struct node *node, const char *wanted)
{
        return cannot(l, way, node,
                      arena_format(&l->arena, "expected type '%s', got unconvertible type '%s'", wanted,
                                   node_type_name(node)));
}

/* ---- Scalars ---- */

static int bind_string(struct loader *l, const struct way *way, const struct node *node, char **ret)
{
        if (node->kind == NODE_MAP || node->kind == NODE_LIST || node->kind == NODE_BOOL)
                return wrong_type(l, way, node, "string");
        replace_string(ret, node_sprint(&l->arena, node));
        return 0;
}

static int bind_bool(struct loader *l, const struct way *way, const struct node *node, bool *ret)
{
        if (node->kind == NODE_BOOL) {
                *ret = node->boolean;
                return 0;
        }
        if (node->kind != NODE_STRING)
                return wrong_type(l, way, node, "bool");
        if (!cast_bool(l, node->string, ret))
                return cannot(l, way, node, arena_format(&l->arena, "invalid boolean: %s", node->string));
        return 0;
}

static int bind_integer(struct loader *l, const struct way *way, const struct node *node, int64_t low,
                        int64_t high, int64_t *ret)
{
        int64_t value = 0;
        char *end;

        if (node->kind == NODE_INT) {
                value = node->integer;
        } else if (node->kind == NODE_FLOAT && node->number >= -9e18 && node->number <= 9e18) {
                value = (int64_t)node->number;
        } else if (node->kind == NODE_STRING) {
                errno = 0;
                value = strtoll(node->string, &end, 10);
                if (!*node->string || *end || errno)
                        return cannot(l, way, node,
                                      arena_format(&l->arena, "strconv.ParseInt: parsing \"%s\": %s",
                                                   node->string,
                                                   errno ? "value out of range" : "invalid syntax"));
        } else {
                return wrong_type(l, way, node, "int");
        }
        if (value < low || value > high)
                return cannot(l, way, node,
                              arena_format(&l->arena, "cannot parse, %lld overflows int", (long long)value));
        *ret = value;
        return 0;
}

static int bind_float(struct loader *l, const struct way *way, const struct node *node, double *ret)
{
        char *end;

        if (node->kind == NODE_INT || node->kind == NODE_FLOAT) {
                *ret = (double)(float)(node->kind == NODE_INT ? (double)node->integer : node->number);
                return 0;
        }
        if (node->kind != NODE_STRING)
                return wrong_type(l, way, node, "float32");
        *ret = (double)strtof(node->string, &end);
        if (!*node->string || *end)
                return cannot(l, way, node,
                              arena_format(&l->arena, "strconv.ParseFloat: parsing \"%s\": invalid syntax",
                                           node->string));
        return 0;
}

static int bind_size(struct loader *l, const struct way *way, const struct node *node, int64_t *ret)
{
        cleanup_error struct error why = {};

        if (node->kind == NODE_INT)
                *ret = node->integer;
        else if (node->kind == NODE_STRING && size_parse(node->string, ret, &why) < 0)
                return cannot_error(l, way, node, &why);
        return 0;
}

/* Compose's durations know days and weeks as well: "1w2d". */
static int parse_duration(const char *text, int64_t *ret, struct error *err)
{
        static const struct {
                char letter;
                int64_t unit;
        } units[] = { { 'w', 7 * 24 * 3600 * NSEC_PER_SEC }, { 'd', 24 * 3600 * NSEC_PER_SEC } };
        const char *rest = text + (*text == '-' || *text == '+');
        int64_t total = 0, part = 0;

        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
                size_t digits = strspn(rest, "0123456789");

                if (digits && digits < 6 && rest[digits] == units[i].letter) {
                        total += strtoll(rest, NULL, 10) * units[i].unit;
                        rest += digits + 1;
                }
        }
        if (total == 0)
                return duration_parse(text, ret, err);
        if (*rest && duration_parse(rest, &part, err) < 0)
                return -1;
        *ret = *text == '-' ? -(total + part) : total + part;
        return 0;
}

static int bind_duration(struct loader *l, const struct way *way, const struct node *node, int64_t *ret)
{
        cleanup_error struct error why = {};
        const char *text = node_sprint(&l->arena, node);

        if (parse_duration(text, ret, &why) == 0)
                return 0;
        error_clear(&why);
        return cannot(l, way, node, arena_format(&l->arena, "time: invalid duration \"%s\"", text));
}

static int bind_mode(struct loader *l, const struct way *way, const struct node *node, int64_t *ret)
{
        char *end;

        if (node->kind == NODE_INT) {
                *ret = node->integer;
                return 0;
        }
        if (node->kind != NODE_STRING)
                return cannot(
                    l, way, node,
                    arena_format(&l->arena, "unexpected value type %s for mode", node_type_name(node)));
        *ret = strtoll(node->string, &end, 8);
        return *node->string && !*end
                   ? 0
                   : cannot(l, way, node,
                            arena_format(&l->arena, "strconv.ParseInt: parsing \"%s\": invalid syntax",
                                         node->string));
}

static int bind_count(struct loader *l, const struct way *way, const struct node *node, int64_t *ret)
{
        cleanup_error struct error why = {};

        if (node->kind == NODE_INT) {
                *ret = node->integer;
        } else if (node->kind == NODE_STRING && strcasecmp(node->string, "all") == 0) {
                *ret = -1;
        } else if (node->kind != NODE_STRING || string_to_int64(node->string, ret, &why) < 0) {
                return cannot(
                    l, way, node,
                    arena_format(&l->arena,
                                 "invalid value \"%s\", the only value allowed is 'all' or a number",
                                 node_sprint(&l->arena, node)));
        }
        return 0;
}

/* ---- Lists of strings, maps of strings ---- */

static int bind_strings(struct loader *l, const struct way *way, const struct node *node, char ***ret)
{
        char **list;

        if (node->kind == NODE_STRING) {
                list = strv_new();
                strv_append(&list, node->string);
                *ret = list;
                return 0;
        }
        if (node->kind != NODE_LIST)
                return cannot(
                    l, way, node,
                    arena_format(&l->arena, "invalid type %s for string list", node_type_name(node)));
        list = strv_with_room(node->count);
        for (size_t i = 0; i < node->count; i++)
                list[i] = xstrdup(node_sprint(&l->arena, node->items[i]));
        *ret = list;
        return 0;
}

static int bind_command(struct loader *l, const struct way *way, const struct node *node, char ***ret)
{
        cleanup_error struct error why = {};

        if (node->kind == NODE_STRING)
                return words_split(node->string, ret, &why) < 0 ? cannot_error(l, way, node, &why) : 0;
        return node->kind == NODE_LIST ? bind_strings(l, way, node, ret) : 0;
}

static int bind_test(struct loader *l, const struct way *way, const struct node *node, char ***ret)
{
        if (node->kind == NODE_LIST)
                return bind_strings(l, way, node, ret);
        if (node->kind != NODE_STRING)
                return cannot(l, way, node,
                              arena_format(&l->arena, "unexpected value type %s for healthcheck.test",
                                           node_type_name(node)));
        strv_append(ret, "CMD-SHELL");
        strv_append(ret, node->string);
        return 0;
}

static int add_host(struct loader *l, const struct way *way, const struct node *at, const char *host,
                    size_t host_len, const char *ips, char ***ret)
{
        cleanup_strv char **list = strv_split(ips, ',');
        cleanup_free char *name = xstrndup(host, host_len);

        if (!*name || strpbrk(name, ":="))
                return cannot(l, way, at, arena_format(&l->arena, "bad host name '%s'", name));
        for (char **ip = list; *ip; ip++) {
                size_t len = strlen(*ip);
                bool brackets = len > 2 && **ip == '[' && (*ip)[len - 1] == ']';

                strv_append_take(ret,
                                 string_format("%s=%.*s", name, (int)(len - 2 * brackets), *ip + brackets));
        }
        return 0;
}

static int bind_hosts(struct loader *l, const struct way *way, const struct node *node, char ***ret)
{
        for (size_t i = 0; i < node->count && node->kind == NODE_LIST; i++) {
                const char *text = node_sprint(&l->arena, node->items[i]), *cut = strchr(text, '=');

                cut = cut ? cut : strchr(text, ':');
                if (!cut)
                        return cannot(
                            l, way, node->items[i],
                            arena_format(&l->arena, "invalid additional host, missing IP: %s", text));
                if (add_host(l, way, node->items[i], text, (size_t)(cut - text), cut + 1, ret) < 0)
                        return -1;
        }
        for (size_t i = 0; i < node->count && node->kind == NODE_MAP; i++) {
                const char *host = node->map.entries[i].key;
                const struct node *value = node->map.entries[i].value;

                for (size_t j = 0; j < (value->kind == NODE_LIST ? value->count : 1); j++) {
                        const struct node *ip = value->kind == NODE_LIST ? value->items[j] : value;

                        if (add_host(l, way, value, host, strlen(host),
                                     ip->kind == NODE_NULL ? "" : node_sprint(&l->arena, ip), ret) < 0)
                                return -1;
                }
        }
        if (node->kind != NODE_LIST && node->kind != NODE_MAP)
                return cannot(l, way, node,
                              arena_format(&l->arena, "unexpected value type %s for extra_hosts",
                                           node_type_name(node)));
        strv_sort(*ret);
        return 0;
}

static int bind_mapping(struct loader *l, const struct way *way, const struct node *node, bool keep_null,
                        struct strmap *ret)
{
        ret->given = true;
        for (size_t i = 0; node->kind == NODE_MAP && i < node->count; i++) {
                const struct node *value = node->map.entries[i].value;

                strmap_set(ret, node->map.entries[i].key,
                           value->kind != NODE_NULL ? node_sprint(&l->arena, value)
                           : keep_null              ? NULL
                                                    : "");
        }
        for (size_t i = 0; node->kind == NODE_LIST && i < node->count; i++) {
                const char *text = node_sprint(&l->arena, node->items[i]), *equals = strchr(text, '=');
                const char *key =
                    arena_strndup(&l->arena, text, equals ? (size_t)(equals - text) : strlen(text));

                if (keep_null && *key && strchr(" \t\n\v\f\r", key[strlen(key) - 1]))
                        return cannot(
                            l, way, node->items[i],
                            arena_format(&l->arena,
                                         "environment variable %s is declared with a trailing space", key));
                strmap_set(ret, key, equals ? equals + 1 : keep_null ? NULL : "");
        }
        if (node->kind != NODE_MAP && node->kind != NODE_LIST)
                return cannot(
                    l, way, node,
                    arena_format(&l->arena, "unexpected value type %s for mapping", node_type_name(node)));
        strmap_sort(ret);
        return 0;
}

/* ---- Lists and maps of structs ---- */

static int bind_list(struct loader *l, const struct way *way, const struct attribute *row,
                     const struct node *node, void *value, size_t *count)
{
        char *items;

        if (node->kind != NODE_LIST)
                return wrong_type(l, way, node, "[]");
        items = xcalloc(node->count + 1, row->table->size);
        AT(char *, value) = items;
        for (size_t i = 0; i < node->count; i++) {
                struct way next = { way, NULL, i, false };

                ++*count;
                if (bind_struct(l, &next, row->table, node->items[i], items + i * row->table->size) < 0)
                        return -1;
        }
        return 0;
}

/* What is particular about one entry of the kinds by name; the rest is its table. */
static int bind_entry(struct loader *l, const struct way *way, const struct attribute *row,
                      const struct node *node, void *entry)
{
        if (row->kind == ATTRIBUTE_ULIMITS && node->kind == NODE_INT) {
                ((struct compose_ulimit *)entry)->single = node->integer;
                return 0;
        }
        if (row->kind == ATTRIBUTE_NETWORKS)
                ((struct compose_service_network *)entry)->given = node->kind != NODE_NULL;
        if (node->kind == NODE_NULL)
                return 0;
        return bind_struct(l, way, row->table, node, entry);
}

static int bind_map(struct loader *l, const struct way *way, const struct attribute *row,
                    const struct node *node, void *value, size_t *count)
{
        cleanup_free size_t *order = NULL;
        char *items;

        if (node->kind != NODE_MAP)
                return wrong_type(l, way, node, "map");
        order = node_sorted(node);
        items = xcalloc(node->count + 1, row->table->size);
        AT(char *, value) = items;
        for (size_t i = 0; i < node->count; i++) {
                const struct node_entry *entry = &node->map.entries[order[i]];
                struct way next = { way, entry->key, 0, false };

                AT(char *, items + i * row->table->size) = xstrdup(entry->key);
                ++*count;
                if (bind_entry(l, &next, row, entry->value, items + i * row->table->size) < 0)
                        return -1;
        }
        return 0;
}

static int bind_ssh(struct loader *l, const struct way *way, const struct node *node, void *value,
                    size_t *count)
{
        cleanup_free size_t *order = NULL;
        struct compose_ssh_key *keys;

        if (node->kind != NODE_MAP)
                return wrong_type(l, way, node, "map");
        order = node_sorted(node);
        keys = xcalloc(node->count + 1, sizeof(*keys));
        for (size_t i = 0; i < node->count; i++) {
                const struct node_entry *entry = &node->map.entries[order[i]];

                keys[i].id = xstrdup(entry->key);
                if (entry->value->kind != NODE_NULL)
                        keys[i].path = xstrdup(node_sprint(&l->arena, entry->value));
        }
        AT(struct compose_ssh_key *, value) = keys;
        *count = node->count;
        return 0;
}

static int bind_options(struct loader *l, const struct way *way, const struct node *node, void *value,
                        size_t *count)
{
        cleanup_free size_t *order = NULL;
        struct compose_provider_option *options;

        if (node->kind != NODE_MAP)
                return wrong_type(l, way, node, "map");
        order = node_sorted(node);
        options = xcalloc(node->count + 1, sizeof(*options));
        AT(struct compose_provider_option *, value) = options;
        for (size_t i = 0; i < node->count; i++) {
                const struct node_entry *entry = &node->map.entries[order[i]];

                options[i].name = xstrdup(entry->key);
                ++*count;
                if (entry->value->kind != NODE_LIST)
                        strv_append(&options[i].values, node_sprint(&l->arena, entry->value));
                else if (bind_strings(l, way, entry->value, &options[i].values) < 0)
                        return -1;
        }
        return 0;
}

/* ---- Structs ---- */

static int bind_number(struct loader *l, const struct way *way, const struct attribute *row,
                       const struct node *node, void *value)
{
        int64_t number = 0;
        int r;

        switch (row->kind) {
        case ATTRIBUTE_INT:
        case ATTRIBUTE_INT_PTR:
                r = bind_integer(l, way, node, INT32_MIN, INT32_MAX, &number);
                break;
        case ATTRIBUTE_UINT32:
                r = bind_integer(l, way, node, 0, UINT32_MAX, &number);
                break;
        case ATTRIBUTE_UINT64:
        case ATTRIBUTE_UINT64_PTR:
                r = bind_integer(l, way, node, 0, INT64_MAX, &number);
                break;
        case ATTRIBUTE_SIZE:
                r = bind_size(l, way, node, &number);
                break;
        case ATTRIBUTE_DURATION:
        case ATTRIBUTE_DURATION_PTR:
                r = bind_duration(l, way, node, &number);
                break;
        case ATTRIBUTE_MODE_PTR:
                r = bind_mode(l, way, node, &number);
                break;
        case ATTRIBUTE_COUNT:
                r = bind_count(l, way, node, &number);
                break;
        default:
                r = bind_integer(l, way, node, INT64_MIN, INT64_MAX, &number);
                break;
        }
        if (r < 0)
                return -1;
        switch (row->kind) {
        case ATTRIBUTE_INT:
        case ATTRIBUTE_UINT32:
                AT(uint32_t, value) = (uint32_t)number;
                return 0;
        case ATTRIBUTE_INT_PTR:
                AT(int *, value) = xmemdup(&(int){ (int)number }, sizeof(int));
                return 0;
        case ATTRIBUTE_UINT64_PTR:
        case ATTRIBUTE_DURATION_PTR:
        case ATTRIBUTE_MODE_PTR:
                AT(int64_t *, value) = xmemdup(&number, sizeof(number));
                return 0;
        default:
                AT(int64_t, value) = number;
                return 0;
        }
}

static int bind_field(struct loader *l, const struct way *way, const struct attribute *row,
                      const struct node *node, void *out)
{
        char *value = (char *)out + row->offset;
        size_t *count = (size_t *)((char *)out + row->count_offset);
        bool flag = false;

        switch (row->kind) {
        case ATTRIBUTE_STRING:
                return bind_string(l, way, node, (char **)value);
        case ATTRIBUTE_BOOL:
                return bind_bool(l, way, node, (bool *)value);
        case ATTRIBUTE_BOOL_PTR:
                if (bind_bool(l, way, node, &flag) < 0)
                        return -1;
                AT(bool *, value) = xmemdup(&flag, sizeof(flag));
                return 0;
        case ATTRIBUTE_FLOAT:
                return bind_float(l, way, node, (double *)value);
        case ATTRIBUTE_STRINGS:
                return bind_strings(l, way, node, (char ***)value);
        case ATTRIBUTE_COMMAND:
                return bind_command(l, way, node, (char ***)value);
        case ATTRIBUTE_TEST:
                return bind_test(l, way, node, (char ***)value);
        case ATTRIBUTE_HOSTS:
                return bind_hosts(l, way, node, (char ***)value);
        case ATTRIBUTE_MAPPING:
        case ATTRIBUTE_ENVIRONMENT:
                return bind_mapping(l, way, node, row->kind == ATTRIBUTE_ENVIRONMENT, (struct strmap *)value);
        case ATTRIBUTE_STRUCT:
                return bind_struct(l, way, row->table, node, value);
        case ATTRIBUTE_STRUCT_PTR:
                AT(void *, value) = xcalloc(1, row->table->size);
                return bind_struct(l, way, row->table, node, AT(void *, value));
        case ATTRIBUTE_LIST:
        case ATTRIBUTE_ENV_FILES:
                return bind_list(l, way, row, node, value, count);
        case ATTRIBUTE_MAP:
        case ATTRIBUTE_ULIMITS:
        case ATTRIBUTE_NETWORKS:
        case ATTRIBUTE_MODELS:
                return bind_map(l, way, row, node, value, count);
        case ATTRIBUTE_SSH:
                return bind_ssh(l, way, node, value, count);
        case ATTRIBUTE_OPTIONS:
                return bind_options(l, way, node, value, count);
        case ATTRIBUTE_EXTENSIONS:
                return 0;
        default:
                return bind_number(l, way, row, node, value);
        }
}

static void bind_extensions(const struct node *node, json_object **ret)
{
        cleanup_free size_t *order = node_sorted(node);

        for (size_t i = 0; i < node->count; i++) {
                const struct node_entry *entry = &node->map.entries[order[i]];

                if (!string_after(entry->key, "x-") || streq(entry->key, SECRET_CONTENT))
                        continue;
                if (!*ret)
                        *ret = json_object_new_object();
                json_object_object_add(*ret, entry->key, node_to_json(entry->value));
        }
}

static int bind_struct(struct loader *l, const struct way *way, const struct attribute_table *table,
                       const struct node *node, void *out)
{
        if (node->kind == NODE_NULL)
                return 0;
        if (node->kind != NODE_MAP)
                return wrong_type(l, way, node, "map");
        for (size_t i = 0; i < table->count; i++) {
                const struct attribute *row = &table->rows[i];
                const struct node *value = node_get(node, row->name);
                struct way next = { way, row->name, 0, true };

                if (row->kind == ATTRIBUTE_EXTENSIONS)
                        bind_extensions(node, (json_object **)((char *)out + row->offset));
                else if (value && value->kind != NODE_NULL && bind_field(l, &next, row, value, out) < 0)
                        return -1;
        }
        return 0;
}

/* ---- The project ---- */

static int bind_section(struct loader *l, const struct node *root, const char *name,
                        const struct attribute_table *table, void *items, size_t *count)
{
        struct attribute row = { name, ATTRIBUTE_MAP, 0, 0, table, 0, NULL };
        const struct node *section = node_get(root, name);
        struct way way = { NULL, name, 0, true };

        return section && section->kind != NODE_NULL ? bind_map(l, &way, &row, section, items, count) : 0;
}

/* The value of a secret is no attribute: it is taken over for those who make the container. */
static void bind_secret_contents(const struct node *root, struct compose_project *project)
{
        for (size_t i = 0; i < project->n_secrets; i++) {
                const char *content =
                    node_text(node_get(node_get(root, "secrets"), project->secrets[i].key), SECRET_CONTENT);

                if (content)
                        replace_string(&project->secrets[i].content, content);
        }
}

int bind_project(struct loader *l, const struct node *root, struct compose_project *p)
{
        if (bind_section(l, root, "services", &service_table, &p->services, &p->n_services) < 0 ||
            bind_section(l, root, "networks", &network_table, &p->networks, &p->n_networks) < 0 ||
            bind_section(l, root, "volumes", &volume_table, &p->volumes, &p->n_volumes) < 0 ||
            bind_section(l, root, "secrets", &file_object_table, &p->secrets, &p->n_secrets) < 0 ||
            bind_section(l, root, "configs", &file_object_table, &p->configs, &p->n_configs) < 0 ||
            bind_section(l, root, "models", &model_table, &p->models, &p->n_models) < 0)
                return -1;
        bind_secret_contents(root, p);
        bind_extensions(root, &p->extensions);
        return 0;
}
