/* Packs a directory tree into a tar. */
#include "store/unpack.h"

#include "store/overlay.h"

#include "base/fd.h"
#include "base/time.h"

#include <errno.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define XATTR_LIST_MAX 65536
#define XATTR_VALUE_MAX 65536

/* The first name of each file with several, by device and inode: open addressing, grown at half full. */
struct link_table {
        struct known_link {
                dev_t dev;
                ino_t ino;
                char *path;
        } * slots;
        size_t count, room;
};

struct packer {
        struct tar_writer *out;
        const struct pack_options *options;
        struct link_table links;
};

static struct known_link *link_slot(struct link_table *t, dev_t dev, ino_t ino)
{
        size_t i = (size_t)((ino * 0x9e3779b97f4a7c15u + dev) >> 7) & (t->room - 1);

        while (t->slots[i].path && (t->slots[i].dev != dev || t->slots[i].ino != ino))
                i = (i + 1) & (t->room - 1);
        return &t->slots[i];
}

static void link_table_grow(struct link_table *t)
{
        struct link_table larger = { .room = t->room ? 2 * t->room : 256, .count = t->count };

        larger.slots = xcalloc(larger.room, sizeof(*larger.slots));
        for (size_t i = 0; i < t->room; i++)
                if (t->slots[i].path)
                        *link_slot(&larger, t->slots[i].dev, t->slots[i].ino) = t->slots[i];
        free(t->slots);
        *t = larger;
}

/* The path under which this file went into the tar before, or NULL: now it is `path`. */
static const char *link_known(struct link_table *t, const struct stat *st, const char *path)
{
        struct known_link *slot;

        if (2 * t->count >= t->room)
                link_table_grow(t);
        slot = link_slot(t, st->st_dev, st->st_ino);
        if (slot->path)
                return slot->path;
        *slot = (struct known_link){ st->st_dev, st->st_ino, xstrdup(path) };
        t->count++;
        return NULL;
}

static void packer_deinit(struct packer *p)
{
        for (size_t i = 0; i < p->links.room; i++)
                free(p->links.slots[i].path);
        free(p->links.slots);
}
#define cleanup_packer __attribute__((cleanup(packer_deinit)))

/* Attributes that belong to the file and not to the file system it happens to lie on. */
static bool xattr_wanted(const char *name)
{
        return (string_after(name, "user.") && !string_after(name, "user.overlay.")) ||
               streq(name, "security.capability") || string_after(name, "system.posix_acl_");
}

static int read_xattr(const char *path, const char *name, struct tar_entry *e, struct error *err)
{
        cleanup_free char *value = xmalloc(XATTR_VALUE_MAX);
        ssize_t n = lgetxattr(path, name, value, XATTR_VALUE_MAX);
        struct tar_xattr x;

        if (n < 0)
                return errno == ENODATA ? 0 : error_errno(err, "read attribute %s", name);
        x = (struct tar_xattr){ .name = xstrdup(name), .value = xmemdup(value, (size_t)n), .len = (size_t)n };
        ARRAY_APPEND(e->xattrs, e->n_xattrs, x);
        return 0;
}

static int read_xattrs(int dirfd, const char *name, struct tar_entry *e, struct error *err)
{
        cleanup_free char *path = string_format("/proc/self/fd/%d/%s", dirfd, name);
        char few[1024];
        cleanup_free char *many = NULL;
        char *list = few;
        ssize_t n = llistxattr(path, few, sizeof(few));

        if (n < 0 && errno == ERANGE) {
                list = many = xmalloc(XATTR_LIST_MAX);
                n = llistxattr(path, many, XATTR_LIST_MAX);
        }
        if (n < 0)
                return errno == ENOTSUP || errno == ENOENT ? 0 : error_errno(err, "list attributes");
        for (char *p = list; p < list + n; p += strlen(p) + 1)
                if (xattr_wanted(p) && read_xattr(path, p, e, err) < 0)
                        return -1;
        return 0;
}

static int read_link(int dirfd, const char *name, struct tar_entry *e, struct error *err)
{
        char target[TAR_PATH_MAX];
        ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

        if (n < 0)
                return error_errno(err, "readlink");
        e->link = xstrndup(target, (size_t)n);
        return 0;
}

static int entry_from_stat(const struct packer *p, const struct stat *st, const char *path,
                           struct tar_entry *e)
{
        static const struct {
                mode_t format;
                enum tar_type type;
        } types[] = {
                { S_IFREG, TAR_FILE }, { S_IFDIR, TAR_DIRECTORY },    { S_IFLNK, TAR_SYMLINK },
                { S_IFCHR, TAR_CHAR }, { S_IFBLK, TAR_BLOCK_DEVICE }, { S_IFIFO, TAR_FIFO },
        };
        int64_t limit = p->options->timestamp;

        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if ((st->st_mode & S_IFMT) == types[i].format)
                        e->type = types[i].type;
        if (!e->type)
                return 0; /* a socket */
        e->path = xstrdup(path);
        e->mode = st->st_mode & 07777;
        e->uid = st->st_uid;
        e->gid = st->st_gid;
        e->mtime = st->st_mtim;
        if (limit / NSEC_PER_SEC < e->mtime.tv_sec ||
            (limit / NSEC_PER_SEC == e->mtime.tv_sec && limit % NSEC_PER_SEC < e->mtime.tv_nsec))
                e->mtime = (struct timespec){ limit / NSEC_PER_SEC, limit % NSEC_PER_SEC };
        if (e->type == TAR_FILE)
                e->size = st->st_size;
        if (e->type == TAR_CHAR || e->type == TAR_BLOCK_DEVICE) {
                e->major = major(st->st_rdev);
                e->minor = minor(st->st_rdev);
        }
        return 1;
}

static int set_time(int dirfd, const char *name, const struct stat *st, const struct tar_entry *e,
                    struct error *err)
{
        struct timespec times[2] = { e->mtime, e->mtime };

        if (st->st_mtim.tv_sec == e->mtime.tv_sec && st->st_mtim.tv_nsec == e->mtime.tv_nsec)
                return 0;
        return utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? error_errno(err, "set the time") : 0;
}

static int pack_whiteout(struct packer *p, const char *path, const struct stat *st, struct error *err)
{
        const char *slash = strrchr(path, '/');
        size_t folder = slash ? (size_t)(slash + 1 - path) : 0;
        cleanup_free char *name = string_format("%.*s.wh.%s", (int)folder, path, path + folder);

        return tar_writer_file(p->out, name, 0600, st->st_mtime, NULL, 0, err);
}

static int pack_data(struct packer *p, int dirfd, const char *name, const struct tar_entry *e,
                     struct error *err)
{
        cleanup_close int fd = -1;

        if (p->options->file && p->options->file(p->options->arg, e->path, e->size, err) < 0)
                return -1;
        if (e->size == 0)
                return 0;
        fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return error_errno(err, "open");
        return tar_writer_fd(p->out, fd, e->size, err);
}

static int pack_folder(struct packer *p, int parent, const char *name, const char *path, struct error *err);

/* Everything but what is in a folder. 1: it is a folder. */
static int pack_one(struct packer *p, int dirfd, const char *name, const char *path, struct error *err)
{
        cleanup_tar_entry struct tar_entry e = {};
        const char *known;
        struct stat st;

        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : error_errno(err, "stat"); /* gone meanwhile */
        if ((p->options->flags & PACK_WHITEOUTS) && S_ISCHR(st.st_mode) && st.st_rdev == 0)
                return pack_whiteout(p, path, &st, err);
        if (!entry_from_stat(p, &st, path, &e))
                return 0;
        if (e.type != TAR_DIRECTORY && st.st_nlink > 1 && (known = link_known(&p->links, &st, path))) {
                e.type = TAR_HARDLINK;
                e.link = xstrdup(known);
                e.size = 0;
                return tar_writer_entry(p->out, &e, err);
        }
        if ((p->options->flags & PACK_SET_TIMES) && set_time(dirfd, name, &st, &e, err) < 0)
                return -1;
        if (e.type == TAR_SYMLINK && read_link(dirfd, name, &e, err) < 0)
                return -1;
        if (p->options->size)
                *p->options->size += e.link ? (int64_t)strlen(e.link) : e.size;
        if (read_xattrs(dirfd, name, &e, err) < 0 || tar_writer_entry(p->out, &e, err) < 0)
                return -1;
        if (e.type == TAR_FILE)
                return pack_data(p, dirfd, name, &e, err);
        return e.type == TAR_DIRECTORY;
}

static int left_out(struct packer *p, int dirfd, const char *name, const char *path, bool *ret, struct error *err)
{
        struct stat st;

        *ret = false;
        if (!p->options->skip || p->options->skip(p->options->arg, path, ret, err) < 0)
                return p->options->skip ? -1 : 0;
        if (*ret && p->options->skip_exceptions && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                *ret = !S_ISDIR(st.st_mode);
        return 0;
}

static int pack_entry(struct packer *p, int dirfd, const char *name, const char *path, struct error *err)
{
        bool skip;
        int folder;

        if (strlen(path) >= TAR_PATH_MAX)
                return error_set(err, ERROR_INVALID, "%.60s…: name too long", path);
        if (left_out(p, dirfd, name, path, &skip, err) < 0)
                return -1;
        if (skip)
                return 0;
        folder = pack_one(p, dirfd, name, path, err);
        if (folder < 0)
                return error_context(err, "%s", path);
        return folder ? pack_folder(p, dirfd, name, path, err) : 0;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_names(int fd, char ***ret, size_t *ret_count, struct error *err)
{
        cleanup_closedir DIR *dir = NULL;
        char **names = NULL;
        size_t count = 0;
        struct dirent *d;

        if (directory_list(fd, ".", &dir, err) < 0)
                return -1;
        while ((d = readdir(dir)))
                if (!streq(d->d_name, ".") && !streq(d->d_name, ".."))
                        ARRAY_APPEND(names, count, xstrdup(d->d_name));
        if (count)
                qsort(names, count, sizeof(*names), compare_names);
        *ret = names;
        *ret_count = count;
        return 0;
}

static int pack_children(struct packer *p, int fd, const char *path, struct error *err)
{
        char **names;
        size_t count;
        int result = 0;

        if (list_names(fd, &names, &count, err) < 0)
                return -1;
        for (size_t i = 0; i < count; i++) {
                cleanup_free char *child =
                    string_empty(path) ? xstrdup(names[i]) : string_format("%s/%s", path, names[i]);

                if (result == 0)
                        result = pack_entry(p, fd, names[i], child, err);
                free(names[i]);
        }
        free(names);
        return result;
}

static int pack_opaque(struct packer *p, int fd, const char *path, struct error *err)
{
        cleanup_free char *name = NULL;

        if (!(p->options->flags & PACK_WHITEOUTS) || !overlay_is_opaque(fd))
                return 0;
        name = string_format("%s/" OVERLAY_TAR_OPAQUE, path);
        return tar_writer_file(p->out, name, 0600, 0, NULL, 0, err);
}

static int pack_folder(struct packer *p, int parent, const char *name, const char *path, struct error *err)
{
        cleanup_close int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return errno == ENOENT ? 0 : error_errno(err, "%s: open", path);
        if (pack_opaque(p, fd, path, err) < 0)
                return -1;
        return pack_children(p, fd, path, err);
}

int tar_pack(int dirfd, struct tar_writer *out, const struct pack_options *options, struct error *err)
{
        cleanup_packer struct packer p = { .out = out, .options = options };
        const char *prefix = options->prefix ? options->prefix : "";

        if (options->flags & PACK_ROOT)
                if (pack_one(&p, dirfd, ".", *prefix ? prefix : ".", err) < 0)
                        return error_context(err, "/");
        return pack_children(&p, dirfd, prefix, err);
}

int tar_pack_path(int dirfd, const char *name, const char *as, struct tar_writer *out,
                  const struct pack_options *options, struct error *err)
{
        cleanup_packer struct packer p = { .out = out, .options = options };

        return pack_entry(&p, dirfd, name, as, err);
}
