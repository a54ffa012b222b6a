/* Published ports: which host port, bound by us, redirected by the rules. */
#include "engine/network-internal.h"

#include "base/fd.h"
#include "base/log.h"
#include "network/port.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

/* One wanted binding: a container's port at some host addresses, at the first free port of a range. */
struct wanted {
        uint16_t container_port, first, last; /* first 0: any free one */
        int protocol;
        struct ip_address hosts[2];
        size_t n_hosts;
};

/* What ports_publish() collects; the descriptors belong to the ports of the same index. */
struct published {
        struct networks *nets;
        struct network_member_state *m;
        const struct endpoint *four,
            *six; /* where ports lead: NULL when the container has no address of that kind */
        const struct network_record *record;
        struct shim_port *ports;
        int *fds;
        size_t count;
};

/* ---- Checks ---- */

int ports_check(const struct container_config *config, const struct host_config *host, struct error *err)
{
        uint16_t first, last;
        int protocol;

        for (char **e = config->exposed_ports; e && *e; e++) {
                cleanup_free char *number = xstrndup(*e, strcspn(*e, "/"));

                /* A protocol that we don't know exposes nothing. */
                if (port_parse(number, &first, &protocol, err) < 0)
                        return -1;
        }
        for (size_t i = 0; i < host->n_port_bindings; i++) {
                const struct port_map_entry *entry = &host->port_bindings[i];

                if (port_parse(entry->port, &first, &protocol, err) < 0)
                        return -1;
                if (first == 0)
                        return error_set(err, ERROR_INVALID, "invalid port specification: \"%s\"",
                                         entry->port);
                for (size_t k = 0; k < entry->count; k++) {
                        const char *ip = entry->bindings[k].host_ip;
                        struct ip_address a;

                        if (port_range_parse(entry->bindings[k].host_port ? entry->bindings[k].host_port : "",
                                             &first, &last, err) < 0)
                                return -1;
                        if (!string_empty(ip) && ip_address_parse(ip, &a) < 0)
                                return error_set(err, ERROR_INVALID, "invalid IP address: %s", ip);
                }
        }
        return 0;
}

/* ---- Rules ---- */

/* A port as the rules want it: false for those that have none (relays only). */
static bool publish_rule(const struct shim_port *port, struct nft_publish *ret)
{
        struct nft_publish rule = { .host_port = (uint16_t)port->host_port,
                                    .container_port = (uint16_t)port->container_port,
                                    .protocol = port_protocol_parse(port->protocol) };

        if (ip_address_parse(port->host_ip, &rule.host_ip) < 0 ||
            ip_address_parse(port->container_ip, &rule.container_ip) < 0 ||
            rule.host_ip.family != rule.container_ip.family)
                return false;
        *ret = rule;
        return true;
}

/* The same container port may be published several times. */
static bool is_first_direct(const struct shim_port *ports, size_t i)
{
        for (size_t k = 0; k < i; k++)
                if (ports[k].direct && ports[k].container_port == ports[i].container_port &&
                    streq(ports[k].protocol, ports[i].protocol) &&
                    streq(ports[k].container_ip, ports[i].container_ip))
                        return false;
        return ports[i].direct;
}

void ports_queue_rules(struct networks *nets, const struct shim_port *ports, size_t count, bool remove)
{
        for (size_t i = 0; i < count; i++) {
                struct nft_publish rule;

                if (!publish_rule(&ports[i], &rule))
                        continue;
                if (is_first_direct(ports, i))
                        (remove ? nft_open_remove : nft_open_add)(nets->nft, &rule);
                /* The kernel routes nothing from ::1: there only the relay helps. */
                if (ports[i].host_port > 0 &&
                    !(rule.host_ip.family == AF_INET6 && ip_address_is_loopback(&rule.host_ip)))
                        (remove ? nft_publish_remove : nft_publish_add)(nets->nft, &rule);
        }
}

/* ---- What is wanted ---- */

static bool host_has_ipv6(void)
{
        return access("/proc/net/if_inet6", F_OK) == 0;
}

static void add_hosts(const struct network_record *r, const char *host_ip, struct wanted *w)
{
        if (!string_empty(host_ip)) {
                ip_address_parse(host_ip, &w->hosts[w->n_hosts++]);
        } else if (ip_given(&r->host_binding)) {
                w->hosts[w->n_hosts++] = r->host_binding;
        } else {
                w->hosts[w->n_hosts++] = (struct ip_address){ .family = AF_INET };
                if (host_has_ipv6() && w->protocol != IPPROTO_SCTP)
                        w->hosts[w->n_hosts++] = (struct ip_address){ .family = AF_INET6 };
        }
}

static void add_wanted(const struct network_record *r, const char *port, const struct port_binding *binding,
                       struct wanted **list, size_t *count)
{
        struct wanted w = { 0 };

        /* Both were checked at the container's creation. */
        if (port_parse(port, &w.container_port, &w.protocol, NULL) < 0 ||
            port_range_parse(binding->host_port ? binding->host_port : "", &w.first, &w.last, NULL) < 0)
                return;
        add_hosts(r, binding->host_ip, &w);
        ARRAY_APPEND(*list, *count, w);
}

static bool has_bindings(const struct host_config *host, const char *port)
{
        for (size_t i = 0; i < host->n_port_bindings; i++)
                if (streq(host->port_bindings[i].port, port) && host->port_bindings[i].count > 0)
                        return true;
        return false;
}

/* Those with a port of their own come first, so that a dynamic one doesn't take it. */
static int fixed_first(const void *a, const void *b)
{
        const struct wanted *x = a, *y = b;

        if ((x->first == 0) != (y->first == 0))
                return x->first == 0 ? 1 : -1;
        return x->container_port - y->container_port;
}

static void collect(const struct network_record *r, const struct network_member *member, struct wanted **list,
                    size_t *count)
{
        static const struct port_binding any = { NULL, NULL };
        const struct host_config *host = member->host;

        for (size_t i = 0; i < host->n_port_bindings; i++)
                for (size_t k = 0; k < host->port_bindings[i].count; k++)
                        add_wanted(r, host->port_bindings[i].port, &host->port_bindings[i].bindings[k], list,
                                   count);
        for (char **e = member->config->exposed_ports; host->publish_all_ports && e && *e; e++)
                if (!has_bindings(host, *e))
                        add_wanted(r, *e, &any, list, count);
        if (*count > 0)
                qsort(*list, *count, sizeof(**list), fixed_first);
}

/* ---- Finding and binding ---- */

static bool same_host(const struct ip_address *a, const struct ip_address *b)
{
        return a->family == b->family &&
               (ip_address_is_any(a) || ip_address_is_any(b) || ip_address_compare(a, b) == 0);
}

static const struct shim_port *find_conflict(const struct shim_port *ports, size_t count,
                                             const struct wanted *w, const struct ip_address *host,
                                             uint16_t port)
{
        for (size_t i = 0; i < count; i++) {
                struct ip_address other;

                if (ports[i].host_port == port && port_protocol_parse(ports[i].protocol) == w->protocol &&
                    ip_address_parse(ports[i].host_ip, &other) == 0 && same_host(&other, host))
                        return &ports[i];
        }
        return NULL;
}

static int check_conflict(struct published *p, const struct wanted *w, const struct ip_address *host,
                          uint16_t port, struct error *err)
{
        const struct shim_port *other = find_conflict(p->ports, p->count, w, host, port);

        for (size_t i = 0; !other && i < p->nets->n_members; i++)
                other =
                    find_conflict(p->nets->members[i]->ports, p->nets->members[i]->n_ports, w, host, port);
        if (!other)
                return 0;
        return error_set(err, ERROR_CONFLICT, "Bind for %s%s%s:%u failed: port is already allocated",
                         strchr(other->host_ip, ':') ? "[" : "", other->host_ip,
                         strchr(other->host_ip, ':') ? "]" : "", port);
}

/* The container's address for a host address: of the same family when it has one. */
static const char *target(const struct published *p, const struct ip_address *host)
{
        const char *four = p->four ? p->four->settings.ip_address : NULL;
        const char *six = p->six ? p->six->settings.global_ipv6_address : NULL;

        return host->family == AF_INET ? (four ? four : six) : (six ? six : four);
}

static int bind_socket(const struct wanted *w, const struct ip_address *host, uint16_t port, bool relay,
                       const char *container_ip, struct error *err)
{
        cleanup_error struct error why = { 0 };
        int fd = port_bind(host, port, w->protocol, relay, &why);
        char text[IP_TEXT_SIZE], reason[128];

        if (fd >= 0)
                return fd;
        snprintf(reason, sizeof(reason), "%s", strerror(why.errnum));
        reason[0] = (char)(reason[0] | 0x20);
        error_set(err, ERROR_SYSTEM, "failed to bind host port for %s:%u:%s:%u/%s: %s",
                  ip_address_format(host, text), port, container_ip, w->container_port,
                  port_protocol_name(w->protocol), reason);
        err->errnum = why.errnum;
        return -1;
}

static int bind_one(struct published *p, const struct wanted *w, const struct ip_address *host, uint16_t port,
                    struct error *err)
{
        const char *container_ip = target(p, host);
        struct ip_address container = { 0 }, any = { .family = host->family };
        char text[IP_TEXT_SIZE];
        struct shim_port made;
        bool relay, same, routed;
        int fd = -1;

        ip_address_parse(container_ip, &container);
        same = container.family == host->family;
        routed = same && p->record->modes[host->family == AF_INET6] == GATEWAY_ROUTED;
        relay = !same || host->family == AF_INET6;
        if (!routed && (check_conflict(p, w, host, port, err) < 0 ||
                        (fd = bind_socket(w, host, port, relay, container_ip, err)) < 0))
                return -1;
        made = (struct shim_port){ .host_ip = xstrdup(ip_address_format(routed ? &any : host, text)),
                                   .host_port = routed ? 0 : port,
                                   .protocol = xstrdup(port_protocol_name(w->protocol)),
                                   .container_ip = xstrdup(container_ip),
                                   .container_port = w->container_port,
                                   .relay = relay && !routed,
                                   .direct = routed || (same && p->record->trusted) };
        array_reserve((void **)&p->fds, p->count, sizeof(*p->fds));
        p->fds[p->count] = fd;
        ARRAY_APPEND(p->ports, p->count, made);
        return 0;
}

static void drop_from(struct published *p, size_t first)
{
        for (size_t i = first; i < p->count; i++) {
                if (p->fds[i] >= 0)
                        close(p->fds[i]);
                free(p->ports[i].host_ip);
                free(p->ports[i].protocol);
                free(p->ports[i].container_ip);
        }
        p->count = first;
}

/* The same port at all host addresses, or at none. */
static int bind_all(struct published *p, const struct wanted *w, uint16_t port, struct error *err)
{
        size_t before = p->count;

        for (size_t i = 0; i < w->n_hosts; i++)
                if (bind_one(p, w, &w->hosts[i], port, err) < 0) {
                        drop_from(p, before);
                        return -1;
                }
        return 0;
}

static bool is_taken(const struct error *err)
{
        return error_is(err, ERROR_CONFLICT) || err->errnum == EADDRINUSE;
}

/* Goes through the range once, from `start` on. */
static int bind_in_range(struct published *p, const struct wanted *w, uint16_t first, uint16_t last,
                         uint16_t start, uint16_t *ret_port, struct error *err)
{
        uint32_t size = (uint32_t)last - first + 1;

        for (uint32_t i = 0; i < size; i++) {
                uint16_t port = (uint16_t)(first + (start - first + i) % size);
                cleanup_error struct error why = { 0 };

                if (bind_all(p, w, port, &why) == 0) {
                        *ret_port = port;
                        return 0;
                }
                if (!is_taken(&why) || i == size - 1)
                        return error_move(err, &why);
        }
        return -1;
}

static int bind_wanted(struct published *p, const struct wanted *w, struct error *err)
{
        struct networks *nets = p->nets;
        uint16_t first = w->first, last = w->last, port;

        if (first != 0)
                return bind_in_range(p, w, first, last, first, &port, err);
        port_dynamic_range(&first, &last);
        if (nets->next_port < first || nets->next_port > last)
                nets->next_port = first;
        if (bind_in_range(p, w, first, last, nets->next_port, &port, err) < 0)
                return -1;
        nets->next_port = port == last ? first : (uint16_t)(port + 1);
        return 0;
}

/* ---- All of a container's ports ---- */

static int publish(struct published *p, const struct network_member *member, struct error *err)
{
        struct wanted *list = NULL;
        size_t count = 0;
        int r = 0;

        collect(p->record, member, &list, &count);
        for (size_t i = 0; i < count && r == 0; i++)
                r = bind_wanted(p, &list[i], err);
        free(list);
        if (r < 0)
                return -1;
        ports_queue_rules(p->nets, p->ports, p->count, false);
        return nft_commit(p->nets->nft, err);
}

int ports_publish(struct networks *nets, struct network_member_state *m, const struct network_member *member,
                  int **ret_fds, struct error *err)
{
        struct published p = { .nets = nets, .m = m };
        const struct endpoint *way;

        p.four = member_gateway_endpoint(nets, m, AF_INET);
        p.six = member_gateway_endpoint(nets, m, AF_INET6);
        way = p.four ? p.four : p.six;
        *ret_fds = NULL;
        if (!way || (member->host->n_port_bindings == 0 && !member->host->publish_all_ports))
                return 0;
        p.record = network_find_exact(nets, way->settings.network_id);
        if (!p.record || !p.record->kind || !streq(p.record->kind, "veth"))
                return 0;
        if (publish(&p, member, err) < 0) {
                drop_from(&p, 0);
                free(p.ports);
                free(p.fds);
                return error_context(err,
                                     "driver failed programming external connectivity on endpoint %s (%s)",
                                     m->name, way->settings.endpoint_id);
        }
        m->ports = p.ports;
        m->n_ports = p.count;
        *ret_fds = p.fds;
        return 0;
}

void ports_unpublish(struct networks *nets, struct network_member_state *m)
{
        cleanup_error struct error err = { 0 };

        ports_queue_rules(nets, m->ports, m->n_ports, true);
        if (nft_commit(nets->nft, &err) < 0)
                log_warn("ports of container %s: %s", m->name, error_message(&err));
        shim_ports_free(m->ports, m->n_ports);
        m->ports = NULL;
        m->n_ports = 0;
}

void ports_for_shim(const struct network_member_state *m, int *fds, struct shim_port **ret_ports,
                    int **ret_fds, size_t *ret_count)
{
        size_t count = 0;

        *ret_ports = m->n_ports > 0 ? xcalloc(m->n_ports, sizeof(**ret_ports)) : NULL;
        for (size_t i = 0; i < m->n_ports; i++)
                if (fds[i] >= 0) {
                        shim_port_copy(&m->ports[i], &(*ret_ports)[count]);
                        fds[count++] = fds[i];
                }
        *ret_fds = fds;
        *ret_count = count;
}

/* The old sockets must go before the same ports are bound again. */
static int publish_again(struct networks *nets, struct network_member_state *m,
                         const struct network_member *member, struct error *err)
{
        struct shim_port *ports;
        int *fds = NULL, r;
        size_t count;

        if (nets->hooks.ports(nets->engine, m->id, NULL, 0, NULL, err) < 0 ||
            ports_publish(nets, m, member, &fds, err) < 0)
                return -1;
        ports_for_shim(m, fds, &ports, &fds, &count);
        r = nets->hooks.ports(nets->engine, m->id, ports, count, fds, err);
        for (size_t i = 0; i < count; i++)
                close(fds[i]);
        free(fds);
        shim_ports_free(ports, count);
        if (r < 0)
                ports_unpublish(nets, m);
        return r;
}

int ports_move(struct networks *nets, struct network_member_state *m, const struct network_member *member,
               struct error *err)
{
        if (member->host->n_port_bindings == 0 && !member->host->publish_all_ports)
                return 0;
        if (m->n_ports > 0)
                ports_unpublish(nets, m);
        return publish_again(nets, m, member, err);
}
