/* What is remembered about layers' blobs in registries: by which digest a repository has a layer, and which
 * layers may only be had from their own URLs. */
#pragma once

#include "oci/image.h"
#include "store/store.h"

#define LAYER_BLOBS_MAX 4

/* A layer's blob in some repository. */
struct layer_blob {
        struct digest digest;
        int64_t size;
        char media_type[128];
        char domain[256], path[256];
};

/* Makes the tables and forgets layers that are gone. */
int layer_memory_prepare(struct store *store, struct error *err);
int layer_blob_remember(struct store *store, const struct digest *diff_id, const struct layer_blob *blob,
                        struct error *err);
/* Blobs known for `domain`, those of `path` itself first. */
int layer_blobs_find(struct store *store, const struct digest *diff_id, const char *domain, const char *path,
                     struct layer_blob ret[LAYER_BLOBS_MAX], size_t *ret_count, struct error *err);
/* A layer that came from URLs of its manifest ("foreign", not distributable). */
int layer_foreign_remember(struct store *store, const struct digest *diff_id,
                           const struct descriptor *descriptor, struct error *err);
/* 1 found (the caller frees by descriptor_table), 0 not, -1. */
int layer_foreign_find(struct store *store, const struct digest *diff_id, struct descriptor *ret,
                       struct error *err);
