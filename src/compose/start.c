/* Starting, and waiting for what a service depends on. */
#include "base/time.h"
#include "compose/engine.h"

#include <stdio.h>
#include <time.h>

#define POLL_FIRST (10 * NSEC_PER_MSEC)
#define POLL_MOST (200 * NSEC_PER_MSEC)
/* What has no health check counts as started well when it runs for so long. */
#define SETTLED (500 * NSEC_PER_MSEC)

/* What `--wait` waits for: it runs, and is healthy if it has a check. */
#define CONDITION_RUNNING_OR_HEALTHY "running_or_healthy"

static void pause_for(int64_t ns)
{
        struct timespec t = { .tv_sec = ns / NSEC_PER_SEC, .tv_nsec = ns % NSEC_PER_SEC };

        nanosleep(&t, NULL);
}

/* Nanoseconds since it was started. */
static int64_t runs_for(json_object *state)
{
        const char *text = json_get_string(state, "StartedAt");
        int64_t started;

        return text && time_parse_rfc3339(text, &started, NULL) == 0 ? time_now() - started : INT64_MAX;
}

static int check_healthy(const struct compose_container *c, json_object *inspected, bool fallback,
                         struct error *err)
{
        json_object *state = json_get(inspected, "State");
        const char *status = json_get_string(state, "Status"),
                   *health = json_get_string(json_get(state, "Health"), "Status");

        if (streq(status, "exited") || streq(status, "dead"))
                return error_set(err, ERROR_SYSTEM, "container %s exited (%d)", c->name,
                                 (int)json_get_int64(state, "ExitCode", 0));
        if (!health || streq(health, "none")) {
                if (!fallback)
                        return error_set(err, ERROR_SYSTEM, "container %s has no healthcheck configured",
                                         c->name);
                return streq(status, "running") && runs_for(state) >= SETTLED;
        }
        if (streq(health, "unhealthy"))
                return error_set(err, ERROR_SYSTEM, "container %s is unhealthy", c->name);
        return streq(health, "healthy");
}

static int check_completed(const struct compose_dependency *d, json_object *inspected, struct error *err)
{
        json_object *state = json_get(inspected, "State");
        int code = (int)json_get_int64(state, "ExitCode", 0);

        if (!streq(json_get_string(state, "Status"), "exited"))
                return 0;
        return code == 0
                   ? 1
                   : error_set(err, ERROR_SYSTEM, "service \"%s\" didn't complete successfully: exit %d",
                               d->service, code);
}

/* 1: fulfilled, 0: not yet, -1: never. */
static int check_condition(struct compose_engine *e, const struct compose_dependency *d,
                           const struct compose_container *c, struct error *err)
{
        cleanup_json json_object *inspected = NULL;

        if (compose_container_inspect(e, c->id, &inspected, err) < 0)
                return -1;
        if (streq(d->condition, "service_completed_successfully"))
                return check_completed(d, inspected, err);
        if (streq(d->condition, "service_healthy")) {
                int r = check_healthy(c, inspected, false, err);

                return r < 0 ? error_context(err, "dependency failed to start") : r;
        }
        return check_healthy(c, inspected, true, err);
}

static int wait_container(struct compose_engine *e, const struct compose_dependency *d,
                          const struct compose_container *c, int64_t timeout_at, struct error *err)
{
        int64_t pause = POLL_FIRST;

        for (;;) {
                int r = check_condition(e, d, c, err);

                if (r != 0)
                        return r;
                if (timeout_at && time_monotonic() >= timeout_at)
                        return error_set(err, ERROR_UNAVAILABLE, "timeout");
                pause_for(pause);
                pause = MIN(pause * 2, POLL_MOST);
        }
}

/* An optional dependency that failed is told, and that's all. */
static int give_up(struct compose_engine *e, const struct compose_dependency *d,
                   const struct compose_container *c, struct error *why, struct error *err)
{
        const char *message = error_message(why), *service = string_after(message, "service ");
        const char *rest = string_after(message, "dependency failed to start: ");

        if (d->required) {
                compose_report_container(e, COMPOSE_EVENT_ERROR, c->name, service ? message : "Error");
                return error_move(err, why);
        }
        compose_report_container(e, COMPOSE_EVENT_WARNING, c->name, "Skipped");
        if (service)
                compose_warning(e, "optional dependency %s", service);
        else
                compose_warning(e, "optional dependency \"%s\" failed to start: %s", d->service,
                                rest ? rest : message);
        error_clear(why);
        return 0;
}

static int wait_dependency(struct compose_engine *e, const struct compose_dependency *d,
                           const struct compose_containers *containers, int64_t timeout_at, struct error *err)
{
        bool completed = streq(d->condition, "service_completed_successfully");

        if (streq(d->condition, "service_started") || !compose_project_service(e->project, d->service))
                return 0;
        for (size_t i = 0; i < containers->count; i++)
                if (streq(containers->list[i]->service, d->service))
                        compose_report_container(e, COMPOSE_EVENT_WORKING, containers->list[i]->name,
                                                 "Waiting");
        for (size_t i = 0; !e->dry_run && i < containers->count; i++) {
                const struct compose_container *c = containers->list[i];
                struct error why = {};

                if (!streq(c->service, d->service))
                        continue;
                if (wait_container(e, d, c, timeout_at, &why) < 0) {
                        if (error_is(&why, ERROR_UNAVAILABLE) && timeout_at)
                                return error_move(err, &why);
                        return give_up(e, d, c, &why, err);
                }
                compose_report_container(e, COMPOSE_EVENT_DONE, c->name, completed ? "Exited" : "Healthy");
        }
        return 0;
}

int compose_wait_dependencies(struct compose_engine *e, const struct compose_service *service,
                              const struct compose_containers *containers, int64_t timeout_at,
                              struct error *err)
{
        for (size_t i = 0; i < service->n_depends_on; i++)
                if (wait_dependency(e, &service->depends_on[i], containers, timeout_at, err) < 0)
                        return -1;
        return 0;
}

int compose_container_start(struct compose_engine *e, const struct compose_service *service,
                            struct compose_container *c, struct error *err)
{
        cleanup_query struct client_query q = {};

        compose_report_container(e, COMPOSE_EVENT_WORKING, c->name, "Starting");
        client_query_init(&q, "/containers/%s/start", c->id);
        if (compose_change(e, "POST", &q, NULL, NULL, err) < 0) {
                if (!error_is(err, ERROR_NOT_MODIFIED)) {
                        compose_report_container(e, COMPOSE_EVENT_ERROR, c->name, error_message(err));
                        return -1;
                }
                error_clear(err);
        }
        if (service &&
            compose_hooks_run(e, service, service->post_start, service->n_post_start, c, err) < 0) {
                compose_report_container(e, COMPOSE_EVENT_ERROR, c->name, error_message(err));
                return -1;
        }
        compose_report_container(e, COMPOSE_EVENT_DONE, c->name, "Started");
        replace_string(&c->state, "running");
        return 0;
}

struct starting {
        const struct compose_start *options;
        struct compose_containers *containers;
        int64_t timeout_at;
};

static int start_one(struct compose_engine *e, struct compose_container *c, void *context, struct error *err)
{
        const struct starting *s = context;

        if (compose_container_runs(c))
                return 0;
        if (s->options->before)
                s->options->before(s->options->context, c);
        return compose_container_start(e, compose_project_service(e->project, c->service), c, err);
}

static int start_service(struct compose_engine *e, const struct compose_service *service, void *context,
                         struct error *err)
{
        struct starting *s = context;
        struct compose_containers own = {};
        int r;

        for (size_t i = 0; i < s->containers->count; i++)
                if (streq(s->containers->list[i]->service, service->name))
                        ARRAY_APPEND(own.list, own.count, s->containers->list[i]);
        if (own.count == 0)
                return compose_service_scale(service) == 0
                           ? 0
                           : error_set(err, ERROR_NOT_FOUND, "service \"%s\" has no container to start",
                                       service->name);
        r = compose_wait_dependencies(e, service, s->containers, s->timeout_at, err);
        if (r == 0)
                r = compose_each_container(e, &own, start_one, s, err);
        free(own.list);
        return r;
}

static int wait_service(struct compose_engine *e, const struct compose_service *service, void *context,
                        struct error *err)
{
        struct starting *s = context;
        struct compose_dependency d = { .service = service->name, .required = true };
        char condition[] = CONDITION_RUNNING_OR_HEALTHY;

        d.condition = condition;
        return wait_dependency(e, &d, s->containers, s->timeout_at, err);
}

int compose_start(struct compose_engine *e, struct compose_containers *containers,
                  const struct compose_start *options, struct error *err)
{
        struct starting s = { options, containers, 0 };
        struct error why = {};

        if (options->wait && options->wait_timeout)
                s.timeout_at = time_monotonic() + options->wait_timeout;
        if (compose_each_service(e, false, start_service, &s, &why) == 0 &&
            (!options->wait || compose_each_service(e, false, wait_service, &s, &why) == 0))
                return 0;
        if (error_is(&why, ERROR_UNAVAILABLE) && s.timeout_at && time_monotonic() >= s.timeout_at) {
                cleanup_free char *text = duration_format(options->wait_timeout);

                error_clear(&why);
                return error_set(err, ERROR_UNAVAILABLE, "application not healthy after %s", text);
        }
        return error_move(err, &why);
}
