#include "compose/yaml.h"
#include "base/str.h"
#include "suite.h"

SUITE(compose_yaml);

/* The first document as JSON, or the error. Heap. */
static char *read_one(const char *text)
{
        cleanup_arena struct arena arena = {};
        cleanup_error struct error err = {};
        cleanup_yaml_reader struct yaml_reader *reader = NULL;
        cleanup_json json_object *json = NULL;
        struct yaml_document document;
        size_t nodes = 0;
        int r;

        reader = yaml_reader_new(&arena, text, strlen(text), "f", &nodes);
        r = yaml_read(reader, &document, NULL, &err);
        if (r < 0)
                return xstrdup(error_message(&err));
        if (r == 0)
                return xstrdup("nothing");
        json = node_to_json(document.root);
        return json_format(json);
}

static const struct {
        const char *yaml, *want;
} documents[] = {
        { "", "nothing" },
        { "a: [1, 0x1F, 0o17, 017, 1_000, -5]", "{\"a\":[1,31,15,15,1000,-5]}" },
        { "a: [1.5, 1e3, .5, +1.0]", "{\"a\":[1.5,1000,0.5,1]}" },
        { "a: [true, False, yes, on, y, null, ~, \"\", 'true']",
          "{\"a\":[true,false,\"yes\",\"on\",\"y\",null,null,\"\",\"true\"]}" },
        { "a: &x {b: 1}\nc: *x", "{\"a\":{\"b\":1},\"c\":{\"b\":1}}" },
        { "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3", "{\"a\":{\"b\":1,\"c\":2},\"d\":{\"b\":1,\"c\":3}}" },
        { "a: {<<: [{x: 1}, {x: 2, y: 3}]}", "{\"a\":{\"x\":1,\"y\":3}}" },
        { "a: !!str 5\nb: !!int \"7\"", "{\"a\":\"5\",\"b\":7}" },
        { "a: !reset null\nb: 1", "{\"b\":1}" },
        { "a: [!reset x, y]", "{\"a\":[\"y\"]}" },
        { "a: 1\nb: 2\na: 3", "line 3: mapping key \"a\" already defined at line 1" },
        { "a: &x [*x]", "yaml: anchor 'x' value contains itself" },
        { "a: *x", "yaml: unknown anchor 'x' referenced" },
        { "a: {<<: 5}", "yaml: line 1: map merge requires map or sequence of maps as the value" },
        { "5: a", "non-string key at top level: 5" },
        { "a: [{b: {1.5: x}}]", "non-string key in a[0].b: 1.5" },
        { "a: {b: c\n", "yaml: line 1: did not find expected ',' or '}'" },
        { "a:\n\tb: 1", "yaml: line 2: found character that cannot start any token" },
        { "a: !!int x", "yaml: line 1: cannot decode !!str `x` as a !!int" },
};

TEST(reading)
{
        for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
                cleanup_free char *got = read_one(documents[i].yaml);

                ck_assert_str_eq(got, documents[i].want);
        }
}

TEST(bombs_are_refused)
{
        cleanup_strbuf struct strbuf text = {}, deep = {};
        cleanup_free char *bomb = NULL, *nested = NULL;

        strbuf_adds(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for (int i = 1; i < 10; i++) {
                strbuf_addf(&text, "a%d: &a%d [", i, i);
                for (int j = 0; j < 10; j++)
                        strbuf_addf(&text, "%s*a%d", j ? "," : "", i - 1);
                strbuf_adds(&text, "]\n");
        }
        bomb = read_one(text.data);
        ck_assert_ptr_nonnull(strstr(bomb, "excessive aliasing"));
        for (int i = 0; i < 1000; i++)
                strbuf_adds(&deep, "[");
        nested = read_one(deep.data);
        ck_assert_ptr_nonnull(strstr(nested, "exceeded max depth"));
}

static const struct {
        const char *json, *want;
} written[] = {
        { "{}", "{}\n" },
        { "{\"a\":{},\"b\":[],\"c\":null,\"d\":true,\"e\":5}", "a: {}\nb: []\nc: null\nd: true\ne: 5\n" },
        { "{\"a\":[\"x\",{\"b\":\"c\",\"d\":1}]}", "a:\n  - x\n  - b: c\n    d: 1\n" },
        { "{\"a\":\"y\",\"b\":\"5\",\"c\":\"\",\"d\":\"null\",\"e\":\"1e3\",\"f\":\"12:30\"}",
          "a: \"y\"\nb: \"5\"\nc: \"\"\nd: \"null\"\ne: \"1e3\"\nf: \"12:30\"\n" },
        { "{\"y\":\"a: b\",\"q\":\"it's\",\"t\":\" x\",\"h\":\"a #b\",\"d\":\"-\",\"s\":\"*x\"}",
          "\"y\": 'a: b'\nq: it's\nt: ' x'\nh: 'a #b'\nd: '-'\ns: '*x'\n" },
        { "{\"a\":\"one\\ntwo\\n\",\"b\":\"x\\ny\",\"c\":\"x\\n\\n\",\"d\":\" x\\ny\"}",
          "a: |\n  one\n  two\nb: |-\n  x\n  y\nc: |+\n  x\n\nd: |2-\n   x\n  y\n" },
        { "{\"a\":\"tab\\there\",\"b\":\"\\u0001\",\"c\":\"2001-01-01\",\"d\":\"\\u00e4\"}",
          "a: \"tab\\there\"\nb: \"\\x01\"\nc: \"2001-01-01\"\nd: \xc3\xa4\n" },
};

TEST(writing)
{
        for (size_t i = 0; i < ARRAY_SIZE(written); i++) {
                cleanup_json json_object *in = NULL;
                cleanup_free char *got = NULL;

                ck_assert_int_eq(json_parse_text(written[i].json, strlen(written[i].json), &in, NULL), 0);
                got = yaml_format(in);
                ck_assert_str_eq(got, written[i].want);
        }
}

TEST(order_of_keys)
{
        static const char *const sorted[] = { "1", "a", "a1b", "a2", "a10", "a10b", "aB", "ab", "b", NULL };

        for (size_t i = 0; sorted[i + 1]; i++)
                ck_assert_msg(yaml_compare_keys(sorted[i], sorted[i + 1]) < 0, "%s %s", sorted[i],
                              sorted[i + 1]);
}
