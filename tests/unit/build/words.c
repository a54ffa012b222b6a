#include "build/dockerignore.h"
#include "build/shell-words.h"
#include "suite.h"

SUITE(words);

static char value[] = "V=value", path[] = "P=/a/b.tar.gz",
            empty[] = "E=", *environment[] = { value, path, empty, NULL };

static const struct {
        const char *text, *want; /* NULL: an error */
} words[] = {
        { "a${V}b", "avalueb" },
        { "${N:-d}${E:-e}${E-f}", "de" },
        { "${V:+x}${N:+y}", "x" },
        { "${P##*/}", "b.tar.gz" },
        { "${P%%.*}", "/a/b" },
        { "${P/a/X}", "/X/b.tar.gz" },
        { "${P//a/X}", "/X/b.tXr.gz" },
        { "'$V'\"$V\"\\$V", "$Vvalue$V" },
        { "${V!x}", NULL },
        { "${V", NULL },
        { "\"open", NULL },
        { "${N:?gone}", NULL },
};

TEST(expansion)
{
        struct shell_words rules = { .escape = '\\', .lookup = shell_lookup_env, .arg = environment };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
                cleanup_error struct error err = {};
                cleanup_free char *got = NULL;
                int r = shell_expand(&rules, words[i].text, &got, &err);

                ck_assert_int_eq(r, words[i].want ? 0 : -1);
                if (words[i].want)
                        ck_assert_str_eq(got, words[i].want);
        }
}

TEST(deep_nesting_is_an_error)
{
        struct shell_words rules = { .escape = '\\', .lookup = shell_lookup_env, .arg = environment };
        cleanup_strbuf struct strbuf text = {};
        cleanup_free char *got = NULL;

        for (int i = 0; i < 100000; i++)
                strbuf_adds(&text, "${N:-");
        ck_assert_int_eq(shell_expand(&rules, text.data, &got, NULL), -1);
}

TEST(ignored_paths)
{
        static const struct {
                const char *path;
                bool ignored;
        } cases[] = {
                { "x.log", true },    { "d/x.log", false }, { "keep.log", false },
                { "a/b/c.md", true }, { "tmp/x/y", true },  { "src/main.c", false },
        };
        static const char text[] = "# logs\n*.log\n!keep.log\n**/*.md\n/tmp\n";
        cleanup_strv char **patterns = dockerignore_parse(text, strlen(text));
        cleanup_path_matcher struct path_matcher *m = NULL;
        cleanup_error struct error err = {};

        ck_assert_int_eq(path_matcher_new(patterns, &m, &err), 0);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                bool hit = false;

                ck_assert_int_eq(path_matcher_excludes(m, cases[i].path, &hit, &err), 0);
                ck_assert_msg(hit == cases[i].ignored, "%s", cases[i].path);
        }
}

TEST(many_stars_take_no_time)
{
        static char pattern[] = "*a*a*a*a*a*a*a*a*a*a*a*a*b", *list[] = { pattern, NULL };
        cleanup_path_matcher struct path_matcher *m = NULL;
        char long_path[300];
        bool hit = true;

        memset(long_path, 'a', sizeof(long_path) - 1);
        long_path[sizeof(long_path) - 1] = 0;
        ck_assert_int_eq(path_matcher_new(list, &m, NULL), 0);
        ck_assert_int_eq(path_matcher_match(m, long_path, &hit, NULL), 0);
        ck_assert(!hit);
}
