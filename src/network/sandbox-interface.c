/* Interfaces of a sandbox: made in the host's namespace, configured in the container's. */
#include "network/sandbox.h"

#include "base/fd.h"
#include "base/str.h"
#include "network/rtnetlink.h"

#include <errno.h>

/* ---- Its sysctls; on a thread in the container's namespace ---- */

static int write_sysctl(const char *interface, const struct interface_sysctl *sysctl, struct error *err)
{
        cleanup_free char *path =
            string_format("/proc/sys/%s/%s/%s", sysctl->directory, interface, sysctl->name);

        if (access(path, F_OK) < 0)
                return error_set(err, ERROR_INVALID, "%s is not a sysctl file", path);
        if (file_write(AT_FDCWD, path, sysctl->value, err) < 0)
                return error_context(err, "unable to write to '%s'", path);
        return 0;
}

static bool has_ipv6(const struct sandbox_interface *iface)
{
        for (size_t i = 0; i < iface->n_addresses; i++)
                if (iface->addresses[i].address.family == AF_INET6)
                        return true;
        return false;
}

static int write_sysctls(void *arg, struct error *err)
{
        static const struct interface_sysctl enable = { (char *)"net/ipv6/conf", (char *)"disable_ipv6",
                                                        (char *)"0" };
        const struct sandbox_interface *iface = arg;

        if (has_ipv6(iface) && write_sysctl(iface->name, &enable, err) < 0)
                return -1;
        for (size_t i = 0; i < iface->sysctls.count; i++)
                if (write_sysctl(iface->name, &iface->sysctls.items[i], err) < 0)
                        return -1;
        return 0;
}

/* ---- Attaching ---- */

static void queue_gateways(struct sandbox *s, int index, const struct ip_address gateways[2])
{
        for (int i = 0; i < 2; i++) {
                struct ip_prefix everything = { .address.family = gateways[i].family };

                if (ip_given(&gateways[i]))
                        rtnl_route_add(s->rtnl, index, &everything, &gateways[i]);
        }
}

static void queue_on_link(struct sandbox *s, int index, const bool on_link[2])
{
        for (int i = 0; i < 2; i++) {
                struct ip_prefix everything = { .address.family = i ? AF_INET6 : AF_INET };

                if (on_link[i])
                        rtnl_route_add(s->rtnl, index, &everything, NULL);
        }
}

static int configure(struct sandbox *s, const struct sandbox_interface *iface, struct error *err)
{
        struct rtnl_link link;
        int r = rtnl_link_find(s->rtnl, iface->name, &link, err);

        if (r <= 0)
                return r < 0 ? -1 : error_set(err, ERROR_SYSTEM, "interface %s has gone", iface->name);
        if ((has_ipv6(iface) || iface->sysctls.count > 0) &&
            sandbox_run(s->netns, write_sysctls, (void *)iface, err) < 0)
                return -1;
        for (size_t i = 0; i < iface->n_addresses; i++)
                rtnl_address_add(s->rtnl, link.index, &iface->addresses[i]);
        rtnl_link_up(s->rtnl, link.index, iface->name);
        queue_gateways(s, link.index, iface->gateways);
        queue_on_link(s, link.index, iface->on_link);
        return rtnl_commit(s->rtnl, err);
}

static void queue_vlan(struct sandbox *s, struct rtnl *host, const struct sandbox_interface *iface)
{
        struct rtnl_vlan vlan = {
                .kind = iface->kind,
                .mode = iface->mode,
                .flag = iface->flag,
                .parent = iface->master,
                .name = iface->name,
                .netns = s->netns,
                .mtu = iface->mtu,
        };

        memcpy(vlan.mac, iface->mac, sizeof(vlan.mac));
        rtnl_vlan_add(host, &vlan);
}

int sandbox_attach(struct sandbox *s, struct rtnl *host, const struct sandbox_interface *iface,
                   struct error *err)
{
        struct rtnl_veth veth = {
                .name = iface->host_name,
                .master = iface->master,
                .peer_name = iface->name,
                .peer_netns = s->netns,
                .mtu = iface->mtu,
                .hairpin = iface->hairpin,
                .isolated = iface->isolated,
        };

        memcpy(veth.peer_mac, iface->mac, sizeof(veth.peer_mac));
        if (streq(iface->kind, "veth"))
                rtnl_veth_add(host, &veth);
        else
                queue_vlan(s, host, iface);
        if (rtnl_commit(host, err) < 0) {
                /* The pair may be there although its port wasn't set up - but not if the name was taken: what
                 * has it is somebody else's. */
                if (err->errnum != EEXIST)
                        sandbox_detach(s, iface->name, NULL);
                return error_context(err, "add interface %s", iface->name);
        }
        if (configure(s, iface, err) < 0) {
                sandbox_detach(s, iface->name, NULL);
                return -1;
        }
        return 0;
}

int sandbox_detach(struct sandbox *s, const char *name, struct error *err)
{
        rtnl_link_delete(s->rtnl, name);
        return rtnl_commit(s->rtnl, err);
}

static int queue_default(struct sandbox *s, const char *name, const struct ip_address *gateway,
                         struct error *err)
{
        struct ip_address gateways[2] = { *gateway, { 0 } };
        struct rtnl_link link;
        int r;

        if (!name || !ip_given(gateway))
                return 0;
        r = rtnl_link_find(s->rtnl, name, &link, err);
        if (r <= 0)
                return r;
        queue_gateways(s, link.index, gateways);
        return 0;
}

int sandbox_set_gateways(struct sandbox *s, const char *four, const char *six,
                         const struct ip_address gateways[2], struct error *err)
{
        struct rtnl_route *routes = NULL;
        size_t n = 0;

        if (rtnl_routes(s->rtnl, &routes, &n, err) < 0)
                return -1;
        for (size_t i = 0; i < n; i++)
                if (routes[i].destination.length == 0 && ip_given(&routes[i].gateway))
                        rtnl_route_delete(s->rtnl, routes[i].index, &routes[i].destination);
        free(routes);
        /* What the container's owner removed already needs no removing. */
        rtnl_commit(s->rtnl, NULL);
        if (queue_default(s, four, &gateways[0], err) < 0 || queue_default(s, six, &gateways[1], err) < 0)
                return -1;
        return rtnl_commit(s->rtnl, err);
}

int sandbox_free_name(struct sandbox *s, const char *prefix, char ret[IFNAMSIZ], struct error *err)
{
        for (unsigned i = 0; i < 1000; i++) {
                struct rtnl_link link;
                int r;

                if (snprintf(ret, IFNAMSIZ, "%s%u", prefix, i) >= IFNAMSIZ)
                        break;
                r = rtnl_link_find(s->rtnl, ret, &link, err);
                if (r <= 0)
                        return r;
        }
        return error_set(err, ERROR_INVALID, "no interface name is left for prefix %s", prefix);
}
