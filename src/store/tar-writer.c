/* Writes a tar: ustar headers, with pax records before those that do not fit. */
#include "store/tar-internal.h"

#include "base/fd.h"

#include <errno.h>
#include <stdio.h>

#define COPY_SIZE (128 << 10)

struct tar_writer {
        struct sink *out;
        int64_t left, padding;
        char *buffer; /* for file data, made when first needed */
};

static const char zeros[2 * TAR_BLOCK];

struct tar_writer *tar_writer_new(struct sink *out)
{
        struct tar_writer *w = xcalloc(1, sizeof(*w));

        w->out = out;
        return w;
}

void tar_writer_free(struct tar_writer *w)
{
        if (!w)
                return;
        free(w->buffer);
        free(w);
}

/* "LEN NAME=VALUE\n", where LEN counts itself. */
static void pax_record(struct strbuf *b, const char *name, const void *value, size_t len)
{
        size_t rest = strlen(name) + len + 3, total = rest + 1;
        char digits[24];

        while ((size_t)snprintf(digits, sizeof(digits), "%zu", total) + rest != total)
                total = rest + strlen(digits);
        strbuf_addf(b, "%zu %s=", total, name);
        strbuf_add(b, value, len);
        strbuf_addc(b, '\n');
}

static void pax_number(struct strbuf *b, const char *name, uint64_t value)
{
        char text[24];

        pax_record(b, name, text, (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)value));
}

static void pax_time(struct strbuf *b, const struct timespec *t)
{
        char text[48];
        long long seconds = t->tv_sec;
        long nanoseconds = t->tv_nsec;
        const char *sign = "";
        size_t len;

        if (seconds < 0) {
                sign = "-";
                seconds = -seconds;
                if (nanoseconds) {
                        seconds--;
                        nanoseconds = 1000000000 - nanoseconds;
                }
        }
        len = (size_t)snprintf(text, sizeof(text), "%s%lld", sign, seconds);
        if (nanoseconds) {
                len += (size_t)snprintf(text + len, sizeof(text) - len, ".%09ld", nanoseconds);
                while (text[len - 1] == '0')
                        len--;
        }
        pax_record(b, "mtime", text, len);
}

/* An octal field of `len` bytes with a NUL at its end; false when the number is too large for it. */
static bool put_octal(char *field, size_t len, uint64_t value)
{
        if (value >> (3 * (len - 1)))
                return false;
        snprintf(field, len, "%0*llo", (int)len - 1, (unsigned long long)value);
        return true;
}

/* A name in up to 100 bytes, or split at a slash into prefix and name. */
static bool put_path(struct tar_header *h, const char *path)
{
        size_t len = strlen(path);

        if (len <= sizeof(h->name)) {
                memcpy(h->name, path, len);
                return true;
        }
        if (len > sizeof(h->name) + 1 + sizeof(h->prefix))
                return false;
        for (const char *slash = path + len - sizeof(h->name) - 1; (slash = strchr(slash, '/')); slash++) {
                size_t before = (size_t)(slash - path), after = len - before - 1;

                if (before == 0 || before > sizeof(h->prefix) || after == 0)
                        continue;
                memcpy(h->prefix, path, before);
                memcpy(h->name, slash + 1, after);
                return true;
        }
        return false;
}

static void put_truncated(char *field, size_t len, const char *text)
{
        memcpy(field, text, MIN(len, strlen(text)));
}

static void finish_header(struct tar_header *h)
{
        memcpy(h->magic,
               "ustar\0"
               "00",
               8);
        snprintf(h->checksum, sizeof(h->checksum), "%06llo", (unsigned long long)tar_checksum(h, false));
        h->checksum[7] = ' ';
}

/* Fills the header; what does not fit goes into `pax`. */
static void fill_header(struct tar_header *h, const struct tar_entry *e, const char *path, struct strbuf *pax)
{
        int64_t size = e->type == TAR_FILE ? e->size : 0;

        h->type = (char)e->type;
        if (!put_path(h, path)) {
                pax_record(pax, "path", path, strlen(path));
                put_truncated(h->name, sizeof(h->name), path);
        }
        if (e->link && strlen(e->link) > sizeof(h->link))
                pax_record(pax, "linkpath", e->link, strlen(e->link));
        if (e->link)
                put_truncated(h->link, sizeof(h->link), e->link);
        put_octal(h->mode, sizeof(h->mode), e->mode & 07777);
        if (!put_octal(h->uid, sizeof(h->uid), e->uid)) {
                pax_number(pax, "uid", e->uid);
                put_octal(h->uid, sizeof(h->uid), 0);
        }
        if (!put_octal(h->gid, sizeof(h->gid), e->gid)) {
                pax_number(pax, "gid", e->gid);
                put_octal(h->gid, sizeof(h->gid), 0);
        }
        if (!put_octal(h->size, sizeof(h->size), (uint64_t)size)) {
                pax_number(pax, "size", (uint64_t)size);
                put_octal(h->size, sizeof(h->size), 0);
        }
        if (e->mtime.tv_nsec || e->mtime.tv_sec < 0 ||
            !put_octal(h->mtime, sizeof(h->mtime), (uint64_t)e->mtime.tv_sec))
                pax_time(pax, &e->mtime);
        if (!h->mtime[0])
                put_octal(h->mtime, sizeof(h->mtime),
                          e->mtime.tv_sec < 0 ? 0 : (uint64_t)e->mtime.tv_sec & 077777777777);
        if (e->user)
                put_truncated(h->user, sizeof(h->user) - 1, e->user);
        if (e->group)
                put_truncated(h->group, sizeof(h->group) - 1, e->group);
        if (e->type == TAR_CHAR || e->type == TAR_BLOCK_DEVICE) {
                put_octal(h->major, sizeof(h->major), e->major);
                put_octal(h->minor, sizeof(h->minor), e->minor);
        }
        finish_header(h);
}

static int write_pax(struct tar_writer *w, const struct strbuf *records, struct error *err)
{
        struct tar_header h = {};

        h.type = 'x';
        memcpy(h.name, "PaxHeaders.0/x", 14);
        put_octal(h.mode, sizeof(h.mode), 0644);
        put_octal(h.uid, sizeof(h.uid), 0);
        put_octal(h.gid, sizeof(h.gid), 0);
        put_octal(h.mtime, sizeof(h.mtime), 0);
        put_octal(h.size, sizeof(h.size), records->len);
        finish_header(&h);
        if (sink_write(w->out, &h, sizeof(h), err) < 0 ||
            sink_write(w->out, records->data, records->len, err) < 0)
                return -1;
        return sink_write(w->out, zeros, -records->len & (TAR_BLOCK - 1), err);
}

int tar_writer_entry(struct tar_writer *w, const struct tar_entry *e, struct error *err)
{
        cleanup_strbuf struct strbuf pax = {};
        cleanup_free char *with_slash = NULL;
        struct tar_header h = {};
        const char *path = e->path;

        if (w->left)
                return error_set(err, ERROR_SYSTEM, "tar: the file before is %lld bytes short",
                                 (long long)w->left);
        if (e->type == TAR_DIRECTORY && !string_ends_with(path, "/"))
                with_slash = string_format("%s/", path);
        if (with_slash)
                path = with_slash;
        for (size_t i = 0; i < e->n_xattrs; i++) {
                cleanup_free char *name = string_format("SCHILY.xattr.%s", e->xattrs[i].name);

                pax_record(&pax, name, e->xattrs[i].value, e->xattrs[i].len);
        }
        fill_header(&h, e, path, &pax);
        if (pax.len && write_pax(w, &pax, err) < 0)
                return -1;
        w->left = e->type == TAR_FILE ? e->size : 0;
        w->padding = -w->left & (TAR_BLOCK - 1);
        return sink_write(w->out, &h, sizeof(h), err);
}

int tar_writer_data(struct tar_writer *w, const void *data, size_t len, struct error *err)
{
        if ((int64_t)len > w->left)
                return error_set(err, ERROR_SYSTEM, "tar: more data than announced");
        if (sink_write(w->out, data, len, err) < 0)
                return -1;
        w->left -= (int64_t)len;
        if (w->left)
                return 0;
        if (sink_write(w->out, zeros, (size_t)w->padding, err) < 0)
                return -1;
        w->padding = 0;
        return 0;
}

int tar_writer_fd(struct tar_writer *w, int fd, int64_t size, struct error *err)
{
        if (!w->buffer)
                w->buffer = xmalloc(COPY_SIZE);
        while (size > 0) {
                size_t want = (size_t)MIN(size, (int64_t)COPY_SIZE);
                ssize_t n;

                do
                        n = read(fd, w->buffer, want);
                while (n < 0 && errno == EINTR);
                if (n < 0)
                        return error_errno(err, "read");
                if (n == 0) {
                        memset(w->buffer, 0, want);
                        n = (ssize_t)want;
                }
                if (tar_writer_data(w, w->buffer, (size_t)n, err) < 0)
                        return -1;
                size -= n;
        }
        return 0;
}

int tar_writer_file(struct tar_writer *w, const char *path, mode_t mode, time_t mtime, const void *data,
                    size_t len, struct error *err)
{
        cleanup_free char *copy = xstrdup(path);
        struct tar_entry e = { .type = TAR_FILE, .path = copy, .mode = mode, .size = (int64_t)len };

        e.mtime.tv_sec = mtime;
        if (tar_writer_entry(w, &e, err) < 0)
                return -1;
        return tar_writer_data(w, data, len, err);
}

int tar_writer_finish(struct tar_writer *w, struct error *err)
{
        return sink_write(w->out, zeros, sizeof(zeros), err);
}
