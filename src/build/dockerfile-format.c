/* The syntax tree as text, for tests and debugging. */
#include "build/dockerfile-internal.h"

#include "base/utf8.h"

#include <ctype.h>

static void quote_rune(struct strbuf *out, uint32_t rune, const char *bytes, size_t n)
{
        static const char escapes[] = "\aa\bb\ff\nn\rr\tt\vv\\\\\"\"";

        for (const char *e = escapes; *e && rune < 0x80; e += 2) {
                if (rune == (unsigned char)*e) {
                        strbuf_addc(out, '\\');
                        strbuf_addc(out, e[1]);
                        return;
                }
        }
        if (rune < 0x20 || rune == 0x7F || (rune == UTF8_ERROR && n == 1))
                strbuf_addf(out, "\\x%02x", (unsigned char)*bytes);
        else if ((rune >= 0x80 && rune < 0xA0) || (rune > 0x80 && rune_is_space(rune)) || rune == 0xFEFF ||
                 (rune >= 0x200B && rune <= 0x200F))
                strbuf_addf(out, "\\u%04x", rune);
        else
                strbuf_add(out, bytes, n);
}

static void quote(struct strbuf *out, const char *s)
{
        size_t left = strlen(s);

        strbuf_addc(out, '"');
        while (left) {
                uint32_t rune;
                size_t n = utf8_decode(s, left, &rune);

                quote_rune(out, rune, s, n);
                s += n;
                left -= n;
        }
        strbuf_addc(out, '"');
}

static void format_node(struct strbuf *out, const struct dockerfile_node *node)
{
        strbuf_addc(out, '(');
        for (const char *c = node->name; *c; c++)
                strbuf_addc(out, (char)tolower((unsigned char)*c));
        for (char **f = node->flags; f && *f; f++) {
                strbuf_adds(out, f == node->flags ? " [" : " ");
                quote(out, *f);
                if (!f[1])
                        strbuf_addc(out, ']');
        }
        for (char **a = node->args; *a; a++) {
                strbuf_addc(out, ' ');
                quote(out, *a);
        }
        if (node->child) {
                strbuf_addc(out, ' ');
                format_node(out, node->child);
        }
        strbuf_addc(out, ')');
}

char *dockerfile_syntax_format(const struct dockerfile_syntax *s)
{
        struct strbuf out = {};

        for (size_t i = 0; i < s->n_nodes; i++) {
                if (i)
                        strbuf_addc(&out, '\n');
                format_node(&out, s->nodes[i]);
        }
        return strbuf_take(&out);
}
