/* `builder` and `buildx`: the same build by other names, and the build cache. */
#include "cli/each.h"
#include "cli/prune.h"

#include <stdio.h>

extern const struct command build_command;

struct builder_prune {
        bool all, force;
        char **filter;
};
static const struct option prune_options[] = {
        OPTION_BOOL("all", 'a', struct builder_prune, all,
                    "Remove all unused build cache, not just dangling ones"),
        OPTION_ROW("filter", 0, OPTION_KIND_LIST, struct builder_prune, filter, "filter",
                   "Provide filter values (e.g., \"until=24h\")", NULL, option_check_filter),
        OPTION_BOOL("force", 'f', struct builder_prune, force, "Do not prompt for confirmation"),
};

static int run_prune(struct cli *cli, struct invocation *call, struct error *err)
{
        struct builder_prune *o = call->values;
        int64_t freed = 0;

        if (!o->force && confirm(o->all ? "WARNING! This will remove all build cache."
                                        : "WARNING! This will remove all dangling build cache.") != 1)
                return 0;
        if (prune_run(cli, &prune_build_cache, o->filter, o->all ? "all" : NULL, &freed, err) < 0)
                return -1;
        prune_print_total(freed);
        return 0;
}

static const struct command prune_command = {
        .name = "prune",
        .usage = "[OPTIONS]",
        .summary = "Remove build cache",
        COMMAND_OPTIONS(prune_options, struct builder_prune),
        .run = run_prune,
};

static const struct command *const builder_commands[] = { &build_command, &prune_command, NULL };
const struct command builder_command = {
        .name = "builder",
        .usage = "COMMAND",
        .summary = "Manage builds",
        .commands = builder_commands,
        .group = "Management Commands",
};
const struct command buildx_command = {
        .name = "buildx",
        .usage = "COMMAND",
        .summary = "Docker Buildx",
        .commands = builder_commands,
        .group = "Management Commands",
};
