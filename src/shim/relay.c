/* Relays of published ports: a connection that davitd's firewall rules don't lead to the container (from ::1, or
 * without privileges) is accepted here and passed on inside the container's network namespace, by splice. */
#include "shim/shim-internal.h"

#include "base/fd.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define LINKS_MAX 512
#define SPLICE_MAX 65536

/* One direction. */
struct flow {
        int pipe[2];
        size_t held; /* in the pipe */
        bool ended, shut;
};

struct link {
        struct relay *relay;
        int ends[2]; /* the peer's connection, the container's */
        struct loop_source sources[2];
        struct flow flows[2]; /* flows[i] goes from ends[i] to the other */
};

struct relay {
        struct relay *next;
        struct shim *shim;
        const struct shim_port *port;
        int fd;
        struct loop_source source;
        int n_links;
};

static void accept_ready(uint32_t events, void *data);

static void link_free(struct link *link)
{
        struct relay *relay = link->relay;

        for (int i = 0; i < 2; i++) {
                loop_remove(&relay->shim->loop, &link->sources[i]);
                if (link->ends[i] >= 0)
                        close(link->ends[i]);
                for (int j = 0; j < 2; j++)
                        if (link->flows[i].pipe[j] >= 0)
                                close(link->flows[i].pipe[j]);
        }
        free(link);
        relay->n_links--;
        if (relay->source.fd < 0 && relay->fd >= 0)
                loop_add(&relay->shim->loop, &relay->source, relay->fd, EPOLLIN, accept_ready, relay, NULL);
}

/* Moves what can be moved. False when the connection has broken. */
static bool pump(struct flow *flow, int from, int to)
{
        for (;;) {
                ssize_t in = 0, out = 0;

                if (!flow->ended && flow->held < SPLICE_MAX) {
                        in = splice(from, NULL, flow->pipe[1], NULL, SPLICE_MAX - flow->held,
                                    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
                        if (in < 0 && errno != EAGAIN && errno != EINTR)
                                return false;
                        if (in == 0)
                                flow->ended = true;
                        flow->held += in > 0 ? (size_t)in : 0;
                }
                if (flow->held > 0) {
                        out = splice(flow->pipe[0], NULL, to, NULL, flow->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
                        if (out < 0 && errno != EAGAIN && errno != EINTR)
                                return false;
                        flow->held -= out > 0 ? (size_t)out : 0;
                }
                if (in <= 0 && out <= 0)
                        break;
        }
        if (flow->ended && flow->held == 0 && !flow->shut) {
                flow->shut = true;
                shutdown(to, SHUT_WR);
        }
        return true;
}

static void link_ready(uint32_t events, void *data)
{
        struct link *link = data;
        bool gone = (events & EPOLLERR) != 0;

        for (int i = 0; i < 2 && !gone; i++)
                gone = !pump(&link->flows[i], link->ends[i], link->ends[1 - i]);
        if (gone || (link->flows[0].shut && link->flows[1].shut)) {
                link_free(link);
                return;
        }
        for (int i = 0; i < 2; i++) {
                uint32_t wanted = 0;

                if (!link->flows[i].ended && link->flows[i].held < SPLICE_MAX)
                        wanted |= EPOLLIN;
                if (link->flows[1 - i].held > 0)
                        wanted |= EPOLLOUT;
                loop_set_events(&link->relay->shim->loop, &link->sources[i], wanted);
        }
}

/* A socket of the container's namespace: made there, usable here. */
static int connect_inside(struct shim *shim, const struct shim_port *port)
{
        cleanup_close int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd = -1;
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port->container_port) };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port->container_port) };
        bool is_v4 = inet_pton(AF_INET, port->container_ip, &v4.sin_addr) == 1;
        int saved, r = -1;

        if (!is_v4 && inet_pton(AF_INET6, port->container_ip, &v6.sin6_addr) != 1)
                return -1;
        if (home < 0 || (shim->netns >= 0 && setns(shim->netns, CLONE_NEWNET) < 0))
                return -1;
        fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0)
                r = is_v4 ? connect(fd, (struct sockaddr *)&v4, sizeof(v4))
                          : connect(fd, (struct sockaddr *)&v6, sizeof(v6));
        saved = errno;
        if (shim->netns >= 0 && setns(home, CLONE_NEWNET) < 0)
                log_error("relay: back to the host's network: %s", strerror(errno));
        return r == 0 || (fd >= 0 && saved == EINPROGRESS) ? take_fd(fd) : -1;
}

static int link_open(struct relay *relay, int peer, int inside)
{
        struct loop *loop = &relay->shim->loop;
        struct link *link = xcalloc(1, sizeof(*link));

        *link = (struct link){
                .relay = relay,
                .ends = { peer, inside },
                .sources = { { .fd = -1 }, { .fd = -1 } },
                .flows = { { .pipe = { -1, -1 } }, { .pipe = { -1, -1 } } },
        };
        relay->n_links++;
        for (int i = 0; i < 2; i++) {
                /* Nothing is read from the peer before the container's end is connected. */
                uint32_t events = i == 1 ? EPOLLOUT : 0;

                if (pipe2(link->flows[i].pipe, O_CLOEXEC | O_NONBLOCK) < 0 ||
                    loop_add(loop, &link->sources[i], link->ends[i], events, link_ready, link, NULL) < 0) {
                        link_free(link);
                        return -1;
                }
        }
        return 0;
}

static void accept_ready(uint32_t events, void *data)
{
        struct relay *relay = data;
        int peer = accept4(relay->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), inside;

        (void)events;
        if (peer < 0)
                return;
        inside = connect_inside(relay->shim, relay->port);
        if (inside < 0) {
                close(peer);
                return;
        }
        link_open(relay, peer, inside);
        if (relay->n_links >= LINKS_MAX)
                loop_remove(&relay->shim->loop, &relay->source);
}

static int relay_open(struct shim *shim, const struct shim_port *port, int fd, struct error *err)
{
        struct relay *relay = xcalloc(1, sizeof(*relay));

        relay->shim = shim;
        relay->port = port;
        relay->fd = fd;
        relay->source.fd = -1;
        relay->next = shim->relays;
        shim->relays = relay;
        return fd_set_nonblocking(fd, true) < 0
                   ? error_errno(err, "nonblocking")
                   : loop_add(&shim->loop, &relay->source, fd, EPOLLIN, accept_ready, relay, err);
}

int ports_open(struct shim *shim, const int *fds, struct error *err)
{
        shim->port_fds = xmemdup(fds, shim->config.n_ports * sizeof(*fds));
        for (size_t i = 0; i < shim->config.n_ports; i++) {
                const struct shim_port *port = &shim->config.ports[i];

                if (port->relay && streq(port->protocol, "tcp") && !string_empty(port->container_ip) &&
                    relay_open(shim, port, fds[i], err) < 0)
                        return error_context(err, "port %d", port->host_port);
        }
        return 0;
}

void ports_close(struct shim *shim)
{
        if (!shim->port_fds)
                return;
        /* A relay with connections is needed until they end. */
        for (struct relay *relay = shim->relays; relay; relay = relay->next) {
                loop_remove(&shim->loop, &relay->source);
                relay->fd = -1;
                relay->port = NULL;
        }
        for (size_t i = 0; i < shim->config.n_ports; i++)
                close(shim->port_fds[i]);
        free(take_ptr(shim->port_fds));
}

int ports_replace(struct shim *shim, struct shim_port **ports, size_t *count, const int *fds,
                  struct error *err)
{
        ports_close(shim);
        for (size_t i = 0; i < shim->config.n_ports; i++)
                json_free_fields(&shim_port_table, &shim->config.ports[i]);
        free(shim->config.ports);
        shim->config.ports = take_ptr(*ports);
        shim->config.n_ports = *count;
        *count = 0;
        return ports_open(shim, fds, err);
}
