/* `buildx` and `builder`: one tree by two names. */
#include "cli/buildx.h"
#include "cli/commands.h"

#include <stdio.h>

extern const struct command imagetools_command;

static int run_version(struct cli *cli, struct invocation *call, struct error *err)
{
        (void)cli, (void)call, (void)err;
        puts("github.com/docker/buildx (davit " DAVIT_VERSION ") buildx 0.29.1");
        return 0;
}

const struct command buildx_version_command = {
        .name = "version",
        .summary = "Show buildx version information",
        .run = run_version,
};

static int run_history(struct cli *cli, struct invocation *call, struct error *err)
{
        (void)cli, (void)call;
        return error_set(err, ERROR_UNSUPPORTED, "ERROR: buildx history is not supported by davit");
}

const struct command buildx_history_command = {
        .name = "history",
        .usage = "[OPTIONS] COMMAND",
        .summary = "Commands to work on build records",
        .verbatim = true,
        .max_args = -1,
        .run = run_history,
        .group = "Management Commands",
};

/* Without a command, and with an unknown one: the help. */
static int run_help(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_free char *path = string_format("%s buildx", cli->program);

        command_help(&buildx_command, path, stdout);
        if (!call->args || !*call->args)
                return 0;
        return error_set(err, ERROR_INVALID, "ERROR: unknown command: \"%s\"", *call->args);
}

static const struct command *const commands[] = {
        &buildx_history_command, &imagetools_command,
        &buildx_bake_command,
        &build_command,
        &buildx_create_command,
        &buildx_du_command,
        &buildx_inspect_command,
        &buildx_ls_command,
        &buildx_prune_command,
        &buildx_rm_command,
        &buildx_stop_command,
        &buildx_use_command,
        &buildx_version_command,
        NULL,
};
const struct command builder_command = {
        .name = "builder",
        .usage = "[OPTIONS] COMMAND",
        .summary = "Manage builds",
        .details = "Extended build capabilities with BuildKit",
        .commands = commands,
        .max_args = -1,
        .run = run_help,
        .group = "Management Commands",
};
const struct command buildx_command = {
        .name = "buildx",
        .usage = "[OPTIONS] COMMAND",
        .summary = "Docker Buildx",
        .details = "Extended build capabilities with BuildKit",
        .commands = commands,
        .max_args = -1,
        .run = run_help,
        .group = "Management Commands",
};
