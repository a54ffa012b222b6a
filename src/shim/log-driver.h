/* Writing a container's log: bytes of its streams in, records of the chosen driver out.
 *
 * Lines are cut at newlines; one longer than LOG_LINE_MAX becomes several partial records, cut between characters.
 * What stands behind the last newline waits until more comes or the stream ends. Records are gathered and written by
 * log_writer_flush(), which the shim's loop calls once for all that one read brought. */
#pragma once

#include "shim/config.h"
#include "shim/log-options.h"
#include "shim/log-reader.h"

#define LOG_LINE_MAX 16384

struct log_record {
        enum log_stream stream;
        int64_t time;
        const char *when; /* the same as RFC 3339 text, made once for many records; NULL: not yet */
        const char *data; /* without its newline */
        size_t len;
        bool newline;        /* a newline ends it */
        unsigned ordinal;    /* 0: not a part of a long line, else its number in it */
        uint64_t partial_id; /* the same for all parts of a line */
};

struct log_writer;

/* `options` are those of log_options_parse(). A driver whose service isn't on this host is an ERROR_UNAVAILABLE. */
int log_writer_open(const struct shim_config *config, const struct log_options *options, struct log_writer **ret,
                    struct error *err);
void log_writer_data(struct log_writer *writer, enum log_stream stream, const char *data, size_t len);
/* The stream has ended: what is left of a line becomes a record. */
void log_writer_end(struct log_writer *writer, enum log_stream stream);
/* What stands behind the last newline of a stream and is in no record yet: its length. */
size_t log_writer_rest(const struct log_writer *writer, enum log_stream stream, const char **ret);
/* An error is told once, until a flush succeeds again: the container must not suffer from a full disk. */
int log_writer_flush(struct log_writer *writer, struct error *err);
void log_writer_close(struct log_writer *writer);

/* The pieces, pure, for tests. */
void log_encode_json(const struct log_record *record, const char *attributes_json, struct strbuf *out);
void log_encode_local(const struct log_record *record, struct strbuf *out);

/* A driver: `write` takes one record, `flush` sees to it that it gets to where it shall. */
struct log_sink;
struct log_sink_ops {
        int (*open)(const struct shim_config *config, const struct log_options *options, struct log_sink **ret,
                    struct error *err);
        int (*write)(struct log_sink *sink, const struct log_record *record, struct error *err);
        int (*flush)(struct log_sink *sink, struct error *err);
        void (*close)(struct log_sink *sink);
};
extern const struct log_sink_ops log_json_file_ops, log_local_ops, log_syslog_ops, log_journald_ops;
