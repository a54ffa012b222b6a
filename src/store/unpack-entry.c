#include "store/unpack-internal.h"

#include "base/fd.h"

#include <errno.h>
#include <sys/xattr.h>

/* chmod(2) follows links, so nodes go through a descriptor that does not. */
static int change_mode(struct unpacker *u, int fd, const char *name, const struct tar_entry *e)
{
        cleanup_close int path_fd = -1;
        char path[40];
        struct stat st;

        if (e->type == TAR_SYMLINK)
                return 0;
        if (fd >= 0)
                return fchmod(fd, e->mode);
        path_fd = openat(u->parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (path_fd < 0 || fstat(path_fd, &st) < 0)
                return -1;
        if (S_ISLNK(st.st_mode)) {
                errno = ELOOP;
                return -1;
        }
        snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
        return chmod(path, e->mode);
}

static int set_xattrs(struct unpacker *u, int fd, const char *name, const struct tar_entry *e,
                      struct error *err)
{
        cleanup_free char *path = NULL;

        if (!e->n_xattrs)
                return 0;
        path = string_format("/proc/self/fd/%d/%s", u->parent, name);
        for (size_t i = 0; i < e->n_xattrs; i++) {
                const struct tar_xattr *x = &e->xattrs[i];
                int r;

                /* These would speak to overlayfs: an archive must not. */
                if (string_after(x->name, "trusted.overlay.") || string_after(x->name, "user.overlay."))
                        continue;
                r = fd >= 0 ? fsetxattr(fd, x->name, x->value, x->len, 0)
                            : lsetxattr(path, x->name, x->value, x->len, 0);
                if (r < 0 && errno != ENOTSUP && !(errno == EPERM && string_after(x->name, "user.")))
                        return error_errno(err, "set attribute %s", x->name);
        }
        return 0;
}

int unpack_attributes(struct unpacker *u, int fd, const char *name, const struct tar_entry *e,
                      struct error *err)
{
        bool chown_all = u->options->flags & UNPACK_CHOWN;
        uint32_t uid = chown_all ? u->options->uid : e->uid, gid = chown_all ? u->options->gid : e->gid;
        struct timespec times[2] = { e->mtime, e->mtime };

        if (fd >= 0 ? fchown(fd, uid, gid) < 0 : fchownat(u->parent, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
                return unpack_errno(err, "chown");
        if (change_mode(u, fd, name, e) < 0)
                return unpack_errno(err, "chmod");
        if (set_xattrs(u, fd, name, e, err) < 0)
                return -1;
        if (e->type == TAR_DIRECTORY)
                return 0;
        if (fd >= 0 ? futimens(fd, times) < 0 : utimensat(u->parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
                return unpack_errno(err, "set the time");
        return 0;
}

static int make_opaque(int parent, const char *name, struct error *err)
{
        cleanup_close int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0 || overlay_set_opaque(fd) < 0)
                return unpack_errno(err, "set opaque");
        return 0;
}

int unpack_whiteout(struct unpacker *u, const char *name, struct error *err)
{
        const char *hidden = name + strlen(OVERLAY_TAR_PREFIX);
        struct stat st;

        if (streq(name, OVERLAY_TAR_OPAQUE))
                return make_opaque(u->parent, ".", err);
        if (string_after(name, OVERLAY_TAR_META)) /* aufs' own files */
                return 0;
        if (!*hidden || streq(hidden, ".") || streq(hidden, ".."))
                return error_set(err, ERROR_INVALID, "invalid whiteout \"%s\"", name);
        if (fstatat(u->parent, hidden, &st, AT_SYMLINK_NOFOLLOW) == 0) {
                /* It hides what lower layers have; what this layer has stays. */
                return S_ISDIR(st.st_mode) ? make_opaque(u->parent, hidden, err) : 0;
        }
        if (overlay_whiteout(u->parent, hidden) < 0)
                return unpack_errno(err, "make a whiteout");
        return 0;
}
