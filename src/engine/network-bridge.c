/* Networks in the kernel: bridges, sysctls, rules; and their recovery. */
#include "engine/network-internal.h"

#include "base/fd.h"
#include "base/log.h"

#include <errno.h>

/* ---- What is taken ---- */

static void take(struct ip_prefix **list, size_t *count, const struct ip_prefix *p)
{
        struct ip_prefix network = ip_prefix_network(p);

        if (network.length > 0)
                ARRAY_APPEND(*list, *count, network);
}

static int take_host(struct networks *nets, struct ip_prefix **list, size_t *count, struct error *err)
{
        struct rtnl_interface_address *addresses = NULL;
        struct rtnl_route *routes = NULL;
        size_t n_routes = 0, n_addresses = 0;
        int r = 0;

        if (rtnl_routes(nets->rtnl, &routes, &n_routes, err) < 0 ||
            rtnl_addresses(nets->rtnl, &addresses, &n_addresses, err) < 0)
                r = -1;
        for (size_t i = 0; i < n_routes; i++)
                take(list, count, &routes[i].destination);
        for (size_t i = 0; i < n_addresses; i++)
                take(list, count, &addresses[i].address);
        free(routes);
        free(addresses);
        return r;
}

int network_taken_prefixes(struct networks *nets, bool host_too, struct ip_prefix **ret, size_t *ret_count,
                           struct error *err)
{
        struct ip_prefix *list = NULL;
        size_t count = 0;

        for (size_t i = 0; i < nets->n_records; i++)
                for (size_t k = 0; k < nets->records[i]->n_subnets && !nets->records[i]->config_only; k++)
                        take(&list, &count, &nets->records[i]->ranges[k].subnet);
        if (host_too && take_host(nets, &list, &count, err) < 0) {
                free(list);
                return -1;
        }
        *ret = list;
        *ret_count = count;
        return 0;
}

/* ---- One network ---- */

static int set_sysctl(const char *format, const char *interface, const char *value, bool optional,
                      struct error *err)
{
        cleanup_free char *path = string_format("/proc/sys/net/%s/%s", format, interface);
        cleanup_free char *old = NULL;
        size_t len;

        if (optional && access(path, F_OK) < 0)
                return 0;
        /* Not written when it is so already: /proc/sys may be read-only. */
        if (file_read(AT_FDCWD, path, 64, &old, &len, NULL) == 0 && len > 0 &&
            strncmp(old, value, strlen(value)) == 0)
                return 0;
        return file_write(AT_FDCWD, path, value, err);
}

static int bridge_sysctls(struct networks *nets, const struct network_record *r, struct error *err)
{
        cleanup_free char *v4 = string_format("ipv4/conf/%s", r->bridge),
                          *v6 = string_format("ipv6/conf/%s", r->bridge);

        if (set_sysctl(v4, "route_localnet", "1", false, err) < 0)
                return -1;
        if (!nets->no_forward && r->ipv4 && set_sysctl("ipv4", "ip_forward", "1", false, err) < 0)
                return error_context(err, "enable IPv4 forwarding");
        if (r->ipv6 &&
            (set_sysctl(v6, "disable_ipv6", "0", false, err) < 0 ||
             set_sysctl(v6, "accept_ra", "0", true, err) < 0 ||
             (!nets->no_forward && set_sysctl("ipv6/conf/all", "forwarding", "1", false, err) < 0)))
                return error_context(err, "enable IPv6");
        return 0;
}

void network_nft(const struct network_record *record, struct nft_network *ret)
{
        *ret = (struct nft_network){ .masquerade = record->masquerade,
                                     .internal = record->internal,
                                     .icc = record->icc,
                                     .trusted = record->trusted };
        memcpy(ret->bridge, record->bridge, sizeof(ret->bridge));
        memcpy(ret->modes, record->modes, sizeof(ret->modes));
        memcpy(ret->sources, record->sources, sizeof(ret->sources));
        for (size_t i = 0; i < record->n_subnets && ret->n_subnets < ARRAY_SIZE(ret->subnets); i++)
                ret->subnets[ret->n_subnets++] = record->ranges[i].subnet;
}

/* The bridge, found or made, with its addresses. */
static int bridge_up(struct networks *nets, struct network_record *r, struct error *err)
{
        struct rtnl_link link;
        int found = rtnl_link_find(nets->rtnl, r->bridge, &link, err);
        uint8_t mac[6];

        if (found < 0)
                return -1;
        if (found && !streq(link.kind, "bridge"))
                return error_set(err, ERROR_CONFLICT, "interface %s is there already and is no bridge",
                                 r->bridge);
        if (!found) {
                mac_random(mac);
                rtnl_bridge_add(nets->rtnl, r->bridge, mac, r->mtu ? r->mtu : nets->mtu);
                if (rtnl_commit(nets->rtnl, err) < 0 ||
                    rtnl_link_find(nets->rtnl, r->bridge, &link, err) <= 0)
                        return err->kind ? -1 : error_set(err, ERROR_SYSTEM, "bridge %s has gone", r->bridge);
        }
        r->master = link.index;
        if (bridge_sysctls(nets, r, err) < 0)
                return -1;
        for (size_t i = 0; i < r->n_subnets; i++) {
                struct ip_prefix address = { r->ranges[i].gateway, r->ranges[i].subnet.length };

                if (ip_given(&address.address) && !(address.address.family == AF_INET && r->inhibit_ipv4))
                        rtnl_address_add(nets->rtnl, link.index, &address);
        }
        rtnl_link_up(nets->rtnl, link.index, r->bridge);
        return rtnl_commit(nets->rtnl, err);
}

/* Without a parent the containers of a macvlan or ipvlan network only see each other. A parent like eth0.10
 * that isn't there is made: VLAN 10 of eth0. */
static int parent_make(struct networks *nets, struct network_record *r, struct error *err)
{
        const char *dot = strrchr(r->bridge, '.');
        cleanup_free char *below = dot ? xstrndup(r->bridge, (size_t)(dot - r->bridge)) : NULL;
        struct rtnl_link link;
        uint64_t number = 0;
        int found;

        if (string_empty(strmap_get(&r->options, "parent"))) {
                rtnl_dummy_add(nets->rtnl, r->bridge);
                return rtnl_commit(nets->rtnl, err);
        }
        if (!dot || string_to_uint64(dot + 1, &number, NULL) < 0 || number < 1 || number > 4094)
                return error_set(err, ERROR_INVALID,
                                 "invalid subinterface vlan name %s, example formatting is eth0.10",
                                 r->bridge);
        found = rtnl_link_find(nets->rtnl, below, &link, err);
        if (found <= 0)
                return found < 0 ? -1
                                 : error_set(err, ERROR_INVALID,
                                             "-o parent interface was not found on the host: %s", below);
        rtnl_tagged_add(nets->rtnl, r->bridge, link.index, (uint16_t)number);
        return rtnl_commit(nets->rtnl, err);
}

static int parent_up(struct networks *nets, struct network_record *r, struct error *err)
{
        struct rtnl_link link;
        int found = rtnl_link_find(nets->rtnl, r->bridge, &link, err);

        if (found == 0) {
                if (parent_make(nets, r, err) < 0)
                        return -1;
                found = rtnl_link_find(nets->rtnl, r->bridge, &link, err);
        }
        if (found <= 0)
                return found < 0 ? -1 : error_set(err, ERROR_SYSTEM, "interface %s has gone", r->bridge);
        r->master = link.index;
        return 0;
}

int network_parent_check(struct networks *nets, struct network_record *record, struct error *err)
{
        struct rtnl_link link;
        int found;

        if (!record->kind || streq(record->kind, "veth"))
                return 0;
        found = rtnl_link_find(nets->rtnl, record->bridge, &link, err);
        record->parent_made = found == 0;
        return found < 0 ? -1 : 0;
}

int network_up(struct networks *nets, struct network_record *record, struct error *err)
{
        struct nft_network rules;

        if (!record->kind)
                return 0;
        if (!streq(record->kind, "veth"))
                return parent_up(nets, record, err);
        if (bridge_up(nets, record, err) < 0)
                return -1;
        network_nft(record, &rules);
        nft_network_add(nets->nft, &rules);
        if (nft_commit(nets->nft, err) < 0) {
                rtnl_link_delete(nets->rtnl, record->bridge);
                rtnl_commit(nets->rtnl, NULL);
                return -1;
        }
        return 0;
}

void network_down(struct networks *nets, struct network_record *record)
{
        cleanup_error struct error err = { 0 };
        struct nft_network rules;

        if (!record->kind || (!streq(record->kind, "veth") && !record->parent_made))
                return;
        if (streq(record->kind, "veth")) {
                network_nft(record, &rules);
                nft_network_remove(nets->nft, &rules);
                if (nft_commit(nets->nft, &err) < 0)
                        log_warn("network %s: %s", record->name, error_message(&err));
                error_clear(&err);
        }
        rtnl_link_delete(nets->rtnl, record->bridge);
        if (rtnl_commit(nets->rtnl, &err) < 0 && err.errnum != ENODEV)
                log_warn("network %s: %s", record->name, error_message(&err));
}

/* ---- Recovery ---- */

/* Of a container that has ended without us. */
static void forget_run(struct networks *nets, struct network_member_state *m)
{
        bool changed = !string_empty(m->sandbox_id);

        for (size_t i = 0; i < m->n_endpoints; i++) {
                changed = changed || m->endpoints[i].attached;
                if (m->endpoints[i].attached)
                        endpoint_detach(nets, m, &m->endpoints[i]);
        }
        if (!changed)
                return;
        dns_files_remove(nets, m);
        shim_ports_free(m->ports, m->n_ports);
        m->ports = NULL;
        m->n_ports = 0;
        replace_string(&m->sandbox_id, NULL);
        network_member_save(nets, m, false, NULL);
}

int network_recover(struct networks *nets, char *const *live, struct error *err)
{
        for (size_t i = 0; i < nets->n_members; i++)
                if (!live || !strv_contains(live, nets->members[i]->id))
                        forget_run(nets, nets->members[i]);
        nft_table_replace(nets->nft);
        for (size_t i = 0; i < nets->n_records; i++) {
                struct network_record *r = nets->records[i];
                cleanup_error struct error why = { 0 };
                struct nft_network rules;

                if (!r->kind)
                        continue;
                /* One network that can't be had must not keep the engine from starting. */
                if ((streq(r->kind, "veth") ? bridge_up(nets, r, &why) : parent_up(nets, r, &why)) < 0) {
                        log_warn("network %s: %s", r->name, error_message(&why));
                        strv_append_take(&nets->warnings,
                                         string_format("network %s: %s", r->name, error_message(&why)));
                        if (!streq(r->kind, "veth"))
                                continue;
                }
                if (streq(r->kind, "veth")) {
                        network_nft(r, &rules);
                        nft_network_add(nets->nft, &rules);
                }
        }
        for (size_t i = 0; i < nets->n_members; i++)
                ports_queue_rules(nets, nets->members[i]->ports, nets->members[i]->n_ports, false);
        return nft_commit(nets->nft, err);
}
