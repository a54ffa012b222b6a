/* The tree of commands. Each file declares its commands; here they are put in their places (help shows them
 * in this order). */
#pragma once

#include "cli/command.h"

#define COMMANDS(F)                                                                                          \
        F(ps_command)                                                                                        \
        F(container_ls_command)                                                                              \
        F(stop_command) F(restart_command) F(kill_command) F(pause_command) F(unpause_command)               \
            F(wait_command) F(rm_command) F(rename_command) F(port_command) F(diff_command) F(top_command)   \
                F(export_command) F(container_prune_command) F(volume_command) F(network_command)            \
                    F(context_command) F(run_command) F(create_command) F(start_command) F(attach_command)   \
                        F(exec_command) F(logs_command) F(cp_command) F(stats_command) F(update_command)     \
                            F(commit_command) F(container_inspect_command) F(inspect_command)                \
                                F(image_command) F(images_command) F(rmi_command) F(tag_command)             \
                                    F(history_command) F(import_command) F(load_command) F(save_command)     \
                                        F(pull_command) F(push_command) F(login_command) F(logout_command)   \
                                            F(search_command) F(build_command) F(builder_command)            \
                                                F(buildx_command) F(manifest_command) F(system_command)      \
                                                    F(info_command) F(version_command) F(events_command)     \
                                                        F(completion_command) F(complete_command)            \
                                                            F(man_command) F(compose_command)
#define DECLARE(name) extern const struct command name;
COMMANDS(DECLARE)
#undef DECLARE

static const struct command *const container_commands[] = {
        &attach_command,       &commit_command,
        &cp_command,           &create_command,
        &diff_command,         &exec_command,
        &export_command,       &container_inspect_command,
        &kill_command,         &logs_command,
        &container_ls_command, &pause_command,
        &port_command,         &container_prune_command,
        &rename_command,       &restart_command,
        &rm_command,           &run_command,
        &start_command,        &stats_command,
        &stop_command,         &top_command,
        &unpause_command,      &update_command,
        &wait_command,         NULL,
};
static const struct command container_command = { .name = "container",
                                                  .usage = "COMMAND",
                                                  .summary = "Manage containers",
                                                  .commands = container_commands,
                                                  .group = "Management Commands" };
/* In the order of the help's lists. */
static const struct command *const all_commands[] = {
        &run_command,       &exec_command,    &ps_command,
        &build_command,     &pull_command,    &push_command,
        &images_command,    &login_command,   &logout_command,
        &search_command,    &version_command, &info_command,
        &builder_command,   &buildx_command,  &compose_command,
        &container_command, &context_command, &image_command,
        &manifest_command,  &network_command, &system_command,
        &volume_command,    &attach_command,  &commit_command,
        &cp_command,        &create_command,  &diff_command,
        &events_command,    &export_command,  &history_command,
        &import_command,    &inspect_command, &kill_command,
        &load_command,      &logs_command,    &pause_command,
        &port_command,      &rename_command,  &restart_command,
        &rm_command,        &rmi_command,     &save_command,
        &start_command,     &stats_command,   &stop_command,
        &tag_command,       &top_command,     &unpause_command,
        &update_command,    &wait_command,    &completion_command,
        &complete_command,  &man_command,     NULL,
};
