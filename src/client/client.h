/* The Engine API as C calls: HTTP over a unix socket. Each call has a connection of its own (20 µs); streams
 * that are open side by side don't disturb each other. */
#pragma once

#include "base/http.h"
#include "base/json.h"

/* The newest version of the API that we speak: 1.MINOR. */
#define CLIENT_API_MINOR 51

struct client {
        char *host;     /* as given: "unix:///run/davit/davit.sock" */
        char *socket;   /* its path; NULL for tcp:// and ssh:// */
        int minor;      /* the API version 1.MINOR; lowered when the engine is older */
        bool may_start; /* our own default socket: start davitd when nobody listens */
        char **headers; /* "Name: value", sent with every request */
};

/* `host` NULL: our own engine. unix, tcp (without TLS) and ssh hosts. DOCKER_API_VERSION is looked at. */
int client_open(const char *host, struct client **ret, struct error *err);
void client_free(struct client *client);
/* A bare connection; our own engine is started if need be. */
int client_connect(struct client *c, struct error *err);

/* A path with its query: client_path("/containers/%s/logs", id) … Values are escaped. */
struct client_query {
        struct strbuf text;
};
void client_query_init(struct client_query *q, const char *format, ...)
    PRINTF_FORMAT(2, 3);                                                            /* %s are escaped */
void client_query_add(struct client_query *q, const char *name, const char *value); /* NULL: not added */
void client_query_add_bool(struct client_query *q, const char *name, bool value);   /* false: not added */
void client_query_add_int(struct client_query *q, const char *name, int64_t value);
void client_query_deinit(struct client_query *q);
#define cleanup_query __attribute__((cleanup(client_query_deinit)))

/* Errors: what the engine says is "Error response from daemon: …" with a kind by its status; nobody there is
 * an ERROR_UNAVAILABLE "Cannot connect to the Docker daemon at … Is the docker daemon running?". */

/* Sends `body` (NULL: none) as JSON; the answer's JSON in *ret (NULL when it has none; `ret` may be NULL).
 * Statuses from 400 are errors; `ret_status` may be NULL. */
int client_call(struct client *c, const char *method, const struct client_query *q, json_object *body,
                json_object **ret, int *ret_status, struct error *err);

/* An answer whose body is read as it comes. */
struct client_stream {
        int fd;
        int status;
        char *content_type;
        struct http_connection connection;
        struct http_head head;
        struct http_body body; /* body.stream */
};
/* `upload` (NULL: none) is sent as the body, in chunks, with that content type (NULL: application/x-tar).
 * `headers` may be NULL. */
int client_stream_open(struct client *c, const char *method, const struct client_query *q,
                       char *const *headers, struct stream *upload, const char *content_type,
                       struct client_stream **ret, struct error *err);
/* The same with a JSON body. */
int client_stream_call(struct client *c, const char *method, const struct client_query *q, json_object *body,
                       struct client_stream **ret, struct error *err);
void client_stream_free(struct client_stream *s);
static inline void cleanup_client_stream_func(struct client_stream **s)
{
        if (*s)
                client_stream_free(*s);
}
#define cleanup_client_stream __attribute__((cleanup(cleanup_client_stream_func)))
/* The next of a stream of JSON values (json lines or progress messages): 1, 0 at the end, -1. */
int client_stream_json(struct client_stream *s, struct strbuf *pending, json_object **ret, struct error *err);

/* A hijacked connection: raw bytes both ways. */
struct client_hijack {
        int fd;
        bool framed; /* multiplexed-stream: 8-byte frames come from the engine */
        char *early; /* bytes that came with the head */
        size_t early_len;
};
int client_hijack_open(struct client *c, const char *method, const struct client_query *q, json_object *body,
                       struct client_hijack *ret, struct error *err);
void client_hijack_deinit(struct client_hijack *h);
