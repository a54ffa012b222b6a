/* What a WebSocket client sends. */
#include "api/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_free char *in = xmemdup(data, size);
        struct websocket_decoder d = {};
        struct websocket_piece piece;

        for (size_t at = 0; at < size;) {
                size_t used = 0;
                int r = websocket_decode(&d, in + at, size - at, &used, &piece, NULL);

                if (r < 0)
                        break;
                at += used;
        }
        return 0;
}
