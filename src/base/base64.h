/* Base64 (RFC 4648). */
#pragma once

#include "base/error.h"

/* With padding; `url`: the alphabet for URLs. Heap. */
char *base64_encode(const void *data, size_t len, bool url);
/* Either alphabet; padding may be missing, what follows it is not read. `*ret` is heap, a NUL follows its `*ret_len` bytes.
 * ERROR_INVALID for other characters. */
int base64_decode(const char *text, char **ret, size_t *ret_len, struct error *err);
