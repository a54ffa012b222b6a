/* The container's DNS server at 127.0.0.11 (on user-defined networks).
 *
 * Names of endpoints are answered from davitd's files (network/dns.h), so also while no davitd lives.
 * Everything else goes to the outer servers, one after the other with a second for each, from the host's
 * network namespace. A question that waits is an `exchange`; its answer goes back by UDP to an address or
 * into a TCP client's connection. Everything is bounded: exchanges, clients, and what a client may send. */
#include "shim/shim-internal.h"

#include "base/fd.h"
#include "base/log.h"
#include "network/dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>

#define EXCHANGES_MAX 1024
#define CLIENTS_MAX 64
#define SERVERS_MAX 3
#define SERVER_TIMEOUT (900 * NSEC_PER_MSEC)
#define CLIENT_TIMEOUT (10 * NSEC_PER_SEC)
#define PREFERENCE_TIME (15 * NSEC_PER_SEC)

struct dns_client;

struct dns_server {
        struct shim *shim;
        struct dns_view view;
        struct loop_source udp, tcp;
        size_t preferred; /* the outer server that answered last when one before it did not */
        int64_t preferred_until;
        struct exchange *exchanges;
        struct dns_client *clients;
        size_t n_exchanges, n_clients;
};

/* A TCP client: one question at a time. */
struct dns_client {
        struct dns_client *next;
        struct dns_server *server;
        struct loop_source source;
        struct loop_timer timer;
        struct strbuf in;
        struct exchange *exchange;
};

struct exchange {
        struct exchange *next;
        struct dns_server *server;
        struct dns_client *client; /* NULL: by UDP */
        struct sockaddr_in peer;
        struct dns_query query;
        uint8_t *message;
        size_t len, sent;
        char **servers; /* those of the time when it began */
        size_t first, turn; /* which of them is asked: first, first + 1, … around */
        int fd;
        struct loop_source source;
        struct loop_timer timer;
        struct strbuf in; /* by TCP */
};

static void client_free(struct dns_client *c);
static void exchange_try(struct exchange *x);

static void exchange_close(struct exchange *x)
{
        loop_remove(&x->server->shim->loop, &x->source);
        loop_timer_cancel(&x->server->shim->loop, &x->timer);
        if (x->fd >= 0)
                close(x->fd);
        x->fd = -1;
}

static void exchange_free(struct exchange *x)
{
        exchange_close(x);
        for (struct exchange **at = &x->server->exchanges; *at; at = &(*at)->next)
                if (*at == x) {
                        *at = x->next;
                        break;
                }
        if (x->client)
                x->client->exchange = NULL;
        x->server->n_exchanges--;
        strbuf_deinit(&x->in);
        strv_free(x->servers);
        free(x->message);
        free(x);
}

/* ---- Answers to clients ---- */

static void client_send(struct dns_client *c, const uint8_t *answer, size_t len)
{
        uint8_t head[2] = { (uint8_t)(len >> 8), (uint8_t)len };
        struct iovec parts[2] = { { head, sizeof(head) }, { (void *)answer, len } };
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

        /* A client that doesn't take an answer's few bytes is let go. */
        if (sendmsg(c->source.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)(len + sizeof(head)))
                client_free(c);
}

static void reply(struct dns_server *s, struct dns_client *client, const struct sockaddr_in *peer,
                  const uint8_t *answer, size_t len)
{
        if (client)
                client_send(client, answer, len);
        else
                sendto(s->udp.fd, answer, len, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)peer,
                       sizeof(*peer));
}

/* From what is known here: 1 answered, 0 it is a question for others. */
static int answer_locally(struct dns_server *s, struct dns_client *client, const struct sockaddr_in *peer,
                          const uint8_t *message, const struct dns_query *q)
{
        static uint8_t answer[DNS_MESSAGE_MAX];
        size_t limit = client ? sizeof(answer) : q->udp_size, len = 0, count = 0;
        int family = q->type == DNS_TYPE_A ? AF_INET : q->type == DNS_TYPE_AAAA ? AF_INET6 : AF_UNSPEC;
        struct ip_address *addresses = NULL, address;

        dns_view_refresh(&s->view);
        if (q->type == DNS_TYPE_PTR && dns_reverse_parse(q->name, &address) == 0) {
                cleanup_free char *name = dns_view_reverse(&s->view, &address);

                if (name)
                        len = dns_answer_name(message, q, name, answer, limit);
        } else if (dns_view_find(&s->view, q->name, family, &addresses, &count)) {
                /* A name of ours without a record of that type: an empty answer. */
                if (q->type != DNS_TYPE_A && q->type != DNS_TYPE_AAAA && q->type != DNS_TYPE_ANY)
                        count = 0;
                len = dns_answer_addresses(message, q, addresses, count, answer, limit);
        }
        free(addresses);
        if (len == 0)
                return 0;
        reply(s, client, peer, answer, len);
        return 1;
}

static void refuse(struct dns_server *s, struct dns_client *client, const struct sockaddr_in *peer,
                   const uint8_t *message, const struct dns_query *q, int code)
{
        uint8_t answer[DNS_UDP_SIZE];
        size_t len = dns_answer_begin(message, q, code, answer, sizeof(answer));

        if (len > 0)
                reply(s, client, peer, answer, len);
}

/* ---- Asking others ---- */

static void exchange_fail(struct exchange *x)
{
        struct dns_server *s = x->server;
        struct dns_client *client = x->client;
        struct sockaddr_in peer = x->peer;
        struct dns_query query = x->query;
        uint8_t *message = take_ptr(x->message);

        exchange_free(x);
        refuse(s, client, &peer, message, &query, DNS_SERVER_FAILURE);
        free(message);
}

static void exchange_next(void *data)
{
        struct exchange *x = data;

        exchange_close(x);
        x->turn++;
        exchange_try(x);
}

/* The answer is the client's own question's: same id, and it repeats the question. */
static bool is_answer(const struct exchange *x, const uint8_t *answer, size_t len)
{
        return len >= 12 && answer[0] == x->message[0] && answer[1] == x->message[1] && answer[2] & 0x80;
}

static size_t n_servers(const struct exchange *x)
{
        return MIN(strv_length(x->servers), (size_t)SERVERS_MAX);
}

static void exchange_finish(struct exchange *x, const uint8_t *answer, size_t len)
{
        struct dns_server *s = x->server;
        struct dns_client *client = x->client;
        struct sockaddr_in peer = x->peer;
        int code = answer[3] & 15;

        /* A server that can't doesn't keep the next one from trying. */
        if ((code == DNS_SERVER_FAILURE || code == DNS_NOT_IMPLEMENTED || code == 5) &&
            x->turn + 1 < n_servers(x)) {
                exchange_next(x);
                return;
        }
        if (x->turn > 0 && code != DNS_SERVER_FAILURE) {
                s->preferred = (x->first + x->turn) % n_servers(x);
                s->preferred_until = time_monotonic() + PREFERENCE_TIME;
        }
        exchange_free(x);
        reply(s, client, &peer, answer, len);
}

static void udp_answer(uint32_t events, void *data)
{
        static uint8_t answer[DNS_MESSAGE_MAX];
        struct exchange *x = data;
        ssize_t n = recv(x->fd, answer, sizeof(answer), MSG_DONTWAIT);

        (void)events;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
                exchange_next(x); /* nobody listens there */
        else if (n > 0 && is_answer(x, answer, (size_t)n))
                exchange_finish(x, answer, (size_t)n);
}

static int tcp_write(struct exchange *x)
{
        uint8_t head[2] = { (uint8_t)(x->len >> 8), (uint8_t)x->len };

        while (x->sent < x->len + 2) {
                ssize_t n = x->sent < 2
                                ? send(x->fd, head + x->sent, 2 - x->sent, MSG_NOSIGNAL | MSG_MORE)
                                : send(x->fd, x->message + x->sent - 2, x->len + 2 - x->sent, MSG_NOSIGNAL);

                if (n < 0)
                        return errno == EAGAIN ? 0 : -1;
                x->sent += (size_t)n;
        }
        loop_set_events(&x->server->shim->loop, &x->source, EPOLLIN);
        return 0;
}

/* 1: the whole message is in x->in, behind its length. */
static int tcp_read(struct exchange *x)
{
        uint8_t block[4096];
        ssize_t n = recv(x->fd, block, sizeof(block), MSG_DONTWAIT);
        const uint8_t *data;

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -1;
        if (n == 0)
                return -1;
        strbuf_add(&x->in, block, (size_t)n);
        data = (const uint8_t *)x->in.data;
        return x->in.len >= 2 && x->in.len >= 2 + ((size_t)data[0] << 8 | data[1]);
}

static void tcp_answer(uint32_t events, void *data)
{
        struct exchange *x = data;
        int r = 0;

        if (x->sent < x->len + 2)
                r = events & (EPOLLERR | EPOLLHUP) ? -1 : tcp_write(x);
        else if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
                r = tcp_read(x);
        if (r < 0) {
                exchange_next(x);
        } else if (r > 0) {
                struct strbuf in = x->in;

                x->in = (struct strbuf){ 0 };
                if (is_answer(x, (uint8_t *)in.data + 2, in.len - 2))
                        exchange_finish(x, (uint8_t *)in.data + 2, in.len - 2);
                else
                        exchange_next(x);
                strbuf_deinit(&in);
        }
}

static socklen_t server_address(const char *text, struct sockaddr_storage *ret)
{
        struct sockaddr_in *in = (void *)ret;
        struct sockaddr_in6 *in6 = (void *)ret;

        memset(ret, 0, sizeof(*ret));
        if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
                in->sin_family = AF_INET;
                in->sin_port = htons(53);
                return sizeof(*in);
        }
        if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
                in6->sin6_family = AF_INET6;
                in6->sin6_port = htons(53);
                return sizeof(*in6);
        }
        return 0;
}

static int ask(struct exchange *x, const char *server)
{
        struct loop *loop = &x->server->shim->loop;
        struct sockaddr_storage address;
        socklen_t len = server_address(server, &address);
        bool stream = x->client != NULL;

        if (len == 0)
                return -1;
        x->fd =
            socket(address.ss_family, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (x->fd < 0 || (connect(x->fd, (struct sockaddr *)&address, len) < 0 && errno != EINPROGRESS) ||
            loop_add(loop, &x->source, x->fd, stream ? EPOLLOUT : EPOLLIN, stream ? tcp_answer : udp_answer,
                     x, NULL) < 0)
                return -1;
        x->sent = 0;
        strbuf_clear(&x->in);
        if (!stream && send(x->fd, x->message, x->len, MSG_NOSIGNAL) < 0)
                return -1;
        loop_timer_set(loop, &x->timer, SERVER_TIMEOUT, exchange_next, x);
        return 0;
}

/* Asks the server whose turn it is, or one behind it. */
static void exchange_try(struct exchange *x)
{
        for (; x->turn < n_servers(x); x->turn++) {
                if (ask(x, x->servers[(x->first + x->turn) % n_servers(x)]) == 0)
                        return;
                exchange_close(x);
        }
        exchange_fail(x);
}

static void handle(struct dns_server *s, struct dns_client *client, const struct sockaddr_in *peer,
                   const uint8_t *message, size_t len)
{
        struct dns_query q;
        struct exchange *x;

        if (dns_query_parse(message, len, &q) < 0) {
                if (client)
                        client_free(client);
                return;
        }
        if (answer_locally(s, client, peer, message, &q))
                return;
        if (s->view.no_external || s->n_exchanges >= EXCHANGES_MAX) {
                refuse(s, client, peer, message, &q, DNS_SERVER_FAILURE);
                return;
        }
        x = xcalloc(1, sizeof(*x));
        *x = (struct exchange){ .next = s->exchanges,
                                .server = s,
                                .client = client,
                                .query = q,
                                .message = xmemdup(message, len),
                                .len = len,
                                .servers = strv_copy(dns_view_servers(&s->view)),
                                .fd = -1,
                                .source.fd = -1 };
        /* Not every question waits for a server that is known to be dead. */
        if (s->preferred < n_servers(x) && time_monotonic() < s->preferred_until)
                x->first = s->preferred;
        if (peer)
                x->peer = *peer;
        if (client)
                client->exchange = x;
        s->exchanges = x;
        s->n_exchanges++;
        exchange_try(x);
}

/* ---- Clients ---- */

static void udp_ready(uint32_t events, void *data)
{
        struct dns_server *s = data;
        uint8_t message[4096];
        struct sockaddr_in peer;

        (void)events;
        /* A few at a time, so that the container's output isn't kept waiting. */
        for (int i = 0; i < 16; i++) {
                socklen_t len = sizeof(peer);
                ssize_t n = recvfrom(s->udp.fd, message, sizeof(message), MSG_DONTWAIT,
                                     (struct sockaddr *)&peer, &len);

                if (n < 0)
                        return;
                if (peer.sin_family == AF_INET)
                        handle(s, NULL, &peer, message, (size_t)n);
        }
}

static void client_free(struct dns_client *c)
{
        struct loop *loop = &c->server->shim->loop;
        int fd = c->source.fd;

        if (c->exchange)
                exchange_free(c->exchange);
        loop_timer_cancel(loop, &c->timer);
        loop_remove(loop, &c->source);
        close(fd);
        for (struct dns_client **at = &c->server->clients; *at; at = &(*at)->next)
                if (*at == c) {
                        *at = c->next;
                        break;
                }
        c->server->n_clients--;
        strbuf_deinit(&c->in);
        free(c);
}

static void client_timeout(void *data)
{
        client_free(data);
}

static void client_ready(uint32_t events, void *data)
{
        struct dns_client *c = data;
        uint8_t block[2048];
        ssize_t n = recv(c->source.fd, block, sizeof(block), MSG_DONTWAIT);
        size_t wanted;

        (void)events;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0 || c->in.len + (size_t)n > DNS_MESSAGE_MAX + 2 || c->exchange) {
                client_free(c); /* also one that doesn't wait for its answer */
                return;
        }
        strbuf_add(&c->in, block, (size_t)n);
        wanted = c->in.len < 2 ? 2 : 2 + ((size_t)(uint8_t)c->in.data[0] << 8 | (uint8_t)c->in.data[1]);
        if (c->in.len >= 2 && c->in.len >= wanted) {
                cleanup_free char *message = xmemdup(c->in.data, c->in.len);

                strbuf_clear(&c->in);
                loop_timer_set(&c->server->shim->loop, &c->timer, CLIENT_TIMEOUT, client_timeout, c);
                handle(c->server, c, NULL, (uint8_t *)message + 2, wanted - 2);
        }
}

static void tcp_ready(uint32_t events, void *data)
{
        struct dns_server *s = data;
        int fd = accept4(s->tcp.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        struct dns_client *c;

        (void)events;
        if (fd < 0)
                return;
        c = xcalloc(1, sizeof(*c));
        *c = (struct dns_client){ .next = s->clients, .server = s, .source.fd = -1 };
        if (s->n_clients >= CLIENTS_MAX ||
            loop_add(&s->shim->loop, &c->source, fd, EPOLLIN, client_ready, c, NULL) < 0) {
                close(fd);
                free(c);
                return;
        }
        s->clients = c;
        s->n_clients++;
        loop_timer_set(&s->shim->loop, &c->timer, CLIENT_TIMEOUT, client_timeout, c);
}

/* ---- Open and close ---- */

int dns_open(struct shim *shim, const char *directory, const int fds[2], struct error *err)
{
        struct dns_server *s = xcalloc(1, sizeof(*s));

        *s = (struct dns_server){ .shim = shim, .view.dirfd = -1, .udp.fd = -1, .tcp.fd = -1 };
        s->view.id = xstrdup(shim->config.id);
        s->view.dirfd = directory_open(AT_FDCWD, directory, err);
        if (s->view.dirfd < 0 || loop_add(&shim->loop, &s->udp, fds[0], EPOLLIN, udp_ready, s, err) < 0 ||
            loop_add(&shim->loop, &s->tcp, fds[1], EPOLLIN, tcp_ready, s, err) < 0) {
                loop_remove(&shim->loop, &s->udp);
                close(fds[0]);
                close(fds[1]);
                dns_view_deinit(&s->view);
                free(s);
                return error_context(err, "embedded DNS server");
        }
        shim->dns = s;
        return 0;
}

void dns_close(struct shim *shim)
{
        struct dns_server *s = shim->dns;
        cleanup_free char *own = NULL;

        if (!s)
                return;
        shim->dns = NULL;
        loop_remove(&shim->loop, &s->udp);
        loop_remove(&shim->loop, &s->tcp);
        while (s->clients)
                client_free(s->clients);
        while (s->exchanges)
                exchange_free(s->exchanges);
        /* Our own names go with us, also when no davitd is there to remove them. */
        dns_view_refresh(&s->view);
        for (size_t i = 0; i < s->view.n_networks; i++) {
                cleanup_free char *path = string_format("%s/%s", s->view.networks[i].id, shim->config.id);

                unlinkat(s->view.dirfd, path, 0);
        }
        own = string_format("resolver/%s", shim->config.id);
        unlinkat(s->view.dirfd, own, 0);
        dns_view_deinit(&s->view);
        free(s);
}
