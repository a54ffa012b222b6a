#include "base/fd.h"
#include "base/str.h"

#include <errno.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

ssize_t fd_read_all(int fd, void *data, size_t len)
{
        size_t done = 0;

        while (done < len) {
                ssize_t n = read(fd, (char *)data + done, len - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -1;
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        return (ssize_t)done;
}

ssize_t fd_write_all(int fd, const void *data, size_t len)
{
        size_t done = 0;

        while (done < len) {
                ssize_t n = write(fd, (const char *)data + done, len - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -1;
                done += (size_t)n;
        }
        return (ssize_t)done;
}

int fd_read_file(int fd, size_t max, char **ret_data, size_t *ret_len, struct error *err)
{
        cleanup_strbuf struct strbuf b = {};

        for (;;) {
                ssize_t n;

                strbuf_reserve(&b, 4096);
                n = read(fd, b.data + b.len, b.room - b.len - 1);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return error_errno(err, "read");
                if (n == 0)
                        break;
                b.len += (size_t)n;
                if (b.len > max)
                        return error_set(err, ERROR_INVALID, "larger than %zu bytes", max);
        }
        b.data[b.len] = 0;
        if (ret_len)
                *ret_len = b.len;
        *ret_data = strbuf_take(&b);
        return 0;
}

int file_read(int dirfd, const char *path, size_t max, char **ret_data, size_t *ret_len, struct error *err)
{
        cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return error_errno(err, "open %s", path);
        if (fd_read_file(fd, max, ret_data, ret_len, err) < 0)
                return error_context(err, "%s", path);
        return 0;
}

int file_write(int dirfd, const char *path, const char *data, struct error *err)
{
        cleanup_close int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return error_errno(err, "open %s", path);
        if (write(fd, data, strlen(data)) < 0)
                return error_errno(err, "write %s", path);
        return 0;
}

static int flush_parent(int dirfd, const char *path)
{
        const char *slash = strrchr(path, '/');
        cleanup_free char *parent = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
        cleanup_close int fd = openat(dirfd, *parent ? parent : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -1 : fsync(fd);
}

int file_replace(int dirfd, const char *path, const void *data, size_t len, mode_t mode, bool durable,
                 struct error *err)
{
        static unsigned counter;
        cleanup_free char *temporary = string_format("%s.tmp%d.%u", path, getpid(), __sync_fetch_and_add(&counter, 1));
        cleanup_close int fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC, mode);

        if (fd < 0)
                return error_errno(err, "create %s", temporary);
        if (fd_write_all(fd, data, len) < 0 || (durable && fdatasync(fd) < 0)) {
                error_errno(err, "write %s", temporary);
                unlinkat(dirfd, temporary, 0);
                return -1;
        }
        if (renameat(dirfd, temporary, dirfd, path) < 0) {
                error_errno(err, "rename %s", path);
                unlinkat(dirfd, temporary, 0);
                return -1;
        }
        if (durable && flush_parent(dirfd, path) < 0)
                return error_errno(err, "flush the folder of %s", path);
        return 0;
}

int directory_make(int dirfd, const char *path, mode_t mode, struct error *err)
{
        cleanup_free char *partial = xstrdup(path);

        for (char *p = partial + 1; *partial; p++) {
                bool last = *p == 0;

                if (*p != '/' && !last)
                        continue;
                *p = 0;
                if (mkdirat(dirfd, partial, mode) < 0 && errno != EEXIST)
                        return error_errno(err, "mkdir %s", partial);
                if (last)
                        break;
                *p = '/';
        }
        return 0;
}

int directory_open(int dirfd, const char *path, struct error *err)
{
        int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? error_errno(err, "open %s", path) : fd;
}

int directory_list(int dirfd, const char *path, DIR **ret, struct error *err)
{
        cleanup_close int fd = directory_open(dirfd, path, err);
        DIR *dir;

        if (fd < 0)
                return -1;
        dir = fdopendir(fd);
        if (!dir)
                return error_errno(err, "open %s", path);
        (void)take_fd(fd);
        *ret = dir;
        return 0;
}

static int tree_empty(int dirfd, struct error *err)
{
        cleanup_closedir DIR *dir = NULL;
        struct dirent *entry;

        if (directory_list(dirfd, ".", &dir, err) < 0)
                return -1;
        while ((entry = readdir(dir)))
                if (!streq(entry->d_name, ".") && !streq(entry->d_name, "..") &&
                    tree_remove(dirfd, entry->d_name, err) < 0)
                        return -1;
        return 0;
}

int tree_remove(int dirfd, const char *path, struct error *err)
{
        cleanup_close int fd = -1;

        if (unlinkat(dirfd, path, 0) == 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return error_errno(err, "remove %s", path);
        fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : error_errno(err, "remove %s", path);
        if (unlinkat(dirfd, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return 0;
        if (tree_empty(fd, err) < 0)
                return -1;
        if (unlinkat(dirfd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
                return error_errno(err, "remove %s", path);
        return 0;
}

static int open_resolved(int rootfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
        struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC), .mode = mode, .resolve = resolve };
        int fd;

        /* A rename anywhere below makes the kernel give up on ".." with EAGAIN (openat2(2)). */
        for (int tries = 0; tries < 100; tries++) {
                fd = (int)syscall(SYS_openat2, rootfd, path, &how, sizeof(how));
                if (fd >= 0 || errno != EAGAIN)
                        break;
        }
        return fd;
}

int open_in_root(int rootfd, const char *path, int flags, mode_t mode, struct error *err)
{
        int fd = open_resolved(rootfd, *path ? path : "/", flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);

        return fd < 0 ? error_errno(err, "open %s", path) : fd;
}

int open_beneath(int rootfd, const char *path, int flags, mode_t mode, struct error *err)
{
        int fd = open_resolved(rootfd, *path ? path : ".", flags, mode, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);

        return fd < 0 ? error_errno(err, "open %s", path) : fd;
}

/* Opens or makes one existing-or-missing component after another: each step starts again at the root, so that
 * symlinks with ".." and absolute targets resolve as they would for the container. */
int directory_make_in_root(int rootfd, const char *path, mode_t mode, struct error *err)
{
        cleanup_free char *partial = xstrdup(path);
        cleanup_close int current = open_in_root(rootfd, "/", O_PATH | O_DIRECTORY, 0, err);
        char *p = partial;

        if (current < 0)
                return -1;
        for (;;) {
                char *end, saved;
                int next;

                p += strspn(p, "/");
                if (!*p)
                        return take_fd(current);
                end = p + strcspn(p, "/");
                saved = *end;
                *end = 0;
                next = open_resolved(rootfd, partial, O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
                if (next < 0 && errno == ENOENT) {
                        if (mkdirat(current, p, mode) < 0 && errno != EEXIST)
                                return error_errno(err, "mkdir %s", partial);
                        next = open_resolved(rootfd, partial, O_PATH | O_DIRECTORY, 0,
                                             RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
                }
                if (next < 0)
                        return error_errno(err, "mkdir %s", partial);
                close(current);
                current = next;
                *end = saved;
                p = end;
        }
}

int open_parent_in_root(int rootfd, const char *path, char **ret_name, struct error *err)
{
        size_t len = strlen(path);
        cleanup_free char *parent = NULL;
        size_t start;
        int fd;

        while (len > 0 && path[len - 1] == '/')
                len--;
        start = len;
        while (start > 0 && path[start - 1] != '/')
                start--;
        if (len == start)
                return error_set(err, ERROR_INVALID, "'%s' has no parent", path);
        parent = xstrndup(path, start);
        fd = open_in_root(rootfd, *parent ? parent : "/", O_PATH | O_DIRECTORY, 0, err);
        if (fd < 0)
                return -1;
        *ret_name = xstrndup(path + start, len - start);
        return fd;
}

int fd_set_nonblocking(int fd, bool nonblocking)
{
        int flags = fcntl(fd, F_GETFL);

        return flags < 0 ? -1 : fcntl(fd, F_SETFL, nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}
