#include "build/build-internal.h"

#include "base/hash.h"
#include "base/time.h"

#include <inttypes.h>

static const char tables[] = "CREATE TABLE IF NOT EXISTS build_cache (key TEXT PRIMARY KEY, layer TEXT NOT "
                             "NULL, created INTEGER NOT NULL,"
                             " used INTEGER NOT NULL, uses INTEGER NOT NULL, what TEXT NOT NULL);"
                             "CREATE TABLE IF NOT EXISTS build_mounts (name TEXT PRIMARY KEY, what TEXT NOT "
                             "NULL, created INTEGER NOT NULL, used INTEGER NOT NULL, uses INTEGER NOT NULL);"
                             "CREATE TABLE IF NOT EXISTS build_files (device INTEGER, inode INTEGER, size "
                             "INTEGER, mtime INTEGER, ctime INTEGER,"
                             " digest BLOB NOT NULL, PRIMARY KEY (device, inode)) WITHOUT ROWID;"
                             "CREATE TABLE IF NOT EXISTS build_parts (key TEXT PRIMARY KEY REFERENCES "
                             "build_cache(key) ON DELETE CASCADE,"
                             " origin TEXT NOT NULL, parts BLOB NOT NULL);"
                             "CREATE INDEX IF NOT EXISTS build_parts_origin ON build_parts(origin)";

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

int build_cache_forget(struct store *store, const char *key, struct error *err)
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
                return build_cache_forget(b->store, hex, err);
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

struct new_record {
        struct build *b;
        const struct stage_state *stage;
        const char *hex, *what;
        const struct cache_record *record;
};

static int insert_parts(struct database *db, const struct new_record *n, struct error *err)
{
        char origin[DIGEST_HEX_SIZE];
        cleanup_strbuf struct strbuf parts = {};

        step_origin(n->b, n->stage, origin);
        step_parts_format(&n->stage->parts, &parts);
        return database_run(db, err,
                            "INSERT OR REPLACE INTO build_parts (key, origin, parts) VALUES (?, ?, ?)", "ssb",
                            n->hex, origin, parts.data, parts.len) < 0
                   ? -1
                   : 0;
}

/* The record, what its key was made of, and the pin, or nothing. */
static int insert_record(struct database *db, void *arg, struct error *err)
{
        const struct new_record *n = arg;
        char layer[DIGEST_TEXT_SIZE];
        cleanup_free char *owner = string_format("cache:%s", n->hex);

        digest_format(&n->record->layer, layer);
        if (layer_pin(n->b->store, owner, &n->record->layer, 1, true, err) < 0 ||
            database_run(db, err,
                         "INSERT OR REPLACE INTO build_cache (key, layer, created, used, uses, what) "
                         "VALUES (?, ?, ?, ?, 0, ?)",
                         "ssiis", n->hex, layer, n->record->created, time_now(), n->what) < 0)
                return -1;
        return n->stage ? insert_parts(db, n, err) : 0;
}

int build_cache_store(struct build *b, const struct stage_state *s, const struct digest *key,
                      const struct cache_record *record, const char *what, struct error *err)
{
        char hex[DIGEST_HEX_SIZE];
        struct new_record n = { b, s, hex, what, record };

        digest_format_hex(key, hex);
        return database_transaction(b->store->db, insert_record, &n, err);
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
