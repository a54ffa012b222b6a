#include "store/view.h"
#include "base/fd.h"
#include "base/str.h"

#include <errno.h>
#include <sys/mount.h>

/* One folder needs no overlay (which refuses a single lower one): a private, read-only clone of its mount. */
static int single_view(const char *folder, struct error *err)
{
        int fd = open_tree(AT_FDCWD, folder, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

        return fd < 0 ? error_errno(err, "open_tree %s", folder) : fd;
}

/* "lowerdir+" adds one folder a call (Linux 6.8); before, all go into one option of at most a page. */
static int add_lowers(int fs, char *const *folders, struct error *err)
{
        cleanup_free char *joined = NULL;
        size_t i = 0;

        while (folders[i] && fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", folders[i], 0) == 0)
                i++;
        if (!folders[i])
                return 0;
        if (i > 0 || errno != EINVAL)
                return error_errno(err, "overlay: %s", folders[i]);
        joined = strv_join(folders, ":");
        if (fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir", joined, 0) < 0)
                return error_errno(err, "overlay: lowerdir");
        return 0;
}

int layers_view(char *const *lowers, const char *upper, struct error *err)
{
        cleanup_strv char **folders = NULL;
        cleanup_close int fs = -1;
        int fd;

        if (upper)
                strv_append(&folders, upper);
        strv_extend(&folders, lowers);
        if (strv_length(folders) == 1)
                return single_view(folders[0], err);
        fs = fsopen("overlay", FSOPEN_CLOEXEC);
        if (fs < 0)
                return error_errno(err, "overlay");
        if (add_lowers(fs, folders, err) < 0)
                return -1;
        if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return error_errno(err, "overlay: mount");
        fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
        return fd < 0 ? error_errno(err, "overlay: mount") : fd;
}
