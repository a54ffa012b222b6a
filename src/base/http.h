/* HTTP/1.1 messages (RFC 9112) for both sides: pure parsers of heads, chunked bodies and targets, and a
 * buffered connection that reads with them. Everything that a peer can fill has a cap. Bodies are `struct
 * stream`, what is sent in chunks goes through a `struct sink` (base/stream.h). */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "base/stream.h"

#include <stdbool.h>
#include <stdint.h>

#define HTTP_HEAD_MAX (64 << 10) /* bytes of request or status line and header fields */
#define HTTP_HEADERS_MAX 100
#define HTTP_QUERY_MAX 256 /* parameters in a target */

/* ---- Heads ---- */

struct http_header {
        const char *name, *value; /* value without surrounding blanks */
};
/* Strings point into `text`. Zero-initialise. */
struct http_head {
        char *text;
        const char *method, *target; /* of a request, else NULL */
        int status;                  /* of a response, else 0 */
        const char *reason;
        int minor; /* HTTP/1.minor */
        struct http_header headers[HTTP_HEADERS_MAX];
        size_t n_headers;
        int64_t content_length; /* -1: not told */
        bool chunked;
        bool keep_alive; /* by version and Connection */
};

/* The length of the head that `data` begins with, its blank line included; 0 when the blank line is not there
 * yet. */
size_t http_head_length(const char *data, size_t len);
/* Parses a whole head (as told by http_head_length()). ERROR_INVALID for anything that RFC 9112 does not
 * allow: control characters, blanks before a colon, continued lines, both or several lengths, a coding other
 * than chunked. */
int http_head_parse_request(const char *data, size_t len, struct http_head *ret, struct error *err);
int http_head_parse_response(const char *data, size_t len, struct http_head *ret, struct error *err);
void http_head_deinit(struct http_head *head);
#define cleanup_http_head __attribute__((cleanup(http_head_deinit)))
/* The first header of that name (no case), or NULL. */
const char *http_head_get(const struct http_head *head, const char *name);
/* Whether `token` stands in the comma-separated lists of the headers `name` (no case). */
bool http_head_has_token(const struct http_head *head, const char *name, const char *token);

/* ---- Targets ---- */

/* "/path?query" taken apart. Zero-initialise. */
struct http_target {
        char *path;            /* not decoded */
        struct strpair *pairs; /* decoded, in their order; a name may come several times */
        size_t count;
};
int http_target_parse(const char *target, struct http_target *ret, struct error *err);
void http_target_deinit(struct http_target *target);
/* The first value of that name; "" when it came without one, NULL when absent. */
const char *http_target_get(const struct http_target *target, const char *name);

/* Decodes %XX (and + as a blank in queries); heap. ERROR_INVALID for a broken escape, a NUL byte or broken
 * UTF-8. */
int http_unescape(const char *s, size_t len, bool query, char **ret, struct error *err);
/* Adds `s` with everything but unreserved characters escaped. */
void http_escape(struct strbuf *b, const char *s);

/* ---- Chunked coding ---- */

/* A decoder that is fed bytes as they come. Zero-initialise. */
struct http_chunked {
        enum {
                HTTP_CHUNK_SIZE,
                HTTP_CHUNK_DATA,
                HTTP_CHUNK_DATA_END,
                HTTP_CHUNK_TRAILER,
                HTTP_CHUNK_DONE
        } state;
        uint64_t left; /* of the chunk's data */
        char line[128];
        size_t line_len, trailer_len;
};
/* Takes up to `len` coded bytes from `in` and puts the decoded ones to `out` (room for `len`). Returns the
 * decoded bytes and sets *ret_used to the coded bytes that were taken; stops at the end of the body (state
 * HTTP_CHUNK_DONE). */
ssize_t http_chunked_decode(struct http_chunked *c, const char *in, size_t len, char *out, size_t *ret_used,
                            struct error *err);

/* ---- Connections ---- */

/* A buffered reader of one socket, which stays the caller's. */
struct http_connection {
        int fd;
        char *buffer;
        size_t start, end, room;
};
void http_connection_init(struct http_connection *c, int fd);
void http_connection_deinit(struct http_connection *c);
/* Reads the next head. `timeout_ms` (-1: none) is for all of it. Returns 1, 0 when the peer closed before its
 * first byte, -1. ERROR_INVALID: malformed (answer 400) or too large (errnum EMSGSIZE: 431); ERROR_CANCELLED:
 * it took too long (errnum ETIMEDOUT) or the peer went away. */
int http_read_request(struct http_connection *c, int timeout_ms, struct http_head *ret, struct error *err);
int http_read_response(struct http_connection *c, int timeout_ms, struct http_head *ret, struct error *err);
/* Bytes that were read beyond what has been consumed (the first bytes of a hijacked stream): heap, the buffer
 * is empty after. *ret_len may be 0 (then NULL is returned). */
char *http_connection_take(struct http_connection *c, size_t *ret_len);

/* The body of a message: `stream` reads it, in whatever way it is framed, and ends where it ends. On the
 * caller's memory; nothing to free. */
struct http_body {
        struct stream stream;
        struct http_connection *connection;
        enum { HTTP_BODY_LENGTH, HTTP_BODY_CHUNKED, HTTP_BODY_CLOSE } framing;
        uint64_t left;
        struct http_chunked chunked;
        int timeout_ms; /* for each read, -1: none */
        /* Called once before the first read (a server sends "100 Continue" there); may be NULL. */
        void (*before)(void *arg);
        void *arg;
};
void http_body_init_request(struct http_body *b, struct http_connection *c, const struct http_head *head);
/* `method` is that of the request: HEAD has no body. */
void http_body_init_response(struct http_body *b, struct http_connection *c, const struct http_head *head,
                             const char *method);
/* Whether all of it has been read. */
bool http_body_ended(const struct http_body *b);

/* ---- Writing ---- */

/* "NAME: VALUE\r\n"; a line break or NUL in the value cannot get out: such characters become blanks. */
void http_header_add(struct strbuf *b, const char *name, const char *value);
/* All bytes through EINTR, without SIGPIPE. ERROR_CANCELLED when the peer is gone. */
int http_write(int fd, const void *data, size_t len, struct error *err);

/* Sends every write as one chunk, at once; with `buffered` gathers 64 KB first. On the caller's memory. */
struct http_chunk_sink {
        struct sink sink;
        int fd;
        bool buffered;
        struct strbuf pending;
};
void http_chunk_sink_init(struct http_chunk_sink *s, int fd, bool buffered);
/* What is pending, then the last chunk. */
int http_chunk_sink_finish(struct http_chunk_sink *s, struct error *err);
void http_chunk_sink_deinit(struct http_chunk_sink *s);
