#include "shim/client.h"

#include "base/fd.h"
#include "base/socket.h"
#include "base/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int fail_from_errno(struct error *err, int errnum, const char *what)
{
        error_set(err, ERROR_UNAVAILABLE, "shim: %s: %s", what, strerror(errnum));
        if (err)
                err->errnum = errnum;
        return -1;
}

/* Two more are the DNS server's. */
#define SHIM_PORTS_MAX (SPAWN_MAX_FDS - SHIM_FD_PORTS - 2)
/* One more is for a message's memfd. */
#define SHIM_PORTS_LIVE_MAX (SOCKET_MAX_FDS - 1)

int shim_spawn(const struct shim_spawn_options *options, struct error *err)
{
        cleanup_close int control = -1;
        int fds[SPAWN_MAX_FDS], code;
        struct spawn_options child = { .program = options->program, .fds = fds, .new_session = true };
        char *argv[] = { (char *)"davit-shim", (char *)options->container_dir, NULL };
        char *env[] = { NULL };
        pid_t pid;

        if (options->n_ports > SHIM_PORTS_MAX)
                return error_set(err, ERROR_INVALID, "too many published ports for one container (at most %d)",
                                 SHIM_PORTS_MAX);
        control = unix_listen(options->socket, SOCK_SEQPACKET, 0600, err);
        if (control < 0)
                return error_context(err, "shim");
        fds[0] = fds[1] = -1;
        fds[2] = options->keep_stderr ? STDERR_FILENO : -1;
        fds[SHIM_FD_CONTROL] = control;
        fds[SHIM_FD_NETNS] = options->netns_fd;
        for (size_t i = 0; i < options->n_ports; i++)
                fds[SHIM_FD_PORTS + i] = options->port_fds[i];
        child.n_fds = SHIM_FD_PORTS + options->n_ports;
        for (size_t i = 0; options->dns_fds && i < 2; i++)
                fds[child.n_fds++] = options->dns_fds[i];
        child.argv = argv;
        child.env = env;
        child.directory = "/";
        if (spawn(&child, &pid, NULL, err) < 0)
                return -1;
        /* The child forks and ends as soon as its own child has taken over. */
        if (spawn_wait(pid, &code, err) < 0)
                return -1;
        if (code != 0)
                return error_set(err, ERROR_SYSTEM, "davit-shim failed with code %d", code);
        return 0;
}

int shim_connect(const char *socket, struct error *err)
{
        cleanup_error struct error why = { 0 };
        int fd = unix_connect(socket, SOCK_SEQPACKET, &why);

        if (fd >= 0)
                return fd;
        return fail_from_errno(err, why.errnum, "connect");
}

/* Sends a request, reads the reply. On success `reply` is the caller's to free. */
static int call(int shim, const struct shim_request *request, const int *fds, size_t n_fds,
                struct shim_reply *reply, struct error *err)
{
        cleanup_error struct error why = { 0 };
        int r;

        if (shim_message_send(shim, &shim_request_table, request, fds, n_fds) < 0)
                return fail_from_errno(err, errno, "send");
        r = shim_message_receive(shim, &shim_reply_table, reply, NULL, NULL, &why);
        if (r > 0 && reply->kind == ERROR_NONE)
                return 0;
        if (r > 0) {
                error_set(err, (enum error_kind)reply->kind, "%s", reply->message ? reply->message : "");
                if (err) {
                        err->errnum = reply->errnum;
                        err->exit_code = reply->exit_code;
                }
        } else if (r == 0) {
                fail_from_errno(err, EPIPE, "ended");
        } else if (why.kind == ERROR_SYSTEM) {
                fail_from_errno(err, why.errnum, "receive");
        } else {
                error_move(err, &why);
        }
        json_free_fields(&shim_reply_table, reply);
        return -1;
}

static int call_with_fds(int shim, const struct shim_request *request, const int *fds, size_t n_fds,
                         struct error *err)
{
        struct shim_reply reply = { 0 };

        if (call(shim, request, fds, n_fds, &reply, err) < 0)
                return -1;
        json_free_fields(&shim_reply_table, &reply);
        return 0;
}

static int call_simple(int shim, const struct shim_request *request, struct error *err)
{
        return call_with_fds(shim, request, NULL, 0, err);
}

int shim_start(int shim, int *ret_pid, struct error *err)
{
        struct shim_request request = { .type = (char *)"start" };
        struct shim_reply reply = { 0 };

        if (call(shim, &request, NULL, 0, &reply, err) < 0)
                return -1;
        if (ret_pid)
                *ret_pid = reply.pid;
        json_free_fields(&shim_reply_table, &reply);
        return 0;
}

/* Input that was read before the hand-over travels in a memfd. Returns -1 when there is none. */
static int pending_open(const void *pending, size_t len, struct error *err)
{
        cleanup_close int fd = -1;

        fd = memfd_create("pending", MFD_CLOEXEC);
        if (fd < 0 || fd_write_all(fd, pending, len) < 0 || lseek(fd, 0, SEEK_SET) < 0)
                return error_errno(err, "pending input");
        return take_fd(fd);
}

/* A call with a client's socket and what was read from it too early. */
static int call_with_client(int shim, const struct shim_request *request, int client, const void *pending,
                            size_t pending_len, struct shim_reply *reply, struct error *err)
{
        cleanup_close int memfd = -1;
        int fds[2] = { client, -1 };

        if (pending_len > 0 && (memfd = pending_open(pending, pending_len, err)) < 0)
                return -1;
        fds[1] = memfd;
        return call(shim, request, fds, client < 0 ? 0 : memfd < 0 ? 1 : 2, reply, err);
}

int shim_attach(int shim, const struct shim_attach_options *options, int client, const void *pending,
                size_t pending_len, struct error *err)
{
        struct shim_request request = {
                .type = (char *)"attach",
                .use_stdin = options->use_stdin,
                .use_stdout = options->use_stdout,
                .use_stderr = options->use_stderr,
                .logs = options->logs,
                .detach_keys = (char *)options->detach_keys,
        };
        struct shim_reply reply = { 0 };

        if (call_with_client(shim, &request, client, pending, pending_len, &reply, err) < 0)
                return -1;
        json_free_fields(&shim_reply_table, &reply);
        return 0;
}

int shim_ports(int shim, const struct shim_port *ports, size_t n_ports, const int *fds, struct error *err)
{
        struct shim_request request = { .type = (char *)"ports",
                                        .ports = (struct shim_port *)ports,
                                        .n_ports = n_ports };

        if (n_ports > SHIM_PORTS_LIVE_MAX)
                return error_set(err, ERROR_INVALID,
                                 "too many published ports to be moved to another network (at most %d)",
                                 SHIM_PORTS_LIVE_MAX);
        return call_with_fds(shim, &request, fds, n_ports, err);
}

int shim_dns(int shim, const char *directory, const int fds[2], struct error *err)
{
        struct shim_request request = { .type = (char *)"dns", .dns_directory = (char *)directory };

        return call_with_fds(shim, &request, fds, 2, err);
}

int shim_exec_create(int shim, const char *exec_id, const struct shim_exec_config *config, struct error *err)
{
        struct shim_request request = {
                .type = (char *)"exec-create",
                .exec_id = (char *)exec_id,
                .exec = (struct shim_exec_config *)config,
        };

        return call_simple(shim, &request, err);
}

int shim_exec_start(int shim, const char *exec_id, int client, const void *pending, size_t pending_len,
                    int height, int width, const char *detach_keys, int *ret_pid, struct error *err)
{
        struct shim_request request = {
                .type = (char *)"exec-start",
                .exec_id = (char *)exec_id,
                .height = height,
                .width = width,
                .detach_keys = (char *)detach_keys,
        };
        struct shim_reply reply = { 0 };

        if (call_with_client(shim, &request, client, pending, pending_len, &reply, err) < 0)
                return -1;
        if (ret_pid)
                *ret_pid = reply.pid;
        json_free_fields(&shim_reply_table, &reply);
        return 0;
}

int shim_exec_resize(int shim, const char *exec_id, int height, int width, struct error *err)
{
        struct shim_request request = {
                .type = (char *)"resize",
                .exec_id = (char *)exec_id,
                .height = height,
                .width = width,
        };

        return call_simple(shim, &request, err);
}

int shim_exec_inspect(int shim, const char *exec_id, struct shim_exec_state *ret, struct error *err)
{
        struct shim_request request = { .type = (char *)"exec-inspect", .exec_id = (char *)exec_id };
        struct shim_reply reply = { 0 };

        if (call(shim, &request, NULL, 0, &reply, err) < 0)
                return -1;
        if (!reply.exec) {
                json_free_fields(&shim_reply_table, &reply);
                return error_set(err, ERROR_SYSTEM, "shim: exec-inspect: no record");
        }
        *ret = *reply.exec;
        free(take_ptr(reply.exec));
        json_free_fields(&shim_reply_table, &reply);
        return 0;
}

void shim_exec_state_deinit(struct shim_exec_state *state)
{
        json_free_fields(&shim_exec_state_table, state);
}

void shim_exec_config_deinit(struct shim_exec_config *config)
{
        json_free_fields(&shim_exec_config_table, config);
}

int shim_resize(int shim, int height, int width, struct error *err)
{
        struct shim_request request = { .type = (char *)"resize", .height = height, .width = width };

        return call_simple(shim, &request, err);
}

int shim_signal(int shim, int signal, bool manual, struct error *err)
{
        struct shim_request request = { .type = (char *)"signal", .signal = signal, .manual = manual };

        return call_simple(shim, &request, err);
}

int shim_stop(int shim, int signal, int64_t timeout, struct error *err)
{
        struct shim_request request = { .type = (char *)"stop", .signal = signal, .timeout = timeout };

        return call_simple(shim, &request, err);
}

int shim_pause(int shim, struct error *err)
{
        struct shim_request request = { .type = (char *)"pause" };

        return call_simple(shim, &request, err);
}

int shim_unpause(int shim, struct error *err)
{
        struct shim_request request = { .type = (char *)"unpause" };

        return call_simple(shim, &request, err);
}

int shim_update(int shim, json_object *resources, const struct restart_policy *restart, struct error *err)
{
        struct shim_request request = {
                .type = (char *)"update",
                .resources = resources,
                .restart = (struct restart_policy *)restart,
        };

        return call_simple(shim, &request, err);
}

int shim_state(int shim, struct container_state *ret, struct error *err)
{
        struct shim_request request = { .type = (char *)"state" };
        struct shim_reply reply = { 0 };

        if (call(shim, &request, NULL, 0, &reply, err) < 0)
                return -1;
        if (!reply.state) {
                json_free_fields(&shim_reply_table, &reply);
                return error_set(err, ERROR_SYSTEM, "shim: state: no record");
        }
        *ret = *reply.state;
        free(take_ptr(reply.state));
        json_free_fields(&shim_reply_table, &reply);
        return 0;
}

int shim_subscribe(int shim, struct error *err)
{
        struct shim_request request = { .type = (char *)"subscribe" };

        if (call_simple(shim, &request, err) < 0)
                return -1;
        if (fd_set_nonblocking(shim, true) < 0)
                return error_errno(err, "shim connection");
        return 0;
}

int shim_event_receive(int shim, struct shim_event *ret, struct error *err)
{
        cleanup_error struct error why = { 0 };
        int r = shim_message_receive(shim, &shim_event_table, ret, NULL, NULL, &why);

        if (r > 0)
                return 1;
        if (r == 0)
                return fail_from_errno(err, EPIPE, "ended");
        if (why.kind == ERROR_SYSTEM && (why.errnum == EAGAIN || why.errnum == EWOULDBLOCK))
                return 0;
        if (why.kind == ERROR_SYSTEM)
                return fail_from_errno(err, why.errnum, "receive");
        return error_move(err, &why);
}

void shim_event_deinit(struct shim_event *event)
{
        json_free_fields(&shim_event_table, event);
}

/* A pidfd first, the start time after: so that the process we signal is the one that we looked at. */
static void kill_identified(pid_t pid, uint64_t start)
{
        cleanup_close int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

        if (pidfd >= 0 && process_start_time(pid) == start)
                syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}

static void kill_listed(const char *procs)
{
        cleanup_fclose FILE *f = fopen(procs, "re");
        int pid;

        while (f && fscanf(f, "%d", &pid) == 1)
                if (pid > 1 && pid != getpid())
                        kill(pid, SIGKILL);
}

int shim_bury(int container_dirfd, char *const *cgroup_procs, struct error *err)
{
        cleanup_container_state struct container_state state = { 0 };
        char boot_id[37];

        if (container_state_load(container_dirfd, &state, err) < 0)
                return -1;
        if (!container_state_is_up(&state))
                return 0;
        if (boot_id_read(boot_id, err) < 0)
                return -1;
        if (streq(boot_id, state.boot_id)) {
                kill_identified(state.pid, state.pid_start);
                for (size_t i = 0; cgroup_procs && cgroup_procs[i]; i++)
                        kill_listed(cgroup_procs[i]);
        }
        replace_string(&state.status, STATUS_EXITED);
        replace_string(&state.error, "shim died");
        state.pid = state.shim_pid = 0;
        state.pid_start = 0;
        state.exit_code = 137;
        state.finished_at = time_now();
        return container_state_save(container_dirfd, &state, err);
}
