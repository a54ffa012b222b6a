/* Descriptors: owned by scope, always O_CLOEXEC; -1 is "none". */
#pragma once

#include "base/error.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static inline void cleanup_close_func(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}
#define cleanup_close __attribute__((cleanup(cleanup_close_func)))

static inline int take_fd_func(int *fd)
{
        int taken = *fd;

        *fd = -1;
        return taken;
}
#define take_fd(fd) take_fd_func(&(fd))

DEFINE_CLEANUP(DIR *, cleanup_closedir_func, closedir)
#define cleanup_closedir __attribute__((cleanup(cleanup_closedir_func)))
DEFINE_CLEANUP(FILE *, cleanup_fclose_func, fclose)
#define cleanup_fclose __attribute__((cleanup(cleanup_fclose_func)))

/* Reads or writes all `len` bytes through EINTR and short counts. fd_read_all() stops early at end of file.
 * Return the bytes done or -1 with errno. */
ssize_t fd_read_all(int fd, void *data, size_t len);
ssize_t fd_write_all(int fd, const void *data, size_t len);

/* The whole file, NUL-terminated; more than `max` bytes is an ERROR_INVALID. */
int file_read(int dirfd, const char *path, size_t max, char **ret_data, size_t *ret_len, struct error *err);
int fd_read_file(int fd, size_t max, char **ret_data, size_t *ret_len, struct error *err);

/* Overwrites an existing file with one write (cgroup and proc files). */
int file_write(int dirfd, const char *path, const char *data, struct error *err);

/* Replaces `path` atomically: a temporary file beside it, then rename. With `durable` both the file and its folder
 * are flushed first, so that it survives a power cut. */
int file_replace(int dirfd, const char *path, const void *data, size_t len, mode_t mode, bool durable,
                 struct error *err);

/* mkdir -p beneath `dirfd` (trusted paths only); no error if it is there. Returns 0. */
int directory_make(int dirfd, const char *path, mode_t mode, struct error *err);
int directory_open(int dirfd, const char *path, struct error *err); /* O_DIRECTORY|O_RDONLY */
/* A DIR over a duplicate of `dirfd`'s folder, at its beginning. */
int directory_list(int dirfd, const char *path, DIR **ret, struct error *err);
/* rm -rf beneath `dirfd`, by descriptors, never through symlinks; a missing path is no error. */
int tree_remove(int dirfd, const char *path, struct error *err);

/* Resolves `path` as a process whose root is `rootfd` would (RESOLVE_IN_ROOT, no magic links): the only way in
 * which paths that an image or a container controls may be opened. `flags` as openat2(2); O_CLOEXEC is added.
 * Returns a descriptor or -1 with errno and `err` set. */
int open_in_root(int rootfd, const char *path, int flags, mode_t mode, struct error *err);
/* As open_in_root(), but a path that would leave `rootfd` is an error (RESOLVE_BENEATH). */
int open_beneath(int rootfd, const char *path, int flags, mode_t mode, struct error *err);
/* Makes `path` and its missing parents inside `rootfd` and opens it (O_PATH|O_DIRECTORY). `mode` is for those it makes. */
int directory_make_in_root(int rootfd, const char *path, mode_t mode, struct error *err);
/* Opens the parent of `path` inside `rootfd` (O_PATH) and gives the last component (heap); "/" is an ERROR_INVALID. */
int open_parent_in_root(int rootfd, const char *path, char **ret_name, struct error *err);

int fd_set_nonblocking(int fd, bool nonblocking);
