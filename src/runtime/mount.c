#include "runtime/runtime-internal.h"

#include <errno.h>

/* The kernel's own words about a failed fsconfig() ("e tmpfs: Unknown parameter 'foo'"), or strerror. */
static int filesystem_error(int fs, const char *type, int errnum, struct error *err)
{
        char text[512];
        ssize_t n = read(fs, text, sizeof(text) - 1);

        if (n > 2) {
                text[n] = '\0';
                text[strcspn(text, "\n")] = '\0';
                return error_errnum(err, errnum, "%s", text[1] == ' ' ? text + 2 : text);
        }
        return error_errnum(err, errnum, "%s", type);
}

static int filesystem_option(int fs, const char *option)
{
        const char *equals = strchr(option, '=');
        cleanup_free char *key = NULL;

        if (!equals)
                return fsconfig(fs, FSCONFIG_SET_FLAG, option, NULL, 0);
        key = xstrndup(option, (size_t)(equals - option));
        return fsconfig(fs, FSCONFIG_SET_STRING, key, equals + 1, 0);
}

int filesystem_new(const char *type, const char *source, char *const *options, bool readonly, uint64_t attributes,
                   struct error *err)
{
        cleanup_close int fs = fsopen(type, FSOPEN_CLOEXEC);
        int fd;

        if (fs < 0)
                return error_errno(err, "file system \"%s\"", type);
        if (!string_empty(source) && fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) < 0)
                return filesystem_error(fs, type, errno, err);
        for (size_t i = 0; options && options[i]; i++)
                if (filesystem_option(fs, options[i]) < 0)
                        return filesystem_error(fs, type, errno, err);
        if (readonly && fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0)
                return filesystem_error(fs, type, errno, err);
        if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return filesystem_error(fs, type, errno, err);
        fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)attributes);
        if (fd < 0)
                return filesystem_error(fs, type, errno, err);
        return fd;
}

int mount_clone(int fd, bool recursive, struct error *err)
{
        int tree = open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
                                         (recursive ? AT_RECURSIVE : 0));

        return tree < 0 ? error_errno(err, "open_tree") : tree;
}

int mount_change(int fd, bool recursive, uint64_t set, uint64_t clear, unsigned long propagation)
{
        struct mount_attr attr = { .attr_set = set, .attr_clr = clear, .propagation = propagation };

        if (!set && !clear && !propagation)
                return 0;
        return mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof(attr));
}

int mount_attach(int mount_fd, int target_fd)
{
        return move_mount(mount_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}
