#include "registry/proxy.h"
#include "registry/address.h"
#include "registry/url.h"

#include <stdlib.h>
#include <strings.h>

static const char *setting(const char *given, const char *upper, const char *lower)
{
        if (given)
                return given;
        return !string_empty(getenv(upper)) ? getenv(upper) : getenv(lower);
}

/* One entry of the list, without blanks. */
static bool entry_matches(const char *entry, const char *host, const char *port)
{
        cleanup_free char *name = NULL, *entry_port = NULL;
        const char *suffix;
        size_t have = strlen(host), want;

        if (streq(entry, "*"))
                return true;
        if (strchr(entry, '/'))
                return address_in(host, entry);
        host_split(entry, &name, &entry_port);
        if (entry_port && !streq(entry_port, port))
                return false;
        suffix = name + (*name == '*' && name[1] == '.');
        if (*suffix != '.' && strcasecmp(suffix, host) == 0)
                return true;
        /* "example.com" means its subdomains too, ".example.com" only those. */
        suffix += *suffix == '.';
        want = strlen(suffix);
        return want && have > want && host[have - want - 1] == '.' &&
               strcasecmp(host + have - want, suffix) == 0;
}

bool proxy_bypassed(const char *no_proxy, const char *host, const char *port)
{
        cleanup_strv char **entries = strv_split(no_proxy, ',');

        if (host_is_loopback(host))
                return true;
        for (size_t i = 0; entries[i]; i++) {
                const char *start = entries[i] + strspn(entries[i], " \t");
                cleanup_free char *entry = xstrndup(start, strcspn(start, " \t"));

                if (*entry && entry_matches(entry, host, port))
                        return true;
        }
        return false;
}

char *proxy_for(const struct proxy_settings *settings, const char *url)
{
        bool https = string_after(url, "https://") != NULL;
        const char *proxy = https ? setting(settings->https, "HTTPS_PROXY", "https_proxy")
                                  : setting(settings->http, "HTTP_PROXY", "http_proxy");
        const char *none = setting(settings->none, "NO_PROXY", "no_proxy");
        cleanup_free char *origin = url_origin(url), *host = NULL, *port = NULL;

        if (string_empty(proxy) || !origin)
                return NULL;
        host_split(strstr(origin, "://") + 3, &host, &port);
        if (proxy_bypassed(none ? none : "", host, port ? port : https ? "443" : "80"))
                return NULL;
        return strstr(proxy, "://") ? xstrdup(proxy) : string_format("http://%s", proxy);
}
