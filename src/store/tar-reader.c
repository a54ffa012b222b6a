/* Reads a tar: headers with everything that extends them, then the data of each file.
 *
 * Theory of operation. Blocks come through one buffer. What is not file data that the caller took goes to the
 * `raw` sink, so that raw bytes and file data together are the archive again. Extensions (pax, GNU long
 * names) are gathered in `pax` until the header they belong to comes. */
#include "store/tar-internal.h"

#define BUFFER_SIZE (64 << 10)
#define SIZE_MAX_FILE (INT64_C(1) << 60)

struct tar_reader {
        struct stream *in;
        struct sink *raw;
        char *buffer;
        size_t start, end;
        struct tar_entry entry;
        struct tar_pax pax;
        int64_t left;    /* of the entry's data in the archive */
        int64_t padding; /* behind it */
        bool ended, keep_data;
};

struct tar_reader *tar_reader_new(struct stream *in, struct sink *raw)
{
        struct tar_reader *r = xcalloc(1, sizeof(*r));

        r->in = in;
        r->raw = raw;
        r->buffer = xmalloc(BUFFER_SIZE);
        r->pax.real_size = -1;
        return r;
}

void tar_reader_free(struct tar_reader *r)
{
        if (!r)
                return;
        tar_entry_deinit(&r->entry);
        tar_pax_deinit(&r->pax);
        free(r->buffer);
        free(r);
}

static int truncated(struct error *err)
{
        return error_set(err, ERROR_INVALID, "unexpected EOF");
}

/* At least one byte in the buffer: 1, the end: 0. */
static int fill(struct tar_reader *r, struct error *err)
{
        ssize_t n;

        if (r->start < r->end)
                return 1;
        n = stream_read(r->in, r->buffer, BUFFER_SIZE, err);
        if (n < 0)
                return -1;
        r->start = 0;
        r->end = (size_t)n;
        return n > 0;
}

/* Takes `len` bytes, which are not file data, into `out` (NULL drops them). 1, 0 at the end before the first
 * byte. */
static int take_raw(struct tar_reader *r, void *out, int64_t len, struct error *err)
{
        int64_t done = 0;

        while (done < len) {
                size_t n;
                int there = fill(r, err);

                if (there < 0)
                        return -1;
                if (there == 0)
                        return done ? truncated(err) : 0;
                n = (size_t)MIN((int64_t)(r->end - r->start), len - done);
                if (out)
                        memcpy((char *)out + done, r->buffer + r->start, n);
                if (r->raw && sink_write(r->raw, r->buffer + r->start, n, err) < 0)
                        return -1;
                r->start += n;
                done += (int64_t)n;
        }
        return 1;
}

static bool is_zero(const void *block)
{
        static const char zeros[TAR_BLOCK];

        return memcmp(block, zeros, TAR_BLOCK) == 0;
}

/* What follows the end mark belongs to the archive, whatever it is. */
static int read_rest(struct tar_reader *r, struct error *err)
{
        int there;

        r->ended = true;
        while ((there = fill(r, err)) > 0) {
                if (r->raw && sink_write(r->raw, r->buffer + r->start, r->end - r->start, err) < 0)
                        return -1;
                r->start = r->end;
        }
        return there;
}

/* 1: a header, 0: the archive's end. */
static int read_header(struct tar_reader *r, struct tar_header *h, struct error *err)
{
        int64_t sum;
        int there = take_raw(r, h, TAR_BLOCK, err);

        if (there <= 0)
                return there;
        if (is_zero(h)) {
                there = take_raw(r, h, TAR_BLOCK, err);
                if (there <= 0)
                        return there;
                if (!is_zero(h))
                        return error_set(err, ERROR_INVALID, "invalid tar header");
                return read_rest(r, err);
        }
        if (tar_number(h->checksum, sizeof(h->checksum), &sum, err) < 0)
                return -1;
        if (sum != tar_checksum(h, false) && sum != tar_checksum(h, true))
                return error_set(err, ERROR_INVALID, "invalid tar header");
        return 1;
}

/* The data of a header that extends the next one. */
static int read_extension(struct tar_reader *r, const struct tar_header *h, char **ret, size_t *ret_len,
                          struct error *err)
{
        cleanup_free char *data = NULL;
        int64_t size;
        int there;

        if (tar_number(h->size, sizeof(h->size), &size, err) < 0)
                return -1;
        if (size < 0 || size > TAR_PAX_MAX)
                return error_set(err, ERROR_INVALID, "invalid tar header: extension of %lld bytes",
                                 (long long)size);
        data = xcalloc(1, (size_t)size + 1);
        there = take_raw(r, data, size, err);
        if (there > 0)
                there = take_raw(r, NULL, -size & (TAR_BLOCK - 1), err);
        if (there < 0)
                return -1;
        if (there == 0)
                return truncated(err);
        *ret = take_ptr(data);
        *ret_len = (size_t)size;
        return 0;
}

static int handle_extension(struct tar_reader *r, const struct tar_header *h, struct error *err)
{
        cleanup_free char *data = NULL;
        size_t len = 0;

        if (read_extension(r, h, &data, &len, err) < 0)
                return -1;
        switch (h->type) {
        case 'L':
                replace_string(&r->pax.entry.path, data);
                return 0;
        case 'K':
                replace_string(&r->pax.entry.link, data);
                return 0;
        case 'x':
                tar_pax_deinit(&r->pax);
                return tar_pax_parse(data, len, &r->pax, err);
        default: /* global headers say nothing about the files themselves that we would need */
                return 0;
        }
}

static char *field_string(const char *field, size_t len)
{
        return xstrndup(field, len);
}

static char *header_path(const struct tar_header *h)
{
        cleanup_free char *prefix = NULL, *name = field_string(h->name, sizeof(h->name));

        if (memcmp(h->magic, "ustar\0", 6) != 0 || !h->prefix[0])
                return take_ptr(name);
        prefix = field_string(h->prefix, sizeof(h->prefix));
        return string_format("%s/%s", prefix, name);
}

/* Numbers that have no pax record. */
static int header_numbers(const struct tar_header *h, struct tar_entry *e, struct error *err)
{
        int64_t mode, uid, gid, mtime, major = 0, minor = 0;

        if (tar_number(h->mode, sizeof(h->mode), &mode, err) < 0 ||
            tar_number(h->uid, sizeof(h->uid), &uid, err) < 0 ||
            tar_number(h->gid, sizeof(h->gid), &gid, err) < 0 ||
            tar_number(h->mtime, sizeof(h->mtime), &mtime, err) < 0 ||
            tar_number(h->size, sizeof(h->size), &e->data_size, err) < 0)
                return -1;
        if (e->type == TAR_CHAR || e->type == TAR_BLOCK_DEVICE)
                if (tar_number(h->major, sizeof(h->major), &major, err) < 0 ||
                    tar_number(h->minor, sizeof(h->minor), &minor, err) < 0)
                        return -1;
        if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
                return error_set(err, ERROR_INVALID, "invalid tar header: owner out of range");
        if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff)
                return error_set(err, ERROR_INVALID, "invalid tar header: device number out of range");
        e->mode = (mode_t)(mode & 07777);
        e->uid = (uint32_t)uid;
        e->gid = (uint32_t)gid;
        e->mtime = (struct timespec){ .tv_sec = mtime };
        e->major = (unsigned)major;
        e->minor = (unsigned)minor;
        return 0;
}

/* Moves what pax records said into the entry. */
static void apply_pax(struct tar_pax *pax, struct tar_entry *e)
{
        char **from[] = { &pax->entry.path, &pax->entry.link, &pax->entry.user, &pax->entry.group };
        char **to[] = { &e->path, &e->link, &e->user, &e->group };

        for (size_t i = 0; i < ARRAY_SIZE(from); i++)
                if (!string_empty(*from[i])) {
                        free(*to[i]);
                        *to[i] = take_ptr(*from[i]);
                }
        if (pax->sparse_name) {
                free(e->path);
                e->path = take_ptr(pax->sparse_name);
        }
        if (pax->has_uid)
                e->uid = pax->entry.uid;
        if (pax->has_gid)
                e->gid = pax->entry.gid;
        if (pax->has_mtime)
                e->mtime = pax->entry.mtime;
        if (pax->has_size)
                e->data_size = pax->size;
        e->xattrs = take_ptr(pax->entry.xattrs);
        e->n_xattrs = pax->entry.n_xattrs;
        pax->entry.n_xattrs = 0;
}

static int add_gnu_extents(struct tar_entry *e, const struct tar_header_sparse *list, size_t count,
                           struct error *err)
{
        for (size_t i = 0; i < count && list[i].offset[0]; i++) {
                struct tar_extent x;

                if (tar_number(list[i].offset, sizeof(list[i].offset), &x.offset, err) < 0 ||
                    tar_number(list[i].len, sizeof(list[i].len), &x.len, err) < 0)
                        return -1;
                if (e->n_extents >= TAR_EXTENTS_MAX)
                        return error_set(err, ERROR_INVALID,
                                         "invalid tar header: too many parts in a sparse file");
                ARRAY_APPEND(e->extents, e->n_extents, x);
        }
        return 0;
}

/* The old GNU format: a list in the header and in blocks that follow it. */
static int read_gnu_sparse(struct tar_reader *r, const struct tar_header *h, struct error *err)
{
        struct {
                struct tar_header_sparse list[21];
                char extended, padding[7];
        } more = { .extended = h->gnu.extended };
        struct tar_entry *e = &r->entry;

        _Static_assert(sizeof(more) == TAR_BLOCK, "one block");
        e->sparse = true;
        if (tar_number(h->gnu.real_size, sizeof(h->gnu.real_size), &e->size, err) < 0 ||
            add_gnu_extents(e, h->gnu.sparse, ARRAY_SIZE(h->gnu.sparse), err) < 0)
                return -1;
        while (more.extended) {
                int there = take_raw(r, &more, TAR_BLOCK, err);

                if (there <= 0)
                        return there < 0 ? -1 : truncated(err);
                if (add_gnu_extents(e, more.list, ARRAY_SIZE(more.list), err) < 0)
                        return -1;
        }
        return 0;
}

/* One decimal line of the map that format 1.0 puts before the data. */
static int read_map_number(struct tar_reader *r, int64_t *left, int64_t *ret, struct error *err)
{
        int64_t n = 0;
        size_t digits = 0;

        for (;;) {
                char c;
                int there = *left > 0 ? take_raw(r, &c, 1, err) : 0;

                if (there <= 0)
                        return there < 0 ? -1 : truncated(err);
                --*left;
                if (c == '\n' && digits)
                        break;
                if (c < '0' || c > '9' || ++digits > 18)
                        return error_set(err, ERROR_INVALID, "invalid tar header: map of a sparse file");
                n = n * 10 + (c - '0');
        }
        *ret = n;
        return 0;
}

static int read_pax_sparse_map(struct tar_reader *r, struct error *err)
{
        struct tar_entry *e = &r->entry;
        int64_t left = e->data_size, count = 0, pad;

        if (read_map_number(r, &left, &count, err) < 0)
                return -1;
        if (count > TAR_EXTENTS_MAX)
                return error_set(err, ERROR_INVALID, "invalid tar header: too many parts in a sparse file");
        for (; count > 0; count--) {
                struct tar_extent x;

                if (read_map_number(r, &left, &x.offset, err) < 0 ||
                    read_map_number(r, &left, &x.len, err) < 0)
                        return -1;
                ARRAY_APPEND(e->extents, e->n_extents, x);
        }
        pad = -(e->data_size - left) & (TAR_BLOCK - 1);
        if (pad > left)
                return truncated(err);
        if (pad && take_raw(r, NULL, pad, err) <= 0)
                return err && err->kind != ERROR_NONE ? -1 : truncated(err);
        e->data_size = left - pad;
        return 0;
}

static int entry_sparse(struct tar_reader *r, const struct tar_header *h, struct error *err)
{
        struct tar_entry *e = &r->entry;
        int64_t sum;

        if (h->type == 'S') {
                if (read_gnu_sparse(r, h, err) < 0)
                        return -1;
        } else if (r->pax.sparse) {
                e->sparse = true;
                e->size = r->pax.real_size;
                e->extents = take_ptr(r->pax.entry.extents);
                e->n_extents = r->pax.entry.n_extents;
                r->pax.entry.n_extents = 0;
                if (r->pax.sparse_major == 1 && read_pax_sparse_map(r, err) < 0)
                        return -1;
        } else
                return 0;
        if (e->size < 0 || e->size > SIZE_MAX_FILE)
                return error_set(err, ERROR_INVALID, "invalid tar header: size out of range");
        if (tar_extents_check(e, e->size, &sum, err) < 0)
                return -1;
        if (sum != e->data_size)
                return error_set(err, ERROR_INVALID, "invalid tar header: map of a sparse file");
        return 0;
}

/* ustar's types, and how older and odd ones are read. 0 is "unknown". */
static enum tar_type entry_type(const struct tar_header *h, const char *path)
{
        switch (h->type) {
        case '\0':
        case '0':
        case '7':
                return string_ends_with(path, "/") ? TAR_DIRECTORY : TAR_FILE;
        case 'S':
                return TAR_FILE;
        case '1':
        case '2':
        case '3':
        case '4':
        case '5':
        case '6':
                return (enum tar_type)h->type;
        default:
                return 0;
        }
}

static int check_size(struct tar_reader *r, struct error *err)
{
        struct tar_entry *e = &r->entry;

        if (e->data_size < 0 || e->data_size > SIZE_MAX_FILE)
                return error_set(err, ERROR_INVALID, "invalid tar header: size out of range");
        if (e->type != TAR_FILE)
                e->data_size = 0;
        r->padding = -e->data_size & (TAR_BLOCK - 1);
        e->size = e->type == TAR_FILE ? e->data_size : 0;
        return 0;
}

static int make_entry(struct tar_reader *r, const struct tar_header *h, struct error *err)
{
        struct tar_entry *e = &r->entry;
        size_t len;

        tar_entry_deinit(e);
        e->path = header_path(h);
        if (h->type == '1' || h->type == '2')
                e->link = field_string(h->link, sizeof(h->link));
        e->type = (enum tar_type)h->type;
        if (header_numbers(h, e, err) < 0)
                return -1;
        e->user = field_string(h->user, sizeof(h->user));
        e->group = field_string(h->group, sizeof(h->group));
        apply_pax(&r->pax, e);
        e->type = entry_type(h, e->path);
        if (!e->type)
                return error_set(err, ERROR_INVALID, "unhandled tar header type %d", h->type);
        len = strlen(e->path);
        if (len >= TAR_PATH_MAX || (e->link && strlen(e->link) >= TAR_PATH_MAX))
                return error_set(err, ERROR_INVALID, "invalid tar header: name too long");
        while (len > 1 && e->path[len - 1] == '/')
                e->path[--len] = '\0';
        if (len == 0)
                return error_set(err, ERROR_INVALID, "invalid tar header: empty name");
        if (check_size(r, err) < 0 || entry_sparse(r, h, err) < 0)
                return -1;
        r->left = e->data_size;
        return 0;
}

int tar_reader_next(struct tar_reader *r, const struct tar_entry **ret, struct error *err)
{
        struct tar_header h;
        int there;

        if (r->ended)
                return 0;
        if (r->left || r->padding) {
                there = take_raw(r, NULL, r->left + r->padding, err);
                if (there <= 0)
                        return there < 0 ? -1 : truncated(err);
                r->left = r->padding = 0;
        }
        tar_pax_deinit(&r->pax);
        while ((there = read_header(r, &h, err)) > 0) {
                if (h.type == 'x' || h.type == 'g' || h.type == 'L' || h.type == 'K') {
                        if (handle_extension(r, &h, err) < 0)
                                return -1;
                        continue;
                }
                if (make_entry(r, &h, err) < 0)
                        return -1;
                *ret = &r->entry;
                return 1;
        }
        if (there == 0)
                r->ended = true;
        return there;
}

ssize_t tar_reader_data(struct tar_reader *r, void *buffer, size_t len, struct error *err)
{
        ssize_t n;

        len = (size_t)MIN((int64_t)MIN(len, (size_t)1 << 30), r->left);
        if (!len)
                return 0;
        if (r->start < r->end) {
                len = MIN(len, r->end - r->start);
                memcpy(buffer, r->buffer + r->start, len);
                r->start += len;
                n = (ssize_t)len;
        } else {
                n = stream_read(r->in, buffer, len, err);
                if (n < 0)
                        return -1;
                if (n == 0)
                        return truncated(err);
        }
        if (r->keep_data && r->raw && sink_write(r->raw, buffer, (size_t)n, err) < 0)
                return -1;
        r->left -= n;
        return n;
}

void tar_reader_keep_data(struct tar_reader *r)
{
        r->keep_data = true;
}
