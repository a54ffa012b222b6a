/* The grammar's answers on every line of the reference's table, where that is on the machine. */
#include "base/fd.h"
#include "base/json.h"
#include "oci/reference.h"
#include "suite.h"

SUITE(reference_table);

#define TABLE "/work/shared/tables/reference.jsonl"

static void check_line(const char *line, size_t len)
{
        cleanup_error struct error err = {};
        cleanup_json json_object *row = NULL;
        cleanup_reference struct reference r = {};
        cleanup_free char *canonical = NULL, *familiar = NULL;
        const char *text;
        json_object *ok;

        ck_assert_int_eq(json_parse_text(line, len, &row, &err), 0);
        text = json_get_string(json_get(row, "q"), "text");
        ok = json_get(json_get(row, "a"), "ok");
        if (reference_parse(text, &r, &err) < 0) {
                ck_assert_msg(!ok, "%s: %s", text, error_message(&err));
                return;
        }
        /* The program that made the table had no digest algorithms linked in, Docker has. */
        if (streq(json_get_string(json_get(row, "a"), "error"), "unsupported digest algorithm") && r.digest)
                return;
        ck_assert_msg(ok != NULL, "%s is accepted", text);
        familiar = reference_familiar(&r);
        reference_default_tag(&r);
        canonical = reference_format(&r);
        ck_assert_str_eq(canonical, json_object_get_string(json_object_array_get_idx(ok, 0)));
        ck_assert_str_eq(familiar, json_object_get_string(json_object_array_get_idx(ok, 1)));
}

TEST(every_line)
{
        cleanup_free char *data = NULL;
        size_t len;

        if (file_read(AT_FDCWD, TABLE, 1 << 20, &data, &len, NULL) < 0)
                return;
        for (char *line = data; *line;) {
                size_t n = strcspn(line, "\n");

                check_line(line, n);
                line += n + (line[n] == '\n');
        }
}
