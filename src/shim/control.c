/* The control socket: requests of davitd and what answers them. */
#include "shim/shim-internal.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/socket.h"
#include "base/time.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* What a request brought. Descriptors that a handler keeps are taken (-1 is left behind). */
struct call {
        struct shim *shim;
        struct connection *connection;
        struct shim_request *request;
        int fds[SOCKET_MAX_FDS]; /* of a call with a client: its socket, and what was read from it too early
                                  */
        size_t n_fds;
        struct shim_reply reply;
        bool no_reply;   /* it comes later */
        bool end;        /* after the reply the shim has nothing to live for */
};

enum { CALL_CLIENT, CALL_PENDING };

static void connection_free(struct connection *connection)
{
        struct shim *shim = connection->shim;

        for (struct connection **p = &shim->connections; *p; p = &(*p)->next) {
                if (*p == connection) {
                        *p = connection->next;
                        break;
                }
        }
        loop_remove(&shim->loop, &connection->source);
        close(connection->fd);
        free(connection);
}

/* --- handlers --- */

static int handle_start(struct call *call, struct error *err)
{
        if (shim_container_start(call->shim, err) < 0) {
                call->end = call->shim->phase == SHIM_WAITING;
                return -1;
        }
        call->reply.pid = call->shim->state.pid;
        return 0;
}

static int pending_read(int fd, struct strbuf *out, struct error *err)
{
        cleanup_free char *data = NULL;
        size_t len;

        if (fd < 0)
                return 0;
        if (fd_read_file(fd, SHIM_MEMFD_MAX, &data, &len, err) < 0)
                return -1;
        strbuf_add(out, data, len);
        return 0;
}

static int handle_attach(struct call *call, struct error *err)
{
        cleanup_strbuf struct strbuf pending = { 0 };
        struct shim *shim = call->shim;
        const struct shim_request *request = call->request;
        const struct log_read_options replay = {
                .driver = shim->config.log_driver,
                .path = shim->config.log_path,
                .tail = -1,
                .since = TIME_ZERO,
                .until = TIME_ZERO,
                .use_stdout = request->use_stdout,
                .use_stderr = request->use_stderr,
                .follow = true,
        };
        struct attach_options options = {
                .use_stdin = request->use_stdin && shim->config.open_stdin,
                .use_stdout = request->use_stdout,
                .use_stderr = request->use_stderr,
                .detach_keys = request->detach_keys,
                .replay = request->logs ? &replay : NULL,
        };

        if (call->fds[CALL_CLIENT] < 0)
                return error_set(err, ERROR_INVALID, "attach: no client");
        if (shim->phase == SHIM_ENDED)
                return error_set(err, ERROR_CONFLICT, "container is not running");
        if (pending_read(call->fds[CALL_PENDING], &pending, err) < 0 ||
            streams_attach(&shim->streams, &options, call->fds[CALL_CLIENT], &pending, err) < 0)
                return -1;
        call->fds[CALL_CLIENT] = -1;
        return 0;
}

static int handle_exec_create(struct call *call, struct error *err)
{
        if (!call->request->exec)
                return error_set(err, ERROR_INVALID, "exec-create: no configuration");
        return exec_create(call->shim, call->request->exec_id, call->request->exec, err);
}

static int need_exec(struct call *call, struct exec **ret, struct error *err)
{
        *ret = exec_find(call->shim, call->request->exec_id);
        if (!*ret)
                return error_set(err, ERROR_NOT_FOUND, "No such exec instance: %s",
                                 call->request->exec_id ? call->request->exec_id : "");
        return 0;
}

static int handle_exec_start(struct call *call, struct error *err)
{
        cleanup_strbuf struct strbuf pending = { 0 };
        struct exec *exec;

        if (need_exec(call, &exec, err) < 0 || pending_read(call->fds[CALL_PENDING], &pending, err) < 0)
                return -1;
        if (call->request->height > 0) {
                exec->state.config.height = call->request->height;
                exec->state.config.width = call->request->width;
        }
        if (exec_start(exec, call->fds[CALL_CLIENT], &pending, call->request->detach_keys, err) < 0)
                return -1;
        call->fds[CALL_CLIENT] = -1;
        call->reply.pid = exec->state.pid;
        return 0;
}

static int handle_exec_inspect(struct call *call, struct error *err)
{
        struct exec *exec;

        if (need_exec(call, &exec, err) < 0)
                return -1;
        call->reply.exec = &exec->state;
        return 0;
}

static int handle_resize(struct call *call, struct error *err)
{
        const struct shim_request *request = call->request;
        struct streams *streams = &call->shim->streams;
        struct exec *exec;

        if (request->exec_id) {
                if (need_exec(call, &exec, err) < 0)
                        return -1;
                if (!exec->state.running)
                        return error_set(err, ERROR_CONFLICT, "exec %s is not running", request->exec_id);
                streams = &exec->streams;
        } else if (call->shim->phase != SHIM_RUNNING) {
                return error_set(err, ERROR_CONFLICT, "container %s is not running", call->shim->config.id);
        }
        if (!streams->tty || streams->out < 0)
                return 0; /* as Docker: no terminal, nothing to do */
        return runtime_console_resize(streams->out, (unsigned)request->height, (unsigned)request->width, err);
}

static int handle_stop(struct call *call, struct error *err)
{
        /* Before it acts: the end may be told at once. */
        call->connection->waits_for_end = true;
        if (shim_container_stop(call->shim, call->request->signal, call->request->timeout, err) < 0) {
                call->connection->waits_for_end = false;
                return -1;
        }
        call->no_reply = true;
        return 0;
}

static int handle_signal(struct call *call, struct error *err)
{
        /* Between two runs a kill is a stop, and answered as one. */
        if (call->shim->phase == SHIM_RESTARTING && call->request->manual)
                return handle_stop(call, err);
        return shim_container_signal(call->shim, call->request->signal, call->request->manual, err);
}

static int handle_pause(struct call *call, struct error *err)
{
        return shim_container_pause(call->shim, true, err);
}

static int handle_unpause(struct call *call, struct error *err)
{
        return shim_container_pause(call->shim, false, err);
}

static int update_resources(struct shim *shim, json_object *tree, struct error *err)
{
        struct oci_resources resources = { 0 };
        int r = json_bind(&oci_resources_table, tree, &resources, err);

        if (r == 0 && shim->container)
                r = runtime_update(shim->container, &resources, err);
        json_free_fields(&oci_resources_table, &resources);
        return r;
}

static int handle_update(struct call *call, struct error *err)
{
        struct shim *shim = call->shim;

        if (call->request->resources && update_resources(shim, call->request->resources, err) < 0)
                return -1;
        if (call->request->restart) {
                json_free_fields(&restart_policy_table, &shim->config.restart);
                shim->config.restart = (struct restart_policy){ 0 };
                json_copy(&restart_policy_table, call->request->restart, &shim->config.restart);
        }
        return 0;
}

static int handle_state(struct call *call, struct error *err)
{
        struct shim *shim = call->shim;

        (void)err;
        strv_free(take_ptr(shim->state.exec_ids));
        for (struct exec *exec = shim->execs; exec; exec = exec->next)
                if (!exec->ended)
                        strv_append(&shim->state.exec_ids, exec->state.id);
        call->reply.state = &shim->state;
        return 0;
}

static int handle_subscribe(struct call *call, struct error *err)
{
        (void)err;
        call->connection->subscribed = true;
        return 0;
}

/* The descriptors become the callee's. */
static int take_all_fds(struct call *call, size_t expected, struct error *err)
{
        if (call->shim->phase == SHIM_ENDED)
                return error_set(err, ERROR_CONFLICT, "container is not running");
        if (call->n_fds != expected)
                return error_set(err, ERROR_INVALID, "%s: %zu descriptors, %zu expected", call->request->type,
                                 call->n_fds, expected);
        call->n_fds = 0;
        return 0;
}

static int handle_ports(struct call *call, struct error *err)
{
        struct shim_request *request = call->request;

        return take_all_fds(call, request->n_ports, err) < 0
                   ? -1
                   : ports_replace(call->shim, &request->ports, &request->n_ports, call->fds, err);
}

static int handle_dns(struct call *call, struct error *err)
{
        if (string_empty(call->request->dns_directory) || call->shim->dns)
                return error_set(err, ERROR_INVALID, "dns: no directory, or there is a server already");
        return take_all_fds(call, 2, err) < 0
                   ? -1
                   : dns_open(call->shim, call->request->dns_directory, call->fds, err);
}

static const struct {
        const char *type;
        int (*handle)(struct call *call, struct error *err);
} handlers[] = {
        { "start", handle_start },         { "attach", handle_attach },
        { "exec-create", handle_exec_create }, { "exec-start", handle_exec_start },
        { "exec-inspect", handle_exec_inspect }, { "resize", handle_resize },
        { "signal", handle_signal },       { "stop", handle_stop },
        { "pause", handle_pause },         { "unpause", handle_unpause },
        { "update", handle_update },       { "state", handle_state },
        { "subscribe", handle_subscribe },
        { "ports", handle_ports },
        { "dns", handle_dns },
};

static int dispatch(struct call *call, struct error *err)
{
        for (size_t i = 0; i < ARRAY_SIZE(handlers); i++)
                if (streq(handlers[i].type, call->request->type))
                        return handlers[i].handle(call, err);
        return error_set(err, ERROR_INVALID, "unknown request \"%s\"", call->request->type ? call->request->type : "");
}

/* --- connections --- */

static void reply_send(struct connection *connection, struct shim_reply *reply, const struct error *failure)
{
        reply->kind = (int)failure->kind;
        reply->errnum = failure->errnum;
        reply->exit_code = failure->exit_code;
        reply->message = failure->message;
        if (shim_message_send(connection->fd, &shim_reply_table, reply, NULL, 0) < 0)
                log_debug("reply: %s", strerror(errno));
}

/* Answers one request; false when the connection is done. */
static bool serve(struct connection *connection)
{
        cleanup_error struct error failure = { 0 };
        struct shim_request request = { 0 };
        struct call call = { .shim = connection->shim,
                             .connection = connection,
                             .request = &request,
                             .fds = { -1, -1 },
                             .n_fds = SOCKET_MAX_FDS };
        int r = shim_message_receive(connection->fd, &shim_request_table, &request, call.fds, &call.n_fds,
                                     &failure);

        if (r < 0 && (failure.errnum == EAGAIN || failure.errnum == EINTR))
                return true;
        if (r == 0 || (r < 0 && failure.kind == ERROR_SYSTEM))
                return false;
        if (r > 0)
                dispatch(&call, &failure);
        for (size_t i = 0; r > 0 && i < call.n_fds; i++)
                if (call.fds[i] >= 0)
                        close(call.fds[i]);
        json_free_fields(&shim_request_table, &request);
        if (call.no_reply)
                return true; /* the connection may be gone by now */
        reply_send(connection, &call.reply, &failure);
        if (call.end) {
                shim_end(connection->shim);
                return true;
        }
        return true;
}

static void connection_ready(uint32_t events, void *data)
{
        struct connection *connection = data;

        (void)events;
        if (!serve(connection))
                connection_free(connection);
}

static void accept_ready(uint32_t events, void *data)
{
        cleanup_error struct error failure = { 0 };
        struct shim *shim = data;
        struct connection *connection;
        int fd = accept4(shim->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        (void)events;
        if (fd < 0)
                return;
        connection = xcalloc(1, sizeof(*connection));
        connection->shim = shim;
        connection->fd = fd;
        if (loop_add(&shim->loop, &connection->source, fd, EPOLLIN, connection_ready, connection, &failure) < 0) {
                log_warn("%s", error_message(&failure));
                close(fd);
                free(connection);
                return;
        }
        connection->next = shim->connections;
        shim->connections = connection;
}

/* davitd died between spawn and start: nobody will ask for it any more. */
static void never_started(void *data)
{
        struct shim *shim = data;

        if (shim->phase == SHIM_WAITING)
                shim_end(shim);
}

int control_open(struct shim *shim, struct error *err)
{
        loop_timer_set(&shim->loop, &shim->kill_timer, SHIM_START_TIMEOUT, never_started, shim);
        if (fd_set_nonblocking(shim->listener, true) < 0)
                return error_errno(err, "control socket");
        return loop_add(&shim->loop, &shim->listener_source, shim->listener, EPOLLIN, accept_ready, shim, err);
}

void control_event(struct shim *shim, const struct shim_event *event)
{
        struct shim_event stamped = *event;
        struct connection *next;

        stamped.time = time_now();
        for (struct connection *connection = shim->connections; connection; connection = next) {
                next = connection->next;
                /* A watcher that does not take its events has to come again and read state.json. */
                if (connection->subscribed &&
                    shim_message_send(connection->fd, &shim_event_table, &stamped, NULL, 0) < 0)
                        connection_free(connection);
        }
}

void control_answer_waiting(struct shim *shim)
{
        const struct error none = { 0 };

        for (struct connection *connection = shim->connections; connection; connection = connection->next) {
                struct shim_reply reply = { 0 };

                if (connection->waits_for_end)
                        reply_send(connection, &reply, &none);
                connection->waits_for_end = false;
        }
}

void control_close(struct shim *shim)
{
        loop_remove(&shim->loop, &shim->listener_source);
        if (shim->listener >= 0)
                close(take_fd(shim->listener));
        while (shim->connections)
                connection_free(shim->connections);
}
