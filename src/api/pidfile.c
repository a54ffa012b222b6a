#include "api/pidfile.h"

#include "base/fd.h"
#include "base/str.h"

#include <errno.h>
#include <sys/file.h>

static int conflict(int fd, const char *path, struct error *err)
{
        char pid[32] = "";
        ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

        pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
        return error_set(err, ERROR_CONFLICT,
                         "ensure davitd is not running or delete %s: process with PID %s is still running",
                         path, pid);
}

int pidfile_take(const char *path, struct error *err)
{
        for (;;) {
                cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
                cleanup_free char *text = string_format("%d\n", (int)getpid());
                struct stat ours, there;

                if (fd < 0)
                        return error_errno(err, "open %s", path);
                if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                        return errno == EWOULDBLOCK ? conflict(fd, path, err)
                                                    : error_errno(err, "lock %s", path);
                /* The one before us may have removed the file between our open() and the lock. */
                if (fstat(fd, &ours) < 0 || stat(path, &there) < 0 || ours.st_ino != there.st_ino)
                        continue;
                if (ftruncate(fd, 0) < 0 || fd_write_all(fd, text, strlen(text)) < 0)
                        return error_errno(err, "write %s", path);
                return take_fd(fd);
        }
}

void pidfile_remove(const char *path, int fd)
{
        if (fd < 0)
                return;
        unlink(path);
        close(fd);
}
