/* Waiting for a container's end. A run's end is counted (container.exits), so that one that is restarted at
 * once is seen. */
#include "engine/container-internal.h"
#include "base/fd.h"

#include <poll.h>

enum condition { WAIT_NOT_RUNNING, WAIT_NEXT_EXIT, WAIT_REMOVED };

struct container_wait {
        struct container *c;
        enum condition condition;
        uint64_t exits;
        bool down; /* it was not running when the wait began */
        int code;
};

int engine_container_wait_open(struct engine *engine, const char *reference, const char *condition,
                               struct container_wait **ret, struct error *err)
{
        static const char *const names[] = { "not-running", "next-exit", "removed" };
        enum condition wanted = WAIT_NOT_RUNNING;
        cleanup_container struct container *c = NULL;
        struct container_wait *w;
        size_t i = 0;

        if (!string_empty(condition)) {
                while (i < ARRAY_SIZE(names) && !streq(condition, names[i]))
                        i++;
                if (i == ARRAY_SIZE(names))
                        return error_set(err, ERROR_INVALID, "invalid condition: \"%s\"", condition);
                wanted = (enum condition)i;
        }
        if (container_find(engine, reference, &c, err) < 0)
                return -1;
        w = xcalloc(1, sizeof(*w));
        w->condition = wanted;
        pthread_mutex_lock(&c->lock);
        w->exits = c->exits;
        w->down = !container_state_is_up(&c->state);
        w->code = c->state.exit_code;
        pthread_mutex_unlock(&c->lock);
        w->c = take_ptr(c);
        *ret = w;
        return 0;
}

static bool is_over(struct container_wait *w)
{
        struct container *c = w->c;

        if (c->exits != w->exits)
                w->code = c->last_exit;
        switch (w->condition) {
        case WAIT_NOT_RUNNING:
                return w->down || c->exits != w->exits || c->removed;
        case WAIT_NEXT_EXIT:
                return c->exits != w->exits || c->removed;
        default:
                return c->removed;
        }
}

static bool has_left(int fd)
{
        struct pollfd p = { .fd = fd, .events = POLLRDHUP };

        return fd >= 0 && poll(&p, 1, 0) > 0;
}

int engine_container_wait(struct container_wait *w, int cancel_fd, json_object **ret, struct error *err)
{
        bool over, left = false;

        pthread_mutex_lock(&w->c->lock);
        while (!(over = is_over(w)) && !left) {
                struct timespec until;

                /* A condition variable knows nothing of sockets: the client's leaving is looked for once a
                 * second. */
                clock_gettime(CLOCK_REALTIME, &until);
                until.tv_sec++;
                pthread_cond_timedwait(&w->c->changed, &w->c->lock, &until);
                left = has_left(cancel_fd);
        }
        pthread_mutex_unlock(&w->c->lock);
        if (!over)
                return error_set(err, ERROR_CANCELLED, "the client has left");
        *ret = json_object_new_object();
        json_object_object_add(*ret, "StatusCode", json_object_new_int(w->code));
        return 0;
}

void engine_container_wait_close(struct container_wait *w)
{
        if (!w)
                return;
        container_drop(w->c);
        free(w);
}
