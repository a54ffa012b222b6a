/* Image records, their names, and how a name finds one. An image's id is the digest of its config's JSON. */
#pragma once

#include "oci/image.h"
#include "store/layer.h"

struct image {
        struct digest id;
        char id_text[DIGEST_TEXT_SIZE]; /* "sha256:…" */
        char *config_text;              /* the JSON that the id is the digest of */
        size_t config_len;
        struct image_config config;
        struct digest *diff_ids; /* lowest first */
        size_t n_diff_ids;
        struct digest chain_id; /* zero without layers */
        struct digest parent;   /* zero when none is known */
        int64_t size;           /* all layers */
        int64_t last_tagged;    /* TIME_ZERO when never */
        char **tags;            /* familiar names with tag, sorted: "busybox:latest" */
        char **digests;         /* familiar names with digest: "busybox@sha256:…" */
};
void image_free(struct image *image);
static inline void cleanup_image_func(struct image **i)
{
        if (*i)
                image_free(*i);
}
#define cleanup_image __attribute__((cleanup(cleanup_image_func)))

/* Records an image. `config_text` must list diff ids of layers that are there (the caller holds them); they
 * get pinned. `parent` may be NULL. The same config twice is no error (the parent is kept). */
int image_create(struct store *store, const char *config_text, size_t config_len, const struct digest *parent,
                 struct digest *ret_id, struct error *err);
/* As image_create(), and gives it names in the same step, so that no removal or prune comes between.
 * `references` (may be NULL) are as for image_tag(); `ret_replaced` (may be NULL) has room for as many ids:
 * who had each name. */
int image_create_named(struct store *store, const char *config_text, size_t config_len,
                       const struct digest *parent, char *const *references, struct digest *ret_replaced,
                       struct digest *ret_id, struct error *err);
/* From a struct, which is formatted first, with one name or NULL. */
int image_create_config(struct store *store, const struct image_config *config, const struct digest *parent,
                        const char *reference, struct digest *ret_id, struct error *err);

/* By id. ERROR_NOT_FOUND. */
int image_get(struct store *store, const struct digest *id, struct image **ret, struct error *err);
/* By what users type: a reference ("busybox", "repo:tag", "repo@sha256:…"), an id with or without "sha256:",
 * or a unique prefix of one. ERROR_NOT_FOUND "No such image: NAME:latest", ERROR_INVALID for what is no
 * reference. */
int image_resolve(struct store *store, const char *name, struct image **ret, struct error *err);
/* build:ID#STEP: what a build kept of the state before a step that failed, for `run` and `create`. The newest
 * ones are there for some days, or until image_state_prune() (all from before `until`). The layers are held by
 * the caller of image_state_keep(). */
int image_state_keep(struct store *store, const char *name, const struct image_config *config,
                     struct error *err);
int image_state_get(struct store *store, const char *name, struct image **ret, struct error *err);
int image_state_prune(struct store *store, int64_t until, struct error *err);
/* All of them, newest first. */
int image_list(struct store *store, struct image ***ret, size_t *ret_count, struct error *err);
void image_list_free(struct image **images, size_t count);
/* Images whose parent is `id`: count. */
int image_children(struct store *store, const struct digest *id, struct digest **ret, size_t *ret_count,
                   struct error *err);
/* Drops the record with its names and pins; layers go at the next store_collect(). */
int image_remove(struct store *store, const struct digest *id, struct error *err);

/* Lower directories for overlayfs, topmost first. Pin the layers ("container:ID") before the image may go. */
int image_lowers(struct store *store, const struct image *image, char ***ret, struct error *err);

/* `reference` as users type it ("repo", "repo:tag", "repo@sha256:…" names a digest); without a tag it means
 * latest. The name moves from the image that has it; that image's id in *ret_old (zero if none, may be NULL).
 */
int image_tag(struct store *store, const char *reference, const struct digest *id, struct digest *ret_old,
              struct error *err);
/* Removes one name. ERROR_NOT_FOUND. */
int image_untag(struct store *store, const char *reference, struct error *err);
