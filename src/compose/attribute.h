/* The members of the model's structs as tables, in the order in which the reference prints them: from these
 * rows a tree is bound, printed, copied and freed. */
#pragma once

#include "compose/node.h"
#include "compose/project.h"

enum attribute_kind {
        ATTRIBUTE_STRING,       /* char * */
        ATTRIBUTE_BOOL,         /* bool */
        ATTRIBUTE_BOOL_PTR,     /* bool * */
        ATTRIBUTE_INT,          /* int */
        ATTRIBUTE_INT_PTR,      /* int * */
        ATTRIBUTE_UINT32,       /* uint32_t */
        ATTRIBUTE_INT64,        /* int64_t */
        ATTRIBUTE_UINT64,       /* uint64_t */
        ATTRIBUTE_UINT64_PTR,   /* uint64_t * */
        ATTRIBUTE_FLOAT,        /* double of Go's float32 */
        ATTRIBUTE_SIZE,         /* int64_t; "64m" in, "67108864" out */
        ATTRIBUTE_DURATION,     /* int64_t; "1m30s" */
        ATTRIBUTE_DURATION_PTR, /* int64_t * */
        ATTRIBUTE_MODE_PTR,     /* int64_t *; "0440" */
        ATTRIBUTE_COUNT,        /* int64_t; "all" is -1 */
        ATTRIBUTE_STRINGS,      /* char ** */
        ATTRIBUTE_COMMAND,      /* char **; a string is split into words; null and empty differ */
        ATTRIBUTE_TEST,         /* char **; a string is CMD-SHELL */
        ATTRIBUTE_HOSTS,        /* char **; a map or a list, sorted "host=address" */
        ATTRIBUTE_MAPPING,      /* struct strmap; from a map or a NAME=VALUE list; null is "" */
        ATTRIBUTE_ENVIRONMENT,  /* struct strmap; null stays null */
        ATTRIBUTE_STRUCT, /* a struct inside this one; JSON always has it, YAML unless it says nothing */
        ATTRIBUTE_STRUCT_PTR,
        ATTRIBUTE_LIST,       /* T *items, size_t count */
        ATTRIBUTE_MAP,        /* as LIST; T begins with `char *key`; sorted by it */
        ATTRIBUTE_ULIMITS,    /* struct compose_ulimit by name */
        ATTRIBUTE_NETWORKS,   /* struct compose_service_network by name, null where nothing is given */
        ATTRIBUTE_MODELS,     /* struct compose_service_model by name, null where nothing is given */
        ATTRIBUTE_ENV_FILES,  /* struct compose_env_file: a path alone when it is required */
        ATTRIBUTE_SSH,        /* struct compose_ssh_key by id */
        ATTRIBUTE_OPTIONS,    /* struct compose_provider_option by name */
        ATTRIBUTE_EXTENSIONS, /* json_object *; YAML only */
};

enum {
        ATTRIBUTE_ALWAYS = 1 << 0,      /* printed when zero */
        ATTRIBUTE_JSON_ALWAYS = 1 << 1, /* in JSON only */
};

struct attribute {
        const char *name;
        enum attribute_kind kind;
        size_t offset;
        unsigned flags;
        const struct attribute_table *table;
        size_t count_offset;
        const char *json_name; /* where the reference's JSON says another */
};

struct attribute_table {
        size_t size;
        const struct attribute *rows;
        size_t count;
};

extern const struct attribute_table service_table, network_table, volume_table, file_object_table,
    model_table, ulimit_table, service_network_table, service_model_table;

void attributes_free(const struct attribute_table *table, void *in);
void attributes_copy(const struct attribute_table *table, const void *in, void *out);

enum attribute_format { ATTRIBUTE_JSON, ATTRIBUTE_YAML };
json_object *attributes_print(const struct attribute_table *table, const void *in,
                              enum attribute_format format);
