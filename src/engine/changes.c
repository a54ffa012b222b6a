/* GET /containers/ID/changes: what lies in the upper directory, told by what the layers below have at the
 * same place. */
#include "base/fd.h"
#include "engine/archive.h"
#include "engine/container-view.h"
#include "store/overlay.h"
#include "store/view.h"

#include <errno.h>

enum change_kind { CHANGE_MODIFY, CHANGE_ADD, CHANGE_DELETE };

struct change_entry {
        char *path;
        enum change_kind kind;
};

struct walk {
        int lower; /* the image, as one tree */
        struct change_entry *entries;
        size_t n_entries;
};

static void add(struct walk *w, const char *path, enum change_kind kind)
{
        struct change_entry e = { xstrdup(path), kind };

        ARRAY_APPEND(w->entries, w->n_entries, e);
}

/* A path below symlinks of the image would not be in the upper directory under that name: none is followed.
 */
static bool lower_stat(struct walk *w, const char *path, struct stat *ret)
{
        cleanup_close int fd = open_in_root(w->lower, path, O_PATH | O_NOFOLLOW, 0, NULL);

        return fd >= 0 && fstat(fd, ret) == 0;
}

static bool same_folder(const struct stat *a, const struct stat *b)
{
        return S_ISDIR(b->st_mode) && a->st_mode == b->st_mode && a->st_uid == b->st_uid &&
               a->st_gid == b->st_gid && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
               a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int walk_folder(struct walk *w, int fd, const char *path, struct error *err);

static int walk_entry(struct walk *w, int dirfd, const char *name, const char *path, struct error *err)
{
        cleanup_close int fd = -1;
        struct stat st, below;
        bool existed;

        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : error_errno(err, "%s", path);
        existed = lower_stat(w, path, &below);
        if (S_ISCHR(st.st_mode) && st.st_rdev == 0) {
                if (existed)
                        add(w, path, CHANGE_DELETE);
                return 0;
        }
        if (!existed || !S_ISDIR(st.st_mode) || !same_folder(&st, &below))
                add(w, path, existed ? CHANGE_MODIFY : CHANGE_ADD);
        if (!S_ISDIR(st.st_mode))
                return 0;
        fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : error_errno(err, "%s", path);
        return walk_folder(w, fd, path, err);
}

static int walk_folder(struct walk *w, int fd, const char *path, struct error *err)
{
        cleanup_closedir DIR *dir = NULL;
        struct dirent *d;

        if (directory_list(fd, ".", &dir, err) < 0)
                return -1;
        while ((d = readdir(dir))) {
                cleanup_free char *child = NULL;

                if (streq(d->d_name, ".") || streq(d->d_name, ".."))
                        continue;
                child = string_format("%s/%s", path, d->d_name);
                if (walk_entry(w, fd, d->d_name, child, err) < 0)
                        return -1;
        }
        return 0;
}

static int compare_paths(const void *a, const void *b)
{
        return strcmp(((const struct change_entry *)a)->path, ((const struct change_entry *)b)->path);
}

static json_object *changes_json(struct walk *w)
{
        json_object *list = w->n_entries ? json_object_new_array() : NULL;

        if (w->n_entries)
                qsort(w->entries, w->n_entries, sizeof(*w->entries), compare_paths);
        for (size_t i = 0; i < w->n_entries; i++) {
                json_object *o = json_object_new_object();

                json_set_string(o, "Path", w->entries[i].path);
                json_object_object_add(o, "Kind", json_object_new_int((int)w->entries[i].kind));
                json_object_array_add(list, o);
        }
        return list;
}

int engine_container_changes(struct engine *engine, const char *container, json_object **ret,
                             struct error *err)
{
        cleanup_container struct container *c = NULL;
        cleanup_strv char **lowers = NULL;
        cleanup_close int upper = -1, lower = -1;
        struct walk w = {};
        int r;

        if (container_find(engine, container, &c, err) < 0 || container_lowers(engine, c, &lowers, err) < 0)
                return -1;
        upper = directory_open(c->dirfd, "upper", err);
        if (upper < 0)
                return -1;
        w.lower = lower = layers_view(lowers, NULL, err);
        if (lower < 0)
                return -1;
        r = walk_folder(&w, upper, "", err);
        if (r == 0)
                *ret = changes_json(&w);
        for (size_t i = 0; i < w.n_entries; i++)
                free(w.entries[i].path);
        free(w.entries);
        return r;
}
