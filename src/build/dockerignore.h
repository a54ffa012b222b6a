/* .dockerignore: the file's patterns, and which paths they exclude. The same patterns serve COPY --exclude.
 * Pure. */
#pragma once

#include "base/str.h"

/* Patterns in the file's order, cleaned ("/a/" → "a", "!/b" → "!b"); comments and blank lines dropped. */
char **dockerignore_parse(const char *text, size_t len);

struct path_matcher;
/* ERROR_INVALID for what is no pattern. */
int path_matcher_new(char *const *patterns, struct path_matcher **ret, struct error *err);
void path_matcher_free(struct path_matcher *m); /* NULL is fine */
DEFINE_CLEANUP(struct path_matcher *, cleanup_path_matcher_func, path_matcher_free)
#define cleanup_path_matcher __attribute__((cleanup(cleanup_path_matcher_func)))

/* Is `path` (relative, clean, with "/") excluded, by itself or through a parent folder? */
int path_matcher_match(struct path_matcher *m, const char *path, bool *ret, struct error *err);
/* The same as Docker answers while it walks a context from the top, which differs where a later pattern
 * excludes a folder that an earlier one had excluded already. */
int path_matcher_excludes(struct path_matcher *m, const char *path, bool *ret, struct error *err);
/* The same, but of the parents only the one that is as deep as the pattern counts. */
int path_matcher_match_level(struct path_matcher *m, const char *path, bool *ret, struct error *err);
/* Are there patterns that begin with "!"? Without them nothing below an excluded folder is needed. */
bool path_matcher_has_exceptions(const struct path_matcher *m);
/* The patterns, a line each: two matchers of one description decide the same. */
void path_matcher_describe(const struct path_matcher *m, struct strbuf *out);

/* Go's filepath.Match: "*", "?", "[…]" within one component each. Returns 1, 0, or -1 for a malformed
 * pattern. */
int path_glob(const char *pattern, const char *name);
