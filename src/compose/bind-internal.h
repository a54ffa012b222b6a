/* Values of nodes for the members of the model. Each function complains in the reference's words, with the
 * way to the member, and returns -1. */
#pragma once

#include "compose/loader-internal.h"

/* Where in the model: services[web].ports[0].target. */
struct way {
        const struct way *from;
        const char *key; /* NULL: an index */
        size_t index;
        bool member; /* of a struct: ".key"; else "[key]" */
};

int bind_wrong_type(struct loader *l, const struct way *way, const struct node *node, const char *wanted);
int bind_string(struct loader *l, const struct way *way, const struct node *node, char **ret);
int bind_bool(struct loader *l, const struct way *way, const struct node *node, bool *ret);
int bind_float(struct loader *l, const struct way *way, const struct node *node, double *ret);
int bind_size(struct loader *l, const struct way *way, const struct node *node, int64_t *ret);
int bind_duration(struct loader *l, const struct way *way, const struct node *node, int64_t *ret);
int bind_mode(struct loader *l, const struct way *way, const struct node *node, int64_t *ret);
int bind_count(struct loader *l, const struct way *way, const struct node *node, int64_t *ret);
int bind_integer(struct loader *l, const struct way *way, const struct node *node, int64_t low, int64_t high,
                 int64_t *ret);
int bind_strings(struct loader *l, const struct way *way, const struct node *node, char ***ret);
int bind_command(struct loader *l, const struct way *way, const struct node *node, char ***ret);
int bind_test(struct loader *l, const struct way *way, const struct node *node, char ***ret);
int bind_hosts(struct loader *l, const struct way *way, const struct node *node, char ***ret);
int bind_mapping(struct loader *l, const struct way *way, const struct node *node, bool keep_null,
                 struct strmap *ret);
