/* `compose`: what its commands have in common. */
#pragma once

#include "cli/command.h"
#include "compose/load.h"

/* The options of `compose` itself. */
struct compose_settings {
        bool all_resources, compatibility, dry_run, verbose, version, no_ansi;
        char *ansi, *progress;
        char **env_files, **files, **profiles;
        int64_t parallel;
        char *project_dir, *project_name, *workdir;
};
const struct compose_settings *compose_settings(const struct cli *cli);

/* Every command has --dry-run as well: a member `dry_run` and this row. */
#define COMPOSE_DRY_RUN(type) OPTION_BOOL("dry-run", 0, type, dry_run, "Execute command in dry run mode")
/* pflag's "stringArray" and "stringSlice". */
#define COMPOSE_OPTION_ARRAY(name, shorthand, type, member, help, ...)                                       \
        OPTION_ROW(name, shorthand, OPTION_KIND_LIST, type, member, "stringArray",                           \
                   help __VA_OPT__(, ) __VA_ARGS__)
#define COMPOSE_OPTION_SLICE(name, shorthand, type, member, help, ...)                                       \
        OPTION_ROW(name, shorthand, OPTION_KIND_STRINGS, type, member, "strings",                            \
                   help __VA_OPT__(, ) __VA_ARGS__)
/* Mistakes in the command line are told in one line. */
#define COMPOSE_COMMAND_OPTIONS(table, type) COMMAND_OPTIONS(table, type), .mistakes = COMMAND_MISTAKES_LINE

/* What the files say, with the settings; the caller may change it before compose_load(). Borrows from `cli`.
 */
void compose_load_options(const struct cli *cli, struct compose_options *ret);
/* The project with the services in `services` (NULL or empty: all active ones) and what they depend on; what
 * nobody uses is dropped unless --all-resources. */
int compose_load_project(const struct compose_options *options, const struct cli *cli, char *const *services,
                         struct compose_project **ret, struct error *err);
/* Both with the defaults: what most commands want. */
int compose_cli_project(const struct cli *cli, char *const *services, struct compose_project **ret,
                        struct error *err);
/* Between the parts of a container's or an image's name: "-", or "_" with --compatibility or
 * COMPOSE_COMPATIBILITY. */
const char *compose_separator(const struct cli *cli, const struct compose_project *project);
/* A line of the level "warning", as Docker's log writes it, to standard error. */
void compose_warn(void *context, const char *message);

extern const struct command compose_attach_command, compose_push_command, compose_pull_command,
    compose_build_command, compose_config_command, compose_create_command, compose_down_command,
    compose_exec_command, compose_kill_command, compose_logs_command, compose_pause_command,
    compose_ps_command, compose_restart_command, compose_rm_command, compose_run_command,
    compose_scale_command, compose_start_command, compose_stop_command, compose_unpause_command,
    compose_up_command, compose_version_command;
extern const struct command compose_alpha_command, compose_bridge_command, compose_commit_command,
    compose_cp_command, compose_events_command, compose_export_command, compose_images_command,
    compose_ls_command, compose_port_command, compose_publish_command, compose_stats_command,
    compose_top_command, compose_volumes_command, compose_wait_command, compose_watch_command;
