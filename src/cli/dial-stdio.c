/* system dial-stdio: our standard input and output as a connection to the engine. What a client runs on this
 * machine through ssh (docker -H ssh://…). */
#include "base/fd.h"
#include "base/socket.h"
#include "cli/command.h"
#include "client/client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* One read, all of it written. 1, 0 at the end, -1. */
static int pass(int from, int to)
{
        char buffer[65536];
        ssize_t n = read(from, buffer, sizeof(buffer));

        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? 1 : -1;
        return n == 0 ? 0 : fd_write_all(to, buffer, (size_t)n) < 0 ? -1 : 1;
}

static int run_dial(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_close int fd = -1;
        struct client *client;
        bool input = true;

        (void)call;
        if (cli_client(cli, &client, err) < 0)
                return -1;
        fd = client_connect(client, err);
        if (fd < 0)
                return -1;
        for (;;) {
                struct pollfd fds[2] = { { .fd = fd, .events = POLLIN },
                                         { .fd = input ? STDIN_FILENO : -1, .events = POLLIN } };

                if (poll(fds, 2, -1) < 0 && errno != EINTR)
                        return error_errno(err, "poll");
                if (fds[1].revents && pass(STDIN_FILENO, fd) <= 0) {
                        input = false;
                        shutdown(fd, SHUT_WR);
                }
                if (fds[0].revents && pass(fd, STDOUT_FILENO) <= 0)
                        return 0;
        }
}

const struct command system_dial_stdio_command = { .name = "dial-stdio",
                                                   .usage = "",
                                                   .summary =
                                                       "Proxy the stdio stream to the daemon connection",
                                                   .hidden = true,
                                                   .run = run_dial };
