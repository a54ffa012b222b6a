/* Builds as the API means them: what the builder needs of the engine, the cache's prune and list. */
#pragma once

#include "base/filters.h"
#include "build/build.h"

struct engine;

/* Below the exec root, which is in memory. */
#define BUILD_SECRETS "build-secrets"

/* `result.source` is the caller's. Publishes the events of an image. */
int engine_build(struct engine *engine, const struct build_request *request, struct build_result *ret,
                 struct error *err);
/* {"CachesDeleted":[ID…],"SpaceReclaimed":n}. Filters: until; others are refused by name. */
int engine_build_prune(struct engine *engine, const struct filters *filters, json_object **ret,
                       struct error *err);
/* For `system df`: an array. */
int engine_build_usage(struct engine *engine, json_object **ret, struct error *err);
