/* The small languages: substitution, .env, words, volumes, ports. */
#include "compose/dotenv.h"
#include "compose/mount-spec.h"
#include "compose/template.h"
#include "compose/words.h"
#include "oci/port-spec.h"
#include "suite.h"

SUITE(compose_texts);

static const char *look_up(void *context, const char *name)
{
        (void)context;
        return streq(name, "V") ? "value" : streq(name, "E") ? "" : NULL;
}

static const struct {
        const char *text, *want; /* NULL: an error */
} templates[] = {
        { "$V ${V} $$V $5 a $ b", "value value $V $5 a $ b" },
        { "${N:-d}${E:-e}${E-f}${N-g}", "deg" },
        { "${V:+x}${E:+y}${E+z}${N+w}", "xz" },
        { "${N:-${V}-${N:-deep}}", "value-deep" },
        { "${V:?no}${E?no}", "value" },
        { "${N:?no}", NULL },
        { "${E:?no}", NULL },
        { "${N?}", NULL },
        { "${V", NULL },
        { "${}", NULL },
        { "${V!x}", NULL },
        { "${N:-a}b}", "ab}" },
};

TEST(substitution)
{
        struct template_rules rules = { .lookup = look_up };

        for (size_t i = 0; i < ARRAY_SIZE(templates); i++) {
                cleanup_error struct error err = {};
                cleanup_free char *got = NULL;

                ck_assert_int_eq(template_expand(&rules, templates[i].text, &got, &err) != 0,
                                 !templates[i].want);
                if (templates[i].want)
                        ck_assert_str_eq(got, templates[i].want);
        }
}

TEST(deep_templates_are_refused)
{
        struct template_rules rules = { .lookup = look_up };
        cleanup_strbuf struct strbuf text = {};
        cleanup_free char *got = NULL;

        for (int i = 0; i < 10000; i++)
                strbuf_adds(&text, "${N:-");
        for (int i = 0; i < 10000; i++)
                strbuf_adds(&text, "}");
        ck_assert_int_eq(template_expand(&rules, text.data, &got, NULL), TEMPLATE_INVALID);
}

TEST(names_in_templates)
{
        struct template_variable *list = NULL;
        size_t count = 0;

        template_variables("$A ${B:-x${C}} $$D ${F:?r} ${G+p}", &list, &count);
        ck_assert_uint_eq(count, 5);
        ck_assert_str_eq(list[0].name, "A");
        ck_assert_str_eq(list[1].fallback, "x${C}");
        ck_assert_str_eq(list[2].name, "C");
        ck_assert(list[3].required);
        ck_assert_str_eq(list[4].presence, "p");
        template_variables_free(list, count);
}

static const struct {
        const char *text, *name, *want; /* `want` NULL: not there; `name` NULL: an error */
} dotenvs[] = {
        { "A=1\n", "A", "1" },
        { "  A =  b c  # d\n", "A", "b c" },
        { "A=a#b\n", "A", "a#b" },
        { "A='$V \"x\"'", "A", "$V \"x\"" },
        { "A=\"$V\\n\\\"q\\\" \\$V\"", "A", "value\n\"q\" $V" },
        { "A=\"one\ntwo\"\nB=3", "B", "3" },
        { "A=\"one\ntwo\"", "A", "one\ntwo" },
        { "export A=x", "A", "x" },
        { "A: y", "A", "y" },
        { "B=1\nA=${B}$B", "A", "11" },
        { "V", "V", "value" },
        { "N", "N", NULL },
        { "\xEF\xBB\xBF#c\nA=1", "A", "1" },
        { "A B=1", NULL, NULL },
        { "A%=1", NULL, NULL },
        { "A=\"x", NULL, NULL },
        { "=x", "", "x" },
};

TEST(dotenv)
{
        struct dotenv_rules rules = { .lookup = look_up };

        for (size_t i = 0; i < ARRAY_SIZE(dotenvs); i++) {
                cleanup_environment struct environment env = {};
                cleanup_error struct error err = {};
                int r = dotenv_parse(&rules, dotenvs[i].text, &env, &err);

                if (!dotenvs[i].name) {
                        ck_assert_int_eq(r, -1);
                        continue;
                }
                if (*dotenvs[i].name)
                        ck_assert_pstr_eq(environment_get(&env, dotenvs[i].name), dotenvs[i].want);
        }
}

TEST(dotenv_raw)
{
        struct dotenv_rules rules = { .lookup = look_up };
        cleanup_environment struct environment env = {};
        cleanup_error struct error err = {};

        ck_assert_int_eq(dotenv_parse_raw(&rules, "A=\"$V x\" # y\r\n#c\n\nV\nN\n", &env, &err), 0);
        ck_assert_str_eq(environment_get(&env, "A"), "\"$V x\" # y");
        ck_assert_str_eq(environment_get(&env, "V"), "value");
        ck_assert_ptr_null(environment_get(&env, "N"));
        ck_assert_int_eq(dotenv_parse_raw(&rules, "A B=1", &env, &err), -1);
}

static const struct {
        const char *text, *want; /* joined by "|"; NULL: an error */
} commands[] = {
        { "sh -c 'a  b'", "sh|-c|a  b" },
        { "a\\ b \"c 'd'\"", "a b|c 'd'" },
        { "", "" },
        { "a '' b", "a||b" },
        { "a && b", "a" },
        { "a 2>x", "a" },
        { "a $(b c)", "a|$(b c)" },
        { "'open", NULL },
        { "a (b", NULL },
};

TEST(words)
{
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
                cleanup_error struct error err = {};
                cleanup_strv char **list = NULL;
                cleanup_free char *joined = NULL;

                ck_assert_int_eq(words_split(commands[i].text, &list, &err), commands[i].want ? 0 : -1);
                if (!commands[i].want)
                        continue;
                joined = strv_join(list, "|");
                ck_assert_str_eq(joined, commands[i].want);
        }
}

TEST(mounts)
{
        cleanup_arena struct arena arena = {};
        struct mount_spec spec;

        ck_assert_int_eq(mount_spec_parse(&arena, "./a:/b:ro,z,rslave", &spec, NULL), 0);
        ck_assert(spec.bind && spec.read_only);
        ck_assert_str_eq(spec.source, "./a");
        ck_assert_str_eq(spec.target, "/b");
        ck_assert_str_eq(spec.selinux, "z");
        ck_assert_str_eq(spec.propagation, "rslave");
        ck_assert_int_eq(mount_spec_parse(&arena, "data:/d:nocopy", &spec, NULL), 0);
        ck_assert(!spec.bind && spec.no_copy);
        ck_assert_int_eq(mount_spec_parse(&arena, "${A:-x:y}:/d", &spec, NULL), 0);
        ck_assert_str_eq(spec.source, "${A:-x:y}");
        ck_assert_int_eq(mount_spec_parse(&arena, "C:\\x:/d", &spec, NULL), 0);
        ck_assert(spec.bind);
        ck_assert_int_eq(mount_spec_parse(&arena, "/a:/b:/c:/d", &spec, NULL), -1);
        ck_assert_int_eq(mount_spec_parse(&arena, "data::ro", &spec, NULL), -1);
        ck_assert_int_eq(mount_spec_parse(&arena, "", &spec, NULL), -1);
}

static const struct {
        const char *text, *want; /* ip published port/protocol, joined by blanks; NULL: an error */
} ports[] = {
        { "80", "- - 80/tcp" },
        { "8080:80/UDP", "- 8080 80/udp" },
        { "127.0.0.1::80", "127.0.0.1 - 80/tcp" },
        { "[::1]:8080:80", "::1 8080 80/tcp" },
        { "8000-8001:80-81", "- 8000 80/tcp - 8001 81/tcp" },
        { "8000-8010:80", "- 8000-8010 80/tcp" },
        { "99999:80", NULL },
        { "80:http", NULL },
        { "8000-8002:80-81", NULL },
        { "80/tpc", NULL },
        { "::1:80:80", NULL },
        { "1.2.3:80:80", NULL },
        { "8080:", NULL },
};

TEST(ports)
{
        for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
                cleanup_error struct error err = {};
                cleanup_strbuf struct strbuf b = {};
                struct port_spec *specs;
                size_t count;

                if (port_spec_parse(ports[i].text, &specs, &count, &err) < 0) {
                        ck_assert_ptr_null(ports[i].want);
                        continue;
                }
                for (size_t j = 0; j < count; j++)
                        strbuf_addf(&b, "%s%s %s %u/%s", j ? " " : "", specs[j].ip ? specs[j].ip : "-",
                                    specs[j].published ? specs[j].published : "-", specs[j].port,
                                    specs[j].protocol);
                ck_assert_pstr_eq(b.data, ports[i].want);
                port_specs_free(specs, count);
        }
}
