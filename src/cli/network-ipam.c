#include "cli/network-ipam.h"
#include "base/json.h"

#include <arpa/inet.h>

struct prefix {
        int family;
        unsigned char address[16];
        int bits;
};

static int parse_address(const char *text, struct prefix *ret)
{
        *ret = (struct prefix){ .family = strchr(text, ':') ? AF_INET6 : AF_INET };
        ret->bits = ret->family == AF_INET6 ? 128 : 32;
        return inet_pton(ret->family, text, ret->address) == 1 ? 0 : -1;
}

static int parse_cidr(const char *text, struct prefix *ret)
{
        const char *slash = strchr(text, '/');
        cleanup_free char *address = slash ? xstrndup(text, (size_t)(slash - text)) : NULL;
        uint64_t bits;

        if (!slash || parse_address(address, ret) < 0 || string_to_uint64(slash + 1, &bits, NULL) < 0 ||
            bits > (uint64_t)ret->bits)
                return -1;
        ret->bits = (int)bits;
        return 0;
}

static bool contains(const struct prefix *net, const struct prefix *address)
{
        int whole = net->bits / 8, rest = net->bits % 8;

        if (net->family != address->family || memcmp(net->address, address->address, (size_t)whole) != 0)
                return false;
        return !rest || (net->address[whole] ^ address->address[whole]) >> (8 - rest) == 0;
}

/* Is `text` (an address or a prefix) within the subnet? -1: one of them is none. */
static int subnet_matches(const char *subnet, const char *text, struct error *err)
{
        struct prefix net, other;

        if (parse_cidr(subnet, &net) < 0)
                return error_set(err, ERROR_INVALID, "invalid subnet: invalid CIDR address: %s", subnet);
        if (strchr(text, '/') ? parse_cidr(text, &other) < 0 : parse_address(text, &other) < 0)
                return strchr(text, '/') ? error_set(err, ERROR_INVALID, "invalid CIDR address: %s", text)
                                         : 0;
        return contains(&net, &other);
}

static int check_overlap(char *const *subnets, struct error *err)
{
        for (size_t i = 0; subnets && subnets[i]; i++)
                for (size_t j = 0; j < i; j++) {
                        int a = subnet_matches(subnets[j], subnets[i], err),
                            b = a < 0 ? -1 : subnet_matches(subnets[i], subnets[j], err);

                        if (a < 0 || b < 0)
                                return -1;
                        if (a || b)
                                return error_set(
                                    err, ERROR_INVALID,
                                    "multiple overlapping subnet configuration is not supported");
                }
        return 0;
}

/* The entry whose subnet holds `text`; NULL with `err` when there is none. */
static json_object *entry_for(json_object *list, const char *text, const char *what, struct error *err)
{
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                json_object *entry = json_object_array_get_idx(list, i);
                int r = subnet_matches(json_get_string(entry, "Subnet"), text, err);

                if (r < 0)
                        return NULL;
                if (r)
                        return entry;
        }
        error_set(err, ERROR_INVALID, "no matching subnet for %s %s", what, text);
        return NULL;
}

static int place_all(json_object *list, char *const *texts, const char *member, const char *what,
                     struct error *err)
{
        for (; texts && *texts; texts++) {
                json_object *entry = entry_for(list, *texts, what, err);

                if (!entry)
                        return -1;
                if (json_get(entry, member))
                        return error_set(err, ERROR_INVALID,
                                         "cannot configure multiple %ss (%s, %s) on the same subnet (%s)",
                                         what, *texts, json_get_string(entry, member),
                                         json_get_string(entry, "Subnet"));
                json_set_string(entry, member, *texts);
        }
        return 0;
}

static int place_auxiliary(json_object *list, char *const *pairs, struct error *err)
{
        for (; pairs && *pairs; pairs++) {
                const char *equals = strchr(*pairs, '=');
                cleanup_free char *name =
                    equals ? xstrndup(*pairs, (size_t)(equals - *pairs)) : xstrdup(*pairs);
                json_object *entry = entry_for(list, equals ? equals + 1 : "", "aux-address", err), *map;

                if (!entry)
                        return -1;
                map = json_get(entry, "AuxiliaryAddresses");
                if (!map) {
                        map = json_object_new_object();
                        json_object_object_add(entry, "AuxiliaryAddresses", map);
                }
                json_set_string(map, name, equals + 1);
        }
        return 0;
}

int ipam_config(const struct ipam_options *o, json_object **ret, struct error *err)
{
        cleanup_json json_object *list = json_object_new_array();

        if (strv_length(o->subnet) < strv_length(o->ip_range) ||
            strv_length(o->subnet) < strv_length(o->gateway))
                return error_set(err, ERROR_INVALID,
                                 "every ip-range or gateway must have a corresponding subnet");
        if (check_overlap(o->subnet, err) < 0)
                return -1;
        for (char *const *s = o->subnet; s && *s; s++) {
                json_object *entry = json_object_new_object();

                json_set_string(entry, "Subnet", *s);
                json_object_array_add(list, entry);
        }
        if (place_all(list, o->ip_range, "IPRange", "range", err) < 0 ||
            place_all(list, o->gateway, "Gateway", "gateway", err) < 0 ||
            place_auxiliary(list, o->aux_address, err) < 0)
                return -1;
        *ret = take_ptr(list);
        return 0;
}
