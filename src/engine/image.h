/* Images as the API means them: list, inspect, history, tag, remove, prune, import, load, save, commit.
 * Results that go out as JSON are built here as trees, so that handlers only send them. */
#pragma once

#include "base/stream.h"
#include "base/time.h"
#include "store/image-store.h"

struct engine;

/* ---- Reading ---- */

struct image_list_options {
        bool all;             /* intermediate images too */
        bool shared_size;     /* fill SharedSize, else -1 */
        bool containers;      /* fill Containers, else -1 */
        bool manifests;       /* nothing to tell: manifests are not kept */
        json_object *filters; /* the API's {"label":["a=b"]} or {"label":{"a=b":true}}; NULL for none */
};
/* GET /images/json: an array. Filters: before, since, dangling, label, label!, reference, until. */
int engine_image_list(struct engine *engine, const struct image_list_options *options, json_object **ret,
                      struct error *err);
/* GET /images/NAME/json. `platform` is "linux/arm64" or JSON, NULL for any: an image for another one is an
 * ERROR_NOT_FOUND. */
int engine_image_inspect(struct engine *engine, const char *name, const char *platform, json_object **ret,
                         struct error *err);
/* GET /images/NAME/history: an array. */
int engine_image_history(struct engine *engine, const char *name, const char *platform, json_object **ret,
                         struct error *err);
/* For `system df`: images with Containers and SharedSize, the total in *ret_layers_size. */
int engine_image_usage(struct engine *engine, json_object **ret, int64_t *ret_layers_size, struct error *err);

/* ---- Naming and removing ---- */

/* POST /images/NAME/tag. `tag` may be NULL. */
int engine_image_tag(struct engine *engine, const char *name, const char *repo, const char *tag,
                     struct error *err);
/* DELETE /images/NAME: [{"Untagged":…},{"Deleted":…}]. */
int engine_image_remove(struct engine *engine, const char *name, bool force, bool no_prune, json_object **ret,
                        struct error *err);
/* POST /images/prune: {"ImagesDeleted":[…],"SpaceReclaimed":n}. Filters: dangling, until, label, label!. */
int engine_image_prune(struct engine *engine, json_object *filters, json_object **ret, struct error *err);

/* ---- In and out ---- */

/* Told to the client while something goes on: one JSON object per call (jsonmessage), borrowed. May be NULL.
 */
typedef int (*image_progress)(void *arg, json_object *message, struct error *err);

struct image_import_options {
        const char *source;     /* for the history: "-" or a URL */
        const char *repo, *tag; /* NULL for none */
        const char *message;
        char *const *changes; /* Dockerfile lines */
        const char *platform; /* NULL for this machine's */
};
/* POST /images/create?fromSrc=. NULL `tar`: it is fetched from the source's URL. Progress gets
 * {"status":"sha256:…"}. */
int engine_image_import(struct engine *engine, struct stream *tar, const struct image_import_options *options,
                        image_progress progress, void *arg, struct digest *ret_id, struct error *err);
/* POST /images/load. Progress gets the lines; with `quiet` only "Loaded image…". `platforms` may be NULL. */
int engine_image_load(struct engine *engine, struct stream *archive, bool quiet, char *const *platforms,
                      image_progress progress, void *arg, struct error *err);

/* GET /images/get and /images/NAME/get. image_save_open() finds all images first, so that an error has a
 * status. */
struct image_save;
int engine_image_save_open(struct engine *engine, char *const *names, char *const *platforms,
                           struct image_save **ret, struct error *err);
int engine_image_save_write(struct image_save *save, struct sink *out, struct error *err);
void engine_image_save_free(struct image_save *save);

struct image_commit_options {
        const char *repo, *tag, *message, *author; /* NULL for none */
        char *const *changes;
        bool pause;
        const struct container_config *config; /* replaces the container's where given; may be NULL */
};
/* POST /commit. */
int engine_commit(struct engine *engine, const char *container, const struct image_commit_options *options,
                  struct digest *ret_id, struct error *err);

/* Applies Dockerfile lines (CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, USER, VOLUME, WORKDIR, HEALTHCHECK,
 * STOPSIGNAL) of commit and import to a config. */
int changes_apply(char *const *changes, struct container_config *config, struct error *err);
