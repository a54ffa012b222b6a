/* .env and env_file: NAME=value lines with quotes, escapes, comments, `export`, values over several lines and
 * substitution. Pure. */
#pragma once

#include "compose/environment.h"

#define DOTENV_FILE_MAX ((size_t)1 << 20)

struct dotenv_rules {
        /* A variable from outside, which wins over those of the file; borrowed until the next call. */
        const char *(*lookup)(void *context, const char *name);
        void (*unset)(void *context, const char *name); /* as template_rules.unset */
        void *context;
};

/* Adds the variables to `into` (a later one replaces). ERROR_INVALID "line 3: …". */
int dotenv_parse(const struct dotenv_rules *rules, const char *text, struct environment *into,
                 struct error *err);
/* The `raw` format, that of `docker run --env-file`: nothing is taken apart; a name alone is looked up. */
int dotenv_parse_raw(const struct dotenv_rules *rules, const char *text, struct environment *into,
                     struct error *err);
