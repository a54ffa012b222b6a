#include "compose/template.h"

#include <ctype.h>

struct expansion {
        const struct template_rules *rules;
        struct error *err;
        size_t depth;
};

/* What stands between the braces of ${…}. */
struct braced {
        const char *name, *word; /* word NULL: a plain ${NAME} */
        size_t name_len, word_len;
        bool colon;
        char kind; /* - + ? */
};

static size_t name_length(const char *s, const char *end)
{
        size_t n = 0;

        if (s < end && (isalpha((unsigned char)*s) || *s == '_'))
                while (s + n < end && (isalnum((unsigned char)s[n]) || s[n] == '_'))
                        n++;
        return n;
}

/* The brace that closes the one at `s`, or NULL. */
static const char *closing_brace(const char *s, const char *end)
{
        size_t open = 0;

        for (; s < end; s++) {
                if (*s == '{')
                        open++;
                else if (*s == '}' && --open == 0)
                        return s;
        }
        return NULL;
}

static bool parse_braced(const char *s, const char *end, struct braced *ret)
{
        *ret = (struct braced){ .name = s, .name_len = name_length(s, end) };
        if (!ret->name_len)
                return false;
        s += ret->name_len;
        if (s == end)
                return true;
        ret->colon = *s == ':';
        s += ret->colon;
        if (s == end || !strchr("-+?", *s))
                return false;
        ret->kind = *s;
        ret->word = s + 1;
        ret->word_len = (size_t)(end - s - 1);
        return true;
}

static int expand_range(struct expansion *x, const char *s, const char *end, struct strbuf *out);

static int expand_word(struct expansion *x, const struct braced *b, char **ret)
{
        struct strbuf word = {};
        int r = 0;

        if (++x->depth > TEMPLATE_DEPTH_MAX)
                r = TEMPLATE_INVALID;
        else
                r = expand_range(x, b->word, b->word + b->word_len, &word);
        x->depth--;
        if (r != 0)
                strbuf_deinit(&word);
        else
                *ret = strbuf_take(&word);
        return r;
}

static int missing(struct expansion *x, const char *name, const char *reason)
{
        error_set(x->err, ERROR_INVALID, "required variable %s is missing a value%s%s", name,
                  *reason ? ": " : "", reason);
        return TEMPLATE_REQUIRED;
}

static void plain_value(struct expansion *x, const char *name, const char *value, struct strbuf *out)
{
        if (value)
                strbuf_adds(out, value);
        else if (x->rules->unset)
                x->rules->unset(x->rules->context, name);
}

static int expand_braced(struct expansion *x, const struct braced *b, struct strbuf *out)
{
        cleanup_free char *name = xstrndup(b->name, b->name_len), *word = NULL, *value = NULL;
        bool there;
        int r;

        if (!b->word) {
                plain_value(x, name, x->rules->lookup(x->rules->context, name), out);
                return 0;
        }
        r = expand_word(x, b, &word);
        if (r != 0)
                return r;
        value = xstrdup(x->rules->lookup(x->rules->context, name));
        there = value && (!b->colon || *value);
        switch (b->kind) {
        case '-':
                strbuf_adds(out, there ? value : word);
                return 0;
        case '+':
                strbuf_adds(out, there ? word : value ? value : "");
                return 0;
        default:
                if (!there)
                        return missing(x, name, word);
                strbuf_adds(out, value);
                return 0;
        }
}

/* At a dollar; moves `*s` behind what it took. */
static int expand_dollar(struct expansion *x, const char **s, const char *end, struct strbuf *out)
{
        const char *p = *s + 1, *close;
        size_t len = name_length(p, end);
        struct braced braced;

        if (len) {
                cleanup_free char *name = xstrndup(p, len);

                plain_value(x, name, x->rules->lookup(x->rules->context, name), out);
                *s = p + len;
                return 0;
        }
        if (p < end && *p == '{') {
                close = closing_brace(p, end);
                if (!close || !parse_braced(p + 1, close, &braced))
                        return TEMPLATE_INVALID;
                *s = close + 1;
                return expand_braced(x, &braced, out);
        }
        strbuf_addc(out, '$');
        *s = p + (p < end && *p == '$');
        return 0;
}

static int expand_range(struct expansion *x, const char *s, const char *end, struct strbuf *out)
{
        while (s < end) {
                const char *dollar = memchr(s, '$', (size_t)(end - s));
                int r;

                strbuf_add(out, s, (size_t)((dollar ? dollar : end) - s));
                if (!dollar)
                        return 0;
                s = dollar;
                r = expand_dollar(x, &s, end, out);
                if (r == 0 && out->len > TEMPLATE_RESULT_MAX)
                        r = TEMPLATE_INVALID;
                if (r != 0)
                        return r;
        }
        return 0;
}

int template_expand(const struct template_rules *rules, const char *text, char **ret, struct error *err)
{
        struct expansion x = { rules, err, 0 };
        struct strbuf out = {};
        int r = expand_range(&x, text, text + strlen(text), &out);

        if (r != 0) {
                strbuf_deinit(&out);
                if (r == TEMPLATE_INVALID)
                        error_set(err, ERROR_INVALID, "Invalid template: \"%s\"", text);
                return r;
        }
        *ret = strbuf_take(&out);
        return 0;
}

/* ---- The names in a text ---- */

static void add_variable(struct template_variable **list, size_t *count, struct template_variable variable)
{
        for (size_t i = 0; i < *count; i++)
                if (streq((*list)[i].name, variable.name)) {
                        struct template_variable old = (*list)[i];

                        (*list)[i] = variable;
                        template_variables_free(xmemdup(&old, sizeof(old)), 1);
                        return;
                }
        ARRAY_APPEND(*list, *count, variable);
}

static void scan(const char *s, const char *end, size_t depth, struct template_variable **list, size_t *count)
{
        while (depth < TEMPLATE_DEPTH_MAX && (s = memchr(s, '$', (size_t)(end - s)))) {
                size_t len = name_length(++s, end);
                struct template_variable v = {};
                const char *close;
                struct braced b;

                if (len) {
                        v.name = xstrndup(s, len);
                        add_variable(list, count, v);
                        s += len;
                } else if (s < end && *s == '$') {
                        s++;
                } else if (s < end && *s == '{' && (close = closing_brace(s, end)) != NULL) {
                        if (parse_braced(s + 1, close, &b)) {
                                v.name = xstrndup(b.name, b.name_len);
                                v.required = b.word && b.kind == '?';
                                if (b.word && b.kind == '-')
                                        v.fallback = xstrndup(b.word, b.word_len);
                                if (b.word && b.kind == '+')
                                        v.presence = xstrndup(b.word, b.word_len);
                                add_variable(list, count, v);
                                if (b.word && b.kind != '?')
                                        scan(b.word, close, depth + 1, list, count);
                        }
                        s = close + 1;
                }
        }
}

void template_variables(const char *text, struct template_variable **list, size_t *count)
{
        scan(text, text + strlen(text), 0, list, count);
}

void template_variables_free(struct template_variable *list, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                free(list[i].name);
                free(list[i].fallback);
                free(list[i].presence);
        }
        free(list);
}
