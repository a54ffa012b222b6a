#include "suite.h"

#include "base/base64.h"
#include "base/str.h"

SUITE(base64);

TEST(both_ways)
{
        static const struct {
                const char *plain, *coded;
        } pairs[] = { { "", "" },
                      { "a", "YQ==" },
                      { "ab", "YWI=" },
                      { "abc", "YWJj" },
                      { "me:s3cret pass", "bWU6czNjcmV0IHBhc3M=" } };
        char *out;
        size_t len;

        for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
                cleanup_free char *coded = base64_encode(pairs[i].plain, strlen(pairs[i].plain), false);

                ck_assert_str_eq(coded, pairs[i].coded);
                ck_assert_int_eq(base64_decode(pairs[i].coded, &out, &len, NULL), 0);
                ck_assert_str_eq(out, pairs[i].plain);
                ck_assert_uint_eq(len, strlen(pairs[i].plain));
                free(out);
        }
        /* Padding may be missing; both alphabets. */
        ck_assert_int_eq(base64_decode("YWI", &out, &len, NULL), 0);
        ck_assert_str_eq(out, "ab");
        free(out);
        ck_assert_int_eq(base64_decode("-_-_", &out, &len, NULL), 0);
        ck_assert_mem_eq(out, "\xfb\xff\xbf", 3);
        free(out);
        ck_assert_int_eq(base64_decode("a b", &out, &len, NULL), -1);
}
