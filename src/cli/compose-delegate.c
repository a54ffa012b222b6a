/* compose cp, commit, export, stats: what other commands do, for the container of a service. */
#include "cli/compose-image.h"
#include "cli/compose-session.h"

#include <stdio.h>

extern const struct command cp_command, commit_command, export_command, stats_command;

static int delegate(struct cli *cli, const struct command *command, char **argv, struct error *err)
{
        struct invocation call;
        int r = command_parse(command, command->name, argv, &call);

        if (r == 0)
                r = command->run(cli, &call, err);
        invocation_deinit(&call);
        return r;
}

struct delegated {
        bool all, archive, dry_run, follow_link, no_stream, no_trunc, pause;
        char **change;
        char *author, *format, *message, *output;
        int64_t index;
};

/* ---- cp ---- */

static const struct option cp_options[] = {
        OPTION_BOOL("all", 0, struct delegated, all, "Include containers created by the run command"),
        OPTION_BOOL("archive", 'a', struct delegated, archive, "Archive mode (copy all uid/gid information)"),
        COMPOSE_DRY_RUN(struct delegated),
        OPTION_BOOL("follow-link", 'L', struct delegated, follow_link,
                    "Always follow symbol link in SRC_PATH"),
        OPTION_INT("index", 0, struct delegated, index,
                   "Index of the container if service has multiple replicas"),
};

/* "SERVICE:PATH": the path, and the service in *ret (heap). NULL: a path here. */
static const char *split(const char *argument, char **ret)
{
        const char *colon = strchr(argument, ':');

        if (*argument == '/' || *argument == '.' || *argument == '-' || !colon)
                return NULL;
        *ret = xstrndup(argument, (size_t)(colon - argument));
        return colon + 1;
}

static int copy_one(struct compose_session *s, const struct delegated *o, const struct compose_container *c,
                    const char *source, const char *target, bool in, struct error *err)
{
        cleanup_strv char **argv = NULL;
        cleanup_free char *remote = string_format("%s:%s", c->id, in ? target : source),
                          *shown = string_format("%s:%s", c->name, in ? target : source),
                          *text = string_format("copy %s to %s", in ? source : shown, in ? shown : target);

        strv_append(&argv, "--quiet");
        if (o->archive)
                strv_append(&argv, "--archive");
        if (o->follow_link)
                strv_append(&argv, "--follow-link");
        strv_append(&argv, in ? source : remote);
        strv_append(&argv, in ? remote : target);
        if (!streq(source, "-") && !streq(target, "-"))
                compose_image_event(s, c->name, text, "Copying", COMPOSE_EVENT_WORKING);
        if (!s->engine.dry_run && delegate(s->cli, &cp_command, argv, err) < 0)
                return -1;
        if (!streq(source, "-") && !streq(target, "-"))
                compose_image_event(s, c->name, text, "Copied", COMPOSE_EVENT_DONE);
        return 0;
}

static int run_cp(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct delegated *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        cleanup_free char *from = NULL, *to = NULL;
        const char *source = split(call->args[0], &from), *target = split(call->args[1], &to);
        const char *service = from ? from : to;
        size_t count = 0;

        if (from && to)
                return error_set(err, ERROR_INVALID, "copying between services is not supported");
        if (!service)
                return error_set(err, ERROR_INVALID, "unknown copy direction");
        if (compose_session_open(cli, NULL, COMPOSE_NEED_NAME, "Copying", &s, err) < 0 ||
            compose_containers_list(&s.engine, s.name, o->all ? COMPOSE_WITH_ONEOFFS : COMPOSE_NO_ONEOFFS,
                                    true, &containers, err) < 0)
                return -1;
        for (size_t i = 0; i < containers.count; i++) {
                const struct compose_container *c = containers.list[i];

                if (!streq(c->service, service) || (o->index && c->number != o->index) || (from && count))
                        continue;
                count++;
                if (copy_one(&s, o, c, source ? source : call->args[0], target ? target : call->args[1], to,
                             err) < 0)
                        return -1;
        }
        return count ? 0 : error_set(err, ERROR_NOT_FOUND, "no container found for service \"%s\"", service);
}

const struct command compose_cp_command = {
        .name = "cp",
        .usage = "[OPTIONS] SERVICE:SRC_PATH DEST_PATH|-\n\tdocker compose cp [OPTIONS] SRC_PATH|- "
                 "SERVICE:DEST_PATH",
        .summary = "Copy files/folders between a service container and the local filesystem",
        COMPOSE_COMMAND_OPTIONS(cp_options, struct delegated),
        .min_args = 2,
        .max_args = 2,
        .run = run_cp
};

/* ---- commit, export, stats ---- */

static int find(struct cli *cli, const char *service, int64_t index, struct compose_session *s,
                struct compose_containers *containers, struct compose_container **ret, struct error *err)
{
        if (compose_session_open(cli, NULL, COMPOSE_NEED_NAME, "", s, err) < 0)
                return -1;
        return compose_session_container(s, service, index, false, containers, ret, err);
}

static const struct option commit_options[] = {
        OPTION_STRING("author", 'a', struct delegated, author,
                      "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")"),
        OPTION_LIST("change", 'c', struct delegated, change,
                    "Apply Dockerfile instruction to the created image"),
        COMPOSE_DRY_RUN(struct delegated),
        OPTION_INT("index", 0, struct delegated, index,
                   "index of the container if service has multiple replicas."),
        OPTION_STRING("message", 'm', struct delegated, message, "Commit message"),
        OPTION_BOOL("pause", 'p', struct delegated, pause, "Pause container during commit", "true"),
};

static int run_commit(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct delegated *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        cleanup_strv char **argv = strv_new();
        struct compose_container *c;

        if (find(cli, call->args[0], o->index, &s, &containers, &c, err) < 0)
                return -1;
        if (o->author)
                strv_append_take(&argv, string_format("--author=%s", o->author));
        if (o->message)
                strv_append_take(&argv, string_format("--message=%s", o->message));
        if (option_given(call, "pause"))
                strv_append(&argv, o->pause ? "--pause=true" : "--pause=false");
        for (char **change = o->change; change && *change; change++)
                strv_append_take(&argv, string_format("--change=%s", *change));
        strv_append(&argv, c->id);
        if (call->args[1])
                strv_append(&argv, call->args[1]);
        return s.engine.dry_run ? 0 : delegate(cli, &commit_command, argv, err);
}

const struct command compose_commit_command = { .name = "commit",
                                                .usage = "[OPTIONS] SERVICE [REPOSITORY[:TAG]]",
                                                .summary =
                                                    "Create a new image from a service container's changes",
                                                COMPOSE_COMMAND_OPTIONS(commit_options, struct delegated),
                                                .min_args = 1,
                                                .max_args = 2,
                                                .run = run_commit };

static const struct option export_options[] = {
        COMPOSE_DRY_RUN(struct delegated),
        OPTION_INT("index", 0, struct delegated, index,
                   "index of the container if service has multiple replicas."),
        OPTION_STRING("output", 'o', struct delegated, output, "Write to a file, instead of STDOUT"),
};

static int run_export(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct delegated *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        cleanup_strv char **argv = strv_new();
        struct compose_container *c;

        if (find(cli, call->args[0], o->index, &s, &containers, &c, err) < 0)
                return -1;
        if (o->output)
                strv_append_take(&argv, string_format("--output=%s", o->output));
        strv_append(&argv, c->id);
        return s.engine.dry_run ? 0 : delegate(cli, &export_command, argv, err);
}

const struct command compose_export_command = {
        .name = "export",
        .usage = "[OPTIONS] SERVICE",
        .summary = "Export a service container's filesystem as a tar archive",
        COMPOSE_COMMAND_OPTIONS(export_options, struct delegated),
        .min_args = 1,
        .max_args = 1,
        .run = run_export
};

static const struct option stats_options[] = {
        OPTION_BOOL("all", 'a', struct delegated, all, "Show all containers (default shows just running)"),
        COMPOSE_DRY_RUN(struct delegated),
        OPTION_STRING("format", 0, struct delegated, format, "Format output using a custom template"),
        OPTION_BOOL("no-stream", 0, struct delegated, no_stream,
                    "Disable streaming stats and only pull the first result"),
        OPTION_BOOL("no-trunc", 0, struct delegated, no_trunc, "Do not truncate output"),
};

static int run_stats(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct delegated *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        cleanup_strv char **argv = strv_new();
        size_t count = 0;

        if (compose_session_open(cli, NULL, COMPOSE_NEED_NAME, "", &s, err) < 0 ||
            compose_containers_list(&s.engine, s.name, COMPOSE_NO_ONEOFFS, o->all, &containers, err) < 0)
                return -1;
        if (o->format)
                strv_append_take(&argv, string_format("--format=%s", o->format));
        if (o->no_stream)
                strv_append(&argv, "--no-stream");
        if (o->no_trunc)
                strv_append(&argv, "--no-trunc");
        for (size_t i = 0; i < containers.count; i++)
                if (!call->args[0] || streq(containers.list[i]->service, call->args[0])) {
                        strv_append(&argv, containers.list[i]->id);
                        count++;
                }
        /* Without names `stats` would show the containers of all projects. */
        if (count == 0)
                return error_set(err, ERROR_NOT_FOUND, "no container found for service \"%s\"",
                                 call->args[0] ? call->args[0] : "");
        return delegate(cli, &stats_command, argv, err);
}

const struct command compose_stats_command = {
        .name = "stats",
        .usage = "[OPTIONS] [SERVICE]",
        .summary = "Display a live stream of container(s) resource usage statistics",
        COMPOSE_COMMAND_OPTIONS(stats_options, struct delegated),
        .max_args = 1,
        .run = run_stats
};
