/* The container's runs: start, exit, restart, stop. The order at an exit is the shim's promise: what the
 * container wrote is in the log, then state.json says what happened, then everybody is told. */
#include "shim/shim-internal.h"

#include "base/fd.h"
#include "base/log.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sched.h>
#include <sys/wait.h>
#include <sys/syscall.h>

#define CREATE_PREFIX "failed to create shim task: OCI runtime create failed: runc create failed"

void shim_save_state(struct shim *shim)
{
        cleanup_error struct error failure = { 0 };
        struct container_state *state = &shim->state;

        strv_free(take_ptr(state->exec_ids));
        for (struct exec *exec = shim->execs; exec; exec = exec->next)
                if (!exec->ended && !exec->state.finished)
                        strv_append(&state->exec_ids, exec->state.id);
        if (container_state_save(shim->dirfd, state, &failure) < 0)
                log_error("state: %s", error_message(&failure));
}

/* --- start --- */

static int create(struct shim *shim, const struct oci_spec *spec, struct error *err)
{
        cleanup_seccomp_program struct seccomp_program seccomp = { 0 };
        const struct shim_config *config = &shim->config;
        bool tty = config->tty;
        const bool want[3] = { config->open_stdin && !tty, !tty, !tty };
        cleanup_free char *bundle = string_format("%s/bundle", shim->directory);
        struct runtime_options options;
        int child[3], r;

        if (shim_seccomp_load(shim, spec, &seccomp, err) < 0 ||
            streams_make_pipes(&shim->streams, want, child, err) < 0)
                return -1;
        runtime_options_init(&options);
        options.id = config->id;
        options.bundle = bundle;
        options.spec = spec;
        options.root.lowers = config->lowers;
        options.root.upper = config->upper;
        options.root.work = config->work;
        options.netns_fd = shim->netns;
        options.seccomp = seccomp.filter ? &seccomp : NULL;
        for (int i = 0; i < 3; i++)
                options.stdio[i] = child[i];
        r = runtime_create(&options, &shim->container, err);
        for (int i = 0; i < 3; i++)
                if (child[i] >= 0)
                        close(child[i]);
        return r < 0 ? error_context(err, CREATE_PREFIX) : 0;
}

static int run(struct shim *shim, const struct oci_spec *spec, struct error *err)
{
        struct runtime_container *container = shim->container;

        if (container->console >= 0 && streams_take_console(&shim->streams, take_fd(container->console),
                                                            shim->config.open_stdin, err) < 0)
                return -1;
        oom_watch(shim);
        if (runtime_start(container, err) < 0)
                return error_context(err, CREATE_PREFIX);
        if (spec->hooks && spec->hooks->n_poststart > 0) {
                cleanup_error struct error failure = { 0 };
                cleanup_free char *bundle = string_format("%s/bundle", shim->directory);

                if (runtime_poststart(container, spec, bundle, &failure) < 0)
                        log_warn("poststart: %s", error_message(&failure));
        }
        return streams_run(&shim->streams, err);
}

/* A container that is made but does not run: its process is killed and reaped, its cgroup goes. */
static void discard(struct shim *shim)
{
        cleanup_error struct error ignored = { 0 };
        struct runtime_container *container = take_ptr(shim->container);

        oom_unwatch(shim);
        if (!container)
                return;
        if (container->pidfd >= 0) {
                runtime_kill(container, SIGKILL, false, &ignored);
                waitid(P_PIDFD, (id_t)container->pidfd, &(siginfo_t){ 0 }, WEXITED);
        }
        error_clear(&ignored);
        runtime_delete(container, NULL, NULL, &ignored);
}

static void state_running(struct shim *shim)
{
        struct container_state *state = &shim->state;

        replace_string(&state->status, STATUS_RUNNING);
        replace_string(&state->error, NULL);
        state->pid = shim->container->pid;
        state->pid_start = process_start_time(state->pid);
        state->exit_code = 0;
        state->oom_killed = false;
        state->manually_stopped = false;
        state->started_at = time_now();
        health_end(take_ptr(state->health));
        if (health_is_configured(&shim->config.health))
                state->health = health_begin();
        shim->started_monotonic = time_monotonic();
        shim->phase = SHIM_RUNNING;
        shim->manual = shim->paused = false;
        shim_save_state(shim);
}

static int start_with_spec(struct shim *shim, struct error *err)
{
        cleanup_oci_spec struct oci_spec spec = { 0 };

        if (shim_spec_load(shim, &spec, err) < 0)
                return -1;
        /* davitd cannot open a terminal for the process: it is the spec that says how it is made. */
        if ((spec.process && spec.process->terminal) != shim->config.tty)
                return error_set(err, ERROR_INVALID, "shim.json and config.json disagree about the terminal");
        if (create(shim, &spec, err) < 0)
                return -1;
        if (run(shim, &spec, err) < 0) {
                discard(shim);
                return -1;
        }
        return 0;
}

static int start_once(struct shim *shim, struct error *err)
{
        struct shim_event event = { .event = (char *)SHIM_EVENT_STARTED };

        if (shim->log_failure)
                return error_set(err, ERROR_INVALID, "%s", shim->log_failure);
        if (!shim->log && log_writer_open(&shim->config, &shim->log_options, &shim->log, err) < 0)
                return error_context(err, "failed to initialize logging driver");
        shim->streams.log = shim->log;
        if (start_with_spec(shim, err) < 0)
                return -1;
        state_running(shim);
        event.pid = shim->state.pid;
        event.restart_count = shim->state.restart_count;
        control_event(shim, &event);
        probe_begin(shim);
        malloc_trim(0);
        return 0;
}

int shim_container_start(struct shim *shim, struct error *err)
{
        if (shim->phase != SHIM_WAITING)
                return error_set(err, ERROR_NOT_MODIFIED, "container is already running");
        if (start_once(shim, err) == 0)
                return 0;
        /* As Docker: it stays "created" (or "exited") with the code that `docker run` ends with. */
        shim->state.exit_code = err->exit_code ? err->exit_code : 128;
        replace_string(&shim->state.error, err->message);
        shim->state.pid = 0;
        shim_save_state(shim);
        return -1;
}

/* --- exit --- */

/* Processes that outlive pid 1 (a container in the host's pid namespace): the execs among them are ours to
 * reap. */
static void kill_rest(struct shim *shim)
{
        cleanup_error struct error ignored = { 0 };
        struct exec *next;

        for (struct exec *exec = shim->execs; exec; exec = next) {
                siginfo_t info = { 0 };

                next = exec->next;
                if (!exec->state.running)
                        continue;
                if (shim->container->cgroup)
                        cgroup_kill(shim->container->cgroup, SIGKILL, &ignored);
                error_clear(&ignored);
                kill(exec->process.pid, SIGKILL);
                if (waitid(P_PIDFD, (id_t)exec->process.pidfd, &info, WEXITED) == 0)
                        exec_exited(exec, info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status);
        }
}

static void restart_fire(void *data);

/* Decides what follows and writes it down. */
static void state_ended(struct shim *shim, int exit_code)
{
        struct container_state *state = &shim->state;
        int64_t ran_for = time_monotonic() - shim->started_monotonic, delay;
        bool again;

        state->pid = 0;
        state->pid_start = 0;
        state->exit_code = exit_code;
        state->finished_at = time_now();
        state->manually_stopped = shim->manual;
        if (state->health)
                replace_string(&state->health->status, HEALTH_UNHEALTHY);
        shim->restart.count = state->restart_count;
        again =
            restart_decide(&shim->restart, &shim->config.restart, exit_code, shim->manual, ran_for, &delay);
        if (again) {
                state->restart_count = shim->restart.count;
                loop_timer_set(&shim->loop, &shim->restart_timer, delay, restart_fire, shim);
        }
        shim->phase = again ? SHIM_RESTARTING : SHIM_ENDED;
        replace_string(&state->status, again ? STATUS_RESTARTING : STATUS_EXITED);
        shim_save_state(shim);
}

static void tell_exited(struct shim *shim)
{
        struct shim_event event = {
                .event = (char *)SHIM_EVENT_EXITED,
                .exit_code = shim->state.exit_code,
                .oom = shim->state.oom_killed,
                .restarting = shim->phase == SHIM_RESTARTING,
                .manual = shim->manual,
                .restart_count = shim->state.restart_count,
        };

        /* Before anybody knows: a new start binds the same ports and writes new names. */
        if (shim->phase != SHIM_RESTARTING) {
                ports_close(shim);
                dns_close(shim);
        }
        control_event(shim, &event);
        if (shim->phase != SHIM_RESTARTING)
                control_answer_waiting(shim);
}

static void remove_container(struct shim *shim)
{
        cleanup_error struct error failure = { 0 };
        cleanup_oci_spec struct oci_spec spec = { 0 };
        cleanup_free char *bundle = string_format("%s/bundle", shim->directory);
        bool has_spec = shim_spec_load(shim, &spec, &failure) == 0;

        error_clear(&failure);
        oom_unwatch(shim);
        if (runtime_delete(take_ptr(shim->container), has_spec && spec.hooks ? &spec : NULL, bundle,
                           &failure) < 0)
                log_warn("%s", error_message(&failure));
}

void shim_container_exited(struct shim *shim, int exit_code)
{
        loop_timer_cancel(&shim->loop, &shim->kill_timer);
        oom_check(shim);
        kill_rest(shim);
        probe_end(shim);
        streams_drain(&shim->streams);
        while (shim->execs)
                exec_free(shim->execs);
        state_ended(shim, exit_code);
        tell_exited(shim);
        streams_finish(&shim->streams);
        remove_container(shim);
        if (shim->phase == SHIM_ENDED)
                shim_end(shim);
}

static void restart_fire(void *data)
{
        cleanup_error struct error failure = { 0 };
        struct shim *shim = data;

        if (start_once(shim, &failure) == 0)
                return;
        /* A start that fails counts as a run that failed at once. */
        log_warn("restart: %s", error_message(&failure));
        replace_string(&shim->state.error, failure.message);
        shim->started_monotonic = time_monotonic();
        streams_finish(&shim->streams);
        state_ended(shim, failure.exit_code ? failure.exit_code : 128);
        tell_exited(shim);
        if (shim->phase == SHIM_ENDED)
                shim_end(shim);
}

/* --- signals --- */

/* Does it sleep in sigwait()? The kernel then shows what it waits for as not blocked. */
static bool waits_for_signals(pid_t pid)
{
        cleanup_error struct error ignored = { 0 };
        cleanup_free char *text = NULL;
        char path[40];
        size_t len;

        snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
        return file_read(AT_FDCWD, path, 4096, &text, &len, &ignored) == 0 &&
               strtol(text, NULL, 10) == SYS_rt_sigtimedwait;
}

/* Can this signal end pid 1 of a pid namespace? The kernel drops it unless there is a handler; one that is
 * blocked may be waited for by sigwait() or a signalfd. */
static bool signal_can_reach(struct shim *shim, int signal)
{
        cleanup_error struct error ignored = { 0 };
        cleanup_free char *text = NULL;
        char path[40];
        uint64_t reached = 0;
        size_t len;

        if (signal == SIGKILL || signal == SIGSTOP || !(shim->container->namespaces & CLONE_NEWPID))
                return true;
        snprintf(path, sizeof(path), "/proc/%d/status", (int)shim->container->pid);
        if (file_read(AT_FDCWD, path, 65536, &text, &len, &ignored) < 0)
                return true;
        for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
                const char *value = string_after(line, "SigCgt:");

                if (!value)
                        value = string_after(line, "SigBlk:");
                /* What it ignores on purpose it may have a reason for: Docker's users see it wait. */
                if (!value)
                        value = string_after(line, "SigIgn:");
                if (value)
                        reached |= strtoull(value, NULL, 16);
        }
        return (reached >> (signal - 1) & 1) || waits_for_signals(shim->container->pid);
}

static int not_running(struct error *err)
{
        return error_set(err, ERROR_CONFLICT, "container is not running");
}

/* A frozen process can't die; nobody is told that it was woken for that. */
static int thaw(struct shim *shim, struct error *err)
{
        if (!shim->paused)
                return 0;
        if (runtime_resume(shim->container, err) < 0)
                return -1;
        shim->paused = false;
        replace_string(&shim->state.status, STATUS_RUNNING);
        shim_save_state(shim);
        return 0;
}

int shim_container_signal(struct shim *shim, int signal, bool manual, struct error *err)
{
        if (shim->phase != SHIM_RUNNING)
                return not_running(err);
        if (manual)
                shim->manual = true;
        if (runtime_kill(shim->container, signal, false, err) < 0)
                return -1;
        return signal == SIGKILL ? thaw(shim, err) : 0;
}

static void kill_fire(void *data)
{
        cleanup_error struct error ignored = { 0 };
        struct shim *shim = data;

        if (shim->phase == SHIM_RUNNING)
                shim_container_signal(shim, SIGKILL, true, &ignored);
}

int shim_container_stop(struct shim *shim, int signal, int64_t timeout, struct error *err)
{
        cleanup_error struct error why = { 0 };

        if (shim->phase == SHIM_RESTARTING) {
                loop_timer_cancel(&shim->loop, &shim->restart_timer);
                shim->phase = SHIM_ENDED;
                shim->manual = shim->state.manually_stopped = true;
                replace_string(&shim->state.status, STATUS_EXITED);
                shim_save_state(shim);
                tell_exited(shim);
                shim_end(shim);
                return 0;
        }
        if (shim->phase == SHIM_WAITING) {
                /* A new davitd found a shim whose start its predecessor never asked for. */
                control_answer_waiting(shim);
                shim_end(shim);
                return 0;
        }
        if (shim->phase != SHIM_RUNNING)
                return not_running(err);
        if (signal <= 0)
                signal = shim->config.stop_signal > 0 ? shim->config.stop_signal : SIGTERM;
        if (!signal_can_reach(shim, signal))
                signal = SIGKILL;
        /* One that has just died is waited for, like one that is dying. */
        if (shim_container_signal(shim, signal, true, &why) < 0 && !error_is(&why, ERROR_NOT_FOUND))
                return error_move(err, &why);
        if (thaw(shim, err) < 0)
                return -1;
        if (timeout >= 0 && signal != SIGKILL)
                loop_timer_set(&shim->loop, &shim->kill_timer, timeout, kill_fire, shim);
        return 0;
}

int shim_container_pause(struct shim *shim, bool pause, struct error *err)
{
        struct shim_event event = { .event = (char *)(pause ? SHIM_EVENT_PAUSED : SHIM_EVENT_UNPAUSED) };

        if (shim->phase != SHIM_RUNNING)
                return not_running(err);
        if (shim->paused == pause)
                return error_set(err, ERROR_CONFLICT, "Container %s is %s paused", shim->config.id,
                                 pause ? "already" : "not");
        if ((pause ? runtime_pause(shim->container, err) : runtime_resume(shim->container, err)) < 0)
                return -1;
        shim->paused = pause;
        replace_string(&shim->state.status, pause ? STATUS_PAUSED : STATUS_RUNNING);
        if (pause)
                probe_end(shim);
        shim_save_state(shim);
        control_event(shim, &event);
        if (!pause)
                probe_begin(shim);
        return 0;
}

/* --- end --- */

static void linger_empty(void *data)
{
        struct shim *shim = data;

        shim->loop.ended = true;
}

void shim_end(struct shim *shim)
{
        shim->phase = SHIM_ENDED;
        ports_close(shim);
        dns_close(shim);
        streams_finish(&shim->streams);
        log_writer_close(take_ptr(shim->log));
        shim->streams.log = NULL;
        control_close(shim);
        shim->linger.empty = linger_empty;
        shim->linger.data = shim;
        if (!shim->linger.first)
                shim->loop.ended = true;
}
