/* A container's place in a network: address, interface, routes. */
#include "engine/network-internal.h"

#include "base/fd.h"
#include "base/log.h"
#include "engine/event.h"

#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <sys/random.h>

/* ---- What may be asked for ---- */

static void add_problem(char ***problems, const char *text)
{
        strv_append(problems, text);
}

static void check_address(const struct network_record *r, const char *text, int family, bool user_defined,
                          char ***problems)
{
        const char *kind = family == AF_INET ? "IPv4" : "IPv6";
        struct ip_address a = { 0 };
        bool configured = false, contained = false;

        if (string_empty(text))
                return;
        if (ip_address_parse(text, &a) < 0 || a.family != family) {
                strv_append_take(problems, string_format("invalid %s address: %s", kind, text));
                a.family = AF_UNSPEC;
        }
        if (!r)
                return;
        if (!user_defined)
                add_problem(problems, "user specified IP address is supported on user defined networks only");
        for (size_t i = 0; i < r->n_subnets; i++) {
                const struct network_range *range = &r->ranges[i];

                if (range->subnet.address.family != family || range->chosen)
                        continue;
                configured = true;
                contained = contained || ip_prefix_contains(&range->subnet, &a);
        }
        if (!configured)
                add_problem(problems,
                            "user specified IP address is supported only when connecting to networks with "
                            "user configured subnets");
        else if (!contained && ip_given(&a))
                strv_append_take(
                    problems,
                    string_format("no configured subnet or ip-range contain the IP address %s", text));
}

/* Addresses beside that of the network: 169.254.0.0/16, fe80::/10. */
static bool is_link_local(const struct ip_address *a)
{
        return a->family == AF_INET ? a->bytes[0] == 169 && a->bytes[1] == 254
                                    : a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

static void check_link_local(char *const *list, char ***problems)
{
        for (; list && *list; list++) {
                struct ip_address a;

                if (ip_address_parse(*list, &a) < 0 || !is_link_local(&a))
                        strv_append_take(problems, string_format("invalid link-local IP address: %s", *list));
        }
}

static void check_interface_name(const struct endpoint_settings *s, char ***problems)
{
        const char *name = strmap_get(&s->driver_opts, OPTION_INTERFACE);

        if (!string_empty(name) &&
            (strlen(name) >= IFNAMSIZ || strpbrk(name, "/: \t\n") || streq(name, ".") || streq(name, "..")))
                strv_append_take(problems, string_format("invalid interface name: %s", name));
}

static void check_sysctls(const struct endpoint_settings *s, char ***problems)
{
        const char *text = strmap_get(&s->driver_opts, OPTION_SYSCTLS);
        cleanup_interface_sysctls struct interface_sysctls list = { 0 };
        cleanup_error struct error err = { 0 };

        if (text && interface_sysctls_parse(text, &list, &err) < 0)
                strv_append(problems, error_message(&err));
}

int endpoint_check(const struct network_record *record, const struct endpoint_settings *s, struct error *err)
{
        cleanup_strv char **problems = NULL;
        bool user_defined = record && !record->predefined;
        uint8_t mac[6];

        if (!string_empty(s->mac_address) && mac_parse(s->mac_address, mac) < 0)
                return error_set(err, ERROR_INVALID, "invalid MAC address %s", s->mac_address);
        if (s->ipam_config) {
                check_address(record, s->ipam_config->ipv4_address, AF_INET, user_defined, &problems);
                check_address(record, s->ipam_config->ipv6_address, AF_INET6, user_defined, &problems);
                check_link_local(s->ipam_config->link_local_ips, &problems);
        }
        check_interface_name(s, &problems);
        check_sysctls(s, &problems);
        if (record && !user_defined && strv_length(s->aliases) > 0)
                add_problem(&problems,
                            "network-scoped alias is supported only for containers in user defined networks");
        if (!problems)
                return 0;
        if (strv_length(problems) > 1) {
                cleanup_free char *joined = strv_join(problems, "\n* ");

                return error_set(err, ERROR_INVALID, "invalid endpoint settings:\n* %s", joined);
        }
        return error_set(err, ERROR_INVALID, "invalid endpoint settings:\n%s", problems[0]);
}

/* ---- Addresses ---- */

static int compare_addresses(const void *a, const void *b)
{
        return ip_address_compare(a, b);
}

/* All addresses of a family that somebody has in the network, sorted. */
static struct ip_address *taken_addresses(struct networks *nets, const struct network_record *r, int family,
                                          size_t *ret_count)
{
        struct ip_address *list = NULL;
        size_t count = 0;

        for (size_t i = 0; i < r->n_subnets; i++) {
                if (r->ranges[i].subnet.address.family != family)
                        continue;
                if (ip_given(&r->ranges[i].gateway))
                        ARRAY_APPEND(list, count, r->ranges[i].gateway);
                for (size_t k = 0; k < r->ranges[i].n_aux; k++)
                        ARRAY_APPEND(list, count, r->ranges[i].aux[k]);
        }
        for (size_t i = 0; i < nets->n_members; i++)
                for (size_t k = 0; k < nets->members[i]->n_endpoints; k++) {
                        const struct endpoint *e = &nets->members[i]->endpoints[k];
                        const struct ip_address *a = &e->addresses[family == AF_INET6];

                        if (ip_given(a) && streq(e->settings.network_id, r->id))
                                ARRAY_APPEND(list, count, *a);
                }
        if (count > 0)
                qsort(list, count, sizeof(*list), compare_addresses);
        *ret_count = count;
        return list;
}

static int take_fixed(const struct network_range *range, const struct ip_address *wanted,
                      const struct ip_address *taken, size_t n_taken, struct error *err)
{
        struct ip_address network = ip_prefix_network(&range->subnet).address;

        if (ip_address_compare(&network, wanted) == 0 ||
            (n_taken > 0 && bsearch(wanted, taken, n_taken, sizeof(*taken), compare_addresses)))
                return error_set(err, ERROR_CONFLICT, "Address already in use");
        return 0;
}

/* One address of a family, in `*ret` and with its subnet's length in `*ret_length`. */
static int take_address(struct networks *nets, const struct network_record *r, int family,
                        const char *wanted_text, struct ip_address *ret, unsigned *ret_length,
                        struct ip_address *ret_gateway, struct error *err)
{
        struct ip_address wanted = { 0 };
        size_t n_taken;
        struct ip_address *taken = taken_addresses(nets, r, family, &n_taken);
        int result = -1;
        bool any = false;

        if (!string_empty(wanted_text))
                ip_address_parse(wanted_text, &wanted);
        for (size_t i = 0; i < r->n_subnets && result < 0 && !err->kind; i++) {
                const struct network_range *range = &r->ranges[i];

                if (range->subnet.address.family != family ||
                    (ip_given(&wanted) && !ip_prefix_contains(&range->subnet, &wanted)))
                        continue;
                any = true;
                if (ip_given(&wanted)) {
                        *ret = wanted;
                        result = take_fixed(range, &wanted, taken, n_taken, err);
                } else {
                        result = ipam_choose_address(&range->subnet, &range->range, taken, n_taken, ret);
                }
                *ret_length = range->subnet.length;
                *ret_gateway = range->gateway;
        }
        free(taken);
        if (result == 0 || err->kind)
                return result;
        if (!any)
                return error_set(err, ERROR_INVALID,
                                 "no configured subnet or ip-range contain the IP address %s",
                                 wanted_text ? wanted_text : "");
        return error_set(err, ERROR_FORBIDDEN,
                         "no available IPv%d addresses on this network's address pools: %s (%s)",
                         family == AF_INET ? 4 : 6, r->name, r->id);
}

/* ---- Attaching ---- */

static bool bridge_filters_packets(void)
{
        cleanup_free char *text = NULL;
        size_t len;

        return file_read(AT_FDCWD, "/proc/sys/net/bridge/bridge-nf-call-iptables", 16, &text, &len, NULL) ==
                   0 &&
               *text == '1';
}

static void random_host_name(char ret[IFNAMSIZ])
{
        uint8_t bytes[4];

        if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
                abort();
        snprintf(ret, IFNAMSIZ, "veth%02x%02x%02x%x", bytes[0], bytes[1], bytes[2], bytes[3] & 15);
}

static void set_dns_names(struct endpoint *e, const struct network_member *member)
{
        char **names = NULL;
        cleanup_free char *short_id = xstrndup(member->id, 12);

        strv_append(&names, member->name);
        for (char **a = e->settings.aliases; a && *a; a++)
                if (!strv_contains(names, *a))
                        strv_append(&names, *a);
        if (!strv_contains(names, short_id))
                strv_append(&names, short_id);
        if (member->config && !string_empty(member->config->hostname) &&
            !strv_contains(names, member->config->hostname))
                strv_append(&names, member->config->hostname);
        strv_free(e->settings.dns_names);
        e->settings.dns_names = names;
}

/* The way out that the network gives in a family: a gateway, or (ipvlan's layer 3) the interface itself. */
static bool is_layer3(const struct network_record *r)
{
        return streq(r->driver, "ipvlan") && r->mode != IPVLAN_MODE_L2;
}

/* With `routes` the interface gets the default routes at once (a container's only network). */
static int take_family(struct networks *nets, const struct network_record *r, struct endpoint *e, bool six,
                       bool routes, struct sandbox_interface *iface, struct error *err)
{
        const struct endpoint_ipam_config *wanted = e->settings.ipam_config;
        struct endpoint_settings *s = &e->settings;
        struct ip_address gateway = { 0 };
        char text[IP_TEXT_SIZE];
        unsigned length = 0;

        if (take_address(nets, r, six ? AF_INET6 : AF_INET,
                         !wanted ? NULL
                         : six   ? wanted->ipv6_address
                                 : wanted->ipv4_address,
                         &e->addresses[six], &length, &gateway, err) < 0)
                return -1;
        ip_address_format(&e->addresses[six], text);
        replace_string(six ? &s->global_ipv6_address : &s->ip_address, text);
        *(six ? &s->global_ipv6_prefix_len : &s->ip_prefix_len) = (int)length;
        iface->addresses[iface->n_addresses++] = (struct ip_prefix){ e->addresses[six], length };
        if (r->internal || is_layer3(r))
                gateway = (struct ip_address){ 0 };
        replace_string(six ? &s->ipv6_gateway : &s->gateway,
                       ip_given(&gateway) ? ip_address_format(&gateway, text) : "");
        if (routes)
                iface->gateways[six] = gateway;
        iface->on_link[six] = routes && is_layer3(r) && !r->internal;
        return 0;
}

static int take_addresses(struct networks *nets, const struct network_record *r, struct endpoint *e,
                          bool routes, struct sandbox_interface *iface, struct error *err)
{
        const struct endpoint_ipam_config *wanted = e->settings.ipam_config;

        for (int six = 0; six < 2 && !streq(r->ipam_driver, "null"); six++)
                if ((six ? r->ipv6 : r->ipv4) && take_family(nets, r, e, six, routes, iface, err) < 0)
                        return -1;
        for (char **a = wanted ? wanted->link_local_ips : NULL; a && *a; a++) {
                struct ip_prefix address;

                if (iface->n_addresses == ARRAY_SIZE(iface->addresses))
                        return error_set(err, ERROR_INVALID, "too many link-local addresses");
                if (ip_address_parse(*a, &address.address) < 0)
                        continue; /* was checked */
                address.length = address.address.family == AF_INET ? 16 : 64;
                iface->addresses[iface->n_addresses++] = address;
        }
        return 0;
}

static void clear_run(struct endpoint *e)
{
        struct endpoint_settings *s = &e->settings;
        char **strings[] = { &s->endpoint_id, &s->gateway, &s->ip_address, &s->ipv6_gateway,
                             &s->global_ipv6_address };

        for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
                replace_string(strings[i], NULL);
        replace_string(&s->mac_address, e->wanted_mac);
        s->ip_prefix_len = s->global_ipv6_prefix_len = 0;
        strv_free(s->dns_names);
        s->dns_names = NULL;
        replace_string(&e->host_name, NULL);
        replace_string(&e->interface, NULL);
        e->addresses[0] = e->addresses[1] = (struct ip_address){ 0 };
        e->attached = false;
}

/* The hardware address follows from the IP address: whoever talked to the last container that had this
 * address (the host, neighbours) has it in his neighbour table for some seconds, and finds the new one at
 * once. */
static void derive_mac(const struct endpoint *e, uint8_t mac[6])
{
        const struct ip_address *six = &e->addresses[1];

        mac_random(mac);
        if (!ip_given(&e->addresses[0]) && !ip_given(six))
                return;
        mac[0] = 0x02;
        mac[1] = 0x42;
        memcpy(mac + 2, ip_given(&e->addresses[0]) ? e->addresses[0].bytes : six->bytes + 12, 4);
}

static int make_interface(struct networks *nets, const struct network_record *r, struct endpoint *e,
                          struct sandbox *sandbox, struct sandbox_interface *iface, struct error *err)
{
        const char *prefix = strmap_get(&r->options, OPTION_PREFIX);
        const char *name = strmap_get(&e->settings.driver_opts, OPTION_INTERFACE);
        const char *sysctls = strmap_get(&e->settings.driver_opts, OPTION_SYSCTLS);
        char text[MAC_TEXT_SIZE];

        iface->kind = r->kind;
        iface->mode = r->mode;
        iface->flag = r->flag;
        iface->master = r->master;
        iface->mtu = r->mtu ? r->mtu : streq(r->kind, "veth") ? nets->mtu : 0;
        iface->hairpin = bridge_filters_packets();
        iface->isolated = !r->icc;
        if (string_empty(e->wanted_mac) || mac_parse(e->wanted_mac, iface->mac) < 0)
                derive_mac(e, iface->mac);
        if (sysctls && interface_sysctls_parse(sysctls, &iface->sysctls, err) < 0)
                return -1;
        if (!string_empty(name))
                snprintf(iface->name, sizeof(iface->name), "%s", name);
        else if (sandbox_free_name(sandbox, prefix ? prefix : "eth", iface->name, err) < 0)
                return -1;
        if (streq(r->kind, "veth"))
                random_host_name(iface->host_name);
        if (sandbox_attach(sandbox, nets->rtnl, iface, err) < 0)
                return -1;
        replace_string(&e->settings.mac_address, mac_format(iface->mac, text));
        replace_string(&e->host_name, iface->host_name);
        replace_string(&e->interface, iface->name);
        return 0;
}

int endpoint_attach(struct networks *nets, struct network_member_state *m, struct endpoint *e,
                    const struct network_member *member, struct sandbox *sandbox, struct error *err)
{
        struct network_record *r = string_empty(e->settings.network_id)
                                       ? network_find_exact(nets, e->network)
                                       : network_find_exact(nets, e->settings.network_id);
        struct sandbox_interface iface = { .n_addresses = 0 };
        int made = 0;

        if (!r)
                return error_set(err, ERROR_NOT_FOUND, "network %s not found",
                                 string_empty(e->settings.network_id) ? e->network : e->settings.network_id);
        if (endpoint_check(r, &e->settings, err) < 0)
                return error_context(err, "invalid config for network %s", r->name);
        replace_string(&e->network, r->name);
        replace_string(&e->settings.network_id, r->id);
        if (r->config_only)
                return error_set(err, ERROR_FORBIDDEN,
                                 "cannot create endpoint on configuration-only network");
        if (r->kind && (take_addresses(nets, r, e, m->n_endpoints == 1, &iface, err) < 0 ||
                        make_interface(nets, r, e, sandbox, &iface, err) < 0))
                made = -1;
        interface_sysctls_deinit(&iface.sysctls);
        if (made < 0) {
                clear_run(e);
                return -1;
        }
        if (!r->kind) {
                replace_string(&e->host_name, "");
                replace_string(&e->interface, "");
        }
        free(e->settings.endpoint_id);
        e->settings.endpoint_id = network_random_id();
        if (!r->predefined)
                set_dns_names(e, member);
        e->attached = true;
        network_event(nets, r, "connect", member->id);
        return 0;
}

void endpoint_detach(struct networks *nets, const struct network_member_state *m, struct endpoint *e)
{
        cleanup_error struct error err = { 0 };

        dns_files_remove_endpoint(nets, m, e);
        /* The namespace may live a little longer than its container: the pair is cut off now, so that the
         * address can be given to the next one, and removed behind our back. */
        if (!string_empty(e->host_name)) {
                rtnl_link_down(nets->rtnl, e->host_name);
                if (rtnl_commit(nets->rtnl, &err) == 0)
                        link_reaper_add(nets->reaper, e->host_name);
                else if (err.errnum != ENODEV)
                        log_warn("%s", error_message(&err));
        }
        clear_run(e);
}

/* ---- Routes ---- */

/* Whether `a` is the better way out than `b`. */
static bool better_gateway(const struct endpoint *a, const struct endpoint *b)
{
        if (a->settings.gw_priority != b->settings.gw_priority)
                return a->settings.gw_priority > b->settings.gw_priority;
        return strcmp(a->network, b->network) < 0;
}

struct endpoint *member_gateway_endpoint(struct networks *nets, struct network_member_state *m, int family)
{
        struct endpoint *best = NULL;

        (void)nets;
        for (size_t i = 0; i < m->n_endpoints; i++) {
                struct endpoint *e = &m->endpoints[i];
                const char *gateway = family == AF_INET ? e->settings.gateway : e->settings.ipv6_gateway;

                if (e->attached && !string_empty(gateway) && (!best || better_gateway(e, best)))
                        best = e;
        }
        return best;
}

int member_update_gateways(struct networks *nets, struct network_member_state *m, struct sandbox *sandbox,
                           struct error *err)
{
        struct endpoint *four = member_gateway_endpoint(nets, m, AF_INET);
        struct endpoint *six = member_gateway_endpoint(nets, m, AF_INET6);
        struct ip_address gateways[2] = { 0 };

        if (four)
                ip_address_parse(four->settings.gateway, &gateways[0]);
        if (six)
                ip_address_parse(six->settings.ipv6_gateway, &gateways[1]);
        return sandbox_set_gateways(sandbox, four ? four->interface : NULL, six ? six->interface : NULL,
                                    gateways, err);
}

void network_event(struct networks *nets, const struct network_record *record, const char *action,
                   const char *container_id)
{
        cleanup_strmap struct strmap attributes = { 0 };

        if (!nets->events)
                return;
        if (container_id)
                strmap_set(&attributes, "container", container_id);
        strmap_set(&attributes, "name", record->name);
        strmap_set(&attributes, "type", record->driver);
        event_log_publish(nets->events, "network", action, record->id, &attributes);
}
