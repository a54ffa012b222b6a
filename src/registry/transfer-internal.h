/* What pull and push share: progress messages, and work on several layers at once. */
#pragma once

#include "registry/layer-memory.h"
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

/* Runs `work` for every index below `count`, up to `parallel` at once; the first failure stops the rest. */
int transfer_run_all(const struct transfer *t, size_t parallel, size_t count,
                     int (*work)(struct transfer_run *, size_t, struct error *), void *context,
                     struct error *err);

/* {"status":TEXT,"id":ID}; `id` may be NULL. With `total` >= 0 {"progressDetail":{"current":…,"total":…}}
 * too. transfer_say() and transfer_state() are for what happens outside of transfer_run_all(). */
int transfer_tell(struct transfer_run *run, const char *id, const char *status, int64_t current,
                  int64_t total, struct error *err);
/* {"status":TEXT,"progressDetail":{},"id":ID}, as Docker tells a layer's state. */
int transfer_state(const struct transfer *t, const char *id, const char *status, struct error *err);
/* Reads from `inner` and tells how far it is. Lies in the caller's memory; nothing to free. */
struct telling_stream {
        struct stream stream;
        struct stream *inner;
        struct transfer_run *run;
        const char *id, *status;
        int64_t at, told, total;
};
void transfer_progress_stream(struct telling_stream *t, struct stream *inner, struct transfer_run *run,
                              const char *id, const char *status, int64_t total);
/* Layers at once, by the settings. */
size_t transfer_downloads(const struct transfer *t);
size_t transfer_uploads(const struct transfer *t);
void transfer_short_id(const char *digest, char ret[TRANSFER_ID_SIZE]);
