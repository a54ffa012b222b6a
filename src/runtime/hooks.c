#include "runtime/runtime-internal.h"
#include "base/time.h"

#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#define HOOK_OUTPUT_MAX 4096

static const struct {
        const char *name, *status;
        size_t list, count;
} stages[] = {
        [HOOK_PRESTART] = { "prestart", "creating", offsetof(struct oci_hooks, prestart), offsetof(struct oci_hooks, n_prestart) },
        [HOOK_CREATE_RUNTIME] = { "createRuntime", "creating", offsetof(struct oci_hooks, create_runtime),
                                  offsetof(struct oci_hooks, n_create_runtime) },
        [HOOK_CREATE_CONTAINER] = { "createContainer", "creating", offsetof(struct oci_hooks, create_container),
                                    offsetof(struct oci_hooks, n_create_container) },
        [HOOK_START_CONTAINER] = { "startContainer", "created", offsetof(struct oci_hooks, start_container),
                                   offsetof(struct oci_hooks, n_start_container) },
        [HOOK_POSTSTART] = { "poststart", "running", offsetof(struct oci_hooks, poststart), offsetof(struct oci_hooks, n_poststart) },
        [HOOK_POSTSTOP] = { "poststop", "stopped", offsetof(struct oci_hooks, poststop), offsetof(struct oci_hooks, n_poststop) },
};

static const struct oci_hook *hook_list(const struct oci_spec *spec, enum hook_stage stage, size_t *ret_count)
{
        const char *hooks = (const char *)spec->hooks;

        *ret_count = hooks ? *(const size_t *)(const void *)(hooks + stages[stage].count) : 0;
        return hooks ? *(struct oci_hook *const *)(const void *)(hooks + stages[stage].list) : NULL;
}

bool hooks_any(const struct oci_spec *spec, enum hook_stage stage)
{
        size_t count;

        hook_list(spec, stage, &count);
        return count > 0;
}

static char *state_text(const struct oci_spec *spec, enum hook_stage stage, const char *id, pid_t pid, const char *bundle)
{
        cleanup_json json_object *state = json_object_new_object();

        json_set_string(state, "ociVersion", OCI_SPEC_VERSION);
        json_set_string(state, "id", id);
        json_set_string(state, "status", stages[stage].status);
        if (stage != HOOK_POSTSTOP)
                json_object_object_add(state, "pid", json_object_new_int(pid));
        json_set_string(state, "bundle", bundle ? bundle : "");
        if (spec->annotations.count) {
                json_object *annotations = json_object_new_object();

                for (size_t i = 0; i < spec->annotations.count; i++)
                        json_set_string(annotations, spec->annotations.pairs[i].key, spec->annotations.pairs[i].value);
                json_object_object_add(state, "annotations", annotations);
        }
        return json_format(state);
}

static int hook_spawn(const struct oci_hook *hook, int in, int out, pid_t *ret, struct error *err)
{
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        char *const no_env[] = { NULL };
        char *const own_name[] = { hook->path, NULL };
        sigset_t none, all;
        int r;

        sigemptyset(&none);
        sigfillset(&all);
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        posix_spawn_file_actions_adddup2(&actions, in, 0);
        posix_spawn_file_actions_adddup2(&actions, out, 1);
        posix_spawn_file_actions_adddup2(&actions, out, 2);
        r = posix_spawn(ret, hook->path, &actions, &attributes, hook->args && hook->args[0] ? hook->args : own_name,
                        hook->env ? hook->env : no_env);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
        return r ? error_errnum(err, r, "fork/exec %s", hook->path) : 0;
}

/* Waits for the end within the timeout; collects what was printed. */
static int hook_wait(const struct oci_hook *hook, pid_t pid, int out, struct error *err)
{
        cleanup_close int pidfd = pidfd_of(pid);
        int64_t deadline = hook->timeout ? time_monotonic() + *hook->timeout * NSEC_PER_SEC : 0;
        char output[HOOK_OUTPUT_MAX + 1] = "";
        size_t len = 0;
        int status = 0;
        bool late = false;

        for (;;) {
                struct pollfd p[2] = { { .fd = pidfd, .events = POLLIN }, { .fd = out, .events = POLLIN } };
                int64_t left = deadline ? (deadline - time_monotonic()) / NSEC_PER_MSEC : -1;
                int n = poll(p, 2, deadline ? (int)MAX(left, 0) : -1);

                if (n < 0 && errno != EINTR)
                        break;
                if (n == 0) {
                        late = true;
                        kill(pid, SIGKILL);
                        break;
                }
                if (p[1].revents) {
                        char rest[512];
                        ssize_t got = len < HOOK_OUTPUT_MAX ? read(out, output + len, HOOK_OUTPUT_MAX - len) : read(out, rest, sizeof(rest));

                        if (got > 0 && len < HOOK_OUTPUT_MAX)
                                len += (size_t)got;
                }
                if (p[0].revents)
                        break;
        }
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        output[len] = '\0';
        if (late)
                return error_set(err, ERROR_SYSTEM, "hook ran past specified timeout of %d.0s", *hook->timeout);
        if (WIFSIGNALED(status))
                return error_set(err, ERROR_SYSTEM, "signal: %s, stdout: , stderr: %s", strsignal(WTERMSIG(status)), output);
        if (WEXITSTATUS(status))
                return error_set(err, ERROR_SYSTEM, "exit status %d, stdout: , stderr: %s", WEXITSTATUS(status), output);
        return 0;
}

static int hook_run(const struct oci_hook *hook, const char *state, struct error *err)
{
        int in[2], out[2];
        pid_t pid;

        if (string_empty(hook->path) || hook->path[0] != '/')
                return error_set(err, ERROR_INVALID, "hook path \"%s\" is not absolute", hook->path ? hook->path : "");
        if (pipe2(in, O_CLOEXEC) < 0)
                return error_errno(err, "pipe");
        if (pipe2(out, O_CLOEXEC) < 0) {
                close(in[0]);
                close(in[1]);
                return error_errno(err, "pipe");
        }
        {
                cleanup_close int in_read = in[0], in_write = in[1], out_read = out[0], out_write = out[1];
                void (*old)(int);
                int r = hook_spawn(hook, in_read, out_write, &pid, err);

                if (r < 0)
                        return -1;
                close(take_fd(in_read));
                close(take_fd(out_write));
                /* The state fits a pipe's buffer; a hook that does not read it must not hold us or kill us. */
                fd_set_nonblocking(in_write, true);
                old = signal(SIGPIPE, SIG_IGN);
                fd_write_all(in_write, state, strlen(state));
                signal(SIGPIPE, old);
                close(take_fd(in_write));
                fd_set_nonblocking(out_read, true);
                return hook_wait(hook, pid, out_read, err);
        }
}

int hooks_run(const struct oci_spec *spec, enum hook_stage stage, const char *id, pid_t pid, const char *bundle, struct error *err)
{
        cleanup_free char *state = NULL;
        const struct oci_hook *hooks;
        size_t count;

        hooks = hook_list(spec, stage, &count);
        if (!count)
                return 0;
        state = state_text(spec, stage, id, pid, bundle);
        for (size_t i = 0; i < count; i++)
                if (hook_run(&hooks[i], state, err) < 0)
                        return error_context(err, "error running %s hook #%zu", stages[stage].name, i);
        return 0;
}
