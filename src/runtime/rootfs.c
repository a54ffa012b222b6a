/* The container's file system, built inside its own mount namespace:
 *
 *   rootfs_prepare()  takes the host's view out of propagation, opens all sources of bind mounts as detached trees, makes the
 *                     root (overlay, or a copy of a folder's mount) and attaches it over "/"
 *   rootfs_mounts()   attaches everything else below it
 *   rootfs_enter()    pivot_root: the host's view is gone
 *   rootfs_finish()   what must come last: masked and read-only paths, a read-only root
 *
 * Sources are opened before anything is attached, so that they are exactly what the host has there. */
#include "runtime/runtime-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/sysmacros.h>
#include <sys/statfs.h>

/* --- the overlay ------------------------------------------------------------------------------------------------- */

static int layer_open(const char *path, struct error *err)
{
        int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? error_errno(err, "layer %s", path) : fd;
}

/* By descriptor (Linux 6.13), else as a path that names the descriptor. */
static int overlay_layer(int fs, const char *key, int fd)
{
        char path[32];

        if (fsconfig(fs, FSCONFIG_SET_FD, key, NULL, fd) == 0)
                return 0;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return fsconfig(fs, FSCONFIG_SET_STRING, key, path, 0);
}

static int overlay_layers(int fs, const struct runtime_root *root, struct error *err)
{
        for (size_t i = 0; root->lowers[i]; i++) {
                cleanup_close int fd = layer_open(root->lowers[i], err);

                if (fd < 0)
                        return -1;
                if (overlay_layer(fs, "lowerdir+", fd) < 0)
                        return error_errno(err, "overlay: layer %s", root->lowers[i]);
        }
        for (int i = 0; root->upper && i < 2; i++) {
                cleanup_close int fd = layer_open(i ? root->work : root->upper, err);

                if (fd < 0)
                        return -1;
                if (overlay_layer(fs, i ? "workdir" : "upperdir", fd) < 0)
                        return error_errno(err, "overlay: %s", i ? root->work : root->upper);
        }
        return 0;
}

static int overlay_flags(int fs, const struct init *init, struct error *err)
{
        /* Layers must be the same on every host: no index, no redirects, no metadata-only copies in the upper folder. */
        static const char *const settings[][2] = { { "index", "off" }, { "redirect_dir", "off" }, { "metacopy", "off" } };

        for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
                if (fsconfig(fs, FSCONFIG_SET_STRING, settings[i][0], settings[i][1], 0) < 0)
                        return error_errno(err, "overlay: %s", settings[i][0]);
        if (init->userns && fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0)
                return error_errno(err, "overlay: userxattr");
        if (init->options->root.is_volatile && init->options->root.upper &&
            fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
                return error_errno(err, "overlay: volatile");
        return 0;
}

/* Before Linux 6.8 there is no lowerdir+: one option string, with descriptors as names so that 128 layers fit a page. */
static int overlay_legacy(struct init *init, struct error *err)
{
        const struct runtime_root *root = &init->options->root;
        cleanup_strbuf struct strbuf data = {};
        int fds[512];
        size_t n = 0;
        int r = 0;

        strbuf_adds(&data, "index=off,redirect_dir=off,metacopy=off,lowerdir=");
        for (size_t i = 0; r == 0 && root->lowers[i] && n < ARRAY_SIZE(fds) - 2; i++) {
                fds[n] = layer_open(root->lowers[i], err);
                if (fds[n] < 0)
                        r = -1;
                else
                        strbuf_addf(&data, "%s/proc/self/fd/%d", i ? ":" : "", fds[n++]);
        }
        for (int i = 0; r == 0 && root->upper && i < 2; i++) {
                fds[n] = layer_open(i ? root->work : root->upper, err);
                if (fds[n] < 0)
                        r = -1;
                else
                        strbuf_addf(&data, ",%s=/proc/self/fd/%d", i ? "workdir" : "upperdir", fds[n++]);
        }
        if (r == 0 && root->is_volatile && root->upper)
                strbuf_adds(&data, ",volatile");
        if (r == 0 && init->userns)
                strbuf_adds(&data, ",userxattr");
        if (r == 0 && mount("overlay", "/", "overlay", 0, data.data) < 0)
                r = error_errno(err, "mount overlay");
        for (size_t i = 0; i < n; i++)
                close(fds[i]);
        if (r < 0)
                return -1;
        /* Mounted over "/": a path from the root would stop below it, so it is reached as the parent of itself. */
        init->rootfd = open("/..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return init->rootfd < 0 ? error_errno(err, "open the overlay") : 0;
}

static int overlay_mount(struct init *init, struct error *err)
{
        cleanup_close int fs = fsopen("overlay", FSOPEN_CLOEXEC);
        cleanup_error struct error layers = {};

        if (fs < 0)
                return error_errno(err, "file system \"overlay\"");
        if (fsconfig(fs, FSCONFIG_SET_STRING, "source", "overlay", 0) < 0 || overlay_flags(fs, init, err) < 0)
                return -1;
        if (overlay_layers(fs, &init->options->root, &layers) < 0) {
                if (layers.errnum == EINVAL)
                        return overlay_legacy(init, err);
                return error_move(err, &layers);
        }
        if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
                char text[512];
                ssize_t n;
                int saved = errno;

                n = read(fs, text, sizeof(text) - 1);
                text[n > 0 ? n : 0] = '\0';
                text[strcspn(text, "\n")] = '\0';
                return error_errnum(err, saved, "mount overlay%s%s", *text ? ": " : "", *text ? text + 2 : "");
        }
        init->rootfd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
        return init->rootfd < 0 ? error_errno(err, "mount overlay") : 0;
}

/* --- preparing --------------------------------------------------------------------------------------------------- */

static int folder_mount(struct init *init, struct error *err)
{
        const char *path = init->spec->root ? init->spec->root->path : NULL;
        cleanup_close int fd = -1, bundle = -1;

        if (string_empty(path))
                return error_set(err, ERROR_INVALID, "Root path is required");
        bundle = open(init->options->bundle ? init->options->bundle : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (bundle < 0)
                return error_errno(err, "bundle %s", init->options->bundle);
        fd = openat(bundle, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return error_errno(err, "rootfs %s", path);
        init->rootfd = mount_clone(fd, true, err);
        if (init->rootfd < 0)
                return error_context(err, "rootfs %s", path);
        if (mount_change(init->rootfd, true, 0, 0, MS_PRIVATE) < 0)
                return error_errno(err, "rootfs %s", path);
        return 0;
}

/* "/proc/PID/root/PATH": a mount of another container. The kernel clones only what the caller's own mount namespace has,
 * so we go there for it. */
static int foreign_clone(const char *source, bool recursive, struct error *err)
{
        cleanup_close int ours = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), theirs = -1, fd = -1, tree = -1;
        const char *path = strstr(source, "/root/");
        cleanup_free char *namespace = path ? string_format("%.*s/ns/mnt", (int)(path - source), source) : NULL;

        theirs = namespace ? open(namespace, O_RDONLY | O_CLOEXEC) : -1;
        if (ours < 0 || theirs < 0)
                return error_errno(err, "mount namespace of %s", source);
        if (setns(theirs, CLONE_NEWNS) < 0)
                return error_errno(err, "mount namespace of %s", source);
        fd = open(path + strlen("/root"), O_PATH | O_CLOEXEC);
        tree = fd < 0 ? error_errno(err, "%s", source) : mount_clone(fd, recursive, err);
        if (setns(ours, CLONE_NEWNS) < 0)
                return error_clear(err), error_errno(err, "return to our mount namespace");
        return take_fd(tree);
}

/* The source of a bind mount: a path, or one that stays beneath a folder whatever becomes of that. */
static int source_path_open(struct init *init, const struct oci_mount *mount, struct error *err)
{
        cleanup_close int folder = -1;
        int fd;

        if (!string_empty(mount->source_root)) {
                folder = open(mount->source_root, O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (folder < 0)
                        return error_errno(err, "open %s", mount->source_root);
                return open_beneath(folder, mount->source, O_PATH, 0, err);
        }
        if (mount->source[0] != '/') {
                folder = open(init->options->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (folder < 0)
                        return error_errno(err, "bundle %s", init->options->bundle);
        }
        fd = openat(folder, mount->source, O_PATH | O_CLOEXEC);
        return fd < 0 ? error_errno(err, "error mounting \"%s\" to rootfs at \"%s\": mount src=%s", mount->source, mount->destination, mount->source) : fd;
}

static int source_open(struct init *init, size_t i, struct error *err)
{
        const struct oci_mount *mount = &init->spec->mounts[i];
        cleanup_mount_options struct mount_options options = {};
        cleanup_close int fd = -1;
        int given = init->options->mount_fds ? init->options->mount_fds[i] : -1;

        init->sources[i] = -1;
        if (mount_options_parse(mount->options, &options, err) < 0)
                return -1;
        if (!options.bind && !streq(mount->type, "bind"))
                return 0;
        if (given < 0) {
                if (string_empty(mount->source))
                        return error_set(err, ERROR_INVALID, "mount %s: bind needs a source", mount->destination);
                if (string_after(mount->source, "/proc/") && strstr(mount->source, "/root/")) {
                        init->sources[i] = foreign_clone(mount->source, options.recursive_bind, err);
                        return init->sources[i] < 0 ? -1 : 0;
                }
                fd = source_path_open(init, mount, err);
                if (fd < 0)
                        return -1;
        }
        init->sources[i] = mount_clone(given >= 0 ? given : fd, options.recursive_bind, err);
        if (init->sources[i] < 0)
                return error_context(err, "error mounting \"%s\" to rootfs at \"%s\"", mount->source, mount->destination);
        return 0;
}

int rootfs_prepare(struct init *init, struct error *err)
{
        const char *word = init->spec->linux_config ? init->spec->linux_config->rootfs_propagation : NULL;
        unsigned long propagation = string_empty(word) ? MS_SLAVE | MS_REC : propagation_parse(word);
        cleanup_close int slash = -1;

        if (!propagation)
                return error_set(err, ERROR_INVALID, "rootfsPropagation=%s is not supported", word);
        if (mount(NULL, "/", NULL, propagation | MS_REC, NULL) < 0)
                return error_errno(err, "change the propagation of /");
        init->sources = xcalloc(init->spec->n_mounts + 1, sizeof(int));
        for (size_t i = 0; i < init->spec->n_mounts; i++)
                if (source_open(init, i, err) < 0)
                        return -1;
        /* What is attached to "/" shall not be seen by a peer of it. */
        if (mount(NULL, "/", NULL, MS_PRIVATE, NULL) < 0)
                return error_errno(err, "make / private");
        if ((init->options->root.lowers ? overlay_mount : folder_mount)(init, err) < 0)
                return -1;
        slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (slash < 0)
                return error_errno(err, "open /");
        /* overlay_legacy() has attached it already. */
        if (mount_attach(init->rootfd, slash) < 0 && errno != EINVAL)
                return error_errno(err, "attach the root file system");
        return 0;
}

int rootfs_enter(struct init *init, struct error *err)
{
        if (fchdir(init->rootfd) < 0)
                return error_errno(err, "enter the root file system");
        if (init->options->no_pivot) {
                if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0)
                        return error_errno(err, "error jailing process inside rootfs");
                return chdir("/") < 0 ? error_errno(err, "chdir /") : 0;
        }
        /* The old root ends up on top of the new one and is taken off at once: no folder for it is needed. */
        if (syscall(SYS_pivot_root, ".", ".") < 0)
                return error_errno(err, "pivot_root");
        if (umount2(".", MNT_DETACH) < 0)
                return error_errno(err, "detach the old root");
        if (chdir("/") < 0)
                return error_errno(err, "chdir /");
        return 0;
}

/* --- masked and read-only paths ---------------------------------------------------------------------------------- */

static int mask_one(struct init *init, const char *path, int *empty, struct error *err)
{
        cleanup_error struct error ignored = {};
        cleanup_close int target = open_in_root(init->rootfd, path, O_PATH, 0, &ignored), cover = -1;
        struct stat st;

        if (target < 0)
                return errno == ENOENT || errno == ENOTDIR ? 0 : error_move(err, &ignored);
        if (fstat(target, &st) < 0)
                return error_errno(err, "mask %s", path);
        if (S_ISDIR(st.st_mode)) {
                static char *const limits[] = { (char *)"nr_blocks=1", (char *)"nr_inodes=1", NULL };

                if (*empty < 0)
                        *empty = filesystem_new("tmpfs", "tmpfs", limits, true, MOUNT_ATTR_RDONLY, err);
                if (*empty < 0)
                        return error_context(err, "mask %s", path);
                cover = mount_clone(*empty, false, err);
        } else {
                /* The host's is not reachable any more; the container's own was made by us. */
                cleanup_close int null = open("/dev/null", O_PATH | O_CLOEXEC);

                if (null < 0 || fstat(null, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
                        return error_set(err, ERROR_SYSTEM, "mask %s: /dev/null is not the null device", path);
                cover = mount_clone(null, false, err);
        }
        if (cover < 0)
                return error_context(err, "mask %s", path);
        return mount_attach(cover, target) < 0 ? error_errno(err, "mask %s", path) : 0;
}

static int readonly_one(struct init *init, const char *path, struct error *err)
{
        cleanup_error struct error ignored = {};
        cleanup_close int target = open_in_root(init->rootfd, path, O_PATH, 0, &ignored), tree = -1;

        if (target < 0)
                return errno == ENOENT || errno == ENOTDIR ? 0 : error_move(err, &ignored);
        tree = mount_clone(target, true, err);
        if (tree < 0)
                return error_context(err, "readonly path %s", path);
        if (mount_change(tree, true, MOUNT_ATTR_RDONLY, 0, 0) < 0 || mount_attach(tree, target) < 0)
                return error_errno(err, "readonly path %s", path);
        return 0;
}

int rootfs_finish(struct init *init, struct error *err)
{
        const struct oci_linux *lin = init->spec->linux_config;
        cleanup_close int empty = -1;

        for (size_t i = 0; lin && lin->readonly_paths && lin->readonly_paths[i]; i++)
                if (readonly_one(init, lin->readonly_paths[i], err) < 0)
                        return -1;
        for (size_t i = 0; lin && lin->masked_paths && lin->masked_paths[i]; i++)
                if (mask_one(init, lin->masked_paths[i], &empty, err) < 0)
                        return -1;
        if (init->spec->root && init->spec->root->readonly &&
            mount_change(init->rootfd, false, MOUNT_ATTR_RDONLY, 0, 0) < 0)
                return error_errno(err, "make the root file system read-only");
        if (lin && !string_empty(lin->rootfs_propagation)) {
                unsigned long propagation = propagation_parse(lin->rootfs_propagation);

                if (mount_change(init->rootfd, propagation & MS_REC, 0, 0, propagation & ~(unsigned long)MS_REC) < 0)
                        return error_errno(err, "rootfsPropagation=%s", lin->rootfs_propagation);
        }
        return 0;
}
