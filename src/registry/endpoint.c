/* Where a registry may be reached: mirrors, Docker Hub's own host, and which hosts may be insecure. */
#include "registry/registry.h"

#include <arpa/inet.h>

#define HUB_HOST "registry-1.docker.io"

/* "[::1]:5000" → "::1", "localhost:5000" → "localhost"; heap. */
static char *host_name(const char *host)
{
        const char *colon = strrchr(host, ':');

        if (*host == '[')
                return xstrndup(host + 1, strcspn(host + 1, "]"));
        return colon ? xstrndup(host, (size_t)(colon - host)) : xstrdup(host);
}

static bool address_in(const char *name, const char *cidr)
{
        cleanup_free char *network = xstrndup(cidr, strcspn(cidr, "/"));
        const char *slash = strchr(cidr, '/');
        unsigned char a[16], b[16];
        int family = strchr(network, ':') ? AF_INET6 : AF_INET, size = family == AF_INET ? 32 : 128;
        int bits = slash ? atoi(slash + 1) : size;

        if (inet_pton(family, name, a) != 1 || inet_pton(family, network, b) != 1 || bits < 0 || bits > size)
                return false;
        for (int i = 0; i < bits; i++)
                if ((a[i / 8] ^ b[i / 8]) & (0x80 >> (i % 8)))
                        return false;
        return true;
}

static bool host_is_insecure(const struct registry_settings *settings, const char *host)
{
        cleanup_free char *name = host_name(host);

        if (streq(name, "localhost") || address_in(name, "127.0.0.0/8") || address_in(name, "::1/128"))
                return true;
        for (size_t i = 0; settings->insecure && settings->insecure[i]; i++)
                if (streq(settings->insecure[i], host) || streq(settings->insecure[i], name) ||
                    (strchr(settings->insecure[i], '/') && address_in(name, settings->insecure[i])))
                        return true;
        return false;
}

void registry_endpoints(const struct registry_settings *settings, const char *domain, struct registry_endpoint **ret,
                        size_t *ret_count)
{
        bool hub = streq(domain, REGISTRY_HUB_DOMAIN);
        struct registry_endpoint *list = NULL, own = { .host = xstrdup(hub ? HUB_HOST : domain) };
        size_t count = 0;

        for (size_t i = 0; hub && settings->mirrors && settings->mirrors[i]; i++) {
                const char *plain = string_after(settings->mirrors[i], "http://");
                const char *host = plain ? plain : string_after(settings->mirrors[i], "https://");
                struct registry_endpoint mirror = { .mirror = true, .plain = plain != NULL };

                mirror.host = host ? xstrndup(host, strcspn(host, "/")) : xstrdup(settings->mirrors[i]);
                mirror.insecure = plain || host_is_insecure(settings, mirror.host);
                ARRAY_APPEND(list, count, mirror);
        }
        own.insecure = host_is_insecure(settings, own.host);
        ARRAY_APPEND(list, count, own);
        *ret = list;
        *ret_count = count;
}

void registry_endpoints_free(struct registry_endpoint *endpoints, size_t count)
{
        for (size_t i = 0; i < count; i++)
                free(endpoints[i].host);
        free(endpoints);
}
