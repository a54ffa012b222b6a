/* As a subreaper the shim inherits what its container leaves (containers in the host's pid namespace do): everything is
 * reaped; what is known is told to whom it concerns. */
#include "shim/shim-internal.h"

#include "base/fd.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

static struct exec *exec_of(struct shim *shim, pid_t pid)
{
        for (struct exec *exec = shim->execs; exec; exec = exec->next)
                if (exec->state.running && exec->process.pid == pid)
                        return exec;
        return NULL;
}

void reap_all(struct shim *shim)
{
        for (;;) {
                siginfo_t info = { 0 };
                struct exec *exec;
                int code;

                if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
                        return;
                code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
                exec = exec_of(shim, info.si_pid);
                if (exec)
                        exec_exited(exec, code);
                else if (shim->container && shim->phase == SHIM_RUNNING && shim->container->pid == info.si_pid)
                        shim_container_exited(shim, code);
        }
}

static void ready(uint32_t events, void *data)
{
        struct shim *shim = data;
        struct signalfd_siginfo info;

        (void)events;
        while (read(shim->signals, &info, sizeof(info)) > 0)
                ;
        reap_all(shim);
}

int reap_open(struct shim *shim, struct error *err)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
                return error_errno(err, "reaper");
        shim->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (shim->signals < 0)
                return error_errno(err, "signalfd");
        return loop_add(&shim->loop, &shim->signal_source, shim->signals, EPOLLIN, ready, shim, err);
}
