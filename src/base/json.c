#include "base/json-internal.h"

#include <stdio.h>

#define JSON_MAX_DEPTH 64

/* Begins as Go's complaint, which users know. */
static int syntax_error(const char *text, size_t len, size_t at, enum json_tokener_error status,
                        struct error *err)
{
        const char *why = json_tokener_error_desc(status);

        if (at < len && text[at] > ' ' && text[at] < 127)
                return error_set(err, ERROR_INVALID, "invalid JSON: invalid character '%c' at offset %zu: %s",
                                 text[at], at, why);
        return error_set(err, ERROR_INVALID, "invalid JSON: %s at offset %zu", why, at);
}

int json_parse_text(const char *text, size_t len, json_object **ret, struct error *err)
{
        json_tokener *tokener = json_tokener_new_ex(JSON_MAX_DEPTH);
        json_object *value;
        enum json_tokener_error status;
        size_t end;

        if (len > INT32_MAX - 1) {
                json_tokener_free(tokener);
                return error_set(err, ERROR_INVALID, "invalid JSON: larger than 2 GiB");
        }
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8 |
                                            JSON_TOKENER_ALLOW_TRAILING_CHARS);
        value = json_tokener_parse_ex(tokener, text, (int)len);
        status = json_tokener_get_error(tokener);
        if (status == json_tokener_continue) {
                /* A bare number ends only with what follows it. */
                value = json_tokener_parse_ex(tokener, "\n", 1);
                status = json_tokener_get_error(tokener);
                end = len;
        } else {
                end = json_tokener_get_parse_end(tokener);
        }
        json_tokener_free(tokener);
        if (status == json_tokener_continue)
                return error_set(err, ERROR_INVALID, "invalid JSON: unexpected EOF");
        if (status != json_tokener_success)
                return syntax_error(text, len, end, status, err);
        while (end < len && strchr(" \t\r\n", text[end]) && text[end])
                end++;
        if (end < len) {
                json_object_put(value);
                return error_set(err, ERROR_INVALID,
                                 "invalid JSON: unexpected content after JSON at offset %zu", end);
        }
        *ret = value;
        return 0;
}

static void free_items(const struct json_table *table, void *items, size_t count, bool keyed)
{
        for (size_t i = 0; i < count; i++) {
                char *element = (char *)items + i * table->size;

                if (keyed)
                        free(*(char **)element);
                json_free_fields(table, element);
        }
        free(items);
}

void json_field_free(const struct json_field *field, void *p, size_t *count)
{
        switch (field->type) {
        case JSON_STRING:
        case JSON_BOOL_PTR:
        case JSON_INT_PTR:
        case JSON_INT64_PTR:
                free(*(void **)p);
                break;
        case JSON_STRV:
        case JSON_SET:
                strv_free(*(char ***)p);
                break;
        case JSON_STRMAP:
                strmap_deinit(p);
                return;
        case JSON_STRUCT:
                json_free_fields(field->table, p);
                return;
        case JSON_STRUCT_PTR:
                if (*(void **)p)
                        json_free_fields(field->table, *(void **)p);
                free(*(void **)p);
                break;
        case JSON_UINT32S:
                free(*(void **)p);
                *count = 0;
                break;
        case JSON_ARRAY:
        case JSON_MAP:
                free_items(field->table, *(void **)p, *count, field->type == JSON_MAP);
                *count = 0;
                break;
        case JSON_MAP_ARRAYS: {
                struct json_keyed_list *lists = *(void **)p;

                for (size_t i = 0; i < *count; i++) {
                        free(lists[i].key);
                        free_items(field->table, lists[i].items, lists[i].count, false);
                }
                free(lists);
                *count = 0;
                break;
        }
        case JSON_RAW:
                json_object_put(*(json_object **)p);
                break;
        default:
                return;
        }
        *(void **)p = NULL;
}

void json_free_fields(const struct json_table *table, void *in)
{
        for (size_t i = 0; i < table->n_fields; i++)
                json_field_free(&table->fields[i], (char *)in + table->fields[i].offset,
                           json_count_of(&table->fields[i], in));
}

void json_copy(const struct json_table *table, const void *in, void *out)
{
        cleanup_json json_object *tree = json_unbind(table, in);
        cleanup_error struct error err = {};

        if (json_bind(table, tree, out, &err) < 0)
                abort();
}

char *json_format(json_object *in)
{
        return xstrdup(
            json_object_to_json_string_ext(in, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void format_pretty(struct strbuf *b, json_object *in, int indent, int depth)
{
        if (json_object_is_type(in, json_type_object) && json_object_object_length(in)) {
                struct lh_entry *entry;
                const char *separator = "{\n";

                lh_foreach (json_object_get_object(in), entry) {
                        strbuf_addf(b, "%s%*s", separator, indent * (depth + 1), "");
                        json_quote(b, lh_entry_k(entry), strlen(lh_entry_k(entry)));
                        strbuf_adds(b, ": ");
                        format_pretty(b, lh_entry_v(entry), indent, depth + 1);
                        separator = ",\n";
                }
                strbuf_addf(b, "\n%*s}", indent * depth, "");
        } else if (json_object_is_type(in, json_type_array) && json_object_array_length(in)) {
                for (size_t i = 0; i < json_object_array_length(in); i++) {
                        strbuf_addf(b, "%s%*s", i ? ",\n" : "[\n", indent * (depth + 1), "");
                        format_pretty(b, json_object_array_get_idx(in, i), indent, depth + 1);
                }
                strbuf_addf(b, "\n%*s]", indent * depth, "");
        } else {
                strbuf_adds(b, json_object_to_json_string_ext(in, JSON_C_TO_STRING_PLAIN |
                                                                      JSON_C_TO_STRING_NOSLASHESCAPE));
        }
}

char *json_format_pretty(json_object *in, int indent)
{
        struct strbuf b = {};

        format_pretty(&b, in, indent, 0);
        return strbuf_take(&b);
}

void json_quote(struct strbuf *b, const char *s, size_t len)
{
        strbuf_addc(b, '"');
        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char)s[i];
                static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
                const char *found = c ? strchr(escaped, c) : NULL;

                if (found)
                        strbuf_addf(b, "\\%c", letters[found - escaped]);
                else if (c < 0x20)
                        strbuf_addf(b, "\\u%04x", c);
                else
                        strbuf_addc(b, (char)c);
        }
        strbuf_addc(b, '"');
}

json_object *json_get(json_object *in, const char *name)
{
        json_object *value = NULL;

        if (json_object_is_type(in, json_type_object))
                json_object_object_get_ex(in, name, &value);
        return value;
}

const char *json_get_string(json_object *in, const char *name)
{
        json_object *value = json_get(in, name);

        return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

int64_t json_get_int64(json_object *in, const char *name, int64_t fallback)
{
        json_object *value = json_get(in, name);

        return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : fallback;
}

bool json_get_bool(json_object *in, const char *name)
{
        return json_object_get_boolean(json_get(in, name));
}

void json_set_string(json_object *in, const char *name, const char *value)
{
        json_object_object_add(in, name, value ? json_object_new_string(value) : NULL);
}
