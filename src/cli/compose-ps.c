/* compose ps. */
#include "cli/compose-session.h"
#include "cli/list.h"

#include <stdio.h>

struct ps {
        bool all, dry_run, no_trunc, orphans, quiet, services;
        char **status;
        char *filter, *format;
};
static const struct option ps_options[] = {
        OPTION_BOOL("all", 'a', struct ps, all,
                    "Show all stopped containers (including those created by the run command)"),
        COMPOSE_DRY_RUN(struct ps),
        OPTION_STRING("filter", 0, struct ps, filter,
                      "Filter services by a property (supported filters: status)"),
        OPTION_STRING(
            "format", 0, struct ps, format,
            "Format output using a custom template:\n'table':            Print output in table format "
            "with column headers (default)\n'table TEMPLATE':   Print output in table format using the "
            "given Go template\n'json':             Print in JSON format\n'TEMPLATE':         Print "
            "output using the given Go template.\nRefer to https://docs.docker.com/go/formatting/ for "
            "more information about formatting output with templates",
            "\"table\""),
        OPTION_BOOL("no-trunc", 0, struct ps, no_trunc, "Don't truncate output"),
        OPTION_BOOL("orphans", 0, struct ps, orphans, "Include orphaned services (not declared by project)",
                    "true"),
        OPTION_BOOL("quiet", 'q', struct ps, quiet, "Only display IDs"),
        OPTION_BOOL("services", 0, struct ps, services, "Display services"),
        COMPOSE_OPTION_ARRAY("status", 0, struct ps, status,
                             "Filter services by status. Values: [paused | restarting | removing | running | "
                             "dead | created | exited]"),
};

static const struct format_field ps_fields[] = {
        { "Command", "COMMAND" },       { "CreatedAt", "CREATED AT" },
        { "ExitCode", "EXIT CODE" },    { "Health", "HEALTH" },
        { "ID", "CONTAINER ID" },       { "Image", "IMAGE" },
        { "Labels", "LABELS" },         { "LocalVolumes", "LOCAL VOLUMES" },
        { "Mounts", "MOUNTS" },         { "Name", "NAME" },
        { "Names", "NAMES" },           { "Networks", "NETWORKS" },
        { "Ports", "PORTS" },           { "Project", "PROJECT" },
        { "Publishers", "PUBLISHERS" }, { "RunningFor", "CREATED" },
        { "Service", "SERVICE" },       { "Size", "SIZE" },
        { "State", "STATE" },           { "Status", "STATUS" },
};

static int ps_method(void *row, const char *name, json_object *const *args, size_t n_args, json_object **ret)
{
        return container_kind.method(row, name, args, n_args, ret);
}

static const struct format_kind ps_kind = {
        "*formatter.ContainerContext",
        "{{.Name}}\t{{.Image}}\t{{.Command}}\t{{.Service}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}",
        "{{.ID}}",
        ps_fields,
        ARRAY_SIZE(ps_fields),
        ps_method,
        NULL
};

static json_object *publishers(json_object *ports)
{
        json_object *out = json_object_new_array();

        for (size_t i = 0; json_object_is_type(ports, json_type_array) && i < json_object_array_length(ports);
             i++) {
                json_object *port = json_object_array_get_idx(ports, i), *one = json_object_new_object();
                const char *ip = json_get_string(port, "IP"), *type = json_get_string(port, "Type");

                json_set_string(one, "URL", ip ? ip : "");
                json_object_object_add(one, "TargetPort",
                                       json_object_new_int64(json_get_int64(port, "PrivatePort", 0)));
                json_object_object_add(one, "PublishedPort",
                                       json_object_new_int64(json_get_int64(port, "PublicPort", 0)));
                json_set_string(one, "Protocol", type ? type : "");
                json_object_array_add(out, one);
        }
        return out;
}

static json_object *row_of(struct compose_session *s, const struct compose_container *c, bool full)
{
        json_object *row = container_row(json_object_get(c->summary), full);
        cleanup_json json_object *inspected = NULL;
        json_object *state;
        const char *health;

        (void)compose_container_inspect(&s->engine, c->id, &inspected, NULL);
        state = json_get(inspected, "State");
        health = json_get_string(json_get(state, "Health"), "Status");
        json_object_object_del(row, "Platform");
        json_object_object_add(row, "ExitCode", json_object_new_int64(json_get_int64(state, "ExitCode", 0)));
        json_set_string(row, "Health", health && !streq(health, "none") ? health : "");
        json_set_string(row, "Name", c->name);
        json_set_string(row, "Project", s->name);
        json_set_string(row, "Service", c->service);
        /* For .Label; the summary lives as long as the list of containers. */
        json_object_set_userdata(row, c->summary, NULL);
        json_object_object_add(row, "Publishers", publishers(json_get(c->summary, "Ports")));
        return row;
}

static int check_filter(const struct ps *o, char ***status, struct error *err)
{
        const char *equals = o->filter ? strchr(o->filter, '=') : NULL;

        strv_extend(status, o->status);
        if (!o->filter)
                return 0;
        if (!equals)
                return error_set(err, ERROR_INVALID, "arguments to --filter should be in form KEY=VAL");
        if (!string_after(o->filter, "status="))
                return error_set(err, ERROR_INVALID, "unknown filter %.*s", (int)(equals - o->filter),
                                 o->filter);
        strv_append(status, equals + 1);
        return 0;
}

static int print_services(const struct compose_containers *c)
{
        cleanup_strv char **names = strv_new();

        for (size_t i = 0; i < c->count; i++)
                if (!strv_contains(names, c->list[i]->service))
                        strv_append(&names, c->list[i]->service);
        for (char **name = names; *name; name++)
                printf("%s\n", *name);
        return 0;
}

static int print_rows(struct compose_session *s, const struct ps *o, const struct compose_containers *c,
                      struct error *err)
{
        struct format *f;

        if (o->quiet) {
                for (size_t i = 0; i < c->count; i++)
                        printf("%s\n", c->list[i]->id);
                return 0;
        }
        if (o->services)
                return print_services(c);
        if (format_open(&ps_kind, o->format, false, &f, err) < 0)
                return -1;
        for (size_t i = 0; i < c->count; i++)
                if (format_row(f, row_of(s, c->list[i], o->no_trunc), err) < 0) {
                        format_close(f, NULL);
                        return -1;
                }
        return format_close(f, err);
}

static bool is_shown(struct compose_session *s, const struct ps *o, bool orphans, char *const *status,
                     const struct compose_container *c)
{
        if (!orphans && s->project && !compose_project_service(s->project, c->service))
                return false;
        if (status)
                return strv_contains(status, c->state);
        return o->all || compose_container_runs(c);
}

static int run_ps(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct ps *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        struct compose_containers shown = {};
        cleanup_strv char **status = NULL;
        bool orphans = option_given(call, "orphans") ? o->orphans : true;
        int r;

        if (check_filter(o, &status, err) < 0)
                return -1;
        if (compose_session_open(cli, call->args, COMPOSE_NEED_PROJECT, "", &s, err) < 0 ||
            compose_containers_list(&s.engine, s.name, o->all ? COMPOSE_WITH_ONEOFFS : COMPOSE_NO_ONEOFFS,
                                    true, &containers, err) < 0)
                return -1;
        compose_containers_keep(&containers, call->args);
        for (size_t i = 0; i < containers.count; i++)
                if (is_shown(&s, o, orphans, status, containers.list[i]))
                        ARRAY_APPEND(shown.list, shown.count, containers.list[i]);
        r = print_rows(&s, o, &shown, err);
        free(shown.list);
        return r;
}

const struct command compose_ps_command = { .name = "ps",
                                            .usage = "[OPTIONS] [SERVICE...]",
                                            .summary = "List containers",
                                            COMPOSE_COMMAND_OPTIONS(ps_options, struct ps),
                                            .max_args = -1,
                                            .run = run_ps };
