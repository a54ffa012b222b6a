/* An index: parsed, and printed if it was one. */
#include "oci/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_error struct error err = {};
        cleanup_image_index struct image_index x = {};
        cleanup_free char *text = NULL;

        if (image_index_parse((const char *)data, size, &x, &err) == 0)
                text = image_index_format(&x);
        return 0;
}
