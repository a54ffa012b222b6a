/* Build definitions: structure, then every expression; and the records of an exported cache. */
#include "build/cache-format.h"
#include "cli/hcl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void evaluate_all(const struct hcl_block *b)
{
        static const struct hcl_scope scope;

        for (size_t i = 0; i < b->n_attributes; i++) {
                cleanup_json json_object *value = NULL;

                if (hcl_evaluate(b->attributes[i].text, &scope, &value, NULL) == 0)
                        free(json_format(value));
        }
        for (size_t i = 0; i < b->n_blocks; i++)
                evaluate_all(&b->blocks[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_hcl_block struct hcl_block file = {};
        cleanup_cache_entry_list struct cache_entry_list list = {};
        cleanup_json json_object *tree = NULL;

        if (size > 4096)
                return 0;
        if (hcl_parse((const char *)data, size, &file, NULL) == 0)
                evaluate_all(&file);
        if (json_parse_text((const char *)data, size, &tree, NULL) == 0 &&
            cache_entries_parse(tree, 2, &list, NULL) == 0)
                json_object_put(cache_entries_json(&list));
        return 0;
}
