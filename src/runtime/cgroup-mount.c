/* /sys/fs/cgroup inside a container. Version 2: cgroup2 itself when the container has a cgroup namespace, else a bind of its
 * own folder. Version 1 and hybrid: a tmpfs with one mount per hierarchy, bound from the container's folder (or a fresh
 * mount of the hierarchy when there is a cgroup namespace), and links for controllers that share one (cpu → cpu,cpuacct). */
#include "runtime/cgroup-internal.h"
#include "runtime/runtime-internal.h"

#include <errno.h>
#include <limits.h>

static int attach_at(int rootfd, const char *path, int tree, struct error *err)
{
        cleanup_close int target = mount_target(rootfd, path, false, err);

        if (target < 0)
                return -1;
        return mount_attach(tree, target) < 0 ? error_errno(err, "mount %s", path) : 0;
}

/* A clone of the cgroup's folder. Its descriptor was opened in the mount namespace that we left, whose mounts cannot be
 * cloned here: the same folder is found again by its path. */
static int folder_clone(int fd, struct error *err)
{
        cleanup_free char *link = string_format("/proc/self/fd/%d", fd);
        cleanup_close int here = -1;
        char path[PATH_MAX];
        ssize_t n = readlink(link, path, sizeof(path) - 1);

        if (n < 0)
                return error_errno(err, "readlink %s", link);
        path[n] = 0;
        here = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return here < 0 ? error_errno(err, "%s", path) : mount_clone(here, false, err);
}

static int unified_mount(struct init *init, const struct oci_mount *mount, const struct mount_options *o, struct error *err)
{
        bool own = init->plan->create & CLONE_NEWCGROUP || init->plan->join & CLONE_NEWCGROUP;
        cleanup_close int tree = -1;

        if (own || !init->cgroup) {
                tree = filesystem_new("cgroup2", "cgroup", o->filesystem, false, o->set, err);
        } else {
                tree = folder_clone(cgroup_v2_fd(init->cgroup), err);
                if (tree >= 0 && mount_change(tree, false, o->set, o->clear, 0) < 0)
                        return error_errno(err, "mount %s", mount->destination);
        }
        return tree < 0 ? -1 : attach_at(init->rootfd, mount->destination, tree, err);
}

static int hierarchy_tree(struct init *init, const struct cgroup_hierarchy *h, size_t i, uint64_t set, struct error *err)
{
        bool own = init->plan->create & CLONE_NEWCGROUP || init->plan->join & CLONE_NEWCGROUP;
        int tree;

        if (own || !init->cgroup) {
                cleanup_strv char **controllers = strv_split(h->controllers, ',');

                return filesystem_new("cgroup", "cgroup", controllers, false, set, err);
        }
        if (init->cgroup->fds[i] < 0)
                return error_set(err, ERROR_SYSTEM, "cgroup %s has no folder", h->name);
        tree = folder_clone(init->cgroup->fds[i], err);
        if (tree >= 0 && mount_change(tree, false, set, 0, 0) < 0) {
                close(tree);
                return error_errno(err, "mount cgroup %s", h->name);
        }
        return tree;
}

static int hierarchies_mount(struct init *init, int tmpfs, const struct mount_options *o, struct error *err)
{
        const struct cgroup_layout *layout = cgroup_layout();

        for (size_t i = 0; i < layout->n_hierarchies; i++) {
                const struct cgroup_hierarchy *h = &layout->hierarchies[i];
                cleanup_close int tree = -1, target = -1;
                cleanup_strv char **names = NULL;

                if (h->unified)
                        continue;
                if (mkdirat(tmpfs, h->name, 0755) < 0 && errno != EEXIST)
                        return error_errno(err, "mkdir cgroup/%s", h->name);
                target = openat(tmpfs, h->name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
                tree = hierarchy_tree(init, h, i, o->set, err);
                if (tree < 0)
                        return -1;
                if (mount_attach(tree, target) < 0)
                        return error_errno(err, "mount cgroup/%s", h->name);
                names = strv_split(h->controllers, ',');
                for (size_t j = 0; strv_length(names) > 1 && names[j]; j++)
                        if (symlinkat(h->name, tmpfs, names[j]) < 0 && errno != EEXIST)
                                return error_errno(err, "symlink cgroup/%s", names[j]);
        }
        return 0;
}

int cgroup_mount(struct init *init, const struct oci_mount *mount, const struct mount_options *o, struct error *err)
{
        static char *const options[] = { (char *)"mode=755", NULL };
        cleanup_close int tree = -1;

        if (cgroup_mode() == CGROUP_V2 || streq(mount->type, "cgroup2"))
                return unified_mount(init, mount, o, err);
        tree = filesystem_new("tmpfs", "tmpfs", options, false, o->set & ~(uint64_t)MOUNT_ATTR_RDONLY, err);
        if (tree < 0 || attach_at(init->rootfd, mount->destination, tree, err) < 0)
                return -1;
        return hierarchies_mount(init, tree, o, err);
}
