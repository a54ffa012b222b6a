#include "base/stream.h"

#include "base/fd.h"

#include <errno.h>

#define COPY_BUFFER (128 << 10)

ssize_t stream_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        return len ? s->class->read(s, buffer, len, err) : 0;
}

ssize_t stream_read_full(struct stream *s, void *buffer, size_t len, struct error *err)
{
        size_t done = 0;

        while (done < len) {
                ssize_t n = stream_read(s, (char *)buffer + done, len - done, err);

                if (n < 0)
                        return -1;
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        return (ssize_t)done;
}

int stream_copy(struct stream *from, struct sink *to, uint64_t *ret_count, struct error *err)
{
        cleanup_free char *buffer = xmalloc(COPY_BUFFER);
        uint64_t count = 0;

        for (;;) {
                ssize_t n = stream_read(from, buffer, COPY_BUFFER, err);

                if (n < 0)
                        return -1;
                if (n == 0)
                        break;
                if (to && sink_write(to, buffer, (size_t)n, err) < 0)
                        return -1;
                count += (uint64_t)n;
        }
        if (ret_count)
                *ret_count = count;
        return 0;
}

int stream_drain(struct stream *s, struct error *err)
{
        return stream_copy(s, NULL, NULL, err);
}

int stream_read_all(struct stream *s, size_t max, char **ret_data, size_t *ret_len, struct error *err)
{
        cleanup_strbuf struct strbuf b = {};

        for (;;) {
                char *room = strbuf_reserve(&b, 16384);
                ssize_t n = stream_read(s, room, 16384, err);

                if (n < 0)
                        return -1;
                if (n == 0)
                        break;
                b.len += (size_t)n;
                if (b.len > max)
                        return error_set(err, ERROR_INVALID, "more than %zu bytes", max);
        }
        if (ret_len)
                *ret_len = b.len;
        b.data[b.len] = '\0';
        *ret_data = strbuf_take(&b);
        return 0;
}

void stream_free(struct stream *s)
{
        if (s && s->class->free)
                s->class->free(s);
}

/* ---- From a descriptor ---- */

struct fd_stream {
        struct stream stream;
        int fd;
};

static ssize_t fd_stream_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        struct fd_stream *f = (struct fd_stream *)s;
        ssize_t n;

        do
                n = read(f->fd, buffer, len);
        while (n < 0 && errno == EINTR);
        return n < 0 ? error_errno(err, "read") : n;
}

static void fd_stream_free(struct stream *s)
{
        struct fd_stream *f = (struct fd_stream *)s;

        close(f->fd);
        free(f);
}

struct stream *stream_new_fd(int fd)
{
        static const struct stream_class class = { fd_stream_read, fd_stream_free };
        struct fd_stream *f = xcalloc(1, sizeof(*f));

        f->stream.class = &class;
        f->fd = fd;
        return &f->stream;
}

/* ---- From memory ---- */

struct memory_stream {
        struct stream stream;
        const char *data;
        size_t len;
};

static ssize_t memory_stream_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        struct memory_stream *m = (struct memory_stream *)s;
        size_t n = MIN(len, m->len);

        (void)err;
        if (n)
                memcpy(buffer, m->data, n);
        m->data += n;
        m->len -= n;
        return (ssize_t)n;
}

static void plain_stream_free(struct stream *s)
{
        free(s);
}

struct stream *stream_new_memory(const void *data, size_t len)
{
        static const struct stream_class class = { memory_stream_read, plain_stream_free };
        struct memory_stream *m = xcalloc(1, sizeof(*m));

        m->stream.class = &class;
        m->data = data;
        m->len = len;
        return &m->stream;
}

/* ---- A part of another ---- */

struct limited_stream {
        struct stream stream, *inner;
        uint64_t left;
};

static ssize_t limited_stream_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        struct limited_stream *l = (struct limited_stream *)s;
        ssize_t n;

        if (l->left == 0)
                return 0;
        n = stream_read(l->inner, buffer, (size_t)MIN((uint64_t)len, l->left), err);
        if (n > 0)
                l->left -= (uint64_t)n;
        return n;
}

struct stream *stream_new_limited(struct stream *inner, uint64_t len)
{
        static const struct stream_class class = { limited_stream_read, plain_stream_free };
        struct limited_stream *l = xcalloc(1, sizeof(*l));

        l->stream.class = &class;
        l->inner = inner;
        l->left = len;
        return &l->stream;
}

/* ---- Sinks ---- */

int sink_write(struct sink *s, const void *data, size_t len, struct error *err)
{
        return len ? s->class->write(s, data, len, err) : 0;
}

void sink_free(struct sink *s)
{
        if (s && s->class->free)
                s->class->free(s);
}

struct fd_sink {
        struct sink sink;
        int fd;
};

static int fd_sink_write(struct sink *s, const void *data, size_t len, struct error *err)
{
        if (fd_write_all(((struct fd_sink *)s)->fd, data, len) < 0)
                return error_errno(err, "write");
        return 0;
}

static void plain_sink_free(struct sink *s)
{
        free(s);
}

struct sink *sink_new_fd(int fd)
{
        static const struct sink_class class = { fd_sink_write, plain_sink_free };
        struct fd_sink *f = xcalloc(1, sizeof(*f));

        f->sink.class = &class;
        f->fd = fd;
        return &f->sink;
}

struct buffer_sink {
        struct sink sink;
        struct strbuf *buffer;
};

static int buffer_sink_write(struct sink *s, const void *data, size_t len, struct error *err)
{
        (void)err;
        strbuf_add(((struct buffer_sink *)s)->buffer, data, len);
        return 0;
}

struct sink *sink_new_buffer(struct strbuf *buffer)
{
        static const struct sink_class class = { buffer_sink_write, plain_sink_free };
        struct buffer_sink *b = xcalloc(1, sizeof(*b));

        b->sink.class = &class;
        b->buffer = buffer;
        return &b->sink;
}
