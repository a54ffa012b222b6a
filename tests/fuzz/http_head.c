/* Any bytes as the head of a request and of a response. */
#include "base/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        size_t len = http_head_length((const char *)data, size);
        struct http_head head = {};

        if (len == 0)
                return 0;
        if (http_head_parse_request((const char *)data, len, &head, NULL) == 0) {
                struct http_target target = {};

                if (http_target_parse(head.target, &target, NULL) == 0)
                        http_target_deinit(&target);
                http_head_has_token(&head, "Connection", "close");
                http_head_deinit(&head);
        }
        if (http_head_parse_response((const char *)data, len, &head, NULL) == 0)
                http_head_deinit(&head);
        return 0;
}
