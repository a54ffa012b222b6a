/* Points in time as --since and --until take them. */
#pragma once

#include "base/error.h"

#include <stdint.h>

/* "10m" before `now` (ns), "2026-01-02", "2026-01-02T15:04:05.5+01:00" (local time without a zone),
 * "1700000000.5" → "SECONDS.NANOSECONDS" as the API takes it; heap. ERROR_INVALID. */
int timestamp_parse(const char *text, int64_t now, char **ret, struct error *err);
