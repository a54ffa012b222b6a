/* Opening: options, the three predefined networks, recovery. */
#include "engine/network-internal.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/paths.h"
#include "base/time.h"
#include "store/database.h"

#include <stdio.h>

#define DEFAULT_MTU 1500
#define SPARE_SANDBOXES 2

static void suffix_set(struct networks *nets, const char *exec_root)
{
        uint8_t digest[SHA256_SIZE];

        nets->exec_root = xstrdup(exec_root ? exec_root : PATH_EXEC_ROOT);
        hash_data(nets->exec_root, strlen(nets->exec_root), digest);
        nets->suffix = streq(nets->exec_root, PATH_EXEC_ROOT)
                           ? xstrdup("")
                           : string_format("%02x%02x%02x", digest[0], digest[1], digest[2]);
}

/* The MTU of the interface with the best default route. */
static unsigned host_mtu(struct networks *nets)
{
        struct rtnl_route *routes = NULL;
        struct rtnl_link *links = NULL;
        size_t n_routes = 0, n_links = 0;
        const struct rtnl_route *best = NULL;
        unsigned mtu = DEFAULT_MTU;

        if (rtnl_routes(nets->rtnl, &routes, &n_routes, NULL) == 0 &&
            rtnl_links(nets->rtnl, &links, &n_links, NULL) == 0)
                for (size_t i = 0; i < n_routes; i++)
                        if (routes[i].destination.length == 0 &&
                            routes[i].destination.address.family == AF_INET &&
                            (!best || routes[i].priority < best->priority))
                                best = &routes[i];
        for (size_t i = 0; best && i < n_links; i++)
                if (links[i].index == best->index && links[i].mtu >= 576)
                        mtu = links[i].mtu;
        free(routes);
        free(links);
        return mtu;
}

static int options_take(struct networks *nets, const struct network_options *o, struct error *err)
{
        suffix_set(nets, o->exec_root);
        nets->no_default = streq(o->bridge, "none");
        nets->bridge = !string_empty(o->bridge) && !nets->no_default ? xstrdup(o->bridge)
                       : *nets->suffix                               ? string_format("dv%s-0", nets->suffix)
                                                                     : xstrdup("davit0");
        nets->no_forward = o->no_forward;
        nets->no_masquerade = o->no_masquerade;
        nets->no_icc = o->no_icc;
        nets->default_ipv6 = o->ipv6;
        nets->bip = xstrdup(o->bip);
        nets->bip6 = xstrdup(o->bip6);
        nets->fixed_cidr = xstrdup(o->fixed_cidr);
        nets->fixed_cidr6 = xstrdup(o->fixed_cidr6);
        if (!string_empty(o->default_gateway) || !string_empty(o->default_gateway6))
                return error_set(err, ERROR_UNSUPPORTED, "--default-gateway is not supported");
        nets->mtu = o->mtu;
        nets->n_pools = o->n_pools ? o->n_pools : ipam_n_default_pools;
        nets->pools =
            xmemdup(o->n_pools ? o->pools : ipam_default_pools, nets->n_pools * sizeof(*nets->pools));
        nets->default_ip = (struct ip_address){ .family = AF_UNSPEC };
        if (!string_empty(o->default_ip) && ip_address_parse(o->default_ip, &nets->default_ip) < 0)
                return error_set(err, ERROR_INVALID, "invalid default IP address: %s", o->default_ip);
        nets->host_gateway_ips = strv_copy(o->host_gateway_ips);
        nets->dns = strv_copy(o->dns);
        nets->dns_search = strv_copy(o->dns_search);
        nets->dns_options = strv_copy(o->dns_options);
        return 0;
}

/* ---- The predefined networks ---- */

static struct network_record *predefined(struct networks *nets, const char *name, const char *driver)
{
        struct network_record *old = network_find_exact(nets, name), *r = xcalloc(1, sizeof(*r));

        *r = (struct network_record){ .name = xstrdup(name),
                                      .id = old ? xstrdup(old->id) : network_random_id(),
                                      .created = old ? old->created : time_now(),
                                      .driver = xstrdup(driver),
                                      .ipv4 = true,
                                      .ipam_driver = xstrdup("default"),
                                      .predefined = true };
        r->options.given = r->labels.given = true;
        return r;
}

/* Puts the record in place of one that an earlier engine (with other options) made. */
static int replace_record(struct networks *nets, struct network_record *r, struct error *err)
{
        struct network_record *old = network_find_exact(nets, r->name);

        if (old && network_record_same(old, r)) {
                network_record_free(r);
                return 0;
        }
        if (network_record_complete(nets, r, err) < 0 || (old && network_record_delete(nets, old, err) < 0) ||
            network_record_insert(nets, r, err) < 0) {
                network_record_free(r);
                return -1;
        }
        return 0;
}

static void add_subnet(struct network_record *r, struct network_subnet *s)
{
        ARRAY_APPEND(r->subnets, r->n_subnets, *s);
}

/* --bip, else what it had, else the first free one of the pools. */
static int default_subnet(struct networks *nets, const struct network_record *old,
                          struct ip_prefix *ret_gateway, struct error *err)
{
        struct ip_prefix *taken = NULL;
        size_t n_taken = 0;
        int r;

        if (!string_empty(nets->bip)) {
                if (ip_prefix_parse(nets->bip, ret_gateway) < 0 || ret_gateway->address.family != AF_INET)
                        return error_set(err, ERROR_INVALID, "invalid bip: %s", nets->bip);
                return 0;
        }
        for (size_t i = 0; old && i < old->n_subnets; i++)
                if (old->ranges[i].subnet.address.family == AF_INET && ip_given(&old->ranges[i].gateway)) {
                        *ret_gateway =
                            (struct ip_prefix){ old->ranges[i].gateway, old->ranges[i].subnet.length };
                        return 0;
                }
        if (network_taken_prefixes(nets, true, &taken, &n_taken, err) < 0)
                return -1;
        r = ipam_choose_subnet(nets->pools, nets->n_pools, AF_INET, taken, n_taken, ret_gateway, err);
        free(taken);
        if (r == 0)
                ret_gateway->address = ip_address_add(&ret_gateway->address, 1);
        return r;
}

static struct network_subnet subnet_of(const struct ip_prefix *gateway, const char *range)
{
        struct ip_prefix network = ip_prefix_network(gateway);
        char subnet_text[IP_TEXT_SIZE], gateway_text[IP_TEXT_SIZE];

        return (struct network_subnet){ .subnet = xstrdup(ip_prefix_format(&network, subnet_text)),
                                        .gateway =
                                            xstrdup(ip_address_format(&gateway->address, gateway_text)),
                                        .ip_range = xstrdup(range),
                                        .subnet_chosen = true };
}

static int default_bridge(struct networks *nets, struct error *err)
{
        const struct network_record *old = network_find_exact(nets, "bridge");
        struct network_record *r = predefined(nets, "bridge", "bridge");
        char mtu[16];
        struct ip_prefix gateway;
        struct network_subnet subnet;

        if (default_subnet(nets, old, &gateway, err) < 0) {
                network_record_free(r);
                return error_context(err, "default bridge network");
        }
        subnet = subnet_of(&gateway, nets->fixed_cidr);
        add_subnet(r, &subnet);
        if (nets->default_ipv6) {
                if (!string_empty(nets->bip6) && ip_prefix_parse(nets->bip6, &gateway) < 0) {
                        network_record_free(r);
                        return error_set(err, ERROR_INVALID, "invalid bip6: %s", nets->bip6);
                }
                if (string_empty(nets->bip6)) {
                        ipam_unique_local(r->id, &gateway);
                        gateway.address = ip_address_add(&gateway.address, 1);
                }
                subnet = subnet_of(&gateway, nets->fixed_cidr6);
                add_subnet(r, &subnet);
                r->ipv6 = true;
        }
        snprintf(mtu, sizeof(mtu), "%u", nets->mtu);
        strmap_set(&r->options, OPTION_DEFAULT_BRIDGE, "true");
        strmap_set(&r->options, OPTION_ICC, nets->no_icc ? "false" : "true");
        strmap_set(&r->options, OPTION_MASQUERADE, nets->no_masquerade ? "false" : "true");
        strmap_set(&r->options, OPTION_HOST_BINDING, "0.0.0.0");
        strmap_set(&r->options, OPTION_BRIDGE_NAME, nets->bridge);
        strmap_set(&r->options, OPTION_MTU, mtu);
        if (ip_given(&nets->default_ip)) {
                char text[IP_TEXT_SIZE];

                strmap_set(&r->options, OPTION_HOST_BINDING, ip_address_format(&nets->default_ip, text));
        }
        return replace_record(nets, r, err);
}

static int predefined_networks(struct networks *nets, struct error *err)
{
        if (replace_record(nets, predefined(nets, "none", "null"), err) < 0 ||
            replace_record(nets, predefined(nets, "host", "host"), err) < 0)
                return -1;
        if (!nets->no_default)
                return default_bridge(nets, err);
        return 0;
}

/* ---- Open and close ---- */

static void look_at_firewall(struct networks *nets)
{
        cleanup_free char *chain = NULL;

        if (nft_forward_drops(&chain, NULL) == 0 && chain) {
                strv_append_take(
                    &nets->warnings,
                    string_format("the host's firewall drops forwarded packets (chain %s has policy "
                                  "drop): containers have no network until it accepts those of davit's "
                                  "bridges",
                                  chain));
                log_warn("%s", nets->warnings[strv_length(nets->warnings) - 1]);
        }
}

static int open_kernel(struct networks *nets, char *const *live, struct error *err)
{
        cleanup_free char *table = string_format("davit%s%s", *nets->suffix ? "-" : "", nets->suffix);

        if (rtnl_open(&nets->rtnl, err) < 0 || link_reaper_new(&nets->reaper, err) < 0 ||
            nft_open(table, &nets->nft, err) < 0 ||
            sandbox_pool_new(SPARE_SANDBOXES, &nets->sandboxes, err) < 0)
                return -1;
        if (nets->mtu == 0)
                nets->mtu = host_mtu(nets);
        if (network_records_load(nets, err) < 0 || network_members_load(nets, err) < 0 ||
            predefined_networks(nets, err) < 0 || network_recover(nets, live, err) < 0)
                return -1;
        look_at_firewall(nets);
        return 0;
}

int networks_open(struct database *db, struct event_log *events, const struct network_options *options,
                  char *const *live, struct networks **ret, struct error *err)
{
        struct networks *nets = xcalloc(1, sizeof(*nets));

        pthread_mutex_init(&nets->lock, NULL);
        nets->db = db;
        nets->events = events;
        if (options_take(nets, options, err) < 0 || open_kernel(nets, live, err) < 0) {
                networks_close(nets);
                return error_context(err, "open networks");
        }
        *ret = nets;
        return 0;
}

void networks_close(struct networks *nets)
{
        if (!nets)
                return;
        sandbox_pool_free(nets->sandboxes);
        link_reaper_free(nets->reaper);
        for (size_t i = 0; i < nets->n_members; i++)
                network_member_free(nets->members[i]);
        for (size_t i = 0; i < nets->n_records; i++)
                network_record_free(nets->records[i]);
        free(nets->members);
        free(nets->records);
        rtnl_close(nets->rtnl);
        nft_close(nets->nft);
        free(nets->pools);
        char *strings[] = { nets->exec_root,
                            nets->suffix,
                            nets->bip,
                            nets->bip6,
                            nets->fixed_cidr,
                            nets->fixed_cidr6,
                            nets->default_gateway,
                            nets->default_gateway6,
                            nets->bridge };
        for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
                free(strings[i]);
        strv_free(nets->warnings);
        strv_free(nets->host_gateway_ips);
        strv_free(nets->dns);
        strv_free(nets->dns_search);
        strv_free(nets->dns_options);
        pthread_mutex_destroy(&nets->lock);
        free(nets);
}

void networks_set_engine(struct networks *nets, void *engine, const struct network_hooks *hooks)
{
        nets->engine = engine;
        nets->hooks = *hooks;
}

char *const *networks_warnings(struct networks *nets)
{
        static char *const none[] = { NULL };

        return nets->warnings ? nets->warnings : none;
}
