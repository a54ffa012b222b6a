/* What a container sends to its DNS server. */
#include "base/mem.h"
#include "network/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static uint8_t answer[DNS_UDP_SIZE];
        struct ip_address addresses[3] = { { AF_INET, { 10 } },
                                           { AF_INET6, { 0xfd } },
                                           { AF_INET, { 10, 1 } } },
                          address;
        struct dns_query q;

        if (dns_query_parse(data, size, &q) < 0)
                return 0;
        dns_reverse_parse(q.name, &address);
        if (dns_answer_addresses(data, &q, addresses, 3, answer, sizeof(answer)) > sizeof(answer) ||
            dns_answer_name(data, &q, q.name, answer, sizeof(answer)) > sizeof(answer) ||
            dns_answer_begin(data, &q, DNS_NO_NAME, answer, sizeof(answer)) > sizeof(answer))
                abort();
        return 0;
}
