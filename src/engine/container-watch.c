/* One thread follows all shims: each has a subscribed connection in its epoll set. What a shim tells is in
 * its state.json already; here it becomes the engine's view, an event, and the end of a run's network and
 * mounts. */
#include "engine/container-internal.h"
#include "base/fd.h"
#include "base/log.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

struct container_watcher {
        struct engine *engine;
        int epoll, wake;
        pthread_t thread;
};

static void load_state(struct container *c)
{
        struct container_state state;
        cleanup_error struct error err = {};

        if (container_state_load(c->dirfd, &state, &err) == 0)
                container_set_state(c, &state);
        else
                log_warn("container %s: %s", c->id, error_message(&err));
}

static void refresh(struct container *c)
{
        pthread_mutex_lock(&c->lock);
        load_state(c);
        pthread_mutex_unlock(&c->lock);
}

static struct exec_entry *find_exec(struct container *c, const char *id)
{
        for (size_t i = 0; i < c->n_execs; i++)
                if (streq(c->execs[i]->id, id))
                        return c->execs[i];
        return NULL;
}

static void exec_exited(struct engine *engine, struct container *c, const struct shim_event *event)
{
        cleanup_strmap struct strmap extra = {};
        cleanup_free char *code = string_format("%d", event->exit_code);
        struct exec_entry *exec;

        pthread_mutex_lock(&c->lock);
        exec = find_exec(c, event->exec_id);
        if (exec) {
                exec->running = false;
                exec->finished = true;
                exec->exit_code = event->exit_code;
                exec->pid = 0;
        }
        pthread_cond_broadcast(&c->changed);
        pthread_mutex_unlock(&c->lock);
        strmap_set(&extra, "execID", event->exec_id);
        strmap_set(&extra, "exitCode", code);
        container_event(engine, c, "exec_die", &extra);
}

/* A run has ended. Network and mounts are given back before anybody who waits is told. */
static void run_ended(struct engine *engine, struct container *c, int exit_code, bool restarting)
{
        bool remove;

        cleanup_strmap struct strmap extra = {};
        struct container_state state;
        cleanup_free char *code = string_format("%d", exit_code), *duration = NULL;
        int64_t seconds = 0;

        if (container_state_load(c->dirfd, &state, NULL) == 0) {
                if (state.started_at != TIME_ZERO && state.finished_at != TIME_ZERO)
                        seconds = (state.finished_at - state.started_at) / NSEC_PER_SEC;
                container_state_deinit(&state);
        }
        duration = string_format("%d", (int)MAX(seconds, 0));
        strmap_set(&extra, "execDuration", duration);
        strmap_set(&extra, "exitCode", code);
        container_event(engine, c, "die", &extra);
        if (!restarting)
                container_release_run(engine, c);
        pthread_mutex_lock(&c->lock);
        remove = !restarting && c->host.auto_remove && !c->restarting_by_us;
        c->exits++;
        c->last_exit = exit_code;
        load_state(c);
        for (size_t i = 0; i < c->n_execs; i++)
                if (c->execs[i]->running) {
                        c->execs[i]->running = false;
                        c->execs[i]->finished = true;
                        c->execs[i]->exit_code = 137;
                }
        pthread_mutex_unlock(&c->lock);
        if (remove)
                container_remove_later(engine, c);
}

static void handle(struct engine *engine, struct container *c, const struct shim_event *event)
{
        static const struct {
                const char *event, *action;
        } plain[] = { { SHIM_EVENT_STARTED, "start" },
                      { SHIM_EVENT_PAUSED, "pause" },
                      { SHIM_EVENT_UNPAUSED, "unpause" },
                      { SHIM_EVENT_OOM, "oom" } };
        cleanup_free char *action = NULL;

        if (streq(event->event, SHIM_EVENT_EXITED)) {
                run_ended(engine, c, event->exit_code, event->restarting);
                return;
        }
        if (streq(event->event, SHIM_EVENT_EXEC_EXITED)) {
                exec_exited(engine, c, event);
                return;
        }
        if (streq(event->event, SHIM_EVENT_DETACHED)) {
                container_event(engine, c, "detach", NULL);
                return;
        }
        refresh(c);
        if (streq(event->event, SHIM_EVENT_HEALTH)) {
                action = string_format("health_status: %s", event->health ? event->health : "");
                if (!streq(event->health, "starting"))
                        container_event(engine, c, action, NULL);
                return;
        }
        for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
                if (streq(event->event, plain[i].event))
                        container_event(engine, c, plain[i].action, NULL);
}

/* The connection has ended: normal after the container's end, else the shim was killed. */
static void shim_gone(struct container_watcher *w, struct container *c)
{
        struct container_state state;
        bool loaded, up;

        pthread_mutex_lock(&c->lock);
        /* Taken out by hand: a child that is being spawned just now has a copy of the descriptor, with which
         * epoll would go on telling of a container that is gone. It is not there yet when the caller is
         * container_watch(). */
        epoll_ctl(w->epoll, EPOLL_CTL_DEL, c->watch_fd, NULL);
        close(c->watch_fd);
        c->watch_fd = -1;
        pthread_cond_broadcast(&c->changed);
        pthread_mutex_unlock(&c->lock);
        loaded = container_state_load(c->dirfd, &state, NULL) == 0;
        up = loaded && container_state_is_up(&state);
        if (up)
                log_error("container %s: its shim (pid %d) has died", c->id, state.shim_pid);
        if (loaded)
                container_state_deinit(&state);
        if (up) {
                container_bury(w->engine, c);
                run_ended(w->engine, c, 137, false);
                if (container_should_restart(c))
                        container_start_later(w->engine, c);
        }
        container_drop(c);
}

/* Takes what is there. False when the shim has ended (the container may be freed by then). */
static bool drain(struct container_watcher *w, struct container *c)
{
        for (;;) {
                struct shim_event event = {};
                cleanup_error struct error err = {};
                int r = shim_event_receive(c->watch_fd, &event, &err);

                if (r > 0)
                        handle(w->engine, c, &event);
                shim_event_deinit(&event);
                if (r == 0)
                        return true;
                if (r < 0) {
                        shim_gone(w, c);
                        return false;
                }
        }
}

static void *watch_thread(void *arg)
{
        struct container_watcher *w = arg;
        struct epoll_event events[32];

        for (;;) {
                int n = epoll_wait(w->epoll, events, ARRAY_SIZE(events), -1);

                for (int i = 0; i < n; i++) {
                        if (!events[i].data.ptr)
                                return NULL;
                        drain(w, events[i].data.ptr);
                }
        }
}

int container_watcher_open(struct engine *engine, struct error *err)
{
        struct container_watcher *w = xcalloc(1, sizeof(*w));
        struct epoll_event event = { .events = EPOLLIN };

        w->engine = engine;
        w->epoll = epoll_create1(EPOLL_CLOEXEC);
        w->wake = eventfd(0, EFD_CLOEXEC);
        engine->watcher = w;
        if (w->epoll < 0 || w->wake < 0 || epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->wake, &event) < 0)
                return error_errno(err, "epoll");
        if (pthread_create(&w->thread, NULL, watch_thread, w) != 0)
                return error_set(err, ERROR_SYSTEM, "cannot start a thread");
        return 0;
}

void container_watcher_close(struct engine *engine)
{
        struct container_watcher *w = engine->watcher;
        uint64_t one = 1;

        if (!w)
                return;
        if (write(w->wake, &one, sizeof(one)) == sizeof(one))
                pthread_join(w->thread, NULL);
        close(w->epoll);
        close(w->wake);
        free(w);
        engine->watcher = NULL;
}

/* What the shim has told so far is dealt with before the caller goes on: whoever started a container finds
 * the event of it published. */
void container_watch(struct engine *engine, struct container *c, int shim)
{
        struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = c };

        container_hold(c);
        pthread_mutex_lock(&c->lock);
        c->watch_fd = shim;
        pthread_mutex_unlock(&c->lock);
        if (!drain(engine->watcher, c))
                return;
        if (epoll_ctl(engine->watcher->epoll, EPOLL_CTL_ADD, shim, &event) < 0)
                log_error("container %s: epoll: %s", c->id, strerror(errno));
}
