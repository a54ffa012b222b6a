/* A container's life as networks see it. */
#include "engine/network-internal.h"

#include "base/fd.h"
#include "base/log.h"

/* ---- Create ---- */

int network_mode_check(const struct container_config *config, const struct host_config *host,
                       struct error *err)
{
        const char *other = host->network_mode ? string_after(host->network_mode, "container:") : NULL;
        const struct {
                bool given;
                const char *text;
        } conflicts[] = {
                { !string_empty(config->hostname), "hostname and the network mode" },
                { strv_length(host->links) > 0,
                  "container type network can't be used with links. This would result in "
                  "undefined behavior" },
                { !string_empty(config->hostname), "hostname and the network mode" },
                { strv_length(host->dns) > 0, "dns and the network mode" },
                { strv_length(host->extra_hosts) > 0, "custom host-to-IP mapping and the network mode" },
                { !string_empty(config->mac_address), "mac-address and the network mode" },
                { host->n_port_bindings > 0 || host->publish_all_ports,
                  "port publishing and the container type network mode" },
                { strv_length(config->exposed_ports) > 0,
                  "port exposing and the container type network mode" },
        };

        if (streq(host->network_mode, "host") && strv_length(host->links) > 0)
                return error_set(err, ERROR_INVALID,
                                 "conflicting options: host type networking can't be used with links. This "
                                 "would result in undefined behavior");
        if (!other)
                return 0;
        if (!*other)
                return error_set(err, ERROR_INVALID,
                                 "invalid network mode: invalid container format container:<name|id>");
        for (size_t i = 0; i < ARRAY_SIZE(conflicts); i++)
                if (conflicts[i].given)
                        return error_set(err, ERROR_INVALID, "conflicting options: %s", conflicts[i].text);
        return 0;
}

void member_add_endpoint(struct network_member_state *m, const char *name,
                         const struct endpoint_settings *settings, const char *mac)
{
        struct endpoint e = { .network = xstrdup(name) };

        if (settings)
                json_copy(&endpoint_settings_table, settings, &e.settings);
        if (!string_empty(mac) && string_empty(e.settings.mac_address))
                replace_string(&e.settings.mac_address, mac);
        if (!string_empty(e.settings.mac_address))
                e.wanted_mac = xstrdup(e.settings.mac_address);
        /* What a client may have copied out of another's inspect isn't asked for. */
        replace_string(&e.settings.network_id, NULL);
        replace_string(&e.settings.endpoint_id, NULL);
        replace_string(&e.settings.ip_address, NULL);
        replace_string(&e.settings.gateway, NULL);
        replace_string(&e.settings.ipv6_gateway, NULL);
        replace_string(&e.settings.global_ipv6_address, NULL);
        e.settings.ip_prefix_len = e.settings.global_ipv6_prefix_len = 0;
        ARRAY_APPEND(m->endpoints, m->n_endpoints, e);
}

/* Names the network by its name and checks what is asked of it, if it is there already. */
static int check_endpoint(struct networks *nets, struct endpoint *e, struct error *err)
{
        struct network_record *r = NULL;

        network_find(nets, e->network, &r, NULL);
        if (endpoint_check(r, &e->settings, err) < 0)
                return r ? error_context(err, "invalid config for network %s", r->name) : -1;
        if (r) {
                replace_string(&e->network, r->name);
                /* The predefined ones are shown with their ids before the first start, others are looked up
                 * then. */
        }
        return 0;
}

static int collect_endpoints(struct networks *nets, const struct network_member *member,
                             const struct networking_config *networking, struct network_member_state *m,
                             struct error *err)
{
        const char *mode = member->host->network_mode;
        size_t n = networking ? networking->n_endpoints : 0;
        bool mode_named = false;

        for (size_t i = 0; i < n; i++) {
                struct network_record *r = NULL;

                network_find(nets, networking->endpoints[i].name, &r, NULL);
                mode_named = mode_named || streq(networking->endpoints[i].name, mode) ||
                             streq(networking->endpoints[i].name, "default") ||
                             (r && (streq(r->name, mode) || streq(r->id, mode)));
        }
        /* The network of the mode comes first, unless a client gave endpoints without it. */
        if (n == 0)
                member_add_endpoint(m, mode, NULL, member->config->mac_address);
        for (int pass = 0; pass < 2; pass++)
                for (size_t i = 0; i < n; i++) {
                        const struct endpoint_entry *entry = &networking->endpoints[i];
                        bool first = streq(entry->name, mode) || streq(entry->name, "default");

                        if (first == (pass == 0))
                                member_add_endpoint(
                                    m, streq(entry->name, "default") ? mode : entry->name, &entry->settings,
                                    first || !mode_named ? member->config->mac_address : NULL);
                }
        for (size_t i = 0; i < m->n_endpoints; i++)
                if (check_endpoint(nets, &m->endpoints[i], err) < 0)
                        return -1;
        return 0;
}

static int create_locked(struct networks *nets, const struct network_member *member,
                         const struct networking_config *networking, struct error *err)
{
        struct network_member_state *m = network_member_get(nets, member->id, member->name);

        if ((string_after(member->host->network_mode, "container:") ||
             collect_endpoints(nets, member, networking, m, err) == 0) &&
            !err->kind && network_member_save(nets, m, !member->host->auto_remove, err) == 0)
                return 0;
        network_member_delete(nets, m);
        return -1;
}

int network_container_create(struct networks *nets, const struct network_member *member,
                             const struct networking_config *networking, char ***warnings, struct error *err)
{
        struct host_config *host = (struct host_config *)member->host;
        int r;

        if (string_empty(host->network_mode) || streq(host->network_mode, "default"))
                replace_string(&host->network_mode, nets->no_default ? "none" : "bridge");
        if (network_files_check(host, err) < 0 || ports_check(member->config, host, err) < 0)
                return -1;
        if (streq(host->network_mode, "host") && (host->n_port_bindings > 0 || host->publish_all_ports))
                strv_append(warnings, "Published ports are discarded when using host network mode");
        pthread_mutex_lock(&nets->lock);
        r = create_locked(nets, member, networking, err);
        pthread_mutex_unlock(&nets->lock);
        return r;
}

/* ---- Start ---- */

void network_start_deinit(struct network_start *start)
{
        for (size_t i = 0; i < start->n_ports; i++)
                if (start->port_fds[i] >= 0)
                        close(start->port_fds[i]);
        free(start->port_fds);
        shim_ports_free(start->ports, start->n_ports);
        strv_free(start->env);
        free(start->dns_directory);
        if (start->netns >= 0)
                close(start->netns);
        for (int i = 0; i < 2; i++)
                if (start->dns_fds[i] >= 0)
                        close(start->dns_fds[i]);
        *start = NETWORK_START_NONE;
}

/* Takes back what a start that failed half-way (or a container that ended) has. */
static void stop_locked(struct networks *nets, struct network_member_state *m)
{
        if (m->n_ports > 0)
                ports_unpublish(nets, m);
        for (size_t i = 0; i < m->n_endpoints; i++) {
                struct endpoint *e = &m->endpoints[i];
                struct network_record *r =
                    e->attached ? network_find_exact(nets, e->settings.network_id) : NULL;

                if (!e->attached)
                        continue;
                endpoint_detach(nets, m, e);
                if (r)
                        network_event(nets, r, "disconnect", m->id);
        }
        dns_files_remove(nets, m);
        replace_string(&m->sandbox_id, NULL);
        network_member_save(nets, m, false, NULL);
}

static int attach_all(struct networks *nets, struct network_member_state *m,
                      const struct network_member *member, struct sandbox *sandbox, struct error *err)
{
        for (size_t i = 0; i < m->n_endpoints; i++)
                if (endpoint_attach(nets, m, &m->endpoints[i], member, sandbox, err) < 0)
                        return -1;
        return m->n_endpoints > 1 ? member_update_gateways(nets, m, sandbox, err) : 0;
}

/* On user-defined networks names are answered by the shim. */
static int dns_start(struct networks *nets, struct network_member_state *m,
                     const struct network_member *member, struct sandbox *sandbox, struct network_start *ret,
                     struct error *err)
{
        if (!member_has_names(nets, m))
                return 0;
        if (sandbox_dns_open(sandbox, ret->dns_fds, err) < 0 ||
            dns_files_write(nets, m, member->host, err) < 0)
                return -1;
        ret->dns_directory = string_format("%s/networks", nets->exec_root);
        return 0;
}

static int start_locked(struct networks *nets, const struct network_member *member, struct sandbox *sandbox,
                        struct network_start *ret, struct error *err)
{
        struct network_member_state *m = network_member_get(nets, member->id, member->name);
        int *fds = NULL;

        if (network_links_check(nets, m, member, err) < 0)
                return -1;
        free(m->sandbox_id);
        m->sandbox_id = network_random_id();
        if (attach_all(nets, m, member, sandbox, err) < 0 || ports_publish(nets, m, member, &fds, err) < 0) {
                stop_locked(nets, m);
                return error_context(err, "failed to set up container networking");
        }
        ports_for_shim(m, fds, &ret->ports, &ret->port_fds, &ret->n_ports);
        network_links_env(nets, m, member, &ret->env);
        if (network_files_write(nets, m, member, err) < 0 ||
            dns_start(nets, m, member, sandbox, ret, err) < 0 ||
            network_member_save(nets, m, false, err) < 0) {
                stop_locked(nets, m);
                return -1;
        }
        return 0;
}

static int join(struct networks *nets, const char *container, struct network_start *ret, struct error *err)
{
        int fd = nets->hooks.netns(nets->engine, container, err);

        if (fd < 0)
                return error_context(err, "cannot join network namespace of a non running container");
        ret->netns = fd;
        ret->joined = true;
        return 0;
}

int network_container_start(struct networks *nets, const struct network_member *member,
                            struct network_start *ret, struct error *err)
{
        cleanup_network_start struct network_start start = NETWORK_START_NONE;
        cleanup_sandbox struct sandbox sandbox = SANDBOX_NONE;
        const char *mode = member->host->network_mode, *other = string_after(mode, "container:");
        int r = 0;

        if (other) {
                r = join(nets, other, &start, err);
        } else {
                if (!streq(mode, "host") && sandbox_take(nets->sandboxes, &sandbox, err) < 0)
                        return error_context(err, "failed to set up container networking");
                pthread_mutex_lock(&nets->lock);
                r = start_locked(nets, member, &sandbox, &start, err);
                pthread_mutex_unlock(&nets->lock);
                start.netns = take_fd(sandbox.netns);
        }
        if (r < 0)
                return -1;
        *ret = start;
        start = NETWORK_START_NONE;
        return 0;
}

/* ---- Stop, remove, rename ---- */

void network_container_stop(struct networks *nets, const char *container_id)
{
        struct network_member_state *m;

        pthread_mutex_lock(&nets->lock);
        m = network_member_find(nets, container_id);
        if (m && !string_empty(m->sandbox_id))
                stop_locked(nets, m);
        pthread_mutex_unlock(&nets->lock);
}

void network_container_remove(struct networks *nets, const char *container_id)
{
        struct network_member_state *m;

        pthread_mutex_lock(&nets->lock);
        m = network_member_find(nets, container_id);
        if (m) {
                if (!string_empty(m->sandbox_id))
                        stop_locked(nets, m);
                network_member_delete(nets, m);
        }
        pthread_mutex_unlock(&nets->lock);
}

void network_container_rename(struct networks *nets, const char *container_id, const char *name)
{
        struct network_member_state *m;

        pthread_mutex_lock(&nets->lock);
        m = network_member_find(nets, container_id);
        for (size_t i = 0; m && i < m->n_endpoints; i++)
                for (char **d = m->endpoints[i].settings.dns_names; d && *d; d++)
                        if (streq(*d, m->name))
                                replace_string(d, name);
        if (m) {
                replace_string(&m->name, name);
                dns_files_rename(nets, m);
                network_member_save(nets, m, false, NULL);
        }
        pthread_mutex_unlock(&nets->lock);
}

void networks_keep(struct networks *nets, char *const *container_ids)
{
        pthread_mutex_lock(&nets->lock);
        for (size_t i = nets->n_members; i-- > 0;) {
                struct network_member_state *m = nets->members[i];

                if (container_ids && strv_contains(container_ids, m->id))
                        continue;
                log_info("container %s is gone: its networks forget it", m->id);
                if (!string_empty(m->sandbox_id))
                        stop_locked(nets, m);
                network_member_delete(nets, m);
        }
        pthread_mutex_unlock(&nets->lock);
}
