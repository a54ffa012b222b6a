/* Where the parts of an image, or of an exported cache, go: an OCI layout in a tar, or a repository of a
 * registry. */
#pragma once

#include "base/stream.h"
#include "oci/image.h"
#include "store/store.h"

struct build;

/* How layers are compressed. */
struct blob_form {
        enum compression compression;
        int level;   /* -1: the usual one */
        bool docker; /* Docker's media types, not the OCI's */
        bool force;  /* a layer that the registry has in another form is compressed anew */
};

struct blob_target;
struct blob_target_class {
        int (*layer)(struct blob_target *t, const struct digest *diff_id, struct descriptor *ret,
                     struct error *err);
        int (*blob)(struct blob_target *t, const void *data, size_t len, struct error *err);
        /* `name` is a tag, or NULL: it is only known by its digest. */
        int (*manifest)(struct blob_target *t, const char *name, const char *media_type, const void *data,
                        size_t len, struct error *err);
        void (*free)(struct blob_target *t);
};
struct blob_target {
        const struct blob_target_class *class;
        struct store *store;
        struct blob_form form;
};
void blob_target_free(struct blob_target *t);
static inline void cleanup_blob_target_func(struct blob_target **t)
{
        if (*t)
                blob_target_free(*t);
}
#define cleanup_blob_target __attribute__((cleanup(cleanup_blob_target_func)))

/* A layer's blob; the descriptor is the caller's. */
int blob_layer(struct blob_target *t, const struct digest *diff_id, struct descriptor *ret,
               struct error *err);
/* A small blob; fills the descriptor (the caller's). */
int blob_add(struct blob_target *t, const char *media_type, const void *data, size_t len,
             struct descriptor *ret, struct error *err);
int blob_manifest(struct blob_target *t, const char *name, const char *media_type, const void *data,
                  size_t len, struct descriptor *ret, struct error *err);
/* The layer's bytes in the target's form. */
int blob_layer_stream(struct store *store, const struct digest *diff_id, const struct blob_form *form,
                      struct stream **ret, struct error *err);
const char *blob_layer_media_type(const struct blob_form *form);

/* Into a tar; blob_layout_finish() writes index.json with these descriptors as its manifests. */
struct blob_target *blob_layout_new(struct store *store, const struct blob_form *form, struct sink *out);
int blob_layout_finish(struct blob_target *t, const struct descriptor *manifests, size_t count,
                       struct error *err);
/* A further file of the layout's tar. */
int blob_layout_file(struct blob_target *t, const char *path, const void *data, size_t len,
                     struct error *err);

/* Into the repository that `name` ("127.0.0.1:5000/app:1") means, with the build's credentials. */
int blob_repository_new(struct build *b, const char *name, bool insecure, const struct blob_form *form,
                        struct blob_target **ret, struct error *err);
