#include "network/resolv-conf.h"

#include "base/str.h"

void resolv_conf_deinit(struct resolv_conf *r)
{
        strv_free(r->servers);
        strv_free(r->search);
        strv_free(r->options);
}

/* The words of a line behind its keyword. */
static char **line_words(const char *line)
{
        char **words = strv_new();

        while (*line) {
                size_t space = strspn(line, " \t\r"), len;

                line += space;
                len = strcspn(line, " \t\r");
                if (len > 0)
                        strv_append_take(&words, xstrndup(line, len));
                line += len;
        }
        return words;
}

static void parse_line(const char *line, struct resolv_conf *ret)
{
        cleanup_strv char **words = line_words(line);

        if (!words[0] || words[0][0] == '#' || words[0][0] == ';')
                return;
        if (streq(words[0], "nameserver") && words[1]) {
                strv_append(&ret->servers, words[1]);
        } else if (streq(words[0], "search") || streq(words[0], "domain")) {
                strv_free(ret->search);
                ret->search = strv_copy(words + 1);
        } else if (streq(words[0], "options")) {
                strv_extend(&ret->options, words + 1);
        }
}

void resolv_conf_parse(const char *text, struct resolv_conf *ret)
{
        cleanup_strv char **lines = strv_split(text, '\n');

        for (char **line = lines; *line; line++)
                parse_line(*line, ret);
}

void resolv_conf_fallback(bool ipv6, char ***servers)
{
        static const char *const four[] = { "8.8.8.8", "8.8.4.4" };
        static const char *const six[] = { "2001:4860:4860::8888", "2001:4860:4860::8844" };

        for (size_t i = 0; i < ARRAY_SIZE(four); i++)
                strv_append(servers, four[i]);
        for (size_t i = 0; ipv6 && i < ARRAY_SIZE(six); i++)
                strv_append(servers, six[i]);
}
