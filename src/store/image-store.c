/* Image records.
 *
 * Theory of operation. `images` has one row for each image, `image_names` one for each tag or digest
 * reference in its familiar spelling, `layer_pins` (owner "image:HEX") what it needs. A change is one
 * transaction, so that an image is there with its pins or not at all. */
#include "store/image-internal.h"

#include "base/time.h"

#include <stdio.h>

int image_store_init(struct store *store, struct error *err)
{
        return database_exec(
            store->db,
            "CREATE TABLE IF NOT EXISTS images(id TEXT PRIMARY KEY, config BLOB NOT NULL, parent TEXT,"
            " created INTEGER NOT NULL, size INTEGER NOT NULL, last_tagged INTEGER) WITHOUT ROWID;"
            "CREATE INDEX IF NOT EXISTS images_parent ON images(parent);"
            "CREATE TABLE IF NOT EXISTS image_names(name TEXT PRIMARY KEY, image TEXT NOT NULL"
            " REFERENCES images(id) ON DELETE CASCADE, is_digest INTEGER NOT NULL) WITHOUT ROWID;"
            "CREATE INDEX IF NOT EXISTS image_names_image ON image_names(image);",
            err);
}

void image_free(struct image *image)
{
        if (!image)
                return;
        free(image->config_text);
        image_config_deinit(&image->config);
        free(image->diff_ids);
        strv_free(image->tags);
        strv_free(image->digests);
        free(image);
}

void image_list_free(struct image **images, size_t count)
{
        for (size_t i = 0; i < count; i++)
                image_free(images[i]);
        free(images);
}

/* ---- Reading ---- */

static int read_diff_ids(struct image *image, struct error *err)
{
        size_t count = strv_length(image->config.diff_ids);

        image->diff_ids = xcalloc(count + 1, sizeof(*image->diff_ids));
        for (size_t i = 0; i < count; i++)
                if (digest_parse(image->config.diff_ids[i], &image->diff_ids[i], err) < 0)
                        return -1;
        image->n_diff_ids = count;
        digest_chain(image->diff_ids, count, &image->chain_id);
        return 0;
}

static int parse_config(struct image *image, const void *text, size_t len, struct error *err)
{
        image->config_text = xmalloc(len + 1);
        memcpy(image->config_text, text, len);
        image->config_text[len] = '\0';
        image->config_len = len;
        if (image_config_parse(image->config_text, len, &image->config, err) < 0)
                return -1;
        return read_diff_ids(image, err);
}

int image_read(const char *text, size_t len, struct image *image, struct error *err)
{
        if (parse_config(image, text, len, err) < 0)
                return -1;
        digest_of(text, len, &image->id);
        digest_format(&image->id, image->id_text);
        return 0;
}

struct image_rows {
        struct image **items;
        size_t count;
};

#define IMAGE_COLUMNS "id, config, parent, size, last_tagged"

static int read_image_row(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct image_rows *rows = arg;
        cleanup_image struct image *image = xcalloc(1, sizeof(*image));
        const char *parent = (const char *)sqlite3_column_text(stmt, 2);

        if (digest_parse((const char *)sqlite3_column_text(stmt, 0), &image->id, err) < 0)
                return -1;
        digest_format(&image->id, image->id_text);
        if (parse_config(image, sqlite3_column_blob(stmt, 1), (size_t)sqlite3_column_bytes(stmt, 1), err) < 0)
                return error_context(err, "image %s", image->id_text);
        if (parent && digest_parse(parent, &image->parent, err) < 0)
                return -1;
        image->size = sqlite3_column_int64(stmt, 3);
        image->last_tagged =
            sqlite3_column_type(stmt, 4) == SQLITE_NULL ? TIME_ZERO : sqlite3_column_int64(stmt, 4);
        image->tags = strv_new();
        image->digests = strv_new();
        ARRAY_APPEND(rows->items, rows->count, image);
        image = NULL;
        return 0;
}

static int compare_ids(const void *a, const void *b)
{
        return digest_compare(&(*(struct image *const *)a)->id, &(*(struct image *const *)b)->id);
}

/* Newest first; of the same age by id, so that the order is always the same. */
static int compare_age(const void *a, const void *b)
{
        const struct image *first = *(struct image *const *)a, *second = *(struct image *const *)b;

        if (first->config.created != second->config.created)
                return first->config.created > second->config.created ? -1 : 1;
        return compare_ids(a, b);
}

/* The images are sorted by id. */
static int read_name_row(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct image_rows *rows = arg;
        struct image key = {}, *key_pointer = &key, **found;

        if (digest_parse((const char *)sqlite3_column_text(stmt, 1), &key.id, err) < 0)
                return -1;
        found = bsearch(&key_pointer, rows->items, rows->count, sizeof(*rows->items), compare_ids);
        if (found)
                strv_append(sqlite3_column_int(stmt, 2) ? &(*found)->digests : &(*found)->tags,
                            (const char *)sqlite3_column_text(stmt, 0));
        return 0;
}

static int read_all(struct database *db, void *arg, struct error *err)
{
        struct image_rows *rows = arg;

        if (database_query(db, read_image_row, rows, err, "SELECT " IMAGE_COLUMNS " FROM images", "") < 0)
                return -1;
        if (rows->count)
                qsort(rows->items, rows->count, sizeof(*rows->items), compare_ids);
        return database_query(db, read_name_row, rows, err,
                              "SELECT name, image, is_digest FROM image_names ORDER BY name", "") < 0
                   ? -1
                   : 0;
}

int image_list(struct store *store, struct image ***ret, size_t *ret_count, struct error *err)
{
        struct image_rows rows = {};

        if (database_transaction(store->db, read_all, &rows, err) < 0) {
                image_list_free(rows.items, rows.count);
                return -1;
        }
        if (rows.count)
                qsort(rows.items, rows.count, sizeof(*rows.items), compare_age);
        *ret = rows.items;
        *ret_count = rows.count;
        return 0;
}

struct one_image {
        char id[DIGEST_TEXT_SIZE];
        struct image_rows rows;
};

static int read_one(struct database *db, void *arg, struct error *err)
{
        struct one_image *one = arg;

        if (database_query(db, read_image_row, &one->rows, err,
                           "SELECT " IMAGE_COLUMNS " FROM images WHERE id = ?", "s", one->id) < 0)
                return -1;
        return database_query(db, read_name_row, &one->rows, err,
                              "SELECT name, image, is_digest FROM image_names WHERE image = ? ORDER BY name",
                              "s", one->id) < 0
                   ? -1
                   : 0;
}

int image_get(struct store *store, const struct digest *id, struct image **ret, struct error *err)
{
        struct one_image one = {};

        digest_format(id, one.id);
        if (database_transaction(store->db, read_one, &one, err) < 0 || one.rows.count == 0) {
                image_list_free(one.rows.items, one.rows.count);
                return err && err->kind != ERROR_NONE
                           ? -1
                           : error_set(err, ERROR_NOT_FOUND, "No such image: %s", one.id);
        }
        *ret = one.rows.items[0];
        free(one.rows.items);
        return 0;
}

static int read_digest_row(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        return digest_parse((const char *)sqlite3_column_text(stmt, 0), arg, err);
}

int image_name_get(struct store *store, const char *name, struct digest *ret_id, struct error *err)
{
        return database_query(store->db, read_digest_row, ret_id, err,
                              "SELECT image FROM image_names WHERE name = ?", "s", name);
}

static bool is_hex(const char *s)
{
        return *s && strspn(s, "0123456789abcdef") == strlen(s);
}

int image_prefix_get(struct store *store, const char *text, struct digest *ret_id, struct error *err)
{
        const char *hex = string_after(text, "sha256:");
        char low[DIGEST_TEXT_SIZE + 1], high[DIGEST_TEXT_SIZE + 1];
        int count;

        hex = hex ? hex : text;
        if (!is_hex(hex) || strlen(hex) > 64)
                return 0;
        snprintf(low, sizeof(low), "sha256:%s", hex);
        snprintf(high, sizeof(high), "sha256:%sg", hex); /* behind every id that begins so */
        count = database_query(store->db, read_digest_row, ret_id, err,
                               "SELECT id FROM images WHERE id >= ? AND id < ? LIMIT 2", "ss", low, high);
        return count < 0 ? -1 : count == 1;
}

static int read_child_row(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct {
                struct digest *items;
                size_t count;
        } *children = arg;
        struct digest id;

        if (digest_parse((const char *)sqlite3_column_text(stmt, 0), &id, err) < 0)
                return -1;
        ARRAY_APPEND(children->items, children->count, id);
        return 0;
}

int image_children(struct store *store, const struct digest *id, struct digest **ret, size_t *ret_count,
                   struct error *err)
{
        struct {
                struct digest *items;
                size_t count;
        } children = {};
        char text[DIGEST_TEXT_SIZE];

        digest_format(id, text);
        if (database_query(store->db, read_child_row, &children, err,
                           "SELECT id FROM images WHERE parent = ? ORDER BY id", "s", text) < 0) {
                free(children.items);
                return -1;
        }
        *ret = children.items;
        *ret_count = children.count;
        return 0;
}

int image_lowers(struct store *store, const struct image *image, char ***ret, struct error *err)
{
        return layer_lowers(store, image->diff_ids, image->n_diff_ids, ret, err);
}

/* ---- Writing ---- */

struct name_change {
        char *name;
        const struct digest *id;
        bool is_digest;
        struct digest old;
};

static int set_name(struct database *db, void *arg, struct error *err)
{
        struct name_change *c = arg;
        char text[DIGEST_TEXT_SIZE];
        int there;

        digest_format(c->id, text);
        there = database_query(db, NULL, NULL, err, "SELECT 1 FROM images WHERE id = ?", "s", text);
        if (there <= 0)
                return there < 0 ? -1 : error_set(err, ERROR_NOT_FOUND, "No such image: %s", text);
        if (database_query(db, read_digest_row, &c->old, err, "SELECT image FROM image_names WHERE name = ?",
                           "s", c->name) < 0)
                return -1;
        if (database_run(db, err,
                         "INSERT INTO image_names(name, image, is_digest) VALUES(?, ?, ?)"
                         " ON CONFLICT(name) DO UPDATE SET image = excluded.image",
                         "ssi", c->name, text, (int64_t)c->is_digest) < 0)
                return -1;
        return database_run(db, err, "UPDATE images SET last_tagged = ? WHERE id = ?", "is", time_now(),
                            text) < 0
                   ? -1
                   : 0;
}

struct new_image {
        struct image *image;
        const char *parent;
        char owner[6 + DIGEST_HEX_SIZE];
        struct store *store;
        struct name_change *names;
        size_t n_names;
};

static int sum_sizes(struct new_image *n, struct error *err)
{
        n->image->size = 0;
        for (size_t i = 0; i < n->image->n_diff_ids; i++) {
                struct layer layer;

                if (layer_get(n->store, &n->image->diff_ids[i], &layer, err) < 0)
                        return -1;
                n->image->size += layer.size;
                layer_release(n->store, &layer.diff_id);
        }
        return 0;
}

static int insert_image(struct database *db, void *arg, struct error *err)
{
        struct new_image *n = arg;
        const struct image *image = n->image;
        int added;

        added = database_run(
            db, err, "INSERT OR IGNORE INTO images(id, config, parent, created, size) VALUES(?, ?, ?, ?, ?)",
            "sbsii", image->id_text, image->config_text, image->config_len, n->parent,
            image->config.created == TIME_ZERO ? 0 : image->config.created, image->size);
        if (added < 0)
                return -1;
        if (added == 0 && n->parent &&
            database_run(db, err, "UPDATE images SET parent = ? WHERE id = ? AND parent IS NULL", "ss",
                         n->parent, image->id_text) < 0)
                return -1;
        for (size_t i = 0; i < n->n_names; i++)
                if (set_name(db, &n->names[i], err) < 0)
                        return -1;
        return layer_pin(n->store, n->owner, image->diff_ids, image->n_diff_ids, true, err);
}

static int read_names(struct new_image *n, char *const *references, struct error *err)
{
        for (; references && *references; references++) {
                struct name_change c = { .id = &n->image->id };

                c.name = image_name_stored(*references, &c.is_digest, err);
                if (!c.name)
                        return -1;
                ARRAY_APPEND(n->names, n->n_names, c);
        }
        return 0;
}

static void new_image_deinit(struct new_image *n)
{
        for (size_t i = 0; i < n->n_names; i++)
                free(n->names[i].name);
        free(n->names);
}
#define cleanup_new_image __attribute__((cleanup(new_image_deinit)))

int image_create_named(struct store *store, const char *config_text, size_t config_len,
                       const struct digest *parent, char *const *references, struct digest *ret_replaced,
                       struct digest *ret_id, struct error *err)
{
        cleanup_image struct image *image = xcalloc(1, sizeof(*image));
        cleanup_new_image struct new_image n = { .image = image, .store = store };
        char parent_text[DIGEST_TEXT_SIZE], hex[DIGEST_HEX_SIZE];

        if (config_len > IMAGE_CONFIG_MAX)
                return error_set(err, ERROR_INVALID, "image config: more than %d bytes", IMAGE_CONFIG_MAX);
        if (image_read(config_text, config_len, image, err) < 0)
                return -1;
        digest_format_hex(&image->id, hex);
        snprintf(n.owner, sizeof(n.owner), "image:%s", hex);
        if (parent && !digest_is_zero(parent) && !digest_equal(parent, &image->id)) {
                digest_format(parent, parent_text);
                n.parent = parent_text;
        }
        if (read_names(&n, references, err) < 0 || sum_sizes(&n, err) < 0 ||
            database_transaction(store->db, insert_image, &n, err) < 0)
                return -1;
        for (size_t i = 0; ret_replaced && i < n.n_names; i++)
                ret_replaced[i] = n.names[i].old;
        *ret_id = image->id;
        return 0;
}

int image_create(struct store *store, const char *config_text, size_t config_len, const struct digest *parent,
                 struct digest *ret_id, struct error *err)
{
        return image_create_named(store, config_text, config_len, parent, NULL, NULL, ret_id, err);
}

int image_create_config(struct store *store, const struct image_config *config, const struct digest *parent,
                        const char *reference, struct digest *ret_id, struct error *err)
{
        cleanup_free char *text = image_config_format(config);
        char *references[] = { (char *)(uintptr_t)reference, NULL };

        return image_create_named(store, text, strlen(text), parent, references, NULL, ret_id, err);
}

static int delete_image(struct database *db, void *arg, struct error *err)
{
        const struct digest *id = arg;
        char text[DIGEST_TEXT_SIZE], owner[6 + DIGEST_HEX_SIZE], hex[DIGEST_HEX_SIZE];

        digest_format(id, text);
        digest_format_hex(id, hex);
        snprintf(owner, sizeof(owner), "image:%s", hex);
        if (database_run(db, err, "DELETE FROM images WHERE id = ?", "s", text) < 0)
                return -1;
        return database_run(db, err, "DELETE FROM layer_pins WHERE owner = ?", "s", owner) < 0 ? -1 : 0;
}

int image_remove(struct store *store, const struct digest *id, struct error *err)
{
        struct digest copy = *id;

        return database_transaction(store->db, delete_image, &copy, err);
}

int image_name_set(struct store *store, const char *name, bool is_digest, const struct digest *id,
                   struct digest *ret_old, struct error *err)
{
        struct name_change c = { .name = (char *)(uintptr_t)name, .id = id, .is_digest = is_digest };

        if (database_transaction(store->db, set_name, &c, err) < 0)
                return -1;
        if (ret_old)
                *ret_old = c.old;
        return 0;
}

int image_name_remove(struct store *store, const char *name, struct error *err)
{
        int n = database_run(store->db, err, "DELETE FROM image_names WHERE name = ?", "s", name);

        if (n < 0)
                return -1;
        return n ? 0 : error_set(err, ERROR_NOT_FOUND, "No such image: %s", name);
}
