/* Block style as the reference's writer chooses it. */
#include "compose/yaml.h"
#include "base/str.h"
#include "base/utf8.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>

#define INDENT 2
#define SIMPLE_KEY_MAX 128

enum style { STYLE_PLAIN, STYLE_SINGLE, STYLE_DOUBLE, STYLE_LITERAL };

static void write_value(struct strbuf *b, json_object *in, int indent, bool after_key);

/* Words that YAML 1.1 readers take for booleans. */
static bool is_old_boolean(const char *s)
{
        static const char *const old[] = { "y", "Y", "yes", "Yes", "YES", "on",  "On",  "ON",
                                           "n", "N", "no",  "No",  "NO",  "off", "Off", "OFF" };

        for (size_t i = 0; i < ARRAY_SIZE(old); i++)
                if (streq(s, old[i]))
                        return true;
        return false;
}

/* [-+]?d[d_]*(:[0-5]?d)+(.[d_]*)? */
static bool is_base60(const char *s)
{
        size_t groups = 0;

        s += *s == '-' || *s == '+';
        if (!isdigit((unsigned char)*s))
                return false;
        s += strspn(s, "0123456789_");
        for (; *s == ':'; groups++) {
                size_t n = strspn(++s, "0123456789");

                if (n < 1 || n > 2 || (n == 2 && *s > '5'))
                        return false;
                s += n;
        }
        if (*s == '.')
                s += 1 + strspn(s + 1, "0123456789_");
        return groups && !*s;
}

static const char *skip_number(const char *s, size_t max)
{
        size_t n = strspn(s, "0123456789");

        return n >= 1 && n <= max ? s + n : NULL;
}

/* 2001-1-2, with a time behind T, t or blanks. */
static bool is_timestamp(const char *s)
{
        if (strspn(s, "0123456789") != 4 || s[4] != '-')
                return false;
        s = skip_number(s + 5, 2);
        if (!s || *s != '-')
                return false;
        s = skip_number(s + 1, 2);
        if (!s || !*s)
                return s != NULL;
        if (*s != 'T' && *s != 't' && *s != ' ')
                return false;
        s = skip_number(s + 1, 2);
        if (!s || *s != ':')
                return false;
        s = skip_number(s + 1, 2);
        if (!s || *s != ':')
                return false;
        s = skip_number(s + 1, 2);
        if (s && *s == '.')
                s += 1 + strspn(s + 1, "0123456789");
        return s && (!*s || strchr("Zz+-", *s));
}

/* Would be read as something else when it stood there without quotes. */
static bool is_ambiguous(const char *s)
{
        struct node node;

        yaml_resolve(s, &node);
        return node.kind != NODE_STRING || streq(s, "<<") || is_old_boolean(s) || is_base60(s) ||
               is_timestamp(s) || (isdigit((unsigned char)*s) && strspn(s, "0123456789_") == strlen(s));
}

/* What libyaml's emitter calls printable: nothing beyond the basic plane. */
static bool is_printable(uint32_t rune)
{
        return rune == '\n' || (rune >= 0x20 && rune <= 0x7E) ||
               (rune >= 0xA0 && rune <= 0xFFFD && rune != 0xFEFF && !(rune >= 0xD800 && rune <= 0xDFFF));
}

static bool is_break(uint32_t rune)
{
        return rune == '\r' || rune == '\n' || rune == 0x85 || rune == 0x2028 || rune == 0x2029;
}

struct analysis {
        bool plain, single, block, multiline;
};

struct shape {
        bool indicators, breaks, special, tabs, edge, trailing_space, break_space, space_break;
};

static void look_at_indicator(struct shape *shape, const char *s, size_t i, size_t len, bool after_blank)
{
        bool before_blank = i + 1 >= len || s[i + 1] == ' ' || s[i + 1] == '\t';

        if (i == 0 && s[0] && strchr("#,[]{}&*!|>'\"%@`", s[0]))
                shape->indicators = true;
        if (i == 0 && s[0] && strchr("?:-", s[0]) && before_blank)
                shape->indicators = true;
        if (i > 0 && ((s[i] == ':' && before_blank) || (s[i] == '#' && after_blank)))
                shape->indicators = true;
}

static struct analysis analyse(const char *s, size_t len)
{
        struct shape shape = { .indicators = strncmp(s, "---", 3) == 0 || strncmp(s, "...", 3) == 0 };
        bool space = false, line_break = false, after_blank = true;
        uint32_t rune;

        if (len == 0)
                return (struct analysis){ true, true, false, false };
        for (size_t i = 0, width; i < len; i += width) {
                width = utf8_decode(s + i, len - i, &rune);
                look_at_indicator(&shape, s, i, len, after_blank);
                if (rune == '\t')
                        shape.tabs = true;
                else if (!is_printable(rune))
                        shape.special = true;
                if ((rune == ' ' || is_break(rune)) && (i == 0 || i + width == len))
                        shape.edge = true;
                shape.trailing_space |= rune == ' ' && i + width == len;
                shape.break_space |= rune == ' ' && line_break;
                shape.space_break |= is_break(rune) && space;
                shape.breaks |= is_break(rune);
                space = rune == ' ';
                line_break = is_break(rune);
                after_blank = rune == ' ' || rune == '\t' || line_break;
        }
        return (struct analysis){
                .plain = !shape.edge && !shape.break_space && !shape.space_break && !shape.tabs &&
                         !shape.special && !shape.breaks && !shape.indicators,
                .single = !shape.break_space && !shape.space_break && !shape.tabs && !shape.special,
                .block = !shape.trailing_space && !shape.space_break && !shape.special,
                .multiline = shape.breaks,
        };
}

static enum style choose_style(const char *s, size_t len, bool key)
{
        struct analysis a = analyse(s, len);

        if (strchr(s, '\n'))
                return key || !a.block ? STYLE_DOUBLE : STYLE_LITERAL;
        if (is_ambiguous(s) || (key && a.multiline))
                return STYLE_DOUBLE;
        if (a.plain && (len || !key))
                return STYLE_PLAIN;
        return a.single ? STYLE_SINGLE : STYLE_DOUBLE;
}

static void write_escaped(struct strbuf *b, uint32_t rune)
{
        static const struct {
                uint32_t rune;
                char letter;
        } escapes[] = { { 0, '0' },     { 7, 'a' },    { 8, 'b' },    { 9, 't' },      { 10, 'n' },
                        { 11, 'v' },    { 12, 'f' },   { 13, 'r' },   { 27, 'e' },     { '"', '"' },
                        { '\\', '\\' }, { 0x85, 'N' }, { 0xA0, '_' }, { 0x2028, 'L' }, { 0x2029, 'P' } };

        for (size_t i = 0; i < ARRAY_SIZE(escapes); i++)
                if (escapes[i].rune == rune) {
                        strbuf_addf(b, "\\%c", escapes[i].letter);
                        return;
                }
        if (rune <= 0xFF)
                strbuf_addf(b, "\\x%02X", rune);
        else if (rune <= 0xFFFF)
                strbuf_addf(b, "\\u%04X", rune);
        else
                strbuf_addf(b, "\\U%08X", rune);
}

static void write_double(struct strbuf *b, const char *s, size_t len)
{
        uint32_t rune;

        strbuf_addc(b, '"');
        for (size_t i = 0, width; i < len; i += width) {
                width = utf8_decode(s + i, len - i, &rune);
                if (!is_printable(rune) || is_break(rune) || rune == '"' || rune == '\\')
                        write_escaped(b, rune);
                else
                        strbuf_add(b, s + i, width);
        }
        strbuf_addc(b, '"');
}

static void write_single(struct strbuf *b, const char *s)
{
        strbuf_addc(b, '\'');
        for (; *s; s++) {
                if (*s == '\'')
                        strbuf_addc(b, '\'');
                strbuf_addc(b, *s);
        }
        strbuf_addc(b, '\'');
}

/* Ends without a line end: the caller adds it. */
static void write_literal(struct strbuf *b, const char *s, size_t len, int indent)
{
        bool fresh = true;

        strbuf_addc(b, '|');
        if (*s == ' ' || *s == '\n')
                strbuf_addf(b, "%d", INDENT);
        if (s[len - 1] != '\n')
                strbuf_addc(b, '-');
        else if (len == 1 || s[len - 2] == '\n')
                strbuf_addc(b, '+');
        strbuf_addc(b, '\n');
        for (size_t i = 0; i < len; i++) {
                if (s[i] != '\n' && fresh)
                        strbuf_addf(b, "%*s", indent, "");
                fresh = s[i] == '\n';
                if (i + 1 < len || !fresh)
                        strbuf_addc(b, s[i]);
        }
}

static void write_string(struct strbuf *b, const char *s, size_t len, int indent, bool key)
{
        switch (choose_style(s, len, key)) {
        case STYLE_PLAIN:
                strbuf_add(b, s, len);
                break;
        case STYLE_SINGLE:
                write_single(b, s);
                break;
        case STYLE_DOUBLE:
                write_double(b, s, len);
                break;
        case STYLE_LITERAL:
                write_literal(b, s, len, indent);
                break;
        }
}

/* Go's 'g' format with the shortest digits that give the number again; json-c holds them for the usual sizes.
 */
static void write_float(struct strbuf *b, json_object *in)
{
        double value = json_object_get_double(in);
        char text[NODE_FLOAT_MAX];
        int digits = 1;

        if (isnan(value) || isinf(value)) {
                strbuf_adds(b, isnan(value) ? ".nan" : value < 0 ? "-.inf" : ".inf");
                return;
        }
        if (fabs(value) < 1e6 && (fabs(value) >= 1e-4 || value == 0)) {
                strbuf_adds(b, json_object_get_string(in));
                return;
        }
        do
                snprintf(text, sizeof(text), "%.*g", digits, value);
        while (strtod(text, NULL) != value && ++digits < 18);
        strbuf_adds(b, text);
}

static void write_map(struct strbuf *b, json_object *in, int indent, bool first_on_line)
{
        struct lh_entry *entry;

        lh_foreach (json_object_get_object(in), entry) {
                const char *key = lh_entry_k(entry);
                size_t len = strlen(key);
                bool simple = len <= SIMPLE_KEY_MAX;

                if (!first_on_line)
                        strbuf_addf(b, "%*s", indent, "");
                first_on_line = false;
                if (!simple)
                        strbuf_adds(b, "? ");
                write_string(b, key, len, indent + INDENT, simple);
                if (!simple)
                        strbuf_addf(b, "\n%*s", indent, "");
                strbuf_addc(b, ':');
                write_value(b, lh_entry_v(entry), indent + INDENT, true);
        }
}

static void write_list(struct strbuf *b, json_object *in, int indent, bool first_on_line)
{
        for (size_t i = 0; i < json_object_array_length(in); i++) {
                if (!first_on_line)
                        strbuf_addf(b, "%*s", indent, "");
                first_on_line = false;
                strbuf_addc(b, '-');
                write_value(b, json_object_array_get_idx(in, i), indent + INDENT, false);
        }
}

/* Behind "key:" or "-", with the line's end. */
static void write_value(struct strbuf *b, json_object *in, int indent, bool after_key)
{
        switch (json_object_get_type(in)) {
        case json_type_object:
        case json_type_array: {
                bool map = json_object_is_type(in, json_type_object);

                if (map ? json_object_object_length(in) == 0 : json_object_array_length(in) == 0) {
                        strbuf_adds(b, map ? " {}\n" : " []\n");
                        return;
                }
                strbuf_addc(b, after_key ? '\n' : ' ');
                if (map)
                        write_map(b, in, indent, !after_key);
                else
                        write_list(b, in, indent, !after_key);
                return;
        }
        case json_type_string:
                strbuf_addc(b, ' ');
                write_string(b, json_object_get_string(in), (size_t)json_object_get_string_len(in), indent,
                             false);
                break;
        case json_type_double:
                strbuf_addc(b, ' ');
                write_float(b, in);
                break;
        case json_type_null:
                strbuf_adds(b, " null");
                break;
        default:
                strbuf_addf(b, " %s", json_object_get_string(in));
                break;
        }
        strbuf_addc(b, '\n');
}

char *yaml_format(json_object *in)
{
        struct strbuf b = {};

        if (json_object_is_type(in, json_type_object) && json_object_object_length(in) > 0)
                write_map(&b, in, 0, false);
        else
                strbuf_adds(&b, "{}\n");
        return strbuf_take(&b);
}
