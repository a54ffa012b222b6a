#include "runtime/runtime-internal.h"

#include <errno.h>
#include <linux/sched.h>
#include <sys/socket.h>
#include <sys/wait.h>

static pid_t clone_child(unsigned long flags, int into_cgroup, int *ret_pidfd)
{
        struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };

        if (flags & CLONE_PARENT)
                args.exit_signal = 0;
        if (ret_pidfd) {
                args.flags |= CLONE_PIDFD;
                args.pidfd = (uint64_t)(uintptr_t)ret_pidfd;
        }
        if (into_cgroup >= 0) {
                args.flags |= CLONE_INTO_CGROUP;
                args.cgroup = (uint64_t)into_cgroup;
        }
        return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

int pidfd_of(pid_t pid)
{
        return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* The child's life: everything that goes wrong is told through the socket. */
__attribute__((noreturn)) static void child_run(const struct launch *l, int sync)
{
        struct error err = {};

        if (l->main(l->argument, sync, &err) < 0)
                sync_send_error(sync, &err);
        _exit(1);
}

__attribute__((noreturn)) static void intermediate_run(const struct launch *l, int sync)
{
        struct error err = {};
        pid_t pid;

        if (l->before(l->argument, &err) < 0) {
                sync_send_error(sync, &err);
                _exit(1);
        }
        pid = clone_child(l->create | CLONE_PARENT, l->into_cgroup, NULL);
        if (pid < 0 && l->into_cgroup >= 0 && (errno == EBUSY || errno == ENOENT))
                pid = clone_child(l->create | CLONE_PARENT, -1, NULL);
        if (pid == 0)
                child_run(l, sync);
        if (pid < 0) {
                error_errno(&err, "clone");
                sync_send_error(sync, &err);
                _exit(1);
        }
        sync_send(sync, SYNC_PID, pid, -1);
        _exit(0);
}

int launch(const struct launch *l, pid_t *ret_pid, int *ret_pidfd, pid_t *ret_intermediate, int *ret_sync,
           struct error *err)
{
        int pair[2], pidfd = -1;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return error_errno(err, "socketpair");
        pid = l->before ? clone_child(0, -1, NULL) : clone_child(l->create, l->into_cgroup, &pidfd);
        if (pid == 0) {
                close(pair[0]);
                if (l->before)
                        intermediate_run(l, pair[1]);
                child_run(l, pair[1]);
        }
        if (pid < 0)
                error_errno(err, "clone");
        close(pair[1]);
        if (pid < 0) {
                close(pair[0]);
                return -1;
        }
        *ret_pid = l->before ? -1 : pid;
        *ret_pidfd = pidfd;
        *ret_intermediate = l->before ? pid : -1;
        *ret_sync = pair[0];
        return 0;
}
