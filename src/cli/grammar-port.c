/* -p, --expose. */
#include "cli/container-grammar.h"

#include <ctype.h>

static int parse_port_number(const char *text, size_t len, int *ret)
{
        int value = 0;

        if (len == 0 || len > 5)
                return -1;
        for (size_t i = 0; i < len; i++) {
                if (!isdigit((unsigned char)text[i]))
                        return -1;
                value = value * 10 + (text[i] - '0');
        }
        if (value > 65535)
                return -1;
        *ret = value;
        return 0;
}

/* "80", "80-90". */
static int parse_range(const char *text, int *first, int *last)
{
        const char *dash = strchr(text, '-');

        if (!dash)
                return parse_port_number(text, strlen(text), first) < 0 ? -1 : (*last = *first, 0);
        if (parse_port_number(text, (size_t)(dash - text), first) < 0 ||
            parse_port_number(dash + 1, strlen(dash + 1), last) < 0 || *last < *first)
                return -1;
        return 0;
}

static struct port_map_entry *port_entry(struct host_config *h, const char *port)
{
        for (size_t i = 0; i < h->n_port_bindings; i++)
                if (streq(h->port_bindings[i].port, port))
                        return &h->port_bindings[i];
        ARRAY_APPEND(h->port_bindings, h->n_port_bindings,
                     ((struct port_map_entry){ .port = xstrdup(port) }));
        return &h->port_bindings[h->n_port_bindings - 1];
}

static void add_exposed(struct container_config *c, const char *port)
{
        if (!strv_contains(c->exposed_ports, port))
                strv_append(&c->exposed_ports, port);
}

static int bad_publish(const char *text, const char *what, struct error *err)
{
        return error_set(err, ERROR_INVALID, "Invalid %s: %s", what, text);
}

static int publish_parts(const char *full, const char *ip, const char *host, const char *container,
                         const char *protocol, struct container_config *c, struct host_config *h,
                         struct error *err)
{
        int first, last, host_first = 0, host_last = 0;
        bool spread;

        if (string_empty(container))
                return error_set(err, ERROR_INVALID, "No port specified: %s<empty>", full);
        if (parse_range(container, &first, &last) < 0 || first == 0)
                return bad_publish(container, "containerPort", err);
        if (!string_empty(host) && parse_range(host, &host_first, &host_last) < 0)
                return bad_publish(host, "hostPort", err);
        spread = !string_empty(host) && host_last - host_first != last - first;
        /* A range of host ports for one container port: the engine takes a free one of them. */
        if (spread && first != last)
                return error_set(err, ERROR_INVALID,
                                 "Invalid ranges specified for container and host Ports: %s and %s",
                                 container, host);
        if (!streq(protocol, "tcp") && !streq(protocol, "udp") && !streq(protocol, "sctp"))
                return error_set(err, ERROR_INVALID, "Invalid proto: %s", protocol);
        for (int i = 0; i <= last - first; i++) {
                cleanup_free char *port = string_format("%d/%s", first + i, protocol);
                struct port_map_entry *entry = port_entry(h, port);
                struct port_binding binding = { .host_ip = xstrdup(ip) };

                binding.host_port = string_empty(host) ? xstrdup("")
                                    : spread           ? xstrdup(host)
                                                       : string_format("%d", host_first + i);
                ARRAY_APPEND(entry->bindings, entry->count, binding);
                add_exposed(c, port);
        }
        return 0;
}

/* [ip:][host[-range]:]container[-range][/protocol]; an IPv6 address stands in brackets. */
static int publish_one(const char *text, struct container_config *c, struct host_config *h, struct error *err)
{
        cleanup_free char *copy = xstrdup(text), *protocol = xstrdup("tcp"), *ip = xstrdup(""),
                          *host = xstrdup("");
        bool bare = false; /* an IPv6 address without its brackets */
        char *slash = strchr(copy, '/'), *last, *rest;

        if (slash) {
                free(protocol);
                protocol = xstrndup(slash + 1, strcspn(slash + 1, "/"));
                for (char *p = protocol; *p; p++)
                        *p = (char)tolower((unsigned char)*p);
                *slash = 0;
        }
        last = strrchr(copy, ':');
        if (!last)
                return publish_parts(text, "", "", copy, protocol, c, h, err);
        *last++ = 0;
        rest = strrchr(copy, ':');
        if (*copy == '[' && (!rest || rest < strchr(copy, ']') || !strchr(copy, ']'))) {
                /* "[::1]:80": an address without a host port. */
                rest = NULL;
        }
        if (rest) {
                *rest++ = 0;
                replace_string(&host, rest);
                replace_string(&ip, copy);
                bare = *ip != '[' && strchr(ip, ':');
        } else if (*copy == '[') {
                replace_string(&ip, copy);
        } else {
                replace_string(&host, copy);
        }
        if (*ip == '[' && string_ends_with(ip, "]")) {
                char *inner = xstrndup(ip + 1, strlen(ip) - 2);

                free(ip);
                ip = inner;
        }
        if (bare || (*ip && !grammar_is_ip(ip) && strchr(ip, ':')))
                return error_set(err, ERROR_INVALID,
                                 "Invalid ip address %s: address %s:: too many colons in address", ip, ip);
        if (*ip && !grammar_is_ip(ip))
                return error_set(err, ERROR_INVALID, "Invalid ip address: %s", ip);
        return publish_parts(text, ip, host, last, protocol, c, h, err);
}

static int bad_expose(const char *text, const char *range, struct error *err)
{
        const char *dash = strchr(range, '-');
        cleanup_free char *part = NULL;
        int first, last;

        if (!*range)
                return error_set(err, ERROR_INVALID,
                                 "invalid range format for --expose: %s, error: Empty string specified for "
                                 "ports.",
                                 text);
        if (dash && parse_port_number(range, (size_t)(dash - range), &first) == 0 &&
            parse_port_number(dash + 1, strlen(dash + 1), &last) == 0)
                return error_set(err, ERROR_INVALID,
                                 "invalid range format for --expose: %s, error: Invalid range specified for "
                                 "the Port: %s",
                                 text, range);
        part = dash && parse_port_number(range, (size_t)(dash - range), &first) == 0
                   ? xstrdup(dash + 1)
                   : xstrndup(range, dash ? (size_t)(dash - range) : strlen(range));
        return error_set(
            err, ERROR_INVALID,
            "invalid range format for --expose: %s, error: strconv.ParseUint: parsing \"%s\": %s", text, part,
            *part && strspn(part, "0123456789") == strlen(part) ? "value out of range" : "invalid syntax");
}

static int expose_one(const char *text, struct container_config *c, struct error *err)
{
        const char *slash = strchr(text, '/');
        cleanup_free char *range = slash ? xstrndup(text, (size_t)(slash - text)) : xstrdup(text),
                          *protocol = xstrdup(slash ? slash + 1 : "tcp");
        int first, last;

        if (strchr(text, ':'))
                return error_set(err, ERROR_INVALID, "invalid port format for --expose: %s", text);
        if (parse_range(range, &first, &last) < 0)
                return bad_expose(text, range, err);
        for (int i = first; i <= last; i++) {
                cleanup_free char *port = string_format("%d/%s", i, protocol);

                add_exposed(c, port);
        }
        return 0;
}

/* "published=8080,target=80,protocol=udp" → "8080:80/udp"; what has no '=' stays. */
static int publish_short_form(const char *text, char **ret, struct error *err)
{
        cleanup_strv char **fields = NULL;
        cleanup_strmap struct strmap given = {};
        const char *published, *target, *protocol;

        if (!strchr(text, '=')) {
                *ret = xstrdup(text);
                return 0;
        }
        fields = strv_split(text, ',');
        for (size_t i = 0; fields[i]; i++) {
                if (!strchr(fields[i], '=') || *fields[i] == '=')
                        return error_set(err, ERROR_INVALID,
                                         "invalid publish opts format (should be name=value but got '%s')",
                                         fields[i]);
                grammar_set_pair(&given, fields[i]);
        }
        published = strmap_get(&given, "published");
        target = strmap_get(&given, "target");
        protocol = strmap_get(&given, "protocol");
        *ret = string_format("%s:%s/%s", published ? published : "", target ? target : "",
                             protocol ? protocol : "tcp");
        return 0;
}

int grammar_ports(char *const *publish, char *const *expose, struct container_config *c,
                  struct host_config *h, struct error *err)
{
        for (; publish && *publish; publish++) {
                cleanup_free char *text = NULL;

                if (publish_short_form(*publish, &text, err) < 0 || publish_one(text, c, h, err) < 0)
                        return -1;
        }
        for (; expose && *expose; expose++)
                if (expose_one(*expose, c, err) < 0)
                        return -1;
        return 0;
}
