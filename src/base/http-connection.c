#include "base/http.h"
#include "base/time.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#define READ_SIZE 8192

void http_connection_init(struct http_connection *c, int fd)
{
        *c = (struct http_connection){ .fd = fd, .buffer = xmalloc(READ_SIZE), .room = READ_SIZE };
}

void http_connection_deinit(struct http_connection *c)
{
        free(c->buffer);
        *c = (struct http_connection){ .fd = -1 };
}

static int fail(struct error *err, enum error_kind kind, int errnum, const char *message)
{
        error_set(err, kind, "%s", message);
        if (err)
                err->errnum = errnum;
        return -1;
}

/* Waits until `deadline` (monotonic; negative: for ever). */
static int wait_until(int fd, int64_t deadline, struct error *err)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };

        if (deadline < 0)
                return 0;
        for (;;) {
                int64_t left = deadline - time_monotonic();
                int r;

                if (left <= 0)
                        return fail(err, ERROR_CANCELLED, ETIMEDOUT, "timeout while reading the head");
                r = poll(&p, 1, (int)((left + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC));
                if (r > 0)
                        return 0;
                if (r < 0 && errno != EINTR)
                        return error_errno(err, "poll");
        }
}

/* Makes room behind `end` and reads more. 1, 0 at the end, -1. */
static int fill(struct http_connection *c, int64_t deadline, struct error *err)
{
        ssize_t n;

        if (c->start > 0) {
                memmove(c->buffer, c->buffer + c->start, c->end - c->start);
                c->end -= c->start;
                c->start = 0;
        }
        if (c->end == c->room) {
                if (c->room >= HTTP_HEAD_MAX)
                        return fail(err, ERROR_INVALID, EMSGSIZE, "request header fields too large");
                c->room *= 2;
                c->buffer = xrealloc(c->buffer, c->room);
        }
        if (wait_until(c->fd, deadline, err) < 0)
                return -1;
        do
                n = recv(c->fd, c->buffer + c->end, c->room - c->end, 0);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return fail(err, ERROR_CANCELLED, errno, "the connection was lost");
        c->end += (size_t)n;
        return n > 0;
}

static int read_head(struct http_connection *c, int timeout_ms,
                     int (*parse)(const char *, size_t, struct http_head *, struct error *),
                     struct http_head *ret, struct error *err)
{
        int64_t deadline = timeout_ms < 0 ? -1 : time_monotonic() + timeout_ms * NSEC_PER_MSEC;

        for (;;) {
                size_t length;
                int r;

                /* Blank lines before a request are tolerated (RFC 9112 section 2.2). */
                while (c->start < c->end && (c->buffer[c->start] == '\r' || c->buffer[c->start] == '\n'))
                        c->start++;
                length = http_head_length(c->buffer + c->start, c->end - c->start);
                if (length > 0) {
                        const char *data = c->buffer + c->start;

                        c->start += length;
                        return parse(data, length, ret, err) < 0 ? -1 : 1;
                }
                r = fill(c, deadline, err);
                if (r < 0)
                        return -1;
                if (r == 0 && c->start == c->end)
                        return 0;
                if (r == 0)
                        return fail(err, ERROR_CANCELLED, ECONNRESET, "the connection ended within a head");
        }
}

int http_read_request(struct http_connection *c, int timeout_ms, struct http_head *ret, struct error *err)
{
        return read_head(c, timeout_ms, http_head_parse_request, ret, err);
}

int http_read_response(struct http_connection *c, int timeout_ms, struct http_head *ret, struct error *err)
{
        return read_head(c, timeout_ms, http_head_parse_response, ret, err);
}

char *http_connection_take(struct http_connection *c, size_t *ret_len)
{
        size_t len = c->end - c->start;
        char *data = len > 0 ? xmemdup(c->buffer + c->start, len) : NULL;

        c->start = c->end = 0;
        *ret_len = len;
        return data;
}

void http_header_add(struct strbuf *b, const char *name, const char *value)
{
        strbuf_adds(b, name);
        strbuf_adds(b, ": ");
        for (; *value; value++)
                strbuf_addc(b, (unsigned char)*value < ' ' ? ' ' : *value);
        strbuf_adds(b, "\r\n");
}

int http_write(int fd, const void *data, size_t len, struct error *err)
{
        const char *p = data;

        while (len > 0) {
                ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return fail(err, ERROR_CANCELLED, errno, "the peer is gone");
                p += n;
                len -= (size_t)n;
        }
        return 0;
}
