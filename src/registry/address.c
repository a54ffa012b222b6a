#include "registry/address.h"

#include <arpa/inet.h>

void host_split(const char *text, char **ret_name, char **ret_port)
{
        const char *colon = strrchr(text, ':'), *bracket = strchr(text, ']');

        if (*text == '[' && bracket) {
                *ret_name = xstrndup(text + 1, (size_t)(bracket - text - 1));
                *ret_port = bracket[1] == ':' ? xstrdup(bracket + 2) : NULL;
        } else if (colon && strchr(text, ':') == colon) {
                *ret_name = xstrndup(text, (size_t)(colon - text));
                *ret_port = xstrdup(colon + 1);
        } else {
                *ret_name = xstrdup(text);
                *ret_port = NULL;
        }
}

bool address_in(const char *name, const char *cidr)
{
        cleanup_free char *network = xstrndup(cidr, strcspn(cidr, "/"));
        const char *slash = strchr(cidr, '/');
        unsigned char a[16], b[16];
        int family = strchr(network, ':') ? AF_INET6 : AF_INET;
        int64_t size = family == AF_INET ? 32 : 128, bits = size;

        if (slash && string_to_int64(slash + 1, &bits, NULL) < 0)
                return false;
        if (inet_pton(family, name, a) != 1 || inet_pton(family, network, b) != 1 || bits < 0 || bits > size)
                return false;
        for (int i = 0; i < bits; i++)
                if ((a[i / 8] ^ b[i / 8]) & (0x80 >> (i % 8)))
                        return false;
        return true;
}

bool host_is_loopback(const char *name)
{
        return streq(name, "localhost") || address_in(name, "127.0.0.0/8") || address_in(name, "::1/128");
}
