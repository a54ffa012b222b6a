/* Containers as networks know them. */
#include "engine/network-internal.h"

#include "base/fd.h"
#include "store/database.h"

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS network_members(container TEXT PRIMARY KEY, name TEXT NOT NULL, sandbox TEXT,"
    " ports TEXT);"
    "CREATE TABLE IF NOT EXISTS network_endpoints(container TEXT NOT NULL, position INTEGER NOT NULL,"
    " network TEXT NOT NULL, settings TEXT NOT NULL, wanted_mac TEXT, host_name TEXT, interface TEXT,"
    " PRIMARY KEY(container, position)) WITHOUT ROWID";

#define STRUCT struct shim_port
static const struct json_field port_fields[] = {
        JSON_FIELD("HostIp", STRUCT, host_ip, JSON_STRING),
        JSON_FIELD("HostPort", STRUCT, host_port, JSON_INT),
        JSON_FIELD("Protocol", STRUCT, protocol, JSON_STRING),
        JSON_FIELD("ContainerIp", STRUCT, container_ip, JSON_STRING),
        JSON_FIELD("ContainerPort", STRUCT, container_port, JSON_INT),
        JSON_FIELD("Relay", STRUCT, relay, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("Direct", STRUCT, direct, JSON_BOOL, JSON_OMIT_EMPTY),
};
static const struct json_table port_table = JSON_TABLE(STRUCT, port_fields);
#undef STRUCT

struct port_list {
        struct shim_port *ports;
        size_t count;
};
static const struct json_field port_list_fields[] = {
        JSON_FIELD_ARRAY("Ports", struct port_list, ports, count, JSON_ARRAY, port_table),
};
static const struct json_table port_list_table = JSON_TABLE(struct port_list, port_list_fields);

void shim_port_copy(const struct shim_port *from, struct shim_port *to)
{
        json_copy(&port_table, from, to);
}

void shim_ports_free(struct shim_port *ports, size_t count)
{
        for (size_t i = 0; ports && i < count; i++)
                json_free_fields(&port_table, &ports[i]);
        free(ports);
}

void endpoint_deinit(struct endpoint *e)
{
        json_free_fields(&endpoint_settings_table, &e->settings);
        free(e->network);
        free(e->wanted_mac);
        free(e->host_name);
        free(e->interface);
        *e = (struct endpoint){ 0 };
}

void network_member_free(struct network_member_state *m)
{
        for (size_t i = 0; i < m->n_endpoints; i++)
                endpoint_deinit(&m->endpoints[i]);
        free(m->endpoints);
        shim_ports_free(m->ports, m->n_ports);
        free(m->id);
        free(m->name);
        free(m->sandbox_id);
        free(m);
}

static size_t position(struct networks *nets, const char *id, bool *ret_found)
{
        size_t low = 0, high = nets->n_members;

        *ret_found = false;
        while (low < high) {
                size_t middle = (low + high) / 2;
                int order = strcmp(nets->members[middle]->id, id);

                if (order == 0) {
                        *ret_found = true;
                        return middle;
                }
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

struct network_member_state *network_member_find(struct networks *nets, const char *id)
{
        bool found;
        size_t i = position(nets, id, &found);

        return found ? nets->members[i] : NULL;
}

struct network_member_state *network_member_get(struct networks *nets, const char *id, const char *name)
{
        bool found;
        size_t i = position(nets, id, &found);
        struct network_member_state *m;

        if (found)
                return nets->members[i];
        m = xcalloc(1, sizeof(*m));
        m->id = xstrdup(id);
        m->name = xstrdup(name);
        ARRAY_APPEND(nets->members, nets->n_members, m);
        memmove(nets->members + i + 1, nets->members + i, (nets->n_members - 1 - i) * sizeof(*nets->members));
        nets->members[i] = m;
        return m;
}

struct endpoint *network_member_endpoint(struct network_member_state *m, const struct network_record *record,
                                         const char *name)
{
        for (size_t i = 0; i < m->n_endpoints; i++) {
                struct endpoint *e = &m->endpoints[i];

                if (record ? streq(e->settings.network_id, record->id) ||
                                 (string_empty(e->settings.network_id) &&
                                  (streq(e->network, record->name) || streq(e->network, record->id)))
                           : streq(e->network, name))
                        return e;
        }
        return NULL;
}

void network_member_drop_endpoint(struct network_member_state *m, struct endpoint *e)
{
        size_t i = (size_t)(e - m->endpoints);

        endpoint_deinit(e);
        memmove(m->endpoints + i, m->endpoints + i + 1, (--m->n_endpoints - i) * sizeof(*m->endpoints));
}

/* ---- The database ---- */

struct save {
        struct network_member_state *m;
};

static int save_endpoint(struct database *db, const struct network_member_state *m, size_t i,
                         struct error *err)
{
        const struct endpoint *e = &m->endpoints[i];
        cleanup_json json_object *settings = json_unbind(&endpoint_settings_table, &e->settings);
        cleanup_free char *text = json_format(settings);

        return database_run(
            db, err,
            "INSERT INTO network_endpoints(container, position, network, settings, wanted_mac,"
            " host_name, interface) VALUES(?, ?, ?, ?, ?, ?, ?)",
            "sisssss", m->id, (int64_t)i, e->network, text, e->wanted_mac, e->attached ? e->host_name : NULL,
            e->attached ? e->interface : NULL);
}

static int save_body(struct database *db, void *arg, struct error *err)
{
        struct network_member_state *m = ((struct save *)arg)->m;
        struct port_list list = { m->ports, m->n_ports };
        cleanup_json json_object *ports = json_unbind(&port_list_table, &list);
        cleanup_free char *text = m->n_ports > 0 ? json_format(ports) : NULL;

        if (database_run(db, err,
                         "INSERT OR REPLACE INTO network_members(container, name, sandbox, ports)"
                         " VALUES(?, ?, ?, ?)",
                         "ssss", m->id, m->name, m->sandbox_id, text) < 0 ||
            database_run(db, err, "DELETE FROM network_endpoints WHERE container = ?", "s", m->id) < 0)
                return -1;
        for (size_t i = 0; i < m->n_endpoints; i++)
                if (save_endpoint(db, m, i, err) < 0)
                        return -1;
        return 0;
}

int network_member_save(struct networks *nets, struct network_member_state *m, bool durable,
                        struct error *err)
{
        struct save save = { m };

        return durable ? database_transaction(nets->db, save_body, &save, err)
                       : database_transaction_relaxed(nets->db, save_body, &save, err);
}

static int delete_body(struct database *db, void *arg, struct error *err)
{
        const char *id = arg;

        if (database_run(db, err, "DELETE FROM network_members WHERE container = ?", "s", id) < 0 ||
            database_run(db, err, "DELETE FROM network_endpoints WHERE container = ?", "s", id) < 0)
                return -1;
        return 0;
}

void network_member_delete(struct networks *nets, struct network_member_state *m)
{
        bool found;
        size_t i = position(nets, m->id, &found);

        database_transaction_relaxed(nets->db, delete_body, m->id, NULL);
        if (found)
                memmove(nets->members + i, nets->members + i + 1,
                        (--nets->n_members - i) * sizeof(*nets->members));
        network_member_free(m);
}

static int load_member(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct network_member_state *m = network_member_get(arg, (const char *)sqlite3_column_text(stmt, 0),
                                                            (const char *)sqlite3_column_text(stmt, 1));
        const char *ports = (const char *)sqlite3_column_text(stmt, 3);
        struct port_list list = { 0 };
        int r;

        m->sandbox_id = database_column_string(stmt, 2);
        if (!ports)
                return 0;
        r = json_bind_text(&port_list_table, ports, strlen(ports), &list, err);
        m->ports = list.ports;
        m->n_ports = list.count;
        return r;
}

static int load_endpoint(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct network_member_state *m = network_member_find(arg, (const char *)sqlite3_column_text(stmt, 0));
        const char *settings = (const char *)sqlite3_column_text(stmt, 2);
        struct endpoint e = { 0 };
        int r;

        if (!m)
                return 0;
        e.network = database_column_string(stmt, 1);
        e.wanted_mac = database_column_string(stmt, 3);
        e.host_name = database_column_string(stmt, 4);
        e.interface = database_column_string(stmt, 5);
        r = json_bind_text(&endpoint_settings_table, settings, strlen(settings), &e.settings, err);
        e.attached = e.interface != NULL;
        if (e.attached && !string_empty(e.settings.ip_address))
                ip_address_parse(e.settings.ip_address, &e.addresses[0]);
        if (e.attached && !string_empty(e.settings.global_ipv6_address))
                ip_address_parse(e.settings.global_ipv6_address, &e.addresses[1]);
        ARRAY_APPEND(m->endpoints, m->n_endpoints, e);
        return r;
}

int network_members_load(struct networks *nets, struct error *err)
{
        if (database_exec(nets->db, schema, err) < 0 ||
            database_query(nets->db, load_member, nets, err,
                           "SELECT container, name, sandbox, ports FROM network_members", "") < 0 ||
            database_query(nets->db, load_endpoint, nets, err,
                           "SELECT container, network, settings, wanted_mac, host_name, interface"
                           " FROM network_endpoints ORDER BY container, position",
                           "") < 0)
                return error_context(err, "read the networks' members");
        return 0;
}
