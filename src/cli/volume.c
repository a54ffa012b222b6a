/* volume create, rm, prune, and the tree of `volume`. */
#include "cli/container-flags.h"
#include "cli/each.h"
#include "cli/failures.h"
#include "cli/pairs.h"
#include "cli/prune.h"
#include "client/client.h"

#include <stdio.h>

/* ---- create ---- */

struct volume_create {
        char *driver, *name, *availability, *group, *limit_bytes, *required_bytes, *scope, *sharing, *type;
        char **label, **opt, **secret, **topology_preferred, **topology_required;
};
#define CLUSTER_STRING(name, member, help, ...)                                                              \
        OPTION_STRING(name, 0, struct volume_create, member, help __VA_OPT__(, ) __VA_ARGS__)
static const struct option create_volume_options[] = {
        CLUSTER_STRING("availability", availability,
                       "Cluster Volume availability (\"active\", \"pause\", \"drain\")", "\"active\""),
        OPTION_STRING("driver", 'd', struct volume_create, driver, "Specify volume driver name", "\"local\""),
        CLUSTER_STRING("group", group, "Cluster Volume group (cluster volumes)"),
        OPTION_LIST("label", 0, struct volume_create, label, "Set metadata for a volume", NULL, check_label),
        OPTION_ROW("limit-bytes", 0, OPTION_KIND_STRING, struct volume_create, limit_bytes, "bytes",
                   "Minimum size of the Cluster Volume in bytes"),
        OPTION_STRING("name", 0, struct volume_create, name, "Specify volume name", NULL, NULL, true),
        OPTION_ROW("opt", 'o', OPTION_KIND_LIST, struct volume_create, opt, "map",
                   "Set driver specific options", "map[]"),
        OPTION_ROW("required-bytes", 0, OPTION_KIND_STRING, struct volume_create, required_bytes, "bytes",
                   "Maximum size of the Cluster Volume in bytes"),
        CLUSTER_STRING("scope", scope, "Cluster Volume access scope (\"single\", \"multi\")", "\"single\""),
        OPTION_ROW("secret", 0, OPTION_KIND_LIST, struct volume_create, secret, "map",
                   "Cluster Volume secrets", "map[]"),
        CLUSTER_STRING("sharing", sharing,
                       "Cluster Volume access sharing (\"none\", \"readonly\", \"onewriter\", \"all\")",
                       "\"none\""),
        OPTION_LIST("topology-preferred", 0, struct volume_create, topology_preferred,
                    "A topology that the Cluster Volume would be preferred in"),
        OPTION_LIST("topology-required", 0, struct volume_create, topology_required,
                    "A topology that the Cluster Volume must be accessible from"),
        CLUSTER_STRING("type", type, "Cluster Volume access type (\"mount\", \"block\")", "\"block\""),
};

static int refuse_cluster(struct invocation *call, struct error *err)
{
        static const char *const options[] = {
                "availability", "group",   "limit-bytes",        "required-bytes",    "scope",
                "secret",       "sharing", "topology-preferred", "topology-required", "type"
        };

        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                if (option_given(call, options[i]))
                        return error_set(err, ERROR_UNSUPPORTED, "--%s: cluster volumes are not supported",
                                         options[i]);
        return 0;
}

static int run_create(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct volume_create *o = call->values;
        cleanup_json json_object *body = json_object_new_object(), *answer = NULL;
        cleanup_query struct client_query q = {};
        struct client *client;
        const char *name = call->args[0] ? call->args[0] : o->name;

        if (call->args[0] && o->name)
                return error_set(err, ERROR_INVALID,
                                 "conflicting options: cannot specify a volume-name through both --name and "
                                 "as a positional arg");
        if (refuse_cluster(call, err) < 0)
                return -1;
        json_set_string(body, "Driver", o->driver ? o->driver : "local");
        json_object_object_add(body, "DriverOpts", pairs_json(o->opt));
        if (o->label)
                json_object_object_add(body, "Labels", pairs_json(o->label));
        if (!string_empty(name))
                json_set_string(body, "Name", name);
        client_query_init(&q, "/volumes/create");
        if (cli_client(cli, &client, err) < 0 ||
            client_call(client, "POST", &q, body, &answer, NULL, err) < 0)
                return -1;
        puts(json_get_string(answer, "Name") ? json_get_string(answer, "Name") : "");
        return 0;
}

/* ---- rm, prune, update ---- */

struct volume_rm {
        bool force;
};
static const struct option rm_options[] = { OPTION_BOOL("force", 'f', struct volume_rm, force,
                                                        "Force the removal of one or more volumes") };

static int run_rm(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_error struct error failures = {};
        struct client *client;

        if (cli_client(cli, &client, err) < 0)
                return -1;
        for (char *const *name = call->args; *name; name++) {
                cleanup_query struct client_query q = {};
                cleanup_error struct error why = {};

                client_query_init(&q, "/volumes/%s", *name);
                client_query_add_bool(&q, "force", ((struct volume_rm *)call->values)->force);
                if (client_call(client, "DELETE", &q, NULL, NULL, NULL, &why) < 0)
                        failure_add(&failures, &why);
                else
                        puts(*name);
        }
        return failures.kind ? error_move(err, &failures) : 0;
}

struct volume_prune {
        bool all, force;
        char **filter;
};
static const struct option prune_options[] = {
        OPTION_BOOL("all", 'a', struct volume_prune, all,
                    "Remove all unused volumes, not just anonymous ones"),
        OPTION_ROW("filter", 0, OPTION_KIND_LIST, struct volume_prune, filter, "filter",
                   "Provide filter values (e.g. \"label=<label>\")", NULL, option_check_filter),
        OPTION_BOOL("force", 'f', struct volume_prune, force, "Do not prompt for confirmation"),
};

static int run_prune(struct cli *cli, struct invocation *call, struct error *err)
{
        struct volume_prune *o = call->values;
        int64_t freed = 0;

        if (o->all)
                for (char **f = o->filter; f && *f; f++)
                        if (string_after(*f, "all="))
                                return error_set(
                                    err, ERROR_INVALID,
                                    "conflicting options: cannot specify both --all and --filter all=1");
        if (!o->force &&
            !confirm(o->all
                         ? "WARNING! This will remove all local volumes not used by at least one container."
                         : "WARNING! This will remove anonymous local volumes not used by at least one "
                           "container."))
                return 0;
        if (o->all)
                strv_append(&o->filter, "all=true");
        if (prune_run(cli, &prune_volumes, o->filter, NULL, &freed, err) < 0)
                return -1;
        prune_print_total(freed);
        return 0;
}

struct volume_update {
        char *availability;
};
static const struct option update_options[] = {
        OPTION_STRING("availability", 0, struct volume_update, availability,
                      "Cluster Volume availability (\"active\", \"pause\", \"drain\")", "\"active\""),
};

static int run_update(struct cli *cli, struct invocation *call, struct error *err)
{
        (void)cli;
        (void)call;
        return error_set(err, ERROR_UNSUPPORTED, "volume update: cluster volumes are not supported");
}

static const struct command create_command = { .name = "create",
                                               .usage = "[OPTIONS] [VOLUME]",
                                               .summary = "Create a volume",
                                               COMMAND_OPTIONS(create_volume_options, struct volume_create),
                                               .max_args = 1,
                                               .run = run_create };
static const struct command prune_command = { .name = "prune",
                                              .usage = "[OPTIONS]",
                                              .summary = "Remove unused local volumes",
                                              COMMAND_OPTIONS(prune_options, struct volume_prune),
                                              .run = run_prune };
static const struct command rm_command = {
        .name = "rm",
        .also = "remove",
        .usage = "[OPTIONS] VOLUME [VOLUME...]",
        .summary = "Remove one or more volumes",
        .details = "Remove one or more volumes. You cannot remove a volume that is in use by a container.",
        .aliases = "volume rm, volume remove",
        COMMAND_OPTIONS(rm_options, struct volume_rm),
        .min_args = 1,
        .max_args = -1,
        .run = run_rm
};
static const struct command update_command = { .name = "update",
                                               .usage = "[OPTIONS] [VOLUME]",
                                               .summary = "Update a volume (cluster volumes only)",
                                               COMMAND_OPTIONS(update_options, struct volume_update),
                                               .max_args = 1,
                                               .hidden = true,
                                               .run = run_update };
extern const struct command volume_ls_command, volume_inspect_command;
static const struct command *const volume_commands[] = { &create_command,
                                                         &volume_inspect_command,
                                                         &volume_ls_command,
                                                         &prune_command,
                                                         &rm_command,
                                                         &update_command,
                                                         NULL };
const struct command volume_command = { .name = "volume",
                                        .usage = "COMMAND",
                                        .summary = "Manage volumes",
                                        .commands = volume_commands,
                                        .group = "Management Commands" };
