#include "shim/protocol.h"

#include "base/fd.h"
#include "base/socket.h"

#include <errno.h>
#include <sys/mman.h>

static const struct json_field exec_config_fields[] = {
        JSON_FIELD("cmd", struct shim_exec_config, cmd, JSON_STRV),
        JSON_FIELD("env", struct shim_exec_config, env, JSON_STRV, JSON_OMIT_EMPTY),
        JSON_FIELD("user", struct shim_exec_config, user, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("workdir", struct shim_exec_config, workdir, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("tty", struct shim_exec_config, tty, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("privileged", struct shim_exec_config, privileged, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("attach_stdin", struct shim_exec_config, attach_stdin, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("attach_stdout", struct shim_exec_config, attach_stdout, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("attach_stderr", struct shim_exec_config, attach_stderr, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("detach_keys", struct shim_exec_config, detach_keys, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("height", struct shim_exec_config, height, JSON_INT, JSON_OMIT_EMPTY),
        JSON_FIELD("width", struct shim_exec_config, width, JSON_INT, JSON_OMIT_EMPTY),
};
const struct json_table shim_exec_config_table = JSON_TABLE(struct shim_exec_config, exec_config_fields);

static const struct json_field exec_state_fields[] = {
        JSON_FIELD("id", struct shim_exec_state, id, JSON_STRING),
        JSON_FIELD_STRUCT("config", struct shim_exec_state, config, JSON_STRUCT, shim_exec_config_table),
        JSON_FIELD("started", struct shim_exec_state, started, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("running", struct shim_exec_state, running, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("finished", struct shim_exec_state, finished, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("exit_code", struct shim_exec_state, exit_code, JSON_INT, JSON_OMIT_EMPTY),
        JSON_FIELD("pid", struct shim_exec_state, pid, JSON_INT, JSON_OMIT_EMPTY),
};
const struct json_table shim_exec_state_table = JSON_TABLE(struct shim_exec_state, exec_state_fields);

static const struct json_field request_fields[] = {
        JSON_FIELD("type", struct shim_request, type, JSON_STRING),
        JSON_FIELD("exec_id", struct shim_request, exec_id, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD_STRUCT("exec", struct shim_request, exec, JSON_STRUCT_PTR, shim_exec_config_table,
                          JSON_OMIT_EMPTY),
        JSON_FIELD("signal", struct shim_request, signal, JSON_INT, JSON_OMIT_EMPTY),
        JSON_FIELD("manual", struct shim_request, manual, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("timeout", struct shim_request, timeout, JSON_INT64, JSON_OMIT_EMPTY),
        JSON_FIELD("height", struct shim_request, height, JSON_INT, JSON_OMIT_EMPTY),
        JSON_FIELD("width", struct shim_request, width, JSON_INT, JSON_OMIT_EMPTY),
        JSON_FIELD("stdin", struct shim_request, use_stdin, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("stdout", struct shim_request, use_stdout, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("stderr", struct shim_request, use_stderr, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("logs", struct shim_request, logs, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("detach_keys", struct shim_request, detach_keys, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("resources", struct shim_request, resources, JSON_RAW, JSON_OMIT_EMPTY),
        JSON_FIELD_STRUCT("restart", struct shim_request, restart, JSON_STRUCT_PTR, restart_policy_table,
                          JSON_OMIT_EMPTY),
        JSON_FIELD_ARRAY("ports", struct shim_request, ports, n_ports, JSON_ARRAY, shim_port_table,
                         JSON_OMIT_EMPTY),
        JSON_FIELD("dns_directory", struct shim_request, dns_directory, JSON_STRING, JSON_OMIT_EMPTY),
};
const struct json_table shim_request_table = JSON_TABLE(struct shim_request, request_fields);

static const struct json_field reply_fields[] = {
        JSON_FIELD("kind", struct shim_reply, kind, JSON_INT, JSON_OMIT_EMPTY),
        JSON_FIELD("errnum", struct shim_reply, errnum, JSON_INT, JSON_OMIT_EMPTY),
        JSON_FIELD("exit_code", struct shim_reply, exit_code, JSON_INT, JSON_OMIT_EMPTY),
        JSON_FIELD("message", struct shim_reply, message, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("pid", struct shim_reply, pid, JSON_INT, JSON_OMIT_EMPTY),
        JSON_FIELD_STRUCT("state", struct shim_reply, state, JSON_STRUCT_PTR, container_state_table,
                          JSON_OMIT_EMPTY),
        JSON_FIELD_STRUCT("exec", struct shim_reply, exec, JSON_STRUCT_PTR, shim_exec_state_table,
                          JSON_OMIT_EMPTY),
};
const struct json_table shim_reply_table = JSON_TABLE(struct shim_reply, reply_fields);

static const struct json_field event_fields[] = {
        JSON_FIELD("event", struct shim_event, event, JSON_STRING),
        JSON_FIELD("time", struct shim_event, time, JSON_INT64),
        JSON_FIELD("pid", struct shim_event, pid, JSON_INT, JSON_OMIT_EMPTY),
        JSON_FIELD("exit_code", struct shim_event, exit_code, JSON_INT, JSON_OMIT_EMPTY),
        JSON_FIELD("oom", struct shim_event, oom, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("restarting", struct shim_event, restarting, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("manual", struct shim_event, manual, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("restart_count", struct shim_event, restart_count, JSON_INT, JSON_OMIT_EMPTY),
        JSON_FIELD("health", struct shim_event, health, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("exec_id", struct shim_event, exec_id, JSON_STRING, JSON_OMIT_EMPTY),
};
const struct json_table shim_event_table = JSON_TABLE(struct shim_event, event_fields);

int shim_message_send(int fd, const struct json_table *table, const void *in, const int *fds, size_t n_fds)
{
        cleanup_json json_object *tree = json_unbind(table, in);
        cleanup_free char *text = json_format(tree);
        cleanup_close int memfd = -1;
        size_t len = strlen(text);
        int all[SOCKET_MAX_FDS];

        if (len <= SHIM_MESSAGE_MAX)
                return socket_send(fd, text, len, fds, n_fds);
        if (n_fds >= SOCKET_MAX_FDS) {
                errno = E2BIG;
                return -1;
        }
        memfd = memfd_create("message", MFD_CLOEXEC);
        if (memfd < 0 || fd_write_all(memfd, text, len) < 0 || lseek(memfd, 0, SEEK_SET) < 0)
                return -1;
        for (size_t i = 0; i < n_fds; i++)
                all[i] = fds[i];
        all[n_fds] = memfd;
        return socket_send(fd, "M", 1, all, n_fds + 1);
}

int shim_message_decode(const char *text, size_t len, const struct json_table *table, void *out,
                        struct error *err)
{
        return json_bind_text(table, text, len, out, err);
}

static void close_all(int *fds, size_t *n_fds)
{
        for (size_t i = 0; i < *n_fds; i++)
                close(fds[i]);
        *n_fds = 0;
}

static int decode_memfd(int memfd, const struct json_table *table, void *out, struct error *err)
{
        cleanup_free char *text = NULL;
        size_t len;

        if (fd_read_file(memfd, SHIM_MEMFD_MAX, &text, &len, err) < 0)
                return error_context(err, "shim message");
        return shim_message_decode(text, len, table, out, err);
}

int shim_message_receive(int fd, const struct json_table *table, void *out, int *fds, size_t *n_fds,
                         struct error *err)
{
        cleanup_free char *text = xmalloc(SHIM_MESSAGE_MAX + 1);
        int all[SOCKET_MAX_FDS];
        size_t n_all = SOCKET_MAX_FDS, room = n_fds ? *n_fds : 0;
        ssize_t n;
        int r;

        do
                n = socket_receive(fd, text, SHIM_MESSAGE_MAX + 1, all, &n_all, 0);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return error_errno(err, "shim message");
        if (n == 0)
                return 0;
        if (n == 1 && text[0] == 'M' && n_all > 0) {
                cleanup_close int memfd = all[--n_all];

                r = decode_memfd(memfd, table, out, err);
        } else {
                r = shim_message_decode(text, (size_t)n, table, out, err);
        }
        if (r < 0) {
                close_all(all, &n_all);
                return -1;
        }
        for (size_t i = 0; i < n_all; i++) {
                if (i < room)
                        fds[i] = all[i];
                else
                        close(all[i]);
        }
        if (n_fds)
                *n_fds = MIN(n_all, room);
        return 1;
}
