/* Networks and containers' network settings as the API shows them. */
#include "engine/network-internal.h"

#include "network/port.h"

#include <stdio.h>
#include <string.h>

/* ---- NetworkSettings of a container ---- */

#define STRUCT struct network_settings
static const struct json_field settings_fields[] = {
        JSON_FIELD("Bridge", STRUCT, bridge, JSON_STRING),
        JSON_FIELD("SandboxID", STRUCT, sandbox_id, JSON_STRING),
        JSON_FIELD("SandboxKey", STRUCT, sandbox_key, JSON_STRING),
        JSON_FIELD_ARRAY("Ports", STRUCT, ports, n_ports, JSON_MAP_ARRAYS, port_binding_table,
                         JSON_EMPTY_NOT_NULL),
        JSON_FIELD("HairpinMode", STRUCT, hairpin_mode, JSON_BOOL),
        JSON_FIELD("LinkLocalIPv6Address", STRUCT, link_local_ipv6_address, JSON_STRING),
        JSON_FIELD("LinkLocalIPv6PrefixLen", STRUCT, link_local_ipv6_prefix_len, JSON_INT),
        JSON_FIELD("SecondaryIPAddresses", STRUCT, secondary_ip_addresses, JSON_STRV),
        JSON_FIELD("SecondaryIPv6Addresses", STRUCT, secondary_ipv6_addresses, JSON_STRV),
        JSON_FIELD("EndpointID", STRUCT, endpoint_id, JSON_STRING),
        JSON_FIELD("Gateway", STRUCT, gateway, JSON_STRING),
        JSON_FIELD("GlobalIPv6Address", STRUCT, global_ipv6_address, JSON_STRING),
        JSON_FIELD("GlobalIPv6PrefixLen", STRUCT, global_ipv6_prefix_len, JSON_INT),
        JSON_FIELD("IPAddress", STRUCT, ip_address, JSON_STRING),
        JSON_FIELD("IPPrefixLen", STRUCT, ip_prefix_len, JSON_INT),
        JSON_FIELD("IPv6Gateway", STRUCT, ipv6_gateway, JSON_STRING),
        JSON_FIELD("MacAddress", STRUCT, mac_address, JSON_STRING),
        JSON_FIELD_ARRAY("Networks", STRUCT, networks, n_networks, JSON_MAP, endpoint_entry_table,
                         JSON_EMPTY_NOT_NULL),
};
const struct json_table network_settings_table = JSON_TABLE(STRUCT, settings_fields);
#undef STRUCT

static struct port_map_entry *port_entry(struct network_settings *s, const char *port)
{
        struct port_map_entry entry = { 0 };

        for (size_t i = 0; i < s->n_ports; i++)
                if (streq(s->ports[i].port, port))
                        return &s->ports[i];
        entry.port = xstrdup(port);
        ARRAY_APPEND(s->ports, s->n_ports, entry);
        return &s->ports[s->n_ports - 1];
}

static int compare_entries(const void *a, const void *b)
{
        const struct port_map_entry *x = a, *y = b;

        return strcmp(x->port, y->port);
}

/* Is there a network through which ports can be published? */
static bool can_publish(struct networks *nets, struct network_member_state *m)
{
        const struct endpoint *four = member_gateway_endpoint(nets, m, AF_INET);
        const struct endpoint *way = four ? four : member_gateway_endpoint(nets, m, AF_INET6);
        const struct network_record *r = way ? network_find_exact(nets, way->settings.network_id) : NULL;

        return r && streq(r->kind, "veth");
}

static void fill_ports(struct networks *nets, struct network_member_state *m,
                       const struct network_member *member, struct network_settings *s)
{
        char text[PORT_TEXT_SIZE];

        if (!can_publish(nets, m))
                return;
        for (char **e = member->config->exposed_ports; e && *e; e++)
                port_entry(s, *e);
        for (size_t i = 0; i < m->n_ports; i++) {
                const struct shim_port *p = &m->ports[i];
                struct port_binding binding = { .host_ip = xstrdup(p->host_ip),
                                                .host_port = p->host_port
                                                                 ? string_format("%d", p->host_port)
                                                                 : xstrdup("") };
                struct port_map_entry *entry = port_entry(
                    s, port_format((uint16_t)p->container_port, port_protocol_parse(p->protocol), text));

                ARRAY_APPEND(entry->bindings, entry->count, binding);
        }
        if (s->n_ports > 0)
                qsort(s->ports, s->n_ports, sizeof(*s->ports), compare_entries);
}

/* The old fields outside of Networks are the default bridge's. */
static void fill_old_fields(const struct endpoint *e, struct network_settings *s)
{
        s->endpoint_id = xstrdup(e->settings.endpoint_id);
        s->gateway = xstrdup(e->settings.gateway);
        s->ip_address = xstrdup(e->settings.ip_address);
        s->ip_prefix_len = e->settings.ip_prefix_len;
        s->global_ipv6_address = xstrdup(e->settings.global_ipv6_address);
        s->global_ipv6_prefix_len = e->settings.global_ipv6_prefix_len;
        s->ipv6_gateway = xstrdup(e->settings.ipv6_gateway);
        s->mac_address = xstrdup(e->settings.mac_address);
}

static int compare_networks(const void *a, const void *b)
{
        const struct endpoint_entry *x = a, *y = b;

        return strcmp(x->name, y->name);
}

static void fill_networks(struct networks *nets, const struct network_member_state *m,
                          struct network_settings *s)
{
        for (size_t i = 0; i < m->n_endpoints; i++) {
                const struct endpoint *e = &m->endpoints[i];
                const struct network_record *r = network_find_exact(nets, e->network);
                struct endpoint_entry entry = { .name = xstrdup(e->network) };

                json_copy(&endpoint_settings_table, &e->settings, &entry.settings);
                if (string_empty(entry.settings.network_id) && r && r->predefined)
                        replace_string(&entry.settings.network_id, r->id);
                ARRAY_APPEND(s->networks, s->n_networks, entry);
                if (e->attached && streq(e->network, "bridge"))
                        fill_old_fields(e, s);
        }
        if (s->n_networks > 0)
                qsort(s->networks, s->n_networks, sizeof(*s->networks), compare_networks);
}

int network_container_settings(struct networks *nets, const struct network_member *member,
                               struct network_settings *ret, struct error *err)
{
        struct network_member_state *m;

        (void)err;
        pthread_mutex_lock(&nets->lock);
        m = network_member_find(nets, member->id);
        if (m) {
                if (!string_empty(m->sandbox_id)) {
                        ret->sandbox_id = xstrdup(m->sandbox_id);
                        ret->sandbox_key = string_format("%s/netns/%.12s", nets->exec_root, m->sandbox_id);
                        fill_ports(nets, m, member, ret);
                }
                fill_networks(nets, m, ret);
        }
        pthread_mutex_unlock(&nets->lock);
        return 0;
}

/* ---- Networks ---- */

static json_object *map_json(const struct strmap *map, bool null_when_absent)
{
        json_object *object;

        if (null_when_absent && !map->given && map->count == 0)
                return NULL;
        object = json_object_new_object();
        for (size_t i = 0; i < map->count; i++)
                json_set_string(object, map->pairs[i].key, map->pairs[i].value);
        return object;
}

static json_object *ipam_json(const struct network_record *r)
{
        json_object *ipam = json_object_new_object(), *config = NULL;

        json_set_string(ipam, "Driver", r->ipam_driver);
        json_object_object_add(ipam, "Options", map_json(&r->ipam_options, true));
        for (size_t i = 0; i < r->n_subnets; i++) {
                const struct network_subnet *s = &r->subnets[i];
                json_object *entry = json_object_new_object();

                json_set_string(entry, "Subnet", s->subnet);
                if (!string_empty(s->ip_range))
                        json_set_string(entry, "IPRange", s->ip_range);
                if (!string_empty(s->gateway) && !s->gateway_chosen)
                        json_set_string(entry, "Gateway", s->gateway);
                if (s->aux.count > 0)
                        json_object_object_add(entry, "AuxiliaryAddresses", map_json(&s->aux, false));
                if (!config)
                        config = json_object_new_array();
                json_object_array_add(config, entry);
        }
        json_object_object_add(ipam, "Config", config);
        return ipam;
}

static void set_address(json_object *object, const char *name, const char *address, int length)
{
        cleanup_free char *text =
            string_empty(address) ? xstrdup("") : string_format("%s/%d", address, length);

        json_set_string(object, name, text);
}

static json_object *containers_json(struct networks *nets, const struct network_record *r)
{
        json_object *containers = json_object_new_object();

        for (size_t i = 0; i < nets->n_members; i++)
                for (size_t k = 0; k < nets->members[i]->n_endpoints; k++) {
                        const struct endpoint *e = &nets->members[i]->endpoints[k];
                        const struct endpoint_settings *s = &e->settings;
                        json_object *entry;

                        if (!e->attached || !streq(s->network_id, r->id))
                                continue;
                        entry = json_object_new_object();
                        json_set_string(entry, "Name", nets->members[i]->name);
                        json_set_string(entry, "EndpointID", s->endpoint_id);
                        json_set_string(entry, "MacAddress", s->mac_address ? s->mac_address : "");
                        set_address(entry, "IPv4Address", s->ip_address, s->ip_prefix_len);
                        set_address(entry, "IPv6Address", s->global_ipv6_address, s->global_ipv6_prefix_len);
                        json_object_object_add(containers, nets->members[i]->id, entry);
                }
        return containers;
}

struct shown {
        char *name, *id;
        int64_t created;
        char *scope, *driver;
        bool ipv4, ipv6;
        json_object *ipam;
        bool internal, attachable, ingress;
        json_object *config_from;
        bool config_only;
        json_object *containers, *options, *labels;
};
#define STRUCT struct shown
static const struct json_field shown_fields[] = {
        JSON_FIELD("Name", STRUCT, name, JSON_STRING),
        JSON_FIELD("Id", STRUCT, id, JSON_STRING),
        JSON_FIELD("Created", STRUCT, created, JSON_TIME),
        JSON_FIELD("Scope", STRUCT, scope, JSON_STRING),
        JSON_FIELD("Driver", STRUCT, driver, JSON_STRING),
        JSON_FIELD("EnableIPv4", STRUCT, ipv4, JSON_BOOL),
        JSON_FIELD("EnableIPv6", STRUCT, ipv6, JSON_BOOL),
        JSON_FIELD("IPAM", STRUCT, ipam, JSON_RAW),
        JSON_FIELD("Internal", STRUCT, internal, JSON_BOOL),
        JSON_FIELD("Attachable", STRUCT, attachable, JSON_BOOL),
        JSON_FIELD("Ingress", STRUCT, ingress, JSON_BOOL),
        JSON_FIELD("ConfigFrom", STRUCT, config_from, JSON_RAW),
        JSON_FIELD("ConfigOnly", STRUCT, config_only, JSON_BOOL),
        JSON_FIELD("Containers", STRUCT, containers, JSON_RAW),
        JSON_FIELD("Options", STRUCT, options, JSON_RAW),
        JSON_FIELD("Labels", STRUCT, labels, JSON_RAW),
};
static const struct json_table shown_table = JSON_TABLE(STRUCT, shown_fields);
#undef STRUCT

static json_object *network_json(struct networks *nets, const struct network_record *r, bool containers)
{
        struct shown s = { .name = r->name,
                           .id = r->id,
                           .created = r->created,
                           .scope = (char *)"local",
                           .driver = r->driver,
                           .ipv4 = r->ipv4,
                           .ipv6 = r->ipv6,
                           .ipam = ipam_json(r),
                           .internal = r->internal,
                           .attachable = r->attachable,
                           .config_only = r->config_only,
                           .config_from = json_object_new_object(),
                           .containers = containers ? containers_json(nets, r) : json_object_new_object(),
                           .options = map_json(&r->options, false),
                           .labels = map_json(&r->labels, false) };
        json_object *object;

        json_set_string(s.config_from, "Network", r->config_from ? r->config_from : "");
        object = json_unbind(&shown_table, &s);
        json_object_put(s.ipam);
        json_object_put(s.config_from);
        json_object_put(s.containers);
        json_object_put(s.options);
        json_object_put(s.labels);
        return object;
}

int network_inspect(struct networks *nets, const char *name, json_object **ret, struct error *err)
{
        struct network_record *record;
        int r;

        pthread_mutex_lock(&nets->lock);
        r = network_find(nets, name, &record, err);
        if (r == 0)
                *ret = network_json(nets, record, true);
        pthread_mutex_unlock(&nets->lock);
        return r;
}

/* ---- List ---- */

static bool is_used(struct networks *nets, const struct network_record *r)
{
        for (size_t i = 0; i < nets->n_members; i++)
                for (size_t k = 0; k < nets->members[i]->n_endpoints; k++) {
                        const struct endpoint *e = &nets->members[i]->endpoints[k];

                        if (e->attached && streq(e->settings.network_id, r->id))
                                return true;
                }
        return false;
}

static bool matches_type(const struct network_record *r, const struct filters *filters)
{
        return filters_match(filters, "type", r->predefined ? "builtin" : "custom");
}

static int check_type(const struct filters *filters, struct error *err)
{
        char *const *values = filters_get(filters, "type");

        for (; values && *values; values++)
                if (!streq(*values, "builtin") && !streq(*values, "custom"))
                        return error_set(err, ERROR_INVALID, "invalid filter: 'type'='%s'", *values);
        return 0;
}

/* One of the values is the beginning of `id`, or part of it (Docker's match of ids and names). */
static bool matches_part(const struct filters *filters, const char *key, const char *text)
{
        char *const *values = filters_get(filters, key);

        if (!values)
                return true;
        for (; *values; values++)
                if (strstr(text, *values))
                        return true;
        return filters_match_regex(filters, key, text);
}

int network_list(struct networks *nets, const struct filters *filters, json_object **ret, struct error *err)
{
        static const char *const accepted[] = { "dangling", "driver", "id",   "label",
                                                "name",     "scope",  "type", NULL };
        bool dangling = false;

        if (filters_check(filters, accepted, err) < 0 || check_type(filters, err) < 0 ||
            filters_get_bool(filters, "dangling", false, &dangling, err) < 0)
                return -1;
        *ret = json_object_new_array();
        pthread_mutex_lock(&nets->lock);
        for (size_t i = 0; i < nets->n_records; i++) {
                const struct network_record *r = nets->records[i];

                if (matches_part(filters, "name", r->name) && matches_part(filters, "id", r->id) &&
                    filters_match(filters, "driver", r->driver) && filters_match(filters, "scope", "local") &&
                    filters_match_labels(filters, "label", &r->labels) && matches_type(r, filters) &&
                    (!filters_get(filters, "dangling") || dangling == (!r->predefined && !is_used(nets, r))))
                        json_object_array_add(*ret, network_json(nets, r, false));
        }
        pthread_mutex_unlock(&nets->lock);
        return 0;
}
