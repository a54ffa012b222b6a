/* Theory of operation. The step's container gets a socket of its own with the owner and the mode that the
 * mount asks for: the agent itself answers to its own user only. A thread passes bytes on between the
 * container's connections and the agent. Messages of the agent's protocol are answered one by one, so a
 * connection needs no buffer beyond the bytes at hand; whoever does not take them for SEND_TIMEOUT loses the
 * connection. */
#include "build/ssh.h"

#include "base/fd.h"
#include "base/socket.h"
#include "base/str.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/time.h>

#define CONNECTIONS_MAX 32
#define SEND_TIMEOUT 5

struct ssh_proxy {
        int listener, agent, stop;
        pthread_t thread;
        struct pollfd fds[2 + 2 * CONNECTIONS_MAX]; /* stop, listener, then pairs: container, agent */
        size_t count;
};

static void accept_connection(struct ssh_proxy *p)
{
        const struct timeval timeout = { .tv_sec = SEND_TIMEOUT };
        cleanup_free char *path = string_format("/proc/self/fd/%d", p->agent);
        cleanup_close int client = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC), agent = -1;

        if (client < 0 || p->count + 2 > ARRAY_SIZE(p->fds) ||
            (agent = unix_connect(path, SOCK_STREAM, NULL)) < 0)
                return;
        setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
        setsockopt(agent, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
        p->fds[p->count++] = (struct pollfd){ take_fd(client), POLLIN, 0 };
        p->fds[p->count++] = (struct pollfd){ take_fd(agent), POLLIN, 0 };
}

/* False at the end of a connection. */
static bool pass_on(int from, int to)
{
        char buffer[16384];
        ssize_t n = read(from, buffer, sizeof(buffer));

        if (n < 0)
                return errno == EINTR || errno == EAGAIN;
        return n > 0 && send(to, buffer, (size_t)n, MSG_NOSIGNAL) == n;
}

static void close_pair(struct ssh_proxy *p, size_t first)
{
        close(p->fds[first].fd);
        close(p->fds[first + 1].fd);
        p->fds[first] = p->fds[p->count - 2];
        p->fds[first + 1] = p->fds[p->count - 1];
        p->count -= 2;
}

static void *serve(void *arg)
{
        struct ssh_proxy *p = arg;

        for (;;) {
                if (poll(p->fds, p->count, -1) < 0 && errno != EINTR)
                        return NULL;
                if (p->fds[0].revents)
                        return NULL;
                for (size_t i = p->count; i > 2; i -= 2) {
                        struct pollfd *client = &p->fds[i - 2], *agent = &p->fds[i - 1];

                        if ((client->revents && !pass_on(client->fd, agent->fd)) ||
                            (agent->revents && !pass_on(agent->fd, client->fd)))
                                close_pair(p, i - 2);
                }
                if (p->fds[1].revents)
                        accept_connection(p);
        }
}

static int start(struct ssh_proxy *p, const char *path, uid_t uid, gid_t gid, mode_t mode, struct error *err)
{
        p->listener = unix_listen(path, SOCK_STREAM, mode, err);
        if (p->listener < 0)
                return -1;
        if (lchown(path, uid, gid) < 0)
                return error_errno(err, "%s", path);
        p->stop = eventfd(0, EFD_CLOEXEC);
        if (p->stop < 0)
                return error_errno(err, "eventfd");
        p->fds[p->count++] = (struct pollfd){ p->stop, POLLIN, 0 };
        p->fds[p->count++] = (struct pollfd){ p->listener, POLLIN, 0 };
        if ((errno = pthread_create(&p->thread, NULL, serve, p)))
                return error_errno(err, "pthread_create");
        return 0;
}

static void drop(struct ssh_proxy *p)
{
        while (p->count > 2)
                close_pair(p, p->count - 2);
        if (p->stop >= 0)
                close(p->stop);
        if (p->listener >= 0)
                close(p->listener);
        close(p->agent);
        free(p);
}

int ssh_proxy_new(const char *path, int agent, uid_t uid, gid_t gid, mode_t mode, struct ssh_proxy **ret,
                  struct error *err)
{
        struct ssh_proxy *p;
        int own = fcntl(agent, F_DUPFD_CLOEXEC, 3);

        if (own < 0)
                return error_errno(err, "ssh");
        p = xcalloc(1, sizeof(*p));
        p->agent = own;
        p->stop = p->listener = -1;
        if (start(p, path, uid, gid, mode, err) < 0) {
                drop(p);
                return error_context(err, "ssh");
        }
        *ret = p;
        return 0;
}

void ssh_proxy_free(struct ssh_proxy *p)
{
        const uint64_t one = 1;

        if (!p)
                return;
        (void)!write(p->stop, &one, sizeof(one));
        pthread_join(p->thread, NULL);
        drop(p);
}
