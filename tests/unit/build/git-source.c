/* What the address of a repository says. */
#include "base/str.h"
#include "build/git.h"
#include "suite.h"

SUITE(git_source);

TEST(addresses)
{
        static const char *const git[] = { "git://h/x",
                                           "ssh://git@h/x",
                                           "git@h:x",
                                           "github.com/a/b",
                                           "https://h/x.git#v1:d",
                                           "http://h/x.git?tag=v1",
                                           "user@10.0.0.1:a/b" },
                                 *const other[] = { "https://h/x",
                                                    "https://h/x.tar.gz#a.git",
                                                    "./x.git",
                                                    "x.git",
                                                    "github.community/",
                                                    "https://h/?x=.git",
                                                    "@h:x",
                                                    "a@:x",
                                                    "/a@h:x",
                                                    "" };

        for (size_t i = 0; i < ARRAY_SIZE(git); i++)
                ck_assert_msg(url_is_git(git[i]), "%s", git[i]);
        for (size_t i = 0; i < ARRAY_SIZE(other); i++)
                ck_assert_msg(!url_is_git(other[i]), "%s", other[i]);
}

TEST(parts)
{
        static const struct {
                const char *url, *remote, *ref, *subdir, *checksum;
                int keep_git;
                bool submodules;
        } cases[] = {
                { "https://h/x.git", "https://h/x.git", NULL, "", NULL, -1, true },
                { "github.com/a/b", "https://github.com/a/b", NULL, "", NULL, -1, true },
                { "https://h/x.git#v1", "https://h/x.git", "v1", "", NULL, -1, true },
                { "https://h/x.git#v1:a/b", "https://h/x.git", "v1", "a/b", NULL, -1, true },
                { "https://h/x.git#:a//./b/", "https://h/x.git", NULL, "a/b", NULL, -1, true },
                { "git@h:x.git#:../../etc", "git@h:x.git", NULL, "etc", NULL, -1, true },
                { "https://h/x.git?branch=b&subdir=d", "https://h/x.git", "refs/heads/b", "d", NULL, -1,
                  true },
                { "https://h/x.git?tag=t&keep-git-dir", "https://h/x.git", "refs/tags/t", "", NULL, 1, true },
                { "https://h/x.git?ref=a%2Fb&submodules=0", "https://h/x.git", "a/b", "", NULL, -1, false },
                { "https://h/x.git?keep-git-dir=false&&subdir=a+b", "https://h/x.git", NULL, "a b", NULL, 0,
                  true },
                { "https://h/x.git?ref=a#b", "https://h/x.git", "b", "", NULL, -1, true },
                { "https://h/x.git?commit=0123abc", "https://h/x.git", NULL, "", "0123abc", -1, true },
                { "https://h/x.git?subdir=a%00b%2", "https://h/x.git", NULL, "a%00b%2", NULL, -1, true },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                cleanup_git_source struct git_source s = {};
                cleanup_error struct error err = {};

                ck_assert_msg(git_source_parse(cases[i].url, &s, &err) == 0, "%s: %s", cases[i].url,
                              error_message(&err));
                ck_assert_str_eq(s.remote, cases[i].remote);
                ck_assert_pstr_eq(s.ref, cases[i].ref);
                ck_assert_str_eq(s.subdir, cases[i].subdir);
                ck_assert_pstr_eq(s.checksum, cases[i].checksum);
                ck_assert_int_eq(s.keep_git, cases[i].keep_git);
                ck_assert_int_eq(s.submodules, cases[i].submodules);
        }
}

TEST(what_makes_no_sense)
{
        static const char *const bad[][2] = {
                { "https://h/x.git?what=1", "unexpected query \"what\"" },
                { "https://h/x.git?submodules=maybe", "invalid submodules value: \"maybe\"" },
                { "https://h/x.git?commit=0123ab", "invalid git checksum: 0123ab" },
                { "https://h/x.git?checksum=main123", "invalid git checksum: main123" },
                { "https://h/x.git#--upload-pack=x", "invalid git reference: --upload-pack=x" },
                { "https://h/x.git?ref=-x", "invalid git reference: -x" },
                { "https://h/x.git#a..b", "invalid git reference: a..b" },
                { "https://h/x.git?ref=a+b", "invalid git reference: a b" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                cleanup_git_source struct git_source s = {};
                cleanup_error struct error err = {};

                ck_assert_msg(git_source_parse(bad[i][0], &s, &err) < 0, "%s", bad[i][0]);
                ck_assert_int_eq(err.kind, ERROR_INVALID);
                ck_assert_str_eq(error_message(&err), bad[i][1]);
        }
}
