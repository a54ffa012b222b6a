#include "base/tree-copy.h"
#include "base/fd.h"
#include "base/str.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>

#define MAX_DEPTH 512

/* Files with several names that were copied already: where the first is in the new tree. */
struct link_seen {
        dev_t dev;
        ino_t ino;
        char *path;
};

struct copier {
        int top; /* the new tree */
        struct link_seen *links;
        size_t n_links;
};

static int copy_folder(struct copier *c, int from, int to, const char *path, int depth, struct error *err);

static int copy_data(int from, int to, struct error *err)
{
        for (;;) {
                ssize_t n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0);

                if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP))
                        n = sendfile(to, from, NULL, 1 << 30);
                if (n < 0)
                        return error_errno(err, "copy data");
                if (n == 0)
                        return 0;
        }
}

/* Extended attributes of open files; those of overlayfs itself aren't the image's. */
static int copy_xattrs(int from, int to, struct error *err)
{
        char names[65536], value[65536];
        ssize_t len = flistxattr(from, names, sizeof(names));

        for (ssize_t at = 0; len > 0 && at < len; at += (ssize_t)strlen(names + at) + 1) {
                const char *name = names + at;
                ssize_t n;

                if (string_after(name, "trusted.overlay.") || string_after(name, "user.overlay."))
                        continue;
                n = fgetxattr(from, name, value, sizeof(value));
                if (n >= 0 && fsetxattr(to, name, value, (size_t)n, 0) < 0 && errno != EOPNOTSUPP && errno != EPERM)
                        return error_errno(err, "copy attribute %s", name);
        }
        return 0;
}

/* Owner, then mode (which chown cuts), then attributes (capabilities, which chown drops), then times. */
static int copy_metadata(int from, int to, const struct stat *st, struct error *err)
{
        struct timespec times[2] = { st->st_atim, st->st_mtim };

        if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
                return error_errno(err, "set owner and mode");
        if (copy_xattrs(from, to, err) < 0)
                return -1;
        return futimens(to, times) < 0 ? error_errno(err, "set times") : 0;
}

static int copy_regular(int from_dir, int to_dir, const char *name, struct error *err)
{
        cleanup_close int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), to = -1;
        struct stat st;

        if (from < 0 || fstat(from, &st) < 0)
                return error_errno(err, "open %s", name);
        to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (to < 0)
                return error_errno(err, "create %s", name);
        if (copy_data(from, to, err) < 0 || copy_metadata(from, to, &st, err) < 0)
                return error_context(err, "%s", name);
        return 0;
}

static int copy_symlink(int from_dir, int to_dir, const char *name, const struct stat *st, struct error *err)
{
        struct timespec times[2] = { st->st_atim, st->st_mtim };
        char target[PATH_MAX];
        ssize_t n = readlinkat(from_dir, name, target, sizeof(target) - 1);

        if (n < 0)
                return error_errno(err, "read link %s", name);
        target[n] = '\0';
        if (symlinkat(target, to_dir, name) < 0 ||
            fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
                return error_errno(err, "make link %s", name);
        utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW);
        return 0;
}

static int copy_node(int to_dir, const char *name, const struct stat *st, struct error *err)
{
        struct timespec times[2] = { st->st_atim, st->st_mtim };

        if (mknodat(to_dir, name, st->st_mode, st->st_rdev) < 0 ||
            fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
            fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0)
                return error_errno(err, "make node %s", name);
        utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW);
        return 0;
}

static int copy_subfolder(struct copier *c, int from_dir, int to_dir, const char *name, const char *path, int depth,
                          struct error *err)
{
        cleanup_close int from = -1, to = -1;

        if (mkdirat(to_dir, name, 0700) < 0)
                return error_errno(err, "make folder %s", name);
        from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (from < 0 || to < 0)
                return error_errno(err, "open folder %s", name);
        return copy_folder(c, from, to, path, depth + 1, err);
}

/* 1 when the file was linked to its copy, 0 when it has to be copied (and is remembered). */
static int link_again(struct copier *c, int to_dir, const char *name, const struct stat *st, const char *path,
                      struct error *err)
{
        struct link_seen seen = { .dev = st->st_dev, .ino = st->st_ino };

        if (st->st_nlink < 2)
                return 0;
        for (size_t i = 0; i < c->n_links; i++)
                if (c->links[i].dev == st->st_dev && c->links[i].ino == st->st_ino)
                        return linkat(c->top, c->links[i].path, to_dir, name, 0) < 0
                                   ? error_errno(err, "link %s", name)
                                   : 1;
        seen.path = xstrdup(path);
        ARRAY_APPEND(c->links, c->n_links, seen);
        return 0;
}

static int copy_entry(struct copier *c, int from, int to, const char *name, const char *path, int depth,
                      struct error *err)
{
        struct stat st;
        int r;

        if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return error_errno(err, "look at %s", name);
        if (S_ISDIR(st.st_mode))
                return copy_subfolder(c, from, to, name, path, depth, err);
        r = link_again(c, to, name, &st, path, err);
        if (r != 0)
                return r < 0 ? -1 : 0;
        if (S_ISREG(st.st_mode))
                return copy_regular(from, to, name, err);
        if (S_ISLNK(st.st_mode))
                return copy_symlink(from, to, name, &st, err);
        return copy_node(to, name, &st, err);
}

static int copy_folder(struct copier *c, int from, int to, const char *path, int depth, struct error *err)
{
        cleanup_closedir DIR *dir = NULL;
        const struct dirent *entry;
        struct stat st;

        if (depth > MAX_DEPTH)
                return error_set(err, ERROR_INVALID, "folders are nested too deeply");
        if (directory_list(from, ".", &dir, err) < 0)
                return -1;
        while ((entry = readdir(dir))) {
                cleanup_free char *below = NULL;

                if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
                        continue;
                below = string_format("%s%s%s", path, *path ? "/" : "", entry->d_name);
                if (copy_entry(c, from, to, entry->d_name, below, depth, err) < 0)
                        return -1;
        }
        if (fstat(from, &st) < 0)
                return error_errno(err, "look at folder %s", path);
        return copy_metadata(from, to, &st, err);
}

int tree_copy(int from, int to, struct error *err)
{
        struct copier c = { .top = to };
        int r = copy_folder(&c, from, to, "", 0, err);

        for (size_t i = 0; i < c.n_links; i++)
                free(c.links[i].path);
        free(c.links);
        return r;
}
