/* HCL: structure, expressions, functions; fields of build outputs. */
#include "cli/build.h"
#include "cli/hcl.h"
#include "suite.h"

SUITE(hcl);

static int find(void *arg, const char *name, json_object **ret, struct error *err)
{
        (void)arg, (void)err;
        if (strcmp(name, "V") == 0)
                *ret = json_object_new_string("v");
        else if (strcmp(name, "N") == 0)
                *ret = json_object_new_int(7);
        else if (strcmp(name, "L") == 0)
                *ret = json_tokener_parse("[\"a\",\"b\",\"\"]");
        else if (strcmp(name, "M") == 0)
                *ret = json_tokener_parse("{\"x\":{\"y\":1}}");
        else
                return 0;
        return 1;
}
static const struct hcl_scope scope = { .variable = find };

TEST(expressions)
{
        static const struct {
                const char *text, *expected;
        } good[] = {
                { "1 + 2 * 3", "7" },
                { "(1 + 2) * 3", "9" },
                { "-N % 4", "-3" },
                { "N >= 7 && !false", "true" },
                { "1 / 4", "0.25" },
                { "V == \"v\" ? \"yes\" : nothing", "\"yes\"" },
                { "\"a-${V}-${N}\"", "\"a-v-7\"" },
                { "\"$${V} \\\"q\\\" \\n\"", "\"${V} \\\"q\\\" \\n\"" },
                { "\"${L}\"", "[\"a\",\"b\",\"\"]" },
                { "[1, 2,\n 3,]", "[1,2,3]" },
                { "{ a = 1\n \"b\" : V, (V) = N }", "{\"a\":1,\"b\":\"v\",\"v\":7}" },
                { "[for x in L : upper(x) if x != \"\"]", "[\"A\",\"B\"]" },
                { "{for i, x in L : x => i if x != \"\"}", "{\"a\":0,\"b\":1}" },
                { "[for k, v in M : k]", "[\"x\"]" },
                { "M.x.y + L[0 + 1 == 1 ? 0 : 1] == 0", NULL },
                { "M[\"x\"].y", "1" },
                { "<<EOF\nline ${V}\nEOF\n", "\"line v\\n\"" },
                { "<<-EOF\n    a\n      b\n    EOF\n", "\"a\\n  b\\n\"" },
                { "join(\",\", compact(concat(L, [V])))", "\"a,b,v\"" },
                { "replace(trimspace(\" aXa \"), \"X\", \"-\")", "\"a-a\"" },
                { "format(\"%s:%d\", V, N)", "\"v:7\"" },
                { "contains(L, \"b\") ? length(split(\"/\", \"a/b/c\")) : 0", "3" },
                { "coalesce(null, \"\", \"c\")", "\"c\"" },
                { "merge({a = 1}, {b = 2})", "{\"a\":1,\"b\":2}" },
                { "lookup({a = 1}, \"z\", \"none\")", "\"none\"" },
                { "1 # a comment", "1" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                cleanup_json json_object *value = NULL;
                cleanup_error struct error err = {};
                cleanup_free char *text = NULL;
                int r = hcl_evaluate(good[i].text, &scope, &value, &err);

                if (!good[i].expected) {
                        ck_assert_int_eq(r, -1);
                        continue;
                }
                ck_assert_msg(r == 0, "%s: %s", good[i].text, error_message(&err));
                text = json_format(value);
                ck_assert_str_eq(text, good[i].expected);
        }
}

TEST(expressions_that_are_none)
{
        static const char *const bad[] = { "",          "1 +",        "(1",         "[1",      "{a = }",
                                           "\"open",    "nosuch",     "nosuch()",   "upper()", "upper([])",
                                           "1 / 0",     "\"a\" + 1",  "L[9]",       "M.none",  "1 2",
                                           "${V}",      "a ? b",      "[for x in]", "\"${\"",  "\"%{if}\"",
                                           "join(1,2)", "<<EOF\nx\n", "for x in y" };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                cleanup_json json_object *value = NULL;
                cleanup_error struct error err = {};

                ck_assert_msg(hcl_evaluate(bad[i], &scope, &value, &err) < 0, "%s", bad[i]);
                ck_assert(*error_message(&err));
        }
}

TEST(expressions_have_limits)
{
        cleanup_strbuf struct strbuf deep = {}, wide = {};
        json_object *value = NULL;
        cleanup_error struct error err = {};

        for (int i = 0; i < 5000; i++)
                strbuf_adds(&deep, "(");
        ck_assert_int_eq(hcl_evaluate(deep.data, &scope, &value, &err), -1);
        error_clear(&err);
        for (int i = 0; i < 30; i++)
                strbuf_addf(&wide, "[for x%d in [1,2,3,4,5,6,7,8,9] : ", i);
        strbuf_adds(&wide, "1");
        for (int i = 0; i < 30; i++)
                strbuf_adds(&wide, "]");
        ck_assert_int_eq(hcl_evaluate(wide.data, &scope, &value, &err), -1);
}

TEST(blocks)
{
        static const char text[] =
            "/* c */ a = 1 # x\n"
            "target \"one\" {\n  tags = [\n    \"x\", # }\n  ]\n  d = <<E\n}\nE\n  inner { z = {} }\n}\n"
            "group g { t = \"}\" }\n";
        cleanup_hcl_block struct hcl_block file = {};

        ck_assert_int_eq(hcl_parse(text, sizeof(text) - 1, &file, NULL), 0);
        ck_assert_uint_eq(file.n_attributes, 1);
        ck_assert_uint_eq(file.n_blocks, 2);
        ck_assert_str_eq(file.blocks[0].labels[0], "one");
        ck_assert_uint_eq(file.blocks[0].n_attributes, 2);
        ck_assert_str_eq(file.blocks[0].blocks[0].attributes[0].text, "{} ");
        ck_assert_str_eq(file.blocks[1].attributes[0].text, "\"}\" ");
}

TEST(blocks_that_are_none)
{
        static const struct {
                const char *text, *message;
        } bad[] = {
                { "a = 1\ntarget {", "line 2: a block is not closed" },
                { "a =\n", "line 1: an expression is missing" },
                { "a = [1\n", "line 2: a bracket is not closed" },
                { "a = )\n", "line 1: a bracket too many" },
                { "a = \"x\n", "line 1: an unfinished string" },
                { "\n\n}", "line 3: an argument or block definition is required here" },
                { "a b c", "line 1: a block has no body" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct hcl_block file = {};
                cleanup_error struct error err = {};

                ck_assert_int_eq(hcl_parse(bad[i].text, strlen(bad[i].text), &file, &err), -1);
                ck_assert_str_eq(error_message(&err), bad[i].message);
        }
}

TEST(entries)
{
        cleanup_error struct error err = {};
        struct build_entry e = {};

        ck_assert_int_eq(build_cache_entry("user/app:cache", &e, &err), 0);
        ck_assert_str_eq(e.type, "registry");
        ck_assert_str_eq(strmap_get(&e.attributes, "ref"), "user/app:cache");
        build_entry_deinit(&e);
        ck_assert_int_eq(build_cache_entry("type=local,\"dest=a,b\",mode=max", &e, &err), 0);
        ck_assert_str_eq(strmap_get(&e.attributes, "dest"), "a,b");
        build_entry_deinit(&e);
        ck_assert_int_eq(build_cache_entry("type=s3,bucket=x", &e, &err), -1);
        ck_assert_str_eq(error_message(&err), "failed to build: cache type s3 is not supported by davit");
        build_entry_deinit(&e);
}
