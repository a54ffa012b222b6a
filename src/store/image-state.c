/* States of builds: what a stage was before a step that failed, under the name build:ID#STEP. A row and pins
 * (owner "state:NAME"), but no image: it is in no list and has no tag. */
#include "store/image-internal.h"

#include "base/time.h"

#define STATES_MAX 20
#define AGE_MAX (7 * 24 * 3600 * NSEC_PER_SEC)

int image_state_init(struct store *store, struct error *err)
{
        return database_exec(
            store->db,
            "CREATE TABLE IF NOT EXISTS image_states(name TEXT PRIMARY KEY, config BLOB NOT NULL,"
            " created INTEGER NOT NULL) WITHOUT ROWID;",
            err);
}

struct new_state {
        struct store *store;
        const char *name, *text;
        struct image *image;
};

static int insert_state(struct database *db, void *arg, struct error *err)
{
        struct new_state *n = arg;
        cleanup_free char *owner = string_format("state:%s", n->name);

        if (database_run(db, err,
                         "INSERT OR REPLACE INTO image_states(name, config, created) VALUES(?, ?, ?)", "sbi",
                         n->name, n->text, strlen(n->text), time_now()) < 0)
                return -1;
        return layer_pin(n->store, owner, n->image->diff_ids, n->image->n_diff_ids, true, err);
}

struct names {
        char **list;
};

static int read_name(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct names *names = arg;

        (void)err;
        strv_append(&names->list, (const char *)sqlite3_column_text(stmt, 0));
        return 0;
}

static int drop(struct database *db, void *arg, struct error *err)
{
        for (char **name = arg; name && *name; name++) {
                cleanup_free char *owner = string_format("state:%s", *name);

                if (database_run(db, err, "DELETE FROM image_states WHERE name = ?", "s", *name) < 0 ||
                    database_run(db, err, "DELETE FROM layer_pins WHERE owner = ?", "s", owner) < 0)
                        return -1;
        }
        return 0;
}

/* Those that are older than `until`, and all but the newest `most`. */
static int drop_old(struct store *store, int64_t until, int64_t most, struct error *err)
{
        struct names names = {};
        int r = database_query(store->db, read_name, &names, err,
                               "SELECT name FROM image_states WHERE created <= ? OR name NOT IN"
                               " (SELECT name FROM image_states ORDER BY created DESC LIMIT ?)",
                               "ii", until, most);

        if (r > 0)
                r = database_transaction(store->db, drop, names.list, err);
        strv_free(names.list);
        return r < 0 ? -1 : 0;
}

int image_state_keep(struct store *store, const char *name, const struct image_config *config,
                     struct error *err)
{
        cleanup_image struct image *image = xcalloc(1, sizeof(*image));
        cleanup_free char *text = image_config_format(config);
        struct new_state n = { store, name, text, image };

        if (image_read(text, strlen(text), image, err) < 0 ||
            database_transaction(store->db, insert_state, &n, err) < 0)
                return -1;
        return drop_old(store, time_now() - AGE_MAX, STATES_MAX, err);
}

int image_state_prune(struct store *store, int64_t until, struct error *err)
{
        return drop_old(store, until, STATES_MAX, err);
}

struct found_state {
        struct image *image;
};

static int read_state(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct found_state *f = arg;

        return image_read(sqlite3_column_blob(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0), f->image, err);
}

int image_state_get(struct store *store, const char *name, struct image **ret, struct error *err)
{
        cleanup_image struct image *image = xcalloc(1, sizeof(*image));
        struct found_state f = { image };
        int found = database_query(store->db, read_state, &f, err,
                                   "SELECT config FROM image_states WHERE name = ?", "s", name);

        if (found < 0)
                return -1;
        if (found == 0)
                return error_set(err, ERROR_NOT_FOUND, "No such state of a build: %s", name);
        *ret = take_ptr(image);
        return 0;
}
