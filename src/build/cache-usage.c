/* What the build cache holds: records of steps with their layers, and the folders of cache mounts. For `du`
 * and `prune`; which of them are meant is the caller's to say. */
#include "build/build-internal.h"

#include "base/hash.h"
#include "base/time.h"

#include <dirent.h>
#include <errno.h>
#include <sys/file.h>

#define ID_LEN 25

/* 25 digits of base 36, as BuildKit's ids look. */
static char *short_id(const char *key)
{
        static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
        unsigned char number[SHA256_SIZE];
        char *id = xcalloc(ID_LEN + 1, 1);
        struct digest digest;

        digest_of(key, strlen(key), &digest);
        memcpy(number, digest.bytes, sizeof(number));
        for (size_t i = 0; i < ID_LEN; i++) {
                unsigned rest = 0;

                for (size_t n = 0; n < sizeof(number); n++) {
                        rest = rest << 8 | number[n];
                        number[n] = (unsigned char)(rest / 36);
                        rest %= 36;
                }
                id[i] = digits[rest];
        }
        return id;
}

void build_cache_items_free(struct build_cache_item *items, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                free(items[i].id);
                free(items[i].key);
                free(items[i].what);
        }
        free(items);
}

struct listing {
        struct build_cache_item *items;
        size_t count;
};

static int read_step(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct listing *l = arg;
        const char *key = (const char *)sqlite3_column_text(stmt, 0);
        struct build_cache_item item = {
                .id = short_id(key),
                .key = xstrdup(key),
                .created = sqlite3_column_int64(stmt, 1),
                .used = sqlite3_column_int64(stmt, 2),
                .uses = sqlite3_column_int64(stmt, 3),
                .what = xstrdup((const char *)sqlite3_column_text(stmt, 4)),
                .size = sqlite3_column_int64(stmt, 5),
                .shared = sqlite3_column_int64(stmt, 6) != 0,
        };

        (void)err;
        ARRAY_APPEND(l->items, l->count, item);
        return 0;
}

/* A layer that an image or a container keeps too is shared: dropping the record frees nothing. */
static int list_steps(struct store *store, struct listing *l, struct error *err)
{
        return database_query(store->db, read_step, l, err,
                              "SELECT c.key, c.created, c.used, c.uses, c.what, coalesce(l.size, 0), "
                              "EXISTS (SELECT 1 FROM layer_pins p WHERE p.diff_id = substr(c.layer, 8) AND "
                              "p.owner NOT LIKE 'cache:%') "
                              "FROM build_cache c LEFT JOIN layers l ON l.diff_id = substr(c.layer, 8) "
                              "ORDER BY c.used DESC, c.key",
                              "");
}

/* ---- Cache mounts ---- */

/* Bytes of all files below, and the newest of their times. */
static int64_t folder_size(int parent, const char *name)
{
        cleanup_closedir DIR *dir = NULL;
        struct dirent *d;
        int64_t size = 0;

        if (directory_list(parent, name, &dir, NULL) < 0)
                return 0;
        while ((d = readdir(dir))) {
                struct stat st;

                if (streq(d->d_name, ".") || streq(d->d_name, "..") ||
                    fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                size += S_ISDIR(st.st_mode)                          ? folder_size(dirfd(dir), d->d_name)
                        : S_ISREG(st.st_mode) || S_ISLNK(st.st_mode) ? (int64_t)st.st_size
                                                                     : 0;
        }
        return size;
}

static int read_mount(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct build_cache_item *item = arg;

        (void)err;
        replace_string(&item->what, (const char *)sqlite3_column_text(stmt, 0));
        item->created = sqlite3_column_int64(stmt, 1);
        item->used = sqlite3_column_int64(stmt, 2);
        item->uses = sqlite3_column_int64(stmt, 3);
        return 0;
}

static bool is_locked(int root, const char *name)
{
        cleanup_close int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static int add_mount(struct store *store, int root, const char *name, struct listing *l, struct error *err)
{
        struct build_cache_item item = { .mount = true };
        struct stat st;

        if (fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
                return 0;
        item.id = short_id(name);
        item.key = xstrdup(name);
        item.what = xstrdup("cached mount");
        item.created = item.used = (int64_t)st.st_ctim.tv_sec * NSEC_PER_SEC;
        item.size = folder_size(root, name);
        item.in_use = is_locked(root, name);
        ARRAY_APPEND(l->items, l->count, item);
        return database_query(store->db, read_mount, &l->items[l->count - 1], err,
                              "SELECT what, created, used, uses FROM build_mounts WHERE name = ?", "s", name);
}

static int mounts_root(struct store *store)
{
        return openat(store->root_fd, BUILD_MOUNTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int list_mounts(struct store *store, struct listing *l, struct error *err)
{
        cleanup_close int root = mounts_root(store);
        cleanup_closedir DIR *dir = NULL;
        struct dirent *d;

        if (root < 0)
                return 0; /* none was ever made */
        if (directory_list(root, ".", &dir, err) < 0)
                return -1;
        while ((d = readdir(dir)))
                if (*d->d_name != '.' && add_mount(store, root, d->d_name, l, err) < 0)
                        return -1;
        return 0;
}

int build_mount_used(struct build *b, const char *name, const char *what, struct error *err)
{
        return database_run(
                   b->store->db, err,
                   "INSERT INTO build_mounts (name, what, created, used, uses) VALUES (?, ?, ?, ?, 1) "
                   "ON CONFLICT (name) DO UPDATE SET what = excluded.what, used = excluded.used, "
                   "uses = uses + 1",
                   "ssii", name, what, time_now(), time_now()) < 0
                   ? -1
                   : 0;
}

/* ---- For all ---- */

int build_cache_items(struct store *store, struct build_cache_item **ret, size_t *ret_count,
                      struct error *err)
{
        struct listing l = {};

        if (list_steps(store, &l, err) < 0 || list_mounts(store, &l, err) < 0) {
                build_cache_items_free(l.items, l.count);
                return -1;
        }
        *ret = l.items;
        *ret_count = l.count;
        return 0;
}

static int drop_mount(struct store *store, const char *name, struct error *err)
{
        cleanup_close int root = mounts_root(store), fd = -1;

        if (root < 0)
                return 0;
        fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
                return 0; /* a build has taken it meanwhile */
        if (tree_remove(root, name, err) < 0)
                return -1;
        return database_run(store->db, err, "DELETE FROM build_mounts WHERE name = ?", "s", name) < 0 ? -1
                                                                                                      : 0;
}

int build_cache_drop(struct store *store, const struct build_cache_item *item, struct error *err)
{
        return item->mount ? drop_mount(store, item->key, err) : build_cache_forget(store, item->key, err);
}
