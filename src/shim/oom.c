#include "shim/shim-internal.h"

#include "base/fd.h"

#include <sys/epoll.h>

void oom_check(struct shim *shim)
{
        struct shim_event event = { .event = (char *)SHIM_EVENT_OOM };
        uint64_t kills;

        if (!shim->container || !shim->container->cgroup)
                return;
        kills = cgroup_oom_kills(shim->container->cgroup);
        if (kills <= shim->oom_kills)
                return;
        shim->oom_kills = kills;
        shim->state.oom_killed = true;
        if (shim->phase == SHIM_RUNNING)
                shim_save_state(shim);
        control_event(shim, &event);
}

static void ready(uint32_t events, void *data)
{
        struct shim *shim = data;
        char drained[64];

        if (read(shim->oom_fd, drained, sizeof(drained)) <= 0 && (events & (EPOLLHUP | EPOLLERR)))
                loop_remove(&shim->loop, &shim->oom_source);
        oom_check(shim);
}

void oom_watch(struct shim *shim)
{
        cleanup_error struct error ignored = { 0 }; /* no memory controller: nothing to watch */

        shim->oom_kills = 0;
        if (!shim->container->cgroup)
                return;
        shim->oom_kills = cgroup_oom_kills(shim->container->cgroup);
        shim->oom_fd = cgroup_oom_fd(shim->container->cgroup, &ignored);
        if (shim->oom_fd >= 0)
                loop_add(&shim->loop, &shim->oom_source, shim->oom_fd, EPOLLIN, ready, shim, NULL);
}

void oom_unwatch(struct shim *shim)
{
        loop_remove(&shim->loop, &shim->oom_source);
        if (shim->oom_fd >= 0)
                close(take_fd(shim->oom_fd));
}
