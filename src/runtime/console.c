/* Pseudo-terminals, made from a container's own devpts. Nothing is opened by a path that the container could have changed:
 * the slave comes from the master by TIOCGPTPEER. */
#include "runtime/runtime-internal.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <termios.h>

int console_open(int devpts, int *ret_slave, struct error *err)
{
        cleanup_close int master = -1;
        struct statfs fs;
        int unlock = 0, slave;

        if (fstatfs(devpts, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
                return error_set(err, ERROR_INVALID, "/dev/pts is not a devpts");
        master = openat(devpts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
        if (master < 0)
                return error_errno(err, "open /dev/pts/ptmx");
        if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
                return error_errno(err, "unlock the terminal");
        slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (slave < 0)
                return error_errno(err, "open the terminal's other end");
        *ret_slave = slave;
        return take_fd(master);
}

int console_of_container(int *ret_slave, struct error *err)
{
        cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), pts = -1;

        if (root < 0)
                return error_errno(err, "open /");
        pts = open_in_root(root, "/dev/pts", O_RDONLY | O_DIRECTORY, 0, err);
        return pts < 0 ? -1 : console_open(pts, ret_slave, err);
}

int console_take(int slave, const struct oci_box *size, struct error *err)
{
        if (size && (size->height || size->width)) {
                struct winsize w = { .ws_row = (unsigned short)size->height, .ws_col = (unsigned short)size->width };

                if (ioctl(slave, TIOCSWINSZ, &w) < 0)
                        return error_errno(err, "set the terminal's size");
        }
        return ioctl(slave, TIOCSCTTY, 0) < 0 ? error_errno(err, "take the terminal") : 0;
}

int runtime_console_resize(int master, unsigned rows, unsigned columns, struct error *err)
{
        struct winsize w = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };

        return ioctl(master, TIOCSWINSZ, &w) < 0 ? error_errno(err, "resize the terminal") : 0;
}
