#include "shim/log-driver.h"

#include "base/time.h"

#include <unistd.h>

/* What stands behind the last newline of a stream. */
struct line {
        struct strbuf rest;
        unsigned ordinal;
        uint64_t partial_id;
};

struct log_writer {
        const struct log_sink_ops *ops; /* NULL: the driver "none" */
        struct log_sink *sink;
        struct line lines[2];
        struct error failure; /* of a write since the last flush */
        bool failing;
};

static const struct {
        const char *name;
        const struct log_sink_ops *ops;
} drivers[] = {
        { "json-file", &log_json_file_ops },
        { "local", &log_local_ops },
        { "syslog", &log_syslog_ops },
        { "journald", &log_journald_ops },
        { "none", NULL },
};

int log_writer_open(const struct shim_config *config, const struct log_options *options, struct log_writer **ret,
                    struct error *err)
{
        const char *name = string_empty(config->log_driver) ? "json-file" : config->log_driver;
        struct log_writer *writer;

        for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
                if (!streq(drivers[i].name, name))
                        continue;
                writer = xcalloc(1, sizeof(*writer));
                writer->ops = drivers[i].ops;
                if (writer->ops && writer->ops->open(config, options, &writer->sink, err) < 0) {
                        free(writer);
                        return -1;
                }
                *ret = writer;
                return 0;
        }
        return error_set(err, ERROR_INVALID, "logger: no log driver named '%s' is registered", name);
}

static void emit(struct log_writer *writer, struct line *line, struct log_record *record)
{
        if (line->ordinal > 0 || (!record->newline && record->len > 0)) {
                if (line->ordinal == 0)
                        line->partial_id = (uint64_t)record->time;
                record->ordinal = ++line->ordinal;
                record->partial_id = line->partial_id;
        }
        if (record->newline)
                line->ordinal = 0;
        if (writer->ops->write(writer->sink, record, writer->failure.kind ? NULL : &writer->failure) < 0)
                return;
}

/* How many of `len` bytes to take so that no character is cut in two. */
static size_t cut_between_characters(const char *data, size_t len)
{
        size_t back = 0, need;

        while (back < 3 && back < len && ((unsigned char)data[len - 1 - back] & 0xc0) == 0x80)
                back++;
        if (back >= len)
                return len;
        switch ((unsigned char)data[len - 1 - back] >> 4) {
        case 0xc:
        case 0xd:
                need = 1;
                break;
        case 0xe:
                need = 2;
                break;
        case 0xf:
                need = 3;
                break;
        default:
                return len;
        }
        return back < need ? len - 1 - back : len;
}

/* Adds a piece without a newline to what waits; full parts leave. */
static void hold(struct log_writer *writer, struct line *line, struct log_record *record, const char *data,
                 size_t len)
{
        strbuf_add(&line->rest, data, len);
        while (line->rest.len > LOG_LINE_MAX) {
                size_t cut = cut_between_characters(line->rest.data, LOG_LINE_MAX);

                record->data = line->rest.data;
                record->len = cut;
                record->newline = false;
                record->ordinal = 0;
                emit(writer, line, record);
                memmove(line->rest.data, line->rest.data + cut, line->rest.len - cut);
                line->rest.len -= cut;
                line->rest.data[line->rest.len] = '\0';
        }
}

void log_writer_data(struct log_writer *writer, enum log_stream stream, const char *data, size_t len)
{
        struct line *line = &writer->lines[stream - 1];
        char when[TIME_RFC3339_MAX];
        struct log_record record = { .stream = stream, .time = time_now(), .when = when };

        if (!writer->ops)
                return;
        time_format_rfc3339nano(record.time, when);
        while (len > 0) {
                const char *newline = memchr(data, '\n', len);
                size_t n = newline ? (size_t)(newline - data) : len;

                if (!newline || line->rest.len > 0 || n > LOG_LINE_MAX) {
                        hold(writer, line, &record, data, n);
                        if (!newline)
                                return;
                        record.data = line->rest.data ? line->rest.data : "";
                        record.len = line->rest.len;
                } else {
                        record.data = data;
                        record.len = n;
                }
                record.newline = true;
                record.ordinal = 0;
                emit(writer, line, &record);
                strbuf_deinit(&line->rest);
                data += n + 1;
                len -= n + 1;
        }
}

void log_writer_end(struct log_writer *writer, enum log_stream stream)
{
        struct line *line = &writer->lines[stream - 1];

        if (writer->ops && line->rest.len > 0) {
                struct log_record record = {
                        .stream = stream,
                        .time = time_now(),
                        .data = line->rest.data,
                        .len = line->rest.len,
                };

                emit(writer, line, &record);
        }
        strbuf_deinit(&line->rest);
        line->ordinal = 0;
}

size_t log_writer_rest(const struct log_writer *writer, enum log_stream stream, const char **ret)
{
        *ret = writer->lines[stream - 1].rest.data;
        return writer->lines[stream - 1].rest.len;
}

int log_writer_flush(struct log_writer *writer, struct error *err)
{
        struct error *failure = writer->failure.kind ? NULL : &writer->failure;

        if (!writer->ops)
                return 0;
        if (writer->ops->flush(writer->sink, failure) == 0 && writer->failure.kind == ERROR_NONE) {
                writer->failing = false;
                return 0;
        }
        if (writer->failing) {
                error_clear(&writer->failure);
                return 0;
        }
        writer->failing = true;
        return error_move(err, &writer->failure);
}

void log_writer_close(struct log_writer *writer)
{
        if (!writer)
                return;
        if (writer->ops) {
                writer->ops->flush(writer->sink, NULL);
                writer->ops->close(writer->sink);
        }
        strbuf_deinit(&writer->lines[0].rest);
        strbuf_deinit(&writer->lines[1].rest);
        error_clear(&writer->failure);
        free(writer);
}
