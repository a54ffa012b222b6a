/* A daemon.json. */
#include "api/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static char debug[] = "debug", *given[] = { debug, NULL };
        cleanup_daemon_options struct daemon_options options = {};

        if (size <= 65536 && daemon_options_parse_file(&options, given, (const char *)data, size, NULL) == 0)
                daemon_options_check(&options, NULL);
        return 0;
}
