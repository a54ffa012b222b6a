/* Exported caches. */
#include "build/cache-format.h"
#include "suite.h"

SUITE(cache_format);

#define KEY "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int parse(const char *text, size_t n_layers, struct cache_entry_list *ret, struct error *err)
{
        cleanup_json json_object *tree = json_tokener_parse(text);

        return cache_entries_parse(tree, n_layers, ret, err);
}

TEST(records_come_back)
{
        cleanup_cache_entry_list struct cache_entry_list list = {}, again = {};
        cleanup_json json_object *tree = NULL;
        static const char text[] =
            "[{\"digest\":\"" KEY "\",\"layers\":[{\"layer\":1,\"createdAt\":\"2026-01-02T03:04:05Z\"}],"
            "\"davit\":true},{\"digest\":\"" KEY "\",\"inputs\":[[{\"link\":0}]]}]";

        ck_assert_int_eq(parse(text, 2, &list, NULL), 0);
        ck_assert_uint_eq(list.count, 1);
        ck_assert_uint_eq(list.foreign, 1);
        ck_assert_uint_eq(list.items[0].layer, 1);
        tree = cache_entries_json(&list);
        ck_assert_int_eq(cache_entries_parse(tree, 2, &again, NULL), 0);
        ck_assert_uint_eq(again.count, 1);
        ck_assert(digest_equal(&again.items[0].key, &list.items[0].key));
        ck_assert_int_eq(again.items[0].created, list.items[0].created);
}

TEST(records_that_are_none)
{
        static const char *const bad[] = {
                "{}",
                "[{\"davit\":true}]",
                "[{\"davit\":true,\"digest\":\"" KEY "\",\"layers\":[]}]",
                "[{\"davit\":true,\"digest\":\"" KEY
                "\",\"layers\":[{\"layer\":2,\"createdAt\":\"2026-01-02T03:04:05Z\"}]}]",
                "[{\"davit\":true,\"digest\":\"" KEY
                "\",\"layers\":[{\"layer\":-1,\"createdAt\":\"2026-01-02T03:04:05Z\"}]}]",
                "[{\"davit\":true,\"digest\":\"x\",\"layers\":[{\"layer\":0,\"createdAt\":\"2026-01-02T03:04:"
                "05Z\"}]}]",
                "[{\"davit\":true,\"digest\":\"" KEY "\",\"layers\":[{\"layer\":0,\"createdAt\":\"then\"}]}]",
        };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct cache_entry_list list = {};
                cleanup_error struct error err = {};

                ck_assert_msg(parse(bad[i], 2, &list, &err) < 0, "%s", bad[i]);
        }
}
