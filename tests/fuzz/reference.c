/* Image references and platforms; what is accepted must be accepted again in its full spelling. */
#include "oci/image.h"
#include "oci/reference.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_error struct error err = {};
        cleanup_free char *text = xstrndup((const char *)data, size), *full = NULL;
        cleanup_reference struct reference r = {}, again = {};
        cleanup_platform struct platform p = {};

        if (reference_parse(text, &r, &err) == 0) {
                full = reference_format(&r);
                if (reference_parse(full, &again, NULL) < 0)
                        abort();
        }
        error_clear(&err);
        platform_parse(text, &p, &err);
        return 0;
}
