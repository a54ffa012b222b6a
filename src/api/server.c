#include "api/server.h"

#include "api/route.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/time.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/* Enough for the deepest JSON and the handlers' path buffers; only touched pages count. */
#define STACK_SIZE (512 << 10)
#define CONNECTIONS_MAX 4096
/* A head must come within this time, as in Docker; also how long an idle connection is kept. */
#define HEAD_TIMEOUT_MS (5 * 60 * 1000)
/* Between two reads of a body: a peer that sends nothing for so long is gone. */
#define BODY_TIMEOUT_MS (10 * 60 * 1000)
/* What is read and dropped of a body that the handler left, so that the connection can go on. */
#define DRAIN_MAX (256 << 10)
#define LINGER_MS 2000

struct connection {
        struct server *server;
        int fd;
        _Atomic bool hijacked; /* the socket belongs to a container: never to be shut down from here */
        struct connection *previous, *next;
};

struct server {
        struct engine *engine;
        int *listeners;
        size_t n_listeners;
        int room_fd; /* told when a connection ends while the server is full */
        pthread_mutex_t lock;
        pthread_cond_t ended;
        struct connection *connections;
        _Atomic unsigned count;
        _Atomic bool stopping;
};

int server_new(struct engine *engine, struct server **ret, struct error *err)
{
        struct server *s = xcalloc(1, sizeof(*s));
        pthread_condattr_t attributes;

        s->engine = engine;
        s->room_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (s->room_fd < 0) {
                free(s);
                return error_errno(err, "eventfd");
        }
        pthread_mutex_init(&s->lock, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&s->ended, &attributes);
        pthread_condattr_destroy(&attributes);
        *ret = s;
        return 0;
}

void server_add_listener(struct server *server, int fd)
{
        fd_set_nonblocking(fd, true);
        ARRAY_APPEND(server->listeners, server->n_listeners, fd);
}

/* ---- One request ---- */

static void send_continue(void *arg)
{
        static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
        struct response *res = arg;

        if (!res->begun)
                http_write(res->request->connection->fd, line, strlen(line), NULL);
}

static void answer_error(struct response *res, struct error *err)
{
        cleanup_json json_object *message = NULL;

        if (err->kind == ERROR_CANCELLED || res->begun) {
                log_debug("%s %s: %s", res->request->head.method, res->request->head.target,
                          error_message(err));
                res->close = true;
                return;
        }
        if (err->kind == ERROR_SYSTEM)
                log_error("%s %s: %s", res->request->head.method, res->request->head.target,
                          error_message(err));
        if (err->kind == ERROR_NOT_MODIFIED) {
                response_empty(res, status_of_error(err), NULL);
                return;
        }
        message = json_object_new_object();
        json_set_string(message, "message", error_message(err));
        response_json(res, status_of_error(err), message, NULL);
}

static int dispatch(struct request *req, struct response *res, struct error *err)
{
        const char *path = req->target.path;
        size_t version = route_version_length(path);
        const char *rest = version > 0 ? path + 2 + version : path;
        const struct route *route;

        if (streq(req->head.method, "OPTIONS"))
                return response_empty(res, 200, err);
        route = route_find(req->head.method, rest, &req->params);
        if (!route)
                return error_set(err, ERROR_NOT_FOUND, "page not found");
        if (route_version_parse(path + 2, version, &req->version, err) < 0)
                return -1;
        return route->handler(req, res, err);
}

/* Reads what the handler left of the body. Returns whether the next request can follow. */
static bool drain(struct request *req)
{
        char buffer[8192];

        for (size_t total = 0; !http_body_ended(&req->body) && total < DRAIN_MAX;) {
                ssize_t n = stream_read(&req->body.stream, buffer, sizeof(buffer), NULL);

                if (n < 0)
                        return false;
                if (n == 0)
                        break;
                total += (size_t)n;
        }
        return http_body_ended(&req->body);
}

static int parse_target(struct request *req, struct error *err)
{
        if (req->head.minor > 0 && !http_head_get(&req->head, "Host"))
                return error_set(err, ERROR_INVALID, "missing required Host header");
        return http_target_parse(req->head.target, &req->target, err);
}

/* Answers one request. Returns whether the connection goes on. */
static bool serve_request(struct connection *c, struct http_connection *http, struct request *req)
{
        struct response res = { .request = req };
        cleanup_error struct error err = {};
        bool again;

        req->engine = c->server->engine;
        req->server = c->server;
        req->connection = http;
        http_body_init_request(&req->body, http, &req->head);
        req->body.timeout_ms = BODY_TIMEOUT_MS;
        if (http_head_has_token(&req->head, "Expect", "100-continue")) {
                req->body.before = send_continue;
                req->body.arg = &res;
        }
        res.close = !req->head.keep_alive || c->server->stopping;
        res.hijacked = &c->hijacked;
        if (parse_target(req, &err) < 0 || dispatch(req, &res, &err) < 0)
                answer_error(&res, &err);
        else if (response_finish(&res, NULL) < 0)
                res.close = true;
        req->body.before = NULL;
        req->body.arg = NULL;
        again = !res.close && !c->server->stopping && drain(req);
        response_deinit(&res);
        return again;
}

/* A head that could not be read: says why, where somebody may still listen. */
static void refuse_head(int fd, const struct error *err)
{
        const char *line =
            err->errnum == EMSGSIZE ? "431 Request Header Fields Too Large" : "400 Bad Request";
        cleanup_free char *text = NULL;

        if (err->kind != ERROR_INVALID)
                return;
        text = string_format(
            "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n%s: %s", line,
            line, error_message(err));
        http_write(fd, text, strlen(text), NULL);
}

/* Closing a socket with unread data resets it, and the peer may never see the answer: let it finish sending
 * first. */
static void linger(int fd)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int64_t deadline = time_monotonic() + LINGER_MS * NSEC_PER_MSEC;
        char buffer[8192];

        shutdown(fd, SHUT_WR);
        while (time_monotonic() < deadline && poll(&p, 1, LINGER_MS) > 0)
                if (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) <= 0)
                        break;
}

static void serve(struct connection *c)
{
        struct http_connection http;
        bool again = true;

        http_connection_init(&http, c->fd);
        while (again) {
                struct request req = {};
                cleanup_error struct error err = {};
                int r = http_read_request(&http, HEAD_TIMEOUT_MS, &req.head, &err);

                if (r < 0)
                        refuse_head(c->fd, &err);
                again = r > 0 && serve_request(c, &http, &req);
                http_head_deinit(&req.head);
                http_target_deinit(&req.target);
                route_params_deinit(&req.params);
                if (r == 0)
                        break;
        }
        if (!c->hijacked)
                linger(c->fd);
        http_connection_deinit(&http);
}

/* ---- Connections ---- */

static void *connection_thread(void *arg)
{
        struct connection *c = arg;
        struct server *s = c->server;
        uint64_t one = 1;

        serve(c);
        pthread_mutex_lock(&s->lock);
        *(c->previous ? &c->previous->next : &s->connections) = c->next;
        if (c->next)
                c->next->previous = c->previous;
        close(c->fd);
        free(c);
        if (s->count-- == CONNECTIONS_MAX)
                (void)!write(s->room_fd, &one, sizeof(one));
        pthread_cond_signal(&s->ended);
        pthread_mutex_unlock(&s->lock);
        return NULL;
}

static void connection_start(struct server *s, int fd)
{
        struct connection *c = xcalloc(1, sizeof(*c));
        pthread_attr_t attributes;
        pthread_t thread;

        *c = (struct connection){ .server = s, .fd = fd };
        pthread_mutex_lock(&s->lock);
        c->next = s->connections;
        if (c->next)
                c->next->previous = c;
        s->connections = c;
        s->count++;
        pthread_mutex_unlock(&s->lock);
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, STACK_SIZE);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        if (pthread_create(&thread, &attributes, connection_thread, c) != 0) {
                log_error("no thread for a connection");
                pthread_mutex_lock(&s->lock);
                s->connections = c->next;
                if (c->next)
                        c->next->previous = NULL;
                s->count--;
                pthread_mutex_unlock(&s->lock);
                close(fd);
                free(c);
        }
        pthread_attr_destroy(&attributes);
}

/* Accepts what waits at one listener. Returns false when descriptors ran out. */
static bool accept_all(struct server *s, int listener)
{
        for (;;) {
                int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

                if (fd >= 0)
                        connection_start(s, fd);
                else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
                        return false;
                else if (errno != EINTR && errno != ECONNABORTED)
                        return true;
        }
}

int server_run(struct server *s, int stop_fd, struct error *err)
{
        cleanup_free struct pollfd *polls = xcalloc(s->n_listeners + 2, sizeof(*polls));

        for (;;) {
                bool full = s->count >= CONNECTIONS_MAX, starved = false;
                uint64_t drop;

                polls[0] = (struct pollfd){ .fd = stop_fd, .events = POLLIN };
                polls[1] = (struct pollfd){ .fd = s->room_fd, .events = POLLIN };
                for (size_t i = 0; i < s->n_listeners; i++)
                        polls[i + 2] = (struct pollfd){ .fd = full ? -1 : s->listeners[i], .events = POLLIN };
                if (poll(polls, s->n_listeners + 2, -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return error_errno(err, "poll");
                }
                if (polls[0].revents)
                        return 0;
                if (polls[1].revents)
                        (void)!read(s->room_fd, &drop, sizeof(drop));
                for (size_t i = 0; i < s->n_listeners; i++)
                        if (polls[i + 2].revents && !accept_all(s, s->listeners[i]))
                                starved = true;
                /* Out of descriptors: others must end first, and nothing says when. */
                if (starved)
                        poll(polls, 1, 100);
        }
}

unsigned server_stop(struct server *s, int grace_ms)
{
        int64_t deadline = time_monotonic() + grace_ms * NSEC_PER_MSEC;
        struct timespec until = { .tv_sec = deadline / NSEC_PER_SEC, .tv_nsec = deadline % NSEC_PER_SEC };
        unsigned left;

        for (size_t i = 0; i < s->n_listeners; i++)
                close(s->listeners[i]);
        s->n_listeners = 0;
        pthread_mutex_lock(&s->lock);
        s->stopping = true;
        for (struct connection *c = s->connections; c; c = c->next)
                if (!c->hijacked)
                        shutdown(c->fd, SHUT_RD);
        while (s->count > 0 && pthread_cond_timedwait(&s->ended, &s->lock, &until) == 0)
                ;
        left = s->count;
        pthread_mutex_unlock(&s->lock);
        return left;
}

void server_free(struct server *s)
{
        if (!s)
                return;
        for (size_t i = 0; i < s->n_listeners; i++)
                close(s->listeners[i]);
        free(s->listeners);
        close(s->room_fd);
        pthread_mutex_destroy(&s->lock);
        pthread_cond_destroy(&s->ended);
        free(s);
}
