/* Sizes as Docker reads and prints them (go-units). */
#pragma once

#include "base/error.h"

#include <stdint.h>

/* "64m", "1.5GiB", "512", "10kb": powers of 1024 whatever the suffix. ERROR_INVALID "invalid size: 'X'". */
int size_parse(const char *text, int64_t *ret, struct error *err);
/* Powers of 1000 with `precision` significant digits: 1984172 → "1.984MB" (4), "1.98MB" (3). Heap. */
char *size_format(double bytes, int precision);
/* Powers of 1024: "1.893MiB" (4 digits). Heap. */
char *size_format_binary(double bytes);
