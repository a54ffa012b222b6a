/* Docker's json-file: {"log":"text\n","stream":"stdout","attrs":{…},"time":"…"} and a newline. */
#include "shim/log-driver.h"
#include "shim/log-file.h"

struct log_sink {
        struct log_file file;
        char *attributes; /* as JSON, NULL: none */
};

/* A valid UTF-8 sequence at `p`: its length, else 0. */
static size_t sequence_length(const unsigned char *p, size_t len)
{
        size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;

        return p[0] >= 0xc2 && n <= len && utf8_valid((const char *)p, n) ? n : 0;
}

/* Escapes one character that needs it; returns the bytes taken. Go's encoder is the model. */
static size_t escape(const unsigned char *p, size_t len, struct strbuf *out)
{
        static const char names[] = { ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['"'] = '"', ['\\'] = '\\' };
        size_t n;

        if (*p < sizeof(names) && names[*p]) {
                strbuf_addc(out, '\\');
                strbuf_addc(out, names[*p]);
                return 1;
        }
        if (*p < 0x80) {
                strbuf_addf(out, "\\u%04x", *p);
                return 1;
        }
        n = sequence_length(p, len);
        if (n == 0) {
                strbuf_adds(out, "\\ufffd");
                return 1;
        }
        if (n == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] & 0xfe) == 0xa8)
                strbuf_addf(out, "\\u202%c", p[2] == 0xa8 ? '8' : '9');
        else
                strbuf_add(out, p, n);
        return n;
}

static bool is_plain(unsigned char c)
{
        return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

static void quote(const char *data, size_t len, struct strbuf *out)
{
        const unsigned char *p = (const unsigned char *)data, *end = p + len;

        while (p < end) {
                const unsigned char *run = p;

                while (p < end && is_plain(*p))
                        p++;
                strbuf_add(out, run, (size_t)(p - run));
                if (p < end)
                        p += escape(p, (size_t)(end - p), out);
        }
}

void log_encode_json(const struct log_record *record, const char *attributes_json, struct strbuf *out)
{
        char when[TIME_RFC3339_MAX];

        strbuf_adds(out, "{\"log\":\"");
        quote(record->data, record->len, out);
        if (record->newline)
                strbuf_adds(out, "\\n");
        strbuf_adds(out, record->stream == LOG_STDERR ? "\",\"stream\":\"stderr\"" : "\",\"stream\":\"stdout\"");
        if (attributes_json) {
                strbuf_adds(out, ",\"attrs\":");
                strbuf_adds(out, attributes_json);
        }
        if (!record->when)
                time_format_rfc3339nano(record->time, when);
        strbuf_adds(out, ",\"time\":\"");
        strbuf_adds(out, record->when ? record->when : when);
        strbuf_adds(out, "\"}\n");
}

static char *attributes_format(const struct strmap *attributes)
{
        cleanup_strbuf struct strbuf b = { 0 };

        if (attributes->count == 0)
                return NULL;
        for (size_t i = 0; i < attributes->count; i++) {
                strbuf_adds(&b, i == 0 ? "{\"" : ",\"");
                quote(attributes->pairs[i].key, strlen(attributes->pairs[i].key), &b);
                strbuf_adds(&b, "\":\"");
                quote(attributes->pairs[i].value, strlen(attributes->pairs[i].value), &b);
                strbuf_addc(&b, '"');
        }
        strbuf_addc(&b, '}');
        return strbuf_take(&b);
}

static int json_file_open(const struct shim_config *config, const struct log_options *options,
                          struct log_sink **ret, struct error *err)
{
        struct log_sink *sink = xcalloc(1, sizeof(*sink));

        if (log_file_open(&sink->file, config->log_path, options->max_size, options->max_files, true, err) < 0) {
                free(sink);
                return -1;
        }
        sink->attributes = attributes_format(&config->log_attributes);
        *ret = sink;
        return 0;
}

static int json_file_write(struct log_sink *sink, const struct log_record *record, struct error *err)
{
        int r = log_file_make_room(&sink->file, err);

        log_encode_json(record, sink->attributes, &sink->file.batch);
        return r;
}

static int json_file_flush(struct log_sink *sink, struct error *err)
{
        return log_file_flush(&sink->file, err);
}

static void json_file_close(struct log_sink *sink)
{
        log_file_close(&sink->file);
        free(sink->attributes);
        free(sink);
}

const struct log_sink_ops log_json_file_ops = { json_file_open, json_file_write, json_file_flush, json_file_close };
