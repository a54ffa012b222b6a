#include "store/overlay.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define OPAQUE_XATTR "trusted.overlay.opaque"

bool overlay_is_opaque(int fd)
{
        char value[4];

        return fgetxattr(fd, OPAQUE_XATTR, value, sizeof(value)) == 1 && value[0] == 'y';
}

int overlay_set_opaque(int fd)
{
        return fsetxattr(fd, OPAQUE_XATTR, "y", 1, 0);
}

int overlay_whiteout(int dirfd, const char *name)
{
        return mknodat(dirfd, name, S_IFCHR, makedev(0, 0));
}

bool overlay_is_whiteout(int dirfd, const char *name)
{
        struct stat st;

        return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0;
}
