/* POST /networks/create, DELETE /networks/{id}, POST /networks/prune. */
#include "engine/network-internal.h"

#include "base/time.h"
#include "engine/event.h"

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
        if (!string_empty(ipam->driver) && !streq(ipam->driver, "default"))
                return error_set(err, ERROR_NOT_FOUND, "plugin \"%s\" not found", ipam->driver);
        for (size_t i = 0; i < ipam->n_config; i++)
                check_entry(&ipam->config[i], &problems);
        if (!problems)
                return 0;
        joined = strv_join(problems, "\n* ");
        return error_set(err, ERROR_INVALID, "invalid network config:\n%s%s", problems[1] ? "* " : "",
                         joined);
}

static int check_request(struct networks *nets, const struct create_request *q, struct error *err)
{
        static const char *const drivers[] = { "bridge", "macvlan", "ipvlan" };
        bool known = string_empty(q->driver);

        if (string_empty(q->name))
                return error_set(err, ERROR_INVALID, "invalid name: name is empty");
        if (streq(q->name, "bridge") || streq(q->name, "host") || streq(q->name, "none"))
                return error_set(err, ERROR_FORBIDDEN, "operation is not permitted on predefined %s network ",
                                 q->name);
        if (q->ingress || streq(q->scope, "swarm"))
                return error_set(err, ERROR_UNSUPPORTED, "swarm networks are not supported");
        if (q->config_only || (q->config_from && json_get_string(q->config_from, "Network") &&
                               *json_get_string(q->config_from, "Network")))
                return error_set(err, ERROR_UNSUPPORTED, "configuration-only networks are not supported");
        if (q->ipv4 && !*q->ipv4 && !(q->ipv6 && *q->ipv6))
                return error_set(err, ERROR_INVALID, "IPv4 or IPv6 must be enabled");
        if (network_find_exact(nets, q->name))
                return error_set(err, ERROR_CONFLICT, "network with name %s already exists", q->name);
        if (streq(q->driver, "host") || streq(q->driver, "null"))
                return error_set(err, ERROR_FORBIDDEN, "only one instance of \"%s\" network is allowed",
                                 q->driver);
        for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
                known = known || streq(q->driver, drivers[i]);
        if (!known)
                return error_set(err, ERROR_NOT_FOUND, "plugin \"%s\" not found", q->driver);
        return check_ipam(q->ipam, err);
}

/* ---- Subnets ---- */

static void choose_gateway(struct network_subnet *s)
{
        struct ip_prefix subnet;
        struct ip_address gateway;
        char text[IP_TEXT_SIZE];

        if (!string_empty(s->gateway) || ip_prefix_parse(s->subnet, &subnet) < 0)
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
        choose_gateway(&s);
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

        /* Docker shows IPv4's before IPv6's. */
        for (int six = 0; six < 2; six++)
                for (size_t i = 0; ipam && i < ipam->n_config; i++) {
                        const struct ipam_entry *e = &ipam->config[i];
                        struct network_subnet s = { 0 };

                        if ((strchr(e->subnet, ':') != NULL) != six || (six ? !r->ipv6 : !r->ipv4))
                                continue;
                        if (check_overlap(nets, e->subnet, err) < 0)
                                return -1;
                        s = (struct network_subnet){ .subnet = xstrdup(e->subnet),
                                                     .ip_range = xstrdup(e->ip_range),
                                                     .gateway = xstrdup(e->gateway) };
                        strmap_copy(&s.aux, &e->aux);
                        choose_gateway(&s);
                        ARRAY_APPEND(r->subnets, r->n_subnets, s);
                        have[six] = true;
                }
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
        bool six = q->ipv6 ? *q->ipv6 : false;

        *r = (struct network_record){ .name = xstrdup(q->name),
                                      .id = network_random_id(),
                                      .created = time_now(),
                                      .driver = xstrdup(string_empty(q->driver) ? "bridge" : q->driver),
                                      .ipv4 = !q->ipv4 || *q->ipv4,
                                      .ipv6 = six,
                                      .internal = q->internal,
                                      .attachable = q->attachable,
                                      .ipam_driver = xstrdup("default") };
        if (q->ipam)
                strmap_copy(&r->ipam_options, &q->ipam->options);
        strmap_copy(&r->options, &q->options);
        strmap_copy(&r->labels, &q->labels);
        r->options.given = r->labels.given = true;
        strmap_sort(&r->options);
        strmap_sort(&r->labels);
        return r;
}

static int check_bridge_name(struct networks *nets, const struct network_record *r, struct error *err)
{
        for (size_t i = 0; i < nets->n_records; i++)
                if (streq(r->kind, "veth") && streq(nets->records[i]->bridge, r->bridge))
                        return error_set(
                            err, ERROR_FORBIDDEN,
                            "networks have same bridge name: cannot create network %s (%s): conflicts with "
                            "network %s (%s)",
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
        if (add_subnets(nets, q->ipam, r, err) < 0 || network_record_complete(nets, r, err) < 0 ||
            check_bridge_name(nets, r, err) < 0)
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

/* ---- Remove ---- */

/* The containers that run with it: name:"x" id:"…". */
static char *active_endpoints(struct networks *nets, const struct network_record *r)
{
        struct strbuf b = { 0 };

        for (size_t i = 0; i < nets->n_members; i++)
                for (size_t k = 0; k < nets->members[i]->n_endpoints; k++) {
                        const struct endpoint *e = &nets->members[i]->endpoints[k];

                        if (e->attached && streq(e->settings.network_id, r->id))
                                strbuf_addf(&b, "%sname:\"%s\" id:\"%.12s\"", b.len ? ", " : "",
                                            nets->members[i]->name, e->settings.endpoint_id);
                }
        if (b.len == 0)
                return NULL;
        return strbuf_take(&b);
}

static int remove_locked(struct networks *nets, struct network_record *r, struct error *err)
{
        cleanup_free char *active = active_endpoints(nets, r);

        if (active)
                return error_set(err, ERROR_FORBIDDEN,
                                 "error while removing network: network %s has active endpoints (%s)",
                                 r->name, active);
        network_event(nets, r, "destroy", NULL);
        /* First from the kernel: a record without a bridge is mended at the next start, a bridge without one
         * never. */
        network_down(nets, r);
        dns_files_remove_network(nets, r);
        return network_record_delete(nets, r, err);
}

int network_remove(struct networks *nets, const char *name, struct error *err)
{
        struct network_record *r;
        int result;

        pthread_mutex_lock(&nets->lock);
        result = network_find(nets, name, &r, err);
        if (result == 0 && r->predefined)
                result = error_set(err, ERROR_FORBIDDEN, "%s is a pre-defined network and cannot be removed",
                                   r->name);
        if (result == 0)
                result = remove_locked(nets, r, err);
        pthread_mutex_unlock(&nets->lock);
        return result;
}

static int prune_until(const struct filters *filters, int64_t *ret, struct error *err)
{
        char *const *values = filters_get(filters, "until");
        int64_t age;

        *ret = INT64_MAX;
        if (!values || !*values)
                return 0;
        if (values[1])
                return error_set(err, ERROR_INVALID, "more than one until filter specified");
        if (duration_parse(*values, &age, NULL) == 0)
                *ret = time_now() - age;
        else if (time_parse_rfc3339(*values, ret, NULL) < 0)
                return error_set(err, ERROR_INVALID, "invalid filter 'until=[%s]'", *values);
        return 0;
}

static bool has_members(struct networks *nets, const struct network_record *r)
{
        for (size_t i = 0; i < nets->n_members; i++)
                if (network_member_endpoint(nets->members[i], r, r->name))
                        return true;
        return false;
}

static bool matches_prune(const struct network_record *r, const struct filters *filters)
{
        char *const *without = filters_get(filters, "label!");

        for (; without && *without; without++) {
                struct filter one = { (char *)"label", (char *[]){ *without, NULL } };
                struct filters single = { &one, 1 };

                if (filters_match_labels(&single, "label", &r->labels))
                        return false;
        }
        return filters_match_labels(filters, "label", &r->labels);
}

int network_prune(struct networks *nets, const struct filters *filters, json_object **ret, struct error *err)
{
        static const char *const accepted[] = { "label", "label!", "until", NULL };
        cleanup_strmap struct strmap attributes = { 0 };
        json_object *deleted = NULL;
        int64_t until;

        if (filters_check(filters, accepted, err) < 0 || prune_until(filters, &until, err) < 0)
                return -1;
        pthread_mutex_lock(&nets->lock);
        for (size_t i = nets->n_records; i-- > 0;) {
                struct network_record *r = nets->records[i];
                cleanup_free char *name = xstrdup(r->name);

                if (r->predefined || r->created > until || !matches_prune(r, filters) ||
                    has_members(nets, r) || remove_locked(nets, r, NULL) < 0)
                        continue;
                if (!deleted)
                        deleted = json_object_new_array();
                json_object_array_add(deleted, json_object_new_string(name));
        }
        pthread_mutex_unlock(&nets->lock);
        strmap_set(&attributes, "reclaimed", "0");
        if (nets->events)
                event_log_publish(nets->events, "network", "prune", "", &attributes);
        *ret = json_object_new_object();
        json_object_object_add(*ret, "NetworksDeleted", deleted);
        return 0;
}
