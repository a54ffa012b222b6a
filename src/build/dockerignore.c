/* A pattern is turned into a literal, a prefix, a suffix or a regular expression, whichever is the least. */
#include "build/dockerignore.h"

#include "base/path.h"
#include "base/utf8.h"
#include "build/path-regex.h"

enum pattern_kind { PATTERN_UNKNOWN, PATTERN_EXACT, PATTERN_PREFIX, PATTERN_SUFFIX, PATTERN_REGEX };

struct pattern {
        char *text;
        bool exception; /* began with "!" */
        enum pattern_kind kind;
        struct path_regex *regex;
};

struct path_matcher {
        struct pattern *patterns;
        size_t count;
        bool exceptions;
};

static size_t space_before(const char *s, size_t len)
{
        size_t at = 0, n;
        uint32_t rune;

        while ((n = utf8_decode(s + at, len - at, &rune)) && rune_is_space(rune))
                at += n;
        return at;
}

/* strings.TrimSpace; heap. */
static char *trimmed(const char *s, size_t len)
{
        size_t skip = space_before(s, len);

        s += skip;
        len -= skip;
        for (size_t at = len; at > 0;) { /* a character's first byte is one that is not 10xxxxxx */
                uint32_t rune;

                at--;
                if (((unsigned char)s[at] & 0xC0) == 0x80 && at)
                        continue;
                utf8_decode(s + at, len - at, &rune);
                if (!rune_is_space(rune))
                        break;
                len = at;
        }
        return xstrndup(s, len);
}

static void add_line(char ***list, const char *line, size_t len)
{
        cleanup_free char *text = NULL, *rest = NULL, *clean = NULL;
        bool exception;

        if (len && *line == '#')
                return;
        text = trimmed(line, len);
        if (!*text)
                return;
        exception = *text == '!';
        rest = trimmed(text + exception, strlen(text + exception));
        clean = *rest ? path_clean(rest) : xstrdup("");
        strv_append_take(list, string_format("%s%s", exception ? "!" : "",
                                             clean[0] == '/' && clean[1] ? clean + 1 : clean));
}

char **dockerignore_parse(const char *text, size_t len)
{
        const char *end = text + len;
        char **list = strv_new();

        if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
                text += 3;
        while (text < end) {
                const char *newline = memchr(text, '\n', (size_t)(end - text));
                size_t line = (size_t)((newline ? newline : end) - text);

                add_line(&list, text, line);
                text += line + 1;
        }
        return list;
}

/* The expression of a pattern; its kind tells whether it is needed. */
static char *to_regex(const char *p, enum pattern_kind *ret_kind)
{
        cleanup_strbuf struct strbuf out = {};
        enum pattern_kind kind = PATTERN_EXACT;

        strbuf_addc(&out, '^');
        for (bool first = true; *p; first = false) {
                char c = *p++;

                if (c == '*' && *p == '*') {
                        p++;
                        if (*p == '/') /* "**" followed by "/" is one thing */
                                p++;
                        if (*p) {
                                strbuf_adds(&out, "(.*/)?");
                                kind = PATTERN_REGEX;
                        } else if (kind == PATTERN_EXACT) {
                                kind = PATTERN_PREFIX;
                        } else {
                                strbuf_adds(&out, ".*");
                                kind = PATTERN_REGEX;
                        }
                        if (first)
                                kind = PATTERN_SUFFIX;
                } else if (c == '*' || c == '?') {
                        strbuf_adds(&out, c == '*' ? "[^/]*" : "[^/]");
                        kind = PATTERN_REGEX;
                } else if (strchr(".+()|{}$", c)) {
                        strbuf_addc(&out, '\\');
                        strbuf_addc(&out, c);
                } else if (c == '\\') {
                        strbuf_addc(&out, '\\');
                        if (*p) {
                                strbuf_addc(&out, *p++);
                                kind = PATTERN_REGEX;
                        }
                } else {
                        if (c == '[' || c == ']')
                                kind = PATTERN_REGEX;
                        strbuf_addc(&out, c);
                }
        }
        strbuf_addc(&out, '$');
        *ret_kind = kind;
        return strbuf_take(&out);
}

static int pattern_compile(struct pattern *p, struct error *err)
{
        cleanup_free char *text = to_regex(p->text, &p->kind);

        if (p->kind == PATTERN_REGEX && path_regex_new(text, &p->regex, err) < 0) {
                p->kind = PATTERN_UNKNOWN; /* said again for every path, as the reference does */
                return -1;
        }
        return 0;
}

static int pattern_match(struct pattern *p, const char *path, bool *ret, struct error *err)
{
        if (p->kind == PATTERN_UNKNOWN && pattern_compile(p, err) < 0)
                return -1;
        switch (p->kind) {
        case PATTERN_PREFIX:
                *ret = strncmp(path, p->text, strlen(p->text) - 2) == 0;
                break;
        case PATTERN_SUFFIX: /* "**" and what follows; with a slash it also is the whole path */
                *ret = string_ends_with(path, p->text + 2) || (p->text[2] == '/' && streq(path, p->text + 3));
                break;
        case PATTERN_REGEX:
                *ret = path_regex_match(p->regex, path);
                break;
        default:
                *ret = streq(path, p->text);
        }
        return 0;
}

static int matcher_add(struct path_matcher *m, const char *text, struct error *err)
{
        cleanup_free char *plain = trimmed(text, strlen(text)), *clean = NULL;
        struct pattern p = {};

        if (!*plain)
                return 0;
        clean = path_clean(plain);
        p.exception = *clean == '!';
        if (streq(clean, "!"))
                return error_set(err, ERROR_INVALID, "illegal exclusion pattern: \"!\"");
        if (path_glob(clean + p.exception, ".") < 0)
                return error_set(err, ERROR_INVALID, "syntax error in pattern");
        p.text = xstrdup(clean + p.exception);
        m->exceptions |= p.exception;
        ARRAY_APPEND(m->patterns, m->count, p);
        return 0;
}

int path_matcher_new(char *const *patterns, struct path_matcher **ret, struct error *err)
{
        cleanup_path_matcher struct path_matcher *m = xcalloc(1, sizeof(*m));

        for (; patterns && *patterns; patterns++)
                if (matcher_add(m, *patterns, err) < 0)
                        return -1;
        *ret = take_ptr(m);
        return 0;
}

void path_matcher_free(struct path_matcher *m)
{
        if (!m)
                return;
        for (size_t i = 0; i < m->count; i++) {
                free(m->patterns[i].text);
                path_regex_free(m->patterns[i].regex);
        }
        free(m->patterns);
        free(m);
}

bool path_matcher_has_exceptions(const struct path_matcher *m)
{
        return m->exceptions;
}

void path_matcher_describe(const struct path_matcher *m, struct strbuf *out)
{
        for (size_t i = 0; i < m->count; i++)
                strbuf_addf(out, "%s%s\n", m->patterns[i].exception ? "!" : "", m->patterns[i].text);
}

int path_matcher_excludes(struct path_matcher *m, const char *path, bool *ret, struct error *err)
{
        cleanup_free char *at = xstrdup(path);
        cleanup_free bool *above = xcalloc(m->count + 1, sizeof(bool));
        bool matched = false;
        char *slash = at;

        /* From the topmost folder down: what matched a folder holds below it - unless it was not even looked
         * at there, because it could not have changed the folder's own answer. */
        do {
                slash = strchr(slash, '/');
                if (slash)
                        *slash = 0;
                matched = false;
                for (size_t i = 0; i < m->count; i++) {
                        struct pattern *p = &m->patterns[i];

                        if (!above[i]) {
                                if (p->exception != matched)
                                        continue;
                                if (pattern_match(p, at, &above[i], err) < 0)
                                        return -1;
                        }
                        if (above[i])
                                matched = !p->exception;
                }
                if (slash)
                        *slash++ = '/';
        } while (slash);
        *ret = matched;
        return 0;
}

/* The path itself, else one of its parent folders. */
static int match_with_parents(struct pattern *p, char *path, bool *ret, struct error *err)
{
        if (pattern_match(p, path, ret, err) < 0)
                return -1;
        for (char *slash = strchr(path, '/'); slash && !*ret; slash = strchr(slash + 1, '/')) {
                *slash = 0;
                pattern_match(p, path, ret, NULL);
                *slash = '/';
        }
        return 0;
}

int path_matcher_match(struct path_matcher *m, const char *path, bool *ret, struct error *err)
{
        cleanup_free char *copy = xstrdup(path);
        bool matched = false;

        for (size_t i = 0; i < m->count; i++) {
                struct pattern *p = &m->patterns[i];
                bool hit = false;

                if (p->exception != matched) /* could not change anything */
                        continue;
                if (match_with_parents(p, copy, &hit, err) < 0)
                        return -1;
                if (hit)
                        matched = !p->exception;
        }
        *ret = matched;
        return 0;
}

/* How many components a pattern has. */
static size_t depth(const char *pattern)
{
        size_t n = 1;

        for (; *pattern; pattern++)
                n += *pattern == '/';
        return n;
}

int path_matcher_match_level(struct path_matcher *m, const char *path, bool *ret, struct error *err)
{
        bool matched = false;

        for (size_t i = 0; i < m->count; i++) {
                struct pattern *p = &m->patterns[i];
                size_t levels = depth(p->text), at = 0;
                bool hit = false;

                if (pattern_match(p, path, &hit, err) < 0)
                        return -1;
                while (!hit && path[at] && (path[at] != '/' || --levels))
                        at++;
                if (!hit && path[at] == '/') {
                        cleanup_free char *parent = xstrndup(path, at);

                        pattern_match(p, parent, &hit, NULL);
                }
                if (hit)
                        matched = !p->exception;
        }
        *ret = matched;
        return 0;
}
