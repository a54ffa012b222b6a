#include "runtime/runtime-internal.h"
#include "base/socket.h"

#include <errno.h>

#define HEADER offsetof(struct sync_message, text)

int sync_send(int fd, enum sync_type type, int number, int send_fd)
{
        struct sync_message m = { .type = type, .number = number };

        return socket_send(fd, &m, HEADER + 1, &send_fd, send_fd >= 0 ? 1 : 0);
}

int sync_send_error(int fd, const struct error *err)
{
        struct sync_message m = { .type = SYNC_ERROR, .kind = err->kind, .errnum = err->errnum, .number = err->exit_code };

        snprintf(m.text, sizeof(m.text), "%s", error_message(err));
        return socket_send(fd, &m, HEADER + strlen(m.text) + 1, NULL, 0);
}

int sync_receive(int fd, struct sync_message *ret, int *ret_fd)
{
        int fds[1];
        size_t n_fds = 1;
        ssize_t n;

        do
                n = socket_receive(fd, ret, sizeof(*ret) - 1, fds, &n_fds, 0);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == ECONNRESET ? 0 : -1;
        if (n == 0)
                return 0;
        if ((size_t)n < HEADER) {
                errno = EBADMSG;
                return -1;
        }
        ((char *)ret)[n] = '\0';
        if (ret_fd)
                *ret_fd = n_fds ? fds[0] : -1;
        else if (n_fds)
                close(fds[0]);
        return 1;
}

int sync_ask(int fd, enum sync_type type, struct error *err)
{
        struct sync_message m;

        if (sync_send(fd, type, 0, -1) < 0)
                return error_errno(err, "ask the runtime");
        if (sync_receive(fd, &m, NULL) != 1 || m.type != SYNC_GO)
                return error_set(err, ERROR_CANCELLED, "the runtime is gone");
        return 0;
}

int fd_raise(int *fd, int min, struct error *err)
{
        int n;

        if (*fd < 0 || *fd >= min)
                return 0;
        n = fcntl(*fd, F_DUPFD_CLOEXEC, min);
        if (n < 0)
                return error_errno(err, "dup");
        close(*fd);
        *fd = n;
        return 0;
}
