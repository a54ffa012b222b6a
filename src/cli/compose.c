/* `compose`: its options, its commands, loading of the project. */
#include "cli/compose.h"
#include "compose/engine.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

const struct compose_settings *compose_settings(const struct cli *cli)
{
        return cli->compose;
}

/* ---- Warnings ---- */

static void quote(struct strbuf *b, const char *text)
{
        strbuf_addc(b, '"');
        for (; *text; text++) {
                if (*text == '"' || *text == '\\')
                        strbuf_addf(b, "\\%c", *text);
                else if (*text == '\n')
                        strbuf_adds(b, "\\n");
                else
                        strbuf_addc(b, *text);
        }
        strbuf_addc(b, '"');
}

void compose_warn(void *context, const char *message)
{
        cleanup_strbuf struct strbuf quoted = {};
        time_t now = time(NULL);
        struct tm utc;
        char stamp[32];

        (void)context;
        if (isatty(STDERR_FILENO)) {
                fprintf(stderr, "\033[33mWARN\033[0m[0000] %s \n", message);
                return;
        }
        strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
        quote(&quoted, message);
        fprintf(stderr, "time=\"%s\" level=warning msg=%s\n", stamp, quoted.data);
}

/* ---- The project ---- */

void compose_load_options(const struct cli *cli, struct compose_options *ret)
{
        const struct compose_settings *s = cli->compose;

        *ret = (struct compose_options){
                .files = s->files,
                .env_files = s->env_files,
                .project_dir = s->project_dir ? s->project_dir : s->workdir,
                .project_name = s->project_name,
                .profiles = s->profiles,
                .locate = cli->debug || s->verbose || isatty(STDERR_FILENO),
                .warn = compose_warn,
        };
}

int compose_load_project(const struct compose_options *options, const struct cli *cli, char *const *services,
                         struct compose_project **ret, struct error *err)
{
        cleanup_compose_project struct compose_project *project = NULL;
        struct compose_options o = *options;

        /* Only the services that are wanted need their env_file. */
        o.no_env_resolution = true;
        if (compose_load(&o, &project, err) < 0)
                return -1;
        compose_project_enable(project, services);
        if (compose_project_select(project, services, COMPOSE_WITH_DEPENDENCIES, err) < 0)
                return -1;
        if (!cli->compose->all_resources)
                compose_project_drop_unused(project);
        if (!options->no_env_resolution &&
            compose_project_resolve_environment(project, !options->keep_env_files, err) < 0)
                return -1;
        *ret = take_ptr(project);
        return 0;
}

int compose_cli_project(const struct cli *cli, char *const *services, struct compose_project **ret,
                        struct error *err)
{
        struct compose_options options;

        compose_load_options(cli, &options);
        return compose_load_project(&options, cli, services, ret, err);
}

const char *compose_separator(const struct cli *cli, const struct compose_project *project)
{
        const char *text = env_get(project->environment, "COMPOSE_COMPATIBILITY");
        bool on = cli->compose->compatibility;

        if (!on && text)
                string_to_bool(text, &on);
        return on ? "_" : "-";
}

/* ---- version ---- */

struct version {
        bool dry_run, brief;
        char *format;
};
static const struct option version_options[] = {
        COMPOSE_DRY_RUN(struct version),
        OPTION_STRING("format", 'f', struct version, format,
                      "Format the output. Values: [pretty | json]. (Default: pretty)"),
        OPTION_BOOL("short", 0, struct version, brief, "Shows only Compose's version number"),
};

static int print_version(const struct version *o)
{
        if (o->brief)
                printf(COMPOSE_VERSION "\n");
        else if (streq(o->format, "json"))
                printf("{\"version\":\"" COMPOSE_VERSION "\"}\n");
        else
                printf("Docker Compose version " COMPOSE_VERSION "\n");
        return 0;
}

static int run_version(struct cli *cli, struct invocation *call, struct error *err)
{
        (void)cli, (void)err;
        return print_version(call->values);
}

const struct command compose_version_command = { .name = "version",
                                                 .usage = "[OPTIONS]",
                                                 .summary = "Show the Docker Compose version information",
                                                 COMPOSE_COMMAND_OPTIONS(version_options, struct version),
                                                 .run = run_version };

/* ---- compose ---- */

static const struct option compose_options[] = {
        OPTION_BOOL("all-resources", 0, struct compose_settings, all_resources,
                    "Include all resources, even those not used by services"),
        OPTION_STRING("ansi", 0, struct compose_settings, ansi,
                      "Control when to print ANSI control characters (\"never\"|\"always\"|\"auto\")",
                      "\"auto\""),
        OPTION_BOOL("compatibility", 0, struct compose_settings, compatibility,
                    "Run compose in backward compatibility mode"),
        OPTION_BOOL("dry-run", 0, struct compose_settings, dry_run, "Execute command in dry run mode"),
        COMPOSE_OPTION_ARRAY("env-file", 0, struct compose_settings, env_files,
                             "Specify an alternate environment file"),
        COMPOSE_OPTION_ARRAY("file", 'f', struct compose_settings, files, "Compose configuration files"),
        OPTION_INT("parallel", 0, struct compose_settings, parallel,
                   "Control max parallelism, -1 for unlimited", "-1"),
        COMPOSE_OPTION_ARRAY("profile", 0, struct compose_settings, profiles, "Specify a profile to enable"),
        OPTION_STRING("progress", 0, struct compose_settings, progress,
                      "Set type of progress output (auto, tty, plain, json, quiet)"),
        OPTION_STRING(
            "project-directory", 0, struct compose_settings, project_dir,
            "Specify an alternate working directory\n(default: the path of the, first specified, Compose "
            "file)"),
        OPTION_STRING("project-name", 'p', struct compose_settings, project_name, "Project name"),
        OPTION_BOOL("no-ansi", 0, struct compose_settings, no_ansi,
                    "Do not print ANSI control characters (DEPRECATED)", NULL, NULL, true),
        OPTION_BOOL("verbose", 0, struct compose_settings, verbose, "Show more output", NULL, NULL, true),
        OPTION_BOOL("version", 'v', struct compose_settings, version,
                    "Show the Docker Compose version information", NULL, NULL, true),
        OPTION_STRING("workdir", 0, struct compose_settings, workdir,
                      "DEPRECATED! USE --project-directory INSTEAD.", NULL, NULL, true),
};

static int check_settings(struct compose_settings *s, struct error *err)
{
        static const char *const progresses[] = { "auto", "tty", "plain", "json", "quiet", "none" };
        const char *ansi = s->ansi ? s->ansi : getenv("COMPOSE_ANSI"),
                   *progress = s->progress ? s->progress : getenv("COMPOSE_PROGRESS");
        bool known = string_empty(progress);

        if (s->no_ansi && ansi && !streq(ansi, "auto"))
                return error_set(
                    err, ERROR_INVALID,
                    "cannot specify DEPRECATED \"--no-ansi\" and \"--ansi\". Please use only \"--ansi\"");
        if (s->no_ansi)
                fprintf(stderr, "option '--no-ansi' is DEPRECATED ! Please use '--ansi' instead.\n");
        replace_string(&s->ansi, s->no_ansi ? "never" : ansi);
        for (size_t i = 0; i < ARRAY_SIZE(progresses); i++)
                known = known || streq(progress, progresses[i]);
        if (!known)
                return error_set(err, ERROR_INVALID, "unsupported --progress value \"%s\"", progress);
        if (streq(progress, "tty") && streq(s->ansi, "never"))
                return error_set(err, ERROR_INVALID,
                                 "can't use --progress tty while ANSI support is disabled");
        if (streq(progress, "plain") && streq(s->ansi, "always"))
                return error_set(err, ERROR_INVALID,
                                 "can't use --progress plain while ANSI support is forced");
        replace_string(&s->progress, progress);
        if (s->workdir && s->project_dir)
                return error_set(
                    err, ERROR_INVALID,
                    "cannot specify DEPRECATED \"--workdir\" and \"--project-directory\". Please use only "
                    "\"--project-directory\" instead");
        return 0;
}

static int check_parallel(struct compose_settings *s, const struct invocation *call, struct error *err)
{
        const char *limit = getenv("COMPOSE_PARALLEL_LIMIT");

        if (!option_given(call, "parallel"))
                s->parallel = -1;
        if (limit && !option_given(call, "parallel") && string_to_int64(limit, &s->parallel, NULL) < 0)
                return error_set(err, ERROR_INVALID,
                                 "COMPOSE_PARALLEL_LIMIT must be an integer (found: \"%s\")", limit);
        return 0;
}

/* One of the commands, with what stands behind its name. */
static int run_command(struct cli *cli, const struct command *command, const char *path, char *const *argv,
                       struct error *err)
{
        cleanup_free char *whole = string_format("%s %s", path, command->name);
        struct invocation call;
        int r;

        if (command->commands && argv[0] && command_find(command, argv[0]))
                return run_command(cli, command_find(command, argv[0]), whole, argv + 1, err);
        r = command_parse(command, whole, argv, &call);
        if (r == 0) {
                /* The option stands before or behind the command's name. */
                cli->compose->dry_run |= option_given(&call, "dry-run");
                r = command->run(cli, &call, err);
        } else if (r < 0) {
                r = 0; /* its help */
        }
        invocation_deinit(&call);
        return r;
}

static int run_compose(struct cli *cli, struct invocation *call, struct error *err)
{
        struct compose_settings *s = call->values;
        const char *name = call->args[0];
        const struct command *command = name ? command_find(call->command, name) : NULL;
        int r;

        if (name && streq(name, "help")) {
                command = call->args[1] ? command_find(call->command, call->args[1]) : NULL;
                if (command) {
                        cleanup_free char *path = string_format("%s %s", call->path, command->name);

                        command_help(command, path, stdout);
                        return 0;
                }
                name = NULL;
        }
        if (!name && s->version)
                return print_version(&(struct version){});
        if (!command) {
                command_help(call->command, call->path, stdout);
                return name ? error_set(err, ERROR_INVALID, "unknown docker command: \"compose %s\"", name)
                            : 0;
        }
        if (check_settings(s, err) < 0 || check_parallel(s, call, err) < 0)
                return -1;
        cli->compose = s;
        r = run_command(cli, command, call->path, call->args + 1, err);
        cli->compose = NULL;
        return r;
}

static const struct command *const compose_commands[] = {
        &compose_alpha_command,
        &compose_attach_command,
        &compose_bridge_command,
        &compose_build_command,
        &compose_commit_command,
        &compose_config_command,
        &compose_cp_command,
        &compose_create_command,
        &compose_down_command,
        &compose_events_command,
        &compose_exec_command,
        &compose_export_command,
        &compose_images_command,
        &compose_kill_command,
        &compose_logs_command,
        &compose_ls_command,
        &compose_pause_command,
        &compose_port_command,
        &compose_ps_command,
        &compose_publish_command,
        &compose_pull_command,
        &compose_push_command,
        &compose_restart_command,
        &compose_rm_command,
        &compose_run_command,
        &compose_scale_command,
        &compose_start_command,
        &compose_stats_command,
        &compose_stop_command,
        &compose_top_command,
        &compose_unpause_command,
        &compose_up_command,
        &compose_version_command,
        &compose_volumes_command,
        &compose_wait_command,
        &compose_watch_command,
        NULL,
};

const struct command compose_command = { .name = "compose",
                                         .usage = "[OPTIONS] COMMAND",
                                         .summary = "Docker Compose",
                                         .details = "Define and run multi-container applications with Docker",
                                         COMPOSE_COMMAND_OPTIONS(compose_options, struct compose_settings),
                                         .max_args = -1,
                                         .options_first = true,
                                         .run = run_compose,
                                         .commands = compose_commands,
                                         .group = "Management Commands" };
