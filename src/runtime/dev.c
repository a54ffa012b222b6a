/* /dev: nodes, links and the console. */
#include "runtime/runtime-internal.h"

#include <errno.h>
#include <sys/sysmacros.h>

static const struct {
        const char *path;
        unsigned major, minor;
} standard[] = {
        { "/dev/null", 1, 3 },   { "/dev/random", 1, 8 },  { "/dev/full", 1, 7 },
        { "/dev/tty", 5, 0 },    { "/dev/zero", 1, 5 },    { "/dev/urandom", 1, 9 },
};

static const struct {
        const char *name, *target;
} links[] = {
        { "fd", "/proc/self/fd" }, { "stdin", "/proc/self/fd/0" }, { "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
};

int devnull_open(struct error *err)
{
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        struct stat st;

        if (fd < 0)
                return error_errno(err, "open /dev/null");
        if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3)) {
                close(fd);
                return error_set(err, ERROR_SYSTEM, "/dev/null is not the null device");
        }
        return fd;
}

/* In a user namespace nodes cannot be made: the host's is bound. */
static int node_bind(struct init *init, int parent, const char *name, const char *host_path, struct error *err)
{
        int from = init->host_dev >= 0 && string_after(host_path, "/dev/")
                       ? openat(init->host_dev, string_after(host_path, "/dev/"), O_PATH | O_CLOEXEC)
                       : -1;
        cleanup_close int source = from, tree = -1, target = -1;

        if (source < 0)
                return error_errno(err, "open host %s", host_path);
        tree = mount_clone(source, false, err);
        if (tree < 0)
                return -1;
        target = openat(parent, name, O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (target < 0 && errno != EEXIST)
                return error_errno(err, "create %s", host_path);
        return mount_attach(tree, target) < 0 ? error_errno(err, "bind %s", host_path) : 0;
}

static int node_make(struct init *init, const char *path, mode_t mode, dev_t dev, uid_t uid, gid_t gid, struct error *err)
{
        cleanup_free char *name = NULL, *folder = NULL;
        cleanup_close int parent = -1;
        struct stat st;
        char *slash;

        folder = xstrdup(path);
        slash = strrchr(folder, '/');
        if (!slash || !slash[1])
                return error_set(err, ERROR_INVALID, "device path %s", path);
        name = xstrdup(slash + 1);
        *slash = '\0';
        parent = directory_make_in_root(init->rootfd, *folder ? folder : "/", 0755, err);
        if (parent < 0)
                return -1;
        if (init->userns)
                return node_bind(init, parent, name, path, err);
        if (mknodat(parent, name, mode, dev) < 0) {
                if (errno != EEXIST)
                        return error_errno(err, "mknod %s", path);
                if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        return error_errno(err, "%s", path);
                /* What the image or an earlier mount put there is replaced, unless it is the very node. */
                if ((st.st_mode & S_IFMT) != (mode & S_IFMT) || st.st_rdev != dev) {
                        if (unlinkat(parent, name, 0) < 0 || mknodat(parent, name, mode, dev) < 0)
                                return error_errno(err, "mknod %s", path);
                }
        }
        if ((uid || gid) && fchownat(parent, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
                return error_errno(err, "chown %s", path);
        return 0;
}

static int device_make(struct init *init, const struct oci_device *d, struct error *err)
{
        mode_t mode = (mode_t)(d->file_mode ? *d->file_mode & 07777 : 0666);
        dev_t dev = makedev((unsigned)d->major, (unsigned)d->minor);

        if (string_empty(d->path) || string_empty(d->type))
                return error_set(err, ERROR_INVALID, "device without path or type");
        switch (d->type[0]) {
        case 'c':
        case 'u':
                mode |= S_IFCHR;
                break;
        case 'b':
                mode |= S_IFBLK;
                break;
        case 'p':
                mode |= S_IFIFO;
                dev = 0;
                break;
        default:
                return error_set(err, ERROR_INVALID, "device %s: unknown type \"%s\"", d->path, d->type);
        }
        return node_make(init, d->path, mode, dev, (uid_t)(d->uid ? *d->uid : 0), (gid_t)(d->gid ? *d->gid : 0), err);
}

static int links_make(int dev, struct error *err)
{
        for (size_t i = 0; i < ARRAY_SIZE(links); i++)
                if (symlinkat(links[i].target, dev, links[i].name) < 0 && errno != EEXIST)
                        return error_errno(err, "symlink /dev/%s", links[i].name);
        if (access("/proc/kcore", F_OK) == 0 && symlinkat("/proc/kcore", dev, "core") < 0 && errno != EEXIST)
                return error_errno(err, "symlink /dev/core");
        if (unlinkat(dev, "ptmx", 0) < 0 && errno != ENOENT)
                return error_errno(err, "remove /dev/ptmx");
        return symlinkat("pts/ptmx", dev, "ptmx") < 0 ? error_errno(err, "symlink /dev/ptmx") : 0;
}

static int console_make(struct init *init, int dev, struct error *err)
{
        cleanup_error struct error ignored = {};
        cleanup_close int pts = open_in_root(init->rootfd, "/dev/pts", O_RDONLY | O_DIRECTORY, 0, &ignored);
        cleanup_close int master = -1, tree = -1, target = -1;

        if (pts < 0)
                return error_set(err, ERROR_INVALID, "a terminal needs a devpts at /dev/pts");
        master = console_open(pts, &init->console_slave, err);
        if (master < 0)
                return -1;
        target = openat(dev, "console", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (target < 0 && errno == EEXIST)
                target = openat(dev, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (target < 0)
                return error_errno(err, "create /dev/console");
        tree = mount_clone(init->console_slave, false, err);
        if (tree < 0 || mount_attach(tree, target) < 0)
                return error_errno(err, "mount /dev/console");
        if (sync_send(init->sync, SYNC_CONSOLE, 0, master) < 0)
                return error_errno(err, "send the console");
        return 0;
}

static bool dev_is_bound(const struct oci_spec *spec)
{
        for (size_t i = 0; i < spec->n_mounts; i++)
                if (streq(spec->mounts[i].destination, "/dev") && streq(spec->mounts[i].type, "bind"))
                        return true;
        return false;
}

int dev_setup(struct init *init, struct error *err)
{
        const struct oci_linux *lin = init->spec->linux_config;
        cleanup_close int dev = -1;
        mode_t old = umask(0);
        int r = 0;

        if (!dev_is_bound(init->spec)) {
                for (size_t i = 0; r == 0 && i < ARRAY_SIZE(standard); i++)
                        r = node_make(init, standard[i].path, S_IFCHR | 0666, makedev(standard[i].major, standard[i].minor), 0,
                                      0, err);
                for (size_t i = 0; r == 0 && lin && i < lin->n_devices; i++)
                        r = device_make(init, &lin->devices[i], err);
        }
        umask(old);
        if (r < 0)
                return -1;
        dev = directory_make_in_root(init->rootfd, "/dev", 0755, err);
        if (dev < 0)
                return -1;
        if (!dev_is_bound(init->spec) && links_make(dev, err) < 0)
                return -1;
        if (init->spec->process && init->spec->process->terminal)
                return console_make(init, dev, err);
        return 0;
}
