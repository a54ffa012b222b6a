#include "shim/log-file.h"

#include "base/fd.h"

#include <errno.h>
#include <stdio.h>

/* Room that is kept between two flushes; more is given back. */
#define BATCH_KEEP 8192

static int file_create(struct log_file *file, struct error *err)
{
        struct stat st;
        int fd = open(file->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

        if (fd < 0 && errno == ENOENT) {
                cleanup_free char *folder = xstrdup(file->path);
                char *slash = strrchr(folder, '/');

                if (!slash)
                        return error_errno(err, "open log %s", file->path);
                *slash = '\0';
                if (directory_make(AT_FDCWD, folder, 0700, err) < 0)
                        return -1;
                fd = open(file->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
        }
        if (fd < 0)
                return error_errno(err, "open log %s", file->path);
        if (fstat(fd, &st) < 0) {
                close(fd);
                return error_errno(err, "log %s", file->path);
        }
        file->fd = fd;
        file->size = st.st_size;
        return 0;
}

/* Lines: a torn one is ended, and readers skip it. Records with lengths around them: those that are whole are kept. */
static void mend_lines(struct log_file *file)
{
        char last;

        if (file->size > 0 && pread(file->fd, &last, 1, file->size - 1) == 1 && last != '\n' &&
            write(file->fd, "\n", 1) == 1)
                file->size++;
}

static void mend_framed(struct log_file *file)
{
        off_t at = 0;

        while (at + 4 <= file->size) {
                unsigned char head[4];
                off_t len;

                if (pread(file->fd, head, 4, at) != 4)
                        return;
                len = (off_t)head[0] << 24 | (off_t)head[1] << 16 | (off_t)head[2] << 8 | (off_t)head[3];
                if (at + len + 8 > file->size)
                        break;
                at += len + 8;
        }
        if (at < file->size && ftruncate(file->fd, at) == 0)
                file->size = at;
}

int log_file_open(struct log_file *file, const char *path, int64_t max_size, int max_files, bool line_records,
                  struct error *err)
{
        *file = (struct log_file){ .fd = -1, .max_size = max_size, .max_files = max_files };
        file->path = xstrdup(path);
        if (file_create(file, err) < 0) {
                log_file_close(file);
                return -1;
        }
        if (line_records)
                mend_lines(file);
        else
                mend_framed(file);
        return 0;
}

static int rotate(struct log_file *file, struct error *err)
{
        if (file->max_files < 2) {
                if (unlink(file->path) < 0 && errno != ENOENT)
                        return error_errno(err, "rotate log %s", file->path);
        }
        for (int i = file->max_files - 1; i >= 1; i--) {
                cleanup_free char *to = string_format("%s.%d", file->path, i);
                cleanup_free char *from = i > 1 ? string_format("%s.%d", file->path, i - 1) : xstrdup(file->path);

                if (rename(from, to) < 0 && errno != ENOENT)
                        return error_errno(err, "rotate log %s", file->path);
        }
        close(take_fd(file->fd));
        return file_create(file, err);
}

int log_file_make_room(struct log_file *file, struct error *err)
{
        if (file->max_size < 0 || file->size + (off_t)file->batch.len < file->max_size)
                return 0;
        if (log_file_flush(file, err) < 0)
                return -1;
        return rotate(file, err);
}

int log_file_flush(struct log_file *file, struct error *err)
{
        ssize_t n;
        int saved;

        if (file->batch.len == 0)
                return 0;
        if (file->fd < 0 && file_create(file, err) < 0) {
                strbuf_clear(&file->batch);
                return -1;
        }
        n = fd_write_all(file->fd, file->batch.data, file->batch.len);
        saved = errno;
        if (n == (ssize_t)file->batch.len)
                file->size += (off_t)file->batch.len;
        else if (ftruncate(file->fd, file->size) < 0)
                close(take_fd(file->fd)); /* a torn record stays; the next opening mends it */
        if (file->batch.room > BATCH_KEEP)
                strbuf_deinit(&file->batch);
        else
                strbuf_clear(&file->batch);
        return n < 0 ? error_errnum(err, saved, "write log") : 0;
}

void log_file_close(struct log_file *file)
{
        if (file->fd >= 0)
                close(take_fd(file->fd));
        strbuf_deinit(&file->batch);
        free(take_ptr(file->path));
}
