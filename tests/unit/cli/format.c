#include "cli/format.h"
#include "cli/failures.h"
#include "cli/image-list.h"
#include "cli/progress.h"
#include "suite.h"

#include <stdio.h>

SUITE(format);

static void assert_table(const char *text, size_t least, const char *expected)
{
        char *out = NULL;
        size_t len = 0;
        FILE *f = open_memstream(&out, &len);

        table_print(text, least, f);
        fclose(f);
        ck_assert_str_eq(out, expected);
        free(out);
}

TEST(tables)
{
        assert_table("A\tB\n1\t2\n", 10, "A         B\n1         2\n");
        assert_table("NAMES\tCOMMAND\na-rather-long-name\t\"x\"\n", 10,
                     "NAMES                COMMAND\na-rather-long-name   \"x\"\n");
        assert_table("no columns\n", 10, "no columns\n");
        assert_table("PID\tX\n", 20, "PID                 X\n");
        /* Characters count, not bytes. */
        assert_table("\xc3\xbc\tx\nab\ty\n", 1, "\xc3\xbc    x\nab   y\n");
        /* A column ends where a line has no such cell. */
        assert_table("long-long-cell\tb\nx\ny\tz\n", 1, "long-long-cell   b\nx\ny   z\n");
        assert_table("", 10, "");
}

TEST(words)
{
        cleanup_free char *id = format_short_id("sha256:0123456789abcdef", false),
                          *full = format_short_id("sha256:0123", true);
        cleanup_free char *cut = format_ellipsis("0123456789", 5), *kept = format_ellipsis("01234", 5),
                          *wide = format_ellipsis("\xc3\xbc\xc3\xbc\xc3\xbc", 2);

        ck_assert_str_eq(id, "0123456789ab");
        ck_assert_str_eq(full, "sha256:0123");
        ck_assert_str_eq(cut, "0123\xe2\x80\xa6");
        ck_assert_str_eq(kept, "01234");
        ck_assert_str_eq(wide, "\xc3\xbc\xe2\x80\xa6");
}

static void assert_rows(const char *image_text, bool digests, const char *expected)
{
        cleanup_json json_object *image = NULL, *rows = json_object_new_array();
        cleanup_strbuf struct strbuf out = {};

        ck_assert_int_eq(json_parse_text(image_text, strlen(image_text), &image, NULL), 0);
        image_rows(image, digests, false, rows);
        for (size_t i = 0; i < json_object_array_length(rows); i++) {
                json_object *row = json_object_array_get_idx(rows, i);

                strbuf_addf(&out, "%s:%s@%s;", json_get_string(row, "Repository"),
                            json_get_string(row, "Tag"), json_get_string(row, "Digest"));
        }
        ck_assert_str_eq(out.data, expected);
}

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
TEST(rows_of_images)
{
        assert_rows("{\"RepoTags\":null}", false, "<none>:<none>@<none>;");
        assert_rows("{\"RepoTags\":[\"<none>:<none>\"],\"RepoDigests\":[\"<none>@<none>\"]}", false,
                    "<none>:<none>@<none>;");
        assert_rows("{\"RepoTags\":[\"a:1\",\"b:1\",\"a:2\"]}", false, "a:1@<none>;a:2@<none>;b:1@<none>;");
        assert_rows("{\"RepoTags\":[\"a:1\"],\"RepoDigests\":[\"a@" DIGEST "\"]}", false, "a:1@<none>;");
        assert_rows("{\"RepoTags\":[\"a:1\"],\"RepoDigests\":[\"a@" DIGEST "\"]}", true, "a:1@" DIGEST ";");
        assert_rows("{\"RepoTags\":[],\"RepoDigests\":[\"h:5/a@" DIGEST "\"]}", false, "h:5/a:<none>@;");
        assert_rows("{\"RepoTags\":[],\"RepoDigests\":[\"h:5/a@" DIGEST "\"]}", true,
                    "h:5/a:<none>@" DIGEST ";");
}

static void assert_bar(const char *text, int width, int64_t now, const char *expected)
{
        cleanup_json json_object *detail = NULL;
        cleanup_free char *bar = NULL;

        ck_assert_int_eq(json_parse_text(text, strlen(text), &detail, NULL), 0);
        bar = progress_bar(detail, width, now);
        ck_assert_str_eq(bar, expected);
}

TEST(bars)
{
        assert_bar("{}", 80, 0, "");
        assert_bar("{\"current\":5}", 80, 0, "      5B");
        assert_bar("{\"current\":50,\"total\":100}", 80, 0, "     50B/100B");
        assert_bar("{\"current\":50,\"total\":100}", 120, 0,
                   "[=========================>                         ]      50B/100B");
        assert_bar("{\"current\":50,\"total\":100,\"start\":10}", 80, 20, "     50B/100B 10s");
        assert_bar("{\"current\":5,\"total\":10,\"units\":\"steps\"}", 80, 0, "5/10 steps");
        assert_bar("{\"current\":200,\"total\":100}", 80, 0, "    200B");
}

TEST(failures_are_lines)
{
        cleanup_error struct error all = {};

        for (int i = 0; i < 3; i++) {
                struct error why = {};

                error_set(&why, ERROR_NOT_FOUND, "no %d", i);
                failure_add(&all, &why);
                ck_assert_int_eq(why.kind, ERROR_NONE);
        }
        ck_assert_str_eq(error_message(&all), "no 0\nno 1\nno 2");
        ck_assert(error_is(&all, ERROR_NOT_FOUND));
}
