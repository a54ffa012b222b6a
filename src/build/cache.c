#include "build/build-internal.h"

#include "base/hash.h"
#include "base/time.h"

#include <inttypes.h>

static const char tables[] = "CREATE TABLE IF NOT EXISTS build_cache (key TEXT PRIMARY KEY, layer TEXT NOT "
                             "NULL, created INTEGER NOT NULL,"
                             " used INTEGER NOT NULL, uses INTEGER NOT NULL, what TEXT NOT NULL);"
                             "CREATE TABLE IF NOT EXISTS build_files (device INTEGER, inode INTEGER, size "
                             "INTEGER, mtime INTEGER, ctime INTEGER,"
                             " digest BLOB NOT NULL, PRIMARY KEY (device, inode)) WITHOUT ROWID";

/* Beyond so many remembered files the table starts anew. */
#define FILES_MAX 1000000
/* Smaller files are read sooner than looked up. */
#define REMEMBER_MIN 16384
#define USED_AGAIN (600 * NSEC_PER_SEC)

int build_cache_open(struct store *store, struct error *err)
{
        return database_exec(store->db, tables, err);
}

struct found_record {
        struct cache_record record;
        int64_t used;
};

static int read_record(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct found_record *r = arg;

        r->record.created = sqlite3_column_int64(stmt, 1);
        r->used = sqlite3_column_int64(stmt, 2);
        return digest_parse((const char *)sqlite3_column_text(stmt, 0), &r->record.layer, err);
}

static int forget(struct store *store, const char *key, struct error *err)
{
        cleanup_free char *owner = string_format("cache:%s", key);

        if (database_run(store->db, err, "DELETE FROM build_cache WHERE key = ?", "s", key) < 0)
                return -1;
        return layer_unpin(store, owner, true, err);
}

int build_cache_find(struct build *b, const struct digest *key, struct cache_record *ret, struct error *err)
{
        struct found_record r = {};
        struct layer layer;
        char hex[DIGEST_HEX_SIZE];
        int found;

        digest_format_hex(key, hex);
        found = database_query(b->store->db, read_record, &r, err,
                               "SELECT layer, created, used FROM build_cache WHERE key = ?", "s", hex);
        if (found <= 0)
                return found;
        if (layer_get(b->store, &r.record.layer, &layer, NULL) < 0)
                return forget(b->store, hex, err);
        build_hold(b, &r.record.layer);
        *ret = r.record;
        /* Said again only now and then: a write costs more than all the look-ups of a cached build. */
        if (time_now() - r.used > USED_AGAIN) {
                pthread_mutex_lock(&b->lock);
                strv_append(&b->used_keys, hex);
                pthread_mutex_unlock(&b->lock);
        }
        return 1;
}

static int update_used(struct database *db, void *arg, struct error *err)
{
        for (char **key = arg; *key; key++)
                if (database_run(db, err, "UPDATE build_cache SET used = ?, uses = uses + 1 WHERE key = ?",
                                 "is", time_now(), *key) < 0)
                        return -1;
        return 0;
}

int build_cache_used(struct build *b, struct error *err)
{
        return b->used_keys ? database_transaction(b->store->db, update_used, b->used_keys, err) : 0;
}

int build_cache_store(struct build *b, const struct digest *key, const struct cache_record *record,
                      const char *what, struct error *err)
{
        char hex[DIGEST_HEX_SIZE], layer[DIGEST_TEXT_SIZE];
        cleanup_free char *owner = NULL;

        digest_format_hex(key, hex);
        digest_format(&record->layer, layer);
        owner = string_format("cache:%s", hex);
        if (layer_pin(b->store, owner, &record->layer, 1, true, err) < 0)
                return -1;
        return database_run(b->store->db, err,
                            "INSERT OR REPLACE INTO build_cache (key, layer, created, used, uses, what) "
                            "VALUES (?, ?, ?, ?, 0, ?)",
                            "ssiis", hex, layer, record->created, time_now(), what) < 0
                   ? -1
                   : 0;
}

struct remembered {
        const struct stat *st;
        struct digest digest;
        bool same;
};

static int64_t nanoseconds(struct timespec t)
{
        return (int64_t)t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

static int read_remembered(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct remembered *r = arg;

        (void)err;
        r->same = sqlite3_column_int64(stmt, 0) == r->st->st_size &&
                  sqlite3_column_int64(stmt, 1) == nanoseconds(r->st->st_mtim) &&
                  sqlite3_column_int64(stmt, 2) == nanoseconds(r->st->st_ctim) &&
                  sqlite3_column_bytes(stmt, 3) == SHA256_SIZE;
        if (r->same)
                memcpy(r->digest.bytes, sqlite3_column_blob(stmt, 3), SHA256_SIZE);
        return 1;
}

static int read_digest(int fd, struct digest *ret, struct error *err)
{
        cleanup_hash struct hash *h = hash_new();
        cleanup_free char *buffer = xmalloc(1 << 17);
        off_t at = 0;
        ssize_t n;

        while ((n = pread(fd, buffer, 1 << 17, at)) > 0) {
                hash_add(h, buffer, (size_t)n);
                at += n;
        }
        if (n < 0)
                return error_errno(err, "read");
        hash_finish(h, ret->bytes);
        return 0;
}

int build_file_digest(struct build *b, int fd, const struct stat *st, struct digest *ret, struct error *err)
{
        struct remembered r = { .st = st };
        int64_t ctime_ns = nanoseconds(st->st_ctim);

        if (st->st_size < REMEMBER_MIN)
                return read_digest(fd, ret, err);
        if (database_query(
                b->store->db, read_remembered, &r, err,
                "SELECT size, mtime, ctime, digest FROM build_files WHERE device = ? AND inode = ?", "ii",
                (int64_t)st->st_dev, (int64_t)st->st_ino) < 0)
                return -1;
        if (r.same) {
                *ret = r.digest;
                return 0;
        }
        if (read_digest(fd, ret, err) < 0)
                return -1;
        /* Changed within the clock's last ticks: it could change again without its times telling. */
        if (time_now() - ctime_ns < 2 * NSEC_PER_SEC)
                return 0;
        return database_run(b->store->db, err,
                            "INSERT OR REPLACE INTO build_files (device, inode, size, mtime, ctime, digest)"
                            " VALUES (?, ?, ?, ?, ?, ?)",
                            "iiiiib", (int64_t)st->st_dev, (int64_t)st->st_ino, (int64_t)st->st_size,
                            nanoseconds(st->st_mtim), ctime_ns, ret->bytes, (size_t)SHA256_SIZE) < 0
                   ? -1
                   : 0;
}

struct listing {
        struct store *store;
        json_object *list;
        char **keys;
};

static int list_row(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct listing *l = arg;
        json_object *record = json_object_new_object();
        char time[TIME_RFC3339_MAX];

        (void)err;
        json_set_string(record, "ID", (const char *)sqlite3_column_text(stmt, 0));
        json_set_string(record, "Type", "regular");
        json_set_string(record, "Description", (const char *)sqlite3_column_text(stmt, 5));
        json_object_object_add(record, "InUse", json_object_new_boolean(false));
        json_object_object_add(record, "Shared", json_object_new_boolean(false));
        json_set_string(record, "Layer", (const char *)sqlite3_column_text(stmt, 1));
        time_format_rfc3339nano(sqlite3_column_int64(stmt, 2), time);
        json_set_string(record, "CreatedAt", time);
        time_format_rfc3339nano(sqlite3_column_int64(stmt, 3), time);
        json_set_string(record, "LastUsedAt", time);
        json_object_object_add(record, "UsageCount", json_object_new_int64(sqlite3_column_int64(stmt, 4)));
        json_object_array_add(l->list, record);
        strv_append(&l->keys, (const char *)sqlite3_column_text(stmt, 0));
        return 0;
}

static int list_until(struct store *store, int64_t until, struct listing *l, struct error *err)
{
        *l = (struct listing){ .store = store, .list = json_object_new_array() };
        if (database_query(store->db, list_row, l, err,
                           "SELECT key, layer, created, used, uses, what FROM build_cache WHERE used <= ? "
                           "ORDER BY created",
                           "i", until) < 0)
                return -1;
        /* Sizes only now: the query held the database. */
        for (size_t i = 0; i < json_object_array_length(l->list); i++) {
                json_object *record = json_object_array_get_idx(l->list, i);
                struct digest diff_id;
                struct layer layer = {};

                if (digest_parse(json_get_string(record, "Layer"), &diff_id, NULL) == 0 &&
                    layer_get(store, &diff_id, &layer, NULL) == 0)
                        layer_release(store, &diff_id);
                json_object_object_add(record, "Size", json_object_new_int64(layer.size));
                json_object_object_del(record, "Layer");
        }
        return 0;
}

int build_cache_list(struct store *store, json_object **ret, struct error *err)
{
        struct listing l;
        int r = list_until(store, INT64_MAX, &l, err);

        strv_free(l.keys);
        if (r < 0)
                json_object_put(l.list);
        else
                *ret = l.list;
        return r;
}

int build_cache_prune(struct store *store, int64_t until, json_object **ret, int64_t *ret_bytes,
                      struct error *err)
{
        struct listing l;
        int r = list_until(store, until, &l, err);

        *ret_bytes = 0;
        for (char **key = l.keys; r == 0 && key && *key; key++)
                r = forget(store, *key, err);
        if (r == 0)
                r = store_collect(store, ret_bytes, err);
        strv_free(l.keys);
        if (r < 0)
                json_object_put(l.list);
        else
                *ret = l.list;
        return r;
}
