/* The builder: a Dockerfile and contexts in, an image out.
 *
 * Theory of operation. The instructions of the stages that the target needs become a graph (plan.c, graph.h),
 * whose ready nodes run side by side (solve.c). A stage is an image configuration plus a stack of layers.
 * Instructions that only change the configuration are applied to it; RUN, COPY, ADD and WORKDIR make one
 * layer each (perform.c, inflight.c). Such a step has a key: the chain id of the layers below it (that is
 * their content), the instruction with everything expanded, and digests of the files it reads (names, modes,
 * owners and bytes, never times). The database remembers which layer a key gave and when, so that the same
 * step gives the same layer and the same image again. Layers are made in a folder below the store's tmp/;
 * whatever ends a build early leaves nothing else behind. */
#pragma once

#include "build/dockerfile.h"
#include "build/options.h"
#include "oci/digest.h"
#include "oci/spec.h"

struct store;
struct stream;
struct registry_settings;

/* Told as things happen; borrowed. Members: "vertex" (a number from 1) with one of "name" (it begins), "log"
 * (text, with "time" in seconds since it began), "status", "cached" (true), "done" (seconds), "error" (text);
 * or "step" (the classic builder's "Step n/m : …": "step", "steps", "text"). */
typedef void (*build_progress)(void *arg, json_object *event);

/* What the builder needs of the engine. */
struct build_services {
        void *arg;
        struct store *store;
        const char *data_root;
        const char *secrets_dir;  /* on a file system in memory */
        const char *step_program; /* davit-step */
        const char *cgroup_parent;
        const struct registry_settings *registries;
        /* A network namespace for one RUN (`mode`: "default", "none"), and hosts, hostname, resolv.conf in
         * `dir`. */
        int (*network_open)(void *arg, const char *id, const char *dir, const char *mode,
                            char *const *extra_hosts, int *ret_netns, struct error *err);
        void (*network_close)(void *arg, const char *id);
        /* The file with these rules compiled; heap. The rules lose their list of calls. */
        int (*seccomp)(void *arg, struct oci_seccomp *rules, char **ret_path, struct error *err);
        /* Fetches an image that isn't there (or always). */
        int (*pull)(void *arg, const char *reference, struct error *err);
};

struct build_request {
        const struct build_options *options;
        const int *fds; /* contexts, as the options say; borrowed */
        size_t n_fds;
        struct stream *tar; /* the context, when it is "tar" and no descriptor; borrowed */
        int cancel_fd;      /* hangs up when the client goes away; -1 */
        bool sequential;    /* one step at a time, in the order of the file */
        build_progress progress;
        /* The next bytes of what output number `index` sends to the client; none at its end. */
        int (*output)(void *arg, size_t index, const void *data, size_t len, struct error *err);
        void *arg;
};

/* The caller drops it, after a failure too. */
struct build_result {
        struct digest id;      /* of the image in the store, else zero */
        char **names;          /* that it got there */
        json_object *metadata; /* what the outputs say about their result, by buildx's names */
        char *source; /* of a failure: the Dockerfile's lines with a marker; NULL when unknown; heap */
        char *state;  /* of a failure: what `run` enters the state before it by, NULL; heap */
        json_object *warnings; /* of build checks: [{rule, text, url, line, source}]; NULL when it did not
                                  come to them */
};

void build_result_deinit(struct build_result *r);

/* Errors are Docker's sentences without "failed to build: failed to solve: ". */
int build_run(const struct build_services *services, const struct build_request *request,
              struct build_result *ret, struct error *err);

/* ---- The cache ---- */

/* Adds the tables. */
int build_cache_open(struct store *store, struct error *err);
/* A record of a step, or the folder of a cache mount. */
struct build_cache_item {
        char *id;  /* as people see it */
        char *key; /* the step's, or the folder's name */
        char *what;
        bool mount;
        bool shared; /* an image or a container keeps the layer too */
        bool in_use;
        int64_t size, created, used, uses;
};
/* All of them, those used last first. */
int build_cache_items(struct store *store, struct build_cache_item **ret, size_t *ret_count,
                      struct error *err);
void build_cache_items_free(struct build_cache_item *items, size_t count);
/* A layer that nothing else keeps goes at the next store_collect(). */
int build_cache_drop(struct store *store, const struct build_cache_item *item, struct error *err);
/* Drops what is remembered of contexts since before `until`: the next build reads all their files. */
void build_memory_drop(const char *data_root, int64_t until);
