/* Stop, kill, restart, pause, unpause: the shim does the work; here it is asked, and the engine's view is
 * awaited. */
#include "engine/container-internal.h"
#include "base/fd.h"
#include "runtime/runtime.h"

#include <inttypes.h>

#define DEFAULT_TIMEOUT 10

/* Until the watcher has taken notice (and given network and mounts back) of the end of the run that was on
 * when `exits` was read. */
static void wait_down(struct container *c, uint64_t exits)
{
        pthread_mutex_lock(&c->lock);
        while (container_state_is_up(&c->state) && c->exits == exits && !c->removed)
                pthread_cond_wait(&c->changed, &c->lock);
        pthread_mutex_unlock(&c->lock);
}

static int stop_signal(struct container *c, const char *given, int *ret, struct error *err)
{
        const char *name = !string_empty(given)                   ? given
                           : !string_empty(c->config.stop_signal) ? c->config.stop_signal
                                                                  : "SIGTERM";

        if (runtime_signal_parse(name, ret, NULL) < 0)
                return error_set(err, ERROR_INVALID, "invalid signal: %s", name);
        return 0;
}

static void kill_event(struct engine *engine, struct container *c, int signal)
{
        cleanup_strmap struct strmap extra = {};
        cleanup_free char *number = string_format("%d", signal);

        strmap_set(&extra, "signal", number);
        container_event(engine, c, "kill", &extra);
}

/* The run that is on, as a number for wait_down(); false when there is none. */
static bool current_run(struct container *c, uint64_t *ret_exits)
{
        bool up;

        pthread_mutex_lock(&c->lock);
        up = container_state_is_up(&c->state);
        *ret_exits = c->exits;
        pthread_mutex_unlock(&c->lock);
        return up;
}

static int stop_run(struct engine *engine, struct container *c, const char *signal_name, const int *timeout,
                    struct error *err)
{
        int seconds = timeout ? *timeout : c->config.stop_timeout ? *c->config.stop_timeout : DEFAULT_TIMEOUT;
        cleanup_close int shim = -1;
        cleanup_error struct error why = {};
        uint64_t exits;
        int signal;

        if (!current_run(c, &exits))
                return error_set(err, ERROR_NOT_MODIFIED, "container %s is not running", c->id);
        if (stop_signal(c, signal_name, &signal, err) < 0)
                return -1;
        shim = container_shim(engine, c, NULL);
        if (shim >= 0)
                kill_event(engine, c, signal);
        /* A shim that has just ended says the same as one that stops it. */
        if (shim >= 0 && shim_stop(shim, signal, seconds < 0 ? -1 : seconds * NSEC_PER_SEC, &why) < 0 &&
            !error_is(&why, ERROR_UNAVAILABLE) && !error_is(&why, ERROR_CONFLICT))
                return error_move(err, &why);
        wait_down(c, exits);
        container_event(engine, c, "stop", NULL);
        return 0;
}

int engine_container_stop(struct engine *engine, const char *reference, const char *signal,
                          const int *timeout, struct error *err)
{
        cleanup_container struct container *c = NULL;

        if (container_find(engine, reference, &c, err) < 0)
                return -1;
        /* Without `operation`: two may stop at once, one more patient than the other; the shim takes the
         * shorter. */
        return stop_run(engine, c, signal, timeout, err);
}

static void set_restarting(struct container *c, bool restarting)
{
        pthread_mutex_lock(&c->lock);
        c->restarting_by_us = restarting;
        pthread_mutex_unlock(&c->lock);
}

int engine_container_restart(struct engine *engine, const char *reference, const char *signal,
                             const int *timeout, struct error *err)
{
        cleanup_container struct container *c = NULL;
        cleanup_error struct error why = {};
        int r = 0;

        if (container_find(engine, reference, &c, err) < 0)
                return -1;
        pthread_mutex_lock(&c->operation);
        /* --rm must not take it away between the two halves. */
        set_restarting(c, true);
        if (stop_run(engine, c, signal, timeout, &why) < 0 && !error_is(&why, ERROR_NOT_MODIFIED))
                r = error_move(err, &why);
        set_restarting(c, false);
        if (r == 0)
                r = container_start_locked(engine, c, NULL, err);
        pthread_mutex_unlock(&c->operation);
        if (r == 0)
                container_event(engine, c, "restart", NULL);
        return r;
}

static int kill_container(struct engine *engine, struct container *c, const char *name, struct error *err)
{
        int signal = SIGKILL, stop = SIGTERM;
        cleanup_close int shim = -1;
        uint64_t exits;

        if (!string_empty(name) && (runtime_signal_parse(name, &signal, NULL) < 0 || signal == 0))
                return error_set(err, ERROR_INVALID, "invalid signal: %s", name);
        current_run(c, &exits);
        shim = container_shim(engine, c, err);
        /* An end by these was asked for: no restart follows. */
        if (shim < 0 || stop_signal(c, NULL, &stop, err) < 0 ||
            shim_signal(shim, signal, signal == SIGKILL || signal == stop, err) < 0)
                return container_shim_failed(c, err);
        kill_event(engine, c, signal);
        if (signal == SIGKILL)
                wait_down(c, exits);
        return 0;
}

int engine_container_kill(struct engine *engine, const char *reference, const char *signal, struct error *err)
{
        cleanup_container struct container *c = NULL;

        if (container_find(engine, reference, &c, err) < 0 || kill_container(engine, c, signal, err) < 0)
                return error_context(err, "cannot kill container: %s", reference);
        return 0;
}

int engine_container_pause(struct engine *engine, const char *reference, struct error *err)
{
        cleanup_container struct container *c = NULL;
        cleanup_close int shim = -1;
        bool paused;

        if (container_find(engine, reference, &c, err) < 0)
                return -1;
        pthread_mutex_lock(&c->lock);
        paused = streq(c->state.status, STATUS_PAUSED);
        pthread_mutex_unlock(&c->lock);
        if (paused)
                return error_set(err, ERROR_CONFLICT, "Container %s is already paused", c->id);
        shim = container_shim(engine, c, err);
        if (shim < 0 || shim_pause(shim, err) < 0)
                return container_shim_failed(c, err);
        pthread_mutex_lock(&c->lock);
        while (container_state_is_up(&c->state) && !streq(c->state.status, STATUS_PAUSED))
                pthread_cond_wait(&c->changed, &c->lock);
        pthread_mutex_unlock(&c->lock);
        return 0;
}

int engine_container_unpause(struct engine *engine, const char *reference, struct error *err)
{
        cleanup_container struct container *c = NULL;
        cleanup_close int shim = -1;
        bool paused;

        if (container_find(engine, reference, &c, err) < 0)
                return -1;
        pthread_mutex_lock(&c->lock);
        paused = streq(c->state.status, STATUS_PAUSED);
        pthread_mutex_unlock(&c->lock);
        if (!paused)
                return error_set(err, ERROR_CONFLICT, "Container %s is not paused", c->id);
        shim = container_shim(engine, c, err);
        if (shim < 0 || shim_unpause(shim, err) < 0)
                return container_shim_failed(c, err);
        pthread_mutex_lock(&c->lock);
        while (streq(c->state.status, STATUS_PAUSED))
                pthread_cond_wait(&c->changed, &c->lock);
        pthread_mutex_unlock(&c->lock);
        return 0;
}
