#include "store/split.h"

#include "base/fd.h"

#include <endian.h>
#include <errno.h>
#include <zstd.h>

#define RAW_MAX (64 << 10)
#define COPY_SIZE (256 << 10)
#define LEVEL 1

struct split_writer {
        struct sink sink;
        int fd;
        ZSTD_CStream *zstd;
        char *out;
        size_t out_size;
        struct strbuf raw; /* gathered for one record */
};

static int compress(struct split_writer *w, const void *data, size_t len, ZSTD_EndDirective end,
                    struct error *err)
{
        ZSTD_inBuffer in = { data, len, 0 };
        size_t left;

        do {
                ZSTD_outBuffer out = { w->out, w->out_size, 0 };

                left = ZSTD_compressStream2(w->zstd, &out, &in, end);
                if (ZSTD_isError(left))
                        return error_set(err, ERROR_SYSTEM, "zstd: %s", ZSTD_getErrorName(left));
                if (out.pos && fd_write_all(w->fd, w->out, out.pos) < 0)
                        return error_errno(err, "write");
        } while (in.pos < in.size || (end == ZSTD_e_end && left));
        return 0;
}

static int compress_u32(struct split_writer *w, uint32_t n, struct error *err)
{
        n = htole32(n);
        return compress(w, &n, sizeof(n), ZSTD_e_continue, err);
}

static int compress_u64(struct split_writer *w, uint64_t n, struct error *err)
{
        n = htole64(n);
        return compress(w, &n, sizeof(n), ZSTD_e_continue, err);
}

static int flush_raw(struct split_writer *w, struct error *err)
{
        if (!w->raw.len)
                return 0;
        if (compress(w, "R", 1, ZSTD_e_continue, err) < 0 || compress_u32(w, (uint32_t)w->raw.len, err) < 0 ||
            compress(w, w->raw.data, w->raw.len, ZSTD_e_continue, err) < 0)
                return -1;
        strbuf_clear(&w->raw);
        return 0;
}

static int raw_write(struct sink *s, const void *data, size_t len, struct error *err)
{
        struct split_writer *w = (struct split_writer *)s;

        while (len) {
                size_t n = MIN(len, RAW_MAX - w->raw.len);

                strbuf_add(&w->raw, data, n);
                if (w->raw.len == RAW_MAX && flush_raw(w, err) < 0)
                        return -1;
                data = (const char *)data + n;
                len -= n;
        }
        return 0;
}

struct split_writer *split_writer_new(int fd)
{
        static const struct sink_class class = { raw_write, NULL };
        struct split_writer *w = xcalloc(1, sizeof(*w));

        w->sink.class = &class;
        w->fd = fd;
        w->zstd = ZSTD_createCStream();
        if (!w->zstd || ZSTD_isError(ZSTD_initCStream(w->zstd, LEVEL)))
                abort();
        w->out_size = ZSTD_CStreamOutSize();
        w->out = xmalloc(w->out_size);
        return w;
}

void split_writer_free(struct split_writer *w)
{
        if (!w)
                return;
        ZSTD_freeCStream(w->zstd);
        strbuf_deinit(&w->raw);
        free(w->out);
        free(w);
}

struct sink *split_writer_sink(struct split_writer *w)
{
        return &w->sink;
}

int split_writer_file(struct split_writer *w, const char *path, const struct tar_entry *e, struct error *err)
{
        size_t len = strlen(path);

        if (flush_raw(w, err) < 0 || compress(w, e->sparse ? "S" : "F", 1, ZSTD_e_continue, err) < 0 ||
            compress_u32(w, (uint32_t)len, err) < 0)
                return -1;
        if (e->sparse ? compress_u32(w, (uint32_t)e->n_extents, err) < 0
                      : compress_u64(w, (uint64_t)e->size, err) < 0)
                return -1;
        if (compress(w, path, len, ZSTD_e_continue, err) < 0)
                return -1;
        for (size_t i = 0; e->sparse && i < e->n_extents; i++)
                if (compress_u64(w, (uint64_t)e->extents[i].offset, err) < 0 ||
                    compress_u64(w, (uint64_t)e->extents[i].len, err) < 0)
                        return -1;
        return 0;
}

int split_writer_finish(struct split_writer *w, struct error *err)
{
        if (flush_raw(w, err) < 0)
                return -1;
        return compress(w, NULL, 0, ZSTD_e_end, err);
}

/* ---- Reading ---- */

struct joiner {
        struct stream *records;
        int rootfd;
        struct sink *out;
        char *buffer;
};

static int damaged(struct error *err)
{
        return error_set(err, ERROR_SYSTEM, "the layer's record of its tar is damaged");
}

static int read_exactly(struct joiner *j, void *data, size_t len, struct error *err)
{
        ssize_t n = stream_read_full(j->records, data, len, err);

        if (n < 0)
                return -1;
        return n == (ssize_t)len ? 0 : damaged(err);
}

static int read_u32(struct joiner *j, uint32_t *ret, struct error *err)
{
        if (read_exactly(j, ret, sizeof(*ret), err) < 0)
                return -1;
        *ret = le32toh(*ret);
        return 0;
}

static int read_u64(struct joiner *j, uint64_t *ret, struct error *err)
{
        if (read_exactly(j, ret, sizeof(*ret), err) < 0)
                return -1;
        *ret = le64toh(*ret);
        return 0;
}

static int join_raw(struct joiner *j, struct error *err)
{
        uint32_t len;

        if (read_u32(j, &len, err) < 0)
                return -1;
        if (len > RAW_MAX)
                return damaged(err);
        if (read_exactly(j, j->buffer, len, err) < 0)
                return -1;
        return sink_write(j->out, j->buffer, len, err);
}

static int copy_range(struct joiner *j, int fd, const char *path, uint64_t offset, uint64_t len,
                      struct error *err)
{
        while (len) {
                ssize_t n = pread(fd, j->buffer, (size_t)MIN(len, (uint64_t)COPY_SIZE), (off_t)offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return error_errno(err, "layer: read %s", path);
                if (n == 0)
                        return error_set(err, ERROR_SYSTEM, "layer: %s is too short", path);
                if (sink_write(j->out, j->buffer, (size_t)n, err) < 0)
                        return -1;
                offset += (uint64_t)n;
                len -= (uint64_t)n;
        }
        return 0;
}

static int open_file(struct joiner *j, uint32_t path_len, char ret_path[TAR_PATH_MAX + 1], struct error *err)
{
        if (path_len > TAR_PATH_MAX)
                return damaged(err);
        if (read_exactly(j, ret_path, path_len, err) < 0)
                return -1;
        ret_path[path_len] = '\0';
        return open_beneath(j->rootfd, ret_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, err);
}

static int join_file(struct joiner *j, struct error *err)
{
        char path[TAR_PATH_MAX + 1];
        uint32_t path_len;
        uint64_t size;
        cleanup_close int fd = -1;

        if (read_u32(j, &path_len, err) < 0 || read_u64(j, &size, err) < 0)
                return -1;
        fd = open_file(j, path_len, path, err);
        return fd < 0 ? -1 : copy_range(j, fd, path, 0, size, err);
}

static int join_sparse(struct joiner *j, struct error *err)
{
        char path[TAR_PATH_MAX + 1];
        uint32_t path_len, count;
        cleanup_close int fd = -1;

        if (read_u32(j, &path_len, err) < 0 || read_u32(j, &count, err) < 0)
                return -1;
        fd = open_file(j, path_len, path, err);
        if (fd < 0)
                return -1;
        for (; count > 0; count--) {
                uint64_t offset, len;

                if (read_u64(j, &offset, err) < 0 || read_u64(j, &len, err) < 0 ||
                    copy_range(j, fd, path, offset, len, err) < 0)
                        return -1;
        }
        return 0;
}

static int join_all(struct joiner *j, struct error *err)
{
        for (;;) {
                char kind;
                ssize_t n = stream_read_full(j->records, &kind, 1, err);
                int r;

                if (n <= 0)
                        return (int)n;
                r = kind == 'R'   ? join_raw(j, err)
                    : kind == 'F' ? join_file(j, err)
                    : kind == 'S' ? join_sparse(j, err)
                                  : damaged(err);
                if (r < 0)
                        return -1;
        }
}

int split_join(int fd, int rootfd, struct sink *out, struct error *err)
{
        cleanup_stream struct stream *file = NULL, *records = NULL;
        cleanup_free char *buffer = xmalloc(COPY_SIZE);
        struct joiner j = { .rootfd = rootfd, .out = out, .buffer = buffer };
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

        if (copy < 0 || lseek(copy, 0, SEEK_SET) < 0)
                return error_errno(err, "layer");
        file = stream_new_fd(copy);
        records = stream_new_decompressed(file);
        j.records = records;
        return join_all(&j, err);
}
