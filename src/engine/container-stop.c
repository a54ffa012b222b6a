/* Stop, kill, restart, pause, unpause: the shim does the work; here it is asked, and the engine's view is
 * awaited. */
#include "engine/container-internal.h"
#include "base/fd.h"
#include "runtime/runtime.h"

#include <inttypes.h>

#define DEFAULT_TIMEOUT 10

/* Until the watcher has taken notice (and given network and mounts back). */
static void wait_down(struct container *c)
{
        pthread_mutex_lock(&c->lock);
        while (container_state_is_up(&c->state) && !c->removed)
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

/* With `operation` held. */
static int stop_locked(struct engine *engine, struct container *c, const char *signal_name,
                       const int *timeout, struct error *err)
{
        int seconds = timeout ? *timeout : c->config.stop_timeout ? *c->config.stop_timeout : DEFAULT_TIMEOUT;
        cleanup_close int shim = -1;
        cleanup_error struct error why = {};
        int signal;

        if (stop_signal(c, signal_name, &signal, err) < 0)
                return -1;
        if (!container_is_running(c))
                return error_set(err, ERROR_NOT_MODIFIED, "container %s is not running", c->id);
        shim = container_shim(engine, c, NULL);
        /* A shim that has just ended says the same as one that stops it. */
        if (shim >= 0 && shim_stop(shim, signal, seconds < 0 ? -1 : seconds * NSEC_PER_SEC, &why) < 0 &&
            !error_is(&why, ERROR_UNAVAILABLE) && !error_is(&why, ERROR_CONFLICT))
                return error_move(err, &why);
        wait_down(c);
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
        return stop_locked(engine, c, signal, timeout, err);
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
        c->restarting_by_us = true;
        if (stop_locked(engine, c, signal, timeout, &why) < 0 && !error_is(&why, ERROR_NOT_MODIFIED))
                r = error_move(err, &why);
        if (r == 0)
                r = container_start_locked(engine, c, NULL, err);
        c->restarting_by_us = false;
        pthread_mutex_unlock(&c->operation);
        if (r == 0)
                container_event(engine, c, "restart", NULL);
        return r;
}

int engine_container_kill(struct engine *engine, const char *reference, const char *signal_name,
                          struct error *err)
{
        cleanup_container struct container *c = NULL;
        cleanup_strmap struct strmap extra = {};
        cleanup_free char *number = NULL;
        cleanup_close int shim = -1;
        int signal = SIGKILL, r;

        if (container_find(engine, reference, &c, err) < 0)
                return error_context(err, "cannot kill container: %s", reference);
        if (!string_empty(signal_name) &&
            (runtime_signal_parse(signal_name, &signal, NULL) < 0 || signal == 0))
                return error_set(err, ERROR_INVALID, "cannot kill container: %s: invalid signal: %s",
                                 reference, signal_name);
        shim = container_shim(engine, c, err);
        if (shim < 0)
                return error_context(err, "cannot kill container: %s", reference);
        r = shim_signal(shim, signal, true, err);
        if (r < 0)
                return error_context(err, "cannot kill container: %s", reference);
        number = string_format("%d", signal);
        strmap_set(&extra, "signal", number);
        container_event(engine, c, "kill", &extra);
        if (signal == SIGKILL)
                wait_down(c);
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
                return -1;
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
                return -1;
        pthread_mutex_lock(&c->lock);
        while (streq(c->state.status, STATUS_PAUSED))
                pthread_cond_wait(&c->changed, &c->lock);
        pthread_mutex_unlock(&c->lock);
        return 0;
}
