/* A recursive descent over the text: a word (or the inside of ${…}) is read up to a stop character, giving
 * both the expanded text and its split into words. */
#include "build/shell-words.h"

#include "base/json.h"
#include "base/utf8.h"
#include "build/shell-pattern.h"

#define END UINT32_MAX /* no stop character; end of the text */
#define DEPTH_MAX 100  /* ${a:-${b:-…}} */

struct lexer {
        const struct shell_words *rules;
        const char *at, *end;
        bool raw_escapes;
        int depth;
};

/* What was read: the text as one, and in words. */
struct words {
        struct strbuf text, word;
        bool in_word;
        char **list;
};

static void words_deinit(struct words *w)
{
        strbuf_deinit(&w->text);
        strbuf_deinit(&w->word);
        strv_free(w->list);
}

static uint32_t peek(const struct lexer *l)
{
        uint32_t rune;

        return utf8_decode(l->at, (size_t)(l->end - l->at), &rune) ? rune : END;
}

static uint32_t next(struct lexer *l)
{
        uint32_t rune;
        size_t n = utf8_decode(l->at, (size_t)(l->end - l->at), &rune);

        l->at += n;
        return n ? rune : END;
}

static void add_rune(struct strbuf *b, uint32_t rune)
{
        char bytes[4];

        strbuf_add(b, bytes, utf8_encode(rune, bytes));
}

static void end_word(struct words *w)
{
        if (w->word.len) {
                strv_append_take(&w->list, strbuf_take(&w->word));
                w->in_word = false;
        }
}

/* Outside of quotes: white space ends a word. */
static void add_split(struct words *w, uint32_t rune)
{
        if (!rune_is_space(rune)) {
                add_rune(&w->word, rune);
                w->in_word = true;
        } else if (w->in_word) {
                end_word(w);
        }
}

static void add_split_string(struct words *w, const char *s)
{
        size_t left = strlen(s);

        while (left) {
                uint32_t rune;
                size_t n = utf8_decode(s, left, &rune);

                add_split(w, rune);
                s += n;
                left -= n;
        }
}

static int read_dollar(struct lexer *l, struct strbuf *out, struct error *err);

static int read_single_quotes(struct lexer *l, struct strbuf *out, struct error *err)
{
        next(l);
        if (l->rules->raw_quotes)
                strbuf_addc(out, '\'');
        for (;;) {
                uint32_t rune = next(l);

                if (rune == END)
                        return error_set(
                            err, ERROR_INVALID,
                            "unexpected end of statement while looking for matching single-quote");
                if (rune == '\'') {
                        if (l->rules->raw_quotes)
                                strbuf_addc(out, '\'');
                        return 0;
                }
                add_rune(out, rune);
        }
}

static void read_quoted_rune(struct lexer *l, struct strbuf *out)
{
        uint32_t rune = next(l), escape = (unsigned char)l->rules->escape;

        if (rune == escape) {
                uint32_t after = peek(l);

                if (l->raw_escapes)
                        strbuf_addc(out, (char)escape);
                if (after == END)
                        return; /* an escape at the very end counts for nothing */
                if (after == '"' || after == '$' || after == escape)
                        rune = next(l);
        }
        add_rune(out, rune);
}

static int read_double_quotes(struct lexer *l, struct strbuf *out, struct error *err)
{
        next(l);
        if (l->rules->raw_quotes)
                strbuf_addc(out, '"');
        for (;;) {
                switch (peek(l)) {
                case END:
                        return error_set(
                            err, ERROR_INVALID,
                            "unexpected end of statement while looking for matching double-quote");
                case '"':
                        next(l);
                        if (l->rules->raw_quotes)
                                strbuf_addc(out, '"');
                        return 0;
                case '$':
                        if (read_dollar(l, out, err) < 0)
                                return -1;
                        break;
                default:
                        read_quoted_rune(l, out);
                }
        }
}

/* What follows an escape is plain, whatever it is. False at the end of the text. */
static bool read_plain(struct lexer *l, struct words *w)
{
        uint32_t rune = next(l);

        if (rune == (unsigned char)l->rules->escape) {
                if (l->raw_escapes) {
                        add_rune(&w->word, rune);
                        w->in_word = true;
                        add_rune(&w->text, rune);
                }
                rune = next(l);
                if (rune == END)
                        return false;
                add_rune(&w->word, rune);
                w->in_word = true;
        } else {
                add_split(w, rune);
        }
        add_rune(&w->text, rune);
        return true;
}

/* A part that has a meaning of its own: quotes or a variable. */
static int read_special(struct lexer *l, uint32_t first, struct words *w, struct error *err)
{
        cleanup_strbuf struct strbuf part = {};
        const char *text;
        int r;

        if (first == '$')
                r = read_dollar(l, &part, err);
        else if (first == '"')
                r = read_double_quotes(l, &part, err);
        else
                r = read_single_quotes(l, &part, err);
        if (r < 0)
                return -1;
        text = part.data ? part.data : "";
        strbuf_adds(&w->text, text);
        if (first == '$') {
                add_split_string(w, text);
        } else {
                strbuf_adds(&w->word, text);
                w->in_word = true;
        }
        return 0;
}

static int read_until(struct lexer *l, uint32_t stop, bool raw_escapes, struct words *w, struct error *err)
{
        bool outer = l->raw_escapes;
        uint32_t rune;
        int r = 0;

        if (l->depth >= DEPTH_MAX)
                return error_set(err, ERROR_INVALID, "syntax error: substitutions are nested too deep");
        l->depth++;
        l->raw_escapes = raw_escapes;
        while ((rune = peek(l)) != END && rune != stop && r == 0) {
                if (rune == '$' || (!l->rules->literal_quotes && (rune == '"' || rune == '\'')))
                        r = read_special(l, rune, w, err);
                else if (!read_plain(l, w))
                        break;
        }
        l->raw_escapes = outer;
        l->depth--;
        if (r < 0)
                return -1;
        if (stop != END && next(l) != stop)
                return error_set(err, ERROR_INVALID,
                                 "unexpected end of statement while looking for matching %c", (char)stop);
        end_word(w);
        return 0;
}

/* The inside of a ${…} up to `stop`. */
static int read_operand(struct lexer *l, uint32_t stop, bool raw_escapes, const char *missing, char **ret,
                        struct error *err)
{
        __attribute__((cleanup(words_deinit))) struct words w = {};
        struct error inner = {};

        if (read_until(l, stop, raw_escapes, &w, &inner) < 0) {
                if (peek(l) != END)
                        return error_move(err, &inner);
                error_clear(&inner);
                return error_set(err, ERROR_INVALID, "%s", missing);
        }
        *ret = strbuf_take(&w.text);
        return 0;
}

static bool is_special_parameter(uint32_t r)
{
        return r != 0 && r < 0x80 && strchr("@*#?-$!0", (int)r) != NULL;
}

static char *read_name(struct lexer *l)
{
        const char *start = l->at;
        uint32_t first = peek(l), rune;

        if (rune_is_digit(first)) {
                while (rune_is_digit(peek(l)))
                        next(l);
        } else if (first != END && is_special_parameter(first)) {
                next(l);
        } else {
                while ((rune = peek(l)) != END &&
                       (rune_is_letter(rune) || rune_is_digit(rune) || rune == '_'))
                        next(l);
        }
        return xstrndup(start, (size_t)(l->at - start));
}

static const char *look_up(struct lexer *l, const char *name)
{
        const char *value = l->rules->lookup ? l->rules->lookup(l->rules->arg, name) : NULL;

        if (!value && l->rules->unset && !strv_contains(*l->rules->unset, name))
                strv_append(l->rules->unset, name);
        return value;
}

static uint32_t *to_runes(const char *s, size_t *ret_count)
{
        size_t left = strlen(s), count = 0;
        uint32_t *runes = xcalloc(left + 1, sizeof(*runes));

        while (left) {
                size_t n = utf8_decode(s, left, &runes[count++]);

                s += n;
                left -= n;
        }
        *ret_count = count;
        return runes;
}

static void reverse(uint32_t *runes, size_t count)
{
        for (size_t i = 0, j = count; i + 1 < j; i++) {
                uint32_t swap = runes[i];

                runes[i] = runes[--j];
                runes[j] = swap;
        }
}

static int bad_pattern(const char *pattern, struct error *err)
{
        return error_context(err, "invalid pattern (%s) in substitution", pattern);
}

/* ${VAR#pat} and its three relatives; suffixes by reversing both sides. */
static int trim(const char *value, const char *pattern, bool suffix, struct strbuf *out, struct error *err)
{
        cleanup_shell_pattern struct shell_pattern p = {};
        cleanup_free uint32_t *runes = NULL;
        bool longest = *pattern == (suffix ? '%' : '#');
        size_t count, cut = 0;

        if (shell_pattern_parse(pattern + longest, &p, err) < 0)
                return bad_pattern(pattern + longest, err);
        runes = to_runes(value, &count);
        if (suffix) {
                reverse(runes, count);
                shell_pattern_reverse(&p);
        }
        shell_pattern_prefix(&p, runes, count, longest, &cut);
        if (suffix)
                reverse(runes, count);
        for (size_t i = suffix ? 0 : cut; i < (suffix ? count - cut : count); i++)
                add_rune(out, runes[i]);
        return 0;
}

/* A replacement for all matches is a template: $0 is what matched, $$ a dollar, other names are empty. */
static void add_template(struct strbuf *out, const char *t, const uint32_t *match, size_t len)
{
        while (*t) {
                size_t name;
                bool brace;

                if (*t != '$') {
                        strbuf_addc(out, *t++);
                        continue;
                }
                if (t[1] == '$') {
                        strbuf_addc(out, '$');
                        t += 2;
                        continue;
                }
                brace = t[1] == '{';
                name =
                    strspn(t + 1 + brace, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
                if (name == 0 || (brace && t[2 + name] != '}')) {
                        strbuf_addc(out, *t++);
                        continue;
                }
                if (name == strspn(t + 1 + brace, "0"))
                        for (size_t i = 0; i < len; i++)
                                add_rune(out, match[i]);
                t += 1 + name + (brace ? 2 : 0);
        }
}

static void replace(const char *value, const struct shell_pattern *p, const char *with, bool all,
                    struct strbuf *out)
{
        size_t count, at = 0, len, last = SIZE_MAX; /* `last`: where the last match ended */
        cleanup_free uint32_t *runes = to_runes(value, &count);
        bool done = false;

        while (at <= count) {
                bool hit = !done && shell_pattern_prefix(p, runes + at, count - at, true, &len);

                if (hit && !(len == 0 && at == last)) {
                        if (all)
                                add_template(out, with, runes + at, len);
                        else
                                strbuf_adds(out, with);
                        done = !all;
                        at += len;
                        last = at;
                        if (len)
                                continue;
                }
                if (at < count)
                        add_rune(out, runes[at]);
                at++;
        }
}

/* ${VAR/pattern/text}, behind its first slash. */
static int read_replacement(struct lexer *l, const char *name, struct strbuf *out, struct error *err)
{
        cleanup_shell_pattern struct shell_pattern p = {};
        cleanup_free char *pattern = NULL, *with = NULL;
        const char *value;
        bool all = peek(l) == '/';

        if (all)
                next(l);
        if (read_operand(l, '/', true, "syntax error: missing '/' in ${}", &pattern, err) < 0 ||
            read_operand(l, '}', true, "syntax error: missing '}'", &with, err) < 0)
                return -1;
        value = look_up(l, name);
        if (!value && l->rules->keep_unset) {
                strbuf_addf(out, "${%s/%s%s/%s}", name, all ? "/" : "", pattern, with);
                return 0;
        }
        if (shell_pattern_parse(pattern, &p, err) < 0)
                return bad_pattern(pattern, err);
        replace(value ? value : "", &p, with, all, out);
        return 0;
}

static int unsupported(const char *modifier, struct error *err)
{
        return error_set(err, ERROR_INVALID, "unsupported modifier (%s) in substitution", modifier);
}

static int demand(const char *name, const char *value, bool null_is_unset, const char *word,
                  struct strbuf *out, struct error *err)
{
        if (!value)
                return error_set(err, ERROR_INVALID, "%s: %s", name,
                                 *word ? word : "is not allowed to be unset");
        if (null_is_unset && !*value)
                return error_set(err, ERROR_INVALID, "%s: %s", name,
                                 *word ? word : "is not allowed to be empty");
        strbuf_adds(out, value);
        return 0;
}

/* ${NAME, then one of - + ? # %, the first three also behind a colon. `op` has been read. */
static int read_modifier(struct lexer *l, const char *name, uint32_t op, struct strbuf *out,
                         struct error *err)
{
        cleanup_free char *word = NULL;
        cleanup_strbuf struct strbuf modifier = {};
        bool colon = op == ':', missing, trims;
        const char *value;

        if (colon) {
                strbuf_addc(&modifier, ':');
                op = next(l);
        }
        if (op != END)
                add_rune(&modifier, op);
        trims = op == '#' || op == '%';
        if (colon && trims)
                return unsupported(modifier.data, err);
        if (read_operand(l, '}', trims, "syntax error: missing '}'", &word, err) < 0 || !word)
                return -1;
        value = look_up(l, name);
        if (!value && l->rules->keep_unset) {
                strbuf_addf(out, "${%s%s%s}", name, modifier.data, word);
                return 0;
        }
        missing = !value || (colon && !*value);
        if (op == '-')
                strbuf_adds(out, missing ? word : value);
        else if (op == '+')
                strbuf_adds(out, missing ? "" : word);
        else if (op == '?')
                return demand(name, value, colon, word, out, err);
        else if (trims)
                return trim(value ? value : "", word, op == '%', out, err);
        else
                return unsupported(modifier.data, err);
        return 0;
}

static int read_braces(struct lexer *l, struct strbuf *out, struct error *err)
{
        cleanup_free char *name = NULL;
        const char *value;
        uint32_t op = peek(l);

        if (op == END)
                return error_set(err, ERROR_INVALID, "syntax error: missing '}'");
        if (op == '{' || op == '}' || op == ':')
                return error_set(err, ERROR_INVALID, "syntax error: bad substitution");
        name = read_name(l);
        op = next(l);
        if (op == '/')
                return read_replacement(l, name, out, err);
        if (op != END && op < 0x80 && op != 0 && strchr(":+-?#%", (int)op))
                return read_modifier(l, name, op, out, err);
        if (op != '}') {
                cleanup_strbuf struct strbuf text = {};

                add_rune(&text, op == END ? UTF8_ERROR : op);
                return unsupported(text.data, err);
        }
        value = look_up(l, name);
        if (!value && l->rules->keep_unset)
                strbuf_addf(out, "${%s}", name);
        else
                strbuf_adds(out, value ? value : "");
        return 0;
}

static int read_dollar(struct lexer *l, struct strbuf *out, struct error *err)
{
        cleanup_free char *name = NULL;
        const char *value;

        next(l);
        if (peek(l) == '{') {
                next(l);
                return read_braces(l, out, err);
        }
        name = read_name(l);
        if (!*name) {
                strbuf_addc(out, '$');
                return 0;
        }
        value = look_up(l, name);
        if (!value && l->rules->keep_unset)
                strbuf_addf(out, "$%s", name);
        else
                strbuf_adds(out, value ? value : "");
        return 0;
}

static int process(const struct shell_words *rules, const char *text, struct words *w, struct error *err)
{
        struct lexer l = { rules, text, text + strlen(text), rules->raw_escapes, 0 };

        if (string_after(text, "\xEF\xBB\xBF"))
                l.at += 3;
        if (read_until(&l, END, rules->raw_escapes, w, err) < 0) {
                cleanup_strbuf struct strbuf quoted = {};

                json_quote(&quoted, text, strlen(text));
                return error_context(err, "failed to process %s", quoted.data);
        }
        return 0;
}

int shell_expand(const struct shell_words *rules, const char *text, char **ret, struct error *err)
{
        __attribute__((cleanup(words_deinit))) struct words w = {};

        if (process(rules, text, &w, err) < 0)
                return -1;
        *ret = strbuf_take(&w.text);
        return 0;
}

int shell_split(const struct shell_words *rules, const char *text, char ***ret, struct error *err)
{
        __attribute__((cleanup(words_deinit))) struct words w = {};

        if (process(rules, text, &w, err) < 0)
                return -1;
        *ret = w.list ? take_ptr(w.list) : strv_new();
        return 0;
}

const char *shell_lookup_env(void *env, const char *name)
{
        size_t len = strlen(name);
        const char *value = NULL;

        for (char **e = env; e && *e; e++)
                if (strncmp(*e, name, len) == 0 && (*e)[len] == '=')
                        value = *e + len + 1;
        return value;
}
