#include "base/time.h"
#include "oci/image.h"
#include "suite.h"

SUITE(image_config);

#define DIFF "sha256:690121bf892cdd3c1d850272c7bf07030230a7fd5175858c76089da8db2bcd91"

TEST(round_trip)
{
        static const char text[] =
            "{\"created\":\"2020-02-03T04:05:06Z\",\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{"
            "\"Env\":[\"A=b\"],"
            "\"Cmd\":[\"sh\"],\"Labels\":{\"a\":\"b\"}},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" DIFF
            "\"]},"
            "\"history\":[{\"created\":\"1970-01-01T00:00:00Z\",\"created_by\":\"x\"},{\"empty_layer\":true}]"
            "}";
        cleanup_error struct error err = {};
        cleanup_image_config struct image_config c = {}, copy = {};
        cleanup_free char *again = NULL, *copied = NULL;

        ck_assert_msg(image_config_parse(text, strlen(text), &c, &err) == 0, "%s", error_message(&err));
        again = image_config_format(&c);
        ck_assert_str_eq(again, text);
        ck_assert_int_eq(c.history[0].created, 0);
        ck_assert(c.history[1].created == TIME_ZERO);
        image_config_copy(&copy, &c);
        copied = image_config_format(&copy);
        ck_assert_str_eq(copied, text);
}

TEST(bad_configs)
{
        static const char *const texts[] = {
                "",
                "{",
                "[]",
                "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:1\"]}}",
                "{\"rootfs\":{\"type\":\"other\",\"diff_ids\":[]}}",
                "{\"created\":\"yesterday\"}",
                "{\"author\":\"\xff\"}",
        };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                cleanup_error struct error err = {};
                struct image_config c = {};

                ck_assert_int_eq(image_config_parse(texts[i], strlen(texts[i]), &c, &err), -1);
                ck_assert_int_eq(err.kind, ERROR_INVALID);
        }
}

TEST(platforms)
{
        static const char *const cases[][2] = {
                { "linux/amd64", "linux/amd64" },     { "linux/x86_64", "linux/amd64" },
                { "linux/aarch64", "linux/arm64" },   { "linux/arm64/v8", "linux/arm64" },
                { "linux/arm", "linux/arm/v7" },      { "linux/armhf", "linux/arm/v7" },
                { "Linux/ARM/v6", "linux/arm/v6" },   { "linux/i386", "linux/386" },
                { "windows/amd64", "windows/amd64" }, { "s390x", "linux/s390x" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                cleanup_error struct error err = {};
                cleanup_platform struct platform p = {};
                cleanup_free char *text = NULL;

                ck_assert_msg(platform_parse(cases[i][0], &p, &err) == 0, "%s", error_message(&err));
                text = platform_format(&p);
                ck_assert_str_eq(text, cases[i][1]);
        }
}

TEST(bad_platforms)
{
        static const char *const texts[] = { "", "junk/a/b/c", "a b", "nonsense", "linux//v7", "linux/" };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                cleanup_error struct error err = {};
                struct platform p = {};

                ck_assert_int_eq(platform_parse(texts[i], &p, &err), -1);
                ck_assert_int_eq(err.kind, ERROR_INVALID);
        }
}

TEST(index_selection)
{
        static const char text[] =
            "{\"schemaVersion\":2,\"manifests\":["
            "{\"digest\":\"" DIFF
            "\",\"size\":1,\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}},"
            "{\"digest\":\"" DIFF
            "\",\"size\":2,\"platform\":{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v6\"}},"
            "{\"digest\":\"" DIFF
            "\",\"size\":3,\"platform\":{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\"}},"
            "{\"digest\":\"" DIFF "\",\"size\":4,\"platform\":{\"os\":\"linux\",\"architecture\":\"386\"}}]}";
        static const struct {
                const char *want;
                bool strict;
                int64_t size;
        } cases[] = {
                { "linux/arm/v7", false, 3 }, { "linux/arm/v6", false, 2 }, { "linux/arm64", false, 3 },
                { "linux/amd64", false, 4 },  { "linux/amd64", true, 0 },   { "linux/s390x", false, 0 },
                { "linux/arm/v5", false, 0 },
        };
        cleanup_error struct error err = {};
        cleanup_image_index struct image_index index = {};

        ck_assert_msg(image_index_parse(text, strlen(text), &index, &err) == 0, "%s", error_message(&err));
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                cleanup_platform struct platform want = {};
                const struct descriptor *d;

                ck_assert_int_eq(platform_parse(cases[i].want, &want, &err), 0);
                d = image_index_select(&index, &want, cases[i].strict);
                ck_assert_int_eq(d ? d->size : 0, cases[i].size);
        }
}
