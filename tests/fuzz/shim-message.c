/* Requests, replies and events of the shim's control socket. */
#include "shim/protocol.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const struct json_table *table, void *out, const uint8_t *data, size_t size)
{
        struct error err = { 0 };

        shim_message_decode((const char *)data, size, table, out, &err);
        json_free_fields(table, out);
        error_clear(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct shim_request request = { 0 };
        struct shim_reply reply = { 0 };
        struct shim_event event = { 0 };

        decode(&shim_request_table, &request, data, size);
        decode(&shim_reply_table, &reply, data, size);
        decode(&shim_event_table, &event, data, size);
        return 0;
}
