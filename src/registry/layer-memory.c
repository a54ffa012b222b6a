#include "registry/layer-memory.h"

#include <stdio.h>

int layer_memory_prepare(struct store *store, struct error *err)
{
        return database_exec(
            store->db,
            "CREATE TABLE IF NOT EXISTS layer_blobs (diff_id TEXT NOT NULL, domain TEXT NOT NULL, path TEXT "
            "NOT NULL, "
            "digest TEXT NOT NULL, size INTEGER NOT NULL, media_type TEXT NOT NULL, "
            "PRIMARY KEY (diff_id, domain, path)) WITHOUT ROWID;"
            "CREATE TABLE IF NOT EXISTS layer_foreign (diff_id TEXT PRIMARY KEY, descriptor TEXT NOT NULL) "
            "WITHOUT ROWID;"
            "DELETE FROM layer_blobs WHERE substr(diff_id, 8) NOT IN (SELECT diff_id FROM layers);"
            "DELETE FROM layer_foreign WHERE substr(diff_id, 8) NOT IN (SELECT diff_id FROM layers)",
            err);
}

int layer_blob_remember(struct store *store, const struct digest *diff_id, const struct layer_blob *blob,
                        struct error *err)
{
        char diff[DIGEST_TEXT_SIZE], digest[DIGEST_TEXT_SIZE];

        digest_format(diff_id, diff);
        digest_format(&blob->digest, digest);
        return database_run(store->db, err,
                            "INSERT OR REPLACE INTO layer_blobs (diff_id, domain, path, digest, size, "
                            "media_type) VALUES (?, ?, ?, ?, ?, ?)",
                            "ssssis", diff, blob->domain, blob->path, digest, blob->size,
                            blob->media_type) < 0
                   ? -1
                   : 0;
}

struct found_blobs {
        struct layer_blob *list;
        const char *domain;
        size_t count;
};

static int read_blob(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct found_blobs *found = arg;
        struct layer_blob *blob = &found->list[found->count];

        if (digest_parse((const char *)sqlite3_column_text(stmt, 0), &blob->digest, err) < 0)
                return -1;
        blob->size = sqlite3_column_int64(stmt, 1);
        snprintf(blob->media_type, sizeof(blob->media_type), "%s",
                 (const char *)sqlite3_column_text(stmt, 2));
        snprintf(blob->path, sizeof(blob->path), "%s", (const char *)sqlite3_column_text(stmt, 3));
        snprintf(blob->domain, sizeof(blob->domain), "%s", found->domain);
        return ++found->count == LAYER_BLOBS_MAX;
}

int layer_blobs_find(struct store *store, const struct digest *diff_id, const char *domain, const char *path,
                     struct layer_blob ret[LAYER_BLOBS_MAX], size_t *ret_count, struct error *err)
{
        struct found_blobs found = { ret, domain, 0 };
        char diff[DIGEST_TEXT_SIZE];

        digest_format(diff_id, diff);
        if (database_query(
                store->db, read_blob, &found, err,
                "SELECT digest, size, media_type, path FROM layer_blobs WHERE diff_id = ? AND domain = ? "
                "ORDER BY path = ? DESC",
                "sss", diff, domain, path) < 0)
                return -1;
        *ret_count = found.count;
        return 0;
}

int layer_foreign_remember(struct store *store, const struct digest *diff_id,
                           const struct descriptor *descriptor, struct error *err)
{
        cleanup_json json_object *tree = json_unbind(&descriptor_table, descriptor);
        cleanup_free char *text = json_format(tree);
        char diff[DIGEST_TEXT_SIZE];

        digest_format(diff_id, diff);
        return database_run(store->db, err,
                            "INSERT OR REPLACE INTO layer_foreign (diff_id, descriptor) VALUES (?, ?)", "ss",
                            diff, text) < 0
                   ? -1
                   : 0;
}

static int read_foreign(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        const char *text = (const char *)sqlite3_column_text(stmt, 0);

        return json_bind_text(&descriptor_table, text, strlen(text), arg, err) < 0 ? -1 : 1;
}

int layer_foreign_find(struct store *store, const struct digest *diff_id, struct descriptor *ret,
                       struct error *err)
{
        char diff[DIGEST_TEXT_SIZE];
        int rows;

        digest_format(diff_id, diff);
        rows = database_query(store->db, read_foreign, ret, err,
                              "SELECT descriptor FROM layer_foreign WHERE diff_id = ?", "s", diff);
        return rows < 0 ? -1 : rows > 0;
}
