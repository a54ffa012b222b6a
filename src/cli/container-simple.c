/* Container commands that are one call each: start without attaching, stop, restart, kill, pause, unpause,
 * wait, rm, rename, port, diff, top, export, prune. */
#include "base/fd.h"
#include "base/units.h"
#include "cli/each.h"
#include "cli/failures.h"
#include "cli/format.h"
#include "client/client.h"

#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

static int post(struct cli *cli, struct client_query *q, struct error *err)
{
        struct client *client;
        int r =
            cli_client(cli, &client, err) < 0 ? -1 : client_call(client, "POST", q, NULL, NULL, NULL, err);

        client_query_deinit(q);
        return r;
}

/* ---- stop, restart ---- */

struct stop {
        char *signal;
        int64_t timeout, time;
};
static const struct option stop_options[] = {
        OPTION_STRING("signal", 's', struct stop, signal, "Signal to send to the container"),
        OPTION_INT("timeout", 't', struct stop, timeout, "Seconds to wait before killing the container"),
        OPTION_INT("time", 0, struct stop, time, "Seconds to wait before killing the container", NULL, NULL,
                   true, NULL, NULL, "use --timeout instead"),
};

static int stop_like(struct cli *cli, struct invocation *call, const char *name, const char *what,
                     struct error *err)
{
        struct stop *o = call->values;
        struct client_query q;

        client_query_init(&q, "/containers/%s/%s", name, what);
        if (!string_empty(o->signal))
                client_query_add(&q, "signal", o->signal);
        if (option_given(call, "timeout") || option_given(call, "time"))
                client_query_add_int(&q, "t", option_given(call, "timeout") ? o->timeout : o->time);
        return post(cli, &q, err);
}

static int stop_one(struct cli *cli, struct invocation *call, const char *name, struct error *err)
{
        return stop_like(cli, call, name, "stop", err);
}

static int restart_one(struct cli *cli, struct invocation *call, const char *name, struct error *err)
{
        return stop_like(cli, call, name, "restart", err);
}

static int check_timeouts(struct invocation *call, struct error *err)
{
        if (option_given(call, "timeout") && option_given(call, "time"))
                return error_set(err, ERROR_INVALID,
                                 "conflicting options: cannot specify both --timeout and --time");
        return 0;
}

static int run_stop(struct cli *cli, struct invocation *call, struct error *err)
{
        return check_timeouts(call, err) < 0 ? -1 : each_argument(cli, call, stop_one);
}

static int run_restart(struct cli *cli, struct invocation *call, struct error *err)
{
        return check_timeouts(call, err) < 0 ? -1 : each_argument(cli, call, restart_one);
}

/* ---- kill, pause, unpause ---- */

struct kill {
        char *signal;
};
static const struct option kill_options[] = { OPTION_STRING("signal", 's', struct kill, signal,
                                                            "Signal to send to the container") };

static int kill_one(struct cli *cli, struct invocation *call, const char *name, struct error *err)
{
        struct client_query q;

        client_query_init(&q, "/containers/%s/kill", name);
        client_query_add(&q, "signal", ((struct kill *)call->values)->signal);
        return post(cli, &q, err);
}

static int run_kill(struct cli *cli, struct invocation *call, struct error *err)
{
        (void)err;
        return each_argument(cli, call, kill_one);
}

static int pause_one(struct cli *cli, struct invocation *call, const char *name, struct error *err)
{
        struct client_query q;

        client_query_init(&q, "/containers/%s/%s", name, call->command->name);
        return post(cli, &q, err);
}

static int run_pause(struct cli *cli, struct invocation *call, struct error *err)
{
        (void)err;
        return each_argument(cli, call, pause_one);
}

/* ---- wait ---- */

static int wait_one(struct cli *cli, struct invocation *call, const char *name, struct error *err)
{
        cleanup_query struct client_query q = {};
        cleanup_json json_object *answer = NULL;
        struct client *client;
        const char *message;

        (void)call;
        client_query_init(&q, "/containers/%s/wait", name);
        if (cli_client(cli, &client, err) < 0 ||
            client_call(client, "POST", &q, NULL, &answer, NULL, err) < 0)
                return -1;
        message = json_get_string(json_get(answer, "Error"), "Message");
        if (message)
                return error_set(err, ERROR_SYSTEM, "%s", message);
        printf("%d\n", (int)json_get_int64(answer, "StatusCode", 0));
        return 1;
}

static int run_wait(struct cli *cli, struct invocation *call, struct error *err)
{
        (void)err;
        return each_argument(cli, call, wait_one);
}

/* ---- rm ---- */

struct rm {
        bool force, link, volumes;
};
static const struct option rm_options[] = {
        OPTION_BOOL("force", 'f', struct rm, force,
                    "Force the removal of a running container (uses SIGKILL)"),
        OPTION_BOOL("link", 'l', struct rm, link, "Remove the specified link"),
        OPTION_BOOL("volumes", 'v', struct rm, volumes,
                    "Remove anonymous volumes associated with the container"),
};

static int rm_one(struct cli *cli, struct invocation *call, const char *name, struct error *err)
{
        const struct rm *o = call->values;
        cleanup_query struct client_query q = {};
        struct client *client;
        const char *bare = name + strspn(name, "/");

        if (!*bare)
                return error_set(err, ERROR_INVALID, "Container name cannot be empty");
        client_query_init(&q, "/containers/%s", bare);
        client_query_add_bool(&q, "v", o->volumes);
        client_query_add_bool(&q, "link", o->link);
        client_query_add_bool(&q, "force", o->force);
        if (cli_client(cli, &client, err) < 0)
                return -1;
        return client_call(client, "DELETE", &q, NULL, NULL, NULL, err);
}

static int run_rm(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct rm *o = call->values;
        cleanup_error struct error failures = {};

        for (char *const *name = call->args; *name; name++) {
                cleanup_error struct error why = {};

                if (rm_one(cli, call, *name, &why) == 0) {
                        puts(*name);
                        continue;
                }
                /* With --force what is not there counts as removed. */
                if (o->force && error_is(&why, ERROR_NOT_FOUND))
                        fprintf(stderr, "%s\n", error_message(&why));
                else
                        failure_add(&failures, &why);
        }
        return failures.kind ? error_move(err, &failures) : 0;
}

/* ---- rename ---- */

static int run_rename(struct cli *cli, struct invocation *call, struct error *err)
{
        struct client_query q;

        if (string_empty(call->args[0]) || string_empty(call->args[1]))
                return error_set(err, ERROR_INVALID, "Error: Neither old nor new names may be empty");
        client_query_init(&q, "/containers/%s/rename", call->args[0]);
        client_query_add(&q, "name", call->args[1]);
        if (post(cli, &q, err) == 0)
                return 0;
        fprintf(stderr, "%s\n", error_message(err));
        error_clear(err);
        return error_set(err, ERROR_SYSTEM, "Error: failed to rename container named %s", call->args[0]);
}

/* ---- port ---- */

static void print_bindings(json_object *bindings, const char *port)
{
        for (size_t i = 0;
             json_object_is_type(bindings, json_type_array) && i < json_object_array_length(bindings); i++) {
                json_object *b = json_object_array_get_idx(bindings, i);
                const char *ip = json_get_string(b, "HostIp");
                bool v6 = ip && strchr(ip, ':');

                if (port)
                        printf("%s -> ", port);
                printf("%s%s%s:%s\n", v6 ? "[" : "", ip ? ip : "", v6 ? "]" : "",
                       json_get_string(b, "HostPort"));
        }
}

static int compare_ports(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int run_port(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_query struct client_query q = {};
        cleanup_json json_object *answer = NULL;
        cleanup_strv char **names = NULL;
        cleanup_free char *port = NULL;
        struct client *client;
        json_object *ports, *bindings = NULL;
        struct lh_entry *entry;

        client_query_init(&q, "/containers/%s/json", call->args[0]);
        if (cli_client(cli, &client, err) < 0 || client_call(client, "GET", &q, NULL, &answer, NULL, err) < 0)
                return -1;
        ports = json_get(json_get(answer, "NetworkSettings"), "Ports");
        if (call->args[1]) {
                int64_t number;
                const char *slash = strchr(call->args[1], '/');
                cleanup_free char *digits =
                    slash ? xstrndup(call->args[1], (size_t)(slash - call->args[1])) : xstrdup(call->args[1]);

                if (string_to_int64(digits, &number, NULL) < 0 || number < 0 || number > 65535)
                        return error_set(err, ERROR_INVALID,
                                         "Error: invalid port (%s): strconv.ParseUint: parsing \"%s\": %s",
                                         call->args[1], digits,
                                         *digits && strspn(digits, "0123456789") == strlen(digits)
                                             ? "value out of range"
                                             : "invalid syntax");
                port = slash ? xstrdup(call->args[1]) : string_format("%s/tcp", call->args[1]);
                bindings = json_get(ports, port);
                if (!bindings)
                        return error_set(err, ERROR_NOT_FOUND, "Error: No public port '%s' published for %s",
                                         call->args[1], call->args[0]);
                print_bindings(bindings, NULL);
                return 0;
        }
        if (json_object_is_type(ports, json_type_object))
                lh_foreach (json_object_get_object(ports), entry)
                        strv_append(&names, lh_entry_k(entry));
        if (names)
                qsort(names, strv_length(names), sizeof(*names), compare_ports);
        for (size_t i = 0; names && names[i]; i++)
                print_bindings(json_get(ports, names[i]), names[i]);
        return 0;
}

/* ---- diff, top ---- */

static int run_diff(struct cli *cli, struct invocation *call, struct error *err)
{
        static const char kinds[] = "CAD";
        cleanup_query struct client_query q = {};
        cleanup_json json_object *changes = NULL;
        struct client *client;

        if (string_empty(call->args[0]))
                return error_set(err, ERROR_INVALID, "Container name cannot be empty");
        client_query_init(&q, "/containers/%s/changes", call->args[0]);
        if (cli_client(cli, &client, err) < 0 ||
            client_call(client, "GET", &q, NULL, &changes, NULL, err) < 0)
                return -1;
        for (size_t i = 0; changes && i < json_object_array_length(changes); i++) {
                json_object *c = json_object_array_get_idx(changes, i);

                printf("%c %s\n", kinds[json_get_int64(c, "Kind", 0) % 3], json_get_string(c, "Path"));
        }
        return 0;
}

static void add_tabbed(struct strbuf *b, json_object *list)
{
        for (size_t i = 0; i < json_object_array_length(list); i++)
                strbuf_addf(b, "%s%s", i ? "\t" : "",
                            json_object_get_string(json_object_array_get_idx(list, i)));
        strbuf_addc(b, '\n');
}

#define TOP_COLUMN_MIN 20

static int run_top(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_free char *ps_args = strv_join(call->args + 1, " ");
        cleanup_query struct client_query q = {};
        cleanup_json json_object *answer = NULL;
        cleanup_strbuf struct strbuf table = {};
        struct client *client;
        json_object *rows;

        client_query_init(&q, "/containers/%s/top", call->args[0]);
        if (*ps_args)
                client_query_add(&q, "ps_args", ps_args);
        if (cli_client(cli, &client, err) < 0 || client_call(client, "GET", &q, NULL, &answer, NULL, err) < 0)
                return -1;
        rows = json_get(answer, "Processes");
        add_tabbed(&table, json_get(answer, "Titles"));
        for (size_t i = 0; rows && i < json_object_array_length(rows); i++)
                add_tabbed(&table, json_object_array_get_idx(rows, i));
        table_print(table.data, TOP_COLUMN_MIN, stdout);
        return 0;
}

/* ---- export ---- */

struct export
{
        char *output;
};
static const struct option export_options[] = { OPTION_STRING("output", 'o', struct export, output,
                                                              "Write to a file, instead of STDOUT") };

static int run_export(struct cli *cli, struct invocation *call, struct error *err)
{
        const char *output = ((struct export *)call->values)->output;
        cleanup_query struct client_query q = {};
        cleanup_client_stream struct client_stream *s = NULL;
        struct client *client;

        if (string_empty(output) && isatty(STDOUT_FILENO))
                return error_set(err, ERROR_INVALID,
                                 "cowardly refusing to save to a terminal. Use the -o flag or redirect");
        client_query_init(&q, "/containers/%s/export", call->args[0]);
        if (cli_client(cli, &client, err) < 0 || client_stream_call(client, "GET", &q, NULL, &s, err) < 0)
                return -1;
        return save_stream(&s->body.stream, output, "failed to export container", err);
}

/* ---- prune ---- */

struct prune {
        char **filter;
        bool force;
};
static const struct option prune_options[] = {
        OPTION_ROW("filter", 0, OPTION_KIND_LIST, struct prune, filter, "filter",
                   "Provide filter values (e.g. \"until=<timestamp>\")", NULL, option_check_filter),
        OPTION_BOOL("force", 'f', struct prune, force, "Do not prompt for confirmation"),
};

static int run_prune(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct prune *o = call->values;
        cleanup_free char *filters = filters_text(o->filter), *size = NULL;
        cleanup_query struct client_query q = {};
        cleanup_json json_object *answer = NULL;
        struct client *client;
        json_object *deleted;

        if (!o->force && !confirm("WARNING! This will remove all stopped containers."))
                return 0;
        client_query_init(&q, "/containers/prune");
        client_query_add(&q, "filters", filters);
        if (cli_client(cli, &client, err) < 0 ||
            client_call(client, "POST", &q, NULL, &answer, NULL, err) < 0)
                return -1;
        deleted = json_get(answer, "ContainersDeleted");
        if (deleted && json_object_array_length(deleted)) {
                puts("Deleted Containers:");
                for (size_t i = 0; i < json_object_array_length(deleted); i++)
                        puts(json_object_get_string(json_object_array_get_idx(deleted, i)));
                puts("");
        }
        size = size_format((double)json_get_int64(answer, "SpaceReclaimed", 0), 4);
        printf("Total reclaimed space: %s\n", size);
        return 0;
}

#define CONTAINERS "CONTAINER [CONTAINER...]"
const struct command stop_command = { .name = "stop",
                                      .group = "Commands",
                                      .usage = "[OPTIONS] " CONTAINERS,
                                      .summary = "Stop one or more running containers",
                                      .aliases = "container stop, stop",
                                      COMMAND_OPTIONS(stop_options, struct stop),
                                      .min_args = 1,
                                      .max_args = -1,
                                      .run = run_stop };
const struct command restart_command = { .name = "restart",
                                         .group = "Commands",
                                         .usage = "[OPTIONS] " CONTAINERS,
                                         .summary = "Restart one or more containers",
                                         .aliases = "container restart, restart",
                                         COMMAND_OPTIONS(stop_options, struct stop),
                                         .min_args = 1,
                                         .max_args = -1,
                                         .run = run_restart };
const struct command kill_command = { .name = "kill",
                                      .group = "Commands",
                                      .usage = "[OPTIONS] " CONTAINERS,
                                      .summary = "Kill one or more running containers",
                                      .aliases = "container kill, kill",
                                      COMMAND_OPTIONS(kill_options, struct kill),
                                      .min_args = 1,
                                      .max_args = -1,
                                      .run = run_kill };
const struct command pause_command = { .name = "pause",
                                       .group = "Commands",
                                       .usage = CONTAINERS,
                                       .summary = "Pause all processes within one or more containers",
                                       .aliases = "container pause, pause",
                                       .min_args = 1,
                                       .max_args = -1,
                                       .run = run_pause };
const struct command unpause_command = { .name = "unpause",
                                         .group = "Commands",
                                         .usage = CONTAINERS,
                                         .summary = "Unpause all processes within one or more containers",
                                         .aliases = "container unpause, unpause",
                                         .min_args = 1,
                                         .max_args = -1,
                                         .run = run_pause };
const struct command wait_command = {
        .name = "wait",
        .group = "Commands",
        .usage = CONTAINERS,
        .summary = "Block until one or more containers stop, then print their exit codes",
        .aliases = "container wait, wait",
        .min_args = 1,
        .max_args = -1,
        .run = run_wait
};
const struct command rm_command = { .name = "rm",
                                    .group = "Commands",
                                    .usage = "[OPTIONS] " CONTAINERS,
                                    .summary = "Remove one or more containers",
                                    .also = "remove",
                                    .aliases = "container rm, container remove, rm",
                                    COMMAND_OPTIONS(rm_options, struct rm),
                                    .min_args = 1,
                                    .max_args = -1,
                                    .run = run_rm };
const struct command rename_command = { .name = "rename",
                                        .group = "Commands",
                                        .usage = "CONTAINER NEW_NAME",
                                        .summary = "Rename a container",
                                        .aliases = "container rename, rename",
                                        .min_args = 2,
                                        .max_args = 2,
                                        .run = run_rename };
const struct command port_command = { .name = "port",
                                      .group = "Commands",
                                      .usage = "CONTAINER [PRIVATE_PORT[/PROTO]]",
                                      .summary = "List port mappings or a specific mapping for the container",
                                      .aliases = "container port, port",
                                      .min_args = 1,
                                      .max_args = 2,
                                      .run = run_port };
const struct command diff_command = {
        .name = "diff",
        .group = "Commands",
        .usage = "CONTAINER",
        .summary = "Inspect changes to files or directories on a container's filesystem",
        .aliases = "container diff, diff",
        .min_args = 1,
        .max_args = 1,
        .run = run_diff
};
const struct command top_command = { .name = "top",
                                     .group = "Commands",
                                     .usage = "CONTAINER [ps OPTIONS]",
                                     .summary = "Display the running processes of a container",
                                     .aliases = "container top, top",
                                     .min_args = 1,
                                     .max_args = -1,
                                     .options_first = true,
                                     .run = run_top };
const struct command export_command = { .name = "export",
                                        .group = "Commands",
                                        .usage = "[OPTIONS] CONTAINER",
                                        .summary = "Export a container's filesystem as a tar archive",
                                        .aliases = "container export, export",
                                        COMMAND_OPTIONS(export_options, struct export),
                                        .min_args = 1,
                                        .max_args = 1,
                                        .run = run_export };
const struct command container_prune_command = { .name = "prune",
                                                 .usage = "[OPTIONS]",
                                                 .summary = "Remove all stopped containers",
                                                 COMMAND_OPTIONS(prune_options, struct prune),
                                                 .run = run_prune };
