/* `buildx ls`, `inspect`, `create`, `use`, `rm`, `stop`. */
#include "base/fd.h"
#include "base/time.h"
#include "cli/buildx.h"
#include "cli/each.h"
#include "cli/format.h"
#include "client/client.h"
#include "oci/image.h"

#include <ctype.h>
#include <stdio.h>

/* ---- What the engine says of itself ---- */

struct engine_state {
        bool running;
        char *version;
        char **platforms;
};

static void engine_state_deinit(struct engine_state *s)
{
        free(s->version);
        strv_free(s->platforms);
}

static void engine_state_get(struct cli *cli, struct engine_state *ret)
{
        cleanup_query struct client_query q = {};
        cleanup_json json_object *info = NULL;
        struct client *client;

        *ret = (struct engine_state){};
        client_query_init(&q, "/version");
        if (cli_client(cli, &client, NULL) < 0 || client_call(client, "GET", &q, NULL, &info, NULL, NULL) < 0)
                return;
        ret->running = true;
        ret->version = xstrdup(json_get_string(info, "Version"));
        strv_append_take(&ret->platforms, string_format("%s/%s", json_get_string(info, "Os") ?: "linux",
                                                        json_get_string(info, "Arch") ?: ""));
}

static char *join_platforms(const struct buildx_node *node, const struct engine_state *state, bool full)
{
        cleanup_strv char **all = strv_copy(node->platforms);
        cleanup_free char *text = NULL;

        for (char **p = state->platforms; p && *p; p++)
                if (!strv_contains(all, *p))
                        strv_append(&all, *p);
        text = strv_join(all, ", ");
        if (full || strv_length(all) <= 4)
                return take_ptr(text);
        return string_format("%s, %s, %s, %s (+%zu)", all[0], all[1], all[2], all[3], strv_length(all) - 4);
}

/* ---- ls ---- */

static const struct format_field ls_fields[] = {
        { "Name", "NAME/NODE" },      { "DriverEndpoint", "DRIVER/ENDPOINT" },
        { "Driver", "DRIVER" },       { "LastActivity", "LAST ACTIVITY" },
        { "Status", "STATUS" },       { "Buildkit", "BUILDKIT" },
        { "Platforms", "PLATFORMS" }, { "Error", "ERROR" },
};
static const struct format_kind ls_kind = {
        .type_name = "*commands.lsContext",
        .default_table = "{{.Name}}\t{{.DriverEndpoint}}\t{{.Status}}\t{{.Buildkit}}\t{{.Platforms}}",
        .fields = ls_fields,
        .n_fields = ARRAY_SIZE(ls_fields),
};

struct ls {
        char *format;
        bool no_trunc;
        int64_t timeout;
};
static const struct option ls_options[] = {
        OPTION_STRING("format", 0, struct ls, format, "Format the output", "\"table\""),
        OPTION_BOOL("no-trunc", 0, struct ls, no_trunc, "Don't truncate output"),
        BUILDX_TIMEOUT_OPTION(struct ls),
};

static json_object *builder_row(const struct buildx_instance *i, bool current, bool table)
{
        json_object *row = json_object_new_object();
        cleanup_free char *name = string_format("%s%s", i->name, current && table ? "*" : "");

        json_set_string(row, "Name", name);
        json_set_string(row, "DriverEndpoint", i->driver);
        json_set_string(row, "Driver", i->driver);
        json_set_string(row, "LastActivity", "");
        json_set_string(row, "Status", "");
        json_set_string(row, "Buildkit", "");
        json_set_string(row, "Platforms", "");
        json_set_string(row, "Error", "");
        return row;
}

static json_object *node_row(const struct buildx_node *node, const struct engine_state *state,
                             const struct ls *o, bool table)
{
        json_object *row = json_object_new_object();
        cleanup_free char *name = string_format("%s%s", table ? " \\_ " : "", node->name),
                          *endpoint = string_format("%s%s", table ? " \\_ " : "", node->endpoint),
                          *platforms = join_platforms(node, state, o->no_trunc);

        json_set_string(row, "Name", name);
        json_set_string(row, "DriverEndpoint", endpoint);
        json_set_string(row, "Driver", "");
        json_set_string(row, "LastActivity", "");
        json_set_string(row, "Status", state->running ? "running" : "inactive");
        json_set_string(row, "Buildkit", state->version ?: "");
        json_set_string(row, "Platforms", platforms);
        json_set_string(row, "Error", "");
        return row;
}

static json_object *instance_json(const struct buildx_instance *i, const struct engine_state *state,
                                  bool current)
{
        json_object *o = json_object_new_object(), *nodes = json_object_new_array();
        char time[TIME_RFC3339_MAX] = "";

        if (i->last_activity)
                time_format_rfc3339nano(i->last_activity * NSEC_PER_SEC, time);
        json_object_object_add(o, "Current", json_object_new_boolean(current));
        json_set_string(o, "Driver", i->driver);
        json_object_object_add(o, "Dynamic", json_object_new_boolean(i->dynamic));
        if (*time)
                json_set_string(o, "LastActivity", time);
        json_set_string(o, "Name", i->name);
        json_object_object_add(o, "Nodes", nodes);
        for (size_t n = 0; n < i->n_nodes; n++) {
                json_object *node = json_object_new_object(), *platforms = json_object_new_array();

                json_set_string(node, "Endpoint", i->nodes[n].endpoint);
                json_set_string(node, "Name", i->nodes[n].name);
                for (char **p = state->platforms; p && *p; p++)
                        json_object_array_add(platforms, json_object_new_string(*p));
                json_object_object_add(node, "Platforms", platforms);
                json_set_string(node, "Status", state->running ? "running" : "inactive");
                json_set_string(node, "Version", state->version ?: "");
                json_object_array_add(nodes, node);
        }
        return o;
}

static int print_ls(const struct ls *o, const struct buildx_instance *list, size_t count, const char *current,
                    const struct engine_state *state, struct error *err)
{
        bool json = streq(o->format, "json"),
             table = string_empty(o->format) || string_after(o->format, "table");
        struct format *format;
        int r = 0;

        if (format_open(&ls_kind, o->format, false, &format, err) < 0)
                return -1;
        for (size_t i = 0; i < count && r == 0; i++) {
                bool is_current = streq(list[i].name, current);

                r = format_row(format,
                               json ? instance_json(&list[i], state, is_current)
                                    : builder_row(&list[i], is_current, table),
                               err);
                for (size_t n = 0; n < list[i].n_nodes && r == 0 && !json; n++)
                        r = format_row(format, node_row(&list[i].nodes[n], state, o, table), err);
        }
        return format_close(format, r < 0 ? NULL : err) < 0 ? -1 : r;
}

static int run_ls(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_free char *current = buildx_current(cli);
        __attribute__((cleanup(engine_state_deinit))) struct engine_state state = {};
        struct buildx_instance *list;
        size_t count;
        int r;

        if (buildx_list(cli, &list, &count, err) < 0)
                return error_context(err, "ERROR");
        engine_state_get(cli, &state);
        r = print_ls(call->values, list, count, current, &state, err);
        buildx_list_free(list, count);
        return r < 0 ? error_context(err, "ERROR") : 0;
}

const struct command buildx_ls_command = {
        .name = "ls",
        .summary = "List builder instances",
        COMMAND_OPTIONS(ls_options, struct ls),
        .run = run_ls,
};

/* ---- inspect ---- */

struct inspect {
        bool bootstrap;
        char *builder;
        int64_t timeout;
};
static const struct option inspect_options[] = {
        OPTION_BOOL("bootstrap", 0, struct inspect, bootstrap, "Ensure builder has booted before inspecting"),
        BUILDX_BUILDER_OPTION(struct inspect),
        BUILDX_TIMEOUT_OPTION(struct inspect),
};

static void print_node(const struct buildx_node *node, const struct engine_state *state)
{
        cleanup_free char *flags = node->flags ? strv_join(node->flags, " ") : NULL,
                          *platforms = join_platforms(node, state, true);
        int width = flags ? 22 : 17;

        printf("%-*s %s\n", width, "Name:", node->name);
        printf("%-*s %s\n", width, "Endpoint:", node->endpoint);
        printf("%-*s %s\n", width, "Status:", state->running ? "running" : "inactive");
        if (flags)
                printf("%-*s %s\n", width, "BuildKit daemon flags:", flags);
        if (!state->running)
                return;
        printf("%-*s %s\n", width, "BuildKit version:", state->version);
        printf("%-*s %s\n", width, "Platforms:", platforms);
}

static int run_inspect(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct inspect *o = call->values;
        cleanup_buildx_instance struct buildx_instance i = {};
        __attribute__((cleanup(engine_state_deinit))) struct engine_state state = {};

        if (buildx_select(cli, call->args && *call->args ? *call->args : o->builder, &i, err) < 0)
                return error_context(err, "ERROR");
        engine_state_get(cli, &state);
        printf("Name:   %s\nDriver: %s\n", i.name, i.driver);
        if (i.last_activity) {
                cleanup_free char *when = format_local_time(i.last_activity);

                printf("Last Activity: %s\n", when);
        }
        printf("\nNodes:\n");
        for (size_t n = 0; n < i.n_nodes; n++) {
                if (n)
                        putchar('\n');
                print_node(&i.nodes[n], &state);
        }
        return 0;
}

const struct command buildx_inspect_command = {
        .name = "inspect",
        .usage = "[NAME]",
        .summary = "Inspect current builder instance",
        COMMAND_OPTIONS(inspect_options, struct inspect),
        .max_args = 1,
        .run = run_inspect,
};

/* ---- use ---- */

struct use {
        char *builder;
        bool is_default, global;
};
static const struct option use_options[] = {
        BUILDX_BUILDER_OPTION(struct use),
        OPTION_BOOL("default", 0, struct use, is_default, "Set builder as default for current context"),
        OPTION_BOOL("global", 0, struct use, global, "Builder persists context changes"),
};

static int run_use(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct use *o = call->values;
        const char *name = call->args && *call->args ? *call->args : o->builder;
        cleanup_buildx_instance struct buildx_instance i = {};

        if (buildx_select(cli, name, &i, NULL) < 0)
                return error_set(
                    err, ERROR_NOT_FOUND,
                    "ERROR: failed to find instance \"%s\": open %s/buildx/instances/%s: no such file "
                    "or directory",
                    name, cli->config_dir, name);
        return buildx_set_current(cli, i.dynamic ? NULL : i.name, o->global, err) < 0
                   ? error_context(err, "ERROR")
                   : 0;
}

const struct command buildx_use_command = {
        .name = "use",
        .usage = "[OPTIONS] NAME",
        .summary = "Set the current builder instance",
        COMMAND_OPTIONS(use_options, struct use),
        .max_args = 1,
        .run = run_use,
};

/* ---- rm ---- */

struct rm {
        bool all_inactive, force, keep_daemon, keep_state;
        char *builder;
        int64_t timeout;
};
static const struct option rm_options[] = {
        OPTION_BOOL("all-inactive", 0, struct rm, all_inactive, "Remove all inactive builders"),
        BUILDX_BUILDER_OPTION(struct rm),
        OPTION_BOOL("force", 'f', struct rm, force, "Do not prompt for confirmation"),
        OPTION_BOOL("keep-daemon", 0, struct rm, keep_daemon, "Keep the BuildKit daemon running"),
        OPTION_BOOL("keep-state", 0, struct rm, keep_state, "Keep BuildKit state"),
        BUILDX_TIMEOUT_OPTION(struct rm),
};

static int remove_one(struct cli *cli, const char *name, struct error *err)
{
        cleanup_buildx_instance struct buildx_instance i = {};

        if (buildx_select(cli, name, &i, err) < 0)
                return -1;
        if (i.dynamic)
                return error_set(
                    err, ERROR_INVALID,
                    "context builder cannot be removed, run `docker context rm %s` to remove this context",
                    i.name);
        if (buildx_remove(cli, i.name, err) < 0)
                return -1;
        fprintf(stderr, "%s removed\n", i.name);
        return 0;
}

/* davit's engine serves every instance: none is inactive while it answers. */
static int remove_inactive(struct cli *cli, const struct rm *o, struct error *err)
{
        __attribute__((cleanup(engine_state_deinit))) struct engine_state state = {};
        struct buildx_instance *list;
        size_t count;
        int r = 0;

        if (!o->force &&
            !ask("WARNING! This will remove all builders that are not in running state. Are you sure "
                 "you want to continue?"))
                return 0;
        engine_state_get(cli, &state);
        if (buildx_list(cli, &list, &count, err) < 0)
                return -1;
        for (size_t i = 0; i < count && r == 0 && !state.running; i++)
                if (!list[i].dynamic)
                        r = remove_one(cli, list[i].name, err);
        buildx_list_free(list, count);
        return r;
}

static int run_rm(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct rm *o = call->values;
        char *own[] = { o->builder, NULL }, **names = call->args && *call->args ? call->args : own;
        bool failed = false;

        if (o->all_inactive)
                return remove_inactive(cli, o, err) < 0 ? error_context(err, "ERROR") : 0;
        do {
                cleanup_error struct error why = {};

                if (remove_one(cli, *names, &why) < 0) {
                        fprintf(stderr, "failed to remove %s: %s\n", *names ?: "", error_message(&why));
                        failed = true;
                }
        } while (*names && *++names);
        return failed ? error_set(err, ERROR_INVALID, "ERROR: failed to remove one or more builders") : 0;
}

const struct command buildx_rm_command = {
        .name = "rm",
        .usage = "[OPTIONS] [NAME...]",
        .summary = "Remove one or more builder instances",
        COMMAND_OPTIONS(rm_options, struct rm),
        .max_args = -1,
        .run = run_rm,
};

/* ---- stop ---- */

struct stop {
        char *builder;
};
static const struct option stop_options[] = { BUILDX_BUILDER_OPTION(struct stop) };

/* Nothing runs for an instance that could be stopped; that of docker is not stopped either. */
static int run_stop(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct stop *o = call->values;

        return buildx_select(cli, call->args && *call->args ? *call->args : o->builder, NULL, err) < 0
                   ? error_context(err, "ERROR")
                   : 0;
}

const struct command buildx_stop_command = {
        .name = "stop",
        .usage = "[NAME]",
        .summary = "Stop builder instance",
        COMMAND_OPTIONS(stop_options, struct stop),
        .max_args = 1,
        .run = run_stop,
};
