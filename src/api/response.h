/* The answer: a status with JSON, a stream in chunks, or the bare connection. */
#pragma once

#include "base/http.h"
#include "base/json.h"

struct request;

struct response {
        struct request *request;
        struct strbuf headers;  /* added by response_header() */
        bool begun;             /* something was sent */
        bool close;             /* the connection ends with this answer */
        _Atomic bool *hijacked; /* the connection's: set once the handler took the socket */
        int status;
        bool streaming, plain; /* plain: without chunks, for HTTP/1.0 */
        struct http_chunk_sink chunks;
        struct sink *bare;
};

/* Adds a header to an answer that has not begun. */
void response_header(struct response *res, const char *name, const char *value);

/* Answers with a tree (NULL: null), printed as Go prints it without HTML escapes, and a line feed. Returns 0.
 */
int response_json(struct response *res, int status, json_object *value, struct error *err);
/* As above, and drops the caller's reference. */
int response_json_take(struct response *res, int status, json_object *value, struct error *err);
int response_table(struct response *res, int status, const struct json_table *table, const void *value,
                   struct error *err);
/* Answers without a body. */
int response_empty(struct response *res, int status, struct error *err);
int response_text(struct response *res, int status, const char *content_type, const char *text,
                  struct error *err);

/* Sends the head now; what goes into the sink is sent in chunks, at once or (for archives) gathered. The
 * server ends the body when the handler returns 0. HTTP/1.0 clients get it without chunks, ended by the
 * connection's end. */
int response_stream(struct response *res, int status, const char *content_type, bool buffered,
                    struct sink **ret, struct error *err);
/* One JSON value and CRLF into such a stream: a message of progress. */
int response_progress(void *sink, json_object *message, struct error *err);
/* Ends a stream of progress with {"errorDetail":{…},"error":…} instead of an HTTP error; clears `err`,
 * returns 0. */
int response_progress_error(struct sink *sink, struct error *err);

/* Sends "101 UPGRADED" (if the client asked for an upgrade) or "200 OK" and gives the bare socket (a
 * duplicate, the caller's) with the bytes that came already (heap, may be NULL). */
int response_hijack(struct response *res, const char *content_type, int *ret_fd, char **ret_early,
                    size_t *ret_early_len, struct error *err);

/* For the server: ends a stream; frees. */
int response_finish(struct response *res, struct error *err);
void response_deinit(struct response *res);

/* The HTTP status of an error. */
int status_of_error(const struct error *err);
const char *status_reason(int status);
