#include "api/route.h"
#include "suite.h"

SUITE(route);

TEST(version)
{
        static const struct {
                const char *path;
                size_t len;
                int minor; /* -1: refused */
        } cases[] = {
                { "/info", 0, 51 },       { "/v1.24/info", 4, 24 },
                { "/v1.51/info", 4, 51 }, { "/vx/info", 0, 51 },
                { "/v1.23/info", 4, -1 }, { "/v1.52/info", 4, -1 },
                { "/v2.0/info", 3, -1 },  { "/v1.51.1/info", 6, -1 },
                { "/v1.44", 0, 51 },      { "/v99999999999999999999.1/info", 22, -1 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                size_t len = route_version_length(cases[i].path);
                int minor = -1;

                ck_assert_uint_eq(len, cases[i].len);
                route_version_parse(cases[i].path + 2, len, &minor, NULL);
                ck_assert_msg(minor == cases[i].minor, "%s: %d", cases[i].path, minor);
        }
}

TEST(find)
{
        struct route_params params = {};

        ck_assert_ptr_nonnull(route_find("GET", "/_ping", &params));
        ck_assert_ptr_null(route_find("DELETE", "/_ping", &params));
        ck_assert_ptr_null(route_find("GET", "/_ping/", &params));
        ck_assert_ptr_null(route_find("GET", "/", &params));
        ck_assert_ptr_null(route_find("GET", "", &params));
}
