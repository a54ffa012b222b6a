/* The tree of commands. Each file declares its commands; here they are put in their places (help shows them in this order). */
#pragma once

#include "cli/command.h"

#define COMMANDS(F)                                                                                                  \
        F(ps_command) F(container_ls_command) F(stop_command) F(restart_command) F(kill_command) F(pause_command)    \
        F(unpause_command) F(wait_command) F(rm_command) F(rename_command) F(port_command) F(diff_command)           \
        F(top_command) F(export_command) F(container_prune_command) F(volume_ls_command) F(network_ls_command)       \
        F(context_command) F(run_command) F(create_command) F(start_command) F(attach_command) F(exec_command)       \
        F(logs_command) F(cp_command) F(stats_command) F(update_command) F(commit_command)
#define DECLARE(name) extern const struct command name;
COMMANDS(DECLARE)
#undef DECLARE

static const struct command *const container_commands[] = {
        &attach_command, &commit_command, &cp_command, &create_command, &diff_command, &exec_command, &export_command, &kill_command, &logs_command,
        &container_ls_command, &pause_command, &port_command, &container_prune_command, &rename_command, &restart_command, &rm_command, &run_command,
        &start_command, &stats_command, &stop_command, &top_command, &unpause_command, &update_command, &wait_command, NULL,
};
static const struct command container_command = { .name = "container", .usage = "COMMAND", .summary = "Manage containers", .commands = container_commands,
                                                  .group = "Management Commands" };
static const struct command *const volume_commands[] = { &volume_ls_command, NULL };
static const struct command volume_command = { .name = "volume", .usage = "COMMAND", .summary = "Manage volumes", .commands = volume_commands, .group = "Management Commands" };
static const struct command *const network_commands[] = { &network_ls_command, NULL };
static const struct command network_command = { .name = "network", .usage = "COMMAND", .summary = "Manage networks", .commands = network_commands,
                                                .group = "Management Commands" };

static const struct command *const all_commands[] = {
        &run_command, &exec_command, &ps_command, &container_command, &context_command, &network_command, &volume_command, &attach_command, &commit_command,
        &cp_command, &create_command, &diff_command, &export_command, &kill_command, &logs_command, &pause_command, &port_command, &rename_command,
        &restart_command, &rm_command, &start_command, &stats_command, &stop_command, &top_command, &unpause_command, &update_command, &wait_command, NULL,
};
