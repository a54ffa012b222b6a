/* HCL as build definitions use it: blocks and attributes, expressions, templates. Pure.
 * Source: HCL native syntax specification (github.com/hashicorp/hcl, hclsyntax/spec.md).
 *
 * Attributes are kept as text and evaluated when somebody asks: a value is a JSON tree. */
#pragma once

#include "base/json.h"

#define HCL_TEXT_MAX (4 << 20)

struct hcl_attribute {
        char *name, *text; /* the expression */
        int line;
};
struct hcl_block {
        char *type;
        char **labels;
        struct hcl_attribute *attributes;
        size_t n_attributes;
        struct hcl_block *blocks;
        size_t n_blocks;
        int line;
};
/* The file as a block without type. "FILE:LINE: …" is the caller's to make: messages begin with "line N: ".
 */
int hcl_parse(const char *text, size_t len, struct hcl_block *ret, struct error *err);
void hcl_block_deinit(struct hcl_block *b);
#define cleanup_hcl_block __attribute__((cleanup(hcl_block_deinit)))

/* What names mean in an expression. */
struct hcl_scope {
        /* 1 with the value (the caller's), 0: there is no such variable, -1. */
        int (*variable)(void *arg, const char *name, json_object **ret, struct error *err);
        /* As above for functions. */
        int (*call)(void *arg, const char *name, json_object *const *args, size_t n_args, json_object **ret,
                    struct error *err);
        void *arg;
};
/* An expression's value; NULL is null. */
int hcl_evaluate(const char *text, const struct hcl_scope *scope, json_object **ret, struct error *err);
/* A template ("a-${b}") without quotes and escapes, as JSON files have them. */
int hcl_template(const char *text, const struct hcl_scope *scope, json_object **ret, struct error *err);

/* ---- hcl-functions.c ---- */
/* The functions that every file has: upper, join, concat …; as hcl_scope.call. */
int hcl_standard_call(const char *name, json_object *const *args, size_t n_args, json_object **ret,
                      struct error *err);
/* A value as text: strings, numbers, booleans. ERROR_INVALID for the others. Heap. */
int hcl_text(json_object *value, char **ret, struct error *err);
bool hcl_equal(json_object *a, json_object *b);
