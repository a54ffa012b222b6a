#include "base/units.h"
#include "base/str.h"
#include "suite.h"

SUITE(units);

TEST(sizes)
{
        static const struct {
                const char *text;
                int64_t size;
        } good[] = { { "64m", 64 << 20 }, { "1.5k", 1536 }, { "512", 512 }, { "2GiB", INT64_C(2) << 30 }, { "10kb", 10240 }, { "5b", 5 }, { "0", 0 } };
        static const char *const bad[] = { "", "m", "lots", "5x", "-1", "1..2", "1e30g" };
        int64_t size;

        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                ck_assert_msg(size_parse(good[i].text, &size, NULL) == 0, "%s", good[i].text);
                ck_assert_int_eq(size, good[i].size);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                ck_assert_msg(size_parse(bad[i], &size, NULL) < 0, "%s", bad[i]);
}

TEST(formats)
{
        cleanup_free char *a = size_format(1984172, 4), *b = size_format(0, 3), *c = size_format_binary(1984172);

        ck_assert_str_eq(a, "1.984MB");
        ck_assert_str_eq(b, "0B");
        ck_assert_str_eq(c, "1.892MiB");
}
