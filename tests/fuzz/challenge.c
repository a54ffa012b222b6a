/* Any text as what registries say in headers and token answers, as a URL of theirs, and as credentials. */
#include "registry/challenge.h"
#include "registry/registry.h"
#include "registry/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_free char *text = xstrndup((const char *)data, size), *next = registry_link_next(text);
        cleanup_free char *shown = url_public(text), *origin = url_origin(text), *there = url_resolve(text, text);
        cleanup_registry_auth struct registry_auth auth = {};
        cleanup_token_answer struct token_answer answer = {};
        struct challenge c;
        int64_t n;

        challenge_parse(text, &c);
        challenge_deinit(&c);
        (void)content_range_start(text, &n);
        (void)upload_range_end(text, &n);
        (void)token_answer_parse((const char *)data, size, &answer, NULL);
        (void)registry_auth_decode(text, &auth, NULL);
        return 0;
}
