#include "build/shell-pattern.h"

#include "base/utf8.h"

static void add(struct shell_pattern *p, int kind, uint32_t rune)
{
        struct shell_pattern_item item = { .kind = kind, .rune = rune };

        ARRAY_APPEND(p->items, p->count, item);
}

static int bad_escape(const char *at, size_t len, struct error *err)
{
        return error_set(err, ERROR_INVALID, "invalid escape '\\%.*s'", (int)len, at);
}

static int parse(const char *s, size_t left, struct shell_pattern *p, struct error *err)
{
        while (left) {
                uint32_t rune;
                size_t n = utf8_decode(s, left, &rune);

                s += n;
                left -= n;
                if (rune == '*') {
                        add(p, PATTERN_STAR, 0);
                } else if (rune == '?') {
                        add(p, PATTERN_ANY, 0);
                } else if (rune != '\\') {
                        add(p, PATTERN_RUNE, rune);
                } else if (left && (*s == '}' || *s == '/')) {
                        continue; /* escaped for the sake of ${}, not for the pattern */
                } else {
                        n = utf8_decode(s, left, &rune);
                        if (n == 0 || (rune != '*' && rune != '?' && rune != '\\'))
                                return bad_escape(s, n, err);
                        add(p, PATTERN_RUNE, rune);
                        s += n;
                        left -= n;
                }
        }
        return 0;
}

int shell_pattern_parse(const char *text, struct shell_pattern *ret, struct error *err)
{
        cleanup_shell_pattern struct shell_pattern p = {};

        if (parse(text, strlen(text), &p, err) < 0)
                return -1;
        *ret = p;
        p = (struct shell_pattern){};
        return 0;
}

void shell_pattern_deinit(struct shell_pattern *p)
{
        free(p->items);
        *p = (struct shell_pattern){};
}

void shell_pattern_reverse(struct shell_pattern *p)
{
        for (size_t i = 0, j = p->count; i + 1 < j; i++) {
                struct shell_pattern_item swap = p->items[i];

                p->items[i] = p->items[--j];
                p->items[j] = swap;
        }
}

/* The set of text positions that the items so far can reach, an item at a time: no backtracking. */
bool shell_pattern_prefix(const struct shell_pattern *p, const uint32_t *text, size_t len, bool longest,
                          size_t *ret)
{
        cleanup_free bool *at = xcalloc(len + 2, 1);
        bool found = false;

        at[0] = true;
        for (size_t i = 0; i < p->count; i++) {
                const struct shell_pattern_item *item = &p->items[i];

                if (item->kind == PATTERN_STAR) {
                        for (size_t j = 0; j < len; j++)
                                at[j + 1] |= at[j] && text[j] != '\n';
                        continue;
                }
                for (size_t j = len; j > 0; j--)
                        at[j] = at[j - 1] &&
                                (item->kind == PATTERN_ANY ? text[j - 1] != '\n' : text[j - 1] == item->rune);
                at[0] = false;
        }
        for (size_t j = 0; j <= len && !(found && !longest); j++) {
                if (!at[j])
                        continue;
                *ret = j;
                found = true;
        }
        return found;
}
