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

static int parse_builder(struct daemon_options *o, const char *json, struct error *err)
{
        cleanup_free char *text = string_format("{\"builder\":%s}", json);

        return daemon_options_parse_file(o, NULL, text, strlen(text), err);
}

TEST(builder_gc)
{
        cleanup_daemon_options struct daemon_options o = {};
        const struct build_gc *gc = &o.build_gc;

        ck_assert_int_eq(
            parse_builder(
                &o,
                "{\"gc\":{\"enabled\":true,\"defaultKeepStorage\":\"2GB\",\"defaultMinFreeSpace\":\"1MB\","
                "\"policy\":[{\"keepStorage\":\"1kb\",\"filter\":[\"unused-for=48h\",\"type=regular\"]},"
                "{\"all\":true,\"maxUsedSpace\":\"3GB\",\"filter\":{\"until\":[\"1h\"]}}]}}",
                NULL),
            0);
        ck_assert(!gc->disabled);
        ck_assert_int_eq(gc->defaults.reserved_space, INT64_C(2) << 30);
        ck_assert_int_eq(gc->defaults.min_free_space, 1 << 20);
        ck_assert_uint_eq(gc->n_rules, 2);
        ck_assert_int_eq(gc->rules[0].reserved_space, 1024);
        ck_assert_str_eq(filters_get(&gc->rules[0].filters, "type")[0], "regular");
        ck_assert(gc->rules[1].all && gc->rules[1].max_used_space == INT64_C(3) << 30);
        ck_assert_int_eq(parse_builder(&o, "{\"gc\":{\"enabled\":false}}", NULL), 0);
        ck_assert(gc->disabled && gc->n_rules == 0);
}

TEST(builder_refused)
{
        static const struct {
                const char *json, *message;
        } cases[] = {
                { "1", "invalid JSON: builder must be an object" },
                { "{\"gc\":[]}", "invalid JSON: builder.gc must be an object" },
                { "{\"history\":{}}", "key builder.history is not supported by davitd" },
                { "{\"gc\":{\"foo\":1}}", "key builder.gc.foo is not supported by davitd" },
                { "{\"gc\":{\"enabled\":1}}", "invalid JSON: builder.gc.enabled must be a boolean" },
                { "{\"gc\":{\"defaultMaxUsedSpace\":5}}",
                  "invalid JSON: builder.gc.defaultMaxUsedSpace must be a string" },
                { "{\"gc\":{\"defaultMaxUsedSpace\":\"x\"}}",
                  "builder.gc.defaultMaxUsedSpace: invalid size: 'x'" },
                { "{\"gc\":{\"policy\":{}}}", "invalid JSON: builder.gc.policy must be a list" },
                { "{\"gc\":{\"policy\":[1]}}", "invalid JSON: builder.gc.policy[0] must be an object" },
                { "{\"gc\":{\"policy\":[{\"keepDuration\":\"1h\"}]}}",
                  "key builder.gc.policy[0].keepDuration is not supported by davitd" },
                { "{\"gc\":{\"policy\":[{\"filter\":[\"until\"]}]}}",
                  "builder.gc.policy[0].filter: invalid filter \"until\"" },
                { "{\"gc\":{\"policy\":[{\"filter\":[\"color=red\"]}]}}",
                  "builder.gc.policy[0].filter: invalid filter 'color'" },
                { "{\"gc\":{\"policy\":[{\"filter\":[\"until=x\"]}]}}",
                  "builder.gc.policy[0].filter: \"until\" filter expects a duration (e.g., '24h'): time: "
                  "invalid "
                  "duration \"x\"" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                cleanup_daemon_options struct daemon_options o = {};
                cleanup_error struct error err = {};

                ck_assert_int_lt(parse_builder(&o, cases[i].json, &err), 0);
                ck_assert_str_eq(error_message(&err), cases[i].message);
        }
}
