/* The API's `filters` parameter: {"label": ["a=b"]} or, as old clients write it, {"label": {"a=b": true}}. */
#pragma once

#include "base/error.h"
#include "base/str.h"

struct filter {
        char *key;
        char **values;
};
/* Zero-initialise. */
struct filters {
        struct filter *items;
        size_t count;
};

/* NULL and "" are no filters. ERROR_INVALID "invalid filter" for anything of another shape. */
int filters_parse(const char *text, struct filters *ret, struct error *err);
void filters_deinit(struct filters *f);
#define cleanup_filters __attribute__((cleanup(filters_deinit)))
/* ERROR_INVALID "invalid filter 'KEY'" unless every key is in the NULL-terminated list. */
int filters_check(const struct filters *f, const char *const *accepted, struct error *err);
/* The values of a key, or NULL. */
char *const *filters_get(const struct filters *f, const char *key);
void filters_add(struct filters *f, const char *key, const char *value);

/* All of these are true when the key is absent. */
bool filters_match(const struct filters *f, const char *key,
                   const char *value); /* one of the values exactly */
/* Every value, "name" or "name=value", is among the labels. */
bool filters_match_labels(const struct filters *f, const char *key, const struct strmap *labels);
/* One of the values is a prefix of `value`. */
bool filters_match_prefix(const struct filters *f, const char *key, const char *value);
/* One of the values, as a regular expression, is found in `value` (Docker's match of names). */
bool filters_match_regex(const struct filters *f, const char *key, const char *value);

/* A key with one boolean: `fallback` when absent; ERROR_INVALID "invalid filter 'KEY=[VALUE]'". */
int filters_get_bool(const struct filters *f, const char *key, bool fallback, bool *ret, struct error *err);
