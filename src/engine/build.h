/* Builds as the API means them: what the builder needs of the engine, the cache's prune and list. */
#pragma once

#include "base/filters.h"
#include "base/socket.h"
#include "build/build.h"

struct engine;

/* Below the exec root, which is in memory. */
#define BUILD_SECRETS "build-secrets"

/* Contexts, and whatever else the options count among descriptors. */
struct engine_build_files {
        int fds[SOCKET_MAX_FDS];
        size_t count;
        char **folders; /* below the store's tmp/, of those that came as streams */
};
/* Takes in one that comes as a stream: a file as it is, or the tar of a folder. */
int engine_build_files_add(struct engine *engine, struct engine_build_files *files, struct stream *in,
                           bool file, struct error *err);
void engine_build_files_drop(struct engine *engine, struct engine_build_files *files);

/* `result.source` is the caller's. Publishes the events of an image. */
int engine_build(struct engine *engine, const struct build_request *request, struct build_result *ret,
                 struct error *err);
/* {"CachesDeleted":[ID…],"SpaceReclaimed":n}. Filters: until; others are refused by name. */
int engine_build_prune(struct engine *engine, const struct filters *filters, json_object **ret,
                       struct error *err);
/* For `system df`: an array. */
int engine_build_usage(struct engine *engine, json_object **ret, struct error *err);
