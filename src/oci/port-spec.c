#include "oci/port-spec.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <ctype.h>

struct range {
        unsigned first, last;
};

static int parse_number(const char *text, size_t len, unsigned *ret)
{
        unsigned value = 0;

        if (len == 0)
                return -1;
        for (size_t i = 0; i < len; i++) {
                if (!isdigit((unsigned char)text[i]))
                        return -1;
                value = value * 10 + (unsigned)(text[i] - '0');
                if (value > UINT16_MAX)
                        return -1;
        }
        *ret = value;
        return 0;
}

/* "80", "80-90". */
static int parse_range(const char *text, struct range *ret)
{
        size_t first = strcspn(text, "-"), last;

        if (parse_number(text, first, &ret->first) < 0)
                return -1;
        ret->last = ret->first;
        if (!text[first])
                return 0;
        last = strcspn(text + first + 1, "-");
        return parse_number(text + first + 1, last, &ret->last) < 0 || ret->last < ret->first ? -1 : 0;
}

static bool is_address(const char *text)
{
        struct in6_addr address;

        return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

/* Takes the brackets off in place. */
static int check_address(char *ip, struct error *err)
{
        size_t len = strlen(ip);

        if (len > 2 && *ip == '[' && ip[len - 1] == ']') {
                memmove(ip, ip + 1, len - 2);
                ip[len - 2] = 0;
        } else if (strchr(ip, ':')) {
                return error_set(err, ERROR_INVALID,
                                 "Invalid ip address %s: address %s:: too many colons in address", ip, ip);
        }
        return *ip && !is_address(ip) ? error_set(err, ERROR_INVALID, "Invalid ip address: %s", ip) : 0;
}

struct parts {
        char *ip, *host, *container; /* borrowed */
        char *protocol;
};

/* Cuts `text` at its last two colons and at the slash behind them; "" is what isn't there. */
static void split_parts(char *text, struct parts *ret)
{
        static char nothing[] = "", tcp[] = "tcp";
        char *last = strrchr(text, ':'), *slash;

        *ret = (struct parts){ nothing, nothing, last ? last + 1 : text, tcp };
        if (last) {
                *last = 0;
                last = strrchr(text, ':');
                ret->host = last ? last + 1 : text;
                if (last) {
                        *last = 0;
                        ret->ip = text;
                }
        }
        slash = strchr(ret->container, '/');
        if (!slash)
                return;
        *slash++ = 0;
        slash[strcspn(slash, "/")] = 0;
        if (*slash)
                ret->protocol = slash;
}

static int read_ranges(const char *text, const struct parts *parts, struct range *container,
                       struct range *host, struct error *err)
{
        if (!*parts->container)
                return error_set(err, ERROR_INVALID, "No port specified: %s<empty>", text);
        if (parse_range(parts->container, container) < 0)
                return error_set(err, ERROR_INVALID, "Invalid containerPort: %s", parts->container);
        if (*parts->host && parse_range(parts->host, host) < 0)
                return error_set(err, ERROR_INVALID, "Invalid hostPort: %s", parts->host);
        /* A range of host ports for one container port: the engine takes a free one of them. */
        if (*parts->host && container->first != container->last &&
            container->last - container->first != host->last - host->first)
                return error_set(err, ERROR_INVALID,
                                 "Invalid ranges specified for container and host Ports: %s and %s",
                                 parts->container, parts->host);
        if (strcasecmp(parts->protocol, "tcp") != 0 && strcasecmp(parts->protocol, "udp") != 0 &&
            strcasecmp(parts->protocol, "sctp") != 0)
                return error_set(err, ERROR_INVALID, "Invalid proto: %s", parts->protocol);
        return 0;
}

int port_spec_parse(const char *text, struct port_spec **ret, size_t *ret_count, struct error *err)
{
        cleanup_free char *copy = xstrdup(text);
        struct range container, host = {};
        struct port_spec *specs = NULL;
        struct parts parts;
        size_t count = 0;

        split_parts(copy, &parts);
        if (check_address(parts.ip, err) < 0 || read_ranges(text, &parts, &container, &host, err) < 0)
                return -1;
        for (char *p = parts.protocol; *p; p++)
                *p = (char)tolower((unsigned char)*p);
        for (unsigned i = 0; i <= container.last - container.first; i++) {
                struct port_spec spec = { .ip = *parts.ip ? xstrdup(parts.ip) : NULL,
                                          .port = (uint16_t)(container.first + i),
                                          .protocol = xstrdup(parts.protocol) };

                if (*parts.host && container.first == container.last && host.first != host.last)
                        spec.published = string_format("%u-%u", host.first, host.last);
                else if (*parts.host)
                        spec.published = string_format("%u", host.first + i);
                ARRAY_APPEND(specs, count, spec);
        }
        *ret = specs;
        *ret_count = count;
        return 0;
}

void port_specs_free(struct port_spec *specs, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                free(specs[i].ip);
                free(specs[i].published);
                free(specs[i].protocol);
        }
        free(specs);
}
