/* compose exec, attach. */
#include "cli/attached.h"
#include "cli/compose-session.h"
#include "cli/exec.h"

#include <unistd.h>

struct exec {
        struct exec_flags flags;
        bool dry_run, no_tty;
        int64_t index;
};
static const struct option exec_options[] = {
        OPTION_BOOL("detach", 'd', struct exec, flags.detach, "Detached mode: Run command in the background"),
        COMPOSE_DRY_RUN(struct exec),
        COMPOSE_OPTION_ARRAY("env", 'e', struct exec, flags.env, "Set environment variables"),
        OPTION_INT("index", 0, struct exec, index, "Index of the container if service has multiple replicas"),
        OPTION_BOOL("interactive", 'i', struct exec, flags.interactive,
                    "Keep STDIN open even if not attached", "true", NULL, true),
        OPTION_BOOL("no-tty", 'T', struct exec, no_tty,
                    "Disable pseudo-TTY allocation. By default 'docker compose exec' allocates a TTY."),
        OPTION_BOOL("privileged", 0, struct exec, flags.privileged,
                    "Give extended privileges to the process"),
        OPTION_BOOL("tty", 't', struct exec, flags.tty, "Allocate a pseudo-TTY", "true", NULL, true),
        OPTION_STRING("user", 'u', struct exec, flags.user, "Run the command as this user"),
        OPTION_STRING("workdir", 'w', struct exec, flags.workdir,
                      "Path to workdir directory for this command"),
};

static int run_exec(struct cli *cli, struct invocation *call, struct error *err)
{
        struct exec *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        struct compose_container *c = NULL;

        if (compose_session_open(cli, NULL, COMPOSE_NEED_NAME, "", &s, err) < 0 ||
            compose_session_container(&s, call->args[0], o->index, false, &containers, &c, err) < 0)
                return -1;
        if (s.engine.dry_run)
                return 0;
        if (!option_given(call, "interactive"))
                o->flags.interactive = true;
        if (!option_given(call, "tty"))
                o->flags.tty = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
        o->flags.tty = o->flags.tty && !o->no_tty && !o->flags.detach;
        return exec_in_container(cli, &o->flags, c->id, call->args + 1, err);
}

const struct command compose_exec_command = { .name = "exec",
                                              .usage = "[OPTIONS] SERVICE COMMAND [ARGS...]",
                                              .summary = "Execute a command in a running container",
                                              COMPOSE_COMMAND_OPTIONS(exec_options, struct exec),
                                              .min_args = 2,
                                              .max_args = -1,
                                              .options_first = true,
                                              .run = run_exec };

/* ---- attach ---- */

struct attach {
        bool dry_run, no_stdin, sig_proxy;
        char *detach_keys;
        int64_t index;
};
static const struct option attach_options[] = {
        OPTION_STRING("detach-keys", 0, struct attach, detach_keys,
                      "Override the key sequence for detaching from a container."),
        COMPOSE_DRY_RUN(struct attach),
        OPTION_INT("index", 0, struct attach, index,
                   "index of the container if service has multiple replicas."),
        OPTION_BOOL("no-stdin", 0, struct attach, no_stdin, "Do not attach STDIN"),
        OPTION_BOOL("sig-proxy", 0, struct attach, sig_proxy, "Proxy all received signals to the process",
                    "true"),
};

static int run_attach(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct attach *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        cleanup_json json_object *inspected = NULL;
        struct compose_container *c = NULL;
        struct attached a = { .proxy = option_given(call, "sig-proxy") ? o->sig_proxy : true };
        json_object *config;

        if (compose_session_open(cli, NULL, COMPOSE_NEED_NAME, "", &s, err) < 0 ||
            compose_session_container(&s, call->args[0], o->index, false, &containers, &c, err) < 0 ||
            compose_container_inspect(&s.engine, c->id, &inspected, err) < 0)
                return -1;
        config = json_get(inspected, "Config");
        a.id = c->id;
        a.streams = (struct stream_options){ .use_stdin = !o->no_stdin && json_get_bool(config, "OpenStdin"),
                                             .use_stdout = true,
                                             .use_stderr = true,
                                             .tty = json_get_bool(config, "Tty"),
                                             .detach_keys = o->detach_keys };
        signals_block();
        return container_attached(s.engine.client, &a, err);
}

const struct command compose_attach_command = {
        .name = "attach",
        .usage = "[OPTIONS] SERVICE",
        .summary = "Attach local standard input, output, and error streams to a service's running container",
        COMPOSE_COMMAND_OPTIONS(attach_options, struct attach),
        .min_args = 1,
        .max_args = 1,
        .run = run_attach
};
