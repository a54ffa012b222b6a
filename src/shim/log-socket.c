#include "shim/log-socket.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>

/* A receiver that is slow for longer costs messages, not the shim. */
#define SEND_TIMEOUT_MS 1000

void log_socket_prepare(int fd, const struct log_options *options)
{
        int size = (int)MIN(options->buffer_size, (int64_t)INT_MAX / 2);

        /* Beyond the host's limit only with CAP_NET_ADMIN. */
        if (options->non_blocking && setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
                setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

int log_socket_send(int fd, bool non_blocking, const char *data, size_t len, struct error *err)
{
        struct pollfd wait = { fd, POLLOUT, 0 };
        size_t done = 0;

        while (done < len) {
                ssize_t n = send(fd, data + done, len - done, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n >= 0)
                        done += (size_t)n;
                else if (errno == EAGAIN && !(non_blocking && done == 0) && poll(&wait, 1, SEND_TIMEOUT_MS) > 0)
                        continue;
                else if (errno != EINTR)
                        return error_errno(err, "send");
        }
        return 0;
}
