/* A manifest: parsed, and printed if it was one. */
#include "oci/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_error struct error err = {};
        cleanup_manifest struct manifest x = {};
        cleanup_free char *text = NULL;

        if (manifest_parse((const char *)data, size, &x, &err) == 0)
                text = manifest_format(&x);
        return 0;
}
