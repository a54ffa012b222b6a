/* What a Compose file may look like, as tables: types, names, choices. Checked by schema-check.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum schema_type {
        SCHEMA_ARRAY = 1 << 0,
        SCHEMA_BOOLEAN = 1 << 1,
        SCHEMA_INTEGER = 1 << 2,
        SCHEMA_MAPPING = 1 << 3,
        SCHEMA_NULL = 1 << 4,
        SCHEMA_NUMBER = 1 << 5,
        SCHEMA_STRING = 1 << 6,
};

/* Which keys `values` is for. */
enum schema_keys { SCHEMA_NAMES, SCHEMA_ANY_KEY, SCHEMA_LOWER_CASE };

struct schema_property {
        const char *name;
        const struct schema *schema;
};

struct schema {
        unsigned types; /* 0: any */
        const struct schema_property *properties;
        size_t n_properties;
        const struct schema *values; /* of keys that are no property and fit `keys` */
        enum schema_keys keys;
        bool closed;                 /* no other keys */
        bool extensible;             /* x-… besides */
        const char *const *required; /* NULL-terminated */
        const struct schema *items;
        bool unique;                /* no two items are equal */
        const char *const *choices; /* of a string */
        const char *pattern;        /* of a string: one of the known, see schema-check.c */
        const long *minimum, *maximum;
        const struct schema *const *one_of; /* NULL-terminated */
};

extern const struct schema schema_project;
