/* Trees to structs. */
#include "base/json-internal.h"
#include "base/time.h"

#include <inttypes.h>
#include <math.h>
#include <strings.h>

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
                size_t count = json_object_array_length(in);

                strv_free(list);
                list = strv_with_room(count);
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
        struct lh_entry *entry;
        size_t n = 0;

        if (!json_object_is_type(in, json_type_object))
                return mismatch(in, "map[string]struct{}", err);
        strv_free(*out);
        *out = strv_with_room((size_t)json_object_object_length(in));
        lh_foreach (json_object_get_object(in), entry)
                (*out)[n++] = xstrdup(lh_entry_k(entry));
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

/* The member of a field that may be absent, made when it is. */
static void *made(void *p, bool pointer, size_t size)
{
        if (!pointer)
                return p;
        if (!*(void **)p)
                *(void **)p = xcalloc(1, size);
        return *(void **)p;
}

static int bind_number(const struct json_field *field, json_object *in, void *p, struct error *err)
{
        int64_t number;

        switch (field->type) {
        case JSON_INT:
        case JSON_INT_PTR:
                if (bind_integer(in, INT32_MIN, INT32_MAX, "int", &number, err) < 0)
                        return -1;
                *(int *)made(p, field->type == JSON_INT_PTR, sizeof(int)) = (int)number;
                return 0;
        case JSON_UINT32:
                if (bind_integer(in, 0, UINT32_MAX, "uint32", &number, err) < 0)
                        return -1;
                *(uint32_t *)p = (uint32_t)number;
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
        case JSON_DOUBLE:
                if (!json_object_is_type(in, json_type_double) && !json_object_is_type(in, json_type_int))
                        return mismatch(in, "float64", err);
                *(double *)p = json_object_get_double(in);
                return 0;
        default: /* JSON_INT64, JSON_INT64_PTR */
                if (bind_integer(in, INT64_MIN, INT64_MAX, "int64", &number, err) < 0)
                        return -1;
                *(int64_t *)made(p, field->type == JSON_INT64_PTR, sizeof(int64_t)) = number;
                return 0;
        }
}

static int bind_field(const struct json_field *field, json_object *in, void *p, size_t *count,
                      struct error *err)
{
        switch (field->type) {
        case JSON_STRING:
                return bind_string(in, p, err);
        case JSON_BOOL:
        case JSON_BOOL_PTR:
                if (!json_object_is_type(in, json_type_boolean))
                        return mismatch(in, "bool", err);
                *(bool *)made(p, field->type == JSON_BOOL_PTR, sizeof(bool)) = json_object_get_boolean(in);
                return 0;
        case JSON_INT:
        case JSON_INT_PTR:
        case JSON_INT64:
        case JSON_INT64_PTR:
        case JSON_UINT32:
        case JSON_UINT64:
        case JSON_DOUBLE:
                return bind_number(field, in, p, err);
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
                return json_bind(field->table, in, made(p, true, field->table->size), err);
        case JSON_UINT32S:
                return bind_uint32s(in, p, count, err);
        case JSON_ARRAY:
                json_field_free(field, p, count);
                return bind_array(field->table, in, p, count, err);
        case JSON_MAP:
        case JSON_MAP_ARRAYS:
                json_field_free(field, p, count);
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
                if (bind_field(field, value, (char *)out + field->offset, json_count_of(field, out), err) < 0)
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
