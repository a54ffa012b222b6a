/* The regular expressions that .dockerignore patterns turn into. Patterns pass some characters through to an
 * expression as they are ("^", classes, escapes like \d), so the reference's answers cannot be had without
 * one: this is the part of Go's syntax that such a pattern can reach. Matching simulates all states at once:
 * no backtracking, time is length × size. */
#pragma once

#include "base/error.h"

struct path_regex;

/* `text` is UTF-8. ERROR_INVALID "syntax error in pattern". */
int path_regex_new(const char *text, struct path_regex **ret, struct error *err);
void path_regex_free(struct path_regex *r);
bool path_regex_match(const struct path_regex *r, const char *s);
