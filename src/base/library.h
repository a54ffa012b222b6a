/* Shared libraries that few need: loaded when they are first used, so that a start does not wait for them. */
#pragma once

#include "base/error.h"

#include <stddef.h>

/* Opens `file` for the rest of the process and looks up `count` functions; `functions` is an array of
 * function pointers (a struct of nothing else). ERROR_UNAVAILABLE says what is missing. */
int library_load(const char *file, const char *const *names, size_t count, void *functions,
                 struct error *err);
