#include "compose/words.h"

struct splitter {
        char **words;
        struct strbuf word;
        bool some;                                /* a word has begun, if only by quotes */
        bool escaped, single, twin, back, dollar; /* inside of '…', "…", `…`, $(…) */
};

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void add(struct splitter *s, char c)
{
        strbuf_addc(&s->word, c);
        s->some = true;
}

static void end_word(struct splitter *s)
{
        if (s->some)
                strv_append_take(&s->words, strbuf_take(&s->word));
        s->some = false;
}

/* 1: goes on, 0: the rest is dropped, -1: no command line. */
static int take_special(struct splitter *s, char c)
{
        bool quoted = s->single || s->twin || s->back || s->dollar;

        switch (c) {
        case '`':
                if (!s->single && !s->twin && !s->dollar)
                        s->back = !s->back;
                break;
        case ')':
                if (!s->single && !s->twin && !s->back)
                        s->dollar = !s->dollar;
                break;
        case '(':
                if (s->single || s->twin || s->back)
                        break;
                if (s->dollar || !s->word.len || s->word.data[s->word.len - 1] != '$')
                        return -1;
                s->dollar = true;
                break;
        case '"':
                if (s->single || s->dollar)
                        break;
                s->some |= s->twin;
                s->twin = !s->twin;
                return 1;
        case '\'':
                if (s->twin || s->dollar)
                        break;
                s->some |= s->single;
                s->single = !s->single;
                return 1;
        case ';':
        case '&':
        case '|':
        case '<':
        case '>':
                if (!quoted) {
                        /* "2>file": the number belongs to what is dropped. */
                        if (c == '>' && s->word.len && s->word.data[0] >= '0' && s->word.data[0] <= '9')
                                s->some = false;
                        return 0;
                }
                break;
        default:
                break;
        }
        add(s, c);
        return 1;
}

int words_split(const char *text, char ***ret, struct error *err)
{
        struct splitter s = { .words = strv_new() };
        int r = 1;

        for (; *text && r > 0; text++) {
                if (s.escaped) {
                        add(&s, *text == 't' ? '\t' : *text == 'n' ? '\n' : *text);
                        s.escaped = false;
                } else if (*text == '\\') {
                        if (s.single)
                                add(&s, *text);
                        else
                                s.escaped = true;
                } else if (!is_blank(*text)) {
                        r = take_special(&s, *text);
                } else if (s.single || s.twin || s.back || s.dollar) {
                        add(&s, *text);
                } else {
                        end_word(&s);
                }
        }
        end_word(&s);
        strbuf_deinit(&s.word);
        if (r < 0 || s.escaped || s.single || s.twin || s.back || s.dollar) {
                strv_free(s.words);
                return error_set(err, ERROR_INVALID, "invalid command line string");
        }
        *ret = s.words;
        return 0;
}
