/* Records of volumes, their folders and who holds them. */
#include "engine/volume-internal.h"

#include "base/fd.h"
#include "base/time.h"
#include "engine/event.h"
#include "store/database.h"

#include <ctype.h>
#include <errno.h>
#include <sys/mount.h>
#include <sys/random.h>

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS volumes(name TEXT PRIMARY KEY, labels TEXT, options TEXT, created INTEGER "
    "NOT NULL);"
    "CREATE TABLE IF NOT EXISTS volume_holders(volume TEXT NOT NULL, container TEXT NOT NULL,"
    " anonymous INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(volume, container)) WITHOUT ROWID";

void volume_deinit(struct volume *v)
{
        free(v->name);
        free(v->driver);
        free(v->mountpoint);
        strmap_deinit(&v->labels);
        strmap_deinit(&v->options);
        *v = (struct volume){ 0 };
}

static void record_free(struct volume_record *r)
{
        volume_deinit(&r->v);
        strv_free(r->holders);
        strv_free(r->makers);
        strv_free(r->users);
        free(r);
}

static void volume_copy(const struct volume *from, struct volume *ret)
{
        *ret = (struct volume){ .name = xstrdup(from->name),
                                .driver = xstrdup(from->driver),
                                .mountpoint = xstrdup(from->mountpoint),
                                .created = from->created };
        strmap_copy(&ret->labels, &from->labels);
        strmap_copy(&ret->options, &from->options);
}

/* Where `name` is or would be. */
static size_t position(struct volumes *vols, const char *name, bool *ret_found)
{
        size_t low = 0, high = vols->count;

        *ret_found = false;
        while (low < high) {
                size_t middle = (low + high) / 2;
                int order = strcmp(vols->items[middle]->v.name, name);

                if (order == 0) {
                        *ret_found = true;
                        return middle;
                }
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

struct volume_record *volume_find(struct volumes *vols, const char *name)
{
        bool found;
        size_t i = position(vols, name, &found);

        return found ? vols->items[i] : NULL;
}

static void insert(struct volumes *vols, struct volume_record *r)
{
        bool found;
        size_t i = position(vols, r->v.name, &found);

        ARRAY_APPEND(vols->items, vols->count, r);
        memmove(vols->items + i + 1, vols->items + i, (vols->count - 1 - i) * sizeof(*vols->items));
        vols->items[i] = r;
}

void volume_event(struct volumes *vols, const char *name, const char *action)
{
        cleanup_strmap struct strmap attributes = { 0 };

        strmap_set(&attributes, "driver", "local");
        if (vols->events)
                event_log_publish(vols->events, "volume", action, name, &attributes);
}

/* ---- Opening ---- */

static char *map_text(const struct strmap *map)
{
        cleanup_json json_object *object = NULL;

        if (map->count == 0)
                return NULL;
        object = json_object_new_object();
        for (size_t i = 0; i < map->count; i++)
                json_set_string(object, map->pairs[i].key, map->pairs[i].value);
        return json_format(object);
}

static int text_map(const char *text, struct strmap *ret, struct error *err)
{
        cleanup_json json_object *object = NULL;

        if (!text)
                return 0;
        if (json_parse_text(text, strlen(text), &object, err) < 0)
                return -1;
        json_object_object_foreach(object, key, value) strmap_set(ret, key, json_object_get_string(value));
        ret->given = true;
        return 0;
}

static int load_row(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct volumes *vols = arg;
        struct volume_record *r = xcalloc(1, sizeof(*r));

        r->v.name = database_column_string(stmt, 0);
        r->v.driver = xstrdup("local");
        r->v.mountpoint = string_format("%s/%s/_data", vols->root, r->v.name);
        r->v.created = sqlite3_column_int64(stmt, 3);
        if (text_map((const char *)sqlite3_column_text(stmt, 1), &r->v.labels, err) < 0 ||
            text_map((const char *)sqlite3_column_text(stmt, 2), &r->v.options, err) < 0) {
                record_free(r);
                return -1;
        }
        insert(vols, r);
        return 0;
}

static int load_holder(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct volumes *vols = arg;
        struct volume_record *r = volume_find(vols, (const char *)sqlite3_column_text(stmt, 0));

        (void)err;
        if (r)
                strv_append(&r->holders, (const char *)sqlite3_column_text(stmt, 1));
        if (r && sqlite3_column_int(stmt, 2))
                strv_append(&r->makers, (const char *)sqlite3_column_text(stmt, 1));
        return 0;
}

/* What an engine that died left mounted for containers that have ended since is unmounted. */
static void recover_mounts(struct volumes *vols, char *const *live)
{
        for (size_t i = 0; i < vols->count; i++) {
                struct volume_record *r = vols->items[i];

                if (!volume_options_mount(&r->v.options))
                        continue;
                for (char **h = r->holders; h && *h; h++)
                        if (live && strv_contains(live, *h))
                                strv_append(&r->users, *h);
                if (strv_length(r->users) == 0)
                        umount2(r->v.mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW);
        }
}

int volumes_open(struct database *db, struct event_log *events, const char *data_root, char *const *live,
                 struct volumes **ret, struct error *err)
{
        struct volumes *vols = xcalloc(1, sizeof(*vols));

        pthread_mutex_init(&vols->lock, NULL);
        vols->db = db;
        vols->events = events;
        vols->root = string_format("%s/volumes", data_root);
        vols->rootfd = -1;
        if (directory_make(AT_FDCWD, vols->root, 0701, err) < 0 ||
            (vols->rootfd = directory_open(AT_FDCWD, vols->root, err)) < 0 ||
            database_exec(db, schema, err) < 0 ||
            database_query(db, load_row, vols, err, "SELECT name, labels, options, created FROM volumes",
                           "") < 0 ||
            database_query(db, load_holder, vols, err,
                           "SELECT volume, container, anonymous FROM volume_holders", "") < 0) {
                volumes_close(vols);
                return error_context(err, "open volumes");
        }
        recover_mounts(vols, live);
        *ret = vols;
        return 0;
}

void volumes_close(struct volumes *vols)
{
        if (!vols)
                return;
        for (size_t i = 0; i < vols->count; i++)
                record_free(vols->items[i]);
        free(vols->items);
        if (vols->rootfd >= 0)
                close(vols->rootfd);
        free(vols->root);
        pthread_mutex_destroy(&vols->lock);
        free(vols);
}

/* ---- Creating ---- */

static int check_name(const char *name, struct error *err)
{
        cleanup_strbuf struct strbuf quoted = { 0 };

        if (strlen(name) == 1)
                return error_set(
                    err, ERROR_INVALID,
                    "volume name is too short, names should be at least two alphanumeric characters");
        if (!isalnum((unsigned char)name[0]) || strspn(name, NAME_CHARS) != strlen(name)) {
                json_quote(&quoted, name, strlen(name));
                return error_set(err, ERROR_INVALID,
                                 "%s includes invalid characters for a local volume name, only "
                                 "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host "
                                 "directory, use absolute path",
                                 quoted.data);
        }
        if (strlen(name) > NAME_MAX)
                return error_set(err, ERROR_INVALID, "volume name is too long: at most %d characters",
                                 NAME_MAX);
        return 0;
}

static char *random_name(void)
{
        uint8_t bytes[32];
        cleanup_strbuf struct strbuf name = { 0 };

        if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
                abort();
        for (size_t i = 0; i < sizeof(bytes); i++)
                strbuf_addf(&name, "%02x", bytes[i]);
        return strbuf_take(&name);
}

static int make_folder(struct volumes *vols, const char *name, struct error *err)
{
        cleanup_close int fd = -1;

        if (mkdirat(vols->rootfd, name, 0701) < 0 && errno != EEXIST)
                return error_errno(err, "make folder %s/%s", vols->root, name);
        fd = directory_open(vols->rootfd, name, err);
        if (fd < 0)
                return -1;
        if (mkdirat(fd, "_data", 0755) < 0 && errno != EEXIST)
                return error_errno(err, "make folder %s/%s/_data", vols->root, name);
        return 0;
}

static int create_locked(struct volumes *vols, const char *name, const struct strmap *options,
                         const struct strmap *labels, struct volume_record **ret, struct error *err)
{
        struct volume_record *r;
        cleanup_free char *label_text = NULL, *option_text = options ? map_text(options) : NULL;

        if (check_name(name, err) < 0 || (options && volume_options_check(options, err) < 0) ||
            make_folder(vols, name, err) < 0)
                return -1;
        r = xcalloc(1, sizeof(*r));
        r->v = (struct volume){ .name = xstrdup(name),
                                .driver = xstrdup("local"),
                                .mountpoint = string_format("%s/%s/_data", vols->root, name),
                                .created = time_now() };
        if (options)
                strmap_copy(&r->v.options, options);
        if (labels)
                strmap_copy(&r->v.labels, labels);
        strmap_sort(&r->v.options);
        strmap_sort(&r->v.labels);
        label_text = map_text(&r->v.labels);
        if (database_run(vols->db, err,
                         "INSERT INTO volumes(name, labels, options, created) VALUES(?, ?, ?, ?)", "sssi",
                         name, label_text, option_text, r->v.created) < 0) {
                tree_remove(vols->rootfd, name, NULL);
                record_free(r);
                return -1;
        }
        insert(vols, r);
        volume_event(vols, name, "create");
        *ret = r;
        return 0;
}

int volume_create(struct volumes *vols, const char *name, const char *driver, const struct strmap *options,
                  const struct strmap *labels, struct volume *ret, struct error *err)
{
        cleanup_free char *made = NULL;
        cleanup_strmap struct strmap with_mark = { 0 };
        struct volume_record *r;
        int result = 0;

        if (string_empty(name)) {
                name = made = random_name();
                if (labels)
                        strmap_copy(&with_mark, labels);
                strmap_set(&with_mark, VOLUME_ANONYMOUS_LABEL, "");
                labels = &with_mark;
        }
        if (!string_empty(driver) && !streq(driver, "local"))
                return error_set(err, ERROR_NOT_FOUND,
                                 "create %s: error looking up volume plugin %s: plugin \"%s\" not found",
                                 name, driver, driver);
        pthread_mutex_lock(&vols->lock);
        r = volume_find(vols, name);
        if (!r)
                result = create_locked(vols, name, options, labels, &r, err);
        if (result == 0)
                volume_copy(&r->v, ret);
        pthread_mutex_unlock(&vols->lock);
        return result < 0 ? error_context(err, "create %s", name) : 0;
}

int volume_get(struct volumes *vols, const char *name, struct volume *ret, struct error *err)
{
        struct volume_record *r;

        pthread_mutex_lock(&vols->lock);
        r = volume_find(vols, name);
        if (r)
                volume_copy(&r->v, ret);
        pthread_mutex_unlock(&vols->lock);
        return r ? 0 : error_set(err, ERROR_NOT_FOUND, "get %s: no such volume", name);
}

/* ---- Removing ---- */

int volume_remove_record(struct volumes *vols, struct volume_record *record, struct error *err)
{
        cleanup_free char *name = xstrdup(record->v.name);
        bool found;
        size_t i;

        if (strv_length(record->holders) > 0) {
                cleanup_free char *ids = strv_join(record->holders, ", ");

                return error_set(err, ERROR_CONFLICT, "remove %s: volume is in use - [%s]", name, ids);
        }
        if (volume_options_mount(&record->v.options))
                umount2(record->v.mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW);
        /* The row goes first: a folder without a row is taken over by the next volume of the name, or by
         * nobody. */
        if (database_run(vols->db, err, "DELETE FROM volumes WHERE name = ?", "s", name) < 0)
                return error_context(err, "remove %s", name);
        i = position(vols, name, &found);
        memmove(vols->items + i, vols->items + i + 1, (--vols->count - i) * sizeof(*vols->items));
        record_free(record);
        if (tree_remove(vols->rootfd, name, err) < 0)
                return error_context(err, "remove %s", name);
        volume_event(vols, name, "destroy");
        return 0;
}

int volume_remove(struct volumes *vols, const char *name, bool force, struct error *err)
{
        struct volume_record *r;
        int result = 0;

        pthread_mutex_lock(&vols->lock);
        r = volume_find(vols, name);
        if (r)
                result = volume_remove_record(vols, r, err);
        else if (!force)
                result = error_set(err, ERROR_NOT_FOUND, "get %s: no such volume", name);
        pthread_mutex_unlock(&vols->lock);
        return result;
}

/* ---- Holding ---- */

int volume_reference(struct volumes *vols, const char *name, const char *container_id, bool anonymous,
                     struct error *err)
{
        struct volume_record *r;
        int result = 0;

        pthread_mutex_lock(&vols->lock);
        r = volume_find(vols, name);
        if (!r)
                result = error_set(err, ERROR_NOT_FOUND, "get %s: no such volume", name);
        else if (!r->holders || !strv_contains(r->holders, container_id)) {
                result = database_run(vols->db, err,
                                      "INSERT OR IGNORE INTO volume_holders(volume, container, anonymous)"
                                      " VALUES(?, ?, ?)",
                                      "ssi", name, container_id, (int64_t)anonymous);
                if (result >= 0)
                        strv_append(&r->holders, container_id);
                if (result >= 0 && anonymous)
                        strv_append(&r->makers, container_id);
        }
        pthread_mutex_unlock(&vols->lock);
        return result < 0 ? -1 : 0;
}

static bool drop_from(char **list, const char *s)
{
        for (size_t i = 0; list && list[i]; i++)
                if (streq(list[i], s)) {
                        free(list[i]);
                        memmove(list + i, list + i + 1, (strv_length(list + i + 1) + 1) * sizeof(*list));
                        return true;
                }
        return false;
}

void volume_release(struct volumes *vols, const char *container_id, bool remove_anonymous)
{
        pthread_mutex_lock(&vols->lock);
        database_run(vols->db, NULL, "DELETE FROM volume_holders WHERE container = ?", "s", container_id);
        for (size_t i = vols->count; i-- > 0;) {
                struct volume_record *r = vols->items[i];
                bool own = drop_from(r->makers, container_id);

                if (drop_from(r->holders, container_id) && own && remove_anonymous &&
                    strv_length(r->holders) == 0)
                        volume_remove_record(vols, r, NULL);
        }
        pthread_mutex_unlock(&vols->lock);
}

/* ---- Mounting ---- */

static int mount_locked(struct volume_record *r, const char *container_id, char **ret_path, char ***ret_flags,
                        struct error *err)
{
        const char *bind = volume_options_bind(&r->v.options);
        struct stat st;

        if (bind) {
                if (stat(bind, &st) < 0)
                        return error_set(err, ERROR_SYSTEM,
                                         "error while mounting volume '%s': failed to mount local "
                                         "volume: mount %s:%s, flags: 0x1000: no such file or directory",
                                         r->v.mountpoint, bind, r->v.mountpoint);
                *ret_path = xstrdup(bind);
                *ret_flags = volume_options_flags(&r->v.options);
                return 0;
        }
        if (volume_options_mount(&r->v.options)) {
                if (strv_length(r->users) == 0 &&
                    volume_options_apply(&r->v.options, r->v.mountpoint, err) < 0)
                        return -1;
                if (!r->users || !strv_contains(r->users, container_id))
                        strv_append(&r->users, container_id);
        }
        *ret_path = xstrdup(r->v.mountpoint);
        *ret_flags = NULL;
        return 0;
}

int volume_mount(struct volumes *vols, const char *name, const char *container_id, char **ret_path,
                 char ***ret_flags, struct error *err)
{
        struct volume_record *r;
        int result;

        pthread_mutex_lock(&vols->lock);
        r = volume_find(vols, name);
        result = r ? mount_locked(r, container_id, ret_path, ret_flags, err)
                   : error_set(err, ERROR_NOT_FOUND, "get %s: no such volume", name);
        pthread_mutex_unlock(&vols->lock);
        return result;
}

void volume_unmount(struct volumes *vols, const char *container_id)
{
        pthread_mutex_lock(&vols->lock);
        for (size_t i = 0; i < vols->count; i++) {
                struct volume_record *r = vols->items[i];

                if (drop_from(r->users, container_id) && strv_length(r->users) == 0)
                        umount2(r->v.mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW);
        }
        pthread_mutex_unlock(&vols->lock);
}
