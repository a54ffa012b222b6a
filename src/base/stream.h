/* Byte streams: a `struct stream` is pulled from, a `struct sink` is pushed into. Implementations put the
 * struct first in their own and set `class`. Both are blocking and used by one thread at a time. */
#pragma once

#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"

#include <stdint.h>
#include <sys/types.h>

struct stream;
struct stream_class {
        /* Up to `len` (> 0) bytes; 0 at the end and ever after, -1 on failure. Short counts are allowed. */
        ssize_t (*read)(struct stream *s, void *buffer, size_t len, struct error *err);
        void (*free)(struct stream *s); /* NULL: nothing to free (caller's memory) */
};
struct stream {
        const struct stream_class *class;
};

ssize_t stream_read(struct stream *s, void *buffer, size_t len, struct error *err);
/* Reads until `len` bytes are there or the end; returns the count. */
ssize_t stream_read_full(struct stream *s, void *buffer, size_t len, struct error *err);
/* Reads and drops everything up to the end. */
int stream_drain(struct stream *s, struct error *err);
/* The whole rest as NUL-terminated heap memory; more than `max` bytes is an ERROR_INVALID. */
int stream_read_all(struct stream *s, size_t max, char **ret_data, size_t *ret_len, struct error *err);
void stream_free(struct stream *s); /* NULL is fine */
static inline void cleanup_stream_func(struct stream **s)
{
        stream_free(*s);
}
#define cleanup_stream __attribute__((cleanup(cleanup_stream_func)))

/* From a descriptor, which the stream owns and closes (dup() it to keep it). */
struct stream *stream_new_fd(int fd);
/* From memory that outlives the stream. */
struct stream *stream_new_memory(const void *data, size_t len);
/* Those below read from `inner`, which stays the caller's and must outlive them. */
/* At most `len` bytes of `inner`. */
struct stream *stream_new_limited(struct stream *inner, uint64_t len);
/* Puts everything read through it into `hash` and counts it. */
struct stream *stream_new_hashing(struct stream *inner, struct hash *hash, uint64_t *count);

enum compression { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD, COMPRESSION_XZ, COMPRESSION_BZIP2 };
/* By magic number; needs at least 10 bytes to tell all of them. */
enum compression compression_detect(const void *data, size_t len);
/* The decompressed bytes of `inner`, whatever it is compressed with (told by magic, plain data passes
 * through). Damaged or truncated input is an ERROR_INVALID, and so is what expands to more than 4 GB and 200
 * times its size. Nothing is read before the first stream_read().
 */
struct stream *stream_new_decompressed(struct stream *inner);
/* Runs `inner` in a thread of its own and reads ahead of the consumer by up to 1 MB. Freeing it waits for the
 * thread to come back from inner's read(). */
struct stream *stream_new_threaded(struct stream *inner);

/* What `produce` writes into its sink, run in a thread of its own. An early stream_free() makes the sink's
 * next write fail (ERROR_CANCELLED) and waits for `produce` to return; `release` (may be NULL) is called with
 * `arg` after that. */
struct sink;
struct stream *stream_new_producer(int (*produce)(void *arg, struct sink *out, struct error *err),
                                   void (*release)(void *arg), void *arg);

struct sink_class {
        int (*write)(struct sink *s, const void *data, size_t len, struct error *err); /* all of it */
        void (*free)(struct sink *s); /* NULL: nothing to free */
};
struct sink {
        const struct sink_class *class;
};

int sink_write(struct sink *s, const void *data, size_t len, struct error *err);
void sink_free(struct sink *s);
static inline void cleanup_sink_func(struct sink **s)
{
        sink_free(*s);
}
#define cleanup_sink __attribute__((cleanup(cleanup_sink_func)))

/* Into a descriptor, which stays the caller's. */
struct sink *sink_new_fd(int fd);
/* Into a string buffer that outlives it. */
struct sink *sink_new_buffer(struct strbuf *buffer);
/* Into `hash`, counted, and on into `inner` unless that is NULL. Both stay the caller's; `hash` and `count`
 * may be NULL. */
struct sink *sink_new_hashing(struct sink *inner, struct hash *hash, uint64_t *count);

/* Everything of `from` into `to`; the number of bytes in *ret_count (may be NULL). */
int stream_copy(struct stream *from, struct sink *to, uint64_t *ret_count, struct error *err);
