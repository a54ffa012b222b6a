/* The container's first process, from clone3 to execve. It runs as a copy of the caller inside the new namespaces, builds the
 * file system, becomes who the spec says, reports SYNC_READY and waits at the gate for SYNC_GO.
 *
 *   user namespace: SYNC_MAPS → the caller writes the id maps and puts us into the cgroup → SYNC_GO → setresuid(0)
 *   cgroup v1: we move ourselves (cgroup_join), then unshare the cgroup namespace
 *   mounts before pivot_root (rootfs.c, mounts.c, dev.c), hooks, pivot_root, masked paths
 *   hostname, sysctls; process_prepare(); gate; startContainer hooks; process_execute() */
#include "runtime/create-internal.h"
#include "runtime/process-internal.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* The caller's handlers die with execve, but ignored and blocked signals would be inherited. */
void signals_reset(void)
{
        sigset_t none;

        for (int i = 1; i < 65; i++) {
                struct sigaction action;

                if (i == SIGKILL || i == SIGSTOP || sigaction(i, NULL, &action) < 0 || action.sa_handler == SIG_DFL)
                        continue;
                signal(i, SIG_DFL);
        }
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
}

static int namespaces_enter(struct init *init, struct error *err)
{
        const struct namespace_plan *plan = init->plan;

        if (init->userns) {
                if (sync_ask(init->sync, SYNC_MAPS, err) < 0)
                        return -1;
                if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
                        return error_errno(err, "become root of the user namespace");
        } else if (init->cgroup && cgroup_join(init->cgroup, err) < 0) {
                return -1;
        }
        if (namespace_plan_join(plan, plan->join & ~(unsigned)(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWTIME), err) < 0)
                return -1;
        if ((plan->create & CLONE_NEWCGROUP) && unshare(CLONE_NEWCGROUP) < 0)
                return error_errno(err, "unshare the cgroup namespace");
        return 0;
}

static void keyring_join(const struct init *init)
{
        char name[96];

        if (init->options->no_new_keyring)
                return;
        snprintf(name, sizeof(name), "_ses.%.80s", init->options->id);
        /* Refused or unknown on some hosts; the container then shares the caller's, as with other runtimes. */
        syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);
}

static int names_set(const struct init *init, struct error *err)
{
        const struct oci_spec *spec = init->spec;

        if (!string_empty(spec->hostname) && sethostname(spec->hostname, strlen(spec->hostname)) < 0)
                return error_errno(err, "sethostname");
        if (!string_empty(spec->domainname) && setdomainname(spec->domainname, strlen(spec->domainname)) < 0)
                return error_errno(err, "setdomainname");
        return 0;
}

/* Made before anything of the image is in sight; on a host pid namespace it shows the host's. */
static int procfs_open(struct init *init, struct error *err)
{
        init->procfd = filesystem_new("proc", "proc", NULL, false, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);
        if (init->procfd < 0 && init->userns) {
                /* The kernel grants a new procfs in a user namespace only where the old one is fully visible. */
                error_clear(err);
                init->procfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (init->procfd < 0)
                        return error_errno(err, "open /proc");
        }
        return init->procfd < 0 ? error_context(err, "procfs") : 0;
}

static int file_system_build(struct init *init, struct error *err)
{
        const struct oci_spec *spec = init->spec;

        if (rootfs_prepare(init, err) < 0 || rootfs_mounts(init, err) < 0 || dev_setup(init, err) < 0 ||
            rootfs_mounts_close(init, err) < 0)
                return -1;
        if ((hooks_any(spec, HOOK_PRESTART) || hooks_any(spec, HOOK_CREATE_RUNTIME)) && sync_ask(init->sync, SYNC_HOOKS, err) < 0)
                return -1;
        if (hooks_run(spec, HOOK_CREATE_CONTAINER, init->options->id, getpid(), init->options->bundle, err) < 0)
                return -1;
        /* The working directory is made while we may still write anywhere. */
        if (spec->process && !string_empty(spec->process->cwd) && spec->process->cwd[0] == '/') {
                int fd = directory_make_in_root(init->rootfd, spec->process->cwd, 0755, err);

                if (fd < 0) {
                        const char *why = process_strerror(err->errnum);

                        error_clear(err);
                        return error_set(err, ERROR_SYSTEM, "mkdir %s: %s", spec->process->cwd, why);
                }
                close(fd);
        }
        if (rootfs_enter(init, err) < 0)
                return -1;
        return rootfs_finish(init, err);
}

/* Waits for SYNC_GO: on the caller's socket, or from whoever connects to the gate's (davit-runtime start). */
static int gate_wait(struct process *p, struct error *err)
{
        struct sync_message m;

        if (sync_send(p->sync, SYNC_READY, 0, -1) < 0)
                return error_errno(err, "report");
        while (p->extra_fd >= 0) {
                int fd = accept4(p->extra_fd, NULL, NULL, SOCK_CLOEXEC);

                if (fd < 0 && errno == EINTR)
                        continue;
                if (fd < 0)
                        return error_errno(err, "accept");
                close(p->sync);
                p->sync = fd;
                if (sync_receive(fd, &m, NULL) == 1 && m.type == SYNC_GO) {
                        close(p->extra_fd);
                        p->extra_fd = -1;
                        return 0;
                }
        }
        if (sync_receive(p->sync, &m, NULL) != 1 || m.type != SYNC_GO)
                _exit(1);
        return 0;
}

static int process_run(struct init *init, struct error *err)
{
        const struct runtime_options *o = init->options;
        struct process p = {
                .spec = init->spec->process,
                .lin = init->spec->linux_config,
                .stdio = { o->stdio[0], o->stdio[1], o->stdio[2] },
                .devnull = init->devnull,
                .procfd = init->procfd,
                .preserve_fds = o->preserve_fds,
                .n_preserve_fds = o->n_preserve_fds,
                .seccomp = init->seccomp,
                .sync = init->sync,
                .extra_fd = o->gate_listener,
        };
        int r;

        if (p.spec->terminal) {
                if (console_take(init->console_slave, p.spec->console_size, err) < 0)
                        return -1;
                p.stdio[0] = p.stdio[1] = p.stdio[2] = init->console_slave;
        }
        r = process_prepare(&p, err);
        init->sync = p.sync;
        if (r < 0)
                return error_context(err, "error during container init");
        /* After the change of user, which clears it: a container does not outlive its shim. */
        if (!o->outlives && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return error_errno(err, "prctl PR_SET_PDEATHSIG");
        r = gate_wait(&p, err);
        init->sync = p.sync;
        if (r < 0)
                return -1;
        if (hooks_run(init->spec, HOOK_START_CONTAINER, o->id, getpid(), o->bundle, err) < 0)
                return -1;
        return process_execute(&p, err);
}

static int init_steps(struct init *init, struct error *err)
{
        const struct oci_linux *lin = init->spec->linux_config;
        unsigned own = init->plan->create | init->plan->join;

        if (setsid() < 0)
                return error_errno(err, "setsid");
        if (namespaces_enter(init, err) < 0)
                return -1;
        keyring_join(init);
        init->devnull = devnull_open(err);
        if (init->devnull < 0)
                return -1;
        if (init->userns) {
                init->host_dev = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (init->host_dev < 0)
                        return error_errno(err, "open /dev");
        }
        if (procfs_open(init, err) < 0 || names_set(init, err) < 0)
                return -1;
        if (own & CLONE_NEWNS && file_system_build(init, err) < 0)
                return -1;
        if (lin && sysctl_apply(init->procfd, init->spec, own, err) < 0)
                return -1;
        return 0;
}

int init_main(void *argument, int sync, struct error *err)
{
        struct init *init = argument;

        init->sync = sync;
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        signals_reset();
        if (fd_raise(&init->sync, 10, err) < 0)
                return -1;
        if (init_steps(init, err) < 0)
                error_context(err, "error during container init");
        else
                process_run(init, err);
        sync_send_error(init->sync, err);
        _exit(1);
}

/* In the intermediate process, when something must be joined before the container's process exists. */
int init_before(void *argument, struct error *err)
{
        struct init *init = argument;
        const struct oci_linux *lin = init->spec->linux_config;

        if (namespace_plan_join(init->plan, CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWTIME, err) < 0)
                return -1;
        if (init->plan->create & CLONE_NEWTIME) {
                if (unshare(CLONE_NEWTIME) < 0)
                        return error_errno(err, "unshare the time namespace");
                if (lin && time_offsets_write(lin, err) < 0)
                        return -1;
        }
        return 0;
}
