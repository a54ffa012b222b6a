/* What a build is asked for: the CLI prints it, the engine reads it. */
#pragma once

#include "base/json.h"
#include "oci/container-config.h"

/* Before the value of an image context that is an image layout: "PATH[:TAG][@DIGEST]". */
#define BUILD_LAYOUT "oci-layout://"

/* A secret of RUN --mount=type=secret. `value` is base64: secrets are bytes. */
struct build_secret {
        char *id, *value;
};

/* "type=local,dest=out" of --output, --cache-from, --cache-to: its type and the other fields. */
struct build_entry {
        char *type;
        struct strmap attributes;
};

struct build_options {
        char *dockerfile;      /* its text; NULL: read `dockerfile_path` from the context */
        char *dockerfile_path; /* inside the context; NULL: "Dockerfile" */
        char *dockerfile_name; /* for messages: "Dockerfile" */
        char *dockerignore;    /* its text; NULL: read from the context, "" for none */
        /* "directory": the first descriptor is the context; "tar": it is a stream with one; "url": `context_url`; "none". */
        char *context, *context_url;
        char **build_contexts;        /* names of further contexts; their descriptors follow in order */
        struct strmap image_contexts; /* further contexts that are images: name → reference, or BUILD_LAYOUT with what stands behind it,
                                         with the folder's descriptor by the same name */
        struct strmap url_contexts;   /* further contexts that the engine fetches: name → URL */
        char **ssh;                   /* ids of ssh agents; descriptors of their sockets follow those of contexts */
        struct strmap build_args, labels;
        char **tags;
        char *target, *network;
        bool no_cache, pull, quiet, check; /* check: only the warnings are wanted */
        bool explain;                      /* tell why steps ran */
        char **no_cache_filter; /* stages */
        char **extra_hosts;     /* "name:address" */
        char **allow;           /* "network.host", "security.insecure" */
        int64_t shm_size;
        struct ulimit *ulimits;
        size_t n_ulimits;
        struct build_secret *secrets;
        size_t n_secrets;
        char **platforms; /* none: this machine's; several: one image each */
        /* docker, image, registry, local, tar, oci, cacheonly; none: docker. What goes to the client is told by number. */
        struct build_entry *outputs;
        size_t n_outputs;
        struct build_entry *cache_from, *cache_to;
        size_t n_cache_from, n_cache_to;
        struct strmap auths; /* credentials by domain ("docker.io"), each as in X-Registry-Auth */
        char *cgroup_parent;
};
extern const struct json_table build_options_table;

void build_options_deinit(struct build_options *o);
#define cleanup_build_options __attribute__((cleanup(build_options_deinit)))
