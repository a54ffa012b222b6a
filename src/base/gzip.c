#include "base/gzip.h"

#include <isa-l/igzip_lib.h>

#define INPUT_SIZE (256 << 10)
#define LEVEL 2

struct gzip_stream {
        struct stream stream;
        struct stream *inner;
        struct isal_zstream z;
        uint8_t *level_buffer;
        uint8_t input[INPUT_SIZE];
};

static ssize_t gzip_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        struct gzip_stream *g = (struct gzip_stream *)s;

        g->z.next_out = buffer;
        g->z.avail_out = (uint32_t)MIN(len, (size_t)1 << 30);
        while (g->z.avail_out && g->z.internal_state.state != ZSTATE_END) {
                uint32_t before = g->z.avail_out;

                if (g->z.avail_in == 0 && !g->z.end_of_stream) {
                        ssize_t n = stream_read_full(g->inner, g->input, sizeof(g->input), err);

                        if (n < 0)
                                return -1;
                        g->z.next_in = g->input;
                        g->z.avail_in = (uint32_t)n;
                        g->z.end_of_stream = (size_t)n < sizeof(g->input);
                }
                if (isal_deflate(&g->z) != COMP_OK)
                        return error_set(err, ERROR_SYSTEM, "gzip: compression failed");
                if (g->z.avail_out < before)
                        break;
        }
        return (char *)g->z.next_out - (char *)buffer;
}

static void gzip_free(struct stream *s)
{
        struct gzip_stream *g = (struct gzip_stream *)s;

        free(g->level_buffer);
        free(g);
}

static const struct stream_class gzip_class = { gzip_read, gzip_free };

struct stream *stream_new_gzip(struct stream *inner)
{
        struct gzip_stream *g = xcalloc(1, sizeof(*g));

        g->stream.class = &gzip_class;
        g->inner = inner;
        isal_deflate_init(&g->z);
        g->z.level = LEVEL;
        g->z.level_buf_size = ISAL_DEF_LVL2_DEFAULT;
        g->level_buffer = xmalloc(g->z.level_buf_size);
        g->z.level_buf = g->level_buffer;
        g->z.gzip_flag = IGZIP_GZIP;
        g->z.flush = NO_FLUSH;
        return &g->stream;
}
