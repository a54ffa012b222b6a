#include "api/options.h"
#include "suite.h"

SUITE(options);

static int parse(struct daemon_options *o, char ***given, struct error *err, const char *line)
{
        cleanup_strv char **argv = strv_split(line, ' ');

        return daemon_options_parse_flags((int)strv_length(argv), argv, o, given, err);
}

TEST(flags)
{
        cleanup_daemon_options struct daemon_options o = {};
        cleanup_strv char **given = NULL;

        ck_assert_int_eq(
            parse(&o, &given, NULL,
                  "davitd -D -H unix:///a -Hunix:///b --host=fd:// --data-root /d --icc=false --mtu 1400 "
                  "--log-opt max-size=1m --label a=b --default-address-pool base=10.0.0.0/8,size=24"),
            0);
        ck_assert(o.debug && o.no_icc && !o.no_ip_masq);
        ck_assert_uint_eq(strv_length(o.hosts), 3);
        ck_assert_str_eq(o.hosts[1], "unix:///b");
        ck_assert_str_eq(o.data_root, "/d");
        ck_assert_int_eq(o.mtu, 1400);
        ck_assert_str_eq(strmap_get(&o.log_opts, "max-size"), "1m");
        ck_assert_str_eq(o.pools[0], "base=10.0.0.0/8,size=24");
        ck_assert(strv_contains(given, "host") && !strv_contains(given, "pidfile"));
}

TEST(flags_refused)
{
        static const struct {
                const char *line, *message;
        } cases[] = {
                { "davitd --foo", "unknown flag: --foo" },
                { "davitd -x", "unknown shorthand flag: 'x' in -x" },
                { "davitd --data-root", "flag needs an argument: --data-root" },
                { "davitd -H foo://x", "invalid argument \"foo://x\" for \"-H, --host\" flag: invalid bind "
                                       "address (foo://x): unsupported proto 'foo'" },
                { "davitd --mtu x", "invalid argument \"x\" for \"--mtu\" flag: strconv.ParseInt: parsing "
                                    "\"x\": invalid syntax" },
                { "davitd --label x",
                  "invalid argument \"x\" for \"--label\" flag: bad attribute format: x" },
                { "davitd --tlsverify",
                  "flag --tlsverify is not supported by davitd: TLS comes later; use unix://" },
                { "davitd extra", "\"davitd\" accepts no arguments: extra" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                cleanup_daemon_options struct daemon_options o = {};
                cleanup_strv char **given = NULL;
                cleanup_error struct error err = {};

                ck_assert_int_lt(parse(&o, &given, &err, cases[i].line), 0);
                ck_assert_str_eq(error_message(&err), cases[i].message);
        }
}

/* What dockerd's users have in their files and what davit does anyway. */
TEST(values_that_change_nothing)
{
        static const char *const fine[] = { "davitd --storage-driver overlay2",
                                            "davitd -s overlay2 --iptables",
                                            "davitd --iptables=1 --ip6tables=true --userland-proxy=false",
                                            "davitd --feature buildkit=true --experimental=false" };
        static const char *const refused[] = { "davitd --storage-driver btrfs", "davitd --storage-driver",
                                               "davitd --iptables=false", "davitd --userland-proxy",
                                               "davitd --feature cdi=true" };
        static const char text[] =
            "{\"storage-driver\":\"overlay2\",\"iptables\":true,\"experimental\":false,"
            "\"features\":{\"buildkit\":true}}";
        static const char bad[] = "{\"features\":{\"buildkit\":true,\"cdi\":true}}";

        for (size_t i = 0; i < ARRAY_SIZE(fine); i++) {
                cleanup_daemon_options struct daemon_options o = {};
                cleanup_strv char **given = NULL;

                ck_assert_msg(parse(&o, &given, NULL, fine[i]) == 0, "%s", fine[i]);
        }
        for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
                cleanup_daemon_options struct daemon_options o = {};
                cleanup_strv char **given = NULL;

                ck_assert_msg(parse(&o, &given, NULL, refused[i]) < 0, "%s", refused[i]);
        }
        cleanup_daemon_options struct daemon_options o = {};

        ck_assert_int_eq(daemon_options_parse_file(&o, NULL, text, strlen(text), NULL), 0);
        ck_assert_int_lt(daemon_options_parse_file(&o, NULL, bad, strlen(bad), NULL), 0);
}

TEST(file)
{
        static const char text[] =
            "{\"debug\":true,\"labels\":[\"a=b\"],\"dns\":[\"1.1.1.1\"],\"log-opts\":{\"max-file\":\"3\"},"
            "\"default-address-pools\":[{\"base\":\"10.1.0.0/16\",\"size\":24}],"
            "\"default-ulimits\":{\"nofile\":{\"Name\":\"nofile\",\"Hard\":20,\"Soft\":10}}}";
        cleanup_daemon_options struct daemon_options o = {};

        ck_assert_int_eq(daemon_options_parse_file(&o, NULL, text, strlen(text), NULL), 0);
        ck_assert(o.debug);
        ck_assert_str_eq(o.labels[0], "a=b");
        ck_assert_str_eq(o.default_ulimits[0], "nofile=10:20");
        ck_assert_str_eq(o.pools[0], "base=10.1.0.0/16,size=24");
}

TEST(file_refused)
{
        static const struct {
                const char *text, *message;
        } cases[] = {
                { "{\"foo\":1,\"bar\":2}",
                  "the following directives don't match any configuration option: foo, bar" },
                { "{\"debug\":true,\"labels\":[\"a=b\"]}",
                  "the following directives are specified both as a flag and in the configuration file: "
                  "debug: (from flag: "
                  "true, from file: true), labels: (from flag: [c=d], from file: [a=b])" },
                { "{\"mtu\":\"x\"}", "invalid JSON: mtu must be a number" },
                { "{\"storage-opts\":[]}",
                  "key storage-opts is not supported by davitd: there is one driver so far" },
                { "[]", "invalid JSON: want an object" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                cleanup_daemon_options struct daemon_options o = {};
                cleanup_strv char **given = NULL;
                cleanup_error struct error err = {};

                ck_assert_int_eq(parse(&o, &given, NULL, "davitd --debug --label c=d"), 0);
                ck_assert_int_lt(
                    daemon_options_parse_file(&o, given, cases[i].text, strlen(cases[i].text), &err), 0);
                ck_assert_str_eq(error_message(&err), cases[i].message);
        }
}
