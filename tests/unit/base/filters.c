#include "base/filters.h"
#include "suite.h"

SUITE(filters);

TEST(forms)
{
        cleanup_filters struct filters f = {}, old = {}, none = {};

        ck_assert_int_eq(filters_parse("{\"label\":[\"a=b\",\"c\"],\"x\":[]}", &f, NULL), 0);
        ck_assert_str_eq(filters_get(&f, "label")[1], "c");
        ck_assert_ptr_null(filters_get(&f, "x"));
        ck_assert_int_eq(filters_parse("{\"label\":{\"a=b\":true}}", &old, NULL), 0);
        ck_assert_str_eq(filters_get(&old, "label")[0], "a=b");
        ck_assert_int_eq(filters_parse("", &none, NULL), 0);
        ck_assert_int_eq(filters_parse(NULL, &none, NULL), 0);
        ck_assert_uint_eq(none.count, 0);
}

TEST(refused)
{
        static const char *const bad[] = { "nonsense",      "[]",          "1",
                                           "{\"a\":1}",     "{\"a\":[1]}", "{\"a\":{\"b\":1}}",
                                           "{\"a\":\"b\"}", "{",           "{\"a\":[\"b\"]} x" };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct filters f = {};
                cleanup_error struct error err = {};

                ck_assert_msg(filters_parse(bad[i], &f, &err) < 0, "%s", bad[i]);
                ck_assert_str_eq(error_message(&err), "invalid filter");
        }
}

TEST(check)
{
        static const char *const accepted[] = { "label", NULL };
        cleanup_filters struct filters f = {};
        cleanup_error struct error err = {};

        filters_add(&f, "label", "a");
        ck_assert_int_eq(filters_check(&f, accepted, NULL), 0);
        filters_add(&f, "nonsense", "1");
        ck_assert_int_lt(filters_check(&f, accepted, &err), 0);
        ck_assert_str_eq(error_message(&err), "invalid filter 'nonsense'");
}

TEST(matches)
{
        cleanup_filters struct filters f = {};
        cleanup_strmap struct strmap labels = {};
        cleanup_error struct error err = {};
        bool yes = false;

        strmap_set(&labels, "a", "1");
        ck_assert(filters_match(&f, "type", "x"));
        filters_add(&f, "type", "container");
        ck_assert(filters_match(&f, "type", "container") && !filters_match(&f, "type", "x"));
        filters_add(&f, "label", "a");
        ck_assert(filters_match_labels(&f, "label", &labels));
        filters_add(&f, "label", "a=2");
        ck_assert(!filters_match_labels(&f, "label", &labels));
        filters_add(&f, "id", "abc");
        ck_assert(filters_match_prefix(&f, "id", "abcdef") && !filters_match_prefix(&f, "id", "ab"));
        filters_add(&f, "name", "^/?we.$");
        ck_assert(filters_match_regex(&f, "name", "/web") && !filters_match_regex(&f, "name", "/webs"));
        ck_assert_int_eq(filters_get_bool(&f, "dangling", true, &yes, NULL), 0);
        ck_assert(yes);
        filters_add(&f, "dangling", "maybe");
        ck_assert_int_lt(filters_get_bool(&f, "dangling", true, &yes, &err), 0);
        ck_assert_str_eq(error_message(&err), "invalid filter 'dangling=[maybe]'");
}
