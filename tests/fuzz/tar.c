/* The tar reader: any bytes, all data read. */
#include "store/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_error struct error err = {};
        cleanup_stream struct stream *in = stream_new_memory(data, size);
        cleanup_tar_reader struct tar_reader *reader = tar_reader_new(in, NULL);
        const struct tar_entry *e;
        char buffer[1000];

        while (tar_reader_next(reader, &e, &err) > 0) {
                ssize_t n = 1;

                while (e->size % 3 && (n = tar_reader_data(reader, buffer, sizeof(buffer), &err)) > 0)
                        ;
                if (n < 0)
                        break;
        }
        return 0;
}
