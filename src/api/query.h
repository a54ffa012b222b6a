/* Parameters that several resources take, and the stream's media type. */
#pragma once

#include "api/request.h"

/* "SECONDS[.FRACTION]", as clients send times; `fallback` when absent. */
int query_time(const struct request *req, const char *name, int64_t fallback, int64_t *ret,
               struct error *err);
/* "h" and "w", which have Docker's own complaint. */
int query_size(const struct request *req, int *ret_height, int *ret_width, struct error *err);
/* How stdout and stderr share a stream: raw for a terminal, for API versions before 1.42, and, where
 * `needs_upgrade`, for clients that did not ask for one. */
const char *stream_media_type(const struct request *req, bool tty, bool needs_upgrade);
