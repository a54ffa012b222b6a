/* The caller's side of a container's creation: cgroup, clone, then answering what the child asks until it is at the gate. */
#include "runtime/create-internal.h"
#include "base/socket.h"

#include <errno.h>
#include <poll.h>
#include <sys/wait.h>

void runtime_options_init(struct runtime_options *o)
{
        memset(o, 0, sizeof(*o));
        o->stdio[0] = o->stdio[1] = o->stdio[2] = -1;
        o->netns_fd = o->gate_listener = -1;
}

void runtime_container_free(struct runtime_container *c)
{
        if (!c)
                return;
        for (int *const *fd = (int *const[]){ &c->pidfd, &c->gate, &c->console, &c->listener, NULL }; *fd; fd++)
                if (**fd >= 0)
                        close(**fd);
        cgroup_free(c->cgroup);
        free(c->id);
        free(c);
}

static int reap(pid_t pid)
{
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -1;
        return status;
}

/* What the specification asks for and the kernel or we don't do is refused before anything is made. */
static int spec_check(const struct runtime_options *o, const struct namespace_plan *plan, struct error *err)
{
        const struct oci_spec *spec = o->spec;
        const struct oci_linux *lin = spec->linux_config;
        bool own_uts = (plan->create | plan->join) & CLONE_NEWUTS;

        if (!spec->process)
                return error_set(err, ERROR_INVALID, "process property must not be empty");
        if (!spec->process->args || !spec->process->args[0])
                return error_set(err, ERROR_INVALID, "args must not be empty");
        if (!string_empty(spec->process->cwd) && spec->process->cwd[0] != '/')
                return error_set(err, ERROR_INVALID, "Cwd must be an absolute path");
        if (!((plan->create | plan->join) & CLONE_NEWNS))
                return error_set(err, ERROR_INVALID, "a container needs a mount namespace");
        if ((!string_empty(spec->hostname) || !string_empty(spec->domainname)) && !own_uts)
                return error_set(err, ERROR_INVALID, "unable to set hostname without a private UTS namespace");
        if (lin && lin->intel_rdt)
                return error_set(err, ERROR_UNSUPPORTED, "intelRdt is not supported");
        if (lin && !string_empty(lin->mount_label))
                return error_set(err, ERROR_UNSUPPORTED, "mountLabel \"%s\": this kernel has no SELinux", lin->mount_label);
        if (lin && (lin->n_uid_mappings || lin->n_gid_mappings) && !((plan->create | plan->join) & CLONE_NEWUSER))
                return error_set(err, ERROR_INVALID, "user namespace mappings specified, but user namespace isn't enabled in the config");
        if ((plan->create & CLONE_NEWUSER) && !(lin && lin->n_uid_mappings && lin->n_gid_mappings))
                return error_set(err, ERROR_INVALID, "user namespaces enabled, but no uid mappings found");
        if (lin && lin->n_time_offsets && !(plan->create & CLONE_NEWTIME))
                return error_set(err, ERROR_INVALID, "time namespace offsets are specified, but time namespace isn't enabled in the config");
        return 0;
}

struct creation {
        const struct runtime_options *options;
        struct namespace_plan plan;
        struct seccomp_program compiled;
        struct init init;
        struct runtime_container *container;
        pid_t intermediate;
};

static int filter_prepare(struct creation *c, struct error *err)
{
        const struct oci_linux *lin = c->options->spec->linux_config;

        if (!lin || !lin->seccomp)
                return 0;
        c->init.seccomp = c->options->seccomp;
        if (c->init.seccomp)
                return 0;
        if (!c->options->seccomp_compile)
                return error_set(err, ERROR_INVALID, "the seccomp rules were not compiled");
        if (c->options->seccomp_compile(lin->seccomp, &c->compiled, err) < 0)
                return -1;
        c->init.seccomp = &c->compiled;
        return 0;
}

static int cgroup_prepare(struct creation *c, struct error *err)
{
        const struct oci_linux *lin = c->options->spec->linux_config;

        if (!lin || string_empty(lin->cgroups_path))
                return 0;
        if (cgroup_create(lin->cgroups_path, c->options->cgroup_shared, &c->container->cgroup, err) < 0)
                return -1;
        c->init.cgroup = c->container->cgroup;
        return cgroup_apply(c->container->cgroup, lin->resources, true, err);
}

/* --- answering the child --------------------------------------------------------------------------------------------------- */

static int answer_maps(struct creation *c, struct error *err)
{
        pid_t pid = c->container->pid;

        if (c->plan.create & CLONE_NEWUSER && user_maps_write(pid, c->options->spec->linux_config, err) < 0)
                return -1;
        if (c->container->cgroup && cgroup_add(c->container->cgroup, pid, err) < 0)
                return -1;
        return sync_send(c->container->gate, SYNC_GO, 0, -1) < 0 ? error_errno(err, "answer the child") : 0;
}

static int answer_hooks(struct creation *c, struct error *err)
{
        const struct runtime_options *o = c->options;

        if (hooks_run(o->spec, HOOK_PRESTART, o->id, c->container->pid, o->bundle, err) < 0 ||
            hooks_run(o->spec, HOOK_CREATE_RUNTIME, o->id, c->container->pid, o->bundle, err) < 0)
                return -1;
        return sync_send(c->container->gate, SYNC_GO, 0, -1) < 0 ? error_errno(err, "answer the child") : 0;
}

static int child_found(struct creation *c, pid_t pid, struct error *err)
{
        c->container->pid = pid;
        c->container->pidfd = pidfd_of(pid);
        if (c->intermediate > 0)
                reap(c->intermediate);
        c->intermediate = -1;
        return c->container->pidfd < 0 ? error_errno(err, "pidfd_open") : 0;
}

/* 1: the child is at the gate; 0: go on. */
static int answer(struct creation *c, const struct sync_message *m, int fd, struct error *err)
{
        switch (m->type) {
        case SYNC_ERROR:
                error_set(err, m->kind, "%s", m->text);
                err->errnum = m->errnum;
                err->exit_code = m->number;
                return -1;
        case SYNC_PID:
                return child_found(c, m->number, err);
        case SYNC_MAPS:
                return answer_maps(c, err);
        case SYNC_HOOKS:
                return answer_hooks(c, err);
        case SYNC_CONSOLE:
                c->container->console = fd;
                return 0;
        case SYNC_READY:
                return 1;
        case SYNC_LISTENER:
        case SYNC_GO:
                break;
        }
        return error_set(err, ERROR_SYSTEM, "unexpected message %d from the container's process", m->type);
}

static int child_ended(struct error *err)
{
        return error_set(err, ERROR_SYSTEM, "the container's process ended during its set-up");
}

/* The child may be at the gate before the intermediate process has told its number. */
static int until_gate(struct creation *c, struct error *err)
{
        bool ready = false;

        while (!ready || c->intermediate > 0) {
                struct sync_message m;
                int fd = -1;
                int r = sync_receive(c->container->gate, &m, &fd);

                if (r < 0)
                        return error_errno(err, "read from the container's process");
                if (r == 0)
                        return child_ended(err);
                if (m.type != SYNC_CONSOLE && fd >= 0)
                        close(fd);
                r = answer(c, &m, fd, err);
                if (r < 0)
                        return -1;
                ready = ready || r > 0;
        }
        return 0;
}

/* --- all of it -------------------------------------------------------------------------------------------------------------- */

static int start_child(struct creation *c, struct error *err)
{
        const struct oci_linux *lin = c->options->spec->linux_config;
        bool userns = (c->plan.create | c->plan.join) & CLONE_NEWUSER;
        bool before = c->plan.join & (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWTIME) ||
                      (c->plan.create & CLONE_NEWTIME && lin && lin->n_time_offsets);
        struct launch l = {
                /* The cgroup namespace comes after the cgroup; a time namespace with offsets is made before the clone. */
                .create = c->plan.create & ~(unsigned)(CLONE_NEWCGROUP | (before ? CLONE_NEWTIME : 0)),
                .into_cgroup = c->container->cgroup && !userns ? cgroup_v2_fd(c->container->cgroup) : -1,
                .before = before ? init_before : NULL,
                .main = init_main,
                .argument = &c->init,
        };

        c->init.options = c->options;
        c->init.spec = c->options->spec;
        c->init.plan = &c->plan;
        c->init.userns = userns;
        c->init.rootfd = c->init.procfd = c->init.devnull = c->init.host_dev = c->init.console_slave = -1;
        return launch(&l, &c->container->pid, &c->container->pidfd, &c->intermediate, &c->container->gate, err);
}

static void give_up(struct creation *c)
{
        struct runtime_container *container = c->container;

        if (container->pid > 0) {
                kill(container->pid, SIGKILL);
                reap(container->pid);
        }
        if (c->intermediate > 0) {
                kill(c->intermediate, SIGKILL);
                reap(c->intermediate);
        }
        if (container->cgroup && !c->options->cgroup_shared) {
                cleanup_error struct error ignored = {};

                cgroup_kill(container->cgroup, SIGKILL, NULL);
                cgroup_remove(container->cgroup, &ignored);
        }
        runtime_container_free(take_ptr(c->container));
}

static int create(struct creation *c, struct error *err)
{
        struct runtime_container *container = c->container;

        if (spec_check(c->options, &c->plan, err) < 0)
                return -1;
        if (filter_prepare(c, err) < 0 || cgroup_prepare(c, err) < 0 || start_child(c, err) < 0 || until_gate(c, err) < 0)
                return error_context(err, "unable to start container process");
        container->namespaces = c->plan.create | c->plan.join;
        container->userns = container->namespaces & CLONE_NEWUSER;
        return 0;
}

int runtime_create(const struct runtime_options *options, struct runtime_container **ret, struct error *err)
{
        struct creation c = { .options = options, .intermediate = -1 };
        int r;

        if (namespace_plan_make(options, &c.plan, err) < 0)
                return -1;
        c.container = xcalloc(1, sizeof(*c.container));
        c.container->id = xstrdup(options->id);
        c.container->pid = -1;
        c.container->pidfd = c.container->gate = c.container->console = c.container->listener = -1;
        r = create(&c, err);
        namespace_plan_deinit(&c.plan);
        seccomp_program_deinit(&c.compiled);
        if (r < 0) {
                if (err && !err->exit_code)
                        err->exit_code = process_exit_code(err->message);
                give_up(&c);
                return -1;
        }
        *ret = c.container;
        return 0;
}

int runtime_start(struct runtime_container *c, struct error *err)
{
        struct sync_message m;
        int fd = -1, r;

        if (c->started || c->gate < 0)
                return error_set(err, ERROR_CONFLICT, "container is already started");
        c->started = true;
        if (sync_send(c->gate, SYNC_GO, 0, -1) < 0)
                return error_errno(err, "the container's process is gone");
        while ((r = sync_receive(c->gate, &m, &fd)) == 1 && m.type == SYNC_LISTENER) {
                if (c->listener >= 0)
                        close(c->listener);
                c->listener = fd;
        }
        close(c->gate);
        c->gate = -1;
        if (r < 0)
                return error_errno(err, "read from the container's process");
        if (r == 0)
                return 0;
        error_set(err, m.kind, "%s", m.text);
        if (err) {
                err->errnum = m.errnum;
                err->exit_code = m.number ? m.number : process_exit_code(m.text);
        }
        return -1;
}

int runtime_poststart(struct runtime_container *c, const struct oci_spec *spec, const char *bundle, struct error *err)
{
        return hooks_run(spec, HOOK_POSTSTART, c->id, c->pid, bundle, err);
}
