/* Reading a container's log: json-file and local, also while a shim writes it.
 *
 * The reader has the current file and its rotated predecessors (LOG.1 is the youngest) open from the beginning, so
 * rotation under its feet loses nothing. `tail` is searched from the end in blocks. A line is complete when its record
 * ends in a newline; what a writer has not finished is left for the next call and never shown in part. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "base/time.h"

enum log_stream { LOG_STDOUT = 1, LOG_STDERR = 2 }; /* the numbers of the attach frames */

struct log_read_options {
        const char *driver; /* "json-file", "local"; others: ERROR_UNSUPPORTED with Docker's sentence */
        const char *path;   /* shim_config.log_path */
        int64_t tail;       /* number of lines, -1: all. Counted over both streams, as Docker does */
        int64_t since;      /* messages at or after; TIME_ZERO: from the beginning */
        int64_t until;      /* messages at or before; TIME_ZERO: no end */
        bool use_stdout, use_stderr;
        bool follow;
};

/* One message. Points into the reader and is valid until the next call. */
struct log_message {
        enum log_stream stream;
        int64_t time;
        const char *data; /* with its newline, if it has one; a part of a long line has none */
        size_t len;
        const struct strmap *attributes;
};

struct log_reader;

/* A log that isn't there yet is empty. */
int log_reader_open(const struct log_read_options *options, struct log_reader **ret, struct error *err);
/* 1: a message; 0: the end for now; -1. */
int log_reader_next(struct log_reader *reader, struct log_message *ret, struct error *err);
/* With `follow`: blocks until the log may have grown (inotify), or one of `wake_fds` is readable (a client that left, an
 * eventfd that says the container has ended). Returns the index of that descriptor, or -1 for the log, -2 on error.
 *
 *     for (;;) { while ((r = log_reader_next(…)) > 0) write; if (ended) break; ended = log_reader_wait(…) >= 0; }
 *
 * After the container's end the caller reads once more until 0: then everything was seen. */
int log_reader_wait(struct log_reader *reader, const int *wake_fds, size_t n_wake_fds, struct error *err);
/* Nothing more will ever come: a message behind `until` was seen. */
bool log_reader_is_done(const struct log_reader *reader);
/* Readable when the log changed (with `follow`), for callers with a loop of their own; -1 otherwise. */
int log_reader_fd(const struct log_reader *reader);
void log_reader_close(struct log_reader *reader);
static inline void cleanup_log_reader_func(struct log_reader **reader)
{
        log_reader_close(*reader);
}
#define cleanup_log_reader __attribute__((cleanup(cleanup_log_reader_func)))

/* The text that `docker logs` prints before a message: time (nine digits) and/or attributes ("A=1,b=2 "). */
void log_message_prefix(const struct log_message *message, bool timestamps, bool details, struct strbuf *out);
/* Removes a container's log with all rotated parts. */
int log_remove(const char *path, struct error *err);
