/* Legacy links (--link on the default bridge): the other container's names in /etc/hosts, and variables that
 * tell its address, ports and environment. Links on user-defined networks are names in the DNS view
 * (network-dns.c). */
#include "engine/network-internal.h"

#include "network/port.h"

#include <ctype.h>
#include <netinet/in.h>

/* The container's place on the default bridge, if it is there now. */
static const struct endpoint *bridge_endpoint(struct networks *nets, const char *id)
{
        struct network_member_state *m = network_member_find(nets, id);
        struct endpoint *e = m ? network_member_endpoint(m, NULL, "bridge") : NULL;

        return e && e->attached ? e : NULL;
}

int network_links_check(struct networks *nets, struct network_member_state *m,
                        const struct network_member *member, struct error *err)
{
        const struct network_record *bridge = network_find_exact(nets, "bridge");

        if (!network_member_endpoint(m, NULL, "bridge"))
                return 0;
        for (size_t i = 0; i < member->n_links; i++) {
                const struct network_link *link = &member->links[i];
                struct network_member_state *other = network_member_find(nets, link->id);

                if (!other || string_empty(other->sandbox_id))
                        return error_set(err, ERROR_SYSTEM,
                                         "Cannot link to a non running container: /%s AS /%s/%s", link->name,
                                         member->name, link->alias);
                if (!bridge_endpoint(nets, link->id))
                        return error_set(err, ERROR_SYSTEM,
                                         "Cannot link to /%s, as it does not belong to the default network",
                                         link->name);
                if (bridge && !bridge->icc)
                        return error_set(err, ERROR_UNSUPPORTED,
                                         "links are not supported on a network whose containers are kept "
                                         "apart (icc=false)");
        }
        return 0;
}

/* "db ahost nwA" */
static char *link_names(const struct network_link *link)
{
        return string_format("%s %s%s%s", link->alias, link->hostname,
                             streq(link->alias, link->name) ? "" : " ",
                             streq(link->alias, link->name) ? "" : link->name);
}

void network_links_hosts(struct networks *nets, struct network_member_state *m,
                         const struct network_member *member, struct strbuf *b)
{
        if (!network_member_endpoint(m, NULL, "bridge"))
                return;
        for (size_t i = 0; i < member->n_links; i++) {
                const struct endpoint *e = bridge_endpoint(nets, member->links[i].id);
                cleanup_free char *names = link_names(&member->links[i]);

                if (e)
                        strbuf_addf(b, "%s\t%s\n", e->settings.ip_address, names);
        }
}

int network_link_moved(struct networks *nets, const char *container_dir, const struct network_link *link,
                       struct error *err)
{
        cleanup_free char *names = link_names(link), *address = NULL;
        const struct endpoint *e;

        pthread_mutex_lock(&nets->lock);
        e = bridge_endpoint(nets, link->id);
        address = e ? xstrdup(e->settings.ip_address) : NULL;
        pthread_mutex_unlock(&nets->lock);
        return address ? network_hosts_link(container_dir, address, names, err) : 0;
}

/* ---- Variables ---- */

struct linked_port {
        uint16_t number;
        int protocol;
};

/* By number; TCP before the others. */
static int compare_ports(const void *a, const void *b)
{
        const struct linked_port *x = a, *y = b;

        if (x->number != y->number)
                return x->number - y->number;
        return (x->protocol != IPPROTO_TCP) - (y->protocol != IPPROTO_TCP);
}

static struct linked_port *list_ports(char *const *exposed, size_t *ret_count)
{
        struct linked_port *list = NULL, port;

        *ret_count = 0;
        for (; exposed && *exposed; exposed++)
                if (port_parse(*exposed, &port.number, &port.protocol, NULL) == 0)
                        ARRAY_APPEND(list, *ret_count, port);
        if (*ret_count > 0)
                qsort(list, *ret_count, sizeof(*list), compare_ports);
        return list;
}

struct variables {
        const char *prefix, *address;
        char ***env;
};

static char *protocol_upper(int protocol)
{
        char *name = xstrdup(port_protocol_name(protocol));

        for (char *c = name; *c; c++)
                *c = (char)toupper((unsigned char)*c);
        return name;
}

/* PREFIX_PORT_80_TCP, …_ADDR, …_PORT, …_PROTO */
static void add_port(const struct variables *v, const struct linked_port *p)
{
        cleanup_free char *upper = protocol_upper(p->protocol);
        cleanup_free char *name = string_format("%s_PORT_%u_%s", v->prefix, p->number, upper);
        const char *protocol = port_protocol_name(p->protocol);

        strv_append_take(v->env, string_format("%s=%s://%s:%u", name, protocol, v->address, p->number));
        strv_append_take(v->env, string_format("%s_ADDR=%s", name, v->address));
        strv_append_take(v->env, string_format("%s_PORT=%u", name, p->number));
        strv_append_take(v->env, string_format("%s_PROTO=%s", name, protocol));
}

/* A run of ports has its two ends besides. */
static void add_run(const struct variables *v, const struct linked_port *first,
                    const struct linked_port *last)
{
        cleanup_free char *upper = protocol_upper(first->protocol);
        cleanup_free char *name = string_format("%s_PORT_%u_%s", v->prefix, first->number, upper);
        const char *protocol = port_protocol_name(first->protocol);

        strv_append_take(v->env,
                         string_format("%s_START=%s://%s:%u", name, protocol, v->address, first->number));
        strv_append_take(v->env, string_format("%s_PORT_START=%u", name, first->number));
        strv_append_take(v->env,
                         string_format("%s_END=%s://%s:%u", name, protocol, v->address, last->number));
        strv_append_take(v->env, string_format("%s_PORT_END=%u", name, last->number));
}

/* The last port of the run that begins at `i`: each is one higher, of the same protocol. */
static size_t run_end(const struct linked_port *ports, size_t count, size_t i)
{
        size_t last = i;

        for (size_t k = i + 1; k < count && ports[k].number <= ports[last].number + 1; k++)
                if (ports[k].protocol == ports[i].protocol && ports[k].number == ports[last].number + 1)
                        last = k;
        return last;
}

static void add_ports(const struct variables *v, const struct network_link *link)
{
        size_t count;
        cleanup_free struct linked_port *ports = list_ports(link->exposed_ports, &count);

        if (count > 0)
                strv_append_take(v->env, string_format("%s_PORT=%s://%s:%u", v->prefix,
                                                       port_protocol_name(ports[0].protocol), v->address,
                                                       ports[0].number));
        for (size_t i = 0; i < count;) {
                size_t last = run_end(ports, count, i);

                if (last > i)
                        add_run(v, &ports[i], &ports[last]);
                i = last + 1;
        }
        for (size_t i = 0; i < count; i++)
                add_port(v, &ports[i]);
}

/* The alias as the beginning of a variable's name. */
static char *prefix_of(const char *alias)
{
        char *prefix = xstrdup(alias);

        for (char *c = prefix; *c; c++)
                *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
        return prefix;
}

void network_links_env(struct networks *nets, struct network_member_state *m,
                       const struct network_member *member, char ***env)
{
        if (!network_member_endpoint(m, NULL, "bridge"))
                return;
        for (size_t i = 0; i < member->n_links; i++) {
                const struct network_link *link = &member->links[i];
                const struct endpoint *e = bridge_endpoint(nets, link->id);
                cleanup_free char *prefix = prefix_of(link->alias);
                struct variables v = { prefix, e ? e->settings.ip_address : NULL, env };

                if (!e)
                        continue;
                add_ports(&v, link);
                strv_append_take(env, string_format("%s_NAME=/%s/%s", prefix, member->name, link->alias));
                for (char *const *one = link->env; one && *one; one++)
                        if (strchr(*one, '=') && !string_after(*one, "HOME=") && !string_after(*one, "PATH="))
                                strv_append_take(env, string_format("%s_ENV_%s", prefix, *one));
        }
}
