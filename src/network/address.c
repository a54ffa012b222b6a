#include "network/address.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

int ip_address_parse(const char *text, struct ip_address *ret)
{
        static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
        struct ip_address a = { 0 };

        if (inet_pton(AF_INET, text, a.bytes) == 1) {
                a.family = AF_INET;
        } else if (inet_pton(AF_INET6, text, a.bytes) == 1) {
                a.family = AF_INET6;
                if (memcmp(a.bytes, mapped, sizeof(mapped)) == 0) {
                        memmove(a.bytes, a.bytes + 12, 4);
                        memset(a.bytes + 4, 0, 12);
                        a.family = AF_INET;
                }
        } else {
                return -1;
        }
        *ret = a;
        return 0;
}

int ip_prefix_parse(const char *text, struct ip_prefix *ret)
{
        const char *slash = strchr(text, '/');
        char address[INET6_ADDRSTRLEN];
        struct ip_prefix p;
        unsigned length = 0;

        if (!slash || (size_t)(slash - text) >= sizeof(address))
                return -1;
        memcpy(address, text, (size_t)(slash - text));
        address[slash - text] = '\0';
        if (ip_address_parse(address, &p.address) < 0)
                return -1;
        if (!slash[1] || strlen(slash + 1) > 3 || strspn(slash + 1, "0123456789") != strlen(slash + 1))
                return -1;
        for (const char *c = slash + 1; *c; c++)
                length = length * 10 + (unsigned)(*c - '0');
        if (length > ip_bits(p.address.family))
                return -1;
        p.length = length;
        *ret = p;
        return 0;
}

const char *ip_address_format(const struct ip_address *a, char *buffer)
{
        buffer[0] = '\0';
        if (a->family)
                inet_ntop(a->family, a->bytes, buffer, IP_TEXT_SIZE);
        return buffer;
}

const char *ip_prefix_format(const struct ip_prefix *p, char *buffer)
{
        size_t len;

        ip_address_format(&p->address, buffer);
        len = strlen(buffer);
        if (len > 0)
                snprintf(buffer + len, IP_TEXT_SIZE - len, "/%u", p->length);
        return buffer;
}

int ip_address_compare(const struct ip_address *a, const struct ip_address *b)
{
        if (a->family != b->family)
                return a->family < b->family ? -1 : 1;
        return memcmp(a->bytes, b->bytes, a->family == AF_INET ? 4 : 16);
}

bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_address *a)
{
        unsigned whole = p->length / 8, rest = p->length % 8;

        if (p->address.family != a->family || memcmp(p->address.bytes, a->bytes, whole) != 0)
                return false;
        return rest == 0 || ((p->address.bytes[whole] ^ a->bytes[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

bool ip_prefix_overlap(const struct ip_prefix *a, const struct ip_prefix *b)
{
        return a->length < b->length ? ip_prefix_contains(a, &b->address)
                                     : ip_prefix_contains(b, &a->address);
}

struct ip_prefix ip_prefix_network(const struct ip_prefix *p)
{
        struct ip_prefix n = *p;

        for (unsigned i = p->length; i < ip_bits(p->address.family); i++)
                n.address.bytes[i / 8] &= (uint8_t) ~(0x80 >> (i % 8));
        return n;
}

struct ip_address ip_prefix_last(const struct ip_prefix *p)
{
        struct ip_address a = p->address;

        for (unsigned i = p->length; i < ip_bits(a.family); i++)
                a.bytes[i / 8] |= (uint8_t)(0x80 >> (i % 8));
        return a;
}

struct ip_address ip_address_add(const struct ip_address *a, uint64_t n)
{
        struct ip_address sum = *a;
        uint64_t carry = n;

        for (unsigned i = ip_bits(a->family) / 8; i-- > 0 && carry > 0;) {
                uint64_t low = (carry & 0xff) + sum.bytes[i];

                sum.bytes[i] = (uint8_t)low;
                carry = (carry >> 8) + (low >> 8);
        }
        return sum;
}

bool ip_address_is_loopback(const struct ip_address *a)
{
        static const uint8_t one[16] = { [15] = 1 };

        if (a->family == AF_INET)
                return a->bytes[0] == 127;
        return a->family == AF_INET6 && memcmp(a->bytes, one, sizeof(one)) == 0;
}

bool ip_address_is_any(const struct ip_address *a)
{
        static const uint8_t zero[16];

        return a->family != AF_UNSPEC && memcmp(a->bytes, zero, sizeof(zero)) == 0;
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int mac_parse(const char *text, uint8_t ret[6])
{
        uint8_t mac[6];

        if (strlen(text) != 17)
                return -1;
        for (int i = 0; i < 6; i++) {
                int high = hex_digit(text[i * 3]), low = hex_digit(text[i * 3 + 1]);

                if (high < 0 || low < 0 || (i < 5 && text[i * 3 + 2] != ':' && text[i * 3 + 2] != '-'))
                        return -1;
                mac[i] = (uint8_t)(high << 4 | low);
        }
        memcpy(ret, mac, sizeof(mac));
        return 0;
}

const char *mac_format(const uint8_t mac[6], char *buffer)
{
        snprintf(buffer, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
                 mac[4], mac[5]);
        return buffer;
}

void mac_random(uint8_t ret[6])
{
        if (getrandom(ret, 6, 0) != 6)
                abort();
        ret[0] = (uint8_t)((ret[0] & ~1U) | 2);
}
