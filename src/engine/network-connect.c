/* POST /networks/{id}/connect and disconnect: also while the container runs. Then interfaces, routes,
 * published ports, /etc/hosts and names follow at once. */
#include "engine/network-internal.h"

#include "base/fd.h"
#include "base/log.h"

/* The namespace of a running container as a sandbox. */
static int open_running(struct networks *nets, const char *container_id, struct sandbox *ret,
                        struct error *err)
{
        cleanup_close int netns = nets->hooks.netns(nets->engine, container_id, err);

        return netns < 0 ? -1 : sandbox_open(netns, ret, err);
}

/* Which endpoints the default routes (and so the published ports) belong to. */
struct ways {
        const char *endpoints[2]; /* ids, kept by the endpoints */
};

static struct ways find_ways(struct networks *nets, struct network_member_state *m)
{
        const struct endpoint *four = member_gateway_endpoint(nets, m, AF_INET);
        const struct endpoint *six = member_gateway_endpoint(nets, m, AF_INET6);

        return (struct ways){ { four ? four->settings.endpoint_id : NULL,
                                six ? six->settings.endpoint_id : NULL } };
}

static bool same_ways(const struct ways *a, const struct ways *b)
{
        return a->endpoints[0] == b->endpoints[0] && a->endpoints[1] == b->endpoints[1];
}

/* A container that was started without names gets its server on its first user-defined network. */
static int open_dns(struct networks *nets, struct network_member_state *m,
                    const struct network_member *member, struct sandbox *sandbox, struct error *err)
{
        cleanup_free char *directory = string_format("%s/networks", nets->exec_root);
        int fds[2], r;

        if (!member_has_names(nets, m))
                return 0;
        if (dns_files_there(nets, m))
                return dns_files_write(nets, m, member->host, err);
        if (dns_files_write(nets, m, member->host, err) < 0 || sandbox_dns_open(sandbox, fds, err) < 0)
                return -1;
        r = nets->hooks.dns(nets->engine, m->id, directory, fds, err);
        close(fds[0]);
        close(fds[1]);
        return r < 0 ? -1 : network_resolv_conf_write(nets, m, member, err);
}

/* ---- Connect ---- */

static int check_connect(const struct network_record *r, struct network_member_state *m,
                         const struct network_member *member, struct error *err)
{
        const char *mode = member->host->network_mode;

        if (string_after(mode, "container:") || streq(mode, "host"))
                return error_set(err, ERROR_FORBIDDEN,
                                 "container sharing network namespace with another container or "
                                 "host cannot be connected to any other network");
        if (streq(r->name, "host"))
                return error_set(
                    err, ERROR_FORBIDDEN,
                    "cannot connect container to host network - container must be created in host "
                    "network mode");
        if (m->n_endpoints > 0 && (streq(r->name, "none") || network_member_endpoint(m, NULL, "none")))
                return error_set(err, ERROR_FORBIDDEN,
                                 "container cannot be connected to multiple networks with one of "
                                 "the networks in private (none) mode");
        if (network_member_endpoint(m, r, r->name))
                return error_set(err, ERROR_FORBIDDEN, "endpoint with name %s already exists in network %s",
                                 m->name, r->name);
        return 0;
}

static int connect_running(struct networks *nets, struct network_member_state *m,
                           const struct network_member *member, struct error *err)
{
        cleanup_sandbox struct sandbox sandbox = SANDBOX_NONE;
        struct endpoint *e = &m->endpoints[m->n_endpoints - 1];
        struct ways before = find_ways(nets, m), after;

        if (open_running(nets, m->id, &sandbox, err) < 0 ||
            endpoint_attach(nets, m, e, member, &sandbox, err) < 0)
                return -1;
        after = find_ways(nets, m);
        if ((m->n_endpoints > 1 && member_update_gateways(nets, m, &sandbox, err) < 0) ||
            network_hosts_endpoint(member, e, true, err) < 0 ||
            open_dns(nets, m, member, &sandbox, err) < 0 ||
            (!same_ways(&before, &after) && ports_move(nets, m, member, err) < 0)) {
                endpoint_detach(nets, m, e);
                return -1;
        }
        return 0;
}

static int connect_locked(struct networks *nets, const char *name, const struct network_member *member,
                          const struct endpoint_settings *settings, struct error *err)
{
        struct network_member_state *m = network_member_get(nets, member->id, member->name);
        struct network_record *r;
        int result;

        if (network_find(nets, name, &r, err) < 0 || (settings && endpoint_check(r, settings, err) < 0) ||
            check_connect(r, m, member, err) < 0)
                return -1;
        member_add_endpoint(m, r->name, settings, NULL);
        result = string_empty(m->sandbox_id) ? 0 : connect_running(nets, m, member, err);
        if (result == 0)
                result = network_member_save(nets, m, true, err);
        if (result < 0)
                network_member_drop_endpoint(m, &m->endpoints[m->n_endpoints - 1]);
        return result;
}

int network_connect(struct networks *nets, const char *name, const struct network_member *member,
                    const struct endpoint_settings *settings, struct error *err)
{
        int r;

        pthread_mutex_lock(&nets->lock);
        r = connect_locked(nets, name, member, settings, err);
        pthread_mutex_unlock(&nets->lock);
        return r;
}

/* ---- Disconnect ---- */

/* What stays behind is set right as far as it goes: the endpoint is gone in any case. */
static void disconnect_running(struct networks *nets, struct network_member_state *m,
                               const struct network_member *member, const struct network_record *r,
                               struct endpoint *e)
{
        cleanup_sandbox struct sandbox sandbox = SANDBOX_NONE;
        cleanup_error struct error err = { 0 };
        struct ways before = find_ways(nets, m), after;

        if (member && network_hosts_endpoint(member, e, false, &err) < 0)
                log_warn("container %s: %s", m->name, error_message(&err));
        error_clear(&err);
        endpoint_detach(nets, m, e);
        link_reaper_wait(nets->reaper); /* the container sees its interface go */
        after = find_ways(nets, m);
        if (open_running(nets, m->id, &sandbox, NULL) == 0)
                member_update_gateways(nets, m, &sandbox, NULL);
        if (!same_ways(&before, &after)) {
                if (!member)
                        ports_unpublish(nets, m);
                else if (ports_move(nets, m, member, &err) < 0)
                        log_warn("container %s: its published ports: %s", m->name, error_message(&err));
        }
        network_event(nets, r, "disconnect", m->id);
        dns_files_leave(nets, m, r->id);
}

static int disconnect_locked(struct networks *nets, const char *name, const struct network_member *member,
                             const char *container, bool force, struct error *err)
{
        struct network_member_state *m = network_member_find(nets, container);
        struct network_record *r;
        struct endpoint *e;

        if (network_find(nets, name, &r, err) < 0)
                return -1;
        if (!m)
                return error_set(err, ERROR_NOT_FOUND,
                                 force ? "endpoint %s not found" : "No such container: %s", container);
        e = network_member_endpoint(m, r, r->name);
        if (e && streq(r->name, "host"))
                return error_set(
                    err, ERROR_FORBIDDEN,
                    "container cannot be disconnected from host network or connected to host network");
        if (!e)
                return error_set(err, ERROR_FORBIDDEN, "container %s is not connected to network %s", m->id,
                                 r->name);
        if (e->attached)
                disconnect_running(nets, m, member, r, e);
        network_member_drop_endpoint(m, e);
        return network_member_save(nets, m, true, err);
}

int network_disconnect(struct networks *nets, const char *name, const struct network_member *member,
                       const char *container, bool force, struct error *err)
{
        int r;

        pthread_mutex_lock(&nets->lock);
        r = disconnect_locked(nets, name, member, container, force, err);
        pthread_mutex_unlock(&nets->lock);
        return r;
}
