/* Bodies: the chunked coding both ways, and the stream that reads one however it is framed. */
#include "base/http.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define CHUNK_GATHER (64 << 10)
#define TRAILER_MAX (8 << 10)

/* ---- Decoding ---- */

static int hex_value(char c)
{
        const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

        if (c >= '0' && c <= '9')
                return c - '0';
        return at && at - digits >= 10 ? (int)(at - digits) : -1;
}

static int parse_size(struct http_chunked *c, struct error *err)
{
        size_t i = 0;

        c->left = 0;
        for (; i < c->line_len && hex_value(c->line[i]) >= 0; i++) {
                if (c->left > (UINT64_MAX >> 5))
                        return error_set(err, ERROR_INVALID, "malformed chunk: too large");
                c->left = c->left << 4 | (uint64_t)hex_value(c->line[i]);
        }
        /* Extensions follow a semicolon; nobody has ever used one. */
        if (i == 0 || (i < c->line_len && !strchr(" \t;", c->line[i])))
                return error_set(err, ERROR_INVALID, "malformed chunk size");
        c->line_len = 0;
        c->state = c->left > 0 ? HTTP_CHUNK_DATA : HTTP_CHUNK_TRAILER;
        return 0;
}

/* One byte of a line: 1 when the line is complete (without its end), 0, -1. */
static int line_byte(struct http_chunked *c, char byte, struct error *err)
{
        if (byte == '\n') {
                if (c->line_len > 0 && c->line[c->line_len - 1] == '\r')
                        c->line_len--;
                return 1;
        }
        if (c->state == HTTP_CHUNK_TRAILER && ++c->trailer_len > TRAILER_MAX)
                return error_set(err, ERROR_INVALID, "malformed chunked body: trailer too large");
        if (c->line_len < sizeof(c->line))
                c->line[c->line_len++] = byte;
        else if (c->state != HTTP_CHUNK_TRAILER)
                return error_set(err, ERROR_INVALID, "malformed chunk: line too long");
        return 0;
}

static int line_complete(struct http_chunked *c, struct error *err)
{
        switch (c->state) {
        case HTTP_CHUNK_SIZE:
                return parse_size(c, err);
        case HTTP_CHUNK_DATA_END:
                if (c->line_len > 0)
                        return error_set(err, ERROR_INVALID, "malformed chunk: longer than its size");
                c->state = HTTP_CHUNK_SIZE;
                return 0;
        default:
                c->state = c->line_len == 0 ? HTTP_CHUNK_DONE : HTTP_CHUNK_TRAILER;
                c->line_len = 0;
                return 0;
        }
}

ssize_t http_chunked_decode(struct http_chunked *c, const char *in, size_t len, char *out, size_t *ret_used,
                            struct error *err)
{
        size_t used = 0, made = 0;

        while (used < len && c->state != HTTP_CHUNK_DONE) {
                int r;

                if (c->state == HTTP_CHUNK_DATA) {
                        size_t n = MIN(c->left, len - used);

                        memmove(out + made, in + used, n);
                        used += n;
                        made += n;
                        c->left -= n;
                        if (c->left == 0)
                                c->state = HTTP_CHUNK_DATA_END;
                        continue;
                }
                r = line_byte(c, in[used++], err);
                if (r < 0 || (r > 0 && line_complete(c, err) < 0))
                        return -1;
        }
        *ret_used = used;
        return (ssize_t)made;
}

/* ---- The stream ---- */

static int wait_readable(int fd, int timeout_ms, struct error *err)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int r;

        if (timeout_ms < 0)
                return 0;
        do
                r = poll(&p, 1, timeout_ms);
        while (r < 0 && errno == EINTR);
        if (r < 0)
                return error_errno(err, "poll");
        if (r == 0) {
                error_set(err, ERROR_CANCELLED, "timeout while reading the body");
                if (err)
                        err->errnum = ETIMEDOUT;
                return -1;
        }
        return 0;
}

static ssize_t receive(struct http_body *b, void *buffer, size_t len, struct error *err)
{
        ssize_t n;

        if (wait_readable(b->connection->fd, b->timeout_ms, err) < 0)
                return -1;
        do
                n = recv(b->connection->fd, buffer, len, 0);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == ECONNRESET)
                return error_set(err, ERROR_CANCELLED, "connection reset by the peer");
        return n < 0 ? error_errno(err, "read") : n;
}

static ssize_t read_plain(struct http_body *b, void *buffer, size_t len, struct error *err)
{
        struct http_connection *c = b->connection;
        ssize_t n;

        if (b->framing == HTTP_BODY_LENGTH)
                len = MIN(b->left, len);
        if (len == 0)
                return 0;
        if (c->start < c->end) {
                n = (ssize_t)MIN(len, c->end - c->start);
                memcpy(buffer, c->buffer + c->start, (size_t)n);
                c->start += (size_t)n;
        } else {
                n = receive(b, buffer, len, err);
                if (n < 0)
                        return -1;
                if (n == 0 && b->framing == HTTP_BODY_LENGTH)
                        return error_set(err, ERROR_INVALID, "unexpected EOF");
        }
        b->left -= b->framing == HTTP_BODY_LENGTH ? (uint64_t)n : 0;
        return n;
}

static ssize_t read_chunked(struct http_body *b, void *buffer, size_t len, struct error *err)
{
        struct http_connection *c = b->connection;

        while (b->chunked.state != HTTP_CHUNK_DONE) {
                size_t used = 0;
                ssize_t n;

                if (c->start == c->end) {
                        c->start = c->end = 0;
                        n = receive(b, c->buffer, c->room, err);
                        if (n < 0)
                                return -1;
                        if (n == 0)
                                return error_set(err, ERROR_INVALID, "unexpected EOF");
                        c->end = (size_t)n;
                }
                n = http_chunked_decode(&b->chunked, c->buffer + c->start, MIN(len, c->end - c->start),
                                        buffer, &used, err);
                c->start += used;
                if (n != 0)
                        return n;
        }
        return 0;
}

static ssize_t body_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        struct http_body *b = (struct http_body *)s;

        if (b->before && !http_body_ended(b)) {
                void (*before)(void *) = b->before;

                b->before = NULL;
                before(b->arg);
        }
        if (b->framing == HTTP_BODY_CHUNKED)
                return read_chunked(b, buffer, len, err);
        return read_plain(b, buffer, len, err);
}

static const struct stream_class body_class = { .read = body_read };

static void body_init(struct http_body *b, struct http_connection *c)
{
        *b = (struct http_body){ .stream.class = &body_class, .connection = c, .timeout_ms = -1 };
}

void http_body_init_request(struct http_body *b, struct http_connection *c, const struct http_head *head)
{
        body_init(b, c);
        b->framing = head->chunked ? HTTP_BODY_CHUNKED : HTTP_BODY_LENGTH;
        b->left = head->content_length > 0 ? (uint64_t)head->content_length : 0;
}

void http_body_init_response(struct http_body *b, struct http_connection *c, const struct http_head *head,
                             const char *method)
{
        bool none = streq(method, "HEAD") || head->status < 200 || head->status == 204 || head->status == 304;

        body_init(b, c);
        if (none)
                return;
        if (head->chunked)
                b->framing = HTTP_BODY_CHUNKED;
        else if (head->content_length >= 0)
                b->left = (uint64_t)head->content_length;
        else
                b->framing = HTTP_BODY_CLOSE;
}

bool http_body_ended(const struct http_body *b)
{
        if (b->framing == HTTP_BODY_CHUNKED)
                return b->chunked.state == HTTP_CHUNK_DONE;
        return b->framing == HTTP_BODY_LENGTH && b->left == 0;
}

/* ---- Writing ---- */

static int write_chunk(int fd, const void *data, size_t len, struct error *err)
{
        char size[20];
        struct iovec parts[] = {
                { size, (size_t)snprintf(size, sizeof(size), "%zx\r\n", len) },
                { (void *)data, len },
                { (void *)"\r\n", 2 },
        };
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = 3 };
        ssize_t n;

        if (len == 0)
                return 0;
        do
                n = sendmsg(fd, &message, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return error_set(err, ERROR_CANCELLED, "the peer is gone: %m");
        /* What a short write left over, part by part. */
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                size_t done = MIN((size_t)n, parts[i].iov_len);

                n -= (ssize_t)done;
                if (http_write(fd, (char *)parts[i].iov_base + done, parts[i].iov_len - done, err) < 0)
                        return -1;
        }
        return 0;
}

static int chunk_flush(struct http_chunk_sink *s, struct error *err)
{
        int r = write_chunk(s->fd, s->pending.data, s->pending.len, err);

        strbuf_clear(&s->pending);
        return r;
}

static int chunk_write(struct sink *sink, const void *data, size_t len, struct error *err)
{
        struct http_chunk_sink *s = (struct http_chunk_sink *)sink;

        if (!s->buffered)
                return write_chunk(s->fd, data, len, err);
        if (s->pending.len + len > CHUNK_GATHER && chunk_flush(s, err) < 0)
                return -1;
        if (len >= CHUNK_GATHER)
                return write_chunk(s->fd, data, len, err);
        strbuf_add(&s->pending, data, len);
        return 0;
}

static const struct sink_class chunk_class = { .write = chunk_write };

void http_chunk_sink_init(struct http_chunk_sink *s, int fd, bool buffered)
{
        *s = (struct http_chunk_sink){ .sink.class = &chunk_class, .fd = fd, .buffered = buffered };
}

int http_chunk_sink_finish(struct http_chunk_sink *s, struct error *err)
{
        if (chunk_flush(s, err) < 0)
                return -1;
        return http_write(s->fd, "0\r\n\r\n", 5, err);
}

void http_chunk_sink_deinit(struct http_chunk_sink *s)
{
        strbuf_deinit(&s->pending);
}
