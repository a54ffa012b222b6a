/* The first line is the sequence, the rest what is typed, in two reads. */
#include "base/mem.h"
#include "base/detach-keys.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
        char *text = xstrndup((const char *)data, newline ? (size_t)(newline - data) : size);
        struct detach_keys keys;
        struct error err = { 0 };

        if (detach_keys_parse(text, &keys, &err) == 0 && newline) {
                size_t len = size - (size_t)(newline + 1 - data), half = len / 2, n;
                unsigned char *out = xmalloc(len + DETACH_KEYS_MAX);

                if (!detach_keys_filter(&keys, newline + 1, half, out, &n))
                        detach_keys_filter(&keys, newline + 1 + half, len - half, out, &n);
                free(out);
        }
        error_clear(&err);
        free(text);
        return 0;
}
