/* Reading .env files from the disk. */
#pragma once

#include "compose/environment.h"
#include "compose/load.h"

/* The variables of all `files` (absolute; NULL: none); later files win, `env` wins in substitutions. */
int dotenv_files_read(char *const *files, const struct environment *env,
                      const struct compose_options *options, struct strmap *ret, struct error *err);
/* The files of services' `env_file` and `label_file`: `format` NULL or "raw". Adds to `into`. */
int dotenv_file_read(const char *path, const char *format,
                     const char *(*lookup)(void *context, const char *name), void *context,
                     struct environment *into, struct error *err);
