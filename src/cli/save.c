#include "base/fd.h"
#include "base/stream.h"
#include "cli/each.h"

#include <errno.h>

static int copy_to(struct stream *s, int fd, struct error *err)
{
        char buffer[65536];

        for (;;) {
                ssize_t n = stream_read(s, buffer, sizeof(buffer), err);

                if (n <= 0)
                        return (int)n;
                if (fd_write_all(fd, buffer, (size_t)n) < 0)
                        return error_errno(err, "write");
        }
}

int save_stream(struct stream *s, const char *path, const char *what, struct error *err)
{
        cleanup_free char *temporary = NULL;
        cleanup_close int fd = -1;
        struct stat st;

        if (string_empty(path))
                return copy_to(s, STDOUT_FILENO, err);
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
                return error_set(err, ERROR_INVALID, "%s: cannot write to a directory", what);
        /* A pipe or a device is written to as it is. */
        if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
                fd = open(path, O_WRONLY | O_CLOEXEC);
                return fd < 0 ? error_errno(err, "%s", path) : copy_to(s, fd, err);
        }
        temporary = string_format("%s.tmp%d", path, getpid());
        fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0) {
                const char *slash = strrchr(path, '/');
                cleanup_free char *folder = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");

                if (errno == ENOENT)
                        return error_set(err, ERROR_INVALID,
                                         "%s: invalid output path: stat %s: no such file or directory", what,
                                         folder);
                return error_errno(err, "%s", path);
        }
        if (copy_to(s, fd, err) < 0 || (rename(temporary, path) < 0 && error_errno(err, "rename %s", path))) {
                unlink(temporary);
                return -1;
        }
        return 0;
}
