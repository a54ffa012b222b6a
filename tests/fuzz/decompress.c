/* All decompressors, by magic; what comes out is capped. */
#include "base/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_error struct error err = {};
        cleanup_stream struct stream *in = stream_new_memory(data, size), *plain = stream_new_decompressed(in);
        cleanup_free char *out = NULL;

        stream_read_all(plain, 16 << 20, &out, NULL, &err);
        return 0;
}
