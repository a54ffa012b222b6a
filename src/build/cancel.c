/* The end of a build before its time: its client went away or a step failed. What waits is woken, what polls
 * sees `cancel_fd` become readable, what works looks at build_cancelled() now and then. */
#include "build/build-internal.h"
#include "build/inflight.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

struct build_watch {
        struct build *b;
        pthread_t thread;
        int stop; /* readable: the build has ended */
};

/* Until the client goes away or the build has ended. */
static void *watch_client(void *arg)
{
        struct build_watch *w = arg;
        struct pollfd fds[] = { { w->b->request->cancel_fd, POLLRDHUP, 0 }, { w->stop, POLLIN, 0 } };

        while (!fds[1].revents) {
                if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
                        break;
                if (fds[0].revents & (POLLRDHUP | POLLHUP | POLLERR)) {
                        build_cancel(w->b);
                        fds[0].fd = -1;
                }
        }
        return NULL;
}

int build_cancel_open(struct build *b, struct error *err)
{
        struct build_watch *w;

        b->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (b->cancel_fd < 0)
                return error_errno(err, "eventfd");
        if (b->request->cancel_fd < 0)
                return 0;
        w = xcalloc(1, sizeof(*w));
        *w = (struct build_watch){ .b = b, .stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
        if (w->stop < 0 || pthread_create(&w->thread, NULL, watch_client, w) != 0) {
                if (w->stop >= 0)
                        close(w->stop);
                free(w);
                return error_set(err, ERROR_SYSTEM, "the build's client cannot be watched");
        }
        b->watch = w;
        return 0;
}

void build_cancel_close(struct build *b)
{
        if (b->watch) {
                eventfd_write(b->watch->stop, 1);
                pthread_join(b->watch->thread, NULL);
                close(b->watch->stop);
                free(b->watch);
        }
        if (b->cancel_fd >= 0)
                close(b->cancel_fd);
}

void build_cancel(struct build *b)
{
        atomic_store(&b->cancelled, true);
        eventfd_write(b->cancel_fd, 1);
        inflight_wake();
}

bool build_cancelled(struct build *b)
{
        return atomic_load(&b->cancelled);
}

int build_check_cancelled(struct build *b, struct error *err)
{
        return build_cancelled(b) ? error_set(err, ERROR_CANCELLED, "context canceled") : 0;
}

int build_pause(struct build *b, int milliseconds, struct error *err)
{
        struct pollfd fd = { b->cancel_fd, POLLIN, 0 };

        poll(&fd, 1, milliseconds);
        return build_check_cancelled(b, err);
}
