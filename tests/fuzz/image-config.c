/* An image's config: parsed, and printed if it was one. */
#include "oci/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_error struct error err = {};
        cleanup_image_config struct image_config x = {};
        cleanup_free char *text = NULL;

        if (image_config_parse((const char *)data, size, &x, &err) == 0)
                text = image_config_format(&x);
        return 0;
}
