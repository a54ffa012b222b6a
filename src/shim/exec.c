/* Further processes in the container. The record of one lives on for a while after its end, so that its exit
 * code can be asked for. */
#include "shim/shim-internal.h"

#include "base/fd.h"
#include "base/time.h"
#include "runtime/caps.h"

#include <malloc.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#define EXEC_PREFIX "OCI runtime exec failed: exec failed"
#define EXEC_KEEP (300 * NSEC_PER_SEC)

struct exec *exec_find(struct shim *shim, const char *id)
{
        for (struct exec *exec = shim->execs; exec; exec = exec->next)
                if (!exec->ended && streq(exec->state.id, id))
                        return exec;
        return NULL;
}

void exec_free(struct exec *exec)
{
        struct shim *shim = exec->shim;

        for (struct exec **p = &shim->execs; *p; p = &(*p)->next) {
                if (*p == exec) {
                        *p = exec->next;
                        break;
                }
        }
        if (exec->state.running)
                kill(exec->process.pid, SIGKILL);
        streams_finish(&exec->streams);
        if (exec->process.pidfd >= 0)
                close(exec->process.pidfd);
        json_free_fields(&shim_exec_state_table, &exec->state);
        free(exec);
}

static void forget_old(struct shim *shim)
{
        int64_t now = time_monotonic();
        struct exec *next;

        for (struct exec *exec = shim->execs; exec; exec = next) {
                next = exec->next;
                if (exec->state.finished && !exec->ended && now - exec->finished_at > EXEC_KEEP)
                        exec_free(exec);
        }
}

static void client_detached(void *data)
{
        struct exec *exec = data;
        struct shim_event event = { .event = (char *)SHIM_EVENT_DETACHED, .exec_id = exec->state.id };

        control_event(exec->shim, &event);
}

/* Docker refuses an unknown user when the exec is created. */
static int user_check(struct shim *shim, const char *user, struct error *err)
{
        cleanup_runtime_user struct runtime_user resolved = { 0 };

        if (string_empty(user))
                return 0;
        return runtime_resolve_user_of(shim->container->pid, user, shim->config.group_add, &resolved, err);
}

int exec_create(struct shim *shim, const char *id, const struct shim_exec_config *config, struct error *err)
{
        struct exec *exec;

        if (shim->phase != SHIM_RUNNING)
                return error_set(err, ERROR_CONFLICT, "container %s is not running", shim->config.id);
        if (string_empty(id) || !config->cmd || !config->cmd[0])
                return error_set(err, ERROR_INVALID, "No exec command specified");
        forget_old(shim);
        if (exec_find(shim, id))
                return error_set(err, ERROR_CONFLICT, "exec %s exists", id);
        if (user_check(shim, config->user, err) < 0)
                return -1;
        exec = xcalloc(1, sizeof(*exec));
        exec->shim = shim;
        exec->process = (struct runtime_process){ .pidfd = -1, .console = -1 };
        exec->state.id = xstrdup(id);
        json_copy(&shim_exec_config_table, config, &exec->state.config);
        streams_init(&exec->streams, &shim->loop, &shim->linger);
        exec->streams.tty = config->tty;
        exec->streams.stdin_once = true;
        exec->streams.detached = client_detached;
        exec->streams.data = exec;
        exec->next = shim->execs;
        shim->execs = exec;
        return 0;
}

static int process_user(struct shim *shim, const char *user, struct oci_process *process, struct error *err)
{
        cleanup_runtime_user struct runtime_user resolved = { 0 };

        if (string_empty(user))
                return 0;
        if (runtime_resolve_user_of(shim->container->pid, user, shim->config.group_add, &resolved, err) < 0)
                return -1;
        process->user.uid = resolved.uid;
        process->user.gid = resolved.gid;
        free(process->user.additional_gids);
        process->user.n_additional_gids = resolved.n_groups;
        process->user.additional_gids = take_ptr(resolved.groups);
        resolved.n_groups = 0;
        return 0;
}

static void process_all_capabilities(struct oci_process *process)
{
        char **all = caps_to_names(caps_all() & caps_bounding());

        if (!process->capabilities)
                process->capabilities = xcalloc(1, sizeof(*process->capabilities));
        strv_free(process->capabilities->bounding);
        strv_free(process->capabilities->permitted);
        strv_free(process->capabilities->effective);
        process->capabilities->bounding = strv_copy(all);
        process->capabilities->permitted = strv_copy(all);
        process->capabilities->effective = all;
}

/* Turns the container's process into the exec's. */
static int process_fill(struct shim *shim, const struct shim_exec_config *config, struct oci_process *process,
                        struct error *err)
{
        strv_free(process->args);
        process->args = strv_copy(config->cmd);
        if (config->tty)
                env_set(&process->env, "TERM", "xterm");
        for (size_t i = 0; config->env && config->env[i]; i++) {
                const char *equals = strchr(config->env[i], '=');
                cleanup_free char *name =
                    equals ? xstrndup(config->env[i], (size_t)(equals - config->env[i])) : NULL;

                if (name)
                        env_set(&process->env, name, equals + 1);
        }
        if (!string_empty(config->workdir))
                replace_string(&process->cwd, config->workdir);
        process->terminal = config->tty;
        free(take_ptr(process->console_size));
        if (config->tty && config->height > 0) {
                process->console_size = xcalloc(1, sizeof(*process->console_size));
                process->console_size->height = (uint32_t)config->height;
                process->console_size->width = (uint32_t)config->width;
        }
        if (config->privileged)
                process_all_capabilities(process);
        return process_user(shim, config->user, process, err);
}

/* Starts the process with the ends of its streams. */
static int process_start(struct exec *exec, bool has_client, struct error *err)
{
        struct shim *shim = exec->shim;
        const struct shim_exec_config *config = &exec->state.config;
        bool out = (has_client && config->attach_stdout) || exec->streams.capture;
        bool errors = (has_client && config->attach_stderr) || exec->streams.capture;
        bool want[3] = { has_client && config->attach_stdin, out, errors };
        cleanup_oci_spec struct oci_spec spec = { 0 };
        cleanup_seccomp_program struct seccomp_program seccomp = { 0 };
        struct runtime_exec_options options;
        int child[3] = { -1, -1, -1 }, r;

        if (shim_spec_load(shim, &spec, err) < 0 || shim_seccomp_load(shim, &spec, &seccomp, err) < 0)
                return -1;
        if (!spec.process)
                return error_set(err, ERROR_INVALID, "config.json: no process");
        if (process_fill(shim, config, spec.process, err) < 0)
                return -1;
        if (!config->tty && streams_make_pipes(&exec->streams, want, child, err) < 0)
                return -1;
        runtime_exec_options_init(&options);
        options.process = spec.process;
        options.seccomp = seccomp.filter ? &seccomp : NULL;
        for (int i = 0; i < 3; i++)
                options.stdio[i] = child[i];
        r = runtime_exec(shim->container, &options, &exec->process, err);
        for (int i = 0; i < 3; i++)
                if (child[i] >= 0)
                        close(child[i]);
        if (r < 0)
                return error_context(err, string_after(error_message(err), "Cwd must")
                                                  ? EXEC_PREFIX
                                                  : EXEC_PREFIX ": unable to start container process");
        exec->state.pid = exec->process.pid;
        exec->state.running = true;
        if (config->tty)
                return streams_take_console(&exec->streams, take_fd(exec->process.console), want[0], err);
        return 0;
}

static int attach_client(struct exec *exec, int client, struct strbuf *pending, const char *detach_keys,
                         struct error *err)
{
        const struct shim_exec_config *config = &exec->state.config;
        struct attach_options options = {
                .use_stdin = config->attach_stdin,
                .use_stdout = config->attach_stdout,
                .use_stderr = config->attach_stderr,
                .detach_keys = string_empty(detach_keys) ? config->detach_keys : detach_keys,
        };

        return streams_attach(&exec->streams, &options, client, pending, err);
}

int exec_start(struct exec *exec, int client, struct strbuf *pending, const char *detach_keys,
               struct error *err)
{
        struct shim *shim = exec->shim;
        struct detach_keys keys;

        if (shim->paused)
                return error_set(err, ERROR_CONFLICT,
                                 "Container %s is paused, unpause the container before exec",
                                 shim->config.name);
        if (exec->state.started)
                return error_set(err, ERROR_CONFLICT, "Error: Exec command %s is already running",
                                 exec->state.id);
        if (exec->state.config.tty &&
            detach_keys_parse(string_empty(detach_keys) ? exec->state.config.detach_keys : detach_keys, &keys,
                              err) < 0)
                return -1;
        exec->state.started = true;
        if (process_start(exec, client >= 0, err) < 0) {
                exec->state.finished = !exec->state.running;
                exec->state.exit_code = err->exit_code ? err->exit_code : 126;
                exec->finished_at = time_monotonic();
                return -1;
        }
        malloc_trim(0);
        if (client >= 0 && attach_client(exec, client, pending, detach_keys, err) < 0)
                return -1;
        return streams_run(&exec->streams, err);
}

void exec_exited(struct exec *exec, int exit_code)
{
        struct shim_event event = {
                .event = (char *)SHIM_EVENT_EXEC_EXITED,
                .exec_id = exec->state.id,
                .exit_code = exit_code,
        };

        exec->state.running = false;
        exec->state.finished = true;
        exec->state.exit_code = exit_code;
        exec->state.pid = 0;
        exec->finished_at = time_monotonic();
        if (exec->ended) {
                streams_drain(&exec->streams);
                exec->ended(exec, exec->data);
                return;
        }
        control_event(exec->shim, &event);
        streams_finish(&exec->streams);
}
