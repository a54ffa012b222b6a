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

/* ---- build-cache.c ---- */

/* Records that the filters name: until, id, type, description, inuse, mutable, immutable, shared, private.
 * The longest unused go until no more is left than may stay; without limits all of them. Without `all` those
 * stay whose layer an image has too. */
struct build_prune {
        const struct filters *filters;
        bool all;
        int64_t reserved_space, max_used_space, min_free_space; /* 0: none */
        bool keep_traces; /* states before failed steps, what is remembered of contexts */
};
/* ERROR_INVALID for a name that no record has, and for a bad duration. */
int build_filters_check(const struct filters *filters, struct error *err);
/* {"CachesDeleted":[ID…],"SpaceReclaimed":n,"Records":[…]}. The traces go, too, unless there are limits or
 * filters other than `until`. */
int engine_build_prune(struct engine *engine, const struct build_prune *options, json_object **ret,
                       struct error *err);
/* The records that the filters (NULL: all) name, as `system df` shows them: an array. */
int engine_build_usage(struct engine *engine, const struct filters *filters, json_object **ret,
                       struct error *err);

/* ---- build-gc.c ---- */

/* What of the cache goes by itself; zero: Docker's default rules. */
struct build_gc {
        bool disabled;
        struct build_gc_rule {
                struct filters filters;
                bool all;
                int64_t reserved_space, max_used_space, min_free_space; /* as in struct build_prune */
        } defaults, *rules; /* a rule without a limit has those of the defaults */
        size_t n_rules;     /* 0: the default rules, with the defaults' limits */
};
void build_gc_deinit(struct build_gc *gc);
/* Once a build has ended: the rules are applied beside whatever comes next. */
void engine_build_gc_later(struct engine *engine);
