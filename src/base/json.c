#include "base/json.h"
#include "base/time.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <strings.h>

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
                return error_set(err, ERROR_INVALID, "invalid JSON: unexpected end of JSON input");
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

static const char *kind_of(json_object *in)
{
        static const char *const names[] = {
                "null", "bool", "number", "number", "object", "array", "string"
        };

        return names[json_object_get_type(in)];
}

static int mismatch(json_object *in, const char *wanted, struct error *err)
{
        return error_set(err, ERROR_INVALID, "json: cannot unmarshal %s into a value of type %s", kind_of(in),
                         wanted);
}

static int bind_integer(json_object *in, int64_t min, int64_t max, const char *wanted, int64_t *ret,
                        struct error *err)
{
        double number;

        if (json_object_is_type(in, json_type_double)) {
                /* 1e3 is an integer to JavaScript's and Python's encoders. */
                number = json_object_get_double(in);
                if (number != trunc(number) || fabs(number) > 9e15)
                        return mismatch(in, wanted, err);
                *ret = (int64_t)number;
        } else if (json_object_is_type(in, json_type_int)) {
                /* json-c saturates what does not fit; its text is what was written. */
                *ret = json_object_get_int64(in);
                if (*ret == INT64_MAX && json_object_get_uint64(in) > INT64_MAX)
                        return error_set(err, ERROR_INVALID, "json: number %" PRIu64 " does not fit into %s",
                                         json_object_get_uint64(in), wanted);
        } else {
                return mismatch(in, wanted, err);
        }
        if (*ret < min || *ret > max)
                return error_set(err, ERROR_INVALID, "json: number %" PRId64 " does not fit into %s", *ret,
                                 wanted);
        return 0;
}

static int bind_string(json_object *in, char **out, struct error *err)
{
        const char *text = json_object_get_string(in);
        size_t len = (size_t)json_object_get_string_len(in);

        if (!json_object_is_type(in, json_type_string))
                return mismatch(in, "string", err);
        if (strlen(text) != len)
                return error_set(err, ERROR_INVALID, "a string holds a NUL byte");
        free(*out);
        *out = xstrndup(text, len);
        return 0;
}

static int bind_strings(json_object *in, unsigned flags, char ***out, struct error *err)
{
        char **list = strv_new();
        char *item = NULL;

        if ((flags & JSON_OR_STRING) && json_object_is_type(in, json_type_string)) {
                if (bind_string(in, &item, err) < 0)
                        goto fail;
                strv_append_take(&list, item);
        } else if (!json_object_is_type(in, json_type_array)) {
                mismatch(in, "[]string", err);
                goto fail;
        } else {
                /* strv_append() counts the list each time: fill it directly. */
                size_t count = json_object_array_length(in);

                list = xrealloc(list, (2 * count + 2) * sizeof(char *));
                memset(list, 0, (2 * count + 2) * sizeof(char *));
                for (size_t i = 0; i < count; i++) {
                        json_object *element = json_object_array_get_idx(in, i);

                        if (!element) {
                                list[i] = xstrdup("");
                        } else if (bind_string(element, &list[i], err) < 0) {
                                error_context(err, "[%zu]", i);
                                goto fail;
                        }
                }
        }
        strv_free(*out);
        *out = list;
        return 0;
fail:
        strv_free(list);
        return -1;
}

static int bind_set(json_object *in, char ***out, struct error *err)
{
        char **list = strv_new();
        struct lh_entry *entry;

        if (!json_object_is_type(in, json_type_object)) {
                strv_free(list);
                return mismatch(in, "map[string]struct{}", err);
        }
        lh_foreach (json_object_get_object(in), entry)
                strv_append(&list, lh_entry_k(entry));
        strv_free(*out);
        *out = list;
        return 0;
}

/* Room for `count` elements such that ARRAY_APPEND may go on with them. */
static void *array_room(size_t count, size_t size)
{
        size_t room = 1;

        while (room < count)
                room *= 2;
        return xcalloc(room, size);
}

static int bind_strmap(json_object *in, struct strmap *out, struct error *err)
{
        struct lh_entry *entry;

        if (!json_object_is_type(in, json_type_object))
                return mismatch(in, "map[string]string", err);
        strmap_deinit(out);
        out->given = true;
        out->pairs = array_room((size_t)json_object_object_length(in), sizeof(*out->pairs));
        lh_foreach (json_object_get_object(in), entry) {
                json_object *value = lh_entry_v(entry);
                struct strpair *pair = &out->pairs[out->count];

                if (!value)
                        pair->value = xstrdup("");
                else if (bind_string(value, &pair->value, err) < 0)
                        return error_context(err, "[%s]", (const char *)lh_entry_k(entry));
                pair->key = xstrdup(lh_entry_k(entry));
                out->count++;
        }
        return 0;
}

static int bind_array(const struct json_table *table, json_object *in, void **items, size_t *count,
                      struct error *err)
{
        size_t n;

        if (!json_object_is_type(in, json_type_array))
                return mismatch(in, "array", err);
        n = json_object_array_length(in);
        *items = array_room(n, table->size);
        *count = n;
        for (size_t i = 0; i < n; i++) {
                json_object *element = json_object_array_get_idx(in, i);

                if (element && json_bind(table, element, (char *)*items + i * table->size, err) < 0)
                        return error_context(err, "[%zu]", i);
        }
        return 0;
}

static int bind_uint32s(json_object *in, uint32_t **items, size_t *count, struct error *err)
{
        size_t n;

        if (!json_object_is_type(in, json_type_array))
                return mismatch(in, "[]uint32", err);
        n = json_object_array_length(in);
        free(*items);
        *items = array_room(n, sizeof(uint32_t));
        *count = n;
        for (size_t i = 0; i < n; i++) {
                int64_t number;

                if (bind_integer(json_object_array_get_idx(in, i), 0, UINT32_MAX, "uint32", &number, err) < 0)
                        return error_context(err, "[%zu]", i);
                (*items)[i] = (uint32_t)number;
        }
        return 0;
}

/* Elements are {char *key, …}; with `lists` they are {key, items, count} and `table` describes the items. */
static int bind_map(const struct json_table *table, bool lists, json_object *in, void **items, size_t *count,
                    struct error *err)
{
        size_t size = lists ? sizeof(struct json_keyed_list) : table->size;
        struct lh_entry *entry;

        if (!json_object_is_type(in, json_type_object))
                return mismatch(in, "object", err);
        *items = array_room((size_t)json_object_object_length(in), size);
        *count = 0;
        lh_foreach (json_object_get_object(in), entry) {
                json_object *value = lh_entry_v(entry);
                char *element = (char *)*items + *count * size;
                struct json_keyed_list *list = (struct json_keyed_list *)element;
                int r = 0;

                *(char **)element = xstrdup(lh_entry_k(entry));
                (*count)++;
                if (value)
                        r = lists ? bind_array(table, value, &list->items, &list->count, err)
                                  : json_bind(table, value, element, err);
                if (r < 0)
                        return error_context(err, "[%s]", (const char *)lh_entry_k(entry));
        }
        return 0;
}

static void free_field(const struct json_field *field, void *p, size_t *count);

static int bind_field(const struct json_field *field, json_object *in, void *p, size_t *count,
                      struct error *err)
{
        int64_t number;

        switch (field->type) {
        case JSON_STRING:
                return bind_string(in, p, err);
        case JSON_BOOL:
        case JSON_BOOL_PTR:
                if (!json_object_is_type(in, json_type_boolean))
                        return mismatch(in, "bool", err);
                if (field->type == JSON_BOOL_PTR && !*(bool **)p)
                        *(bool **)p = xmalloc(sizeof(bool));
                *(field->type == JSON_BOOL_PTR ? *(bool **)p : (bool *)p) = json_object_get_boolean(in);
                return 0;
        case JSON_INT:
        case JSON_INT_PTR:
                if (bind_integer(in, INT32_MIN, INT32_MAX, "int", &number, err) < 0)
                        return -1;
                if (field->type == JSON_INT_PTR && !*(int **)p)
                        *(int **)p = xmalloc(sizeof(int));
                *(field->type == JSON_INT_PTR ? *(int **)p : (int *)p) = (int)number;
                return 0;
        case JSON_INT64:
        case JSON_INT64_PTR:
                if (bind_integer(in, INT64_MIN, INT64_MAX, "int64", &number, err) < 0)
                        return -1;
                if (field->type == JSON_INT64_PTR && !*(int64_t **)p)
                        *(int64_t **)p = xmalloc(sizeof(int64_t));
                *(field->type == JSON_INT64_PTR ? *(int64_t **)p : (int64_t *)p) = number;
                return 0;
        case JSON_UINT64:
                if (json_object_is_type(in, json_type_int) && json_object_get_uint64(in) > INT64_MAX) {
                        *(uint64_t *)p = json_object_get_uint64(in);
                        return 0;
                }
                if (bind_integer(in, 0, INT64_MAX, "uint64", &number, err) < 0)
                        return -1;
                *(uint64_t *)p = (uint64_t)number;
                return 0;
        case JSON_UINT32:
                if (bind_integer(in, 0, UINT32_MAX, "uint32", &number, err) < 0)
                        return -1;
                *(uint32_t *)p = (uint32_t)number;
                return 0;
        case JSON_DOUBLE:
                if (!json_object_is_type(in, json_type_double) && !json_object_is_type(in, json_type_int))
                        return mismatch(in, "float64", err);
                *(double *)p = json_object_get_double(in);
                return 0;
        case JSON_TIME: {
                cleanup_free char *text = NULL;

                return bind_string(in, &text, err) < 0 ? -1 : time_parse_rfc3339(text, p, err);
        }
        case JSON_STRV:
                return bind_strings(in, field->flags, p, err);
        case JSON_SET:
                return bind_set(in, p, err);
        case JSON_STRMAP:
                return bind_strmap(in, p, err);
        case JSON_STRUCT:
                return json_bind(field->table, in, p, err);
        case JSON_STRUCT_PTR:
                if (!*(void **)p)
                        *(void **)p = xcalloc(1, field->table->size);
                return json_bind(field->table, in, *(void **)p, err);
        case JSON_UINT32S:
                return bind_uint32s(in, p, count, err);
        case JSON_ARRAY:
                free_field(field, p, count);
                return bind_array(field->table, in, p, count, err);
        case JSON_MAP:
        case JSON_MAP_ARRAYS:
                free_field(field, p, count);
                return bind_map(field->table, field->type == JSON_MAP_ARRAYS, in, p, count, err);
        case JSON_RAW:
                json_object_put(*(json_object **)p);
                *(json_object **)p = json_object_get(in);
                return 0;
        }
        abort();
}

static const struct json_field *find_field(const struct json_table *table, const char *name)
{
        const struct json_field *loose = NULL;

        for (size_t i = 0; i < table->n_fields; i++) {
                if (strcmp(table->fields[i].name, name) == 0)
                        return &table->fields[i];
                if (!loose && strcasecmp(table->fields[i].name, name) == 0)
                        loose = &table->fields[i];
        }
        return loose;
}

static size_t *count_of(const struct json_field *field, const void *in)
{
        return (size_t *)((char *)in + field->count_offset);
}

int json_bind(const struct json_table *table, json_object *in, void *out, struct error *err)
{
        struct lh_entry *entry;

        if (!json_object_is_type(in, json_type_object))
                return mismatch(in, "object", err);
        lh_foreach (json_object_get_object(in), entry) {
                const struct json_field *field = find_field(table, lh_entry_k(entry));
                json_object *value = lh_entry_v(entry);

                if (!field || !value)
                        continue;
                if (bind_field(field, value, (char *)out + field->offset, count_of(field, out), err) < 0)
                        return error_context(err, "%s", field->name);
        }
        return 0;
}

int json_bind_text(const struct json_table *table, const char *text, size_t len, void *out, struct error *err)
{
        cleanup_json json_object *tree = NULL;

        if (json_parse_text(text, len, &tree, err) < 0)
                return -1;
        return json_bind(table, tree, out, err);
}

static json_object *unbind_strings(char *const *list)
{
        json_object *out = json_object_new_array();

        for (; list && *list; list++)
                json_object_array_add(out, json_object_new_string(*list));
        return out;
}

static json_object *unbind_set(char *const *list)
{
        json_object *out = json_object_new_object();
        cleanup_strv char **sorted = strv_copy(list);

        strv_sort(sorted);
        for (size_t i = 0; sorted && sorted[i]; i++)
                json_object_object_add(out, sorted[i], json_object_new_object());
        return out;
}

static json_object *unbind_strmap(const struct strmap *map)
{
        json_object *out = json_object_new_object();
        struct strmap sorted = {};

        strmap_copy(&sorted, map);
        strmap_sort(&sorted);
        for (size_t i = 0; i < sorted.count; i++)
                json_object_object_add(out, sorted.pairs[i].key,
                                       json_object_new_string(sorted.pairs[i].value));
        strmap_deinit(&sorted);
        return out;
}

static json_object *unbind_array(const struct json_table *table, const void *items, size_t count)
{
        json_object *out = json_object_new_array();

        for (size_t i = 0; i < count; i++)
                json_object_array_add(out, json_unbind(table, (const char *)items + i * table->size));
        return out;
}

static int compare_keyed(const void *a, const void *b)
{
        return strcmp(**(char **const *)a, **(char **const *)b);
}

static json_object *unbind_map(const struct json_table *table, bool lists, const void *items, size_t count)
{
        size_t size = lists ? sizeof(struct json_keyed_list) : table->size;
        cleanup_free const void **sorted = xcalloc(count, sizeof(*sorted));
        json_object *out = json_object_new_object();

        for (size_t i = 0; i < count; i++)
                sorted[i] = (const char *)items + i * size;
        if (count)
                qsort(sorted, count, sizeof(*sorted), compare_keyed);
        for (size_t i = 0; i < count; i++) {
                const struct json_keyed_list *list = sorted[i];
                json_object *value = !lists        ? json_unbind(table, sorted[i])
                                     : list->items ? unbind_array(table, list->items, list->count)
                                                   : NULL;

                json_object_object_add(out, list->key, value);
        }
        return out;
}

static json_object *unbind_uint32s(const uint32_t *items, size_t count)
{
        json_object *out = json_object_new_array();

        for (size_t i = 0; i < count; i++)
                json_object_array_add(out, json_object_new_int64(items[i]));
        return out;
}

static json_object *new_time(int64_t t)
{
        char text[TIME_RFC3339_MAX];

        time_format_rfc3339nano(t, text);
        return json_object_new_string(text);
}

/* The shortest text that reads back as the same number, as Go prints it. */
static json_object *new_double(double number)
{
        char text[40];

        for (int digits = 15; digits <= 17; digits++) {
                snprintf(text, sizeof(text), "%.*g", digits, number);
                if (strtod(text, NULL) == number)
                        break;
        }
        return json_object_new_double_s(number, text);
}

/* Was the field not given at all: Go's nil? */
static bool field_is_null(const struct json_field *field, const void *p)
{
        switch (field->type) {
        case JSON_BOOL_PTR:
        case JSON_INT_PTR:
        case JSON_INT64_PTR:
        case JSON_STRV:
        case JSON_SET:
        case JSON_STRUCT_PTR:
        case JSON_ARRAY:
        case JSON_UINT32S:
        case JSON_MAP:
        case JSON_MAP_ARRAYS:
        case JSON_RAW:
                return !*(void *const *)p;
        case JSON_STRMAP:
                return !((const struct strmap *)p)->given;
        default:
                return false;
        }
}

/* Go's omitempty. */
static bool field_is_empty(const struct json_field *field, const void *p, size_t count)
{
        switch (field->type) {
        case JSON_STRING:
                return string_empty(*(char *const *)p);
        case JSON_BOOL:
                return !*(const bool *)p;
        case JSON_INT:
                return !*(const int *)p;
        case JSON_UINT32:
                return !*(const uint32_t *)p;
        case JSON_INT64:
        case JSON_UINT64:
                return !*(const int64_t *)p;
        case JSON_DOUBLE:
                return *(const double *)p == 0;
        case JSON_STRV:
        case JSON_SET:
                return strv_length(*(char **const *)p) == 0;
        case JSON_STRMAP:
                return ((const struct strmap *)p)->count == 0;
        case JSON_ARRAY:
        case JSON_UINT32S:
        case JSON_MAP:
        case JSON_MAP_ARRAYS:
                return count == 0;
        case JSON_TIME:
                return *(const int64_t *)p == TIME_ZERO;
        case JSON_STRUCT:
                return false;
        default:
                return field_is_null(field, p);
        }
}

static json_object *unbind_field(const struct json_field *field, const void *p, size_t count)
{
        if (field_is_null(field, p)) {
                bool list =
                    field->type == JSON_STRV || field->type == JSON_ARRAY || field->type == JSON_UINT32S;

                if (!(field->flags & JSON_EMPTY_NOT_NULL))
                        return NULL;
                return list ? json_object_new_array() : json_object_new_object();
        }
        switch (field->type) {
        case JSON_STRING:
                return json_object_new_string(*(char *const *)p ? *(char *const *)p : "");
        case JSON_BOOL:
                return json_object_new_boolean(*(const bool *)p);
        case JSON_BOOL_PTR:
                return json_object_new_boolean(**(bool *const *)p);
        case JSON_INT:
                return json_object_new_int(*(const int *)p);
        case JSON_INT_PTR:
                return json_object_new_int(**(int *const *)p);
        case JSON_INT64:
                return json_object_new_int64(*(const int64_t *)p);
        case JSON_INT64_PTR:
                return json_object_new_int64(**(int64_t *const *)p);
        case JSON_UINT64:
                return json_object_new_uint64(*(const uint64_t *)p);
        case JSON_UINT32:
                return json_object_new_int64(*(const uint32_t *)p);
        case JSON_DOUBLE:
                return new_double(*(const double *)p);
        case JSON_TIME:
                return new_time(*(const int64_t *)p);
        case JSON_STRV:
                return unbind_strings(*(char **const *)p);
        case JSON_SET:
                return unbind_set(*(char **const *)p);
        case JSON_STRMAP:
                return unbind_strmap(p);
        case JSON_STRUCT:
                return json_unbind(field->table, p);
        case JSON_STRUCT_PTR:
                return json_unbind(field->table, *(void *const *)p);
        case JSON_UINT32S:
                return unbind_uint32s(*(uint32_t *const *)p, count);
        case JSON_ARRAY:
                return unbind_array(field->table, *(void *const *)p, count);
        case JSON_MAP:
        case JSON_MAP_ARRAYS:
                return unbind_map(field->table, field->type == JSON_MAP_ARRAYS, *(void *const *)p, count);
        case JSON_RAW:
                return json_object_get(*(json_object *const *)p);
        }
        abort();
}

/* Others have no count: what lies at offset 0 may be anything, and be written by another thread. */
static bool has_count(enum json_field_type type)
{
        return type == JSON_ARRAY || type == JSON_UINT32S || type == JSON_MAP || type == JSON_MAP_ARRAYS;
}

json_object *json_unbind(const struct json_table *table, const void *in)
{
        json_object *out = json_object_new_object();

        for (size_t i = 0; i < table->n_fields; i++) {
                const struct json_field *field = &table->fields[i];
                const void *p = (const char *)in + field->offset;
                size_t count = has_count(field->type) ? *count_of(field, in) : 0;

                if ((field->flags & JSON_OMIT_EMPTY) && field_is_empty(field, p, count))
                        continue;
                if ((field->flags & JSON_OMIT_NULL) && field_is_null(field, p))
                        continue;
                json_object_object_add(out, field->name, unbind_field(field, p, count));
        }
        return out;
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

static void free_field(const struct json_field *field, void *p, size_t *count)
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
                free_field(&table->fields[i], (char *)in + table->fields[i].offset,
                           count_of(&table->fields[i], in));
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
