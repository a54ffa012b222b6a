/* The inside of a build definition, for src/cli/bake*.c alone. */
#pragma once

#include "cli/bake.h"
#include "cli/hcl.h"

#define BAKE_DEEP 50 /* references: variables, functions, groups, parents */

/* A value as it was written: an expression, or JSON whose strings are templates. */
struct bake_value {
        char *text;
        json_object *json;
};
struct bake_item {
        char *kind, *name; /* "variable", "function", "group", "target" */
        struct bake_attribute {
                char *name;
                struct bake_value value;
        } * attributes;
        size_t n_attributes;
};
struct bake {
        struct bake_item *items; /* in the files' order; a name may come several times */
        size_t n_items;
        json_object *targets, *groups; /* evaluated */
        char **overrides;
        int depth;
};

/* ---- bake-values.c ---- */

/* `own`: names that go first (a function's parameters, a matrix); NULL: none. */
int bake_evaluate(struct bake *b, const struct bake_value *value, json_object *own, json_object **ret,
                  struct error *err);
/* The last one of that kind, name and attribute. */
const struct bake_value *bake_find_value(struct bake *b, const char *kind, const char *name,
                                         const char *attribute, bool *ret_item);
/* Returns: 1, 0 (there is none), -1. */
int bake_variable(struct bake *b, const char *name, json_object **ret, struct error *err);
