/* Layers by diff id: the registry of holds and of layers being made, rows and pins, and the way of a new
 * layer from tmp/ to its name.
 *
 * Theory of operation. A layer exists when its row does; the row is written after the folder has been flushed
 * and renamed. The registry's lock is held for looking things up and for bookkeeping, never while a layer is
 * made: whoever makes one whose diff id is known marks it busy, and others who want the same wait for the
 * outcome. store_collect() takes the rows away under the lock, then the folders. */
#include "store/layer-internal.h"

#include "base/time.h"
#include "store/unpack.h"

#include <errno.h>
#include <stdio.h>

/* ---- The registry ---- */

struct layer_registry *layer_registry_new(void)
{
        struct layer_registry *r = xcalloc(1, sizeof(*r));

        pthread_mutex_init(&r->lock, NULL);
        pthread_cond_init(&r->changed, NULL);
        return r;
}

void layer_registry_free(struct layer_registry *r)
{
        pthread_cond_destroy(&r->changed);
        pthread_mutex_destroy(&r->lock);
        free(r->uses);
        free(r);
}

static void unlock_func(pthread_mutex_t **lock)
{
        pthread_mutex_unlock(*lock);
}
#define cleanup_unlock __attribute__((cleanup(unlock_func)))

static pthread_mutex_t *lock_registry(struct store *store)
{
        pthread_mutex_lock(&store->layers->lock);
        return &store->layers->lock;
}

/* The use record of a layer, made when `make`. The pointer is good until the next call. */
static struct layer_use *layer_use(struct store *store, const struct digest *diff_id, bool make)
{
        struct layer_registry *r = store->layers;
        struct layer_use new = { .diff_id = *diff_id };

        for (size_t i = 0; i < r->n_uses; i++)
                if (digest_equal(&r->uses[i].diff_id, diff_id))
                        return &r->uses[i];
        if (!make)
                return NULL;
        ARRAY_APPEND(r->uses, r->n_uses, new);
        return &r->uses[r->n_uses - 1];
}

static void drop_unused(struct store *store, struct layer_use *use)
{
        struct layer_registry *r = store->layers;

        if (use->holds == 0 && !use->busy)
                *use = r->uses[--r->n_uses];
}

void layer_release(struct store *store, const struct digest *diff_id)
{
        cleanup_unlock pthread_mutex_t *locked = lock_registry(store);
        struct layer_use *use = layer_use(store, diff_id, false);

        if (use && use->holds > 0) {
                use->holds--;
                drop_unused(store, use);
        }
}

/* ---- Rows ---- */

static int read_layer_row(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct layer *l = arg;

        (void)err;
        l->size = sqlite3_column_int64(stmt, 0);
        l->tar_size = sqlite3_column_int64(stmt, 1);
        return 0;
}

/* 1 when it is there, 0 when not. */
static int find_row(struct store *store, const struct digest *diff_id, struct layer *ret, struct error *err)
{
        char hex[DIGEST_HEX_SIZE];

        digest_format_hex(diff_id, hex);
        ret->diff_id = *diff_id;
        return database_query(store->db, read_layer_row, ret, err,
                              "SELECT size, tar_size FROM layers WHERE diff_id = ?", "s", hex);
}

/* With the lock held: finds the layer and holds it. 1, 0, -1. */
static int find_and_hold(struct store *store, const struct digest *diff_id, struct layer *ret,
                         struct error *err)
{
        struct layer found = {};
        int there = find_row(store, diff_id, &found, err);

        if (there <= 0)
                return there;
        layer_use(store, diff_id, true)->holds++;
        *ret = found;
        return 1;
}

int layer_get(struct store *store, const struct digest *diff_id, struct layer *ret, struct error *err)
{
        cleanup_unlock pthread_mutex_t *locked = lock_registry(store);
        char text[DIGEST_TEXT_SIZE];
        int there = find_and_hold(store, diff_id, ret, err);

        if (there < 0)
                return -1;
        if (there == 0) {
                digest_format(diff_id, text);
                return error_set(err, ERROR_NOT_FOUND, "layer %s does not exist", text);
        }
        return 0;
}

/* ---- Making layers ---- */

/* Flushes the new folder, gives it its name and its row. If somebody else was faster with the same layer,
 * theirs stays and this one is dropped. Takes a hold. */
static int commit_layer(struct store *store, const char *tmp, int dirfd, struct layer *layer,
                        struct error *err)
{
        char hex[DIGEST_HEX_SIZE];
        struct layer found;
        int there;

        digest_format_hex(&layer->diff_id, hex);
        if (syncfs(dirfd) < 0)
                return error_errno(err, "flush layer");
        cleanup_unlock pthread_mutex_t *locked = lock_registry(store);
        there = find_and_hold(store, &layer->diff_id, &found, err);
        if (there < 0)
                return -1;
        if (there > 0) {
                store_tmp_remove(store, tmp);
                *layer = found;
                return 0;
        }
        if (renameat(store->tmp_fd, tmp, store->layers_fd, hex) < 0)
                return error_errno(err, "rename layer");
        if (fsync(store->layers_fd) < 0)
                return error_errno(err, "flush layers");
        if (database_run(store->db, err,
                         "INSERT INTO layers(diff_id, size, tar_size, created) VALUES(?, ?, ?, ?)", "siii",
                         hex, layer->size, layer->tar_size, time_now()) < 0) {
                renameat(store->layers_fd, hex, store->tmp_fd, tmp);
                return -1;
        }
        layer_use(store, &layer->diff_id, true)->holds++;
        return 0;
}

/* Hashes and counts the tar on its way into the driver. */
static int apply_in(struct store *store, int dirfd, struct stream *tar, const struct digest *expected,
                    struct layer *ret, struct error *err)
{
        cleanup_hash struct hash *hash = hash_new();
        uint64_t count = 0;
        cleanup_stream struct stream *plain = stream_new_decompressed(tar);
        cleanup_stream struct stream *hashing = stream_new_hashing(plain, hash, &count);
        cleanup_stream struct stream *threaded = stream_new_threaded(hashing);

        if (store->driver->apply(store, dirfd, threaded, ret, err) < 0)
                return -1;
        hash_finish(hash, ret->diff_id.bytes);
        ret->tar_size = (int64_t)count;
        if (expected && !digest_equal(expected, &ret->diff_id)) {
                char want[DIGEST_TEXT_SIZE], got[DIGEST_TEXT_SIZE];

                digest_format(expected, want);
                digest_format(&ret->diff_id, got);
                return error_set(err, ERROR_INVALID, "invalid diffID for layer: expected \"%s\", got \"%s\"",
                                 want, got);
        }
        return 0;
}

static int make_layer(struct store *store, struct stream *tar, const struct digest *expected,
                      struct layer *ret, struct error *err)
{
        cleanup_free char *tmp = NULL;
        cleanup_close int dirfd = store_tmp_directory(store, &tmp, err);
        struct layer layer = {};

        if (dirfd < 0)
                return -1;
        if (apply_in(store, dirfd, tar, expected, &layer, err) < 0 ||
            commit_layer(store, tmp, dirfd, &layer, err) < 0) {
                store_tmp_remove(store, tmp);
                return -1;
        }
        *ret = layer;
        return 0;
}

/* Waits while somebody else makes the layer. 1: it is there and held. 0: it is ours to make. */
static int claim(struct store *store, const struct digest *diff_id, struct layer *ret, struct error *err)
{
        cleanup_unlock pthread_mutex_t *locked = lock_registry(store);

        for (;;) {
                struct layer_use *use;
                int there = find_and_hold(store, diff_id, ret, err);

                if (there != 0)
                        return there;
                use = layer_use(store, diff_id, true);
                if (!use->busy) {
                        use->busy = true;
                        return 0;
                }
                pthread_cond_wait(&store->layers->changed, &store->layers->lock);
        }
}

static void unclaim(struct store *store, const struct digest *diff_id)
{
        cleanup_unlock pthread_mutex_t *locked = lock_registry(store);
        struct layer_use *use = layer_use(store, diff_id, true);

        use->busy = false;
        drop_unused(store, use);
        pthread_cond_broadcast(&store->layers->changed);
}

int layer_apply(struct store *store, struct stream *tar, const struct digest *expected, struct layer *ret,
                struct error *err)
{
        int there;

        if (!expected)
                return make_layer(store, tar, NULL, ret, err);
        there = claim(store, expected, ret, err);
        if (there != 0)
                return there > 0 ? 0 : -1;
        there = make_layer(store, tar, expected, ret, err);
        unclaim(store, expected);
        return there;
}

int layer_from_upper(struct store *store, int dirfd, const char *name, int64_t timestamp, struct layer *ret,
                     struct error *err)
{
        cleanup_free char *tmp = NULL;
        cleanup_close int layer_fd = store_tmp_directory(store, &tmp, err);
        struct layer layer = {};

        if (layer_fd < 0)
                return -1;
        if (renameat(dirfd, name, layer_fd, "fs") < 0) {
                error_errno(err, "rename %s", name);
                store_tmp_remove(store, tmp);
                return -1;
        }
        if (store->driver->adopt(store, layer_fd, timestamp, &layer, err) < 0 ||
            commit_layer(store, tmp, layer_fd, &layer, err) < 0) {
                store_tmp_remove(store, tmp);
                return -1;
        }
        *ret = layer;
        return 0;
}

static int produce_copy(void *arg, struct sink *out, struct error *err)
{
        cleanup_tar_writer struct tar_writer *writer = tar_writer_new(out);
        struct pack_options options = { .flags = PACK_WHITEOUTS, .timestamp = INT64_MAX };

        if (tar_pack(*(int *)arg, writer, &options, err) < 0)
                return -1;
        return tar_writer_finish(writer, err);
}

int layer_from_copy(struct store *store, int dirfd, struct layer *ret, struct error *err)
{
        cleanup_stream struct stream *tar = stream_new_producer(produce_copy, NULL, &dirfd);

        return layer_apply(store, tar, NULL, ret, err);
}

/* ---- Reading layers ---- */

static int open_layer(struct store *store, const struct digest *diff_id, struct error *err)
{
        char hex[DIGEST_HEX_SIZE];

        digest_format_hex(diff_id, hex);
        return directory_open(store->layers_fd, hex, err);
}

int layer_tar(struct store *store, const struct digest *diff_id, struct sink *out, struct error *err)
{
        cleanup_close int dirfd = open_layer(store, diff_id, err);

        return dirfd < 0 ? -1 : store->driver->tar(store, dirfd, out, err);
}

struct tar_producer {
        struct store *store;
        struct digest diff_id;
};

static int produce_tar(void *arg, struct sink *out, struct error *err)
{
        struct tar_producer *p = arg;

        return layer_tar(p->store, &p->diff_id, out, err);
}

static void release_producer(void *arg)
{
        struct tar_producer *p = arg;

        layer_release(p->store, &p->diff_id);
        free(p);
}

int layer_tar_stream(struct store *store, const struct digest *diff_id, struct stream **ret,
                     struct error *err)
{
        struct tar_producer *p;
        struct layer layer;

        if (layer_get(store, diff_id, &layer, err) < 0)
                return -1;
        p = xcalloc(1, sizeof(*p));
        *p = (struct tar_producer){ store, *diff_id };
        *ret = stream_new_producer(produce_tar, release_producer, p);
        return 0;
}

int layer_lowers(struct store *store, const struct digest *diff_ids, size_t count, char ***ret,
                 struct error *err)
{
        cleanup_strv char **list = strv_new();

        if (count == 0) {
                if (directory_make(store->root_fd, "layers/empty", 0755, err) < 0)
                        return -1;
                strv_append_take(&list, string_format("%s/layers/empty", store->root));
        }
        for (size_t i = count; i > 0; i--) {
                char hex[DIGEST_HEX_SIZE];
                cleanup_free char *path = NULL;

                digest_format_hex(&diff_ids[i - 1], hex);
                path = string_format("%s/layers/sha256/%s/%s", store->root, hex, store->driver->lower);
                /* Overlay refuses a folder twice (empty layers are all the same): the upper one hides the lower. */
                if (!strv_contains(list, path))
                        strv_append_take(&list, take_ptr(path));
        }
        *ret = take_ptr(list);
        return 0;
}
