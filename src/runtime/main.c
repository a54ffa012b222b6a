/* davit-runtime: davit's container code behind the command line of the OCI runtimes, for containerd, CRI-O,
 * Podman and Docker (`--add-runtime`). */
#include "runtime/command.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/socket.h"
#include "base/time.h"

#define DEFAULT_ROOT "/run/davit-runtime"

const struct runtime_command runtime_commands[] = {
        { "create", "CONTAINER-ID", "create a container", command_create },
        { "delete", "CONTAINER-ID", "delete any resources held by the container", command_delete },
        { "events", "CONTAINER-ID", "display the container's statistics", command_events },
        { "exec", "CONTAINER-ID COMMAND [ARG...]", "execute a new process inside the container",
          command_exec },
        { "features", "", "show what is supported", command_features },
        { "kill", "CONTAINER-ID [SIGNAL]", "send a signal to the container's init process", command_kill },
        { "list", "", "list the containers of this root", command_list },
        { "pause", "CONTAINER-ID", "suspend all processes inside the container", command_pause },
        { "ps", "CONTAINER-ID [PS OPTIONS]", "display the processes inside the container", command_ps },
        { "resume", "CONTAINER-ID", "resume all processes of a paused container", command_resume },
        { "run", "CONTAINER-ID", "create and start a container", command_run },
        { "spec", "", "create a new specification file", command_spec },
        { "start", "CONTAINER-ID", "start the process of a created container", command_start },
        { "state", "CONTAINER-ID", "output the state of a container", command_state },
        { "stats", "CONTAINER-ID", "display the container's statistics", command_events },
        { "update", "CONTAINER-ID", "update a container's resource limits", command_update },
};
const size_t runtime_command_count = ARRAY_SIZE(runtime_commands);

struct log_target {
        const char *path; /* NULL: standard error */
        bool json;
};

/* Engines read the last line of the log, so that it is JSON where they asked for it. */
static void report(const struct log_target *log, const char *message)
{
        cleanup_fclose FILE *file = log->path ? fopen(log->path, "ae") : NULL;
        cleanup_json json_object *line = json_object_new_object();
        cleanup_free char *text = NULL;
        char now[TIME_RFC3339_MAX];

        fprintf(stderr, "davit-runtime: %s\n", message);
        if (!file)
                return;
        time_format_rfc3339nano(time_now(), now);
        json_set_string(line, "level", "error");
        json_set_string(line, "msg", message);
        json_set_string(line, "time", now);
        text = json_format(line);
        if (log->json)
                fprintf(file, "%s\n", text);
        else
                fprintf(file, "time=\"%s\" level=error msg=%s\n", now,
                        json_object_to_json_string(json_get(line, "msg")));
}

static int help(FILE *out)
{
        fputs("Usage: davit-runtime [--root DIR] [--log FILE] [--log-format text|json] COMMAND "
              "[OPTION...]\n\nCommands:\n",
              out);
        for (size_t i = 0; i < runtime_command_count; i++)
                fprintf(out, "  %-9s %s\n", runtime_commands[i].name, runtime_commands[i].summary);
        return out == stdout ? 0 : 1;
}

static int version(void)
{
        puts("davit-runtime version " DAVIT_VERSION "\nspec: 1.2.1");
        return 0;
}

enum {
        OPTION_ROOT = 1,
        OPTION_LOG,
        OPTION_FORMAT,
        OPTION_DEBUG,
        OPTION_SYSTEMD,
        OPTION_ROOTLESS,
        OPTION_HELP,
        OPTION_VERSION
};

static const struct option global_options[] = {
        { "root", required_argument, NULL, OPTION_ROOT },
        { "log", required_argument, NULL, OPTION_LOG },
        { "log-format", required_argument, NULL, OPTION_FORMAT },
        { "debug", no_argument, NULL, OPTION_DEBUG },
        { "systemd-cgroup", no_argument, NULL, OPTION_SYSTEMD },
        { "rootless", required_argument, NULL, OPTION_ROOTLESS },
        { "help", no_argument, NULL, OPTION_HELP },
        { "version", no_argument, NULL, OPTION_VERSION },
        { 0 },
};

/* What is left behind the options is the command. The exit code when all is said, -1 to go on, -2 with `err`.
 */
static int parse_globals(int argc, char **argv, struct runtime_globals *globals, struct log_target *log,
                         struct error *err)
{
        int option;

        optind = 0;
        while ((option = command_option(argc, argv, "+hv", global_options, err)) >= 0)
                switch (option) {
                case OPTION_ROOT:
                        globals->root = optarg;
                        break;
                case OPTION_LOG:
                        log->path = streq(optarg, "/dev/stderr") ? NULL : optarg;
                        break;
                case OPTION_FORMAT:
                        log->json = streq(optarg, "json");
                        if (!log->json && !streq(optarg, "text"))
                                return error_set(err, ERROR_INVALID, "invalid log-format: %s", optarg) - 1;
                        break;
                case OPTION_DEBUG:
                        log_set_level(LOG_LEVEL_DEBUG);
                        break;
                case OPTION_SYSTEMD:
                        return error_set(err, ERROR_UNSUPPORTED, "--systemd-cgroup is not supported yet") - 1;
                case OPTION_ROOTLESS:
                        if (!streq(optarg, "false") && !streq(optarg, "auto"))
                                return error_set(err, ERROR_UNSUPPORTED, "--rootless=%s is not supported yet",
                                                 optarg) -
                                       1;
                        break;
                case OPTION_HELP:
                case 'h':
                        return help(stdout);
                case OPTION_VERSION:
                case 'v':
                        return version();
                }
        return option;
}

static int run(int argc, char **argv, struct log_target *log, struct error *err)
{
        struct runtime_globals globals = { .root = DEFAULT_ROOT };
        int r = parse_globals(argc, argv, &globals, log, err);
        const char *name;

        if (r != -1)
                return r < 0 ? -1 : r;
        if (optind >= argc)
                return help(stderr);
        argc -= optind;
        argv += optind;
        name = argv[0];
        if (streq(name, "help"))
                return help(stdout);
        if (streq(name, "checkpoint") || streq(name, "restore"))
                return error_set(err, ERROR_UNSUPPORTED, "%s is not supported yet", name);
        for (size_t i = 0; i < runtime_command_count; i++)
                if (streq(runtime_commands[i].name, name))
                        return runtime_commands[i].run(&globals, argc, argv, err);
        return error_set(err, ERROR_INVALID, "unknown command \"%s\"", name);
}

int command_option(int argc, char **argv, const char *letters, const struct option *options,
                   struct error *err)
{
        int r;

        opterr = 0;
        r = getopt_long(argc, argv, letters, options, NULL);
        if (r != '?')
                return r;
        error_set(err, ERROR_INVALID, "%s: unknown option, or its value is missing: %s", argv[0],
                  optind > 0 && optind <= argc ? argv[optind - 1] : "");
        return -2;
}

int command_arguments(int argc, char **argv, int count, struct error *err)
{
        if (argc - optind == count)
                return 0;
        return error_set(err, ERROR_INVALID, "%s: %d argument%s expected, %d given", argv[0], count,
                         count == 1 ? "" : "s", argc - optind);
}

int command_hand_out(const char *pid_file, pid_t pid, const char *console_socket, int master,
                     struct error *err)
{
        cleanup_free char *text = string_format("%d", (int)pid);
        cleanup_close int socket = -1;

        if (pid_file && file_replace(AT_FDCWD, pid_file, text, strlen(text), 0644, false, err) < 0)
                return -1;
        if (master < 0 || !console_socket)
                return 0;
        if ((socket = unix_connect(console_socket, SOCK_STREAM, err)) < 0)
                return -1;
        return socket_send(socket, "/dev/ptmx", 9, &master, 1) < 0 ? error_errno(err, "console socket") : 0;
}

int main(int argc, char **argv)
{
        cleanup_error struct error err = {};
        struct log_target log = {};
        int code = run(argc, argv, &log, &err);

        if (code >= 0)
                return code;
        report(&log, error_message(&err));
        return err.exit_code ? err.exit_code : 1;
}
