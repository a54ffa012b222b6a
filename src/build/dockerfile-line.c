/* What stands behind an instruction's name: flags, words, pairs, JSON arrays. */
#include "build/dockerfile-internal.h"

#include "base/utf8.h"

#include <ctype.h>

#define BLANKS "\t\v\f\r "

static bool is_space(char c)
{
        return rune_is_space((unsigned char)c) && (unsigned char)c < 0x80;
}

/* A flag's text, unquoted; `*p` moves behind it. False when it was a bare "--". */
static bool take_flag(const char **p, char ***flags)
{
        cleanup_strbuf struct strbuf word = {};
        bool blank_ok = false;
        char quote = 0;

        for (; **p && (quote || !is_space(**p)); ++*p) {
                if (quote ? **p == quote : **p == '\'' || **p == '"') {
                        quote = quote ? 0 : **p;
                        blank_ok = true;
                        continue;
                }
                if (**p == '\\') {
                        if (!(*p)[1])
                                continue;
                        ++*p;
                }
                strbuf_addc(&word, **p);
        }
        if (word.len == 2 && streq(word.data, "--"))
                return false;
        if (blank_ok || word.len)
                strv_append(flags, word.data ? word.data : "");
        return true;
}

void dockerfile_split_flags(const char *text, char ***ret_flags, char **ret_rest)
{
        const char *p = text;

        for (;;) {
                while (is_space(*p))
                        p++;
                if (p[0] != '-' || p[1] != '-' || !take_flag(&p, ret_flags))
                        break;
        }
        *ret_rest = xstrdup(p);
}

/* State of split_words(). */
struct word_state {
        struct strbuf word;
        bool blank_ok;
        uint32_t quote;
        char ***list;
};

static void end_word(struct word_state *s)
{
        if (s->blank_ok || s->word.len)
                strv_append_take(s->list, strbuf_take(&s->word));
        s->blank_ok = false;
}

/* Words with their quotes and escapes as written. */
static char **split_words(const char *rest, char escape)
{
        char **list = strv_new();
        struct word_state s = { .list = &list };
        bool in_word = false;
        size_t left = strlen(rest);

        while (left) {
                uint32_t rune;
                size_t n = utf8_decode(rest, left, &rune);

                if (!s.quote && rune_is_space(rune)) {
                        if (in_word)
                                end_word(&s);
                        in_word = false;
                        rest += n;
                        left -= n;
                        continue;
                }
                in_word = true;
                if (!s.quote && (rune == '\'' || rune == '"')) {
                        s.quote = rune;
                        s.blank_ok = true;
                } else if (rune == s.quote) {
                        s.quote = 0;
                } else if (rune == (unsigned char)escape && s.quote != '\'') {
                        if (left == n)
                                break; /* an escape at the very end counts for nothing */
                        strbuf_add(&s.word, rest, n);
                        rest += n;
                        left -= n;
                        n = utf8_decode(rest, left, &rune);
                }
                strbuf_add(&s.word, rest, n);
                rest += n;
                left -= n;
        }
        if (in_word)
                end_word(&s);
        strbuf_deinit(&s.word);
        return list;
}

static void add_pair(struct dockerfile_node *node, const char *key, size_t len, const char *value,
                     const char *sep)
{
        strv_append_take(&node->args, xstrndup(key, len));
        strv_append(&node->args, value);
        strv_append(&node->args, sep);
}

/* `KEY value…` (the old form) or `KEY=value …`: told by the first word. */
static int read_pairs(const char *rest, const char *name, char escape, struct dockerfile_node *node,
                      struct error *err)
{
        cleanup_strv char **words = split_words(rest, escape);

        if (!*words)
                return 0;
        if (!strchr(words[0], '=')) {
                size_t len = strcspn(rest, BLANKS);

                if (!rest[len])
                        return error_set(err, ERROR_INVALID, "%s must have two arguments", name);
                add_pair(node, rest, len, rest + len + strspn(rest + len, BLANKS), "");
                return 0;
        }
        for (char **w = words; *w; w++) {
                char *equals = strchr(*w, '=');

                if (!equals)
                        return error_set(
                            err, ERROR_INVALID,
                            "Syntax error - can't find = in \"%s\". Must be of the form: name=value", *w);
                add_pair(node, *w, (size_t)(equals - *w), equals + 1, "=");
        }
        return 0;
}

int read_env(const char *rest, char escape, struct dockerfile_node *node, struct error *err)
{
        return read_pairs(rest, "ENV", escape, node, err);
}

int read_label(const char *rest, char escape, struct dockerfile_node *node, struct error *err)
{
        return read_pairs(rest, "LABEL", escape, node, err);
}

int read_words_or_pairs(const char *rest, char escape, struct dockerfile_node *node, struct error *err)
{
        cleanup_strv char **words = split_words(rest, escape);

        (void)err;
        strv_extend(&node->args, words);
        return 0;
}

int read_string(const char *rest, char escape, struct dockerfile_node *node, struct error *err)
{
        (void)escape;
        (void)err;
        if (*rest)
                strv_append(&node->args, rest);
        return 0;
}

int read_strings(const char *rest, char escape, struct dockerfile_node *node, struct error *err)
{
        (void)escape;
        (void)err;
        while (*rest) {
                size_t len = strcspn(rest, BLANKS);

                strv_append_take(&node->args, xstrndup(rest, len));
                rest += len;
                rest += strspn(rest, BLANKS);
        }
        return 0;
}

/* 1 when `rest` is a JSON array of strings, 0 when it is something else. */
static int read_json(const char *rest, struct dockerfile_node *node, struct error *err)
{
        cleanup_json json_object *array = NULL;
        cleanup_strv char **list = strv_new();

        while (is_space(*rest))
                rest++;
        if (*rest != '[' || json_parse_text(rest, strlen(rest), &array, NULL) < 0)
                return 0;
        for (size_t i = 0; i < json_object_array_length(array); i++) {
                json_object *item = json_object_array_get_idx(array, i);

                if (!json_object_is_type(item, json_type_string))
                        return error_set(
                            err, ERROR_INVALID,
                            "when using JSON array syntax, arrays must be comprised of strings only");
                if (strlen(json_object_get_string(item)) != (size_t)json_object_get_string_len(item))
                        return error_set(err, ERROR_INVALID, "a NUL character in an argument");
                strv_append(&list, json_object_get_string(item));
        }
        strv_extend(&node->args, list);
        node->json = true;
        return 1;
}

int read_json_or_string(const char *rest, char escape, struct dockerfile_node *node, struct error *err)
{
        int r = *rest ? read_json(rest, node, err) : 1;

        return r == 0 ? read_string(rest, escape, node, err) : r < 0 ? -1 : 0;
}

int read_json_or_strings(const char *rest, char escape, struct dockerfile_node *node, struct error *err)
{
        int r = *rest ? read_json(rest, node, err) : 1;

        return r == 0 ? read_strings(rest, escape, node, err) : r < 0 ? -1 : 0;
}

int read_health(const char *rest, char escape, struct dockerfile_node *node, struct error *err)
{
        size_t len = 0;

        while (rest[len] && !is_space(rest[len]))
                len++;
        if (len == 0)
                return 0;
        strv_append_take(&node->args, xstrndup(rest, len));
        for (rest += len; is_space(*rest);)
                rest++;
        return read_json_or_string(rest, escape, node, err);
}

int read_sub_instruction(const char *rest, char escape, struct dockerfile_node *node, struct error *err)
{
        return *rest ? dockerfile_node_read(rest, escape, &node->child, err) : 0;
}
