/* A chunked body, fed whole and byte by byte: both ways must give the same. */
#include "base/http.h"

#include <stdlib.h>

static ssize_t decode(const uint8_t *data, size_t size, size_t step, struct strbuf *out)
{
        struct http_chunked c = {};
        char *buffer = xmalloc(step);
        ssize_t r = 0;

        for (size_t at = 0; at < size && c.state != HTTP_CHUNK_DONE && r >= 0;) {
                size_t used = 0;

                r = http_chunked_decode(&c, (const char *)data + at, MIN(step, size - at), buffer, &used,
                                        NULL);
                if (r > 0)
                        strbuf_add(out, buffer, (size_t)r);
                at += used;
        }
        free(buffer);
        return r < 0 ? -1 : c.state == HTTP_CHUNK_DONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_strbuf struct strbuf whole = {}, pieces = {};
        ssize_t a, b;

        if (size == 0)
                return 0;
        a = decode(data, size, size, &whole);
        b = decode(data, size, 1, &pieces);
        if (a != b ||
            (a == 1 && (whole.len != pieces.len || memcmp(whole.data ?: "", pieces.data ?: "", whole.len))))
                abort();
        return 0;
}
