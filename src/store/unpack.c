/* Unpacks a tar beneath a directory.
 *
 * Theory of operation. Each entry's parent is opened as a descriptor: first as it is written (no symlinks:
 * the common case, remembered from one entry to the next), else resolved as inside a chroot. Everything is
 * then done by (parent descriptor, last component), never through a link at the last component. Files are
 * always made anew (O_EXCL), so that nothing is written through a hard link. Folders get their mtimes at the
 * end. */
#include "store/unpack-internal.h"

#include "base/fd.h"

#include <errno.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#define DATA_SIZE (256 << 10)

char *tar_clean_path(const char *path)
{
        cleanup_strbuf struct strbuf b = {};

        while (*path) {
                size_t len = strcspn(path, "/");

                if (len == 2 && path[0] == '.' && path[1] == '.') {
                        char *slash;

                        if (b.len == 0)
                                return NULL;
                        slash = strrchr(b.data, '/');
                        b.len = slash ? (size_t)(slash - b.data) : 0;
                        b.data[b.len] = '\0';
                } else if (len && !(len == 1 && path[0] == '.')) {
                        if (b.len)
                                strbuf_addc(&b, '/');
                        strbuf_add(&b, path, len);
                }
                path += len;
                path += *path == '/';
        }
        return strbuf_take(&b);
}

int unpack_errno(struct error *err, const char *what)
{
        int e = errno;
        char text[ERROR_TEXT_MAX];
        enum error_kind kind = ERROR_SYSTEM;

        if (e == ENOTDIR || e == EISDIR || e == ENAMETOOLONG || e == ELOOP || e == EEXIST || e == EXDEV ||
            e == EINVAL)
                kind = ERROR_INVALID;
        if (kind == ERROR_SYSTEM)
                return error_errnum(err, e, "%s", what);
        error_number_text(e, text);
        return error_set(err, kind, "%s: %s", what, text);
}

/* Where a descriptor lies below the root, for those that were reached through symlinks. */
static char *real_path(struct unpacker *u, int fd)
{
        char link[40], root[TAR_PATH_MAX], path[TAR_PATH_MAX];
        ssize_t n, m;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", u->rootfd);
        n = readlink(link, root, sizeof(root) - 1);
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        m = readlink(link, path, sizeof(path) - 1);
        if (n < 0 || m < n || memcmp(root, path, (size_t)n) != 0)
                return xstrdup("");
        path[m] = '\0';
        return tar_clean_path(path + n);
}

static int open_without_symlinks(int rootfd, const char *folder)
{
        struct open_how how = {
                .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        };

        return (int)syscall(SYS_openat2, rootfd, *folder ? folder : ".", &how, sizeof(how));
}

static int open_parent(struct unpacker *u, const char *folder, struct error *err)
{
        cleanup_error struct error first = {};
        int fd;

        fd = open_without_symlinks(u->rootfd, folder);
        if (fd >= 0) {
                replace_string(&u->parent_real, folder);
                return fd;
        }
        fd = open_in_root(u->rootfd, folder, O_PATH | O_DIRECTORY, 0, &first);
        if (fd < 0 && first.errnum == ENOENT) {
                error_clear(&first);
                fd = directory_make_in_root(u->rootfd, folder, 0755, &first);
        }
        if (fd < 0) {
                errno = first.errnum == ENOENT ? ENOTDIR : first.errnum; /* a symlink to nowhere */
                return unpack_errno(err, "open the folder");
        }
        free(u->parent_real);
        u->parent_real = real_path(u, fd);
        return fd;
}

/* Makes `u->parent` the folder that `path` (cleaned) lies in; the last component in *ret_name (points into
 * `path`). */
static int enter_parent(struct unpacker *u, char *path, const char **ret_name, struct error *err)
{
        char *slash = strrchr(path, '/');
        cleanup_free char *folder = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup("");

        *ret_name = slash ? slash + 1 : path;
        /* What entries change is below their parent, so that the descriptor stays right as long as the name
         * does. */
        if (u->parent >= 0 && streq(folder, u->parent_name))
                return 0;
        if (u->parent >= 0)
                close(u->parent);
        u->parent = open_parent(u, folder, err);
        if (u->parent < 0)
                return -1;
        replace_string(&u->parent_name, folder);
        return 0;
}

/* Makes room for the entry. 1: a folder is there and stays. */
static int make_room(struct unpacker *u, const struct tar_entry *e, const char *name, bool *ret_whiteout,
                     struct error *err)
{
        struct stat st;

        if (fstatat(u->parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : unpack_errno(err, "stat");
        if (S_ISDIR(st.st_mode) && e->type == TAR_DIRECTORY)
                return 1;
        if (u->options->flags & UNPACK_NO_OVERWRITE_DIR) {
                if (S_ISDIR(st.st_mode))
                        return error_set(err, ERROR_INVALID,
                                         "cannot overwrite directory \"/%s\" with non-directory \"/%s\"",
                                         e->path, u->base);
                if (e->type == TAR_DIRECTORY)
                        return error_set(err, ERROR_INVALID,
                                         "cannot overwrite non-directory \"/%s\" with directory \"/%s\"",
                                         e->path, u->base);
        }
        *ret_whiteout = S_ISCHR(st.st_mode) && st.st_rdev == 0 && (u->options->flags & UNPACK_WHITEOUTS);
        if (!*ret_whiteout && u->options->replacing && u->options->replacing(u->options->arg, err) < 0)
                return -1;
        if (tree_remove(u->parent, name, err) < 0)
                return -1;
        return 0;
}

static bool all_zero(const char *data, size_t len)
{
        return len == 0 || (data[0] == 0 && memcmp(data, data + 1, len - 1) == 0);
}

/* Writes at `offset` and leaves holes where whole blocks are zero. */
static int write_with_holes(int fd, const char *data, size_t len, int64_t offset, struct error *err)
{
        while (len) {
                size_t n = 0;

                while (n < len) { /* how much in one write: up to the next block of zeros */
                        size_t block = MIN((size_t)4096 - (size_t)((offset + (int64_t)n) & 4095), len - n);

                        if (block == 4096 && all_zero(data + n, block))
                                break;
                        n += block;
                }
                for (size_t done = 0; done < n;) {
                        ssize_t w = pwrite(fd, data + done, n - done, offset + (int64_t)done);

                        if (w < 0 && errno != EINTR)
                                return error_errno(err, "write");
                        done += w > 0 ? (size_t)w : 0;
                }
                if (n < len)
                        n += 4096;
                data += n;
                offset += (int64_t)n;
                len -= n;
        }
        return 0;
}

static int write_extent(struct unpacker *u, int fd, int64_t offset, int64_t len, struct error *err)
{
        while (len > 0) {
                ssize_t n = tar_reader_data(u->reader, u->buffer, (size_t)MIN(len, (int64_t)DATA_SIZE), err);

                if (n < 0)
                        return -1;
                if (n == 0)
                        return error_set(err, ERROR_INVALID, "unexpected EOF");
                if (write_with_holes(fd, u->buffer, (size_t)n, offset, err) < 0)
                        return -1;
                offset += n;
                len -= n;
        }
        return 0;
}

static int write_data(struct unpacker *u, int fd, const struct tar_entry *e, struct error *err)
{
        if (e->sparse) {
                for (size_t i = 0; i < e->n_extents; i++)
                        if (write_extent(u, fd, e->extents[i].offset, e->extents[i].len, err) < 0)
                                return -1;
        } else if (write_extent(u, fd, 0, e->size, err) < 0)
                return -1;
        if (ftruncate(fd, e->size) < 0)
                return unpack_errno(err, "set the size");
        return 0;
}

static int make_file(struct unpacker *u, const struct tar_entry *e, const char *name, struct error *err)
{
        cleanup_close int fd = -1;

        if (u->options->file) {
                cleanup_free char *path =
                    *u->parent_real ? string_format("%s/%s", u->parent_real, name) : xstrdup(name);

                if (u->options->file(u->options->arg, path, e, err) < 0)
                        return -1;
        }
        fd = openat(u->parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return unpack_errno(err, "create");
        if (e->size && write_data(u, fd, e, err) < 0)
                return -1;
        u->size += e->size;
        return unpack_attributes(u, fd, name, e, err);
}

static int make_folder(struct unpacker *u, const struct tar_entry *e, const char *name, bool there,
                       bool whiteout, const char *path, struct error *err)
{
        cleanup_close int fd = -1;
        struct unpacked_folder done;

        if (!there && mkdirat(u->parent, name, 0700) < 0)
                return unpack_errno(err, "mkdir");
        fd = openat(u->parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return unpack_errno(err, "open");
        if (whiteout && overlay_set_opaque(fd) < 0)
                return unpack_errno(err, "set opaque");
        done = (struct unpacked_folder){ xstrdup(path), e->mtime };
        ARRAY_APPEND(u->folders, u->n_folders, done);
        return unpack_attributes(u, fd, name, e, err);
}

/* A name of the archive as a path below the root, or NULL when it would climb out. */
static char *entry_path(const struct unpacker *u, const char *name)
{
        cleanup_free char *clean = tar_clean_path(name);

        if (!clean || !*u->base)
                return take_ptr(clean);
        return string_format("%s%s%s", u->base, *clean ? "/" : "", clean);
}

/* The target of a hard link is named as an entry is. */
static int bad_hardlink(const struct tar_entry *e, struct error *err)
{
        return error_set(err, ERROR_INVALID, "invalid hardlink \"%s\" -> \"%s\"", e->path, e->link);
}

static int make_hardlink(struct unpacker *u, const struct tar_entry *e, const char *name, struct error *err)
{
        cleanup_free char *target = entry_path(u, e->link), *target_name = NULL;
        cleanup_error struct error reason = {};
        cleanup_close int parent = -1;

        if (!target || !*target)
                return bad_hardlink(e, err);
        parent = open_parent_in_root(u->rootfd, target, &target_name, &reason);
        if (parent < 0)
                return reason.errnum == EMFILE || reason.errnum == ENFILE ? error_move(err, &reason)
                                                                          : bad_hardlink(e, err);
        if (linkat(parent, target_name, u->parent, name, 0) < 0)
                return errno == ENOENT || errno == EPERM ? bad_hardlink(e, err) : unpack_errno(err, "link");
        return 0;
}

/* Any target will do: links are followed as in a chroot, by us and by those who run in it. */
static int make_symlink(struct unpacker *u, const struct tar_entry *e, const char *name, struct error *err)
{
        if (symlinkat(e->link, u->parent, name) < 0)
                return errno == ENOENT ? error_set(err, ERROR_INVALID, "a symlink without target")
                                       : unpack_errno(err, "symlink");
        u->size += (int64_t)strlen(e->link);
        return unpack_attributes(u, -1, name, e, err);
}

static int make_node(struct unpacker *u, const struct tar_entry *e, const char *name, struct error *err)
{
        mode_t format = e->type == TAR_FIFO ? S_IFIFO : e->type == TAR_CHAR ? S_IFCHR : S_IFBLK;

        if (e->type != TAR_FIFO && (u->options->flags & UNPACK_REFUSE_DEVICES))
                return error_set(err, ERROR_INVALID, "device nodes are not allowed here");
        if (mknodat(u->parent, name, format | 0600, makedev(e->major, e->minor)) < 0)
                return unpack_errno(err, "mknod");
        return unpack_attributes(u, -1, name, e, err);
}

static int make_entry(struct unpacker *u, const struct tar_entry *e, char *path, struct error *err)
{
        bool whiteout = false;
        const char *name;
        int there;

        if (enter_parent(u, path, &name, err) < 0)
                return -1;
        if ((u->options->flags & UNPACK_WHITEOUTS) && string_after(name, OVERLAY_TAR_PREFIX))
                return unpack_whiteout(u, name, err);
        there = make_room(u, e, name, &whiteout, err);
        if (there < 0)
                return -1;
        switch (e->type) {
        case TAR_FILE:
                return make_file(u, e, name, err);
        case TAR_DIRECTORY:
                return make_folder(u, e, name, there, whiteout, path, err);
        case TAR_HARDLINK:
                return make_hardlink(u, e, name, err);
        case TAR_SYMLINK:
                return make_symlink(u, e, name, err);
        default:
                return make_node(u, e, name, err);
        }
}

/* The archive's "./": the folder that everything goes into. */
static int apply_to_base(struct unpacker *u, const struct tar_entry *e, struct error *err)
{
        cleanup_close int fd = -1;
        struct timespec times[2] = { e->mtime, e->mtime };

        if (!(u->options->flags & UNPACK_WHITEOUTS) || e->type != TAR_DIRECTORY)
                return 0;
        fd = open_in_root(u->rootfd, u->base, O_RDONLY | O_DIRECTORY, 0, err);
        if (fd < 0 || unpack_attributes(u, fd, ".", e, err) < 0)
                return -1;
        if (futimens(fd, times) < 0)
                return unpack_errno(err, "set the time");
        return 0;
}

static int unpack_entry(struct unpacker *u, const struct tar_entry *e, struct error *err)
{
        cleanup_free char *path = entry_path(u, e->path);

        if (!path)
                return error_set(err, ERROR_INVALID, "\"%s\" is outside of \"/%s\"", e->path, u->base);
        if (streq(path, u->base))
                return apply_to_base(u, e, err);
        if (make_entry(u, e, path, err) < 0)
                return error_context(err, "/%s", path);
        return 0;
}

/* Last, since making what is in them changed them. Those that something else replaced are no more. */
static int set_folder_times(struct unpacker *u, struct error *err)
{
        for (size_t i = 0; i < u->n_folders; i++) {
                struct timespec times[2] = { u->folders[i].mtime, u->folders[i].mtime };
                const char *name;

                if (enter_parent(u, u->folders[i].path, &name, err) < 0)
                        return -1;
                if (utimensat(u->parent, name, times, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
                        return unpack_errno(err, "set the time");
        }
        return 0;
}

static void unpacker_deinit(struct unpacker *u)
{
        for (size_t i = 0; i < u->n_folders; i++)
                free(u->folders[i].path);
        free(u->folders);
        free(u->parent_name);
        free(u->parent_real);
        free(u->buffer);
        if (u->parent >= 0)
                close(u->parent);
}
#define cleanup_unpacker __attribute__((cleanup(unpacker_deinit)))

int tar_unpack_reader(int rootfd, const char *path, struct tar_reader *reader,
                      const struct unpack_options *options, int64_t *ret_size, struct error *err)
{
        cleanup_unpacker struct unpacker u = {
                .rootfd = rootfd, .reader = reader, .options = options, .parent = -1
        };
        cleanup_free char *base = tar_clean_path(path);
        const struct tar_entry *e;
        int there;

        if (!base)
                return error_set(err, ERROR_INVALID, "%s: leads out", path);
        u.base = base;
        u.buffer = xmalloc(DATA_SIZE);
        while ((there = tar_reader_next(reader, &e, err)) > 0)
                if (unpack_entry(&u, e, err) < 0)
                        return -1;
        if (there < 0 || set_folder_times(&u, err) < 0)
                return -1;
        if (ret_size)
                *ret_size = u.size;
        return 0;
}

int tar_unpack(int rootfd, const char *path, struct stream *tar, const struct unpack_options *options,
               int64_t *ret_size, struct error *err)
{
        cleanup_tar_reader struct tar_reader *reader = tar_reader_new(tar, NULL);

        return tar_unpack_reader(rootfd, path, reader, options, ret_size, err);
}
