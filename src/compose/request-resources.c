/* Limits, devices and ports of a container. */
#include "compose/request.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>

static void *boxed(int64_t value)
{
        return xmemdup(&value, sizeof(value));
}

static struct throttle_device *throttles(const struct compose_throttle_device *list, size_t count,
                                         size_t *ret_count)
{
        struct throttle_device *out = NULL;

        for (size_t i = 0; i < count; i++) {
                struct throttle_device one = { .path = xstrdup(list[i].path),
                                               .rate = (uint64_t)list[i].rate };

                ARRAY_APPEND(out, *ret_count, one);
        }
        return out;
}

static void set_blkio(const struct compose_blkio *b, struct host_config *h)
{
        if (!b)
                return;
        h->blkio_weight = b->weight;
        for (size_t i = 0; i < b->n_weight_device; i++) {
                struct weight_device one = { .path = xstrdup(b->weight_device[i].path),
                                             .weight = b->weight_device[i].weight };

                ARRAY_APPEND(h->blkio_weight_device, h->n_blkio_weight_device, one);
        }
        h->blkio_device_read_bps =
            throttles(b->device_read_bps, b->n_device_read_bps, &h->n_blkio_device_read_bps);
        h->blkio_device_read_iops =
            throttles(b->device_read_iops, b->n_device_read_iops, &h->n_blkio_device_read_iops);
        h->blkio_device_write_bps =
            throttles(b->device_write_bps, b->n_device_write_bps, &h->n_blkio_device_write_bps);
        h->blkio_device_write_iops =
            throttles(b->device_write_iops, b->n_device_write_iops, &h->n_blkio_device_write_iops);
}

static void add_device_request(const struct compose_device_request *d, const char *capability,
                               struct host_config *h)
{
        struct device_request r = { .driver = xstrdup(d->driver ? d->driver : ""),
                                    .count = (int)d->count,
                                    .device_ids = strv_copy(d->device_ids) };
        json_object *all = json_object_new_array(), *set = json_object_new_array();

        for (char **c = d->capabilities; c && *c; c++)
                json_object_array_add(set, json_object_new_string(*c));
        if (capability && !strv_contains(d->capabilities, capability))
                json_object_array_add(set, json_object_new_string(capability));
        json_object_array_add(all, set);
        r.capabilities = all;
        strmap_copy(&r.options, &d->options);
        ARRAY_APPEND(h->device_requests, h->n_device_requests, r);
}

static void set_devices(const struct compose_service *service, struct host_config *h)
{
        for (size_t i = 0; i < service->n_devices; i++) {
                const struct compose_device *d = &service->devices[i];
                struct device_mapping m = { .path_on_host = xstrdup(d->source),
                                            .path_in_container = xstrdup(d->target ? d->target : d->source),
                                            .cgroup_permissions =
                                                xstrdup(d->permissions ? d->permissions : "rwm") };

                ARRAY_APPEND(h->devices, h->n_devices, m);
        }
        h->device_cgroup_rules = strv_copy(service->device_cgroup_rules);
        for (size_t i = 0; i < service->n_gpus; i++)
                add_device_request(&service->gpus[i], "gpu", h);
}

static void set_ulimits(const struct compose_service *service, struct host_config *h)
{
        for (size_t i = 0; i < service->n_ulimits; i++) {
                const struct compose_ulimit *u = &service->ulimits[i];
                struct ulimit one = { .name = xstrdup(u->name),
                                      .soft = u->single ? u->single : u->soft,
                                      .hard = u->single ? u->single : u->hard };

                ARRAY_APPEND(h->ulimits, h->n_ulimits, one);
        }
}

/* deploy.resources wins over the older attributes. */
static void set_deploy(const struct compose_service *service, struct host_config *h)
{
        const struct compose_resource *limits = service->deploy ? service->deploy->resources.limits : NULL,
                                      *reserved =
                                          service->deploy ? service->deploy->resources.reservations : NULL;

        if (limits && limits->cpus > 0)
                h->nano_cpus = llround(limits->cpus * 1e9);
        if (limits && limits->memory)
                h->memory = limits->memory;
        if (limits && limits->pids) {
                free(h->pids_limit);
                h->pids_limit = boxed(limits->pids);
        }
        if (reserved && reserved->memory)
                h->memory_reservation = reserved->memory;
        for (size_t i = 0; reserved && i < reserved->n_devices; i++)
                add_device_request(&reserved->devices[i], NULL, h);
}

void compose_request_resources(const struct compose_service *service, struct host_config *h)
{
        bool kill_disabled = service->oom_kill_disable;

        h->cgroup_parent = xstrdup(service->cgroup_parent);
        h->memory = service->mem_limit;
        h->memory_swap = service->memswap_limit;
        h->memory_reservation = service->mem_reservation;
        if (service->mem_swappiness)
                h->memory_swappiness = boxed(service->mem_swappiness);
        h->oom_kill_disable = xmemdup(&kill_disabled, sizeof(bool));
        h->cpu_count = service->cpu_count;
        h->cpu_period = service->cpu_period;
        h->cpu_quota = service->cpu_quota;
        h->cpu_realtime_period = service->cpu_rt_period;
        h->cpu_realtime_runtime = service->cpu_rt_runtime;
        h->cpu_shares = service->cpu_shares;
        h->cpu_percent = (int64_t)service->cpu_percent;
        h->cpuset_cpus = xstrdup(service->cpuset);
        h->nano_cpus = llround(service->cpus * 1e9);
        if (service->pids_limit)
                h->pids_limit = boxed(service->pids_limit);
        set_blkio(service->blkio_config, h);
        set_ulimits(service, h);
        set_devices(service, h);
        set_deploy(service, h);
}

/* ---- Ports ---- */

static void expose(struct container_config *c, const char *port)
{
        if (!strv_contains(c->exposed_ports, port))
                strv_append(&c->exposed_ports, port);
}

/* "3000", "8000-8010/udp" */
static int expose_text(struct container_config *c, const char *text, struct error *err)
{
        const char *slash = strchr(text, '/'), *protocol = slash ? slash + 1 : "tcp";
        unsigned first = 0, last = 0;
        int n = sscanf(text, "%u-%u", &first, &last);

        if (n < 1 || first > 65535 || last > 65535)
                return error_set(err, ERROR_INVALID, "invalid containerPort: %s", text);
        for (unsigned port = first; port <= (n == 2 ? last : first); port++) {
                cleanup_free char *name = string_format("%u/%s", port, protocol);

                expose(c, name);
        }
        return 0;
}

int compose_request_ports(const struct compose_service *service, struct compose_request *r, struct error *err)
{
        for (char **text = service->expose; text && *text; text++)
                if (expose_text(&r->config, *text, err) < 0)
                        return -1;
        for (size_t i = 0; i < service->n_ports; i++) {
                const struct compose_port *port = &service->ports[i];
                cleanup_free char *name =
                    string_format("%u/%s", port->target, port->protocol ? port->protocol : "tcp");
                struct host_config *h = &r->host;
                struct port_map_entry *entry = NULL;
                struct port_binding binding = { .host_ip = xstrdup(port->host_ip ? port->host_ip : ""),
                                                .host_port =
                                                    xstrdup(port->published ? port->published : "") };

                expose(&r->config, name);
                for (size_t k = 0; k < h->n_port_bindings; k++)
                        if (streq(h->port_bindings[k].port, name))
                                entry = &h->port_bindings[k];
                if (!entry) {
                        struct port_map_entry new = { .port = xstrdup(name) };

                        ARRAY_APPEND(h->port_bindings, h->n_port_bindings, new);
                        entry = &h->port_bindings[h->n_port_bindings - 1];
                }
                ARRAY_APPEND(entry->bindings, entry->count, binding);
        }
        return 0;
}
