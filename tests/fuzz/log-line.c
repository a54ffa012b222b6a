/* Lines of json-file logs and entries of local ones, as a container's disk may hold them. */
#include "shim/log-decode.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct log_decoder decoder = { 0 };
        struct log_message message;
        struct strbuf prefix = { 0 };

        if (log_decode_json(&decoder, (const char *)data, size, &message) > 0)
                log_message_prefix(&message, true, true, &prefix);
        log_decode_json(&decoder, (const char *)data, size, &message);
        log_decode_local(&decoder, (const char *)data, size, &message);
        strbuf_deinit(&prefix);
        log_decoder_deinit(&decoder);
        return 0;
}
