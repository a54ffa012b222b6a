/* An expression that is being read, for src/cli/hcl-*.c alone. */
#pragma once

#include "cli/hcl.h"

struct hcl_evaluation {
        const char *at;
        const struct hcl_scope *scope;
        int depth, brackets; /* within brackets a line's end means nothing */
        int steps;
        bool skip;
        struct hcl_local { /* of `for` */
                const char *name;
                size_t len;
                json_object *value;
                const struct hcl_local *outer;
        } const *locals;
};

/* ---- hcl-evaluate.c ---- */

int hcl_unexpected(const struct hcl_evaluation *e, struct error *err);
void hcl_blanks(struct hcl_evaluation *e);
bool hcl_take(struct hcl_evaluation *e, const char *token);
int hcl_need(struct hcl_evaluation *e, const char *token, struct error *err);
bool hcl_take_word(struct hcl_evaluation *e, const char *word);
size_t hcl_name_length(const char *s);
int hcl_expression(struct hcl_evaluation *e, json_object **ret, struct error *err);

/* ---- hcl-collections.c ---- */

/* "A, B END" */
int hcl_list_items(struct hcl_evaluation *e, const char *end, json_object *list, struct error *err);
/* After "[" or "{": items, or a `for`. */
int hcl_collection(struct hcl_evaluation *e, bool object, json_object **ret, struct error *err);
