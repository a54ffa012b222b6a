/* One RUN, seen from the engine: a process of its own creates the container (the engine has threads, and must
 * not be the parent of anything), awaits it and reports. Its end of the control socket is also its leash:
 * when the engine dies or the client goes away the socket hangs up, and the container is killed. */
#include "build/build-internal.h"

#include "base/socket.h"
#include "base/spawn.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#define MESSAGE_MAX 65536

static const struct json_field request_fields[] = {
        JSON_FIELD("id", struct step_request, id, JSON_STRING),
        JSON_FIELD("lowers", struct step_request, lowers, JSON_STRV),
        JSON_FIELD("upper", struct step_request, upper, JSON_STRING),
        JSON_FIELD("work", struct step_request, work, JSON_STRING),
        JSON_FIELD("seccomp", struct step_request, seccomp, JSON_STRING),
        JSON_FIELD("has_netns", struct step_request, has_netns, JSON_BOOL),
};
const struct json_table step_request_table = JSON_TABLE(struct step_request, request_fields);

/* What the process said: {"exit": n} or {"error": text, "exit": n}. */
static int read_result(int control, int *ret_code, struct error *err)
{
        cleanup_free char *message = xmalloc(MESSAGE_MAX);
        cleanup_json json_object *result = NULL;
        ssize_t n = fd_read_all(control, message, MESSAGE_MAX);
        const char *text;

        if (n <= 0 || json_parse_text(message, (size_t)n, &result, NULL) < 0)
                return error_set(err, ERROR_SYSTEM, "the process of the step ended without a word");
        text = json_get_string(result, "error");
        *ret_code = (int)json_get_int64(result, "exit", 0);
        if (!text)
                return 0;
        error_set(err, ERROR_INVALID, "%s", text);
        if (err)
                err->exit_code = *ret_code;
        return -1;
}

/* Reads what there is; false at the end. */
static bool drain(int fd, const struct step_output *output)
{
        char buffer[16384];
        ssize_t n = read(fd, buffer, sizeof(buffer));

        if (n < 0)
                return errno == EINTR || errno == EAGAIN;
        if (n > 0)
                output->write(output->arg, buffer, (size_t)n);
        return n > 0;
}

/* Passes output on until both pipes end. A build that was cancelled hangs the leash up. */
static void follow(int out, int control, int cancel_fd, const struct step_output *output)
{
        struct pollfd fds[] = { { out, POLLIN, 0 }, { cancel_fd, POLLIN, 0 } };

        while (fds[0].fd >= 0) {
                if (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return;
                }
                if (fds[1].revents) {
                        shutdown(control, SHUT_WR);
                        fds[1].fd = -1;
                }
                if (fds[0].revents && !drain(out, output))
                        fds[0].fd = -1;
        }
}

int step_process_run(const char *program, const char *dir, int netns, int cancel_fd,
                     const struct step_output *output, int *ret_code, struct error *err)
{
        char *argv[] = { (char *)program, (char *)dir, NULL };
        int control[2], pipe_fds[2], code;
        cleanup_close int ours = -1, theirs = -1, read_end = -1, write_end = -1;
        struct error failure = {};
        pid_t pid;
        int r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0)
                return error_errno(err, "socketpair");
        ours = control[0];
        theirs = control[1];
        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return error_errno(err, "pipe");
        read_end = pipe_fds[0];
        write_end = pipe_fds[1];
        {
                const int fds[] = { -1, write_end, write_end, theirs, netns };
                struct spawn_options options = {
                        .program = program, .argv = argv, .fds = fds, .n_fds = netns >= 0 ? 5 : 4
                };

                if (spawn(&options, &pid, NULL, err) < 0)
                        return -1;
        }
        close(take_fd(write_end));
        close(take_fd(theirs));
        follow(read_end, ours, cancel_fd, output);
        r = read_result(ours, ret_code, &failure);
        spawn_wait(pid, &code, NULL);
        return r < 0 ? error_move(err, &failure) : 0;
}
