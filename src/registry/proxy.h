/* Which proxy a request goes through. Pure but for the environment. Source: Go's
 * golang.org/x/net/http/httpproxy, whose rules dockerd's users know. */
#pragma once

#include "base/str.h"

struct proxy_settings {
        const char *http, *https,
            *none; /* NULL: HTTP_PROXY, HTTPS_PROXY, NO_PROXY of the environment, in either case */
};

/* The proxy's URL for a request to `url`, or NULL for none; heap. */
char *proxy_for(const struct proxy_settings *settings, const char *url);
/* Does an entry of NO_PROXY ("*", "example.com", ".example.com", "10.0.0.0/8", "host:8080") mean this host
 * and port? */
bool proxy_bypassed(const char *no_proxy, const char *host, const char *port);
