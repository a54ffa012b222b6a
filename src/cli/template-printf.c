/* printf of templates: verbs, flags, widths and precisions as Go's fmt has them. */
#include "cli/template-internal.h"
#include "base/json.h"
#include <ctype.h>
#include <inttypes.h>
#include <math.h>

/* Characters (not bytes) of a text, for widths and precisions. */
static size_t count_runes(const char *s)
{
        size_t n = 0;

        for (; *s; s++)
                n += (*s & 0xc0) != 0x80;
        return n;
}

static void cut_runes(char *s, size_t most)
{
        for (; *s; s++)
                if ((*s & 0xc0) != 0x80 && most-- == 0) {
                        *s = 0;
                        return;
                }
}

struct verb {
        bool minus, plus, zero, space, alternate, has_precision;
        int width, precision;
        char letter;
};

static const char *parse_verb(const char *p, struct verb *verb)
{
        for (;; p++) {
                if (*p == '-')
                        verb->minus = true;
                else if (*p == '+')
                        verb->plus = true;
                else if (*p == '0')
                        verb->zero = true;
                else if (*p == ' ')
                        verb->space = true;
                else if (*p == '#')
                        verb->alternate = true;
                else
                        break;
        }
        for (; isdigit((unsigned char)*p) && verb->width < 10000; p++)
                verb->width = verb->width * 10 + (*p - '0');
        if (*p == '.') {
                verb->has_precision = true;
                for (p++; isdigit((unsigned char)*p) && verb->precision < 10000; p++)
                        verb->precision = verb->precision * 10 + (*p - '0');
        }
        verb->letter = *p;
        return *p ? p + 1 : p;
}

const char *value_type_name(json_object *in)
{
        switch (json_object_get_type(in)) {
        case json_type_boolean:
                return "bool";
        case json_type_int:
                return "int";
        case json_type_double:
                return "float64";
        case json_type_string:
                return "string";
        case json_type_array:
                return "[]interface {}";
        case json_type_object:
                return "map[string]interface {}";
        default:
                return "<nil>";
        }
}

/* The text of one operand under one verb, before padding; NULL when they don't fit. */
static char *format_operand(const struct verb *verb, const struct value *value)
{
        json_object *in = value->json;
        int precision = verb->has_precision ? verb->precision : 6;
        char *text;

        switch (verb->letter) {
        case 'v':
        case 's':
                if (verb->letter == 's' && !json_object_is_type(in, json_type_string) &&
                    !json_object_is_type(in, json_type_array))
                        return NULL;
                text = value_text(value);
                if (verb->has_precision)
                        cut_runes(text, (size_t)verb->precision);
                return text;
        case 'q': {
                struct strbuf b = {};

                if (!json_object_is_type(in, json_type_string))
                        return NULL;
                json_quote(&b, json_object_get_string(in), (size_t)json_object_get_string_len(in));
                return strbuf_take(&b);
        }
        case 't':
                return json_object_is_type(in, json_type_boolean) ? value_text(value) : NULL;
        case 'T':
                return xstrdup(value_type_name(in));
        case 'd':
                return json_object_is_type(in, json_type_int)
                           ? string_format(verb->plus ? "%+" PRId64 : "%" PRId64, json_object_get_int64(in))
                           : NULL;
        case 'x':
        case 'X':
                if (json_object_is_type(in, json_type_string)) {
                        struct strbuf b = {};

                        for (int i = 0; i < json_object_get_string_len(in); i++)
                                strbuf_addf(&b, verb->letter == 'x' ? "%02x" : "%02X",
                                            (unsigned char)json_object_get_string(in)[i]);
                        return strbuf_take(&b);
                }
                return json_object_is_type(in, json_type_int)
                           ? string_format(verb->letter == 'x' ? "%" PRIx64 : "%" PRIX64,
                                           json_object_get_int64(in))
                           : NULL;
        case 'o':
                return json_object_is_type(in, json_type_int)
                           ? string_format("%" PRIo64, json_object_get_int64(in))
                           : NULL;
        case 'c':
                return json_object_is_type(in, json_type_int)
                           ? string_format("%c", (int)json_object_get_int64(in))
                           : NULL;
        case 'f':
        case 'F':
                return json_object_is_type(in, json_type_double)
                           ? string_format(verb->plus ? "%+.*f" : "%.*f", precision,
                                           json_object_get_double(in))
                           : NULL;
        case 'e':
                return json_object_is_type(in, json_type_double)
                           ? string_format("%.*e", precision, json_object_get_double(in))
                           : NULL;
        case 'g':
                return json_object_is_type(in, json_type_double)
                           ? string_format("%.*g", verb->has_precision ? precision : 17,
                                           json_object_get_double(in))
                           : NULL;
        default:
                return NULL;
        }
}

static void add_padded(struct strbuf *b, const struct verb *verb, const char *text)
{
        size_t len = count_runes(text), pad = (size_t)verb->width > len ? (size_t)verb->width - len : 0;
        bool zero = verb->zero && !verb->minus && verb->letter != 's' && verb->letter != 'v';

        if (zero && (*text == '-' || *text == '+'))
                strbuf_addc(b, *text++);
        for (size_t i = 0; !verb->minus && i < pad; i++)
                strbuf_addc(b, zero ? '0' : ' ');
        strbuf_adds(b, text);
        for (size_t i = 0; verb->minus && i < pad; i++)
                strbuf_addc(b, ' ');
}

static void add_operand(struct strbuf *b, const struct verb *verb, const struct value *value)
{
        cleanup_free char *text = format_operand(verb, value);
        cleanup_free char *plain = text ? NULL : value_text(value);

        if (text)
                add_padded(b, verb, text);
        else
                strbuf_addf(b, "%%!%c(%s=%s)", verb->letter, value_type_name(value->json), plain);
}

int template_printf(const struct value *args, size_t n_args, struct value *ret, struct error *err)
{
        struct strbuf b = {};
        const char *p;
        size_t next = 1;

        if (!json_object_is_type(args[0].json, json_type_string))
                return error_set(err, ERROR_INVALID, "wrong type for value; expected string; got %s",
                                 value_type_name(args[0].json));
        p = json_object_get_string(args[0].json);
        while (*p) {
                struct verb verb = {};

                if (*p != '%') {
                        strbuf_addc(&b, *p++);
                        continue;
                }
                p = parse_verb(p + 1, &verb);
                if (verb.letter == '%')
                        strbuf_addc(&b, '%');
                else if (!verb.letter)
                        strbuf_adds(&b, "%!(NOVERB)");
                else if (next >= n_args)
                        strbuf_addf(&b, "%%!%c(MISSING)", verb.letter);
                else
                        add_operand(&b, &verb, &args[next++]);
        }
        if (next < n_args) {
                strbuf_adds(&b, "%!(EXTRA ");
                for (size_t i = next; i < n_args; i++) {
                        cleanup_free char *text = value_text(&args[i]);

                        strbuf_addf(&b, "%s%s=%s", i > next ? ", " : "", value_type_name(args[i].json), text);
                }
                strbuf_addc(&b, ')');
        }
        value_set_taken(ret, &b);
        return 0;
}
