#include "base/compress.h"

#include <zlib.h>
#include <zstd.h>

#define INPUT_SIZE (256 << 10)
#define GZIP_WINDOW (15 + 16) /* the largest window, with gzip's head */
#define ZLIB_MEMORY 8

struct compressor {
        struct stream stream;
        struct stream *inner;
        z_stream zlib;
        ZSTD_CStream *zstd;
        ZSTD_inBuffer pending;
        bool ended, done; /* of the input, of the output */
        uint8_t input[INPUT_SIZE];
};

/* The next input, when there is none. */
static ssize_t refill(struct compressor *c, struct error *err)
{
        ssize_t n = c->ended ? 0 : stream_read_full(c->inner, c->input, sizeof(c->input), err);

        if (n >= 0 && (size_t)n < sizeof(c->input))
                c->ended = true;
        return n;
}

static ssize_t zlib_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        struct compressor *c = (struct compressor *)s;

        c->zlib.next_out = buffer;
        c->zlib.avail_out = (uInt)MIN(len, (size_t)1 << 30);
        while (!c->done && c->zlib.next_out == buffer) {
                int r;

                if (c->zlib.avail_in == 0 && !c->ended) {
                        ssize_t n = refill(c, err);

                        if (n < 0)
                                return -1;
                        c->zlib.next_in = c->input;
                        c->zlib.avail_in = (uInt)n;
                }
                r = deflate(&c->zlib, c->ended ? Z_FINISH : Z_NO_FLUSH);
                if (r == Z_STREAM_ERROR)
                        return error_set(err, ERROR_SYSTEM, "gzip: compression failed");
                c->done = r == Z_STREAM_END;
        }
        return (char *)c->zlib.next_out - (char *)buffer;
}

static void zlib_free(struct stream *s)
{
        struct compressor *c = (struct compressor *)s;

        deflateEnd(&c->zlib);
        free(c);
}

struct stream *stream_new_gzip_level(struct stream *inner, int level)
{
        static const struct stream_class class = { zlib_read, zlib_free };
        struct compressor *c = xcalloc(1, sizeof(*c));

        c->stream.class = &class;
        c->inner = inner;
        deflateInit2(&c->zlib, level, Z_DEFLATED, GZIP_WINDOW, ZLIB_MEMORY, Z_DEFAULT_STRATEGY);
        return &c->stream;
}

static ssize_t zstd_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        struct compressor *c = (struct compressor *)s;
        ZSTD_outBuffer out = { buffer, len, 0 };

        while (!c->done && out.pos == 0) {
                size_t r;

                if (c->pending.pos == c->pending.size && !c->ended) {
                        ssize_t n = refill(c, err);

                        if (n < 0)
                                return -1;
                        c->pending = (ZSTD_inBuffer){ c->input, (size_t)n, 0 };
                }
                r = ZSTD_compressStream2(c->zstd, &out, &c->pending, c->ended ? ZSTD_e_end : ZSTD_e_continue);
                if (ZSTD_isError(r))
                        return error_set(err, ERROR_SYSTEM, "zstd: %s", ZSTD_getErrorName(r));
                c->done = c->ended && r == 0;
        }
        return (ssize_t)out.pos;
}

static void zstd_free(struct stream *s)
{
        struct compressor *c = (struct compressor *)s;

        ZSTD_freeCStream(c->zstd);
        free(c);
}

struct stream *stream_new_zstd(struct stream *inner, int level)
{
        static const struct stream_class class = { zstd_read, zstd_free };
        struct compressor *c = xcalloc(1, sizeof(*c));

        c->stream.class = &class;
        c->inner = inner;
        c->zstd = ZSTD_createCStream();
        ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_compressionLevel, level);
        return &c->stream;
}
