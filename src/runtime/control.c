/* What can be done with a container that exists. */
#include "runtime/runtime-internal.h"

#include <errno.h>
#include <sys/wait.h>

int runtime_attach(const char *id, pid_t pid, const char *path, struct runtime_container **ret, struct error *err)
{
        cleanup_runtime_container struct runtime_container *c = xcalloc(1, sizeof(*c));

        c->id = xstrdup(id);
        c->pid = pid;
        c->gate = c->console = c->listener = -1;
        c->pidfd = pidfd_of(pid);
        c->started = true;
        if (c->pidfd < 0)
                return error_set(err, errno == ESRCH ? ERROR_NOT_FOUND : ERROR_SYSTEM, "container %s: process %d: %s", id, (int)pid, strerror(errno));
        if (!string_empty(path) && cgroup_open(path, &c->cgroup, err) < 0)
                return -1;
        if (namespaces_differing(pid, &c->namespaces, err) < 0)
                return -1;
        c->userns = c->namespaces & CLONE_NEWUSER;
        *ret = take_ptr(c);
        return 0;
}

int runtime_kill(struct runtime_container *c, int signal, bool all, struct error *err)
{
        if (all && c->cgroup)
                return cgroup_kill(c->cgroup, signal, err);
        if (syscall(SYS_pidfd_send_signal, c->pidfd, signal, NULL, 0) < 0)
                return errno == ESRCH ? error_set(err, ERROR_NOT_FOUND, "container not running") : error_errno(err, "signal %d", signal);
        return 0;
}

static int need_cgroup(const struct runtime_container *c, struct error *err)
{
        return c->cgroup ? 0 : error_set(err, ERROR_UNSUPPORTED, "container %s has no cgroup", c->id);
}

int runtime_pause(struct runtime_container *c, struct error *err)
{
        return need_cgroup(c, err) < 0 ? -1 : cgroup_freeze(c->cgroup, true, err);
}

int runtime_resume(struct runtime_container *c, struct error *err)
{
        return need_cgroup(c, err) < 0 ? -1 : cgroup_freeze(c->cgroup, false, err);
}

bool runtime_is_paused(struct runtime_container *c)
{
        return c->cgroup && cgroup_is_frozen(c->cgroup);
}

int runtime_update(struct runtime_container *c, const struct oci_resources *resources, struct error *err)
{
        return need_cgroup(c, err) < 0 ? -1 : cgroup_apply(c->cgroup, resources, false, err);
}

int runtime_pids(struct runtime_container *c, pid_t **ret_pids, size_t *ret_count, struct error *err)
{
        return need_cgroup(c, err) < 0 ? -1 : cgroup_pids(c->cgroup, ret_pids, ret_count, err);
}

/* The container's own process may be waited for by nobody else: it is reaped here if it is ours. */
static void end_init(struct runtime_container *c)
{
        siginfo_t info;

        if (c->pid <= 0 || c->pidfd < 0)
                return;
        if (syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0) < 0)
                return;
        while (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED) < 0 && errno == EINTR)
                ;
}

int runtime_delete(struct runtime_container *c, const struct oci_spec *spec, const char *bundle, struct error *err)
{
        cleanup_error struct error ignored = {};
        int r = 0;

        end_init(c);
        if (c->cgroup) {
                cgroup_freeze(c->cgroup, false, NULL);
                cgroup_kill(c->cgroup, SIGKILL, NULL);
                r = cgroup_remove(c->cgroup, err);
        }
        if (spec)
                hooks_run(spec, HOOK_POSTSTOP, c->id, 0, bundle, &ignored);
        runtime_container_free(c);
        return r;
}
