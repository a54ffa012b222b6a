/* What keeps layers, and what removes those that nothing keeps. */
#include "store/layer-internal.h"

#include "base/log.h"

#include <stdio.h>

struct pin_job {
        const char *owner;
        const struct digest *diff_ids;
        size_t count;
};

static int write_pins(struct database *db, void *arg, struct error *err)
{
        struct pin_job *job = arg;

        if (database_run(db, err, "DELETE FROM layer_pins WHERE owner = ?", "s", job->owner) < 0)
                return -1;
        for (size_t i = 0; i < job->count; i++) {
                char hex[DIGEST_HEX_SIZE];

                digest_format_hex(&job->diff_ids[i], hex);
                if (database_run(db, err, "INSERT INTO layer_pins(owner, position, diff_id) VALUES(?, ?, ?)",
                                 "sis", job->owner, (int64_t)i, hex) < 0)
                        return -1;
        }
        return 0;
}

int layer_pin(struct store *store, const char *owner, const struct digest *diff_ids, size_t count,
              bool durable, struct error *err)
{
        struct pin_job job = { owner, diff_ids, count };

        return durable ? database_transaction(store->db, write_pins, &job, err)
                       : database_transaction_relaxed(store->db, write_pins, &job, err);
}

int layer_unpin(struct store *store, const char *owner, bool durable, struct error *err)
{
        return layer_pin(store, owner, NULL, 0, durable, err);
}

static int read_sum(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        (void)err;
        *(int64_t *)arg = sqlite3_column_int64(stmt, 0);
        return 0;
}

int layer_total_size(struct store *store, int64_t *ret, struct error *err)
{
        return database_query(store->db, read_sum, ret, err, "SELECT coalesce(sum(size), 0) FROM layers",
                              "") < 0
                   ? -1
                   : 0;
}

struct doomed {
        struct store *store;
        char **hexes;
        int64_t size;
};

static bool is_held(struct store *store, const char *hex)
{
        struct digest diff_id;

        if (digest_parse_hex(hex, &diff_id, NULL) < 0)
                return false;
        for (size_t i = 0; i < store->layers->n_uses; i++)
                if (digest_equal(&store->layers->uses[i].diff_id, &diff_id))
                        return true;
        return false;
}

static int collect_row(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct doomed *d = arg;
        const char *hex = (const char *)sqlite3_column_text(stmt, 0);

        (void)err;
        if (is_held(d->store, hex))
                return 0;
        strv_append(&d->hexes, hex);
        d->size += sqlite3_column_int64(stmt, 1);
        return 0;
}

static int delete_rows(struct database *db, void *arg, struct error *err)
{
        struct doomed *d = arg;

        if (database_query(
                db, collect_row, d, err,
                "SELECT diff_id, size FROM layers WHERE diff_id NOT IN (SELECT diff_id FROM layer_pins)",
                "") < 0)
                return -1;
        for (size_t i = 0; i < strv_length(d->hexes); i++)
                if (database_run(db, err, "DELETE FROM layers WHERE diff_id = ?", "s", d->hexes[i]) < 0)
                        return -1;
        return 0;
}

int store_collect(struct store *store, int64_t *freed, struct error *err)
{
        struct doomed d = { .store = store };
        int r;

        /* Rows first, then the names: what a crash leaves between is removed at the next start. */
        pthread_mutex_lock(&store->layers->lock);
        r = database_transaction(store->db, delete_rows, &d, err);
        for (size_t i = 0; r == 0 && i < strv_length(d.hexes); i++) {
                cleanup_free char *tmp = string_format("gone-%s", d.hexes[i]);

                if (renameat(store->layers_fd, d.hexes[i], store->tmp_fd, tmp) < 0)
                        log_warn("layer %s: %s", d.hexes[i], "cannot be moved away");
        }
        pthread_mutex_unlock(&store->layers->lock);
        for (size_t i = 0; r == 0 && i < strv_length(d.hexes); i++) {
                cleanup_free char *tmp = string_format("gone-%s", d.hexes[i]);

                store_tmp_remove(store, tmp);
        }
        if (r == 0 && freed)
                *freed += d.size;
        strv_free(d.hexes);
        return r;
}

/* ---- Start ---- */

static int collect_known(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        (void)err;
        strv_append(arg, (const char *)sqlite3_column_text(stmt, 0));
        return 0;
}

static int compare_strings(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Folders that never got their row, or lost it. */
static int remove_unknown(struct store *store, struct error *err)
{
        cleanup_strv char **known = strv_new();
        cleanup_closedir DIR *dir = NULL;
        struct dirent *d;
        size_t count;

        if (database_query(store->db, collect_known, &known, err,
                           "SELECT diff_id FROM layers ORDER BY diff_id", "") < 0 ||
            directory_list(store->layers_fd, ".", &dir, err) < 0)
                return -1;
        count = strv_length(known);
        while ((d = readdir(dir))) {
                const char *name = d->d_name;

                if (name[0] == '.' || bsearch(&name, known, count, sizeof(*known), compare_strings))
                        continue;
                if (tree_remove(store->layers_fd, name, err) < 0)
                        return error_context(err, "layers");
        }
        return 0;
}

int layer_pin_owners(struct store *store, const char *prefix, char ***ret, struct error *err)
{
        cleanup_free char *pattern = string_format("%s*", prefix);
        cleanup_strv char **owners = strv_new();

        if (database_query(store->db, collect_known, &owners, err,
                           "SELECT DISTINCT owner FROM layer_pins WHERE owner GLOB ?", "s", pattern) < 0)
                return -1;
        *ret = take_ptr(owners);
        return 0;
}

int layer_store_init(struct store *store, struct error *err)
{
        if (database_exec(
                store->db,
                "CREATE TABLE IF NOT EXISTS layers(diff_id TEXT PRIMARY KEY, size INTEGER NOT NULL,"
                " tar_size INTEGER NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;"
                "CREATE TABLE IF NOT EXISTS layer_pins(owner TEXT NOT NULL, position INTEGER NOT NULL,"
                " diff_id TEXT NOT NULL, PRIMARY KEY(owner, position)) WITHOUT ROWID;"
                "CREATE INDEX IF NOT EXISTS layer_pins_diff_id ON layer_pins(diff_id);",
                err) < 0)
                return -1;
        return remove_unknown(store, err);
}
