/* The variables of a project: NAME=value pairs, sorted, looked up for every substitution. */
#pragma once

#include "base/str.h"

struct environment {
        struct strmap map; /* sorted by key once environment_sort() was called */
};

/* The first value of a name stays. */
void environment_merge(struct environment *env, const struct strmap *other);
void environment_merge_list(struct environment *env, char *const *list);
void environment_set(struct environment *env, const char *name, const char *value);
const char *environment_get(const struct environment *env, const char *name);
char **environment_list(const struct environment *env); /* NAME=value, sorted; heap */
void environment_copy(struct environment *dst, const struct environment *src);
void environment_deinit(struct environment *env);
#define cleanup_environment __attribute__((cleanup(environment_deinit)))
