#include "registry/url.h"

#include <ctype.h>

/* Parameters that may be shown in errors. */
static const char *const public_parameters[] = {
        "account", "client_id", "digest",        "from", "last",  "mount",
        "n",       "ns",        "offline_token", "q",    "scope", "service",
};

char *url_escape(const char *text)
{
        struct strbuf b = {};

        for (; *text; text++) {
                if (isalnum((unsigned char)*text) || strchr("-_.~", *text))
                        strbuf_addc(&b, *text);
                else
                        strbuf_addf(&b, "%%%02X", (unsigned char)*text);
        }
        return strbuf_take(&b);
}

/* The length of "https://", 0 when it is neither that nor "http://". */
static size_t scheme_length(const char *url)
{
        return string_after(url, "https://") ? 8 : string_after(url, "http://") ? 7 : 0;
}

char *url_origin(const char *url)
{
        size_t scheme = scheme_length(url), len = strcspn(url + scheme, "/?#");
        cleanup_free char *authority = NULL;
        const char *at;

        if (scheme == 0 || len == 0)
                return NULL;
        authority = xstrndup(url + scheme, len);
        at = strrchr(authority, '@');
        return string_format("%.*s%s", (int)scheme, url, at ? at + 1 : authority);
}

char *url_resolve(const char *base, const char *target)
{
        cleanup_free char *origin = url_origin(base), *path = NULL;
        const char *rest = base + scheme_length(base);
        char *slash;

        if (scheme_length(target) || !origin)
                return xstrdup(target);
        if (string_after(target, "//"))
                return string_format("%.*s%s", (int)scheme_length(base) - 2, base, target);
        if (*target == '/')
                return string_format("%s%s", origin, target);
        rest += strcspn(rest, "/?#");
        path = xstrndup(rest, strcspn(rest, "?#"));
        if (*target == '?')
                return string_format("%s%s%s", origin, path, target);
        slash = strrchr(path, '/');
        if (slash)
                slash[1] = 0;
        return string_format("%s%s%s", origin, slash ? path : "/", target);
}

static bool is_public(const char *name, size_t len)
{
        for (size_t i = 0; i < ARRAY_SIZE(public_parameters); i++)
                if (strlen(public_parameters[i]) == len && memcmp(public_parameters[i], name, len) == 0)
                        return true;
        return false;
}

char *url_public(const char *url)
{
        size_t scheme = scheme_length(url), authority = strcspn(url + scheme, "/?#");
        cleanup_free char *plain = xstrndup(url + scheme, authority);
        const char *at = strrchr(plain, '@'), *p = url + scheme + authority;
        size_t path = strcspn(p, "?#");
        struct strbuf b = {};

        strbuf_addf(&b, "%.*s%s%.*s", (int)scheme, url, at ? at + 1 : plain, (int)path, p);
        p += path;
        for (char separator = '?'; *p && *p != '#'; separator = '&') {
                size_t len = strcspn(++p, "&#"), name = strcspn(p, "=&#");

                strbuf_addc(&b, separator);
                if (name == len || is_public(p, name))
                        strbuf_add(&b, p, len);
                else
                        strbuf_addf(&b, "%.*s=xxxxx", (int)name, p);
                p += len;
        }
        return strbuf_take(&b);
}
