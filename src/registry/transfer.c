#include "registry/transfer-internal.h"

#define DEFAULT_PARALLEL 3
#define MAX_PARALLEL 16

void transfer_short_id(const char *digest, char ret[TRANSFER_ID_SIZE])
{
        const char *hex = string_after(digest, "sha256:");

        snprintf(ret, TRANSFER_ID_SIZE, "%.12s", hex ? hex : digest);
}

static int send_message(const struct transfer *t, const char *id, const char *status, int64_t current, int64_t total, struct error *err)
{
        cleanup_json json_object *message = json_object_new_object();

        if (!t->progress)
                return 0;
        json_set_string(message, "status", status);
        if (total >= 0) {
                json_object *detail = json_object_new_object();

                if (current >= 0) {
                        json_object_object_add(detail, "current", json_object_new_int64(current));
                        json_object_object_add(detail, "total", json_object_new_int64(total));
                }
                json_object_object_add(message, "progressDetail", detail);
        }
        if (id)
                json_set_string(message, "id", id);
        return t->progress(t->arg, message, err);
}

int transfer_tell(struct transfer_run *run, const char *id, const char *status, int64_t current, int64_t total,
                  struct error *err)
{
        int r;

        pthread_mutex_lock(&run->lock);
        if (run->error.kind != ERROR_NONE)
                r = error_set(err, ERROR_CANCELLED, "cancelled");
        else
                r = send_message(run->t, id, status, current, total, err);
        pthread_mutex_unlock(&run->lock);
        return r;
}

int transfer_say(const struct transfer *t, const char *id, struct error *err, const char *format, ...)
{
        cleanup_strbuf struct strbuf text = {};
        va_list args;

        va_start(args, format);
        strbuf_vaddf(&text, format, args);
        va_end(args);
        return send_message(t, id, text.data, -1, -1, err);
}

static void *run_thread(void *arg)
{
        struct transfer_run *run = arg;

        for (;;) {
                cleanup_error struct error local = {};
                size_t index;
                bool stop;

                pthread_mutex_lock(&run->lock);
                stop = run->error.kind != ERROR_NONE || run->next >= run->count;
                index = run->next;
                run->next += !stop;
                pthread_mutex_unlock(&run->lock);
                if (stop)
                        return NULL;
                if (run->work(run, index, &local) == 0)
                        continue;
                pthread_mutex_lock(&run->lock);
                if (run->error.kind == ERROR_NONE)
                        error_move(&run->error, &local);
                pthread_mutex_unlock(&run->lock);
        }
}

int transfer_run_all(const struct transfer *t, size_t count, int (*work)(struct transfer_run *, size_t, struct error *),
                     void *context, struct error *err)
{
        struct transfer_run run = { .t = t, .count = count, .work = work, .context = context };
        size_t want = MIN(count, (size_t)MIN(t->parallel > 0 ? t->parallel : DEFAULT_PARALLEL, MAX_PARALLEL));
        pthread_t threads[MAX_PARALLEL];
        size_t started = 0;

        pthread_mutex_init(&run.lock, NULL);
        /* The caller's thread works too. */
        while (started + 1 < want && pthread_create(&threads[started], NULL, run_thread, &run) == 0)
                started++;
        run_thread(&run);
        for (size_t i = 0; i < started; i++)
                pthread_join(threads[i], NULL);
        pthread_mutex_destroy(&run.lock);
        return run.error.kind == ERROR_NONE ? 0 : error_move(err, &run.error);
}

int transfer_prepare(struct store *store, struct error *err)
{
        return database_exec(store->db,
                             "CREATE TABLE IF NOT EXISTS layer_blobs (diff_id TEXT NOT NULL, domain TEXT NOT NULL, path TEXT NOT NULL, "
                             "digest TEXT NOT NULL, size INTEGER NOT NULL, media_type TEXT NOT NULL, "
                             "PRIMARY KEY (diff_id, domain, path)) WITHOUT ROWID",
                             err);
}

int layer_blob_remember(struct store *store, const struct digest *diff_id, const struct layer_blob *blob,
                        struct error *err)
{
        char diff[DIGEST_TEXT_SIZE], digest[DIGEST_TEXT_SIZE];

        digest_format(diff_id, diff);
        digest_format(&blob->digest, digest);
        return database_run(store->db, err,
                            "INSERT OR REPLACE INTO layer_blobs (diff_id, domain, path, digest, size, media_type) VALUES (?, ?, ?, ?, ?, ?)",
                            "ssssis", diff, blob->domain, blob->path, digest, blob->size, blob->media_type) < 0 ? -1 : 0;
}

static int read_blob(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct layer_blob *blob = arg;

        if (digest_parse((const char *)sqlite3_column_text(stmt, 0), &blob->digest, err) < 0)
                return -1;
        blob->size = sqlite3_column_int64(stmt, 1);
        snprintf(blob->media_type, sizeof(blob->media_type), "%s", (const char *)sqlite3_column_text(stmt, 2));
        snprintf(blob->path, sizeof(blob->path), "%s", (const char *)sqlite3_column_text(stmt, 3));
        return 1;
}

int layer_blob_find(struct store *store, const struct digest *diff_id, const char *domain, const char *path,
                    struct layer_blob *ret, struct error *err)
{
        char diff[DIGEST_TEXT_SIZE];
        int rows;

        digest_format(diff_id, diff);
        snprintf(ret->domain, sizeof(ret->domain), "%s", domain);
        rows = database_query(store->db, read_blob, ret, err,
                              "SELECT digest, size, media_type, path FROM layer_blobs WHERE diff_id = ? AND domain = ? "
                              "ORDER BY path = ? DESC LIMIT 1",
                              "sss", diff, domain, path);
        return rows < 0 ? -1 : rows > 0;
}
