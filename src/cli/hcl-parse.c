/* HCL's structure: blocks and attributes. Where an expression ends is told by brackets, quotes and
 * here-documents. */
#include "cli/hcl.h"

#include <ctype.h>

#define BLOCKS_DEEP 32

struct parser {
        const char *at, *begin;
};

static int line_of(const struct parser *p)
{
        int line = 1;

        for (const char *s = p->begin; s < p->at; s++)
                line += *s == '\n';
        return line;
}

static int complain(const struct parser *p, struct error *err, const char *what)
{
        return error_set(err, ERROR_INVALID, "line %d: %s", line_of(p), what);
}

void hcl_block_deinit(struct hcl_block *b)
{
        for (size_t i = 0; i < b->n_attributes; i++) {
                free(b->attributes[i].name);
                free(b->attributes[i].text);
        }
        for (size_t i = 0; i < b->n_blocks; i++)
                hcl_block_deinit(&b->blocks[i]);
        free(b->attributes);
        free(b->blocks);
        free(b->type);
        strv_free(b->labels);
        *b = (struct hcl_block){};
}

static bool is_name(char c)
{
        return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* A comment's end; `s` itself when there is none. A line's end is left. */
static const char *skip_comment(const char *s)
{
        if (*s == '#' || (*s == '/' && s[1] == '/'))
                return s + strcspn(s, "\n");
        if (*s == '/' && s[1] == '*') {
                const char *end = strstr(s + 2, "*/");

                return end ? end + 2 : s + strlen(s);
        }
        return s;
}

static void skip_blanks(struct parser *p, bool lines)
{
        for (;;) {
                const char *next = skip_comment(p->at);

                if (next != p->at)
                        p->at = next;
                else if (*p->at == ' ' || *p->at == '\t' || *p->at == '\r' || (lines && *p->at == '\n'))
                        p->at++;
                else
                        return;
        }
}

static const char *skip_template(const char *s);

/* Behind the closing quote; NULL: there is none. */
static const char *skip_string(const char *s)
{
        for (s++; *s && *s != '"' && *s != '\n'; s++) {
                if (*s == '\\' && s[1])
                        s++;
                else if ((*s == '$' || *s == '%') && s[1] == '{' && s[-1] != *s) {
                        s = skip_template(s + 2);
                        if (!s)
                                return NULL;
                        s--;
                }
        }
        return *s == '"' ? s + 1 : NULL;
}

/* Behind the "}" that ends an interpolation. */
static const char *skip_template(const char *s)
{
        int depth = 1;

        while (*s && depth) {
                if (*s == '"') {
                        s = skip_string(s);
                        if (!s)
                                return NULL;
                        continue;
                }
                depth += (*s == '{') - (*s == '}');
                s++;
        }
        return depth ? NULL : s;
}

/* Behind the line with the mark. */
static const char *skip_heredoc(const char *s)
{
        const char *mark = s + 2 + (s[2] == '-');
        size_t len = 0;

        while (is_name(mark[len]))
                len++;
        if (!len)
                return NULL;
        for (s = mark + strcspn(mark, "\n"); *s == '\n'; s += strcspn(s, "\n")) {
                s++;
                if (strncmp(s + strspn(s, " \t"), mark, len) == 0 && !is_name(s[strspn(s, " \t") + len]))
                        return s + strspn(s, " \t") + len;
        }
        return NULL;
}

/* An expression: up to the line's end outside of brackets, or the "}" of the block. */
static int read_expression(struct parser *p, char **ret, struct error *err)
{
        const char *start = p->at;
        int depth = 0;

        while (*p->at && (depth || (*p->at != '\n' && *p->at != '}'))) {
                const char *next = skip_comment(p->at);

                if (next != p->at && !depth && *p->at != '/')
                        break;
                if (next == p->at && *p->at == '"')
                        next = skip_string(p->at);
                else if (next == p->at && p->at[0] == '<' && p->at[1] == '<')
                        next = skip_heredoc(p->at);
                if (!next)
                        return complain(p, err, "an unfinished string");
                if (next == p->at) {
                        depth += (strchr("([{", *p->at) != NULL) - (strchr(")]}", *p->at) != NULL);
                        if (depth < 0)
                                return complain(p, err, "a bracket too many");
                        next++;
                }
                p->at = next;
        }
        if (depth)
                return complain(p, err, "a bracket is not closed");
        if (start == p->at)
                return complain(p, err, "an expression is missing");
        *ret = xstrndup(start, (size_t)(p->at - start));
        return 0;
}

static char *read_name(struct parser *p)
{
        const char *start = p->at;

        while (is_name(*p->at))
                p->at++;
        return start == p->at ? NULL : xstrndup(start, (size_t)(p->at - start));
}

static int read_labels(struct parser *p, struct hcl_block *b, struct error *err)
{
        for (skip_blanks(p, false); *p->at && *p->at != '{'; skip_blanks(p, false)) {
                char *label;

                if (*p->at == '"') {
                        const char *end = skip_string(p->at);

                        if (!end)
                                return complain(p, err, "an unfinished string");
                        label = xstrndup(p->at + 1, (size_t)(end - p->at) - 2);
                        p->at = end;
                } else if (!(label = read_name(p))) {
                        return complain(p, err, "an argument or block definition is required here");
                }
                strv_append_take(&b->labels, label);
        }
        return *p->at ? 0 : complain(p, err, "a block has no body");
}

static int read_body(struct parser *p, struct hcl_block *b, bool top, int depth, struct error *err);

static int read_item(struct parser *p, struct hcl_block *b, int depth, struct error *err)
{
        int line = line_of(p);
        cleanup_free char *name = read_name(p);

        if (!name)
                return complain(p, err, "an argument or block definition is required here");
        skip_blanks(p, false);
        if (*p->at == '=' && p->at[1] != '=') {
                struct hcl_attribute a = { .line = line };

                p->at++;
                skip_blanks(p, false);
                if (read_expression(p, &a.text, err) < 0)
                        return -1;
                a.name = take_ptr(name);
                ARRAY_APPEND(b->attributes, b->n_attributes, a);
                return 0;
        }
        ARRAY_APPEND(b->blocks, b->n_blocks, ((struct hcl_block){ .type = take_ptr(name), .line = line }));
        if (read_labels(p, &b->blocks[b->n_blocks - 1], err) < 0)
                return -1;
        p->at++;
        return read_body(p, &b->blocks[b->n_blocks - 1], false, depth + 1, err);
}

static int read_body(struct parser *p, struct hcl_block *b, bool top, int depth, struct error *err)
{
        if (depth > BLOCKS_DEEP)
                return complain(p, err, "blocks are nested too deep");
        for (;;) {
                skip_blanks(p, true);
                if (!*p->at)
                        return top ? 0 : complain(p, err, "a block is not closed");
                if (*p->at == '}' && !top) {
                        p->at++;
                        return 0;
                }
                if (read_item(p, b, depth, err) < 0)
                        return -1;
        }
}

int hcl_parse(const char *text, size_t len, struct hcl_block *ret, struct error *err)
{
        cleanup_free char *copy = NULL;
        struct hcl_block block = {};
        struct parser p;

        if (len > HCL_TEXT_MAX)
                return error_set(err, ERROR_INVALID, "the file is too large");
        if (memchr(text, 0, len) || !utf8_valid(text, len))
                return error_set(err, ERROR_INVALID, "the file is no UTF-8 text");
        copy = xstrndup(text, len);
        p = (struct parser){ copy, copy };
        if (read_body(&p, &block, true, 0, err) < 0) {
                hcl_block_deinit(&block);
                return -1;
        }
        *ret = block;
        return 0;
}
