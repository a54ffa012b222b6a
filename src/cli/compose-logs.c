/* compose logs. */
#include "base/time.h"
#include "cli/compose-lines.h"
#include "cli/compose-session.h"
#include "cli/timestamp.h"

#include <stdio.h>

struct logs {
        bool dry_run, follow, no_color, no_log_prefix, timestamps;
        char *since, *tail, *until;
        int64_t index;
};
static const struct option logs_options[] = {
        COMPOSE_DRY_RUN(struct logs),
        OPTION_BOOL("follow", 'f', struct logs, follow, "Follow log output"),
        OPTION_INT("index", 0, struct logs, index, "index of the container if service has multiple replicas"),
        OPTION_BOOL("no-color", 0, struct logs, no_color, "Produce monochrome output"),
        OPTION_BOOL("no-log-prefix", 0, struct logs, no_log_prefix, "Don't print prefix in logs"),
        OPTION_STRING("since", 0, struct logs, since,
                      "Show logs since timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 "
                      "minutes)"),
        OPTION_STRING("tail", 'n', struct logs, tail,
                      "Number of lines to show from the end of the logs for each container", "\"all\""),
        OPTION_BOOL("timestamps", 't', struct logs, timestamps, "Show timestamps"),
        OPTION_STRING("until", 0, struct logs, until,
                      "Show logs before a timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 "
                      "minutes)"),
};

struct printing {
        struct compose_session *s;
        const struct logs *o;
        struct compose_lines *lines;
        char *since, *until;
};

static int open_log(struct printing *p, const struct compose_container *c, struct client_stream **ret,
                    struct error *err)
{
        cleanup_query struct client_query q = {};

        client_query_init(&q, "/containers/%s/logs", c->id);
        client_query_add_bool(&q, "follow", p->o->follow);
        client_query_add(&q, "since", p->since);
        client_query_add(&q, "stderr", "1");
        client_query_add(&q, "stdout", "1");
        client_query_add(&q, "tail", p->o->tail ? p->o->tail : "all");
        client_query_add_bool(&q, "timestamps", p->o->timestamps);
        client_query_add(&q, "until", p->until);
        return client_stream_call(p->s->engine.client, "GET", &q, NULL, ret, err);
}

static int print_log(struct compose_engine *e, struct compose_container *c, void *context, struct error *err)
{
        struct printing *p = context;
        const char *name = compose_container_short_name(c, p->s->name);
        cleanup_client_stream struct client_stream *s = NULL;
        cleanup_error struct error why = {};

        (void)e;
        if (open_log(p, c, &s, &why) < 0) {
                /* A driver that keeps nothing has nothing to show. */
                if (error_is(&why, ERROR_UNSUPPORTED) ||
                    strstr(error_message(&why), "does not support reading"))
                        return 0;
                return error_move(err, &why);
        }
        return compose_lines_follow(p->lines, name, &s->body.stream,
                                    !streq(s->content_type, "application/vnd.docker.raw-stream"), stdout,
                                    stdout, err);
}

static int print_all(struct printing *p, struct compose_containers *containers, struct error *err)
{
        for (size_t i = 0; i < containers->count; i++)
                compose_lines_register(p->lines,
                                       compose_container_short_name(containers->list[i], p->s->name));
        if (p->o->follow)
                return compose_each_container(&p->s->engine, containers, print_log, p, err);
        for (size_t i = 0; i < containers->count; i++)
                if (print_log(&p->s->engine, containers->list[i], p, err) < 0)
                        return -1;
        return 0;
}

/* An option that was not given stays absent. */
static int parse_time(const char *text, const char *name, char **ret, struct error *err)
{
        if (string_empty(text) || timestamp_parse(text, time_now(), ret, err) == 0)
                return 0;
        return error_context(err, "invalid value for \"%s\"", name);
}

static int run_logs(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct logs *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        struct compose_containers chosen = {};
        struct compose_lines_options lines = { .colour = compose_lines_colour(cli, o->no_color),
                                               .prefix = !o->no_log_prefix };
        struct printing p = { .s = &s, .o = o };
        int r;

        if (o->index && strv_length(call->args) != 1)
                return error_set(err, ERROR_INVALID, "--index requires one service to be selected");
        if (parse_time(o->since, "since", &p.since, err) < 0 ||
            parse_time(o->until, "until", &p.until, err) < 0 ||
            compose_session_open(cli, call->args, COMPOSE_NEED_PROJECT, "", &s, err) < 0 ||
            compose_containers_list(&s.engine, s.name, COMPOSE_NO_ONEOFFS, true, &containers, err) < 0) {
                r = -1;
        } else {
                compose_containers_keep(&containers, call->args);
                for (size_t i = 0; i < containers.count; i++)
                        if (!o->index || containers.list[i]->number == o->index)
                                ARRAY_APPEND(chosen.list, chosen.count, containers.list[i]);
                p.lines = compose_lines_new(&lines);
                r = print_all(&p, &chosen, err);
                compose_lines_free(p.lines);
        }
        free(chosen.list);
        free(p.since);
        free(p.until);
        return r;
}

const struct command compose_logs_command = { .name = "logs",
                                              .usage = "[OPTIONS] [SERVICE...]",
                                              .summary = "View output from containers",
                                              COMPOSE_COMMAND_OPTIONS(logs_options, struct logs),
                                              .max_args = -1,
                                              .run = run_logs };
