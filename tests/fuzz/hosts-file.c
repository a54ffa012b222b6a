/* A hosts file: parsed, or refused with a line. */
#include "registry/hosts-file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_hosts_file struct hosts_file f = {};
        cleanup_error struct error err = {};

        (void)hosts_file_parse((const char *)data, size, &f, &err);
        return 0;
}
