/* Freeing, copying and printing by the tables. */
#include "compose/attribute.h"
#include "base/time.h"
#include "compose/yaml.h"

#include <stdio.h>

#define AT(type, p) (*(type *)(p))

struct field {
        const struct attribute *row;
        char *value;
        size_t *count;
};

static struct field field_of(const struct attribute *row, const void *in)
{
        return (struct field){ row, (char *)in + row->offset, (size_t *)((char *)in + row->count_offset) };
}

/* ---- Elements ---- */

/* What LIST, MAP and the kinds by name have as elements. */
static size_t element_size(const struct attribute *row)
{
        switch (row->kind) {
        case ATTRIBUTE_SSH:
                return sizeof(struct compose_ssh_key);
        case ATTRIBUTE_OPTIONS:
                return sizeof(struct compose_provider_option);
        default:
                return row->table->size;
        }
}

static bool has_key(const struct attribute *row)
{
        return row->kind == ATTRIBUTE_MAP || row->kind == ATTRIBUTE_ULIMITS ||
               row->kind == ATTRIBUTE_NETWORKS || row->kind == ATTRIBUTE_MODELS;
}

static void free_element(const struct attribute *row, void *element)
{
        if (row->kind == ATTRIBUTE_SSH) {
                free(((struct compose_ssh_key *)element)->id);
                free(((struct compose_ssh_key *)element)->path);
                return;
        }
        if (row->kind == ATTRIBUTE_OPTIONS) {
                free(((struct compose_provider_option *)element)->name);
                strv_free(((struct compose_provider_option *)element)->values);
                return;
        }
        if (has_key(row))
                free(AT(char *, element));
        attributes_free(row->table, element);
}

static void copy_element(const struct attribute *row, const void *in, void *out)
{
        if (row->kind == ATTRIBUTE_SSH) {
                const struct compose_ssh_key *key = in;

                *(struct compose_ssh_key *)out =
                    (struct compose_ssh_key){ xstrdup(key->id), xstrdup(key->path) };
                return;
        }
        if (row->kind == ATTRIBUTE_OPTIONS) {
                const struct compose_provider_option *option = in;

                *(struct compose_provider_option *)out =
                    (struct compose_provider_option){ xstrdup(option->name), strv_copy(option->values) };
                return;
        }
        attributes_copy(row->table, in, out);
        if (has_key(row))
                AT(char *, out) = xstrdup(AT(char *const, in));
        if (row->kind == ATTRIBUTE_NETWORKS)
                ((struct compose_service_network *)out)->given =
                    ((const struct compose_service_network *)in)->given;
        if (row->kind == ATTRIBUTE_ULIMITS)
                ((struct compose_ulimit *)out)->single = ((const struct compose_ulimit *)in)->single;
}

/* ---- Freeing ---- */

static void free_field(struct field f)
{
        switch (f.row->kind) {
        case ATTRIBUTE_STRING:
        case ATTRIBUTE_BOOL_PTR:
        case ATTRIBUTE_INT_PTR:
        case ATTRIBUTE_UINT64_PTR:
        case ATTRIBUTE_DURATION_PTR:
        case ATTRIBUTE_MODE_PTR:
                free(AT(void *, f.value));
                return;
        case ATTRIBUTE_STRINGS:
        case ATTRIBUTE_COMMAND:
        case ATTRIBUTE_TEST:
        case ATTRIBUTE_HOSTS:
                strv_free(AT(char **, f.value));
                return;
        case ATTRIBUTE_MAPPING:
        case ATTRIBUTE_ENVIRONMENT:
                strmap_deinit((struct strmap *)f.value);
                return;
        case ATTRIBUTE_STRUCT:
                attributes_free(f.row->table, f.value);
                return;
        case ATTRIBUTE_STRUCT_PTR:
                if (AT(void *, f.value))
                        attributes_free(f.row->table, AT(void *, f.value));
                free(AT(void *, f.value));
                return;
        case ATTRIBUTE_EXTENSIONS:
                json_object_put(AT(json_object *, f.value));
                return;
        case ATTRIBUTE_LIST:
        case ATTRIBUTE_MAP:
        case ATTRIBUTE_ULIMITS:
        case ATTRIBUTE_NETWORKS:
        case ATTRIBUTE_MODELS:
        case ATTRIBUTE_ENV_FILES:
        case ATTRIBUTE_SSH:
        case ATTRIBUTE_OPTIONS:
                for (size_t i = 0; i < *f.count; i++)
                        free_element(f.row, AT(char *, f.value) + i * element_size(f.row));
                free(AT(void *, f.value));
                return;
        default:
                return; /* numbers */
        }
}

void attributes_free(const struct attribute_table *table, void *in)
{
        for (size_t i = 0; i < table->count; i++)
                free_field(field_of(&table->rows[i], in));
        memset(in, 0, table->size);
}

/* ---- Copying ---- */

static void copy_pointer(struct field from, struct field to, size_t size)
{
        if (AT(void *, from.value))
                AT(void *, to.value) = xmemdup(AT(void *, from.value), size);
}

static void copy_list(struct field from, struct field to)
{
        size_t size = element_size(from.row);

        if (!AT(void *, from.value))
                return;
        AT(char *, to.value) = xcalloc(*from.count + 1, size);
        for (size_t i = 0; i < *from.count; i++)
                copy_element(from.row, AT(char *, from.value) + i * size, AT(char *, to.value) + i * size);
        *to.count = *from.count;
}

static void copy_field(struct field from, struct field to)
{
        switch (from.row->kind) {
        case ATTRIBUTE_STRING:
                AT(char *, to.value) = xstrdup(AT(char *, from.value));
                return;
        case ATTRIBUTE_BOOL:
                AT(bool, to.value) = AT(bool, from.value);
                return;
        case ATTRIBUTE_BOOL_PTR:
                copy_pointer(from, to, sizeof(bool));
                return;
        case ATTRIBUTE_INT:
        case ATTRIBUTE_UINT32:
                AT(uint32_t, to.value) = AT(uint32_t, from.value);
                return;
        case ATTRIBUTE_INT_PTR:
                copy_pointer(from, to, sizeof(int));
                return;
        case ATTRIBUTE_INT64:
        case ATTRIBUTE_UINT64:
        case ATTRIBUTE_SIZE:
        case ATTRIBUTE_DURATION:
        case ATTRIBUTE_COUNT:
        case ATTRIBUTE_FLOAT:
                memcpy(to.value, from.value, sizeof(int64_t));
                return;
        case ATTRIBUTE_UINT64_PTR:
        case ATTRIBUTE_DURATION_PTR:
        case ATTRIBUTE_MODE_PTR:
                copy_pointer(from, to, sizeof(int64_t));
                return;
        case ATTRIBUTE_STRINGS:
        case ATTRIBUTE_COMMAND:
        case ATTRIBUTE_TEST:
        case ATTRIBUTE_HOSTS:
                AT(char **, to.value) = strv_copy(AT(char **, from.value));
                return;
        case ATTRIBUTE_MAPPING:
        case ATTRIBUTE_ENVIRONMENT:
                strmap_copy((struct strmap *)to.value, (struct strmap *)from.value);
                return;
        case ATTRIBUTE_STRUCT:
                attributes_copy(from.row->table, from.value, to.value);
                return;
        case ATTRIBUTE_STRUCT_PTR:
                if (AT(void *, from.value)) {
                        AT(void *, to.value) = xcalloc(1, from.row->table->size);
                        attributes_copy(from.row->table, AT(void *, from.value), AT(void *, to.value));
                }
                return;
        case ATTRIBUTE_EXTENSIONS:
                AT(json_object *, to.value) = json_object_get(AT(json_object *, from.value));
                return;
        default:
                copy_list(from, to);
                return;
        }
}

void attributes_copy(const struct attribute_table *table, const void *in, void *out)
{
        for (size_t i = 0; i < table->count; i++)
                copy_field(field_of(&table->rows[i], in), field_of(&table->rows[i], out));
}

/* ---- Printing ---- */

static bool field_empty(struct field f);

static bool attributes_empty(const struct attribute_table *table, const void *in)
{
        for (size_t i = 0; i < table->count; i++)
                if (!field_empty(field_of(&table->rows[i], in)))
                        return false;
        return true;
}

/* Go's omitempty. */
static bool field_empty(struct field f)
{
        switch (f.row->kind) {
        case ATTRIBUTE_STRING:
                return string_empty(AT(char *, f.value));
        case ATTRIBUTE_BOOL:
                return !AT(bool, f.value);
        case ATTRIBUTE_INT:
        case ATTRIBUTE_UINT32:
                return AT(uint32_t, f.value) == 0;
        case ATTRIBUTE_FLOAT:
                return AT(double, f.value) == 0;
        case ATTRIBUTE_INT64:
        case ATTRIBUTE_UINT64:
        case ATTRIBUTE_SIZE:
        case ATTRIBUTE_DURATION:
        case ATTRIBUTE_COUNT:
                return AT(int64_t, f.value) == 0;
        case ATTRIBUTE_STRINGS:
        case ATTRIBUTE_COMMAND:
        case ATTRIBUTE_TEST:
        case ATTRIBUTE_HOSTS:
                return !AT(char **, f.value) || !*AT(char **, f.value);
        case ATTRIBUTE_MAPPING:
        case ATTRIBUTE_ENVIRONMENT:
                return ((struct strmap *)f.value)->count == 0;
        case ATTRIBUTE_STRUCT:
                return attributes_empty(f.row->table, f.value);
        case ATTRIBUTE_EXTENSIONS:
        case ATTRIBUTE_BOOL_PTR:
        case ATTRIBUTE_INT_PTR:
        case ATTRIBUTE_UINT64_PTR:
        case ATTRIBUTE_DURATION_PTR:
        case ATTRIBUTE_MODE_PTR:
        case ATTRIBUTE_STRUCT_PTR:
                return !AT(void *, f.value);
        default:
                return *f.count == 0;
        }
}

static json_object *print_text(char *heap)
{
        json_object *out = heap ? json_object_new_string(heap) : NULL;

        free(heap);
        return out;
}

static json_object *print_strings(char *const *list)
{
        json_object *out = json_object_new_array();

        if (!list) {
                json_object_put(out);
                return NULL;
        }
        for (; *list; list++)
                json_object_array_add(out, json_object_new_string(*list));
        return out;
}

static json_object *print_mapping(const struct strmap *map, enum attribute_format format)
{
        struct strmap sorted = {};
        json_object *out = json_object_new_object();

        strmap_copy(&sorted, map);
        strmap_sort(&sorted);
        for (size_t i = 0; i < sorted.count; i++)
                json_object_object_add(out, sorted.pairs[i].key,
                                       sorted.pairs[i].value ? json_object_new_string(sorted.pairs[i].value)
                                                             : NULL);
        strmap_deinit(&sorted);
        return format == ATTRIBUTE_YAML ? yaml_sort(out, false) : out;
}

static json_object *print_float(double value)
{
        char text[NODE_FLOAT_MAX];

        node_format_float(value, true, text);
        return json_object_new_double_s(strtod(text, NULL), text);
}

static json_object *print_ssh(const struct compose_ssh_key *key)
{
        return print_text(key->path ? string_format("%s: %s", key->id, key->path) : xstrdup(key->id));
}

static json_object *print_element(struct field f, const void *element, enum attribute_format format)
{
        switch (f.row->kind) {
        case ATTRIBUTE_SSH:
                return print_ssh(element);
        case ATTRIBUTE_ENV_FILES:
                if (((const struct compose_env_file *)element)->required)
                        return json_object_new_string(((const struct compose_env_file *)element)->path);
                break;
        case ATTRIBUTE_ULIMITS:
                if (((const struct compose_ulimit *)element)->single)
                        return json_object_new_int64(((const struct compose_ulimit *)element)->single);
                break;
        case ATTRIBUTE_NETWORKS:
                if (!((const struct compose_service_network *)element)->given)
                        return NULL;
                break;
        case ATTRIBUTE_MODELS:
                if (attributes_empty(f.row->table, element))
                        return NULL;
                break;
        case ATTRIBUTE_OPTIONS:
                return print_strings(((const struct compose_provider_option *)element)->values);
        default:
                break;
        }
        return attributes_print(f.row->table, element, format);
}

static json_object *print_list(struct field f, enum attribute_format format)
{
        bool named = has_key(f.row) || f.row->kind == ATTRIBUTE_OPTIONS;
        json_object *out = named ? json_object_new_object() : json_object_new_array();

        for (size_t i = 0; i < *f.count; i++) {
                const char *element = AT(char *, f.value) + i * element_size(f.row);
                json_object *printed = print_element(f, element, format);

                if (named)
                        json_object_object_add(out, AT(char *const, element), printed);
                else
                        json_object_array_add(out, printed);
        }
        return named && format == ATTRIBUTE_YAML ? yaml_sort(out, false) : out;
}

static json_object *print_pointed(struct field f)
{
        const void *p = AT(void *, f.value);

        if (!p)
                return NULL;
        switch (f.row->kind) {
        case ATTRIBUTE_BOOL_PTR:
                return json_object_new_boolean(AT(const bool, p));
        case ATTRIBUTE_INT_PTR:
                return json_object_new_int(AT(const int, p));
        case ATTRIBUTE_UINT64_PTR:
                return json_object_new_uint64(AT(const uint64_t, p));
        case ATTRIBUTE_DURATION_PTR:
                return print_text(duration_format(AT(const int64_t, p)));
        default:
                return print_text(string_format("0%llo", (unsigned long long)AT(const int64_t, p)));
        }
}

static json_object *print_field(struct field f, enum attribute_format format)
{
        switch (f.row->kind) {
        case ATTRIBUTE_STRING:
                return json_object_new_string(AT(char *, f.value) ? AT(char *, f.value) : "");
        case ATTRIBUTE_BOOL:
                return json_object_new_boolean(AT(bool, f.value));
        case ATTRIBUTE_INT:
                return json_object_new_int(AT(int, f.value));
        case ATTRIBUTE_UINT32:
                return json_object_new_int64(AT(uint32_t, f.value));
        case ATTRIBUTE_INT64:
        case ATTRIBUTE_COUNT:
                return json_object_new_int64(AT(int64_t, f.value));
        case ATTRIBUTE_UINT64:
                return json_object_new_uint64(AT(uint64_t, f.value));
        case ATTRIBUTE_FLOAT:
                return print_float(AT(double, f.value));
        case ATTRIBUTE_SIZE:
                return print_text(string_format("%lld", (long long)AT(int64_t, f.value)));
        case ATTRIBUTE_DURATION:
                return print_text(duration_format(AT(int64_t, f.value)));
        case ATTRIBUTE_BOOL_PTR:
        case ATTRIBUTE_INT_PTR:
        case ATTRIBUTE_UINT64_PTR:
        case ATTRIBUTE_DURATION_PTR:
        case ATTRIBUTE_MODE_PTR:
                return print_pointed(f);
        case ATTRIBUTE_STRINGS:
        case ATTRIBUTE_COMMAND:
        case ATTRIBUTE_TEST:
        case ATTRIBUTE_HOSTS:
                return print_strings(AT(char **, f.value));
        case ATTRIBUTE_MAPPING:
        case ATTRIBUTE_ENVIRONMENT:
                return print_mapping((struct strmap *)f.value, format);
        case ATTRIBUTE_STRUCT:
                return attributes_print(f.row->table, f.value, format);
        case ATTRIBUTE_STRUCT_PTR:
                return attributes_print(f.row->table, AT(void *, f.value), format);
        default:
                return print_list(f, format);
        }
}

static void print_extensions(json_object *out, json_object *extensions)
{
        cleanup_json json_object *sorted = extensions ? yaml_sort(json_object_get(extensions), true) : NULL;
        struct lh_entry *entry;

        if (sorted)
                lh_foreach (json_object_get_object(sorted), entry)
                        json_object_object_add(out, lh_entry_k(entry), json_object_get(lh_entry_v(entry)));
}

/* What Go prints although it says nothing. */
static bool must_print(const struct attribute *row, enum attribute_format format)
{
        return (row->flags & ATTRIBUTE_ALWAYS) ||
               (format == ATTRIBUTE_JSON &&
                (row->kind == ATTRIBUTE_STRUCT || (row->flags & ATTRIBUTE_JSON_ALWAYS)));
}

json_object *attributes_print(const struct attribute_table *table, const void *in,
                              enum attribute_format format)
{
        json_object *out = json_object_new_object();

        for (size_t i = 0; i < table->count; i++) {
                const struct attribute *row = &table->rows[i];
                struct field f = field_of(row, in);

                if (row->kind == ATTRIBUTE_EXTENSIONS) {
                        if (format == ATTRIBUTE_YAML)
                                print_extensions(out, AT(json_object *, f.value));
                } else if (!field_empty(f) || must_print(row, format)) {
                        json_object_object_add(
                            out, format == ATTRIBUTE_JSON && row->json_name ? row->json_name : row->name,
                            print_field(f, format));
                }
        }
        return out;
}
