/* Docker's driver `local`: protocol buffers (LogEntry of moby's api/types/plugins/logdriver) with their length, four
 * bytes big endian, before and behind each, so that a file can be read from either end. */
#include "shim/log-driver.h"
#include "shim/log-file.h"

#include <stdio.h>

struct log_sink {
        struct log_file file;
};

static void add_varint(struct strbuf *out, uint64_t value)
{
        for (; value >= 0x80; value >>= 7)
                strbuf_addc(out, (char)(value | 0x80));
        strbuf_addc(out, (char)value);
}

static void add_bytes(struct strbuf *out, unsigned field, const char *data, size_t len)
{
        add_varint(out, field << 3 | 2);
        add_varint(out, len);
        strbuf_add(out, data, len);
}

static void add_number(struct strbuf *out, unsigned field, uint64_t value)
{
        add_varint(out, field << 3);
        add_varint(out, value);
}

static void add_length(struct strbuf *out, size_t len)
{
        for (int shift = 24; shift >= 0; shift -= 8)
                strbuf_addc(out, (char)(len >> shift));
}

void log_encode_local(const struct log_record *record, struct strbuf *out)
{
        cleanup_strbuf struct strbuf entry = { 0 };
        const char *source = record->stream == LOG_STDERR ? "stderr" : "stdout";

        add_bytes(&entry, 1, source, 6);
        add_number(&entry, 2, (uint64_t)record->time);
        add_bytes(&entry, 3, record->data, record->len);
        if (record->ordinal > 0) {
                cleanup_strbuf struct strbuf part = { 0 };
                char id[24];

                add_number(&entry, 4, 1);
                if (record->newline)
                        add_number(&part, 1, 1);
                snprintf(id, sizeof(id), "%016llx", (unsigned long long)record->partial_id);
                add_bytes(&part, 2, id, 16);
                add_number(&part, 3, record->ordinal);
                add_bytes(&entry, 5, part.data, part.len);
        }
        add_length(out, entry.len);
        strbuf_add(out, entry.data, entry.len);
        add_length(out, entry.len);
}

static int local_open(const struct shim_config *config, const struct log_options *options, struct log_sink **ret,
                      struct error *err)
{
        struct log_sink *sink = xcalloc(1, sizeof(*sink));

        if (log_file_open(&sink->file, config->log_path, options->max_size, options->max_files, false, err) < 0) {
                free(sink);
                return -1;
        }
        *ret = sink;
        return 0;
}

static int local_write(struct log_sink *sink, const struct log_record *record, struct error *err)
{
        int r = log_file_make_room(&sink->file, err);

        log_encode_local(record, &sink->file.batch);
        return r;
}

static int local_flush(struct log_sink *sink, struct error *err)
{
        return log_file_flush(&sink->file, err);
}

static void local_close(struct log_sink *sink)
{
        log_file_close(&sink->file);
        free(sink);
}

const struct log_sink_ops log_local_ops = { local_open, local_write, local_flush, local_close };
