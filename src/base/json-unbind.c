/* Structs to trees. */
#include "base/json-internal.h"
#include "base/time.h"

#include <stdio.h>

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
                size_t count = has_count(field->type) ? *json_count_of(field, in) : 0;

                if ((field->flags & JSON_OMIT_EMPTY) && field_is_empty(field, p, count))
                        continue;
                if ((field->flags & JSON_OMIT_NULL) && field_is_null(field, p))
                        continue;
                json_object_object_add(out, field->name, unbind_field(field, p, count));
        }
        return out;
}
