#include "build/dockerfile-internal.h"
#include "build/shell-words.h"

int heredoc_parse(const char *word, struct heredoc *ret, struct error *err)
{
        struct shell_words rules = { .escape = '\\', .keep_unset = true };
        cleanup_strv char **plain = NULL, **quoted = NULL;
        const char *rest = word + strspn(word, "0123456789");
        bool chomp;

        rest = string_after(rest, "<<");
        if (!rest)
                return 0;
        chomp = *rest == '-';
        rest += chomp;
        if (!*rest || strchr(rest, '<'))
                return 0;
        if (shell_split(&rules, rest, &plain, err) < 0)
                return -1;
        if (strv_length(plain) != 1)
                return 0;
        /* Quoted somewhere: nothing is expanded in the content. */
        rules.raw_quotes = rules.raw_escapes = true;
        if (shell_split(&rules, rest, &quoted, err) < 0)
                return -1;
        *ret = (struct heredoc){ .name = take_ptr(plain[0]), .expand = true, .chomp = chomp };
        ret->expand = quoted[0] && streq(ret->name, quoted[0]);
        return 1;
}

void heredoc_deinit(struct heredoc *h)
{
        free(h->name);
        free(h->content);
        *h = (struct heredoc){};
}

char *heredoc_chomp(const char *content)
{
        cleanup_strbuf struct strbuf out = {};

        while (*content) {
                size_t len;

                content += strspn(content, "\t");
                len = (size_t)(strchrnul(content, '\n') - content);
                len += content[len] == '\n';
                strbuf_add(&out, content, len);
                content += len;
        }
        return strbuf_take(&out);
}
