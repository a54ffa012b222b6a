/* The one table of routes. A pattern is matched by segments; "{id}" takes one segment (decoded), "{name*}"
 * takes one or more (names of images have slashes). Every path also exists below /v1.NN. */
#pragma once

#include "api/request.h"
#include "api/response.h"

struct route {
        const char *method;
        const char *pattern;
        /* Answers, or returns -1 with `err` set: the server sends {"message": …} with the kind's status,
         * unless an answer has begun; then it closes the connection, so that the client sees a cut body. */
        int (*handler)(struct request *req, struct response *res, struct error *err);
};

/* Each resource gives its rows; route.c lists the resources. */
struct route_list {
        const struct route *routes;
        size_t count;
};
#define ROUTE_LIST(rows)                                                                                     \
        {                                                                                                    \
                rows, ARRAY_SIZE(rows)                                                                       \
        }

/* Finds the row for a path without its version and fills `params`. NULL: page not found. Pure. */
const struct route *route_find(const char *method, const char *path, struct route_params *params);
void route_params_deinit(struct route_params *params);

/* Splits "/v1.41/info" into the version's length and "/info"; a path without a version is left as it is and
 * gives 0. Only digits and dots make a version: "/vx/info" has none. */
size_t route_version_length(const char *path);
/* The minor number of "1.41", or of the server's own for length 0; ERROR_INVALID, with Docker's sentence, for
 * one out of range. */
int route_version_parse(const char *version, size_t len, int *ret_minor, struct error *err);
