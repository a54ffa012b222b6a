/* The host's resolv.conf, which the administrator or some VPN's script wrote. */
#include "engine/network-internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_free char *text = xstrndup((const char *)data, size);
        struct resolv_conf_request q = { .host_text = text,
                                         .host_path = "/etc/resolv.conf",
                                         .ipv6 = size & 1 };

        for (int i = 0; i < 3; i++) {
                cleanup_free char *made = NULL;

                q.internal = i == 1;
                q.keep_loopback = i == 2;
                made = resolv_conf_make(&q);
        }
        return 0;
}
