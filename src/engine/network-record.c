#include "engine/network-internal.h"

#include "base/fd.h"
#include "base/time.h"
#include "store/database.h"

#include <ctype.h>
#include <sys/random.h>

#define STRUCT struct network_subnet
static const struct json_field subnet_fields[] = {
        JSON_FIELD("Subnet", STRUCT, subnet, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("IPRange", STRUCT, ip_range, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("Gateway", STRUCT, gateway, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("AuxiliaryAddresses", STRUCT, aux, JSON_STRMAP, JSON_OMIT_EMPTY),
        JSON_FIELD("GatewayChosen", STRUCT, gateway_chosen, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("SubnetChosen", STRUCT, subnet_chosen, JSON_BOOL, JSON_OMIT_EMPTY),
};
static const struct json_table subnet_table = JSON_TABLE(STRUCT, subnet_fields);
#undef STRUCT

#define STRUCT struct network_record
static const struct json_field record_fields[] = {
        JSON_FIELD("Name", STRUCT, name, JSON_STRING),
        JSON_FIELD("Id", STRUCT, id, JSON_STRING),
        JSON_FIELD("Created", STRUCT, created, JSON_TIME),
        JSON_FIELD("Driver", STRUCT, driver, JSON_STRING),
        JSON_FIELD("EnableIPv4", STRUCT, ipv4, JSON_BOOL),
        JSON_FIELD("EnableIPv6", STRUCT, ipv6, JSON_BOOL),
        JSON_FIELD("Internal", STRUCT, internal, JSON_BOOL),
        JSON_FIELD("Attachable", STRUCT, attachable, JSON_BOOL),
        JSON_FIELD("ConfigOnly", STRUCT, config_only, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("ConfigFrom", STRUCT, config_from, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("ParentMade", STRUCT, parent_made, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("IPAMDriver", STRUCT, ipam_driver, JSON_STRING),
        JSON_FIELD("IPAMOptions", STRUCT, ipam_options, JSON_STRMAP),
        JSON_FIELD("Options", STRUCT, options, JSON_STRMAP),
        JSON_FIELD("Labels", STRUCT, labels, JSON_STRMAP),
        JSON_FIELD_ARRAY("Subnets", STRUCT, subnets, n_subnets, JSON_ARRAY, subnet_table),
        JSON_FIELD("Predefined", STRUCT, predefined, JSON_BOOL),
};
static const struct json_table record_table = JSON_TABLE(STRUCT, record_fields);
#undef STRUCT

static const char schema[] = "CREATE TABLE IF NOT EXISTS networks(id TEXT PRIMARY KEY, record TEXT NOT NULL)";

void network_record_free(struct network_record *record)
{
        if (!record)
                return;
        for (size_t i = 0; record->ranges && i < record->n_subnets; i++)
                free(record->ranges[i].aux);
        free(record->ranges);
        strv_free(record->trusted);
        json_free_fields(&record_table, record);
        free(record);
}

bool network_record_same(const struct network_record *a, const struct network_record *b)
{
        cleanup_json json_object *one = json_unbind(&record_table, a), *other = json_unbind(&record_table, b);
        cleanup_free char *one_text = json_format(one), *other_text = json_format(other);

        return streq(one_text, other_text);
}

char *network_random_id(void)
{
        uint8_t bytes[32];
        struct strbuf id = { 0 };

        if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
                abort();
        for (size_t i = 0; i < sizeof(bytes); i++)
                strbuf_addf(&id, "%02x", bytes[i]);
        return strbuf_take(&id);
}

/* ---- Finding ---- */

struct network_record *network_find_exact(struct networks *nets, const char *name_or_id)
{
        for (size_t i = 0; i < nets->n_records; i++)
                if (streq(nets->records[i]->id, name_or_id))
                        return nets->records[i];
        for (size_t i = 0; i < nets->n_records; i++)
                if (streq(nets->records[i]->name, name_or_id))
                        return nets->records[i];
        return NULL;
}

int network_find(struct networks *nets, const char *reference, struct network_record **ret, struct error *err)
{
        struct network_record *found = network_find_exact(nets, reference);
        size_t matches = 0;

        for (size_t i = 0; !found && *reference && i < nets->n_records; i++)
                matches += string_after(nets->records[i]->id, reference) != NULL;
        if (matches > 1)
                return error_set(err, ERROR_INVALID,
                                 "network %s is ambiguous (%zu matches found based on ID prefix)", reference,
                                 matches);
        for (size_t i = 0; !found && matches == 1 && i < nets->n_records; i++)
                if (string_after(nets->records[i]->id, reference))
                        found = nets->records[i];
        if (!found)
                return error_set(err, ERROR_NOT_FOUND, "network %s not found", reference);
        *ret = found;
        return 0;
}

/* ---- The second half ---- */

static int complete_subnet(const struct network_subnet *s, struct network_range *range, struct error *err)
{
        if (ip_prefix_parse(s->subnet, &range->subnet) < 0)
                return error_set(err, ERROR_INVALID, "invalid subnet %s: invalid CIDR block notation",
                                 s->subnet);
        range->range = range->subnet;
        if (!string_empty(s->ip_range) && ip_prefix_parse(s->ip_range, &range->range) < 0)
                return error_set(err, ERROR_INVALID, "invalid ip-range %s: invalid CIDR block notation",
                                 s->ip_range);
        if (!string_empty(s->gateway) && ip_address_parse(s->gateway, &range->gateway) < 0)
                return error_set(err, ERROR_INVALID, "invalid gateway %s: invalid address", s->gateway);
        for (size_t i = 0; i < s->aux.count; i++) {
                struct ip_address a;

                if (ip_address_parse(s->aux.pairs[i].value, &a) < 0)
                        return error_set(err, ERROR_INVALID, "invalid auxiliary address %s: invalid address",
                                         s->aux.pairs[i].key);
                ARRAY_APPEND(range->aux, range->n_aux, a);
        }
        range->chosen = s->subnet_chosen;
        return 0;
}

static int option_bool(const struct network_record *r, const char *name, bool *value, struct error *err)
{
        const char *text = strmap_get(&r->options, name);

        if (text && string_to_bool(text, value) < 0)
                return error_set(err, ERROR_INVALID,
                                 "failed to parse %s value: %s (strconv.ParseBool: parsing \"%s\": "
                                 "invalid syntax)",
                                 name, text, text);
        return 0;
}

static int option_gateway_mode(const struct network_record *r, const char *option, enum gateway_mode *ret,
                               struct error *err)
{
        static const char *const names[] = {
                [GATEWAY_NAT] = "nat",
                [GATEWAY_NAT_UNPROTECTED] = "nat-unprotected",
                [GATEWAY_ROUTED] = "routed",
                [GATEWAY_ISOLATED] = "isolated",
        };
        const char *text = strmap_get(&r->options, option);

        if (!text)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (streq(text, names[i])) {
                        *ret = (enum gateway_mode)i;
                        return i != GATEWAY_ISOLATED || r->internal
                                   ? 0
                                   : error_set(err, ERROR_INVALID,
                                               "gateway mode 'isolated' can only be used for an internal "
                                               "network");
                }
        return error_set(err, ERROR_INVALID, "failed to parse %s value: %s (unknown gateway mode %s)", option,
                         text, text);
}

/* An address of the family, or nothing. */
static int option_address(const struct network_record *r, const char *option, int family,
                          struct ip_address *ret, struct error *err)
{
        const char *text = strmap_get(&r->options, option);

        if (string_empty(text))
                return 0;
        return ip_address_parse(text, ret) == 0 && ret->family == family
                   ? 0
                   : error_set(err, ERROR_INVALID, "failed to parse %s value: %s (nil ip)", option, text);
}

static int complete_reach(struct networks *nets, struct network_record *r, struct error *err)
{
        const char *binding = strmap_get(&r->options, OPTION_HOST_BINDING);
        const char *trusted = strmap_get(&r->options, OPTION_TRUSTED);

        if (option_gateway_mode(r, OPTION_GATEWAY_MODE, &r->modes[0], err) < 0 ||
            option_gateway_mode(r, OPTION_GATEWAY_MODE6, &r->modes[1], err) < 0 ||
            option_address(r, OPTION_HOST_IPV4, AF_INET, &r->sources[0], err) < 0 ||
            option_address(r, OPTION_HOST_IPV6, AF_INET6, &r->sources[1], err) < 0)
                return -1;
        if (!string_empty(trusted))
                r->trusted = strv_split(trusted, ':');
        for (char **name = r->trusted; name && *name; name++)
                if (!**name || strlen(*name) >= IFNAMSIZ)
                        return error_set(err, ERROR_INVALID, "invalid interface name in %s: %s",
                                         OPTION_TRUSTED, trusted);
        r->host_binding = nets->default_ip;
        if (!string_empty(binding) && ip_address_parse(binding, &r->host_binding) < 0)
                return error_set(err, ERROR_INVALID, "failed to parse %s value: %s (nil ip)",
                                 OPTION_HOST_BINDING, binding);
        if (ip_address_is_any(&r->host_binding))
                r->host_binding.family = AF_UNSPEC; /* all addresses, of both families */
        return 0;
}

static int complete_bridge(struct networks *nets, struct network_record *r, struct error *err)
{
        const char *name = strmap_get(&r->options, OPTION_BRIDGE_NAME);
        size_t per_family[2] = { 0 };

        if (!string_empty(name) && (strlen(name) >= IFNAMSIZ || strpbrk(name, "/ :")))
                return error_set(err, ERROR_INVALID, "invalid bridge name: %s", name);
        if (!string_empty(name))
                snprintf(r->bridge, sizeof(r->bridge), "%s", name);
        else
                snprintf(r->bridge, sizeof(r->bridge), "br-%.12s", r->id);
        for (size_t i = 0; i < r->n_subnets; i++)
                if (++per_family[r->ranges[i].subnet.address.family == AF_INET6] > 1)
                        return error_set(err, ERROR_FORBIDDEN,
                                         "bridge driver doesn't support multiple subnets");
        r->kind = "veth";
        r->icc = r->masquerade = true;
        if (option_bool(r, OPTION_ICC, &r->icc, err) < 0 ||
            option_bool(r, OPTION_MASQUERADE, &r->masquerade, err) < 0 ||
            option_bool(r, OPTION_INHIBIT_IPV4, &r->inhibit_ipv4, err) < 0)
                return -1;
        return complete_reach(nets, r, err);
}

/* The first of each driver's kind is its default. */
static const struct vlan_word {
        const char *driver, *option, *what, *name;
        int number; /* the kernel's MACVLAN_MODE_…, IPVLAN_MODE_…, IPVLAN_F_… */
} vlan_words[] = {
        { "macvlan", "macvlan_mode", "mode", "bridge", 4 },
        { "macvlan", "macvlan_mode", "mode", "private", 1 },
        { "macvlan", "macvlan_mode", "mode", "vepa", 2 },
        { "macvlan", "macvlan_mode", "mode", "passthru", 8 },
        { "ipvlan", "ipvlan_mode", "mode", "l2", 0 },
        { "ipvlan", "ipvlan_mode", "mode", "l3", 1 },
        { "ipvlan", "ipvlan_mode", "mode", "l3s", 2 },
        { "ipvlan", "ipvlan_flag", "flag", "bridge", 0 },
        { "ipvlan", "ipvlan_flag", "flag", "private", 1 },
        { "ipvlan", "ipvlan_flag", "flag", "vepa", 2 },
};

static int find_word(const struct network_record *r, const char *what, int *ret, struct error *err)
{
        const struct vlan_word *first = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(vlan_words); i++) {
                const struct vlan_word *w = &vlan_words[i];
                const char *wanted = strmap_get(&r->options, w->option);

                if (!streq(w->driver, r->driver) || !streq(w->what, what))
                        continue;
                if (!first)
                        first = w;
                if (string_empty(wanted) || streq(wanted, w->name)) {
                        *ret = w->number;
                        return 0;
                }
        }
        if (!first)
                return 0;
        return error_set(err, ERROR_INVALID,
                         "requested %s %s '%s' is not valid, '%s'%s is the %s driver default", r->driver,
                         what, strmap_get(&r->options, first->option), first->name,
                         streq(what, "mode") ? " mode" : "", r->driver);
}

static int complete_vlan(struct network_record *r, struct error *err)
{
        const char *parent = strmap_get(&r->options, "parent");

        if (find_word(r, "mode", &r->mode, err) < 0 || find_word(r, "flag", &r->flag, err) < 0)
                return -1;
        if (streq(parent, "lo"))
                return error_set(err, ERROR_INVALID, "loopback interface is not a valid %s parent link",
                                 r->driver);
        if (!string_empty(parent) && strlen(parent) >= IFNAMSIZ)
                return error_set(err, ERROR_INVALID, "invalid parent interface: %s", parent);
        if (string_empty(parent))
                snprintf(r->bridge, sizeof(r->bridge), "dm-%.12s", r->id);
        else
                snprintf(r->bridge, sizeof(r->bridge), "%s", parent);
        r->kind = streq(r->driver, "macvlan") ? "macvlan" : "ipvlan";
        return 0;
}

static int option_mtu(struct network_record *r, struct error *err)
{
        const char *text = strmap_get(&r->options, OPTION_MTU);
        int64_t number = 0;

        if (text && string_to_int64(text, &number, NULL) < 0)
                return error_set(err, ERROR_INVALID,
                                 "failed to parse %s value: %s (strconv.Atoi: parsing \"%s\": "
                                 "invalid syntax)",
                                 OPTION_MTU, text, text);
        if (number < 0 || number > 65535)
                return error_set(err, ERROR_INVALID, "invalid MTU number: %s", text);
        r->mtu = (unsigned)number;
        return 0;
}

int network_record_complete(struct networks *nets, struct network_record *r, struct error *err)
{
        r->ranges = xcalloc(r->n_subnets + 1, sizeof(*r->ranges));
        for (size_t i = 0; i < r->n_subnets; i++)
                if (complete_subnet(&r->subnets[i], &r->ranges[i], err) < 0)
                        return -1;
        if (option_mtu(r, err) < 0)
                return -1;
        if (r->config_only)
                return 0;
        if (streq(r->driver, "bridge"))
                return complete_bridge(nets, r, err);
        if (streq(r->driver, "macvlan") || streq(r->driver, "ipvlan"))
                return complete_vlan(r, err);
        return 0;
}

/* ---- The database ---- */

static int load_row(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct networks *nets = arg;
        cleanup_network_record struct network_record *r = xcalloc(1, sizeof(*r));
        const char *text = (const char *)sqlite3_column_text(stmt, 0);

        if (json_bind_text(&record_table, text, strlen(text), r, err) < 0 ||
            network_record_complete(nets, r, err) < 0)
                return error_context(err, "read the record of a network");
        ARRAY_APPEND(nets->records, nets->n_records, r);
        r = NULL;
        return 0;
}

int network_records_load(struct networks *nets, struct error *err)
{
        if (database_exec(nets->db, schema, err) < 0)
                return -1;
        return database_query(nets->db, load_row, nets, err, "SELECT record FROM networks ORDER BY rowid",
                              "") < 0
                   ? -1
                   : 0;
}

int network_record_insert(struct networks *nets, struct network_record *record, struct error *err)
{
        cleanup_json json_object *json = json_unbind(&record_table, record);
        cleanup_free char *text = json_format(json);

        if (database_run(nets->db, err, "INSERT INTO networks(id, record) VALUES(?, ?)", "ss", record->id,
                         text) < 0)
                return -1;
        ARRAY_APPEND(nets->records, nets->n_records, record);
        return 0;
}

int network_record_delete(struct networks *nets, struct network_record *record, struct error *err)
{
        if (database_run(nets->db, err, "DELETE FROM networks WHERE id = ?", "s", record->id) < 0)
                return -1;
        for (size_t i = 0; i < nets->n_records; i++)
                if (nets->records[i] == record) {
                        memmove(nets->records + i, nets->records + i + 1,
                                (--nets->n_records - i) * sizeof(*nets->records));
                        break;
                }
        network_record_free(record);
        return 0;
}
