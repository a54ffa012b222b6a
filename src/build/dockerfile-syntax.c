/* Lines → logical lines → nodes. A logical line ends where no continuation character stands; comments and
 * blank lines in between are skipped; here-documents follow the line that names them. */
#include "build/dockerfile-internal.h"
#include "build/shell-words.h"

#include "base/utf8.h"

#include <ctype.h>

struct reader {
        const char *at, *end;
        int line; /* lines read so far */
        struct dockerfile_syntax *out;
        bool directives_done;
        unsigned directives_seen;
        char **comments; /* right above the next instruction */
        bool gap;        /* in the instruction that was read last */
};

/* A line without its newline characters. */
struct line {
        const char *text;
        size_t len;
        size_t full; /* with them */
};

static bool next_line(struct reader *r, struct line *ret)
{
        const char *newline;

        if (r->at == r->end)
                return false;
        newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
        ret->text = r->at;
        ret->full = ret->len = (size_t)((newline ? newline + 1 : r->end) - r->at);
        while (ret->len && (ret->text[ret->len - 1] == '\n' || ret->text[ret->len - 1] == '\r'))
                ret->len--;
        r->at += ret->full;
        r->line++;
        return true;
}

static void skip_space(struct line *l)
{
        uint32_t rune;
        size_t n;

        while ((n = utf8_decode(l->text, l->len, &rune)) && rune_is_space(rune)) {
                l->text += n;
                l->len -= n;
        }
}

static bool is_comment(struct line l)
{
        skip_space(&l);
        return l.len && *l.text == '#';
}

static bool is_blank(struct line l)
{
        skip_space(&l);
        return l.len == 0;
}

static char *trimmed(const char *s, size_t len)
{
        struct line l = { s, len, len };

        skip_space(&l);
        while (l.len && rune_is_space((unsigned char)l.text[l.len - 1]) &&
               (unsigned char)l.text[l.len - 1] < 0x80)
                l.len--;
        return xstrndup(l.text, l.len);
}

static int set_escape(struct reader *r, const char *value, struct error *err)
{
        if (!streq(value, "`") && !streq(value, "\\"))
                return error_set(err, ERROR_INVALID, "invalid escape token '%s' does not match ` or \\",
                                 value);
        r->out->escape = *value;
        return 0;
}

/* "# name = value" before anything else. 1 when the line was one. */
static int read_directive(struct reader *r, struct line l, struct error *err)
{
        static const char *const names[] = { "escape", "syntax", "check" };
        cleanup_free char *text = xstrndup(l.text, l.len), *value = NULL;
        char *name, *p;

        if (r->directives_done)
                return 0;
        r->directives_done = true;
        if (*text != '#')
                return 0;
        name = text + 1 + strspn(text + 1, " \t\v\f");
        p = name + strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
        if (!isalpha((unsigned char)*name))
                return 0;
        value = trimmed(p, strlen(p));
        if (*value != '=' || !value[1])
                return 0;
        r->directives_done = false;
        *p = 0;
        for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
                char *plain;

                if (strcasecmp(name, names[i]) != 0)
                        continue;
                if (r->directives_seen & 1U << i)
                        return error_set(err, ERROR_INVALID, "only one %s parser directive can be used",
                                         names[i]);
                r->directives_seen |= 1U << i;
                plain = trimmed(value + 1, strlen(value + 1));
                if (i == 0) {
                        cleanup_free char *escape = plain;

                        return set_escape(r, escape, err) < 0 ? -1 : 1;
                }
                *(i == 1 ? &r->out->syntax : &r->out->check) = plain;
                return 1;
        }
        return 0;
}

/* Cuts the continuation character off; true when there was one. */
static bool cut_continuation(struct line *l, char escape)
{
        size_t len = l->len;

        while (len && (l->text[len - 1] == ' ' || l->text[len - 1] == '\t'))
                len--;
        if (len == 0 || l->text[len - 1] != escape || (len > 1 && l->text[len - 2] == escape))
                return false;
        l->len = len - 1;
        return true;
}

/* The rest of a logical line whose first line ended with a continuation. */
static void read_continuations(struct reader *r, struct strbuf *out)
{
        struct line l;
        bool more = true;

        while (more && next_line(r, &l)) {
                if (is_blank(l))
                        r->gap = true;
                if (is_comment(l) || is_blank(l))
                        continue;
                more = cut_continuation(&l, r->out->escape);
                strbuf_add(out, l.text, l.len);
        }
}

/* The next logical line; false at the end, or -1. */
static int read_logical(struct reader *r, struct strbuf *out, int *ret_start, struct error *err)
{
        struct line l;

        while (next_line(r, &l)) {
                bool comment = is_comment(l), more;
                int directive;

                skip_space(&l);
                if (l.len == 0) {
                        strv_free(r->comments);
                        r->comments = NULL;
                }
                directive = read_directive(r, l, err);
                if (directive < 0)
                        return -1;
                if (comment) {
                        if (!directive)
                                strv_append_take(&r->comments, trimmed(l.text + 1, l.len - 1));
                        continue;
                }
                *ret_start = r->line;
                r->gap = false;
                more = cut_continuation(&l, r->out->escape);
                if (!more && l.len == 0)
                        continue;
                strbuf_add(out, l.text, l.len);
                if (more)
                        read_continuations(r, out);
                return 1;
        }
        return 0;
}

void dockerfile_node_free(struct dockerfile_node *node)
{
        if (!node)
                return;
        free(node->name);
        free(node->original);
        strv_free(node->flags);
        strv_free(node->args);
        strv_free(node->comments);
        dockerfile_node_free(node->child);
        for (size_t i = 0; i < node->n_heredocs; i++)
                heredoc_deinit(&node->heredocs[i]);
        free(node->heredocs);
        free(node);
}
DEFINE_CLEANUP(struct dockerfile_node *, cleanup_node_func, dockerfile_node_free)
#define cleanup_node __attribute__((cleanup(cleanup_node_func)))

int dockerfile_node_read(const char *line, char escape, struct dockerfile_node **ret, struct error *err)
{
        cleanup_node struct dockerfile_node *node = xcalloc(1, sizeof(*node));
        cleanup_free char *text = trimmed(line, strlen(line)), *rest = NULL, *args = NULL;
        const struct instruction_kind *kind;
        enum instruction_type type;
        size_t len = strcspn(text, "\t\v\f\r ");

        node->name = xstrndup(text, len);
        node->original = xstrdup(line);
        dockerfile_split_flags(text + len, &node->flags, &rest);
        args = trimmed(rest, strlen(rest));
        node->args = strv_new();
        kind = instruction_kind_find(node->name, &type);
        if (!kind)
                strv_append(&node->args, ""); /* refused later, by the typed form */
        else if (kind->read(args, escape, node, err) < 0)
                return -1;
        *ret = take_ptr(node);
        return 0;
}

static bool can_have_heredocs(const struct dockerfile_node *node)
{
        if (strcasecmp(node->name, "ONBUILD") == 0 && node->child)
                node = node->child;
        return !node->json && (strcasecmp(node->name, "ADD") == 0 || strcasecmp(node->name, "COPY") == 0 ||
                               strcasecmp(node->name, "RUN") == 0);
}

static int read_heredoc(struct reader *r, struct heredoc *h, struct error *err)
{
        cleanup_strbuf struct strbuf content = {};
        size_t name = strlen(h->name);
        struct line l;

        while (next_line(r, &l)) {
                const char *text = l.text;
                size_t len = l.len;

                while (h->chomp && len && *text == '\t') {
                        text++;
                        len--;
                }
                if (len == name && memcmp(text, h->name, len) == 0) {
                        h->content = strbuf_take(&content);
                        return 0;
                }
                strbuf_add(&content, l.text, l.full);
        }
        return error_set(err, ERROR_INVALID, "unterminated heredoc");
}

static bool is_bare_redirection(const char *word)
{
        word += strspn(word, "0123456789");
        return streq(word, "<<") || streq(word, "<<-");
}

static int read_heredocs(struct reader *r, const char *line, struct dockerfile_node *node, struct error *err)
{
        struct shell_words rules = {
                .escape = '\\', .keep_unset = true, .raw_quotes = true, .raw_escapes = true
        };
        cleanup_strv char **words = NULL;

        if (!can_have_heredocs(node) || !strstr(line, "<<") || shell_split(&rules, line, &words, NULL) < 0)
                return 0;
        for (char **w = words; *w; w++) {
                cleanup_free char *joined = NULL;
                struct heredoc h = {};
                int found;

                if (is_bare_redirection(*w) && w[1]) { /* "<< EOF" */
                        joined = string_format("%s%s", w[0], w[1]);
                        w++;
                }
                found = heredoc_parse(joined ? joined : *w, &h, err);

                if (found < 0)
                        return -1;
                if (found == 0)
                        continue;
                ARRAY_APPEND(node->heredocs, node->n_heredocs, h);
                if (read_heredoc(r, &node->heredocs[node->n_heredocs - 1], err) < 0)
                        return -1;
        }
        return 0;
}

static int read_node(struct reader *r, const char *line, int start, struct error *err)
{
        cleanup_node struct dockerfile_node *node = NULL;

        if (dockerfile_node_read(line, r->out->escape, &node, err) < 0 ||
            read_heredocs(r, line, node, err) < 0)
                return -1;
        node->start_line = start;
        node->end_line = r->line;
        node->gap = r->gap;
        node->comments = take_ptr(r->comments);
        ARRAY_APPEND(r->out->nodes, r->out->n_nodes, take_ptr(node));
        return 0;
}

static int read_all(struct reader *r, int *ret_start, struct error *err)
{
        for (;;) {
                cleanup_strbuf struct strbuf line = {};
                int found;

                *ret_start = r->line + 1;
                found = read_logical(r, &line, ret_start, err);
                if (found < 0)
                        return -1;
                if (found == 0)
                        break;
                if (read_node(r, line.data ? line.data : "", *ret_start, err) < 0)
                        return -1;
        }
        if (r->out->n_nodes == 0)
                return error_set(err, ERROR_INVALID, "file with no instructions");
        return 0;
}

int dockerfile_parse(const char *text, size_t len, struct dockerfile_syntax *ret,
                     struct dockerfile_location *ret_location, struct error *err)
{
        cleanup_dockerfile_syntax struct dockerfile_syntax syntax = { .escape = '\\' };
        struct reader r = { .at = text, .end = text + len, .out = &syntax };
        int start, result;

        if (len > DOCKERFILE_MAX)
                return error_set(err, ERROR_INVALID, "the Dockerfile is larger than %d bytes",
                                 DOCKERFILE_MAX);
        if (memchr(text, 0, len))
                return error_set(err, ERROR_INVALID, "the Dockerfile holds a NUL character");
        if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
                r.at += 3;
        result = read_all(&r, &start, err);
        strv_free(r.comments);
        if (result < 0) {
                if (ret_location)
                        *ret_location = (struct dockerfile_location){ start, MAX(start, r.line) };
                return -1;
        }
        *ret = syntax;
        syntax = (struct dockerfile_syntax){};
        return 0;
}

void dockerfile_syntax_deinit(struct dockerfile_syntax *s)
{
        for (size_t i = 0; i < s->n_nodes; i++)
                dockerfile_node_free(s->nodes[i]);
        free(s->nodes);
        free(s->syntax);
        free(s->check);
        *s = (struct dockerfile_syntax){};
}
