/* Stopping, removing, restarting. */
#include "compose/engine.h"

#include <stdio.h>

/* Calls that find their end already reached. */
static bool is_done_already(const struct error *err)
{
        return error_is(err, ERROR_NOT_FOUND) || error_is(err, ERROR_NOT_MODIFIED);
}

int compose_container_stop(struct compose_engine *e, const struct compose_service *service,
                           struct compose_container *c, int64_t timeout, struct error *err)
{
        cleanup_query struct client_query q = {};
        struct error why = {};

        compose_report_container(e, COMPOSE_EVENT_WORKING, c->name, "Stopping");
        if (service && streq(c->state, "running") &&
            compose_hooks_run(e, service, service->pre_stop, service->n_pre_stop, c, &why) < 0) {
                /* A hook that fails as its container ends is no obstacle to stopping it. */
                compose_warning(e, "%s", error_message(&why));
                error_clear(&why);
        }
        client_query_init(&q, "/containers/%s/stop", c->id);
        if (timeout >= 0)
                client_query_add_int(&q, "t", timeout);
        if (compose_change(e, "POST", &q, NULL, NULL, &why) < 0 && !is_done_already(&why)) {
                compose_report_container(e, COMPOSE_EVENT_ERROR, c->name, "Error while Stopping");
                return error_move(err, &why);
        }
        error_clear(&why);
        compose_report_container(e, COMPOSE_EVENT_DONE, c->name, "Stopped");
        return 0;
}

int compose_container_remove(struct compose_engine *e, struct compose_container *c, bool force, bool volumes,
                             struct error *err)
{
        cleanup_query struct client_query q = {};
        cleanup_error struct error why = {};

        compose_report_container(e, COMPOSE_EVENT_WORKING, c->name, "Removing");
        client_query_init(&q, "/containers/%s", c->id);
        client_query_add_bool(&q, "force", force);
        client_query_add_bool(&q, "v", volumes);
        if (compose_change(e, "DELETE", &q, NULL, NULL, &why) < 0 && !is_done_already(&why) &&
            !strstr(error_message(&why), "is already in progress")) {
                compose_report_container(e, COMPOSE_EVENT_ERROR, c->name, "Error while Removing");
                return error_move(err, &why);
        }
        compose_report_container(e, COMPOSE_EVENT_DONE, c->name, "Removed");
        return 0;
}

struct stopping {
        const struct compose_stop *options;
        struct compose_containers *containers;
};

static int stop_one(struct compose_engine *e, struct compose_container *c, void *context, struct error *err)
{
        const struct compose_stop *o = context;

        if (compose_container_stop(e, compose_project_service(e->project, c->service), c, o->timeout, err) <
            0)
                return -1;
        return o->remove ? compose_container_remove(e, c, true, o->volumes, err) : 0;
}

/* The containers of one service, borrowed. */
static struct compose_containers of_service(const struct compose_containers *all, const char *service)
{
        struct compose_containers out = {};

        for (size_t i = 0; i < all->count; i++)
                if (streq(all->list[i]->service, service))
                        ARRAY_APPEND(out.list, out.count, all->list[i]);
        return out;
}

static int stop_service(struct compose_engine *e, const struct compose_service *service, void *context,
                        struct error *err)
{
        struct stopping *s = context;
        struct compose_containers own = of_service(s->containers, service->name);
        int r = compose_each_container(e, &own, stop_one, (void *)s->options, err);

        free(own.list);
        return r;
}

int compose_stop(struct compose_engine *e, struct compose_containers *containers,
                 const struct compose_stop *options, struct error *err)
{
        struct stopping s = { options, containers };

        return compose_each_service(e, true, stop_service, &s, err);
}

/* ---- restart ---- */

struct restarting {
        struct compose_containers *containers;
        int64_t timeout;
};

static int restart_one(struct compose_engine *e, struct compose_container *c, void *context,
                       struct error *err)
{
        const struct restarting *s = context;
        const struct compose_service *service = compose_project_service(e->project, c->service);
        cleanup_query struct client_query q = {};

        compose_report_container(e, COMPOSE_EVENT_WORKING, c->name, "Restarting");
        if (service && streq(c->state, "running") &&
            compose_hooks_run(e, service, service->pre_stop, service->n_pre_stop, c, err) < 0)
                return -1;
        client_query_init(&q, "/containers/%s/restart", c->id);
        if (s->timeout >= 0)
                client_query_add_int(&q, "t", s->timeout);
        if (compose_change(e, "POST", &q, NULL, NULL, err) < 0) {
                compose_report_container(e, COMPOSE_EVENT_ERROR, c->name, "Error");
                return -1;
        }
        if (service && compose_hooks_run(e, service, service->post_start, service->n_post_start, c, err) < 0)
                return -1;
        compose_report_container(e, COMPOSE_EVENT_DONE, c->name, "Started");
        return 0;
}

static int restart_service(struct compose_engine *e, const struct compose_service *service, void *context,
                           struct error *err)
{
        struct restarting *s = context;
        struct compose_containers own = of_service(s->containers, service->name);
        int r = compose_each_container(e, &own, restart_one, s, err);

        free(own.list);
        return r;
}

int compose_restart(struct compose_engine *e, struct compose_containers *containers, int64_t timeout,
                    struct error *err)
{
        struct restarting s = { containers, timeout };

        return compose_each_service(e, false, restart_service, &s, err);
}
