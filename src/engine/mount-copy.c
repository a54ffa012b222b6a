/* Copy-up: what the image has at a volume's place goes into the empty volume. */
#include "engine/mount-internal.h"

#include "base/fd.h"
#include "base/tree-copy.h"

#include <errno.h>

static bool folder_is_empty(int fd)
{
        cleanup_closedir DIR *dir = NULL;
        const struct dirent *entry;

        if (directory_list(fd, ".", &dir, NULL) < 0)
                return false;
        while ((entry = readdir(dir)))
                if (!streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
                        return false;
        return true;
}

static bool wants_copy(const struct mount_point *p)
{
        return streq(p->type, "volume") && !p->no_copy && string_empty(p->subpath);
}

static int copy_up_one(struct volumes *vols, const char *container_id, const struct mount_point *p,
                       int rootfs, struct error *err)
{
        cleanup_free char *path = NULL;
        cleanup_strv char **flags = NULL;
        cleanup_close int from = -1, to = -1;

        if (volume_mount(vols, p->name, container_id, &path, &flags, err) < 0)
                return -1;
        if (flags && strv_contains(flags, "ro"))
                return 0;
        to = directory_open(AT_FDCWD, path, err);
        if (to < 0)
                return -1;
        if (!folder_is_empty(to))
                return 0;
        from = open_in_root(rootfs, p->destination, O_RDONLY | O_DIRECTORY, 0, NULL);
        /* Also of an empty folder owner and mode are copied. */
        if (from >= 0 && tree_copy(from, to, err) < 0)
                return error_context(err, "failed to copy the image's content into volume %s", p->name);
        return 0;
}

int mounts_copy_up(struct volumes *vols, const char *container_id, const struct mount_points *points,
                   int rootfs, struct error *err)
{
        int r = 0;

        for (size_t i = 0; i < points->count && r == 0; i++)
                if (wants_copy(&points->items[i]))
                        r = copy_up_one(vols, container_id, &points->items[i], rootfs, err);
        volume_unmount(vols, container_id);
        return r;
}

bool mounts_need_copy_up(struct volumes *vols, const struct mount_points *points)
{
        for (size_t i = 0; i < points->count; i++) {
                cleanup_volume struct volume v = { 0 };
                cleanup_close int fd = -1;

                if (!wants_copy(&points->items[i]) || volume_get(vols, points->items[i].name, &v, NULL) < 0)
                        continue;
                fd = open(v.mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (v.options.count > 0 || (fd >= 0 && folder_is_empty(fd)))
                        return true;
        }
        return false;
}
