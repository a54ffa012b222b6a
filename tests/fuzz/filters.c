/* The `filters` parameter: what is accepted is also matched. */
#include "base/filters.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_free char *text = xstrndup((const char *)data, size);
        cleanup_filters struct filters filters = {};
        struct strmap labels = {};
        bool yes;

        strmap_set(&labels, "a", "b");
        if (size <= 4096 && filters_parse(text, &filters, NULL) == 0) {
                filters_match(&filters, "type", "container");
                filters_match_labels(&filters, "label", &labels);
                filters_match_prefix(&filters, "id", "0123");
                filters_get_bool(&filters, "dangling", false, &yes, NULL);
        }
        strmap_deinit(&labels);
        return 0;
}
