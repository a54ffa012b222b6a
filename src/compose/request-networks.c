/* The networks of a container: modes, addresses, aliases, links. */
#include "compose/request.h"

#include <stdio.h>

static void add_alias(char ***list, const char *alias)
{
        if (!strv_contains(*list, alias))
                strv_append(list, alias);
}

/* "db:database", "db" → CONTAINER:NAME for each of its containers under each of its names. */
static char **links_of(struct compose_engine *e, const struct compose_service *service,
                       const struct compose_containers *others, const struct compose_create *o)
{
        char **out = NULL;

        for (char **link = service->links; link && *link; link++) {
                cleanup_strv char **parts = strv_split(*link, ':');
                const char *alias = parts[1] ? parts[1] : parts[0];

                for (size_t i = 0; i < others->count; i++) {
                        const struct compose_container *c = others->list[i];

                        if (!streq(c->service, parts[0]))
                                continue;
                        strv_append_take(&out, string_format("%s:%s", c->name, alias));
                        strv_append_take(
                            &out, string_format("%s:%s%s%d", c->name, parts[0], e->separator, c->number));
                        strv_append_take(&out,
                                         string_format("%s:%s%s%s%s%d", c->name, e->project->name,
                                                       e->separator, parts[0], e->separator, c->number));
                }
        }
        /* A one-off container reaches the service's own containers by name. */
        for (size_t i = 0; o->number == 0 && i < others->count; i++) {
                const struct compose_container *c = others->list[i];

                if (!streq(c->service, service->name) || c->oneoff)
                        continue;
                strv_append_take(&out, string_format("%s:%s", c->name, service->name));
                strv_append_take(
                    &out, string_format("%s:%s", c->name, compose_container_short_name(c, e->project->name)));
                strv_append_take(&out, string_format("%s:%s", c->name, c->name));
        }
        for (char **link = service->external_links; link && *link; link++) {
                cleanup_strv char **parts = strv_split(*link, ':');

                strv_append_take(&out, string_format("%s:%s", parts[0], parts[1] ? parts[1] : parts[0]));
        }
        return out;
}

static void set_endpoint(struct compose_engine *e, const struct compose_service *service,
                         const struct compose_service_network *n, const struct compose_containers *others,
                         const struct compose_create *o, struct endpoint_settings *s)
{
        cleanup_free char *name = compose_container_name(e, service, o->number);

        add_alias(&s->aliases, o->number ? name : o->name);
        if (o->service_aliases) {
                add_alias(&s->aliases, service->name);
                for (char **alias = n->aliases; alias && *alias; alias++)
                        add_alias(&s->aliases, *alias);
        }
        s->links = links_of(e, service, others, o);
        s->mac_address = xstrdup(n->mac_address);
        strmap_copy(&s->driver_opts, &n->driver_opts);
        if (n->interface_name)
                strmap_set(&s->driver_opts, "com.docker.network.endpoint.ifname", n->interface_name);
        s->gw_priority = n->gw_priority;
        if (n->ipv4_address || n->ipv6_address || n->link_local_ips) {
                s->ipam_config = xcalloc(1, sizeof(*s->ipam_config));
                s->ipam_config->ipv4_address = xstrdup(n->ipv4_address);
                s->ipam_config->ipv6_address = xstrdup(n->ipv6_address);
                s->ipam_config->link_local_ips = strv_copy(n->link_local_ips);
        }
}

int compose_request_networks(struct compose_engine *e, const struct compose_service *service,
                             const struct compose_containers *others, const struct compose_create *o,
                             struct compose_request *r, struct error *err)
{
        cleanup_free struct compose_service_network **networks = NULL;

        if (service->network_mode) {
                if (compose_request_mode(service->network_mode, others, &r->host.network_mode, err) < 0)
                        return -1;
                return 0;
        }
        if (service->n_networks == 0) {
                r->host.network_mode = xstrdup("none");
                return 0;
        }
        networks = compose_service_networks(service);
        for (size_t i = 0; i < service->n_networks; i++) {
                const struct compose_network *n = compose_project_network(e->project, networks[i]->name);
                struct endpoint_entry entry = {};

                if (!n)
                        return error_set(
                            err, ERROR_INVALID,
                            "service \"%s\" refers to undefined network %s: invalid compose project",
                            service->name, networks[i]->name);
                if (i == 0)
                        r->host.network_mode = xstrdup(n->name);
                entry.name = xstrdup(n->name);
                set_endpoint(e, service, networks[i], others, o, &entry.settings);
                /* The service's own address is for its first network. */
                if (i == 0 && !entry.settings.mac_address)
                        entry.settings.mac_address = xstrdup(service->mac_address);
                ARRAY_APPEND(r->networking.endpoints, r->networking.n_endpoints, entry);
        }
        return 0;
}
