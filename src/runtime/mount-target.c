/* Where a mount goes. Every component is resolved by the kernel inside the root (RESOLVE_IN_ROOT, no magic links), and what
 * was opened is what gets mounted on: a path that is exchanged in between leads nowhere. */
#include "runtime/runtime-internal.h"

#include <errno.h>

static int file_make_in_root(int rootfd, const char *path, struct error *err)
{
        cleanup_free char *name = NULL;
        cleanup_free char *parent = xstrdup(path);
        cleanup_close int parentfd = -1, fd = -1;
        char *slash;

        while ((slash = strrchr(parent, '/')) && slash[1] == '\0' && slash != parent)
                *slash = '\0';
        name = xstrdup(slash ? slash + 1 : parent);
        if (slash)
                *slash = '\0';
        parentfd = directory_make_in_root(rootfd, slash && *parent ? parent : "/", 0755, err);
        if (parentfd < 0)
                return -1;
        fd = openat(parentfd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0755);
        if (fd < 0 && errno != EEXIST)
                return error_errno(err, "create %s", path);
        return open_in_root(rootfd, path, O_PATH, 0, err);
}

int mount_target(int rootfd, const char *path, bool file, struct error *err)
{
        cleanup_error struct error missing = {};
        int fd = open_in_root(rootfd, path, O_PATH, 0, &missing);

        if (fd >= 0)
                return fd;
        if (errno != ENOENT)
                return error_move(err, &missing);
        return file ? file_make_in_root(rootfd, path, err) : directory_make_in_root(rootfd, path, 0755, err);
}
