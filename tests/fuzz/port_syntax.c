/* Ports, addresses and pools. */
#include "base/str.h"
#include "network/ipam.h"
#include "network/port.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_free char *text = xstrndup((const char *)data, size);
        struct ipam_pool pool;
        struct ip_prefix prefix;
        struct ip_address address;
        uint16_t first, last;
        uint8_t mac[6];
        int protocol;

        port_parse(text, &first, &protocol, NULL);
        if (port_range_parse(text, &first, &last, NULL) == 0 && first > last)
                abort();
        ip_address_parse(text, &address);
        mac_parse(text, mac);
        if (ip_prefix_parse(text, &prefix) == 0) {
                struct ip_prefix network = ip_prefix_network(&prefix);

                address = ip_prefix_last(&prefix);
                if (!ip_prefix_contains(&network, &address) || !ip_prefix_overlap(&network, &prefix))
                        abort();
        }
        if (ipam_pool_parse(text, &pool, NULL) == 0)
                ipam_choose_subnet(&pool, 1, pool.base.address.family, NULL, 0, &prefix, NULL);
        return 0;
}
