#include "shim/loop.h"

#include "base/fd.h"
#include "base/time.h"

#include <errno.h>
#include <sys/epoll.h>

int loop_init(struct loop *loop, struct error *err)
{
        *loop = (struct loop){ .epoll = epoll_create1(EPOLL_CLOEXEC) };
        return loop->epoll < 0 ? error_errno(err, "epoll") : 0;
}

void loop_deinit(struct loop *loop)
{
        if (loop->epoll >= 0)
                close(take_fd(loop->epoll));
}

int loop_add(struct loop *loop, struct loop_source *source, int fd, uint32_t events,
             void (*ready)(uint32_t events, void *data), void *data, struct error *err)
{
        struct epoll_event event = { .events = events, .data.ptr = source };

        if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
                return error_errno(err, "epoll");
        *source = (struct loop_source){ fd, events, ready, data };
        return 0;
}

void loop_set_events(struct loop *loop, struct loop_source *source, uint32_t events)
{
        struct epoll_event event = { .events = events, .data.ptr = source };

        if (source->fd < 0 || source->events == events)
                return;
        source->events = events;
        epoll_ctl(loop->epoll, EPOLL_CTL_MOD, source->fd, &event);
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
        if (source->fd < 0)
                return;
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
        source->fd = -1;
        for (size_t i = 0; i < LOOP_BATCH; i++)
                if (loop->batch[i] == source)
                        loop->batch[i] = NULL;
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
        if (!timer->armed)
                return;
        for (struct loop_timer **p = &loop->timers; *p; p = &(*p)->next) {
                if (*p == timer) {
                        *p = timer->next;
                        break;
                }
        }
        timer->armed = false;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t delay, void (*fire)(void *data), void *data)
{
        struct loop_timer **p = &loop->timers;

        loop_timer_cancel(loop, timer);
        *timer = (struct loop_timer){ .at = time_monotonic() + MAX(delay, 0), .fire = fire, .data = data };
        while (*p && (*p)->at <= timer->at)
                p = &(*p)->next;
        timer->next = *p;
        timer->armed = true;
        *p = timer;
}

static void fire_due(struct loop *loop)
{
        int64_t now = time_monotonic();

        while (loop->timers && loop->timers->at <= now) {
                struct loop_timer *timer = loop->timers;

                loop_timer_cancel(loop, timer);
                timer->fire(timer->data);
        }
}

int loop_run(struct loop *loop, struct error *err)
{
        struct epoll_event events[LOOP_BATCH];

        while (!loop->ended) {
                int timeout = -1, n;

                if (loop->timers) {
                        int64_t left = MAX(loop->timers->at - time_monotonic(), 0);

                        timeout = (int)MIN((left + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC, INT64_C(1000000000));
                }
                n = epoll_wait(loop->epoll, events, LOOP_BATCH, timeout);
                if (n < 0 && errno != EINTR)
                        return error_errno(err, "epoll");
                for (int i = 0; i < n; i++)
                        loop->batch[i] = events[i].data.ptr;
                for (int i = 0; i < n; i++) {
                        struct loop_source *source = loop->batch[i];

                        if (source)
                                source->ready(events[i].events, source->data);
                }
                memset(loop->batch, 0, sizeof(loop->batch));
                fire_due(loop);
        }
        return 0;
}
