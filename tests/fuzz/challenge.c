/* Any text as a WWW-Authenticate header and as credentials. */
#include "registry/challenge.h"
#include "registry/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_free char *text = xstrndup((const char *)data, size);
        cleanup_registry_auth struct registry_auth auth = {};
        struct challenge c;

        challenge_parse(text, &c);
        challenge_deinit(&c);
        (void)registry_auth_decode(text, &auth, NULL);
        return 0;
}
