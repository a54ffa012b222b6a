/* The one table of routes. A pattern is matched by segments; "{id}" takes one segment (decoded), "{name*}"
 * takes one or more (names of images have slashes). Every path also exists below /v1.NN. */
#pragma once

#include "api/request.h"
#include "api/response.h"

enum {
        ROUTE_HIJACK = 1 << 0, /* the handler may take the socket */
};

struct route {
        const char *method; /* "GET" also answers HEAD where there is no row of its own */
        const char *pattern;
        /* Answers, or returns -1 with `err` set: the server sends {"message": …} with the kind's status,
         * unless an answer has begun; then it closes the connection, so that the client sees a cut body. */
        int (*handler)(struct request *req, struct response *res, struct error *err);
        unsigned flags;
        int min_version; /* the minor number of the first API version that has it, 0 for all */
};

/* Each resource gives its rows; route.c lists the resources. */
struct route_list {
        const struct route *routes;
        size_t count;
};
extern const struct route_list container_routes, container_stream_routes, exec_routes, image_routes,
    volume_routes, network_routes, system_routes, archive_routes, build_routes, swarm_routes;

/* Finds the row for a path without its version and fills `params`. NULL: page not found. Pure. */
const struct route *route_find(const char *method, const char *path, struct route_params *params,
                               struct error *err);
/* Matches one pattern: 1 and `params`, 0, or -1 for a path with a broken escape. */
int route_match(const char *pattern, const char *path, struct route_params *params, struct error *err);
void route_params_deinit(struct route_params *params);
/* Splits "/v1.41/info" into 41 and "/info"; without a version *ret_minor is `fallback`. ERROR_INVALID, with
 * Docker's sentence, for one out of range. */
int route_version(const char *path, int fallback, int *ret_minor, const char **ret_rest, struct error *err);
