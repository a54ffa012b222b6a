#include "cli/compose-session.h"
#include "cli/proxies.h"

#include <stdio.h>

void compose_session_deinit(struct compose_session *s)
{
        compose_project_free(s->project);
        compose_progress_free(s->progress);
        strv_free(s->engine.proxies);
        free(s->name);
}

static void on_event(void *context, const struct compose_event *event)
{
        const struct compose_session *s = context;

        compose_progress_event(s->progress, event);
}

void compose_session_show(struct compose_session *s, bool show)
{
        s->engine.reporter.event = show ? on_event : NULL;
        compose_progress_end(s->progress);
}

void compose_session_project(struct compose_session *s, struct compose_project *project)
{
        compose_project_free(s->project);
        s->project = project;
        s->engine.project = project;
}

static int check_known(const struct compose_project *p, char *const *services, struct error *err)
{
        for (; services && *services; services++)
                if (!compose_project_service(p, *services))
                        return error_set(err, ERROR_NOT_FOUND, "no such service: %s", *services);
        return 0;
}

/* With a name and no files named, the files don't matter: what runs is the project. */
static int find_project(struct compose_session *s, char *const *services, enum compose_need need,
                        struct error *err)
{
        const struct compose_settings *settings = compose_settings(s->cli);
        const char *named = settings->project_name ? settings->project_name : getenv("COMPOSE_PROJECT_NAME");
        struct compose_options options;
        struct error why = {};

        compose_load_options(s->cli, &options);
        if (need == COMPOSE_NEED_NAME)
                return compose_project_name(&options, &s->name, err);
        if (need == COMPOSE_NEED_FILES || settings->files || !settings->project_name) {
                if (compose_load_project(&options, s->cli, services, &s->project, &why) == 0) {
                        s->name = xstrdup(s->project->name);
                        return 0;
                }
                if (need == COMPOSE_NEED_FILES || string_empty(named))
                        return error_move(err, &why);
                error_clear(&why);
        }
        s->name = xstrdup(named);
        return 0;
}

int compose_session_open(struct cli *cli, char *const *services, enum compose_need need, const char *title,
                         struct compose_session *ret, struct error *err)
{
        const struct compose_settings *settings = compose_settings(cli);
        struct compose_engine *e = &ret->engine;

        ret->cli = cli;
        ret->progress = compose_progress_new(cli, title);
        if (find_project(ret, services, need, err) < 0 || cli_client(cli, &e->client, err) < 0)
                return -1;
        pthread_mutex_init(&e->lock, NULL);
        e->separator = ret->project              ? compose_separator(cli, ret->project)
                       : settings->compatibility ? "_"
                                                 : "-";
        e->dry_run = settings->dry_run;
        e->parallel = (int)settings->parallel;
        e->reporter = (struct compose_reporter){ on_event, compose_warn, ret };
        e->project = ret->project;
        proxies_add(cli, &e->proxies);
        if (need == COMPOSE_NEED_PROJECT && !ret->project) {
                struct compose_project *observed = NULL;

                if (compose_project_observed(e, ret->name, &observed, err) < 0)
                        return -1;
                compose_session_project(ret, observed);
                return check_known(observed, services, err);
        }
        return 0;
}

int compose_session_container(struct compose_session *s, const char *service, int64_t index, bool all,
                              struct compose_containers *list, struct compose_container **ret,
                              struct error *err)
{
        if (compose_containers_list(&s->engine, s->name, COMPOSE_NO_ONEOFFS, all, list, err) < 0)
                return -1;
        *ret = compose_containers_find(list, service, (int)index);
        if (*ret)
                return 0;
        if (index)
                return error_set(err, ERROR_NOT_FOUND, "service \"%s\" is not running container #%d", service,
                                 (int)index);
        return error_set(err, ERROR_NOT_FOUND, "service \"%s\" is not running", service);
}
