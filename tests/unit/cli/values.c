/* Values of options: times, subnets. */
#include "base/json.h"
#include "base/time.h"
#include "cli/network-ipam.h"
#include "cli/pairs.h"
#include "cli/timestamp.h"
#include "suite.h"

#include <time.h>

SUITE(values);

TEST(timestamps)
{
        static const struct {
                const char *text, *expected;
        } good[] = {
                { "1700000000", "1700000000" },
                { "1700000000.5", "1700000000.5" },
                { "10m", "1699999400.000000000" },
                { "1h30m", "1699994600.000000000" },
                { "0s", "1700000000.000000000" },
                { "2023-11-14", "1699920000.000000000" },
                { "2023-11-14T22", "1699999200.000000000" },
                { "2023-11-14T22:13", "1699999980.000000000" },
                { "2023-11-14T22:13:20", "1700000000.000000000" },
                { "2023-11-14T22:13:20.25", "1700000000.250000000" },
                { "2023-11-14T22:13:20Z", "1700000000.000000000" },
                { "2023-11-14T23:13:20.5+01:00", "1700000000.500000000" },
                { "2023-11-14T22:13Z", "1699999980.000000000" },
        };
        static const char *const bad[] = { "",    "nonsense",   "yesterday",
                                           "12x", "2023-13-01", "2023-11-14T",
                                           "1.",  "-",          "2023-11-14T22:13:20junk" };
        char *out;

        setenv("TZ", "UTC", 1);
        tzset();
        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                ck_assert_msg(timestamp_parse(good[i].text, 1700000000 * NSEC_PER_SEC, &out, NULL) == 0, "%s",
                              good[i].text);
                ck_assert_str_eq(out, good[i].expected);
                free(out);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                ck_assert_msg(timestamp_parse(bad[i], 0, &out, NULL) < 0, "%s", bad[i]);
}

static void assert_ipam(struct ipam_options o, const char *expected, const char *complaint)
{
        cleanup_json json_object *list = NULL;
        cleanup_error struct error err = {};
        cleanup_free char *text = NULL;
        int r = ipam_config(&o, &list, &err);

        if (complaint) {
                ck_assert_int_eq(r, -1);
                ck_assert_str_eq(error_message(&err), complaint);
                return;
        }
        ck_assert_msg(r == 0, "%s", error_message(&err));
        text = json_format(list);
        ck_assert_str_eq(text, expected);
}
#define LIST(...) ((char *[]){ __VA_ARGS__, NULL })
#define S(text) ((char *)(text))

TEST(subnets)
{
        assert_ipam((struct ipam_options){}, "[]", NULL);
        assert_ipam((struct ipam_options){ .subnet = LIST(S("10.1.0.0/16")),
                                           .gateway = LIST(S("10.1.7.7")),
                                           .ip_range = LIST(S("10.1.5.0/24")),
                                           .aux_address = LIST(S("r=10.1.5.1")) },
                    "[{\"Subnet\":\"10.1.0.0/16\",\"IPRange\":\"10.1.5.0/"
                    "24\",\"Gateway\":\"10.1.7.7\",\"AuxiliaryAddresses\":{\"r\":\"10.1.5.1\"}}]",
                    NULL);
        assert_ipam((struct ipam_options){ .subnet = LIST(S("10.1.0.0/16"), S("fd00::/64")),
                                           .gateway = LIST(S("fd00::1")) },
                    "[{\"Subnet\":\"10.1.0.0/16\"},{\"Subnet\":\"fd00::/64\",\"Gateway\":\"fd00::1\"}]",
                    NULL);
        assert_ipam((struct ipam_options){ .gateway = LIST(S("10.1.0.1")) }, NULL,
                    "every ip-range or gateway must have a corresponding subnet");
        assert_ipam((struct ipam_options){ .subnet = LIST(S("10.1.0.0/24")), .gateway = LIST(S("10.2.0.1")) },
                    NULL, "no matching subnet for gateway 10.2.0.1");
        assert_ipam(
            (struct ipam_options){ .subnet = LIST(S("10.1.0.0/24")), .ip_range = LIST(S("10.2.0.0/25")) },
            NULL, "no matching subnet for range 10.2.0.0/25");
        assert_ipam((struct ipam_options){ .subnet = LIST(S("10.1.0.0/24"), S("10.1.0.0/25")) }, NULL,
                    "multiple overlapping subnet configuration is not supported");
}

TEST(pairs)
{
        cleanup_json json_object *map = pairs_json(LIST(S("a=1"), S("b"), S("c=x=y"), S("a=2")));
        cleanup_free char *text = json_format(map);

        ck_assert_str_eq(text, "{\"a\":\"2\",\"b\":\"\",\"c\":\"x=y\"}");
}
