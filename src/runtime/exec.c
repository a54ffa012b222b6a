/* A further process in a container: joins its namespaces and cgroup, then takes the same last steps as its init. */
#include "runtime/create-internal.h"

#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct joiner {
        struct runtime_container *container;
        const struct runtime_exec_options *options;
        int procfd, devnull;
};

void runtime_exec_options_init(struct runtime_exec_options *o)
{
        memset(o, 0, sizeof(*o));
        o->stdio[0] = o->stdio[1] = o->stdio[2] = -1;
}

/* The intermediate process: what a child must be born into. */
static int join_before(void *argument, struct error *err)
{
        const struct joiner *j = argument;
        unsigned all = j->container->namespaces;

        if (j->container->cgroup && cgroup_join(j->container->cgroup, err) < 0)
                return -1;
        if (all && setns(j->container->pidfd, (int)all) < 0)
                return error_errno(err, "join the container's namespaces");
        if (j->container->userns && (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
                return error_errno(err, "become root of the user namespace");
        return 0;
}

static int console_prepare(const struct joiner *j, int sync, int stdio[3], struct error *err)
{
        int slave = -1;
        cleanup_close int master = console_of_container(&slave, err);

        if (master < 0)
                return -1;
        if (setsid() < 0 && errno != EPERM)
                return error_errno(err, "setsid");
        if (console_take(slave, j->options->process->console_size, err) < 0)
                return -1;
        if (sync_send(sync, SYNC_CONSOLE, 0, master) < 0)
                return error_errno(err, "send the terminal");
        stdio[0] = stdio[1] = stdio[2] = slave;
        return 0;
}

static int join_main(void *argument, int sync, struct error *err)
{
        const struct joiner *j = argument;
        const struct runtime_exec_options *o = j->options;
        struct process p = {
                .spec = o->process, .stdio = { o->stdio[0], o->stdio[1], o->stdio[2] }, .devnull = j->devnull, .procfd = j->procfd,
                .preserve_fds = o->preserve_fds, .n_preserve_fds = o->n_preserve_fds, .seccomp = o->seccomp, .sync = sync, .extra_fd = -1,
        };

        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        signals_reset();
        if (setsid() < 0)
                return error_errno(err, "setsid");
        if (fd_raise(&p.sync, 10, err) < 0)
                return -1;
        if (o->process->terminal && console_prepare(j, p.sync, p.stdio, err) < 0)
                return -1;
        if (process_prepare(&p, err) == 0)
                process_execute(&p, err);
        sync_send_error(p.sync, err);
        _exit(1);
}

static void reap(pid_t pid)
{
        int status;

        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
}

/* Reads until the socket closes, which execve does. */
static int until_executed(int sync, pid_t intermediate, struct runtime_process *ret, struct error *err)
{
        int r;

        for (;;) {
                struct sync_message m;
                int fd = -1;

                r = sync_receive(sync, &m, &fd);
                if (r < 0)
                        return error_errno(err, "read from the process");
                if (r == 0)
                        return ret->pid > 0 ? 0 : error_set(err, ERROR_SYSTEM, "the process ended during its set-up");
                if (m.type == SYNC_PID) {
                        ret->pid = m.number;
                        ret->pidfd = pidfd_of(m.number);
                } else if (m.type == SYNC_CONSOLE) {
                        ret->console = fd;
                } else if (m.type == SYNC_LISTENER && fd >= 0) {
                        close(fd);
                } else if (m.type == SYNC_ERROR) {
                        error_set(err, m.kind, "%s", m.text);
                        if (err) {
                                err->errnum = m.errnum;
                                err->exit_code = m.number ? m.number : process_exit_code(m.text);
                        }
                        return -1;
                }
                (void)intermediate;
        }
}

int runtime_exec(struct runtime_container *c, const struct runtime_exec_options *options, struct runtime_process *ret,
                 struct error *err)
{
        cleanup_close int procfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), devnull = -1, sync = -1;
        struct joiner j = { .container = c, .options = options, .procfd = procfd };
        struct launch l = { .into_cgroup = c->cgroup ? cgroup_v2_fd(c->cgroup) : -1,
                            .before = join_before,
                            .main = join_main,
                            .argument = &j };
        struct runtime_process process = { .pid = -1, .pidfd = -1, .console = -1 };
        pid_t pid, intermediate = -1;
        int pidfd, r;

        if (options->sub_cgroup)
                return error_set(err, ERROR_UNSUPPORTED, "exec into a cgroup below the container's is not supported");
        devnull = devnull_open(err);
        if (devnull < 0)
                return -1;
        j.devnull = devnull;
        if (launch(&l, &pid, &pidfd, &intermediate, &sync, err) < 0)
                return -1;
        r = until_executed(sync, intermediate, &process, err);
        if (intermediate > 0)
                reap(intermediate);
        if (r < 0) {
                if (process.pid > 0) {
                        kill(process.pid, SIGKILL);
                        reap(process.pid);
                }
                if (process.pidfd >= 0)
                        close(process.pidfd);
                if (process.console >= 0)
                        close(process.console);
                return -1;
        }
        *ret = process;
        return 0;
}
