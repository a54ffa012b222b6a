/* GET /containers/{id}/attach/ws: the container's streams as a WebSocket's binary frames.
 *
 * The engine gets one end of a socket pair for a client; this connection's thread carries bytes between the
 * other end and the WebSocket. What comes framed from a container without a terminal is sent without the
 * frames, as Docker does. */
#include "api/resources.h"
#include "api/websocket.h"
#include "base/fd.h"
#include "engine/container.h"
#include "engine/engine.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#define BUFFER_SIZE 16384

struct relay {
        int client;    /* the WebSocket */
        int container; /* our end of the pair */
        bool framed;
        struct websocket_decoder decoder;
        uint8_t header[8]; /* of a stream frame */
        size_t have;
        uint32_t left;
        char buffer[BUFFER_SIZE];
};

static int send_frame(struct relay *r, unsigned opcode, const char *data, size_t len)
{
        cleanup_strbuf struct strbuf b = {};

        websocket_header(&b, opcode, len);
        strbuf_add(&b, data, len);
        return http_write(r->client, b.data, b.len, NULL);
}

/* Container to client. Returns false at the end. */
static bool carry_out(struct relay *r)
{
        ssize_t n = read(r->container, r->buffer, sizeof(r->buffer));

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return true;
        if (n <= 0)
                return false;
        if (!r->framed)
                return send_frame(r, WEBSOCKET_BINARY, r->buffer, (size_t)n) == 0;
        for (size_t at = 0; at < (size_t)n;) {
                size_t len = MIN(r->left, (size_t)n - at);

                if (r->left == 0) {
                        r->header[r->have++] = (uint8_t)r->buffer[at++];
                        if (r->have == sizeof(r->header)) {
                                r->left = (uint32_t)r->header[4] << 24 | (uint32_t)r->header[5] << 16 |
                                          (uint32_t)r->header[6] << 8 | r->header[7];
                                r->have = 0;
                        }
                        continue;
                }
                if (send_frame(r, WEBSOCKET_BINARY, r->buffer + at, len) < 0)
                        return false;
                at += len;
                r->left -= (uint32_t)len;
        }
        return true;
}

static bool take_piece(struct relay *r, const struct websocket_piece *piece)
{
        switch (piece->opcode) {
        case WEBSOCKET_PING:
                return send_frame(r, WEBSOCKET_PONG, piece->data, piece->len) == 0;
        case WEBSOCKET_PONG:
                return true;
        case WEBSOCKET_CLOSE:
                return false;
        default:
                return http_write(r->container, piece->data, piece->len, NULL) == 0;
        }
}

/* Client to container. */
static bool carry_in(struct relay *r, char *data, size_t len)
{
        while (len > 0) {
                struct websocket_piece piece;
                size_t used = 0;
                int got = websocket_decode(&r->decoder, data, len, &used, &piece, NULL);

                if (got < 0 || (got > 0 && !take_piece(r, &piece)))
                        return false;
                data += used;
                len -= used;
        }
        return true;
}

static void relay(struct relay *r, char *early, size_t early_len)
{
        static const char normal_closure[] = { 1000 >> 8, (char)(1000 & 0xff) };
        bool open = carry_in(r, early, early_len);

        while (open) {
                struct pollfd polls[] = {
                        { .fd = r->client, .events = POLLIN },
                        { .fd = r->container, .events = POLLIN },
                };

                if (poll(polls, ARRAY_SIZE(polls), -1) < 0 && errno != EINTR)
                        break;
                if (polls[1].revents)
                        open = carry_out(r);
                if (open && polls[0].revents) {
                        ssize_t n = recv(r->client, r->buffer, sizeof(r->buffer), 0);

                        open = n > 0 && carry_in(r, r->buffer, (size_t)n);
                }
        }
        send_frame(r, WEBSOCKET_CLOSE, normal_closure, sizeof(normal_closure));
}

static int accept_websocket(struct request *req, struct response *res, struct error *err)
{
        const char *key = http_head_get(&req->head, "Sec-WebSocket-Key");
        cleanup_free char *accept = NULL, *head = NULL;

        if (!key || !http_head_has_token(&req->head, "Upgrade", "websocket"))
                return error_set(err, ERROR_INVALID, "not websocket protocol");
        accept = websocket_accept_key(key);
        head =
            string_format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Accept: %s\r\n\r\n",
                          accept);
        res->begun = res->close = true;
        return http_write(req->connection->fd, head, strlen(head), err);
}

static int attach_websocket(struct request *req, struct response *res, struct error *err)
{
        const char *id = request_param(req, "id");
        struct container_attach_options options = {
                .use_stdin = request_query_bool(req, "stdin"),
                .use_stdout = request_query_bool(req, "stdout"),
                .use_stderr = request_query_bool(req, "stderr"),
                .logs = request_query_bool(req, "logs"),
                .stream = request_query_bool(req, "stream"),
                .detach_keys = request_query_default(req, "detachKeys", NULL),
        };
        cleanup_free struct relay *r = xcalloc(1, sizeof(*r));
        cleanup_free char *early = NULL;
        cleanup_close int ours = -1, theirs = -1;
        size_t early_len;
        int pair[2];
        bool tty;

        if (engine_container_attach_check(req->engine, id, &tty, err) < 0 ||
            accept_websocket(req, res, err) < 0)
                return -1;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return error_errno(err, "socketpair");
        ours = pair[0];
        theirs = pair[1];
        if (engine_container_attach(req->engine, id, &options, theirs, NULL, 0, err) < 0)
                return -1;
        close(take_fd(theirs));
        early = http_connection_take(req->connection, &early_len);
        r->client = req->connection->fd;
        r->container = ours;
        r->framed = !tty;
        relay(r, early, early_len);
        return 0;
}

static const struct route routes[] = {
        { "GET", "/containers/{id}/attach/ws", attach_websocket },
};
const struct route_list attach_websocket_routes = ROUTE_LIST(routes);
