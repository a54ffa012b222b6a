/* What pull and push share: progress messages, work on several layers at once, and the memory of blobs. */
#pragma once

#include "registry/transfer.h"
#include "store/image-store.h"

#include <pthread.h>

#define TRANSFER_ID_SIZE 13 /* the 12 digits by which people see a layer */

/* One transfer while it runs. */
struct transfer_run {
        const struct transfer *t;
        pthread_mutex_t lock;
        struct error error; /* the first failure */
        size_t next, count; /* layers handed out, layers there are */
        int (*work)(struct transfer_run *run, size_t index, struct error *err);
        void *context;
};

/* Runs `work` for every index below `count`, some at once; the first failure stops the rest. */
int transfer_run_all(const struct transfer *t, size_t count, int (*work)(struct transfer_run *, size_t, struct error *),
                     void *context, struct error *err);

/* {"status":TEXT,"id":ID}; `id` may be NULL. With `total` >= 0 {"progressDetail":{"current":…,"total":…}} too. */
int transfer_tell(struct transfer_run *run, const char *id, const char *status, int64_t current, int64_t total,
                  struct error *err);
/* The same outside of transfer_run_all(). */
int transfer_say(const struct transfer *t, const char *id, struct error *err, const char *format, ...)
        PRINTF_FORMAT(4, 5);
void transfer_short_id(const char *digest, char ret[TRANSFER_ID_SIZE]);

/* A layer's blob in some repository. */
struct layer_blob {
        struct digest digest;
        int64_t size;
        char media_type[128];
        char domain[256], path[256];
};
int layer_blob_remember(struct store *store, const struct digest *diff_id, const struct layer_blob *blob,
                        struct error *err);
/* The blob known for `domain`, best in `path` itself: 1 found, 0 not, -1. */
int layer_blob_find(struct store *store, const struct digest *diff_id, const char *domain, const char *path,
                    struct layer_blob *ret, struct error *err);
