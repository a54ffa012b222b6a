#include "shim/log-decode.h"

#include <ctype.h>

void log_decoder_deinit(struct log_decoder *decoder)
{
        strbuf_deinit(&decoder->text);
        strbuf_deinit(&decoder->attributes_raw);
        strmap_deinit(&decoder->attributes);
}

/* --- json-file: an object of strings, and of one object of strings --- */

struct scanner {
        const char *p, *end;
};

static void skip_space(struct scanner *s)
{
        while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
                s->p++;
}

static bool take_char(struct scanner *s, char c)
{
        skip_space(s);
        if (s->p >= s->end || *s->p != c)
                return false;
        s->p++;
        return true;
}

static int hex4(const char *p, const char *end, unsigned *ret)
{
        unsigned value = 0;

        if (end - p < 4)
                return -1;
        for (int i = 0; i < 4; i++) {
                unsigned char c = (unsigned char)p[i];

                if (!isxdigit(c))
                        return -1;
                value = value << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
        }
        *ret = value;
        return 0;
}

static void add_utf8(struct strbuf *out, unsigned c)
{
        if (c < 0x80) {
                strbuf_addc(out, (char)c);
        } else if (c < 0x800) {
                strbuf_addc(out, (char)(0xc0 | c >> 6));
                strbuf_addc(out, (char)(0x80 | (c & 0x3f)));
        } else if (c < 0x10000) {
                strbuf_addc(out, (char)(0xe0 | c >> 12));
                strbuf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
                strbuf_addc(out, (char)(0x80 | (c & 0x3f)));
        } else {
                strbuf_addc(out, (char)(0xf0 | c >> 18));
                strbuf_addc(out, (char)(0x80 | (c >> 12 & 0x3f)));
                strbuf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
                strbuf_addc(out, (char)(0x80 | (c & 0x3f)));
        }
}

/* Behind "\u". */
static bool take_unicode(struct scanner *s, struct strbuf *out)
{
        unsigned c, low;

        if (hex4(s->p, s->end, &c) < 0)
                return false;
        s->p += 4;
        if (c >= 0xd800 && c < 0xdc00 && s->end - s->p >= 6 && s->p[0] == '\\' && s->p[1] == 'u' &&
            hex4(s->p + 2, s->end, &low) == 0 && low >= 0xdc00 && low < 0xe000) {
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                s->p += 6;
        }
        add_utf8(out, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
        return true;
}

static bool take_escape(struct scanner *s, struct strbuf *out)
{
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        const char *found;
        char c;

        if (s->p >= s->end)
                return false;
        c = *s->p++;
        if (c == 'u')
                return take_unicode(s, out);
        found = c ? strchr(from, c) : NULL;
        if (!found)
                return false;
        strbuf_addc(out, to[found - from]);
        return true;
}

/* A string with its quotes; `out` is replaced by its value. */
static bool take_string(struct scanner *s, struct strbuf *out)
{
        strbuf_clear(out);
        if (!take_char(s, '"'))
                return false;
        for (;;) {
                const char *run = s->p;

                while (s->p < s->end && *s->p != '"' && *s->p != '\\')
                        s->p++;
                strbuf_add(out, run, (size_t)(s->p - run));
                if (s->p >= s->end)
                        return false;
                if (*s->p++ == '"')
                        return true;
                if (!take_escape(s, out))
                        return false;
        }
}

static bool take_attributes(struct scanner *s, struct strmap *out)
{
        cleanup_strbuf struct strbuf key = { 0 }, value = { 0 };

        if (!take_char(s, '{'))
                return false;
        if (take_char(s, '}'))
                return true;
        do {
                if (!take_string(s, &key) || !take_char(s, ':') || !take_string(s, &value))
                        return false;
                strmap_set(out, key.data ? key.data : "", value.data ? value.data : "");
        } while (take_char(s, ','));
        return take_char(s, '}');
}

/* All lines of a container have the same attributes: they are parsed when they differ from the last ones. */
static bool take_cached_attributes(struct log_decoder *decoder, struct scanner *s)
{
        const struct strbuf *raw = &decoder->attributes_raw;
        const char *begin;

        skip_space(s);
        if (raw->len > 0 && (size_t)(s->end - s->p) >= raw->len && memcmp(s->p, raw->data, raw->len) == 0) {
                s->p += raw->len;
                return true;
        }
        begin = s->p;
        strmap_deinit(&decoder->attributes);
        decoder->attributes = (struct strmap){ 0 };
        strbuf_clear(&decoder->attributes_raw);
        if (!take_attributes(s, &decoder->attributes))
                return false;
        strbuf_add(&decoder->attributes_raw, begin, (size_t)(s->p - begin));
        return true;
}

static bool take_time(struct scanner *s, int64_t *ret)
{
        cleanup_error struct error ignored = { 0 };
        const char *begin, *end;
        char text[TIME_RFC3339_MAX];

        if (!take_char(s, '"'))
                return false;
        begin = s->p;
        end = memchr(begin, '"', (size_t)(s->end - begin));
        if (!end || (size_t)(end - begin) >= sizeof(text))
                return false;
        memcpy(text, begin, (size_t)(end - begin));
        text[end - begin] = '\0';
        s->p = end + 1;
        return time_parse_rfc3339(text, ret, &ignored) == 0;
}

static bool take_stream(struct scanner *s, enum log_stream *ret)
{
        if (!take_char(s, '"') || s->end - s->p < 7 || memcmp(s->p, "std", 3) != 0)
                return false;
        if (memcmp(s->p, "stdout\"", 7) == 0)
                *ret = LOG_STDOUT;
        else if (memcmp(s->p, "stderr\"", 7) == 0)
                *ret = LOG_STDERR;
        else
                return false;
        s->p += 7;
        return true;
}

int log_decode_json(struct log_decoder *decoder, const char *line, size_t len, struct log_message *ret)
{
        struct scanner s = { line, line + len };
        struct log_message message = { .stream = LOG_STDOUT };
        bool has_attributes = false, has_time = false;

        strbuf_clear(&decoder->text);
        if (!take_char(&s, '{'))
                return 0;
        do {
                char key[16];
                const char *begin, *end;
                bool ok;

                if (!take_char(&s, '"'))
                        return 0;
                begin = s.p;
                end = memchr(begin, '"', (size_t)(s.end - begin));
                if (!end || (size_t)(end - begin) >= sizeof(key))
                        return 0;
                memcpy(key, begin, (size_t)(end - begin));
                key[end - begin] = '\0';
                s.p = end + 1;
                if (!take_char(&s, ':'))
                        return 0;
                if (streq(key, "log"))
                        ok = take_string(&s, &decoder->text);
                else if (streq(key, "stream"))
                        ok = take_stream(&s, &message.stream);
                else if (streq(key, "time"))
                        ok = has_time = take_time(&s, &message.time);
                else if (streq(key, "attrs"))
                        ok = has_attributes = take_cached_attributes(decoder, &s);
                else
                        ok = false;
                if (!ok)
                        return 0;
        } while (take_char(&s, ','));
        if (!take_char(&s, '}') || s.p != s.end || !has_time)
                return 0;
        message.data = decoder->text.data ? decoder->text.data : "";
        message.len = decoder->text.len;
        message.attributes = has_attributes ? &decoder->attributes : NULL;
        *ret = message;
        return 1;
}

/* --- local: protocol buffers --- */

static bool take_varint(struct scanner *s, uint64_t *ret)
{
        uint64_t value = 0;

        for (unsigned shift = 0; shift < 64 && s->p < s->end; shift += 7) {
                unsigned char c = (unsigned char)*s->p++;

                value |= (uint64_t)(c & 0x7f) << shift;
                if (!(c & 0x80)) {
                        *ret = value;
                        return true;
                }
        }
        return false;
}

/* The next field: its number, and its value as a number or as a range of bytes. */
static bool take_field(struct scanner *s, unsigned *ret_field, uint64_t *ret_number, struct scanner *ret_bytes)
{
        uint64_t tag, n;

        if (!take_varint(s, &tag) || tag >> 3 > 1000)
                return false;
        *ret_field = (unsigned)(tag >> 3);
        *ret_number = 0;
        *ret_bytes = (struct scanner){ s->p, s->p };
        if ((tag & 7) == 0)
                return take_varint(s, ret_number);
        if ((tag & 7) != 2 || !take_varint(s, &n) || n > (uint64_t)(s->end - s->p))
                return false;
        *ret_bytes = (struct scanner){ s->p, s->p + n };
        s->p += n;
        return true;
}

/* PartialLogEntryMetadata.last */
static bool is_last_part(struct scanner part)
{
        while (part.p < part.end) {
                struct scanner bytes;
                unsigned field;
                uint64_t number;

                if (!take_field(&part, &field, &number, &bytes))
                        return false;
                if (field == 1)
                        return number != 0;
        }
        return false;
}

int log_decode_local(struct log_decoder *decoder, const char *entry, size_t len, struct log_message *ret)
{
        struct scanner s = { entry, entry + len };
        struct log_message message = { .stream = LOG_STDOUT };
        bool partial = false, last = false;

        strbuf_clear(&decoder->text);
        while (s.p < s.end) {
                struct scanner bytes;
                unsigned field;
                uint64_t number;

                if (!take_field(&s, &field, &number, &bytes))
                        return 0;
                if (field == 1 && bytes.end - bytes.p == 6 && memcmp(bytes.p, "stderr", 6) == 0)
                        message.stream = LOG_STDERR;
                else if (field == 2)
                        message.time = (int64_t)number;
                else if (field == 3)
                        strbuf_add(&decoder->text, bytes.p, (size_t)(bytes.end - bytes.p));
                else if (field == 4)
                        partial = number != 0;
                else if (field == 5)
                        last = is_last_part(bytes);
        }
        if (!partial || last)
                strbuf_addc(&decoder->text, '\n');
        message.data = decoder->text.data ? decoder->text.data : "";
        message.len = decoder->text.len;
        *ret = message;
        return 1;
}
