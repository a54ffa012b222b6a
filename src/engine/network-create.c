/* POST /networks/create. */
#include "engine/network-internal.h"

#include "base/time.h"

#include <linux/if_link.h>

struct ipam_entry {
        char *subnet, *ip_range, *gateway;
        struct strmap aux;
};
#define STRUCT struct ipam_entry
static const struct json_field ipam_entry_fields[] = {
        JSON_FIELD("Subnet", STRUCT, subnet, JSON_STRING),
        JSON_FIELD("IPRange", STRUCT, ip_range, JSON_STRING),
        JSON_FIELD("Gateway", STRUCT, gateway, JSON_STRING),
        JSON_FIELD("AuxiliaryAddresses", STRUCT, aux, JSON_STRMAP),
};
static const struct json_table ipam_entry_table = JSON_TABLE(STRUCT, ipam_entry_fields);
#undef STRUCT

struct ipam_request {
        char *driver;
        struct strmap options;
        struct ipam_entry *config;
        size_t n_config;
};
#define STRUCT struct ipam_request
static const struct json_field ipam_fields[] = {
        JSON_FIELD("Driver", STRUCT, driver, JSON_STRING),
        JSON_FIELD("Options", STRUCT, options, JSON_STRMAP),
        JSON_FIELD_ARRAY("Config", STRUCT, config, n_config, JSON_ARRAY, ipam_entry_table),
};
static const struct json_table ipam_table = JSON_TABLE(STRUCT, ipam_fields);
#undef STRUCT

struct create_request {
        char *name, *driver, *scope;
        bool internal, attachable, ingress, config_only;
        bool *ipv4, *ipv6;
        struct ipam_request *ipam;
        struct strmap options, labels;
        json_object *config_from;
};
#define STRUCT struct create_request
static const struct json_field create_fields[] = {
        JSON_FIELD("Name", STRUCT, name, JSON_STRING),
        JSON_FIELD("Driver", STRUCT, driver, JSON_STRING),
        JSON_FIELD("Scope", STRUCT, scope, JSON_STRING),
        JSON_FIELD("Internal", STRUCT, internal, JSON_BOOL),
        JSON_FIELD("Attachable", STRUCT, attachable, JSON_BOOL),
        JSON_FIELD("Ingress", STRUCT, ingress, JSON_BOOL),
        JSON_FIELD("ConfigOnly", STRUCT, config_only, JSON_BOOL),
        JSON_FIELD("ConfigFrom", STRUCT, config_from, JSON_RAW),
        JSON_FIELD("EnableIPv4", STRUCT, ipv4, JSON_BOOL_PTR),
        JSON_FIELD("EnableIPv6", STRUCT, ipv6, JSON_BOOL_PTR),
        JSON_FIELD_STRUCT("IPAM", STRUCT, ipam, JSON_STRUCT_PTR, ipam_table),
        JSON_FIELD("Options", STRUCT, options, JSON_STRMAP),
        JSON_FIELD("Labels", STRUCT, labels, JSON_STRMAP),
};
static const struct json_table create_table = JSON_TABLE(STRUCT, create_fields);
#undef STRUCT

/* ---- Checks ---- */

static int check_aux(const struct ipam_entry *e, const struct ip_prefix *subnet, char ***problems)
{
        for (size_t i = 0; i < e->aux.count; i++) {
                struct ip_address a;

                if (ip_address_parse(e->aux.pairs[i].value, &a) < 0)
                        strv_append_take(problems,
                                         string_format("invalid auxiliary address %s: invalid address",
                                                       e->aux.pairs[i].key));
                else if (!ip_prefix_contains(subnet, &a))
                        strv_append_take(
                            problems,
                            string_format("invalid auxiliary address %s: parent subnet %s doesn't contain "
                                          "this address",
                                          e->aux.pairs[i].key, e->subnet));
        }
        return 0;
}

static void check_range(const struct ipam_entry *e, const struct ip_prefix *subnet, char ***problems)
{
        struct ip_prefix range;

        if (string_empty(e->ip_range))
                return;
        if (ip_prefix_parse(e->ip_range, &range) < 0)
                strv_append_take(
                    problems, string_format("invalid ip-range %s: invalid CIDR block notation", e->ip_range));
        else if (range.address.family != subnet->address.family || range.length < subnet->length ||
                 !ip_prefix_contains(subnet, &range.address))
                strv_append_take(
                    problems, string_format("invalid ip-range %s: parent subnet %s doesn't contain ip-range",
                                            e->ip_range, e->subnet));
}

static void check_gateway(const struct ipam_entry *e, const struct ip_prefix *subnet, char ***problems)
{
        struct ip_address gateway;

        if (string_empty(e->gateway))
                return;
        if (ip_address_parse(e->gateway, &gateway) < 0)
                strv_append_take(problems, string_format("invalid gateway %s: invalid address", e->gateway));
        else if (!ip_prefix_contains(subnet, &gateway))
                strv_append_take(problems,
                                 string_format("invalid gateway %s: parent subnet %s doesn't contain this "
                                               "address",
                                               e->gateway, e->subnet));
}

static void check_entry(const struct ipam_entry *e, char ***problems)
{
        struct ip_prefix subnet, network;
        char text[IP_TEXT_SIZE];

        if (string_empty(e->subnet) || ip_prefix_parse(e->subnet, &subnet) < 0) {
                strv_append_take(problems, string_format("invalid subnet %s: invalid CIDR block notation",
                                                         e->subnet ? e->subnet : ""));
                return;
        }
        network = ip_prefix_network(&subnet);
        if (ip_address_compare(&network.address, &subnet.address) != 0)
                strv_append_take(problems, string_format("invalid subnet %s: it should be %s", e->subnet,
                                                         ip_prefix_format(&network, text)));
        check_range(e, &subnet, problems);
        check_gateway(e, &subnet, problems);
        check_aux(e, &subnet, problems);
}

static int check_ipam(const struct ipam_request *ipam, struct error *err)
{
        cleanup_strv char **problems = NULL;
        cleanup_free char *joined = NULL;

        if (!ipam)
                return 0;
        if (!string_empty(ipam->driver) && !streq(ipam->driver, "default") && !streq(ipam->driver, "null"))
                return error_set(err, ERROR_NOT_FOUND, "plugin \"%s\" not found", ipam->driver);
        for (size_t i = 0; i < ipam->n_config; i++)
                check_entry(&ipam->config[i], &problems);
        if (!problems)
                return 0;
        joined = strv_join(problems, "\n* ");
        return error_set(err, ERROR_INVALID, "invalid network config:\n%s%s", problems[1] ? "* " : "",
                         joined);
}

static const char *config_from(const struct create_request *q)
{
        const char *name = q->config_from ? json_get_string(q->config_from, "Network") : NULL;

        return string_empty(name) ? NULL : name;
}

static int check_driver(const struct create_request *q, struct error *err)
{
        static const char *const drivers[] = { "bridge", "macvlan", "ipvlan" };
        bool known = string_empty(q->driver);

        if (q->ingress)
                return error_set(err, ERROR_FORBIDDEN, "Ingress network can only be global scope network");
        if (streq(q->scope, "swarm"))
                return error_set(err, ERROR_FORBIDDEN,
                                 "cannot create a swarm scoped network when swarm is not active");
        if (streq(q->driver, "host") || streq(q->driver, "null"))
                return error_set(err, ERROR_FORBIDDEN, "only one instance of \"%s\" network is allowed",
                                 q->driver);
        for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
                known = known || streq(q->driver, drivers[i]);
        if (!known)
                return error_set(err, ERROR_NOT_FOUND, "plugin \"%s\" not found", q->driver);
        return 0;
}

/* A network made from a configuration has nothing of its own. */
static int check_config_from(struct networks *nets, const struct create_request *q, struct error *err)
{
        const char *name = config_from(q);
        const struct network_record *from = name ? network_find_exact(nets, name) : NULL;
        bool own = q->options.count > 0 || q->labels.count > 0 || (q->ipv6 && *q->ipv6) ||
                   (q->ipam && (q->ipam->n_config > 0 || q->ipam->options.count > 0));

        if (!name)
                return 0;
        if (q->config_only)
                return error_set(err, ERROR_FORBIDDEN,
                                 "a configuration network cannot depend on another configuration network");
        if (!from || !from->config_only)
                return error_set(err, ERROR_FORBIDDEN, "configuration network \"%s\" does not exist", name);
        if (own)
                return error_set(err, ERROR_FORBIDDEN,
                                 "user specified configurations are not supported if the network depends on "
                                 "a configuration network");
        return 0;
}

static int check_request(struct networks *nets, const struct create_request *q, struct error *err)
{
        static const char *const predefined[] = { "bridge", "host", "none", "default" };

        if (string_empty(q->name))
                return error_set(err, ERROR_INVALID, "invalid name: name is empty");
        for (size_t i = 0; i < ARRAY_SIZE(predefined); i++)
                if (streq(q->name, predefined[i]))
                        return error_set(err, ERROR_FORBIDDEN,
                                         "operation is not permitted on predefined %s network ", q->name);
        if (q->ipv4 && !*q->ipv4 && !(q->ipv6 && *q->ipv6))
                return error_set(err, ERROR_INVALID, "IPv4 or IPv6 must be enabled");
        if (network_find_exact(nets, q->name))
                return error_set(err, ERROR_CONFLICT, "network with name %s already exists", q->name);
        if (check_driver(q, err) < 0 || check_config_from(nets, q, err) < 0)
                return -1;
        return check_ipam(q->ipam, err);
}

/* ---- Subnets ---- */

/* Unless the host has no place in it. */
static void choose_gateway(const struct network_record *r, struct network_subnet *s)
{
        struct ip_prefix subnet;
        struct ip_address gateway;
        char text[IP_TEXT_SIZE];
        bool six;

        if (!string_empty(s->gateway) || ip_prefix_parse(s->subnet, &subnet) < 0)
                return;
        six = subnet.address.family == AF_INET6;
        if (streq(r->driver, "bridge") && r->internal &&
            streq(strmap_get(&r->options, six ? OPTION_GATEWAY_MODE6 : OPTION_GATEWAY_MODE), "isolated"))
                return;
        /* The first address that isn't reserved by the user. */
        for (uint64_t n = 1;; n++) {
                bool reserved = false;

                gateway = ip_address_add(&subnet.address, n);
                ip_address_format(&gateway, text);
                for (size_t i = 0; i < s->aux.count; i++)
                        reserved = reserved || streq(s->aux.pairs[i].value, text);
                if (!reserved)
                        break;
        }
        s->gateway = xstrdup(text);
        s->gateway_chosen = true;
}

static int check_overlap(struct networks *nets, const char *subnet, struct error *err)
{
        struct ip_prefix *taken = NULL, wanted;
        size_t count = 0;
        int r = 0;

        ip_prefix_parse(subnet, &wanted);
        network_taken_prefixes(nets, false, &taken, &count, NULL);
        for (size_t i = 0; i < count; i++)
                if (ip_prefix_overlap(&taken[i], &wanted))
                        r = -1;
        free(taken);
        return r == 0 ? 0
                      : error_set(err, ERROR_FORBIDDEN,
                                  "invalid pool request: Pool overlaps with other one on this address space");
}

/* A subnet for a family that was asked for without one. */
static int choose_subnet(struct networks *nets, struct network_record *r, int family, struct error *err)
{
        struct network_subnet s = { .subnet_chosen = true };
        struct ip_prefix *taken = NULL, subnet;
        size_t count = 0;
        char text[IP_TEXT_SIZE];
        int result = network_taken_prefixes(nets, true, &taken, &count, err);

        if (result == 0)
                result = ipam_choose_subnet(nets->pools, nets->n_pools, family, taken, count, &subnet, err);
        free(taken);
        if (result < 0 && family == AF_INET6 && error_is(err, ERROR_FORBIDDEN)) {
                error_clear(err);
                ipam_unique_local(r->id, &subnet);
                result = 0;
        }
        if (result < 0)
                return -1;
        s.subnet = xstrdup(ip_prefix_format(&subnet, text));
        choose_gateway(r, &s);
        s.gateway_chosen = false; /* shown */
        /* IPv4's comes first. */
        ARRAY_APPEND(r->subnets, r->n_subnets, s);
        if (family == AF_INET && r->n_subnets > 1) {
                memmove(r->subnets + 1, r->subnets, (r->n_subnets - 1) * sizeof(s));
                r->subnets[0] = s;
        }
        return 0;
}

static int add_subnets(struct networks *nets, const struct ipam_request *ipam, struct network_record *r,
                       struct error *err)
{
        bool have[2] = { false, false };

        if (streq(r->ipam_driver, "null"))
                return streq(r->driver, "bridge") ? error_set(err, ERROR_INVALID, "ipv4 pool is empty") : 0;
        /* Docker shows IPv4's before IPv6's. */
        for (int six = 0; six < 2; six++)
                for (size_t i = 0; ipam && i < ipam->n_config; i++) {
                        const struct ipam_entry *e = &ipam->config[i];
                        struct network_subnet s = { 0 };

                        if ((strchr(e->subnet, ':') != NULL) != six || (six ? !r->ipv6 : !r->ipv4))
                                continue;
                        if (!r->config_only && check_overlap(nets, e->subnet, err) < 0)
                                return -1;
                        s = (struct network_subnet){ .subnet = xstrdup(e->subnet),
                                                     .ip_range = xstrdup(e->ip_range),
                                                     .gateway = xstrdup(e->gateway) };
                        strmap_copy(&s.aux, &e->aux);
                        choose_gateway(r, &s);
                        ARRAY_APPEND(r->subnets, r->n_subnets, s);
                        have[six] = true;
                }
        if (r->config_only)
                return 0;
        if (r->ipv4 && !have[0] && choose_subnet(nets, r, AF_INET, err) < 0)
                return -1;
        if (r->ipv6 && !have[1] && choose_subnet(nets, r, AF_INET6, err) < 0)
                return -1;
        return 0;
}

/* ---- Create ---- */

static struct network_record *record_from(const struct create_request *q)
{
        struct network_record *r = xcalloc(1, sizeof(*r));
        const char *ipam = q->ipam && !string_empty(q->ipam->driver) ? q->ipam->driver : "default";

        *r = (struct network_record){ .name = xstrdup(q->name),
                                      .id = network_random_id(),
                                      .created = time_now(),
                                      .driver = xstrdup(q->config_only            ? "null"
                                                        : string_empty(q->driver) ? "bridge"
                                                                                  : q->driver),
                                      .ipv4 = !q->ipv4 || *q->ipv4,
                                      .ipv6 = q->ipv6 && *q->ipv6,
                                      .internal = q->internal,
                                      .attachable = q->attachable,
                                      .config_only = q->config_only,
                                      .config_from = xstrdup(config_from(q)),
                                      .ipam_driver = xstrdup(ipam) };
        if (q->ipam)
                strmap_copy(&r->ipam_options, &q->ipam->options);
        strmap_copy(&r->options, &q->options);
        strmap_copy(&r->labels, &q->labels);
        r->options.given = r->labels.given = true;
        strmap_sort(&r->options);
        strmap_sort(&r->labels);
        return r;
}

/* What a configuration says becomes the request's. */
static struct ipam_request *take_configuration(struct networks *nets, struct network_record *r)
{
        const struct network_record *from = network_find_exact(nets, r->config_from);
        struct ipam_request *ipam = xcalloc(1, sizeof(*ipam));

        r->ipv4 = from->ipv4;
        r->ipv6 = from->ipv6;
        r->internal = from->internal;
        strmap_copy(&r->ipam_options, &from->ipam_options);
        strmap_copy(&r->options, &from->options);
        strmap_copy(&r->labels, &from->labels);
        for (size_t i = 0; i < from->n_subnets; i++) {
                const struct network_subnet *s = &from->subnets[i];
                struct ipam_entry e = { .subnet = xstrdup(s->subnet),
                                        .ip_range = xstrdup(s->ip_range),
                                        .gateway = s->gateway_chosen ? NULL : xstrdup(s->gateway) };

                strmap_copy(&e.aux, &s->aux);
                ARRAY_APPEND(ipam->config, ipam->n_config, e);
        }
        return ipam;
}

static int add_all_subnets(struct networks *nets, const struct create_request *q, struct network_record *r,
                           struct error *err)
{
        struct ipam_request *ipam;
        int result;

        if (!r->config_from)
                return add_subnets(nets, q->ipam, r, err);
        ipam = take_configuration(nets, r);
        result = add_subnets(nets, ipam, r, err);
        json_free_fields(&ipam_table, ipam);
        free(ipam);
        return result;
}

/* Of one parent interface there is one network when one of them passes it through. */
static int check_parent(struct networks *nets, const struct network_record *r, struct error *err)
{
        for (size_t i = 0; i < nets->n_records; i++) {
                const struct network_record *other = nets->records[i];

                if (!streq(other->driver, r->driver) || !streq(other->bridge, r->bridge))
                        continue;
                if (streq(r->driver, "macvlan") &&
                    (r->mode == MACVLAN_MODE_PASSTHRU || other->mode == MACVLAN_MODE_PASSTHRU))
                        return error_set(err, ERROR_FORBIDDEN,
                                         "cannot use mode passthru, macvlan network %s is already using "
                                         "parent interface %s",
                                         other->name, r->bridge);
        }
        return 0;
}

static int check_bridge_name(struct networks *nets, const struct network_record *r, struct error *err)
{
        for (size_t i = 0; i < nets->n_records; i++)
                if (streq(r->kind, "veth") && streq(nets->records[i]->bridge, r->bridge))
                        return error_set(
                            err, ERROR_FORBIDDEN,
                            "cannot create network %s (%s): conflicts with network %s (%s): networks have "
                            "same bridge name",
                            r->id, r->bridge, nets->records[i]->id, r->bridge);
        return 0;
}

static int create_locked(struct networks *nets, const struct create_request *q, char **ret_id,
                         struct error *err)
{
        cleanup_network_record struct network_record *r = NULL;
        struct network_record *kept;

        if (check_request(nets, q, err) < 0)
                return -1;
        r = record_from(q);
        if (add_all_subnets(nets, q, r, err) < 0 || network_record_complete(nets, r, err) < 0 ||
            check_bridge_name(nets, r, err) < 0 || check_parent(nets, r, err) < 0 ||
            network_parent_check(nets, r, err) < 0)
                return -1;
        kept = r;
        if (network_record_insert(nets, r, err) < 0)
                return -1;
        r = NULL;
        if (network_up(nets, kept, err) < 0) {
                network_record_delete(nets, kept, NULL);
                return -1;
        }
        network_event(nets, kept, "create", NULL);
        *ret_id = xstrdup(kept->id);
        return 0;
}

int network_create(struct networks *nets, json_object *request, json_object **ret, struct error *err)
{
        struct create_request q = { 0 };
        cleanup_free char *id = NULL;
        int r = json_bind(&create_table, request, &q, err);

        if (r == 0) {
                pthread_mutex_lock(&nets->lock);
                r = create_locked(nets, &q, &id, err);
                pthread_mutex_unlock(&nets->lock);
        }
        json_free_fields(&create_table, &q);
        if (r < 0)
                return -1;
        *ret = json_object_new_object();
        json_set_string(*ret, "Id", id);
        json_set_string(*ret, "Warning", "");
        return 0;
}
