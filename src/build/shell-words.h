/* Words of a Dockerfile, expanded as its instructions want them: $VAR, ${VAR}, ${VAR:-x} ${VAR-x} ${VAR:+x}
 * ${VAR+x}
 * ${VAR:?x} ${VAR?x}, ${VAR#pat} ${VAR##pat} ${VAR%pat} ${VAR%%pat}, ${VAR/pat/x} ${VAR//pat/x}, quotes,
 * escapes. Pure. */
#pragma once

#include "base/str.h"

/* A variable's value or NULL. The result is borrowed until the next call. */
typedef const char *(*shell_lookup)(void *arg, const char *name);

struct shell_words {
        char escape;         /* '\\' or '`' */
        bool raw_quotes;     /* keep quotes */
        bool raw_escapes;    /* keep escapes */
        bool keep_unset;     /* a variable that is not set stays as it is written */
        bool literal_quotes; /* quotes mean nothing (here-documents) */
        shell_lookup lookup;
        void *arg;
        char ***unset; /* collects names that were looked up and not set; may be NULL */
};

/* For shell_words.lookup with a NAME=value list as its argument; the last of several wins. */
const char *shell_lookup_env(void *env, const char *name);

/* One word, heap. ERROR_INVALID `failed to process "…": …`. */
int shell_expand(const struct shell_words *rules, const char *text, char **ret, struct error *err);
/* Split at white space outside of quotes after expansion; a list, never NULL. */
int shell_split(const struct shell_words *rules, const char *text, char ***ret, struct error *err);
