/* The old compressions (xz, bzip2) by libarchive's filters. libarchive brings ten libraries along: it is
 * loaded when the first such stream is opened. */
#pragma once

#include "base/error.h"

#include <sys/types.h>

struct unfilter;

/* The next compressed bytes in *ret (they live until the next call), their number; 0 at the end, -1. */
typedef ssize_t (*unfilter_input)(void *arg, const void **ret, struct error *err);

/* ERROR_UNAVAILABLE without libarchive. */
int unfilter_new(unfilter_input input, void *arg, struct unfilter **ret, struct error *err);
/* Bytes read, 0 at the end. Damaged data are an ERROR_INVALID; errors of the input are handed on. */
ssize_t unfilter_read(struct unfilter *u, void *buffer, size_t len, struct error *err);
void unfilter_free(struct unfilter *u);
