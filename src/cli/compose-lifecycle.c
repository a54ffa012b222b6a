/* compose stop, start, restart, kill, rm, pause, unpause. */
#include "base/time.h"
#include "cli/compose-session.h"
#include "cli/each.h"

#include <stdio.h>

struct lifecycle {
        bool all, dry_run, force, no_deps, remove_orphans, stop, volumes, wait;
        char *signal;
        int64_t timeout, wait_timeout;
};

/* The session and the containers of the services named (or all). */
static int open_containers(struct cli *cli, struct invocation *call, const char *title,
                           struct compose_session *s, struct compose_containers *ret, struct error *err)
{
        if (compose_session_open(cli, call->args, COMPOSE_NEED_PROJECT, title, s, err) < 0 ||
            compose_containers_list(&s->engine, s->name, COMPOSE_NO_ONEOFFS, true, ret, err) < 0)
                return -1;
        compose_containers_keep(ret, call->args);
        return 0;
}

/* What isn't named is no part of the project for this command. */
static int select_named(struct compose_session *s, char *const *services, struct error *err)
{
        return services && *services
                   ? compose_project_select(s->project, services, COMPOSE_WITHOUT_DEPENDENCIES, err)
                   : 0;
}

static int64_t timeout_of(const struct invocation *call)
{
        return option_given(call, "timeout") ? ((const struct lifecycle *)call->values)->timeout : -1;
}

/* ---- stop ---- */

static const struct option stop_options[] = {
        COMPOSE_DRY_RUN(struct lifecycle),
        OPTION_INT("timeout", 't', struct lifecycle, timeout, "Specify a shutdown timeout in seconds"),
};

static int run_stop(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        struct compose_stop stop = { .timeout = timeout_of(call) };

        if (open_containers(cli, call, "Stopping", &s, &containers, err) < 0)
                return -1;
        return compose_stop(&s.engine, &containers, &stop, err);
}

const struct command compose_stop_command = { .name = "stop",
                                              .usage = "[OPTIONS] [SERVICE...]",
                                              .summary = "Stop services",
                                              COMPOSE_COMMAND_OPTIONS(stop_options, struct lifecycle),
                                              .max_args = -1,
                                              .run = run_stop };

/* ---- start ---- */

static const struct option start_options[] = {
        COMPOSE_DRY_RUN(struct lifecycle),
        OPTION_BOOL("wait", 0, struct lifecycle, wait,
                    "Wait for services to be running|healthy. Implies detached mode."),
        OPTION_INT("wait-timeout", 0, struct lifecycle, wait_timeout,
                   "Maximum duration in seconds to wait for the project to be running|healthy"),
};

static int run_start(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct lifecycle *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        struct compose_start start = { .wait = o->wait, .wait_timeout = o->wait_timeout * NSEC_PER_SEC };

        if (compose_session_open(cli, call->args, COMPOSE_NEED_PROJECT, "Running", &s, err) < 0 ||
            compose_containers_list(&s.engine, s.name, COMPOSE_NO_ONEOFFS, true, &containers, err) < 0)
                return -1;
        return compose_start(&s.engine, &containers, &start, err);
}

const struct command compose_start_command = { .name = "start",
                                               .usage = "[SERVICE...]",
                                               .summary = "Start services",
                                               COMPOSE_COMMAND_OPTIONS(start_options, struct lifecycle),
                                               .max_args = -1,
                                               .run = run_start };

/* ---- restart ---- */

static const struct option restart_options[] = {
        COMPOSE_DRY_RUN(struct lifecycle),
        OPTION_BOOL("no-deps", 0, struct lifecycle, no_deps, "Don't restart dependent services"),
        OPTION_INT("timeout", 't', struct lifecycle, timeout, "Specify a shutdown timeout in seconds"),
};

/* Dependencies that don't restart with what they depend on are none here. */
static void keep_restarting(struct compose_project *p)
{
        for (size_t i = 0; i < p->n_services; i++)
                for (size_t k = 0; k < p->services[i].n_depends_on; k++) {
                        struct compose_dependency *d = &p->services[i].depends_on[k];

                        if (!d->restart)
                                replace_string(&d->service, "");
                }
}

static int run_restart(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct lifecycle *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};

        if (compose_session_open(cli, NULL, COMPOSE_NEED_PROJECT, "Restarting", &s, err) < 0)
                return -1;
        if (*call->args) {
                if (!o->no_deps)
                        keep_restarting(s.project);
                compose_project_enable(s.project, call->args);
                if (compose_project_select(
                        s.project, call->args,
                        o->no_deps ? COMPOSE_WITHOUT_DEPENDENCIES : COMPOSE_WITH_DEPENDENTS, err) < 0)
                        return -1;
        }
        if (compose_containers_list(&s.engine, s.name, COMPOSE_NO_ONEOFFS, true, &containers, err) < 0)
                return -1;
        return compose_restart(&s.engine, &containers, timeout_of(call), err);
}

const struct command compose_restart_command = { .name = "restart",
                                                 .usage = "[OPTIONS] [SERVICE...]",
                                                 .summary = "Restart service containers",
                                                 COMPOSE_COMMAND_OPTIONS(restart_options, struct lifecycle),
                                                 .max_args = -1,
                                                 .run = run_restart };

/* ---- Things that are done to each container at once ---- */

struct step {
        const char *path; /* behind /containers/ID/ */
        const char *doing, *done;
        const char *signal;
        bool running_only, paused_only;
};

static int run_step(struct compose_engine *e, struct compose_container *c, void *context, struct error *err)
{
        const struct step *step = context;
        cleanup_query struct client_query q = {};

        if (step->doing)
                compose_report_container(e, COMPOSE_EVENT_WORKING, c->name, step->doing);
        client_query_init(&q, "/containers/%s/", c->id);
        strbuf_adds(&q.text, step->path);
        client_query_add(&q, "signal", step->signal);
        if (compose_change(e, "POST", &q, NULL, NULL, err) < 0) {
                compose_report_container(e, COMPOSE_EVENT_ERROR, c->name, "Error");
                return -1;
        }
        compose_report_container(e, COMPOSE_EVENT_DONE, c->name, step->done);
        return 0;
}

static int step_each(struct compose_session *s, struct compose_containers *containers, struct step *step,
                     size_t *ret_count, struct error *err)
{
        struct compose_containers chosen = {};
        int r;

        for (size_t i = 0; i < containers->count; i++) {
                const char *state = containers->list[i]->state;

                if ((step->running_only && !streq(state, "running") &&
                     !(step->signal && compose_container_runs(containers->list[i]))) ||
                    (step->paused_only && !streq(state, "paused")))
                        continue;
                ARRAY_APPEND(chosen.list, chosen.count, containers->list[i]);
        }
        *ret_count = chosen.count;
        r = compose_each_container(&s->engine, &chosen, run_step, step, err);
        free(chosen.list);
        return r;
}

/* ---- kill ---- */

static const struct option kill_options[] = {
        COMPOSE_DRY_RUN(struct lifecycle),
        OPTION_BOOL("remove-orphans", 0, struct lifecycle, remove_orphans,
                    "Remove containers for services not defined in the Compose file"),
        OPTION_STRING("signal", 's', struct lifecycle, signal, "SIGNAL to send to the container",
                      "\"SIGKILL\""),
};

static int run_kill(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct lifecycle *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        struct step step = { "kill", "Killing", "Killed", o->signal ? o->signal : "SIGKILL", true, false };
        size_t count = 0;

        if (open_containers(cli, call, "Killing", &s, &containers, err) < 0)
                return -1;
        if (!o->remove_orphans)
                for (size_t i = 0; i < containers.count; i++)
                        if (!compose_project_service(s.project, containers.list[i]->service))
                                replace_string(&containers.list[i]->state, "");
        if (step_each(&s, &containers, &step, &count, err) < 0)
                return -1;
        if (count == 0)
                fprintf(stderr, "no container to kill\n");
        return 0;
}

const struct command compose_kill_command = { .name = "kill",
                                              .usage = "[OPTIONS] [SERVICE...]",
                                              .summary = "Force stop service containers",
                                              COMPOSE_COMMAND_OPTIONS(kill_options, struct lifecycle),
                                              .max_args = -1,
                                              .run = run_kill };

/* ---- pause, unpause ---- */

static const struct option pause_options[] = { COMPOSE_DRY_RUN(struct lifecycle) };

static int run_pause(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        struct step step = { "pause", NULL, "Paused", NULL, true, false };
        size_t count;

        return open_containers(cli, call, "Pausing", &s, &containers, err) < 0
                   ? -1
                   : step_each(&s, &containers, &step, &count, err);
}

const struct command compose_pause_command = { .name = "pause",
                                               .usage = "[SERVICE...]",
                                               .summary = "Pause services",
                                               COMPOSE_COMMAND_OPTIONS(pause_options, struct lifecycle),
                                               .max_args = -1,
                                               .run = run_pause };

static int run_unpause(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        struct step step = { "unpause", NULL, "Unpaused", NULL, false, true };
        size_t count;

        return open_containers(cli, call, "Unpausing", &s, &containers, err) < 0
                   ? -1
                   : step_each(&s, &containers, &step, &count, err);
}

const struct command compose_unpause_command = { .name = "unpause",
                                                 .usage = "[SERVICE...]",
                                                 .summary = "Unpause services",
                                                 COMPOSE_COMMAND_OPTIONS(pause_options, struct lifecycle),
                                                 .max_args = -1,
                                                 .run = run_unpause };

/* ---- rm ---- */

static const struct option rm_options[] = {
        OPTION_BOOL("all", 'a', struct lifecycle, all, "Deprecated - no effect", .hidden = true),
        COMPOSE_DRY_RUN(struct lifecycle),
        OPTION_BOOL("force", 'f', struct lifecycle, force, "Don't ask to confirm removal"),
        OPTION_BOOL("stop", 's', struct lifecycle, stop, "Stop the containers, if required, before removing"),
        OPTION_BOOL("volumes", 'v', struct lifecycle, volumes,
                    "Remove any anonymous volumes attached to containers"),
};

static int remove_one(struct compose_engine *e, struct compose_container *c, void *context, struct error *err)
{
        const struct lifecycle *o = context;

        return compose_container_remove(e, c, o->force, o->volumes, err);
}

/* Names what will go; 0 when there is nothing, or nobody wants it. */
static int announce_removal(const struct lifecycle *o, const struct compose_containers *c)
{
        cleanup_strbuf struct strbuf names = {};

        for (size_t i = 0; i < c->count; i++)
                strbuf_addf(&names, "%s%s", i ? ", " : "", c->list[i]->name);
        if (c->count == 0) {
                fprintf(stderr, "No stopped containers\n");
                return 0;
        }
        printf("Going to remove %s\n", names.data);
        fflush(stdout);
        return o->force ? 1 : confirm("Are you sure?");
}

static int run_rm(struct cli *cli, struct invocation *call, struct error *err)
{
        struct lifecycle *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        struct compose_containers chosen = {};
        struct compose_stop stop = { .timeout = -1 };
        int r;

        if (open_containers(cli, call, "Removing", &s, &containers, err) < 0 ||
            select_named(&s, call->args, err) < 0 ||
            (o->stop && compose_stop(&s.engine, &containers, &stop, err) < 0))
                return -1;
        for (size_t i = 0; i < containers.count; i++)
                if ((o->stop || !compose_container_runs(containers.list[i])) &&
                    compose_project_service(s.project, containers.list[i]->service))
                        ARRAY_APPEND(chosen.list, chosen.count, containers.list[i]);
        r = announce_removal(o, &chosen);
        if (r > 0)
                r = compose_each_container(&s.engine, &chosen, remove_one, o, err);
        free(chosen.list);
        return r;
}

const struct command compose_rm_command = { .name = "rm",
                                            .usage = "[OPTIONS] [SERVICE...]",
                                            .summary = "Removes stopped service containers",
                                            .details =
                                                "Removes stopped service containers\n\nBy default, anonymous "
                                                "volumes attached to containers will not be removed. You can "
                                                "override this\nwith -v. To list all volumes, use \"docker "
                                                "volume ls\".\n\nAny data which is not in a volume will be "
                                                "lost.",
                                            COMPOSE_COMMAND_OPTIONS(rm_options, struct lifecycle),
                                            .max_args = -1,
                                            .run = run_rm };
