/* JSON bound to structs by tables: one line per field, used to parse, to check with a path in the message, to print
 * and to free. Names match as in Go: exactly, else without case. null leaves a field as it is (zero). Unknown names are
 * ignored. Structs are zero-initialised by the caller and own what they hold: json_free_fields() frees it.
 *
 *     struct port { char *ip; int number; };
 *     static const struct json_field port_fields[] = {
 *             JSON_FIELD("IP", struct port, ip, JSON_STRING),
 *             JSON_FIELD("Port", struct port, number, JSON_INT, JSON_OMIT_EMPTY),
 *     };
 *     const struct json_table port_table = JSON_TABLE(struct port, port_fields);
 */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

DEFINE_CLEANUP(json_object *, cleanup_json_func, json_object_put)
#define cleanup_json __attribute__((cleanup(cleanup_json_func)))

enum json_field_type {
        JSON_STRING,     /* char * */
        JSON_BOOL,       /* bool */
        JSON_BOOL_PTR,   /* bool *, NULL is null */
        JSON_INT,        /* int */
        JSON_INT64,      /* int64_t */
        JSON_UINT64,     /* uint64_t */
        JSON_UINT32,     /* uint32_t */
        JSON_INT64_PTR,  /* int64_t *, NULL is null */
        JSON_INT_PTR,    /* int *, NULL is null */
        JSON_DOUBLE,     /* double */
        JSON_TIME,       /* int64_t (base/time.h), RFC3339Nano text */
        JSON_STRV,       /* char ** */
        JSON_SET,        /* char **, as {"a": {}, "b": {}} */
        JSON_STRMAP,     /* struct strmap */
        JSON_STRUCT,     /* a struct inside this one; `table` */
        JSON_STRUCT_PTR, /* a pointer to one, NULL is null; `table` */
        JSON_ARRAY,      /* T *items, with a size_t count elsewhere in the struct; `table` */
        JSON_UINT32S,    /* uint32_t *items + size_t count */
        JSON_MAP,        /* as JSON_ARRAY, printed as an object: T begins with `char *key`, which is the name */
        JSON_MAP_ARRAYS, /* T begins with { char *key; U *items; size_t count; }; `table` is U's: {"80/tcp": [{…}]} */
        JSON_RAW,        /* json_object *, a reference */
};

enum {
        JSON_OMIT_EMPTY = 1 << 0, /* Go's omitempty: zero, "", null and empty containers are not printed */
        JSON_EMPTY_NOT_NULL = 1 << 1, /* an absent list or map prints as [] or {} and not as null */
        JSON_OR_STRING = 1 << 2,  /* JSON_STRV: a plain string is a list of one */
        JSON_OMIT_NULL = 1 << 3,  /* not printed when NULL, printed when empty */
};

struct json_table;
struct json_field {
        const char *name;
        size_t offset;
        enum json_field_type type;
        unsigned flags;
        const struct json_table *table;
        size_t count_offset;
};
struct json_table {
        size_t size;
        const struct json_field *fields;
        size_t n_fields;
};

#define JSON_FIELD(name, type, member, kind, ...) { name, offsetof(type, member), kind, 0 __VA_OPT__(| (__VA_ARGS__)), NULL, 0 }
/* For JSON_STRUCT and JSON_STRUCT_PTR. */
#define JSON_FIELD_STRUCT(name, type, member, kind, table, ...)                                                      \
        { name, offsetof(type, member), kind, 0 __VA_OPT__(| (__VA_ARGS__)), &(table), 0 }
/* For JSON_ARRAY, JSON_MAP, JSON_MAP_ARRAYS; JSON_MAP_ARRAYS has the outer element {key, items, count}. */
#define JSON_FIELD_ARRAY(name, type, member, count_member, kind, table, ...)                                         \
        { name, offsetof(type, member), kind, 0 __VA_OPT__(| (__VA_ARGS__)), &(table), offsetof(type, count_member) }
#define JSON_FIELD_UINT32S(name, type, member, count_member, ...)                                                    \
        { name, offsetof(type, member), JSON_UINT32S, 0 __VA_OPT__(| (__VA_ARGS__)), NULL, offsetof(type, count_member) }
#define JSON_TABLE(type, fields) { sizeof(type), fields, ARRAY_SIZE(fields) }

/* Layout that JSON_MAP_ARRAYS elements begin with. */
struct json_keyed_list {
        char *key;
        void *items;
        size_t count;
};

/* Text to tree: one value, at most 64 deep, valid UTF-8, nothing behind it. ERROR_INVALID with the offset. */
int json_parse_text(const char *text, size_t len, json_object **ret, struct error *err);
/* Tree to struct. On failure `out` holds a part: json_free_fields() it as after success. */
int json_bind(const struct json_table *table, json_object *in, void *out, struct error *err);
int json_bind_text(const struct json_table *table, const char *text, size_t len, void *out, struct error *err);
json_object *json_unbind(const struct json_table *table, const void *in);
void json_free_fields(const struct json_table *table, void *in);
/* A deep copy into zeroed `out`. */
void json_copy(const struct json_table *table, const void *in, void *out);

/* Compact text without escaped slashes, as Go prints it; heap. json_format_pretty() indents by `indent` spaces. */
char *json_format(json_object *in);
char *json_format_pretty(json_object *in, int indent);
/* The text of one string with its quotes, escaped as Go's encoder without HTML escaping does. */
void json_quote(struct strbuf *b, const char *s, size_t len);

/* Small readers for trees that have no table: NULL or the fallback when the member is absent or of another type. */
json_object *json_get(json_object *in, const char *name);
const char *json_get_string(json_object *in, const char *name);
int64_t json_get_int64(json_object *in, const char *name, int64_t fallback);
bool json_get_bool(json_object *in, const char *name);
void json_set_string(json_object *in, const char *name, const char *value); /* NULL sets null */
