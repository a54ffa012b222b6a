/* The functions of build definitions: a table. */
#include "base/base64.h"
#include "cli/hcl.h"
#include "base/sha256.h"

#include <ctype.h>
#include <math.h>

#define ARGS_MANY SIZE_MAX

int hcl_text(json_object *value, char **ret, struct error *err)
{
        if (!value || json_object_is_type(value, json_type_array) ||
            json_object_is_type(value, json_type_object))
                return error_set(err, ERROR_INVALID, "a string is required");
        *ret = xstrdup(json_object_get_string(value));
        return 0;
}

bool hcl_equal(json_object *a, json_object *b)
{
        if (json_object_is_type(a, json_type_array) || json_object_is_type(a, json_type_object) || !a || !b)
                return a == b || (a && b && json_object_equal(a, b));
        return streq(json_object_get_string(a), json_object_get_string(b));
}

struct call {
        json_object *const *args;
        size_t n;
        char **text; /* the arguments that are text; the others NULL */
};

static json_object *map_text(const char *s, int (*map)(int))
{
        cleanup_free char *copy = xstrdup(s);

        for (char *c = copy; *c; c++)
                *c = (char)map((unsigned char)*c);
        return json_object_new_string(copy);
}

static int f_upper(const struct call *c, json_object **ret, struct error *err)
{
        (void)err;
        *ret = map_text(c->text[0], toupper);
        return 0;
}
static int f_lower(const struct call *c, json_object **ret, struct error *err)
{
        (void)err;
        *ret = map_text(c->text[0], tolower);
        return 0;
}
static int f_equal(const struct call *c, json_object **ret, struct error *err)
{
        (void)err;
        *ret = json_object_new_boolean(hcl_equal(c->args[0], c->args[1]));
        return 0;
}
static int f_notequal(const struct call *c, json_object **ret, struct error *err)
{
        (void)err;
        *ret = json_object_new_boolean(!hcl_equal(c->args[0], c->args[1]));
        return 0;
}
static int f_trimspace(const struct call *c, json_object **ret, struct error *err)
{
        const char *s = c->text[0] + strspn(c->text[0], " \t\r\n");
        size_t len = strlen(s);

        (void)err;
        while (len && isspace((unsigned char)s[len - 1]))
                len--;
        *ret = json_object_new_string_len(s, (int)len);
        return 0;
}
static int f_trimprefix(const struct call *c, json_object **ret, struct error *err)
{
        (void)err;
        *ret = json_object_new_string(string_after(c->text[0], c->text[1]) ?: c->text[0]);
        return 0;
}
static int f_trimsuffix(const struct call *c, json_object **ret, struct error *err)
{
        size_t len = strlen(c->text[0]);

        (void)err;
        if (string_ends_with(c->text[0], c->text[1]))
                len -= strlen(c->text[1]);
        *ret = json_object_new_string_len(c->text[0], (int)len);
        return 0;
}
static int f_replace(const struct call *c, json_object **ret, struct error *err)
{
        cleanup_strbuf struct strbuf out = {};
        size_t len = strlen(c->text[1]);

        if (!len)
                return error_set(err, ERROR_INVALID, "replace: nothing to look for");
        strbuf_adds(&out, "");
        for (const char *s = c->text[0]; *s;) {
                if (strncmp(s, c->text[1], len) == 0) {
                        strbuf_adds(&out, c->text[2]);
                        s += len;
                } else {
                        strbuf_addc(&out, *s++);
                }
        }
        *ret = json_object_new_string(out.data);
        return 0;
}
static int f_split(const struct call *c, json_object **ret, struct error *err)
{
        size_t len = strlen(c->text[0]);
        const char *s = c->text[1], *next;

        if (!len)
                return error_set(err, ERROR_INVALID, "split: a separator is required");
        *ret = json_object_new_array();
        for (; (next = strstr(s, c->text[0])); s = next + len)
                json_object_array_add(*ret, json_object_new_string_len(s, (int)(next - s)));
        json_object_array_add(*ret, json_object_new_string(s));
        return 0;
}
static int f_join(const struct call *c, json_object **ret, struct error *err)
{
        cleanup_strv char **parts = strv_new();
        cleanup_free char *joined = NULL;

        if (!json_object_is_type(c->args[1], json_type_array))
                return error_set(err, ERROR_INVALID, "join: a list is required");
        for (size_t i = 0; i < json_object_array_length(c->args[1]); i++) {
                char *text;

                if (hcl_text(json_object_array_get_idx(c->args[1], i), &text, err) < 0)
                        return -1;
                strv_append_take(&parts, text);
        }
        joined = strv_join(parts, c->text[0]);
        *ret = json_object_new_string(joined);
        return 0;
}
static int f_concat(const struct call *c, json_object **ret, struct error *err)
{
        json_object *out = json_object_new_array();

        for (size_t i = 0; i < c->n; i++) {
                if (!json_object_is_type(c->args[i], json_type_array)) {
                        json_object_put(out);
                        return error_set(err, ERROR_INVALID, "concat: lists are required");
                }
                for (size_t k = 0; k < json_object_array_length(c->args[i]); k++)
                        json_object_array_add(out, json_object_get(json_object_array_get_idx(c->args[i], k)));
        }
        *ret = out;
        return 0;
}
static int f_merge(const struct call *c, json_object **ret, struct error *err)
{
        json_object *out = json_object_new_object();

        for (size_t i = 0; i < c->n; i++) {
                if (!json_object_is_type(c->args[i], json_type_object)) {
                        json_object_put(out);
                        return error_set(err, ERROR_INVALID, "merge: objects are required");
                }
                json_object_object_foreach(c->args[i], key, value)
                    json_object_object_add(out, key, json_object_get(value));
        }
        *ret = out;
        return 0;
}
static int f_keys(const struct call *c, json_object **ret, struct error *err)
{
        if (!json_object_is_type(c->args[0], json_type_object))
                return error_set(err, ERROR_INVALID, "keys: an object is required");
        *ret = json_object_new_array();
        json_object_object_foreach(c->args[0], key, value)
        {
                (void)value;
                json_object_array_add(*ret, json_object_new_string(key));
        }
        return 0;
}
static int f_values(const struct call *c, json_object **ret, struct error *err)
{
        if (!json_object_is_type(c->args[0], json_type_object))
                return error_set(err, ERROR_INVALID, "values: an object is required");
        *ret = json_object_new_array();
        json_object_object_foreach(c->args[0], key, value)
        {
                (void)key;
                json_object_array_add(*ret, json_object_get(value));
        }
        return 0;
}
static int f_length(const struct call *c, json_object **ret, struct error *err)
{
        json_object *v = c->args[0];

        (void)err;
        *ret = json_object_new_int64(
            json_object_is_type(v, json_type_array)    ? (int64_t)json_object_array_length(v)
            : json_object_is_type(v, json_type_object) ? json_object_object_length(v)
                                                       : (int64_t)strlen(c->text[0] ?: ""));
        return 0;
}
static int f_contains(const struct call *c, json_object **ret, struct error *err)
{
        bool found = false;

        if (!json_object_is_type(c->args[0], json_type_array))
                return error_set(err, ERROR_INVALID, "contains: a list is required");
        for (size_t i = 0; i < json_object_array_length(c->args[0]); i++)
                found |= hcl_equal(json_object_array_get_idx(c->args[0], i), c->args[1]);
        *ret = json_object_new_boolean(found);
        return 0;
}
static int f_lookup(const struct call *c, json_object **ret, struct error *err)
{
        json_object *found = NULL;

        (void)err;
        if (!c->text[1] || !json_object_object_get_ex(c->args[0], c->text[1], &found))
                found = c->n > 2 ? c->args[2] : NULL;
        *ret = json_object_get(found);
        return 0;
}
static int f_coalesce(const struct call *c, json_object **ret, struct error *err)
{
        (void)err;
        for (size_t i = 0; i < c->n && !*ret; i++)
                if (c->args[i] && !streq(c->text[i], ""))
                        *ret = json_object_get(c->args[i]);
        return 0;
}
static int f_formattext(const struct call *c, json_object **ret, struct error *err)
{
        cleanup_strbuf struct strbuf out = {};
        size_t next = 1;

        strbuf_adds(&out, "");
        for (const char *s = c->text[0]; *s; s++) {
                if (*s != '%' || s[1] == '%') {
                        strbuf_addc(&out, *s);
                        s += *s == '%';
                        continue;
                }
                s += strspn(s + 1, "-+ #0123456789.") + 1;
                if (!strchr("sdvqtf", *s) || !*s || next >= c->n || !c->text[next])
                        return error_set(err, ERROR_INVALID,
                                         "format: unsupported or missing value for \"%%%c\"", *s);
                strbuf_addf(&out, *s == 'q' ? "\"%s\"" : "%s", c->text[next++]);
        }
        *ret = json_object_new_string(out.data);
        return 0;
}
static int f_sha256(const struct call *c, json_object **ret, struct error *err)
{
        char hex[65];

        (void)err;
        sha256_hex(c->text[0], strlen(c->text[0]), hex);
        *ret = json_object_new_string(hex);
        return 0;
}
static int f_base64encode(const struct call *c, json_object **ret, struct error *err)
{
        cleanup_free char *text = base64_encode(c->text[0], strlen(c->text[0]), false);

        (void)err;
        *ret = json_object_new_string(text);
        return 0;
}
static int f_jsonencode(const struct call *c, json_object **ret, struct error *err)
{
        cleanup_free char *text = json_format(c->args[0]);

        (void)err;
        *ret = json_object_new_string(text);
        return 0;
}
static int f_compact(const struct call *c, json_object **ret, struct error *err)
{
        if (!json_object_is_type(c->args[0], json_type_array))
                return error_set(err, ERROR_INVALID, "compact: a list is required");
        *ret = json_object_new_array();
        for (size_t i = 0; i < json_object_array_length(c->args[0]); i++) {
                json_object *v = json_object_array_get_idx(c->args[0], i);

                if (v && !streq(json_object_get_string(v), ""))
                        json_object_array_add(*ret, json_object_get(v));
        }
        return 0;
}

static const struct function {
        const char *name;
        int (*run)(const struct call *c, json_object **ret, struct error *err);
        size_t least, most;
        unsigned texts; /* bits: these arguments must be text */
} functions[] = {
        { "base64encode", f_base64encode, 1, 1, 1 },
        { "coalesce", f_coalesce, 1, ARGS_MANY, 0 },
        { "compact", f_compact, 1, 1, 0 },
        { "concat", f_concat, 1, ARGS_MANY, 0 },
        { "contains", f_contains, 2, 2, 0 },
        { "equal", f_equal, 2, 2, 0 },
        { "format", f_formattext, 1, ARGS_MANY, 1 },
        { "join", f_join, 2, 2, 1 },
        { "jsonencode", f_jsonencode, 1, 1, 0 },
        { "keys", f_keys, 1, 1, 0 },
        { "length", f_length, 1, 1, 0 },
        { "lookup", f_lookup, 2, 3, 2 },
        { "lower", f_lower, 1, 1, 1 },
        { "merge", f_merge, 1, ARGS_MANY, 0 },
        { "notequal", f_notequal, 2, 2, 0 },
        { "replace", f_replace, 3, 3, 7 },
        { "sha256", f_sha256, 1, 1, 1 },
        { "split", f_split, 2, 2, 3 },
        { "strlen", f_length, 1, 1, 1 },
        { "trimprefix", f_trimprefix, 2, 2, 3 },
        { "trimspace", f_trimspace, 1, 1, 1 },
        { "trimsuffix", f_trimsuffix, 2, 2, 3 },
        { "upper", f_upper, 1, 1, 1 },
        { "values", f_values, 1, 1, 0 },
};

static int run(const struct function *f, json_object *const *args, size_t n, json_object **ret,
               struct error *err)
{
        cleanup_free char **texts = xcalloc(n + 1, sizeof(*texts));
        struct call c = { args, n, texts };
        int r = 0;

        if (n < f->least || n > f->most)
                return error_set(err, ERROR_INVALID, "%s: wrong number of arguments", f->name);
        for (size_t i = 0; i < n && r == 0; i++)
                if (hcl_text(args[i], &texts[i], NULL) < 0 && i < 8 && (f->texts >> i & 1))
                        r = error_set(err, ERROR_INVALID, "%s: argument %zu must be a string", f->name,
                                      i + 1);
        if (r == 0)
                r = f->run(&c, ret, err);
        for (size_t i = 0; i < n; i++)
                free(texts[i]);
        return r < 0 ? -1 : 1;
}

int hcl_standard_call(const char *name, json_object *const *args, size_t n_args, json_object **ret,
                      struct error *err)
{
        for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
                if (streq(functions[i].name, name))
                        return run(&functions[i], args, n_args, ret, err);
        return 0;
}
