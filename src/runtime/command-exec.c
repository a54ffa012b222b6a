/* exec: a further process in a container, from flags or from a file (`--process`). */
#include "runtime/command.h"

#include "base/fd.h"
#include "base/socket.h"
#include "runtime/caps.h"
#include "runtime/console-relay.h"

#include <limits.h>

struct exec_options {
        const char *process_file, *cwd, *user, *console_socket, *pid_file, *apparmor, *label;
        char **env, **caps;
        uint32_t *gids;
        size_t n_gids;
        int n_preserve;
        bool tty, detach, no_new_privileges, ignore_paused;
};

enum {
        OPTION_PROCESS = 1,
        OPTION_CWD,
        OPTION_USER,
        OPTION_ENV,
        OPTION_CAP,
        OPTION_CONSOLE,
        OPTION_PID_FILE,
        OPTION_APPARMOR,
        OPTION_LABEL,
        OPTION_GIDS,
        OPTION_PRESERVE,
        OPTION_TTY,
        OPTION_DETACH,
        OPTION_NO_NEW,
        OPTION_IGNORE_PAUSED,
        OPTION_CGROUP,
};

static const struct option exec_options[] = {
        { "process", required_argument, NULL, OPTION_PROCESS },
        { "cwd", required_argument, NULL, OPTION_CWD },
        { "user", required_argument, NULL, OPTION_USER },
        { "env", required_argument, NULL, OPTION_ENV },
        { "cap", required_argument, NULL, OPTION_CAP },
        { "console-socket", required_argument, NULL, OPTION_CONSOLE },
        { "pid-file", required_argument, NULL, OPTION_PID_FILE },
        { "apparmor", required_argument, NULL, OPTION_APPARMOR },
        { "process-label", required_argument, NULL, OPTION_LABEL },
        { "additional-gids", required_argument, NULL, OPTION_GIDS },
        { "preserve-fds", required_argument, NULL, OPTION_PRESERVE },
        { "tty", no_argument, NULL, OPTION_TTY },
        { "detach", no_argument, NULL, OPTION_DETACH },
        { "no-new-privs", no_argument, NULL, OPTION_NO_NEW },
        { "ignore-paused", no_argument, NULL, OPTION_IGNORE_PAUSED },
        { "cgroup", required_argument, NULL, OPTION_CGROUP },
        { 0 },
};

static int number(const char *text, int64_t max, int64_t *ret, struct error *err)
{
        int64_t value;

        if (string_to_int64(text, &value, NULL) < 0 || value < 0 || value > max)
                return error_set(err, ERROR_INVALID, "exec: not a number from 0 to %lld: %s", (long long)max,
                                 text);
        *ret = value;
        return 0;
}

static int take_option(int option, struct exec_options *o, struct error *err)
{
        int64_t value = 0;

        switch (option) {
        case 'p':
        case OPTION_PROCESS:
                o->process_file = optarg;
                return 0;
        case OPTION_CWD:
                o->cwd = optarg;
                return 0;
        case 'u':
        case OPTION_USER:
                o->user = optarg;
                return 0;
        case 'e':
        case OPTION_ENV:
                strv_append(&o->env, optarg);
                return 0;
        case 'c':
        case OPTION_CAP:
                strv_append(&o->caps, optarg);
                return 0;
        case OPTION_CONSOLE:
                o->console_socket = optarg;
                return 0;
        case OPTION_PID_FILE:
                o->pid_file = optarg;
                return 0;
        case OPTION_APPARMOR:
                o->apparmor = optarg;
                return 0;
        case OPTION_LABEL:
                o->label = optarg;
                return 0;
        case 'g':
        case OPTION_GIDS:
                if (number(optarg, UINT32_MAX, &value, err) < 0)
                        return -1;
                ARRAY_APPEND(o->gids, o->n_gids, (uint32_t)value);
                return 0;
        case OPTION_PRESERVE:
                if (number(optarg, 1000, &value, err) < 0)
                        return -1;
                o->n_preserve = (int)value;
                return 0;
        case 't':
        case OPTION_TTY:
                o->tty = true;
                return 0;
        case 'd':
        case OPTION_DETACH:
                o->detach = true;
                return 0;
        case OPTION_NO_NEW:
                o->no_new_privileges = true;
                return 0;
        case OPTION_IGNORE_PAUSED:
                o->ignore_paused = true;
                return 0;
        default:
                return error_set(err, ERROR_UNSUPPORTED, "exec --cgroup is not supported yet");
        }
}

static int load_process(const char *path, struct oci_process *process, struct error *err)
{
        cleanup_free char *text = NULL;
        size_t len;

        json_free_fields(&oci_process_table, process);
        *process = (struct oci_process){ 0 };
        if (file_read(AT_FDCWD, path, COMMAND_SPEC_MAX, &text, &len, err) < 0)
                return -1;
        return json_bind_text(&oci_process_table, text, len, process, err) < 0
                   ? error_context(err, "%s", path)
                   : 0;
}

static int set_user(const char *text, struct oci_user *user, struct error *err)
{
        cleanup_free char *uid = xstrdup(text);
        char *gid = strchr(uid, ':');
        int64_t value = 0;

        if (gid)
                *gid++ = '\0';
        if (number(uid, UINT32_MAX, &value, err) < 0)
                return -1;
        user->uid = (uint32_t)value;
        if (gid && number(gid, UINT32_MAX, &value, err) < 0)
                return -1;
        if (gid)
                user->gid = (uint32_t)value;
        return 0;
}

static void add_caps(char *const *names, struct oci_process *process)
{
        struct oci_capabilities *caps = process->capabilities;

        if (!caps)
                caps = process->capabilities = xcalloc(1, sizeof(*caps));
        for (size_t i = 0; names && names[i]; i++) {
                strv_append(&caps->bounding, names[i]);
                strv_append(&caps->effective, names[i]);
                strv_append(&caps->permitted, names[i]);
        }
}

/* The container's own process with other arguments and what the flags say. */
static int fill_process(const struct exec_options *o, char **args, struct oci_process *process,
                        struct error *err)
{
        uint64_t ignored;

        if (caps_from_names(o->caps, &ignored, err) < 0)
                return -1;
        strv_free(process->args);
        process->args = strv_copy(args);
        process->terminal = o->tty;
        if (o->user && set_user(o->user, &process->user, err) < 0)
                return -1;
        for (size_t i = 0; i < o->n_gids; i++)
                ARRAY_APPEND(process->user.additional_gids, process->user.n_additional_gids, o->gids[i]);
        if (o->env)
                strv_extend(&process->env, o->env);
        if (o->cwd) {
                free(process->cwd);
                process->cwd = xstrdup(o->cwd);
        }
        if (o->caps)
                add_caps(o->caps, process);
        if (o->apparmor) {
                free(process->apparmor_profile);
                process->apparmor_profile = xstrdup(o->apparmor);
        }
        if (o->label) {
                free(process->selinux_label);
                process->selinux_label = xstrdup(o->label);
        }
        process->no_new_privileges = process->no_new_privileges || o->no_new_privileges;
        return 0;
}

static int start_process(const struct exec_options *o, struct runtime_container *c,
                         const struct oci_spec *spec, struct runtime_process *ret, struct error *err)
{
        cleanup_seccomp_program struct seccomp_program program = {};
        struct runtime_exec_options options;
        int preserve[1000];

        if (spec->linux_config && spec->linux_config->seccomp &&
            seccomp_compile(spec->linux_config->seccomp, &program, err) < 0)
                return -1;
        runtime_exec_options_init(&options);
        options.process = spec->process;
        options.seccomp = program.filter ? &program : NULL;
        for (int i = 0; i < 3; i++)
                options.stdio[i] = i;
        for (int i = 0; i < o->n_preserve; i++)
                preserve[i] = 3 + i;
        options.preserve_fds = preserve;
        options.n_preserve_fds = (size_t)o->n_preserve;
        return runtime_exec(c, &options, ret, err) < 0 ? error_context(err, "exec failed") : 0;
}

static int run_in(const struct exec_options *o, const struct runtime_globals *globals, const char *id,
                  char **args, struct error *err)
{
        cleanup_runtime_container struct runtime_container *c = NULL;
        cleanup_runtime_record struct runtime_record record = {};
        cleanup_oci_spec struct oci_spec spec = {};
        cleanup_close int dirfd = record_find(globals, id, &record, err);
        struct runtime_process process;
        const char *status;

        if (dirfd < 0)
                return -1;
        status = record_status(dirfd, &record);
        if (streq(status, "stopped"))
                return error_set(err, ERROR_CONFLICT, "cannot exec in a stopped container");
        if (streq(status, "paused") && !o->ignore_paused)
                return error_set(err, ERROR_CONFLICT,
                                 "cannot exec in a paused container (use --ignore-paused to override)");
        if (record_spec(dirfd, &spec, err) < 0 || record_attach(&record, &c, err) < 0)
                return -1;
        if (o->process_file ? load_process(o->process_file, spec.process, err) < 0
                            : fill_process(o, args, spec.process, err) < 0)
                return -1;
        if (spec.process->terminal && o->detach && !o->console_socket)
                return error_set(err, ERROR_INVALID,
                                 "cannot allocate tty if runc will detach without setting console socket");
        if (start_process(o, c, &spec, &process, err) < 0 ||
            command_hand_out(o->pid_file, process.pid, o->console_socket, process.console, err) < 0)
                return -1;
        if (o->detach)
                return 0;
        return console_relay(process.pidfd, o->console_socket ? -1 : process.console, process.pid, err);
}

int command_exec(const struct runtime_globals *globals, int argc, char **argv, struct error *err)
{
        struct exec_options o = {};
        int option, r = -1;

        optind = 0;
        while ((option = command_option(argc, argv, "+p:u:e:c:g:td", exec_options, err)) >= 0)
                if (take_option(option, &o, err) < 0)
                        break;
        if (option == -1 && optind >= argc)
                error_set(err, ERROR_INVALID, "exec: a container's id is needed");
        else if (option == -1 && !o.process_file && optind + 1 >= argc)
                error_set(err, ERROR_INVALID, "process args cannot be empty");
        else if (option == -1)
                r = run_in(&o, globals, argv[optind], argv + optind + 1, err);
        if (r < 0 && !err->exit_code)
                err->exit_code = 255;
        strv_free(o.env);
        strv_free(o.caps);
        free(o.gids);
        return r;
}
