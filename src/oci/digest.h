/* Content digests: "sha256:" and 64 lower-case hexadecimal digits. No other algorithm is known. */
#pragma once

#include "base/error.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stdint.h>

#define DIGEST_HEX_SIZE 65        /* with NUL */
#define DIGEST_TEXT_SIZE (7 + 65) /* "sha256:…" with NUL */

struct digest {
        uint8_t bytes[SHA256_SIZE];
};

/* "sha256:HEX"; upper case, other algorithms and other lengths are an ERROR_INVALID. */
int digest_parse(const char *text, struct digest *ret, struct error *err);
/* The 64 digits alone. */
int digest_parse_hex(const char *hex, struct digest *ret, struct error *err);
void digest_format(const struct digest *d, char ret[DIGEST_TEXT_SIZE]);
void digest_format_hex(const struct digest *d, char ret[DIGEST_HEX_SIZE]);
void digest_of(const void *data, size_t len, struct digest *ret);
int digest_compare(const struct digest *a, const struct digest *b);
static inline bool digest_equal(const struct digest *a, const struct digest *b)
{
        return digest_compare(a, b) == 0;
}
bool digest_is_zero(const struct digest *d);
/* Of a chain of layers (OCI image spec, "Layer ChainID"): names a stack of layers by its diff ids, lowest
 * first. */
void digest_chain(const struct digest *diff_ids, size_t count, struct digest *ret);
