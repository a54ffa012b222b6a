#include "compose/bind-internal.h"
#include "base/time.h"
#include "base/units.h"
#include "compose/words.h"

#include <errno.h>

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

int bind_wrong_type(struct loader *l, const struct way *way, const struct node *node, const char *wanted)
{
        return cannot(l, way, node,
                      arena_format(&l->arena, "expected type '%s', got unconvertible type '%s'", wanted,
                                   node_type_name(node)));
}

/* ---- Scalars ---- */

int bind_string(struct loader *l, const struct way *way, const struct node *node, char **ret)
{
        if (node->kind == NODE_MAP || node->kind == NODE_LIST || node->kind == NODE_BOOL)
                return bind_wrong_type(l, way, node, "string");
        replace_string(ret, node_sprint(&l->arena, node));
        return 0;
}

int bind_bool(struct loader *l, const struct way *way, const struct node *node, bool *ret)
{
        if (node->kind == NODE_BOOL) {
                *ret = node->boolean;
                return 0;
        }
        if (node->kind != NODE_STRING)
                return bind_wrong_type(l, way, node, "bool");
        if (!cast_bool(l, node->string, ret))
                return cannot(l, way, node, arena_format(&l->arena, "invalid boolean: %s", node->string));
        return 0;
}

int bind_integer(struct loader *l, const struct way *way, const struct node *node, int64_t low, int64_t high,
                 int64_t *ret)
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
                return bind_wrong_type(l, way, node, "int");
        }
        if (value < low || value > high)
                return cannot(l, way, node,
                              arena_format(&l->arena, "cannot parse, %lld overflows int", (long long)value));
        *ret = value;
        return 0;
}

int bind_float(struct loader *l, const struct way *way, const struct node *node, double *ret)
{
        char *end;

        if (node->kind == NODE_INT || node->kind == NODE_FLOAT) {
                *ret = (double)(float)(node->kind == NODE_INT ? (double)node->integer : node->number);
                return 0;
        }
        if (node->kind != NODE_STRING)
                return bind_wrong_type(l, way, node, "float32");
        *ret = (double)strtof(node->string, &end);
        if (!*node->string || *end)
                return cannot(l, way, node,
                              arena_format(&l->arena, "strconv.ParseFloat: parsing \"%s\": invalid syntax",
                                           node->string));
        return 0;
}

int bind_size(struct loader *l, const struct way *way, const struct node *node, int64_t *ret)
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

int bind_duration(struct loader *l, const struct way *way, const struct node *node, int64_t *ret)
{
        cleanup_error struct error why = {};
        const char *text = node_sprint(&l->arena, node);

        if (parse_duration(text, ret, &why) == 0)
                return 0;
        error_clear(&why);
        return cannot(l, way, node, arena_format(&l->arena, "time: invalid duration \"%s\"", text));
}

int bind_mode(struct loader *l, const struct way *way, const struct node *node, int64_t *ret)
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

int bind_count(struct loader *l, const struct way *way, const struct node *node, int64_t *ret)
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

int bind_strings(struct loader *l, const struct way *way, const struct node *node, char ***ret)
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

int bind_command(struct loader *l, const struct way *way, const struct node *node, char ***ret)
{
        cleanup_error struct error why = {};

        if (node->kind == NODE_STRING)
                return words_split(node->string, ret, &why) < 0 ? cannot_error(l, way, node, &why) : 0;
        return node->kind == NODE_LIST ? bind_strings(l, way, node, ret) : 0;
}

int bind_test(struct loader *l, const struct way *way, const struct node *node, char ***ret)
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

int bind_hosts(struct loader *l, const struct way *way, const struct node *node, char ***ret)
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

int bind_mapping(struct loader *l, const struct way *way, const struct node *node, bool keep_null,
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
