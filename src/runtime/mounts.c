/* The mounts of a spec, attached one after the other below the root. */
#include "runtime/process-internal.h"
#include "runtime/runtime-internal.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/statfs.h>

/* runc's words, which Docker's users search for. */
static int mount_error(const struct oci_mount *m, int errnum, const char *what, struct error *err)
{
        const char *source = string_empty(m->source) ? m->type : m->source;

        return error_errnum(err, errnum, "error mounting \"%s\" to rootfs at \"%s\": %s", source, m->destination, what);
}

/* Where procfs and sysfs go must be a plain folder on the way down: later writes to /proc rely on what is there. */
static int kernel_target(int rootfd, const struct oci_mount *m, struct error *err)
{
        const char *path = m->destination + strspn(m->destination, "/");
        cleanup_close int fd = mount_target(rootfd, m->destination, false, err);
        cleanup_close int plain = -1;
        struct stat a, b;

        if (fd < 0)
                return -1;
        if (fstat(fd, &a) < 0)
                return error_errno(err, "%s", m->destination);
        if (strchr(path, '/') == NULL) {
                plain = openat(rootfd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
                if (plain < 0 || fstat(plain, &b) < 0 || !S_ISDIR(b.st_mode) || a.st_ino != b.st_ino || a.st_dev != b.st_dev)
                        return error_set(err, ERROR_INVALID, "filesystem \"%s\" must be mounted on ordinary directory",
                                         m->type);
        }
        return take_fd(fd);
}

static int propagate(int fd, const struct mount_options *o)
{
        for (size_t i = 0; i < o->n_propagation; i++)
                if (mount_change(fd, o->propagation[i] & MS_REC, 0, 0, o->propagation[i] & ~(unsigned long)MS_REC) < 0)
                        return -1;
        return 0;
}

static int attach(struct init *init, const struct oci_mount *m, const struct mount_options *o, int tree, bool file,
                  struct error *err)
{
        cleanup_close int target = mount_target(init->rootfd, m->destination, file, err);
        struct stat st;

        if (target < 0)
                return error_context(err, "error mounting \"%s\" to rootfs at \"%s\"",
                                     string_empty(m->source) ? m->type : m->source, m->destination);
        /* The kernel calls it an invalid argument. */
        errno = ENOTDIR;
        if ((fstat(target, &st) == 0 && file == S_ISDIR(st.st_mode)) || mount_attach(tree, target) < 0) {
                const char *hint = errno == ENOTDIR ? ": Are you trying to mount a directory onto a file (or vice-versa)? "
                                                      "Check if the specified host path exists and is the expected type"
                                                    : "";

                return error_set(err, ERROR_SYSTEM,
                                 "error mounting \"%s\" to rootfs at \"%s\": mount src=%s, dst=%s: %s%s", m->source,
                                 m->destination, m->source, m->destination, process_strerror(errno),
                                 hint);
        }
        if (propagate(tree, o) < 0)
                return mount_error(m, errno, "propagation", err);
        return 0;
}

static int id_maps_apply(struct init *init, const struct oci_mount *m, const struct mount_options *o, int tree,
                         struct error *err)
{
        cleanup_close int userns = -1;
        struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };

        if (!o->idmap && m->n_uid_mappings == 0 && m->n_gid_mappings == 0)
                return 0;
        userns = idmap_userns(init, m, err);
        if (userns < 0)
                return error_context(err, "mount %s: id mappings", m->destination);
        attr.userns_fd = (uint64_t)userns;
        if (mount_setattr(tree, "", AT_EMPTY_PATH | (o->recursive_idmap ? AT_RECURSIVE : 0), &attr, sizeof(attr)) < 0)
                return error_errno(err, "mount %s: id mappings", m->destination);
        return 0;
}

static int bind_mount(struct init *init, size_t i, const struct mount_options *o, struct error *err)
{
        const struct oci_mount *m = &init->spec->mounts[i];
        int tree = init->sources[i];
        struct stat st;

        if (o->filesystem)
                return error_set(err, ERROR_INVALID, "mount %s: unknown option \"%s\" for a bind mount", m->destination,
                                 o->filesystem[0]);
        if (fstat(tree, &st) < 0)
                return mount_error(m, errno, "stat", err);
        if (id_maps_apply(init, m, o, tree, err) < 0)
                return -1;
        if (mount_change(tree, true, o->recursive_set, o->recursive_clear, 0) < 0)
                return mount_error(m, errno, "recursive options", err);
        if (mount_change(tree, false, o->set, o->clear, 0) < 0)
                return mount_error(m, errno, "options", err);
        return attach(init, m, o, tree, !S_ISDIR(st.st_mode), err);
}

static int copy_up_into(struct init *init, const struct oci_mount *m, int tree, struct error *err)
{
        cleanup_error struct error ignored = {};
        cleanup_close int from = open_in_root(init->rootfd, m->destination, O_RDONLY | O_DIRECTORY, 0, &ignored);

        return from < 0 ? 0 : tree_copy(from, tree, err);
}

static int new_mount(struct init *init, const struct oci_mount *m, const struct mount_options *o, struct error *err)
{
        bool kernel = streq(m->type, "proc") || streq(m->type, "sysfs");
        bool tmpfs = streq(m->type, "tmpfs");
        /* A tmpfs gets content first (mount points, copied files); rootfs_mounts() makes it read-only at the end. */
        uint64_t attributes = (o->set | o->recursive_set) & ~(uint64_t)(tmpfs ? MOUNT_ATTR_RDONLY : 0);
        cleanup_close int tree = -1, target = -1;

        if (kernel) {
                target = kernel_target(init->rootfd, m, err);
                if (target < 0)
                        return -1;
        }
        tree = filesystem_new(m->type, m->source, o->filesystem, o->superblock_readonly && !tmpfs, attributes, err);
        if (tree < 0)
                return error_context(err, "error mounting \"%s\" to rootfs at \"%s\"",
                                     string_empty(m->source) ? m->type : m->source, m->destination);
        if (id_maps_apply(init, m, o, tree, err) < 0)
                return -1;
        if (o->copy_up && copy_up_into(init, m, tree, err) < 0)
                return error_context(err, "tmpcopyup %s", m->destination);
        if (kernel)
                return mount_attach(tree, target) < 0 ? mount_error(m, errno, "attach", err) : 0;
        return attach(init, m, o, tree, false, err);
}

/* Read-only tmpfs are closed after everything below them has its place. */
static int tmpfs_close(struct init *init, const struct oci_mount *m, const struct mount_options *o, struct error *err)
{
        cleanup_close int fd = -1;

        if (!streq(m->type, "tmpfs") || o->bind || !((o->set | o->recursive_set) & MOUNT_ATTR_RDONLY))
                return 0;
        fd = open_in_root(init->rootfd, m->destination, O_PATH | O_DIRECTORY, 0, err);
        if (fd < 0)
                return -1;
        return mount_change(fd, false, MOUNT_ATTR_RDONLY, 0, 0) < 0 ? mount_error(m, errno, "read-only", err) : 0;
}

static int mount_one(struct init *init, size_t i, bool closing, struct error *err)
{
        const struct oci_mount *m = &init->spec->mounts[i];
        cleanup_mount_options struct mount_options options = {};

        if (string_empty(m->destination))
                return error_set(err, ERROR_INVALID, "mount %zu: no destination", i);
        if (mount_options_parse(m->options, &options, err) < 0)
                return -1;
        if (closing)
                return tmpfs_close(init, m, &options, err);
        if (init->sources[i] >= 0)
                return bind_mount(init, i, &options, err);
        if (string_empty(m->type))
                return error_set(err, ERROR_INVALID, "mount %s: no type", m->destination);
        if (streq(m->type, "cgroup") || streq(m->type, "cgroup2"))
                return cgroup_mount(init, m, &options, err);
        return new_mount(init, m, &options, err);
}

int rootfs_mounts(struct init *init, struct error *err)
{
        for (size_t i = 0; i < init->spec->n_mounts; i++)
                if (mount_one(init, i, false, err) < 0)
                        return -1;
        return 0;
}

int rootfs_mounts_close(struct init *init, struct error *err)
{
        for (size_t i = 0; i < init->spec->n_mounts; i++) {
                if (mount_one(init, i, true, err) < 0)
                        return -1;
                if (init->sources[i] >= 0)
                        close(init->sources[i]);
        }
        free(init->sources);
        init->sources = NULL;
        return 0;
}
