#include "compose/dotenv.h"
#include "base/utf8.h"
#include "compose/template.h"

#include <stdio.h>

struct reader {
        const struct dotenv_rules *rules;
        const char *at;
        int line;
        struct environment *into;
        struct error *err;
};

/* White space that does not end a line. */
static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

static const char *look_up(void *context, const char *name)
{
        const struct reader *r = context;
        const char *value = r->rules->lookup ? r->rules->lookup(r->rules->context, name) : NULL;

        return value ? value : environment_get(r->into, name);
}

static void tell_unset(void *context, const char *name)
{
        const struct reader *r = context;

        if (r->rules->unset)
                r->rules->unset(r->rules->context, name);
}

static int substitute(struct reader *r, const char *text, char **ret)
{
        struct template_rules rules = { look_up, tell_unset, r };

        return template_expand(&rules, text, ret, r->err) == 0 ? 0 : -1;
}

static void skip_to_statement(struct reader *r)
{
        for (;; r->at++) {
                if (*r->at == '#')
                        r->at += strcspn(r->at, "\n");
                if (*r->at == '\n')
                        r->line++;
                else if (!is_blank(*r->at))
                        return;
        }
}

static int bad_name(struct reader *r, const char *name, const char *at)
{
        uint32_t rune;
        size_t width = utf8_decode(at, strlen(at), &rune);

        return error_set(r->err, ERROR_INVALID,
                         "line %d: unexpected character \"%.*s\" in variable name \"%.*s\"", r->line,
                         (int)width, at, (int)strcspn(name, "\n"), name);
}

/* Up to "=", ":" or the line's end; `ret_alone`: there is no value. */
static int read_name(struct reader *r, char **ret, bool *ret_alone)
{
        const char *name, *p;
        size_t len;

        if (strncmp(r->at, "export", 6) == 0 && (is_blank(r->at[6]) || r->at[6] == '\n'))
                for (r->at += 6; is_blank(*r->at); r->at++)
                        ;
        name = p = r->at;
        while (*p && !strchr("=:\n", *p)) {
                uint32_t rune;
                size_t width = utf8_decode(p, strlen(p), &rune);

                if (!is_blank(*p) && !strchr("_.-[]", *p) && !rune_is_letter(rune) && !rune_is_digit(rune))
                        return bad_name(r, name, p);
                p += width;
        }
        if (!*name)
                return error_set(r->err, ERROR_INVALID, "zero length string");
        *ret_alone = !*p || *p == '\n';
        for (len = (size_t)(p - name); len && is_blank(name[len - 1]); len--)
                ;
        if (memchr(name, ' ', len))
                return error_set(r->err, ERROR_INVALID, "line %d: key cannot contain a space", r->line);
        r->line += *p == '\n';
        *ret = xstrndup(name, len);
        for (r->at = *p ? p + 1 : p; is_blank(*r->at); r->at++)
                ;
        return 0;
}

static int read_unquoted(struct reader *r, char **ret)
{
        size_t len = strcspn(r->at, "\n");
        cleanup_free char *text = xstrndup(r->at, len);
        char *comment = strstr(text, " #");

        r->at += len + (r->at[len] == '\n');
        r->line++;
        if (comment)
                *comment = 0;
        for (len = strlen(text); len && is_blank(text[len - 1]); len--)
                text[len - 1] = 0;
        return substitute(r, text, ret);
}

/* What follows a backslash inside of double quotes; `*s` goes to its last character. */
static void unescape(const char **s, struct strbuf *out)
{
        static const char letters[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
        const char *p = *s, *letter = *p ? strchr(letters, *p) : NULL;

        if (letter) {
                strbuf_addc(out, values[letter - letters]);
        } else if (*p == '$') {
                strbuf_adds(out, "$$");
        } else if (*p == '"' || *p == '\\') {
                strbuf_addc(out, *p);
        } else if (*p == '0' && strspn(p + 1, "01234567") >= 3) {
                char rune[4];
                unsigned value = (unsigned)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));

                strbuf_add(out, rune, utf8_encode(value & 0xFF, rune));
                *s += 3;
        } else {
                strbuf_addc(out, '\\');
                strbuf_addc(out, *p);
        }
}

static int read_quoted(struct reader *r, char **ret)
{
        char quote = *r->at;
        const char *start = r->at;
        cleanup_strbuf struct strbuf raw = {}, text = {};
        bool escaped = false;

        for (r->at++; *r->at && (*r->at != quote || escaped); r->at++) {
                r->line += *r->at == '\n';
                if (!escaped && *r->at == '\\') {
                        escaped = true;
                        continue;
                }
                if (escaped && *r->at != quote)
                        strbuf_addc(&raw, '\\');
                escaped = false;
                strbuf_addc(&raw, *r->at);
        }
        if (!*r->at)
                return error_set(r->err, ERROR_INVALID, "line %d: unterminated quoted value %.*s", r->line,
                                 (int)strcspn(start, "\n"), start);
        r->at++;
        if (quote == '\'') {
                *ret = strbuf_take(&raw);
                return 0;
        }
        for (const char *p = raw.data; p && *p; p++) {
                if (*p == '\\' && p[1]) {
                        p++;
                        unescape(&p, &text);
                } else {
                        strbuf_addc(&text, *p);
                }
        }
        return substitute(r, text.data ? text.data : "", ret);
}

int dotenv_parse(const struct dotenv_rules *rules, const char *text, struct environment *into,
                 struct error *err)
{
        struct reader r = { rules, string_after(text, "\xEF\xBB\xBF") ? text + 3 : text, 1, into, err };

        for (;;) {
                cleanup_free char *name = NULL, *value = NULL;
                bool alone = false;

                skip_to_statement(&r);
                if (!*r.at)
                        return 0;
                if (read_name(&r, &name, &alone) < 0)
                        return -1;
                if (alone) {
                        const char *known = rules->lookup ? rules->lookup(rules->context, name) : NULL;

                        if (known)
                                environment_set(into, name, known);
                        continue;
                }
                if ((*r.at == '"' || *r.at == '\'' ? read_quoted(&r, &value) : read_unquoted(&r, &value)) < 0)
                        return -1;
                environment_set(into, name, value);
        }
}

int dotenv_parse_raw(const struct dotenv_rules *rules, const char *text, struct environment *into,
                     struct error *err)
{
        if (string_after(text, "\xEF\xBB\xBF"))
                text += 3;
        while (*text) {
                size_t len = strcspn(text, "\n"), end = len;
                cleanup_free char *line = NULL;
                char *equals;
                const char *value;

                while (is_blank(*text) && len) {
                        text++;
                        end = --len;
                }
                if (end && text[end - 1] == '\r')
                        end--;
                line = xstrndup(text, end);
                text += len + (text[len] == '\n');
                if (!*line || *line == '#')
                        continue;
                equals = strchr(line, '=');
                value = equals ? equals + 1 : (rules->lookup ? rules->lookup(rules->context, line) : NULL);
                if (equals)
                        *equals = 0;
                if (!*line)
                        return error_set(err, ERROR_INVALID, "no variable name on line '%s'", "=");
                if (strpbrk(line, " \t"))
                        return error_set(err, ERROR_INVALID, "variable '%s' contains whitespaces", line);
                if (value)
                        environment_set(into, line, value);
        }
        return 0;
}
