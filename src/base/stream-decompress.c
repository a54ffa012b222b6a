/* Decompression by magic number: gzip by ISA-L, zstd by libzstd, the old ones by libarchive's filters. */
#include "base/stream.h"

#include "base/unfilter.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <zstd.h>

#define INPUT_SIZE (128 << 10)
/* Beyond the first so many bytes of output a stream that expands more than so many times is a bomb. */
#define FREE_OUTPUT (UINT64_C(4) << 30)
#define RATIO_MAX 200
/* A zstd frame may ask for this much memory (2 to the power of), as other engines allow. */
#define ZSTD_WINDOW_MAX 27

struct decompressor {
        struct stream stream, *inner;
        const struct codec *codec; /* NULL before the first read */
        unsigned char input[INPUT_SIZE];
        size_t start, end; /* of what is unread in `input` */
        uint64_t total_in, total_out;
        bool input_ended, ended, frame_open;
        struct inflate_state *gzip;
        ZSTD_DStream *zstd;
        struct unfilter *unfilter;
};

struct codec {
        enum compression compression;
        const char *name;
        int (*open)(struct decompressor *d, struct error *err);
        ssize_t (*read)(struct decompressor *d, void *buffer, size_t len, struct error *err);
};

static int damaged(const struct decompressor *d, const char *why, struct error *err)
{
        return error_set(err, ERROR_INVALID, "%s: %s", d->codec->name, why);
}

/* Fetches more input when there is none; 0 at the end. */
static int refill(struct decompressor *d, struct error *err)
{
        ssize_t n;

        if (d->start < d->end)
                return 1;
        if (d->input_ended)
                return 0;
        n = stream_read(d->inner, d->input, INPUT_SIZE, err);
        if (n < 0)
                return -1;
        d->start = 0;
        d->end = (size_t)n;
        d->total_in += (uint64_t)n;
        d->input_ended = n == 0;
        return n > 0;
}

static ssize_t plain_read(struct decompressor *d, void *buffer, size_t len, struct error *err)
{
        if (d->start == d->end)
                return d->input_ended ? 0 : stream_read(d->inner, buffer, len, err);
        len = MIN(len, d->end - d->start);
        memcpy(buffer, d->input + d->start, len);
        d->start += len;
        return (ssize_t)len;
}

static int gzip_open(struct decompressor *d, struct error *err)
{
        (void)err;
        d->gzip = xcalloc(1, sizeof(*d->gzip));
        isal_inflate_init(d->gzip);
        d->gzip->crc_flag = ISAL_GZIP;
        return 0;
}

/* After a member: another one, zeros to pad a tape block, or the end. 1, 0, -1. */
static int gzip_next_member(struct decompressor *d, struct error *err)
{
        int r;

        while ((r = refill(d, err)) > 0 && d->input[d->start] == 0)
                d->start++;
        if (r <= 0)
                return r;
        if (d->input[d->start] != 0x1f)
                return damaged(d, "garbage behind the end", err);
        isal_inflate_reset(d->gzip);
        d->gzip->crc_flag = ISAL_GZIP;
        return 1;
}

static ssize_t gzip_read(struct decompressor *d, void *buffer, size_t len, struct error *err)
{
        struct inflate_state *z = d->gzip;

        z->next_out = buffer;
        z->avail_out = (uint32_t)MIN(len, (size_t)1 << 30);
        len = z->avail_out;
        while (z->avail_out == len) {
                int r;

                if (z->block_state == ISAL_BLOCK_FINISH) {
                        r = gzip_next_member(d, err);
                        if (r <= 0)
                                return r;
                }
                r = refill(d, err);
                if (r < 0)
                        return -1;
                z->next_in = d->input + d->start;
                z->avail_in = (uint32_t)(d->end - d->start);
                if (isal_inflate(z) != ISAL_DECOMP_OK)
                        return damaged(d, "invalid data", err);
                d->start = d->end - z->avail_in;
                if (r == 0 && z->avail_out == len && z->block_state != ISAL_BLOCK_FINISH)
                        return damaged(d, "unexpected end of data", err);
        }
        return (ssize_t)(len - z->avail_out);
}

static int zstd_open(struct decompressor *d, struct error *err)
{
        d->zstd = ZSTD_createDStream();
        if (!d->zstd || ZSTD_isError(ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_MAX)))
                return error_set(err, ERROR_SYSTEM, "zstd: cannot start");
        return 0;
}

static ssize_t zstd_read(struct decompressor *d, void *buffer, size_t len, struct error *err)
{
        ZSTD_outBuffer out = { buffer, len, 0 };

        while (out.pos == 0) {
                ZSTD_inBuffer in;
                size_t left;
                int r = refill(d, err);

                if (r < 0)
                        return -1;
                if (r == 0 && !d->frame_open)
                        return 0;
                in = (ZSTD_inBuffer){ d->input, d->end, d->start };
                left = ZSTD_decompressStream(d->zstd, &out, &in);
                if (ZSTD_isError(left))
                        return damaged(d, ZSTD_getErrorName(left), err);
                d->start = in.pos;
                d->frame_open = left != 0;
                if (r == 0 && out.pos == 0 && d->frame_open)
                        return damaged(d, "unexpected end of data", err);
        }
        return (ssize_t)out.pos;
}

static ssize_t next_input(void *arg, const void **ret, struct error *err)
{
        struct decompressor *d = arg;
        int r = refill(d, err);
        size_t n = d->end - d->start;

        if (r < 0)
                return -1;
        *ret = d->input + d->start;
        d->start = d->end;
        return r ? (ssize_t)n : 0;
}

static int old_open(struct decompressor *d, struct error *err)
{
        return unfilter_new(next_input, d, &d->unfilter, err);
}

static ssize_t old_read(struct decompressor *d, void *buffer, size_t len, struct error *err)
{
        cleanup_error struct error why = {};
        ssize_t n = unfilter_read(d->unfilter, buffer, len, &why);

        if (n < 0 && why.kind == ERROR_INVALID)
                return damaged(d, error_message(&why), err);
        return n < 0 ? error_move(err, &why) : n;
}

static const struct codec codecs[] = {
        [COMPRESSION_NONE] = { COMPRESSION_NONE, "data", NULL, plain_read },
        [COMPRESSION_GZIP] = { COMPRESSION_GZIP, "gzip", gzip_open, gzip_read },
        [COMPRESSION_ZSTD] = { COMPRESSION_ZSTD, "zstd", zstd_open, zstd_read },
        [COMPRESSION_XZ] = { COMPRESSION_XZ, "xz", old_open, old_read },
        [COMPRESSION_BZIP2] = { COMPRESSION_BZIP2, "bzip2", old_open, old_read },
};

enum compression compression_detect(const void *data, size_t len)
{
        static const struct {
                const char *magic;
                size_t len;
                enum compression compression;
        } magics[] = {
                { "\x1f\x8b\x08", 3, COMPRESSION_GZIP },
                { "\x28\xb5\x2f\xfd", 4, COMPRESSION_ZSTD },
                { "\xfd"
                  "7zXZ\0",
                  6, COMPRESSION_XZ },
                { "BZh", 3, COMPRESSION_BZIP2 },
        };
        const unsigned char *p = data;

        for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
                if (len >= magics[i].len && memcmp(data, magics[i].magic, magics[i].len) == 0)
                        return magics[i].compression;
        /* A skippable frame may come first in zstd. */
        if (len >= 4 && (p[0] & 0xf0) == 0x50 && memcmp(p + 1, "\x2a\x4d\x18", 3) == 0)
                return COMPRESSION_ZSTD;
        return COMPRESSION_NONE;
}

static int decompressor_start(struct decompressor *d, struct error *err)
{
        const struct codec *codec;
        ssize_t n = stream_read_full(d->inner, d->input, 16, err);

        if (n < 0)
                return -1;
        d->end = (size_t)n;
        d->total_in = (uint64_t)n;
        codec = &codecs[compression_detect(d->input, d->end)];
        d->codec = codec;
        return codec->open ? codec->open(d, err) : 0;
}

static ssize_t decompressor_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        struct decompressor *d = (struct decompressor *)s;
        ssize_t n;

        if (!d->codec && decompressor_start(d, err) < 0)
                return -1;
        n = d->codec->read(d, buffer, len, err);
        if (n <= 0 || d->codec->compression == COMPRESSION_NONE)
                return n;
        d->total_out += (uint64_t)n;
        if (d->total_out > FREE_OUTPUT && d->total_out / RATIO_MAX > d->total_in)
                return damaged(d, "expands to more than 200 times its size", err);
        return n;
}

static void decompressor_free(struct stream *s)
{
        struct decompressor *d = (struct decompressor *)s;

        free(d->gzip);
        ZSTD_freeDStream(d->zstd);
        unfilter_free(d->unfilter);
        free(d);
}

struct stream *stream_new_decompressed(struct stream *inner)
{
        static const struct stream_class class = { decompressor_read, decompressor_free };
        struct decompressor *d = xcalloc(1, sizeof(*d));

        d->stream.class = &class;
        d->inner = inner;
        return &d->stream;
}
