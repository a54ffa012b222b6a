/* The functions of templates, and how values print (Go's fmt). */
#include "cli/template-internal.h"
#include "base/json.h"
#include <ctype.h>
#include <inttypes.h>
#include <math.h>

static int call_not(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        (void)n_args;
        (void)err;
        value_set_bool(ret, !value_truth(&args[0]));
        return 0;
}

static int call_len(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        json_object *in = args[0].json;
        int64_t len;

        (void)n_args;
        if (json_object_is_type(in, json_type_string))
                len = json_object_get_string_len(in);
        else if (json_object_is_type(in, json_type_array))
                len = (int64_t)json_object_array_length(in);
        else if (json_object_is_type(in, json_type_object))
                len = json_object_object_length(in);
        else if (!in && args[0].member)
                len = 0;
        else
                return error_set(err, ERROR_INVALID, "error calling len: len of type %s",
                                 in ? json_type_to_name(json_object_get_type(in)) : "nil");
        *ret = (struct value){ .json = json_object_new_int64(len) };
        return 0;
}

/* What a map gives for a key that it doesn't have: the zero value of its element type. */
static void set_absent(const struct value *map, struct value *ret)
{
        if (streq(map->member, "Ports") || streq(map->member, "PortBindings"))
                *ret = (struct value){ .member = "" };
        else if (streq(map->member, "Networks") || streq(map->member, "Endpoints"))
                *ret = (struct value){};
        else
                value_set_string(ret, "", 0);
}

static int index_one(const struct value *in, const struct value *key, struct value *ret, struct error *err)
{
        json_object *found;

        if (json_object_is_type(in->json, json_type_object) &&
            json_object_is_type(key->json, json_type_string)) {
                if (json_object_object_get_ex(in->json, json_object_get_string(key->json), &found))
                        *ret = (struct value){ .json = json_object_get(found) };
                else
                        set_absent(in, ret);
                return 0;
        }
        if (json_object_is_type(in->json, json_type_object) ||
            (!in->json && value_member_is_map(in->member))) {
                if (json_object_is_type(key->json, json_type_string)) {
                        set_absent(in, ret);
                        return 0;
                }
                return error_set(err, ERROR_INVALID,
                                 "error calling index: value has type int; should be string");
        }
        if (json_object_is_type(in->json, json_type_array) ||
            json_object_is_type(in->json, json_type_string) || (!in->json && in->member)) {
                bool text = json_object_is_type(in->json, json_type_string);
                int64_t len = !in->json ? 0
                              : text    ? json_object_get_string_len(in->json)
                                        : (int64_t)json_object_array_length(in->json),
                        at;

                if (!json_object_is_type(key->json, json_type_int))
                        return error_set(err, ERROR_INVALID,
                                         "error calling index: cannot index slice/array with type string");
                at = json_object_get_int64(key->json);
                if (at < 0 || at >= len)
                        return error_set(err, ERROR_INVALID,
                                         "error calling index: index out of range: %" PRId64, at);
                if (text)
                        *ret = (struct value){ .json = json_object_new_int(
                                                   (unsigned char)json_object_get_string(in->json)[at]) };
                else
                        *ret = (struct value){ .json = json_object_get(
                                                   json_object_array_get_idx(in->json, (size_t)at)) };
                return 0;
        }
        return error_set(err, ERROR_INVALID, "error calling index: %s",
                         in->json ? "can't index item of that type" : "index of untyped nil");
}

static int call_index(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        struct value current = { json_object_get(args[0].json), args[0].member, false };

        for (size_t i = 1; i < n_args; i++) {
                struct value next = {};
                int r = index_one(&current, &args[i], &next, err);

                value_drop(&current);
                if (r < 0)
                        return -1;
                current = next;
        }
        *ret = current;
        return 0;
}

static int call_slice(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        json_object *in = args[0].json;
        bool text = json_object_is_type(in, json_type_string);
        int64_t len, bounds[2] = { 0, 0 };

        if (!text && !json_object_is_type(in, json_type_array))
                return error_set(err, ERROR_INVALID, "error calling slice: can't slice item of that type");
        len = text ? json_object_get_string_len(in) : (int64_t)json_object_array_length(in);
        bounds[1] = len;
        if (n_args > 3)
                return error_set(err, ERROR_INVALID, "error calling slice: too many slice indexes: %zu",
                                 n_args - 1);
        for (size_t i = 1; i < n_args; i++) {
                bounds[i - 1] = json_object_get_int64(args[i].json);
                if (!json_object_is_type(args[i].json, json_type_int) || bounds[i - 1] < 0 ||
                    bounds[i - 1] > len)
                        return error_set(err, ERROR_INVALID,
                                         "error calling slice: index out of range: %" PRId64, bounds[i - 1]);
        }
        if (bounds[0] > bounds[1])
                return error_set(err, ERROR_INVALID,
                                 "error calling slice: invalid slice index: %" PRId64 " > %" PRId64,
                                 bounds[0], bounds[1]);
        if (text) {
                value_set_string(ret, json_object_get_string(in) + bounds[0],
                                 (size_t)(bounds[1] - bounds[0]));
                return 0;
        }
        *ret = (struct value){ .json = json_object_new_array(), .member = "" };
        for (int64_t i = bounds[0]; i < bounds[1]; i++)
                json_object_array_add(ret->json, json_object_get(json_object_array_get_idx(in, (size_t)i)));
        return 0;
}

static int call_print(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        struct strbuf b = {};

        (void)err;
        for (size_t i = 0; i < n_args; i++) {
                /* Sprint puts a space between operands when neither is a string. */
                if (i && !json_object_is_type(args[i].json, json_type_string) &&
                    !json_object_is_type(args[i - 1].json, json_type_string))
                        strbuf_addc(&b, ' ');
                value_print(&b, &args[i]);
        }
        value_set_taken(ret, &b);
        return 0;
}

static int call_println(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        struct strbuf b = {};

        (void)err;
        for (size_t i = 0; i < n_args; i++) {
                if (i)
                        strbuf_addc(&b, ' ');
                value_print(&b, &args[i]);
        }
        strbuf_addc(&b, '\n');
        value_set_taken(ret, &b);
        return 0;
}

/* -2: the kinds cannot be compared; else the sign of a - b. */
static int compare(const struct value *a, const struct value *b)
{
        enum json_type type = json_object_get_type(a->json);
        double x, y;
        int64_t i, j;

        if (type != json_object_get_type(b->json) || type == json_type_object || type == json_type_array)
                return -2;
        switch (type) {
        case json_type_string:
                i = strcmp(json_object_get_string(a->json), json_object_get_string(b->json));
                return i < 0 ? -1 : i > 0;
        case json_type_double:
                x = json_object_get_double(a->json);
                y = json_object_get_double(b->json);
                return x < y ? -1 : x > y;
        case json_type_int:
                i = json_object_get_int64(a->json);
                j = json_object_get_int64(b->json);
                return i < j ? -1 : i > j;
        case json_type_boolean:
                return (int)json_object_get_boolean(a->json) - (int)json_object_get_boolean(b->json);
        default:
                return 0;
        }
}

static int call_eq(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        for (size_t i = 1; i < n_args; i++) {
                int order = compare(&args[0], &args[i]);

                if (order == -2 && args[0].json && args[i].json)
                        return error_set(err, ERROR_INVALID,
                                         "error calling eq: incompatible types for comparison");
                if (order == 0) {
                        value_set_bool(ret, true);
                        return 0;
                }
        }
        value_set_bool(ret, false);
        return 0;
}

static int call_ne(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        int order = compare(&args[0], &args[1]);

        (void)n_args;
        if (order == -2 && args[0].json && args[1].json)
                return error_set(err, ERROR_INVALID, "error calling ne: incompatible types for comparison");
        value_set_bool(ret, order != 0);
        return 0;
}

static int order_of(const struct value *args, const char *name, int *ret, struct error *err)
{
        *ret = compare(&args[0], &args[1]);
        if (*ret == -2)
                return error_set(err, ERROR_INVALID, "error calling %s: incompatible types for comparison",
                                 name);
        if (!args[0].json || json_object_is_type(args[0].json, json_type_boolean))
                return error_set(err, ERROR_INVALID, "error calling %s: invalid type for comparison", name);
        return 0;
}

#define ORDER_FUNCTION(name, condition)                                                                      \
        static int call_##name(const struct value *args, size_t n_args, struct value *ret,                   \
                               struct error *err)                                                            \
        {                                                                                                    \
                int order;                                                                                   \
                                                                                                             \
                (void)n_args;                                                                                \
                if (order_of(args, #name, &order, err) < 0)                                                  \
                        return -1;                                                                           \
                value_set_bool(ret, condition);                                                              \
                return 0;                                                                                    \
        }
ORDER_FUNCTION(lt, order < 0)
ORDER_FUNCTION(le, order <= 0)
ORDER_FUNCTION(gt, order > 0)
ORDER_FUNCTION(ge, order >= 0)

static int escape_with(const struct value *args, size_t n_args, struct value *ret,
                       void (*escape)(struct strbuf *, unsigned char))
{
        struct value joined = {};
        struct strbuf b = {};
        const char *text;

        call_print(args, n_args, &joined, NULL);
        text = json_object_get_string(joined.json);
        for (; *text; text++)
                escape(&b, (unsigned char)*text);
        value_drop(&joined);
        value_set_taken(ret, &b);
        return 0;
}

static void escape_html(struct strbuf *b, unsigned char c)
{
        static const char characters[] = "<>&\"'";
        static const char *const entities[] = { "&lt;", "&gt;", "&amp;", "&#34;", "&#39;" };
        const char *found = strchr(characters, c);

        if (found)
                strbuf_adds(b, entities[found - characters]);
        else
                strbuf_addc(b, (char)c);
}

static void escape_js(struct strbuf *b, unsigned char c)
{
        if (strchr("\\'\"", c))
                strbuf_addf(b, "\\%c", c);
        else if (strchr("<>&=", c) || c < ' ')
                strbuf_addf(b, "\\u%04X", c);
        else
                strbuf_addc(b, (char)c);
}

static void escape_query(struct strbuf *b, unsigned char c)
{
        if (isalnum(c) || strchr("-_.~", c))
                strbuf_addc(b, (char)c);
        else if (c == ' ')
                strbuf_addc(b, '+');
        else
                strbuf_addf(b, "%%%02X", c);
}

static int call_html(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        (void)err;
        return escape_with(args, n_args, ret, escape_html);
}

static int call_js(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        (void)err;
        return escape_with(args, n_args, ret, escape_js);
}

static int call_urlquery(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        (void)err;
        return escape_with(args, n_args, ret, escape_query);
}

static int call_json(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        cleanup_free char *text = json_format(args[0].json);

        (void)n_args;
        (void)err;
        value_set_string(ret, text, strlen(text));
        return 0;
}

/* The text of a string operand, or NULL with Go's complaint. */
static const char *string_operand(const struct value *value, struct error *err)
{
        if (json_object_is_type(value->json, json_type_string))
                return json_object_get_string(value->json);
        error_set(err, ERROR_INVALID, "wrong type for value; expected string; got %s",
                  value_type_name(value->json));
        return NULL;
}

static int call_split(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        const char *text = string_operand(&args[0], err),
                   *separator = text ? string_operand(&args[1], err) : NULL;
        size_t len = separator ? strlen(separator) : 0;
        json_object *list;

        (void)n_args;
        if (!separator)
                return -1;
        list = json_object_new_array();
        for (;;) {
                const char *end = len ? strstr(text, separator) : *text ? text + 1 : NULL;

                if (!len && !*text)
                        break;
                json_object_array_add(
                    list, json_object_new_string_len(text, (int)(end ? (size_t)(end - text) : strlen(text))));
                if (!end)
                        break;
                text = end + len;
        }
        *ret = (struct value){ .json = list, .member = "" };
        return 0;
}

static int call_join(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        const char *separator = string_operand(&args[1], err);
        struct strbuf b = {};

        (void)n_args;
        if (!separator)
                return -1;
        if (args[0].json && !json_object_is_type(args[0].json, json_type_array))
                return error_set(err, ERROR_INVALID, "wrong type for value; expected []string; got %s",
                                 value_type_name(args[0].json));
        for (size_t i = 0; args[0].json && i < json_object_array_length(args[0].json); i++) {
                struct value element = { .json = json_object_array_get_idx(args[0].json, i) };

                if (i)
                        strbuf_adds(&b, separator);
                value_print(&b, &element);
        }
        value_set_taken(ret, &b);
        return 0;
}

static int map_characters(const struct value *value, struct value *ret, struct error *err,
                          int (*map)(int c, int before))
{
        const char *text = string_operand(value, err);
        struct strbuf b = {};
        int before = ' ';

        if (!text)
                return -1;
        for (; *text; text++) {
                strbuf_addc(&b,
                            (char)((unsigned char)*text < 0x80 ? map((unsigned char)*text, before) : *text));
                before = (unsigned char)*text;
        }
        value_set_taken(ret, &b);
        return 0;
}

static int to_lower(int c, int before)
{
        (void)before;
        return tolower(c);
}

static int to_upper(int c, int before)
{
        (void)before;
        return toupper(c);
}

static int to_title(int c, int before)
{
        return isalnum(before) || before == '_' || before == '\'' || before >= 0x80 ? c : toupper(c);
}

static int call_lower(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        (void)n_args;
        return map_characters(&args[0], ret, err, to_lower);
}

static int call_upper(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        (void)n_args;
        return map_characters(&args[0], ret, err, to_upper);
}

static int call_title(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        (void)n_args;
        return map_characters(&args[0], ret, err, to_title);
}

static int call_pad(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        const char *text = string_operand(&args[0], err);
        struct strbuf b = {};

        (void)n_args;
        if (!text)
                return -1;
        if (*text)
                strbuf_addf(&b, "%*s%s%*s", (int)MIN(json_object_get_int64(args[1].json), 10000), "", text,
                            (int)MIN(json_object_get_int64(args[2].json), 10000), "");
        value_set_taken(ret, &b);
        return 0;
}

static int call_truncate(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        const char *text = string_operand(&args[0], err);
        int64_t most = json_object_get_int64(args[1].json);

        (void)n_args;
        if (!text)
                return -1;
        value_set_string(ret, text,
                         strlen(text) < (size_t)MAX(most, 0) ? strlen(text) : (size_t)MAX(most, 0));
        return 0;
}

static const struct {
        const char *name;
        int (*call)(const struct value *args, size_t n_args, struct value *ret, struct error *err);
        size_t min, max; /* operands */
        bool plain_in_headers;
} functions[] = {
        { "and", NULL, 1, SIZE_MAX, false }, /* and, or: by the interpreter */
        { "or", NULL, 1, SIZE_MAX, false },
        { "not", call_not, 1, 1, false },
        { "len", call_len, 1, 1, false },
        { "index", call_index, 1, SIZE_MAX, false },
        { "slice", call_slice, 1, SIZE_MAX, false },
        { "print", call_print, 0, SIZE_MAX, false },
        { "println", call_println, 0, SIZE_MAX, false },
        { "printf", template_printf, 1, SIZE_MAX, false },
        { "eq", call_eq, 2, SIZE_MAX, false },
        { "ne", call_ne, 2, 2, false },
        { "lt", call_lt, 2, 2, false },
        { "le", call_le, 2, 2, false },
        { "gt", call_gt, 2, 2, false },
        { "ge", call_ge, 2, 2, false },
        { "html", call_html, 0, SIZE_MAX, false },
        { "js", call_js, 0, SIZE_MAX, false },
        { "urlquery", call_urlquery, 0, SIZE_MAX, false },
        { "json", call_json, 1, 1, true },
        { "split", call_split, 2, 2, false },
        { "join", call_join, 2, 2, false },
        { "title", call_title, 1, 1, true },
        { "lower", call_lower, 1, 1, true },
        { "upper", call_upper, 1, 1, true },
        { "pad", call_pad, 3, 3, false },
        { "truncate", call_truncate, 2, 2, true },
};

bool template_function_exists(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
                if (streq(functions[i].name, name))
                        return true;
        return false;
}

int template_function_call(const char *name, unsigned flags, const struct value *args, size_t n_args,
                           struct value *ret, struct error *err)
{
        size_t i = 0;

        while (!streq(functions[i].name, name))
                i++;
        if (n_args < functions[i].min || n_args > functions[i].max)
                return error_set(err, ERROR_INVALID, "wrong number of args for %s: want %s%zu got %zu", name,
                                 functions[i].max == functions[i].min ? "" : "at least ", functions[i].min,
                                 n_args);
        if ((flags & TEMPLATE_HEADER) && functions[i].plain_in_headers) {
                *ret = (struct value){ json_object_get(args[0].json), args[0].member, args[0].missing };
                return 0;
        }
        if ((flags & TEMPLATE_OCI) && functions[i].call == call_json) {
                cleanup_free char *text = json_format_pretty(args[0].json, 2);

                value_set_string(ret, text, strlen(text));
                return 0;
        }
        return functions[i].call(args, n_args, ret, err);
}
