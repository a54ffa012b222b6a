/* A request as handlers see it: path and query parameters, the body. */
#pragma once

#include "base/filters.h"
#include "base/http.h"
#include "base/json.h"

#define API_VERSION_MINOR 51
#define API_VERSION_MIN_MINOR 24
#define REQUEST_JSON_MAX (16 << 20)
#define ROUTE_PARAMS_MAX 4

struct engine;
struct server;

struct route_params {
        const char *names[ROUTE_PARAMS_MAX]; /* pointers into the pattern, not terminated */
        size_t name_lengths[ROUTE_PARAMS_MAX];
        char *values[ROUTE_PARAMS_MAX];
        size_t count;
};

struct request {
        struct engine *engine;
        struct server *server;
        struct http_connection *connection;
        struct http_head head;
        struct http_target target;
        struct route_params params;
        int version; /* the minor number: 44 for /v1.44/… */
        struct http_body body;
};

/* "{id}" of the route's pattern. */
const char *request_param(const struct request *req, const char *name);
/* NULL when absent. */
const char *request_query(const struct request *req, const char *name);
const char *request_query_default(const struct request *req, const char *name, const char *fallback);
/* Docker's notion: absent, "", "0", "no", "false", "none" are false, everything else is true. */
bool request_query_bool(const struct request *req, const char *name);
bool request_query_bool_default(const struct request *req, const char *name, bool fallback);
/* `fallback` when absent or empty; ERROR_INVALID otherwise. */
int request_query_int64(const struct request *req, const char *name, int64_t fallback, int64_t *ret,
                        struct error *err);
/* All values of a repeated parameter; NULL when there is none; the caller frees the list. */
char **request_query_list(const struct request *req, const char *name);
int request_filters(const struct request *req, struct filters *ret, struct error *err);
/* The `filters` parameter as a tree; NULL when absent. */
int request_filters_json(const struct request *req, json_object **ret, struct error *err);

/* The body as JSON bound to a struct, with Docker's checks of Content-Type and its messages; capped. An empty
 * body is an error unless `optional`. */
int request_json(struct request *req, const struct json_table *table, bool optional, void *out,
                 struct error *err);
int request_json_tree(struct request *req, bool optional, json_object **ret, struct error *err);
/* The body as it is. */
struct stream *request_body(struct request *req);

/* For functions that wait: poll this for POLLRDHUP; it hangs up when the client goes away. */
int request_cancel_fd(const struct request *req);
