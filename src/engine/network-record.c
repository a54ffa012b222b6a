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

static int check_gateway_mode(const struct network_record *r, const char *option, struct error *err)
{
        const char *mode = strmap_get(&r->options, option);

        if (string_empty(mode) || streq(mode, "nat"))
                return 0;
        return error_set(err, ERROR_UNSUPPORTED, "%s=%s is not supported", option, mode);
}

static int complete_bridge(struct networks *nets, struct network_record *r, struct error *err)
{
        const char *name = strmap_get(&r->options, OPTION_BRIDGE_NAME);
        const char *binding = strmap_get(&r->options, OPTION_HOST_BINDING);

        if (!string_empty(name) && (strlen(name) >= IFNAMSIZ || strpbrk(name, "/ :")))
                return error_set(err, ERROR_INVALID, "invalid bridge name: %s", name);
        if (!string_empty(name))
                snprintf(r->bridge, sizeof(r->bridge), "%s", name);
        else
                snprintf(r->bridge, sizeof(r->bridge), "br-%.12s", r->id);
        if (check_gateway_mode(r, OPTION_GATEWAY_MODE, err) < 0 ||
            check_gateway_mode(r, OPTION_GATEWAY_MODE6, err) < 0)
                return -1;
        r->kind = "veth";
        r->icc = r->masquerade = true;
        if (option_bool(r, OPTION_ICC, &r->icc, err) < 0 ||
            option_bool(r, OPTION_MASQUERADE, &r->masquerade, err) < 0)
                return -1;
        r->host_binding = nets->default_ip;
        if (!string_empty(binding) && ip_address_parse(binding, &r->host_binding) < 0)
                return error_set(err, ERROR_INVALID, "failed to parse %s value: %s (invalid ip address)",
                                 OPTION_HOST_BINDING, binding);
        if (ip_address_is_any(&r->host_binding))
                r->host_binding.family = AF_UNSPEC; /* all addresses, of both families */
        return 0;
}

static const struct vlan_mode {
        const char *driver, *option, *name;
        int number; /* the kernel's MACVLAN_MODE_…, IPVLAN_MODE_… */
} vlan_modes[] = {
        { "macvlan", "macvlan_mode", "bridge", 4 }, { "macvlan", "macvlan_mode", "private", 1 },
        { "macvlan", "macvlan_mode", "vepa", 2 },   { "macvlan", "macvlan_mode", "passthru", 8 },
        { "ipvlan", "ipvlan_mode", "l2", 0 },       { "ipvlan", "ipvlan_mode", "l3", 1 },
        { "ipvlan", "ipvlan_mode", "l3s", 2 },
};

static int complete_vlan(struct network_record *r, struct error *err)
{
        const char *parent = strmap_get(&r->options, "parent"), *mode = NULL, *option = NULL;
        const struct vlan_mode *found = NULL;

        if (string_empty(parent))
                return error_set(err, ERROR_UNSUPPORTED,
                                 "%s networks without the option parent are not supported", r->driver);
        if (strlen(parent) >= IFNAMSIZ)
                return error_set(err, ERROR_INVALID, "invalid parent interface: %s", parent);
        snprintf(r->bridge, sizeof(r->bridge), "%s", parent);
        for (size_t i = ARRAY_SIZE(vlan_modes); i-- > 0;)
                if (streq(vlan_modes[i].driver, r->driver)) {
                        option = vlan_modes[i].option;
                        mode = strmap_get(&r->options, option);
                        if (!mode || streq(mode, vlan_modes[i].name))
                                found = &vlan_modes[i];
                }
        if (!found)
                return error_set(err, ERROR_INVALID, "unknown %s: %s", option, mode);
        r->kind = found->driver;
        r->mode = found->number;
        return 0;
}

int network_record_complete(struct networks *nets, struct network_record *r, struct error *err)
{
        const char *mtu = strmap_get(&r->options, OPTION_MTU);
        uint64_t number = 0;

        r->ranges = xcalloc(r->n_subnets + 1, sizeof(*r->ranges));
        for (size_t i = 0; i < r->n_subnets; i++)
                if (complete_subnet(&r->subnets[i], &r->ranges[i], err) < 0)
                        return -1;
        if (mtu && (string_to_uint64(mtu, &number, NULL) < 0 || number > 65535))
                return error_set(err, ERROR_INVALID,
                                 "failed to parse %s value: %s (strconv.Atoi: parsing \"%s\": "
                                 "invalid syntax)",
                                 OPTION_MTU, mtu, mtu);
        r->mtu = (unsigned)number;
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
