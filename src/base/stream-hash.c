/* Streams and sinks that hash what passes. Apart from stream.c, so that programs without libcrypto can use
 * that. */
#include "base/stream.h"

struct hashing_stream {
        struct stream stream, *inner;
        struct hash *hash;
        uint64_t *count;
};

static ssize_t hashing_stream_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        struct hashing_stream *h = (struct hashing_stream *)s;
        ssize_t n = stream_read(h->inner, buffer, len, err);

        if (n > 0) {
                if (h->hash)
                        hash_add(h->hash, buffer, (size_t)n);
                if (h->count)
                        *h->count += (uint64_t)n;
        }
        return n;
}

static void hashing_stream_free(struct stream *s)
{
        free(s);
}

struct stream *stream_new_hashing(struct stream *inner, struct hash *hash, uint64_t *count)
{
        static const struct stream_class class = { hashing_stream_read, hashing_stream_free };
        struct hashing_stream *h = xcalloc(1, sizeof(*h));

        h->stream.class = &class;
        h->inner = inner;
        h->hash = hash;
        h->count = count;
        return &h->stream;
}

struct hashing_sink {
        struct sink sink, *inner;
        struct hash *hash;
        uint64_t *count;
};

static int hashing_sink_write(struct sink *s, const void *data, size_t len, struct error *err)
{
        struct hashing_sink *h = (struct hashing_sink *)s;

        if (h->hash)
                hash_add(h->hash, data, len);
        if (h->count)
                *h->count += len;
        return h->inner ? sink_write(h->inner, data, len, err) : 0;
}

static void hashing_sink_free(struct sink *s)
{
        free(s);
}

struct sink *sink_new_hashing(struct sink *inner, struct hash *hash, uint64_t *count)
{
        static const struct sink_class class = { hashing_sink_write, hashing_sink_free };
        struct hashing_sink *h = xcalloc(1, sizeof(*h));

        h->sink.class = &class;
        h->inner = inner;
        h->hash = hash;
        h->count = count;
        return &h->sink;
}
