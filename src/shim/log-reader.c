/* Theory of operation: the log is a row of segments, oldest first; the last is the file that is written. All are open
 * from the beginning. Each is read through one buffer in which records are cut. At the end of the last one a follower
 * looks whether the path names another file by now; if so it first reads once more (the writer flushes before it
 * renames), then opens what came after.
 *
 * Segments are opened from the youngest to the oldest and are told apart by their inode: a rotation meanwhile shows a
 * file twice and hides none. */
#include "shim/log-reader.h"

#include "base/fd.h"
#include "shim/log-decode.h"
#include "shim/log-options.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>

#define BLOCK 65536
#define SEGMENTS_MAX 4096

struct segment {
        int fd;
        dev_t dev;
        ino_t ino;
        off_t size; /* when it was opened */
        off_t offset;
        int64_t changed;
};

struct log_reader {
        struct log_read_options options;
        char *path;
        bool framed;
        bool done;
        struct segment *segments;
        size_t n_segments, current;
        struct strbuf buffer;
        size_t position; /* of the next record in `buffer` */
        struct log_decoder decoder;
        int inotify;
};

/* --- segments --- */

static int segment_open(const char *path, struct segment *ret)
{
        struct stat st;
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return -1;
        if (fstat(fd, &st) < 0) {
                close(fd);
                return -1;
        }
        *ret = (struct segment){
                .fd = fd,
                .dev = st.st_dev,
                .ino = st.st_ino,
                .size = st.st_size,
                .changed = st.st_mtim.tv_sec * NSEC_PER_SEC + st.st_mtim.tv_nsec,
        };
        return 0;
}

static bool same_file(const struct segment *a, const struct segment *b)
{
        return a->ino == b->ino && a->dev == b->dev;
}

/* Opens the files from the youngest on until `until` (may be NULL) or the last one; gives them oldest first. */
static int segments_collect(const char *path, const struct segment *until, struct segment **ret, size_t *ret_n,
                            struct error *err)
{
        struct segment *list = NULL, segment;
        size_t n = 0;

        for (int i = 0; i < SEGMENTS_MAX; i++) {
                cleanup_free char *name = i > 0 ? string_format("%s.%d", path, i) : xstrdup(path);
                bool known = false;

                if (segment_open(name, &segment) < 0) {
                        if (errno == ENOENT)
                                break;
                        error_errno(err, "open log %s", name);
                        while (n > 0)
                                close(list[--n].fd);
                        free(list);
                        return -1;
                }
                if (until && same_file(until, &segment)) {
                        close(segment.fd);
                        break;
                }
                for (size_t j = 0; j < n && !known; j++)
                        known = same_file(&list[j], &segment);
                if (known)
                        close(segment.fd);
                else
                        ARRAY_APPEND(list, n, segment);
        }
        for (size_t i = 0; i < n / 2; i++) {
                segment = list[i];
                list[i] = list[n - 1 - i];
                list[n - 1 - i] = segment;
        }
        *ret = list;
        *ret_n = n;
        return 0;
}

static void segments_close(struct segment *list, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (list[i].fd >= 0)
                        close(list[i].fd);
        free(list);
}

/* Collects again when the log was rotated meanwhile, as the order could be wrong then. */
static int segments_open(struct log_reader *reader, struct error *err)
{
        for (int attempt = 0; attempt < 10; attempt++) {
                struct stat st;

                if (segments_collect(reader->path, NULL, &reader->segments, &reader->n_segments, err) < 0)
                        return -1;
                if (reader->n_segments == 0 || stat(reader->path, &st) < 0 ||
                    st.st_ino == reader->segments[reader->n_segments - 1].ino)
                        break;
                if (attempt < 9) {
                        segments_close(reader->segments, reader->n_segments);
                        reader->segments = NULL;
                        reader->n_segments = 0;
                }
        }
        return 0;
}

/* --- tail --- */

/* Finds where the last `*count` lines of a segment begin; lowers `*count` by the lines that are there. */
static int tail_lines(struct segment *segment, int64_t *count, struct error *err)
{
        cleanup_free char *block = xmalloc(BLOCK);
        off_t at = segment->size;
        bool first = true; /* the newline at the very end ends a line, it doesn't begin one */

        while (at > 0) {
                size_t want = (size_t)MIN(at, (off_t)BLOCK);
                ssize_t n = pread(segment->fd, block, want, at - (off_t)want);

                if (n != (ssize_t)want)
                        return error_errnum(err, n < 0 ? errno : EIO, "read log");
                for (size_t i = want; i > 0; i--) {
                        if (block[i - 1] != '\n')
                                continue;
                        if (first) {
                                first = false;
                                continue;
                        }
                        if (--*count == 0) {
                                segment->offset = at - (off_t)want + (off_t)i;
                                return 0;
                        }
                }
                at -= (off_t)want;
        }
        if (!first)
                --*count;
        segment->offset = 0;
        return 0;
}

static bool read_length(int fd, off_t at, off_t *ret)
{
        unsigned char head[4];

        if (at < 0 || pread(fd, head, 4, at) != 4)
                return false;
        *ret = (off_t)head[0] << 24 | (off_t)head[1] << 16 | (off_t)head[2] << 8 | (off_t)head[3];
        return true;
}

/* The end of the last whole record: what a writer has not finished is not counted. */
static off_t framed_end(const struct segment *segment)
{
        off_t len, head, at = 0;

        if (read_length(segment->fd, segment->size - 4, &len) && len < LOG_RECORD_MAX &&
            read_length(segment->fd, segment->size - 8 - len, &head) && head == len)
                return segment->size;
        while (read_length(segment->fd, at, &len) && at + len + 8 <= segment->size)
                at += len + 8;
        return at;
}

static void tail_framed(struct segment *segment, int64_t *count)
{
        off_t at = framed_end(segment), len;

        while (at > 0 && *count > 0 && read_length(segment->fd, at - 4, &len) && at - len - 8 >= 0) {
                at -= len + 8;
                --*count;
        }
        segment->offset = MAX(at, (off_t)0);
}

/* Behind the last whole record: one that is half written now is a new one. */
static int tail_nothing(struct log_reader *reader, struct segment *segment, struct error *err)
{
        char c = '\0';

        segment->offset = reader->framed ? framed_end(segment) : segment->size;
        while (!reader->framed && segment->offset > 0) {
                if (pread(segment->fd, &c, 1, segment->offset - 1) != 1)
                        return error_errno(err, "read log");
                if (c == '\n')
                        break;
                segment->offset--;
        }
        return 0;
}

/* The segments before `current` are not read. */
static int tail_find(struct log_reader *reader, struct error *err)
{
        int64_t count = reader->options.tail;
        size_t i = reader->n_segments;

        if (count == 0 && i > 0) {
                reader->current = i - 1;
                return tail_nothing(reader, &reader->segments[i - 1], err);
        }
        while (i > 0 && count > 0) {
                struct segment *segment = &reader->segments[--i];

                if (reader->framed)
                        tail_framed(segment, &count);
                else if (tail_lines(segment, &count, err) < 0)
                        return -1;
                reader->current = i;
        }
        return 0;
}

/* --- opening --- */

static int watch(struct log_reader *reader, struct error *err)
{
        cleanup_free char *folder = xstrdup(reader->path);
        char *slash = strrchr(folder, '/');

        if (slash)
                *slash = '\0';
        reader->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (reader->inotify < 0)
                return error_errno(err, "watch log");
        if (slash && directory_make(AT_FDCWD, folder, 0700, err) < 0)
                return -1;
        if (inotify_add_watch(reader->inotify, slash ? folder : ".", IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
                return error_errno(err, "watch %s", folder);
        return 0;
}

int log_reader_open(const struct log_read_options *options, struct log_reader **ret, struct error *err)
{
        cleanup_log_reader struct log_reader *reader = NULL;

        if (!log_driver_is_readable(options->driver))
                return error_set(err, ERROR_UNSUPPORTED, "configured logging driver does not support reading");
        reader = xcalloc(1, sizeof(*reader));
        reader->inotify = -1;
        reader->options = *options;
        reader->options.driver = NULL;
        reader->path = xstrdup(options->path);
        reader->framed = streq(options->driver, "local");
        /* Watched first, so that nothing happens unseen between reading and waiting. */
        if (options->follow && watch(reader, err) < 0)
                return -1;
        if (segments_open(reader, err) < 0)
                return -1;
        if (options->tail >= 0 && tail_find(reader, err) < 0)
                return -1;
        /* Files that were not touched since then hold nothing that is asked for. */
        while (options->since != TIME_ZERO && reader->current + 1 < reader->n_segments &&
               reader->segments[reader->current].changed < options->since)
                reader->current++;
        *ret = take_ptr(reader);
        return 0;
}

/* --- reading --- */

/* 1: more bytes; 0: the segment's end. */
static int fill(struct log_reader *reader, struct error *err)
{
        struct segment *segment = &reader->segments[reader->current];
        size_t want = BLOCK;
        ssize_t n;

        if (!reader->options.follow) {
                if (segment->offset >= segment->size)
                        return 0;
                want = (size_t)MIN((off_t)BLOCK, segment->size - segment->offset);
        }
        if (reader->position > 0) {
                memmove(reader->buffer.data, reader->buffer.data + reader->position,
                        reader->buffer.len - reader->position);
                reader->buffer.len -= reader->position;
                reader->position = 0;
        }
        do
                n = pread(segment->fd, strbuf_reserve(&reader->buffer, want), want, segment->offset);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return error_errno(err, "read log");
        reader->buffer.len += (size_t)n;
        segment->offset += n;
        return n > 0;
}

/* Cuts the next whole record out of the buffer. */
static bool cut_record(struct log_reader *reader, const char **ret, size_t *ret_len)
{
        const char *data = reader->buffer.data + reader->position;
        size_t len = reader->buffer.len - reader->position;

        if (reader->framed) {
                const unsigned char *head = (const unsigned char *)data;
                size_t n;

                if (len < 8)
                        return false;
                n = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | (size_t)head[3];
                if (n > LOG_RECORD_MAX) { /* no such record: skip what we have */
                        reader->position = reader->buffer.len;
                        return false;
                }
                if (len < n + 8)
                        return false;
                *ret = data + 4;
                *ret_len = n;
                reader->position += n + 8;
                return true;
        }
        *ret = data;
        data = len > 0 ? memchr(data, '\n', len) : NULL;
        if (!data) {
                if (len > LOG_RECORD_MAX)
                        reader->position = reader->buffer.len;
                return false;
        }
        *ret_len = (size_t)(data - *ret);
        reader->position += *ret_len + 1;
        return true;
}

static bool wanted(struct log_reader *reader, const struct log_message *message)
{
        const struct log_read_options *options = &reader->options;

        if (options->until != TIME_ZERO && message->time > options->until) {
                reader->done = true;
                return false;
        }
        if (options->since != TIME_ZERO && message->time < options->since)
                return false;
        return message->stream == LOG_STDERR ? options->use_stderr : options->use_stdout;
}

/* At the end of the last segment: appends what a rotation has brought. 1: there is more. */
static int advance(struct log_reader *reader, struct error *err)
{
        const struct segment *last = reader->n_segments ? &reader->segments[reader->n_segments - 1] : NULL;
        struct segment *list;
        struct stat st;
        size_t n;
        int r;

        if (stat(reader->path, &st) < 0 || (last && st.st_ino == last->ino && st.st_dev == last->dev))
                return 0;
        if (last && (r = fill(reader, err)) != 0)
                return r;
        if (segments_collect(reader->path, last, &list, &n, err) < 0)
                return -1;
        for (size_t i = 0; i < n; i++)
                ARRAY_APPEND(reader->segments, reader->n_segments, list[i]);
        free(list);
        return n > 0;
}

/* What is left in the buffer at a finished segment's end was never finished. */
static void next_segment(struct log_reader *reader)
{
        strbuf_clear(&reader->buffer);
        reader->position = 0;
        close(take_fd(reader->segments[reader->current].fd));
        reader->current++;
}

int log_reader_next(struct log_reader *reader, struct log_message *ret, struct error *err)
{
        while (!reader->done) {
                const char *record;
                size_t len;
                int r;

                if (reader->buffer.len > reader->position && cut_record(reader, &record, &len)) {
                        struct log_message message;

                        r = reader->framed ? log_decode_local(&reader->decoder, record, len, &message)
                                           : log_decode_json(&reader->decoder, record, len, &message);
                        if (r > 0 && wanted(reader, &message)) {
                                *ret = message;
                                return 1;
                        }
                        continue;
                }
                if (reader->current < reader->n_segments) {
                        r = fill(reader, err);
                        if (r < 0)
                                return -1;
                        if (r > 0)
                                continue;
                }
                if (reader->current + 1 < reader->n_segments) {
                        next_segment(reader);
                        continue;
                }
                if (!reader->options.follow)
                        return 0;
                r = advance(reader, err);
                if (r <= 0)
                        return r;
        }
        return 0;
}

bool log_reader_is_done(const struct log_reader *reader)
{
        return reader->done;
}

int log_reader_fd(const struct log_reader *reader)
{
        return reader->inotify;
}

static void drain(int inotify)
{
        char events[4096];

        while (read(inotify, events, sizeof(events)) > 0)
                ;
}

int log_reader_wait(struct log_reader *reader, const int *wake_fds, size_t n_wake_fds, struct error *err)
{
        struct pollfd fds[17] = { { reader->inotify, POLLIN, 0 } };

        if (n_wake_fds > 16) {
                error_set(err, ERROR_INVALID, "log: too many descriptors to wait for");
                return -2;
        }
        for (size_t i = 0; i < n_wake_fds; i++)
                fds[i + 1] = (struct pollfd){ wake_fds[i], POLLIN, 0 };
        while (poll(fds, n_wake_fds + 1, -1) < 0) {
                if (errno != EINTR) {
                        error_errno(err, "wait for the log");
                        return -2;
                }
        }
        if (fds[0].revents)
                drain(reader->inotify);
        for (size_t i = 0; i < n_wake_fds; i++)
                if (fds[i + 1].revents)
                        return (int)i;
        return -1;
}

void log_reader_close(struct log_reader *reader)
{
        if (!reader)
                return;
        segments_close(reader->segments, reader->n_segments);
        if (reader->inotify >= 0)
                close(reader->inotify);
        strbuf_deinit(&reader->buffer);
        log_decoder_deinit(&reader->decoder);
        free(reader->path);
        free(reader);
}

/* --- what is around a message --- */

/* Go's url.QueryEscape. */
static void add_escaped(struct strbuf *out, const char *s)
{
        for (; *s; s++) {
                unsigned char c = (unsigned char)*s;
                bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
                             c == '_' || c == '.' || c == '~';

                if (plain)
                        strbuf_addc(out, *s);
                else if (c == ' ')
                        strbuf_addc(out, '+');
                else
                        strbuf_addf(out, "%%%02X", c);
        }
}

void log_message_prefix(const struct log_message *message, bool timestamps, bool details, struct strbuf *out)
{
        if (timestamps) {
                char when[TIME_RFC3339_MAX];

                time_format_rfc3339fixed(message->time, when);
                strbuf_adds(out, when);
                strbuf_addc(out, ' ');
        }
        if (!details)
                return;
        for (size_t i = 0; message->attributes && i < message->attributes->count; i++) {
                if (i > 0)
                        strbuf_addc(out, ',');
                add_escaped(out, message->attributes->pairs[i].key);
                strbuf_addc(out, '=');
                add_escaped(out, message->attributes->pairs[i].value);
        }
        strbuf_addc(out, ' ');
}

int log_remove(const char *path, struct error *err)
{
        if (unlink(path) < 0 && errno != ENOENT)
                return error_errno(err, "remove log %s", path);
        for (int i = 1; i < SEGMENTS_MAX; i++) {
                cleanup_free char *name = string_format("%s.%d", path, i);

                if (unlink(name) < 0)
                        return errno == ENOENT ? 0 : error_errno(err, "remove log %s", name);
        }
        return 0;
}
