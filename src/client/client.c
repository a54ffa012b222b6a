#include "client/client.h"
#include "base/fd.h"
#include "base/paths.h"
#include "base/socket.h"
#include "client/ssh.h"
#include "client/start.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>

#define TCP_PORT "2375"
#define ANSWER_MAX (256 << 20)

static int check_host(const char *host, struct error *err)
{
        cleanup_ssh_host struct ssh_host ssh = {};

        if (string_after(host, "unix://") || string_after(host, "tcp://"))
                return 0;
        if (string_after(host, "ssh://"))
                return ssh_host_parse(host, &ssh, err);
        return error_set(err, ERROR_INVALID, "Failed to initialize: unable to resolve docker endpoint: %s %s",
                         strstr(host, "://") ? "invalid bind address format:" : "unable to parse docker host",
                         host);
}

int client_open(const char *host, struct client **ret, struct error *err)
{
        struct client *c = xcalloc(1, sizeof(*c));
        const char *version = getenv("DOCKER_API_VERSION");
        const char *path;

        c->may_start = string_empty(host);
        c->host = xstrdup(string_empty(host) ? "unix://" PATH_SOCKET : host);
        c->minor = CLIENT_API_MINOR;
        path = string_after(c->host, "unix://");
        if (check_host(c->host, err) < 0) {
                client_free(c);
                return -1;
        }
        c->socket = xstrdup(path);
        if (!string_empty(version)) {
                const char *dot = strchr(version, '.');

                c->minor = dot ? atoi(dot + 1) : CLIENT_API_MINOR;
        }
        *ret = c;
        return 0;
}

void client_free(struct client *c)
{
        if (!c)
                return;
        strv_free(c->headers);
        free(c->host);
        free(c->socket);
        free(c);
}

/* ---- Queries ---- */

void client_query_init(struct client_query *q, const char *format, ...)
{
        va_list args;

        *q = (struct client_query){};
        va_start(args, format);
        for (; *format; format++) {
                if (format[0] == '%' && format[1] == 's') {
                        http_escape(&q->text, va_arg(args, const char *));
                        format++;
                } else {
                        strbuf_addc(&q->text, *format);
                }
        }
        va_end(args);
}

void client_query_add(struct client_query *q, const char *name, const char *value)
{
        if (!value)
                return;
        strbuf_addf(&q->text, "%c%s=", strchr(q->text.data, '?') ? '&' : '?', name);
        http_escape(&q->text, value);
}

void client_query_add_bool(struct client_query *q, const char *name, bool value)
{
        if (value)
                client_query_add(q, name, "1");
}

void client_query_add_int(struct client_query *q, const char *name, int64_t value)
{
        cleanup_free char *text = string_format("%lld", (long long)value);

        client_query_add(q, name, text);
}

void client_query_deinit(struct client_query *q)
{
        strbuf_deinit(&q->text);
}

/* ---- Requests ---- */

/* Who asks for TLS does not get a connection without. */
static int refuse_tls(struct error *err)
{
        static const char *const variables[] = { "DOCKER_TLS_VERIFY", "DOCKER_TLS" };

        for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
                if (!string_empty(getenv(variables[i])))
                        return error_set(err, ERROR_UNSUPPORTED,
                                         "%s: TLS connections are not supported yet; use an ssh:// host",
                                         variables[i]);
        return 0;
}

/* "tcp://HOST[:PORT]", without TLS. */
static int connect_tcp(struct client *c, struct error *err)
{
        const char *address = strstr(c->host, "://") + 3, *colon = strrchr(address, ':');
        bool port = colon && !strchr(colon, ']');
        size_t len = port ? (size_t)(colon - address) : strcspn(address, "/");
        bool bracketed = *address == '[' && len > 1 && address[len - 1] == ']';
        cleanup_free char *host = xstrndup(address + bracketed, len - 2 * bracketed);
        struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *found = NULL;
        int fd = -1;

        if (refuse_tls(err) < 0)
                return -1;
        if (getaddrinfo(*host ? host : "127.0.0.1", port ? colon + 1 : TCP_PORT, &hints, &found) == 0)
                for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
                        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
                        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
                                close(fd);
                                fd = -1;
                        }
                }
        if (found)
                freeaddrinfo(found);
        return fd >= 0 ? fd
                       : error_set(err, ERROR_UNAVAILABLE,
                                   "Cannot connect to the Docker daemon at %s. Is the docker daemon running?",
                                   c->host);
}

static int connect_unix(struct client *c, struct error *err)
{
        cleanup_error struct error why = {};
        int fd = unix_connect(c->socket, SOCK_STREAM, &why);

        if (fd < 0 && c->may_start && (why.errnum == ENOENT || why.errnum == ECONNREFUSED))
                return client_start_engine(c->socket, err);
        if (fd >= 0)
                return fd;
        if (why.errnum == EACCES || why.errnum == EPERM)
                return error_set(
                    err, ERROR_FORBIDDEN,
                    "permission denied while trying to connect to the Docker daemon socket at %s", c->host);
        return error_set(err, ERROR_UNAVAILABLE,
                         "Cannot connect to the Docker daemon at %s. Is the docker daemon running?", c->host);
}

int client_connect(struct client *c, struct error *err)
{
        if (!c->socket)
                return string_after(c->host, "ssh://") ? ssh_connect(c->host, err) : connect_tcp(c, err);
        return connect_unix(c, err);
}

struct outgoing {
        const char *method;
        const struct client_query *q;
        char *const *headers;
        const char *content_type, *text; /* a body that is there as a whole */
        size_t len;
        struct stream *upload;
        bool upgrade;
};

static int send_upload(int fd, struct stream *upload, struct error *err)
{
        struct http_chunk_sink sink;
        char buffer[65536];
        int r = 0;

        http_chunk_sink_init(&sink, fd, true);
        for (;;) {
                ssize_t n = stream_read(upload, buffer, sizeof(buffer), err);

                if (n <= 0) {
                        r = (int)n;
                        break;
                }
                r = sink_write(&sink.sink, buffer, (size_t)n, err);
                if (r < 0)
                        break;
        }
        if (r == 0)
                r = http_chunk_sink_finish(&sink, err);
        http_chunk_sink_deinit(&sink);
        return r;
}

static int send_request(struct client *c, int fd, const struct outgoing *o, struct error *err)
{
        cleanup_strbuf struct strbuf head = {};
        cleanup_free char *length = string_format("%zu", o->len);
        cleanup_error struct error why = {};
        int r;

        strbuf_addf(&head, "%s /v1.%d%s HTTP/1.1\r\n", o->method, c->minor, o->q->text.data);
        http_header_add(&head, "Host", "api.moby.localhost");
        http_header_add(&head, "User-Agent", "davit/" DAVIT_VERSION);
        for (size_t i = 0; c->headers && c->headers[i]; i++)
                strbuf_addf(&head, "%s\r\n", c->headers[i]);
        for (size_t i = 0; o->headers && o->headers[i]; i++)
                strbuf_addf(&head, "%s\r\n", o->headers[i]);
        if (o->upgrade) {
                http_header_add(&head, "Connection", "Upgrade");
                http_header_add(&head, "Upgrade", "tcp");
        }
        if (o->content_type)
                http_header_add(&head, "Content-Type", o->content_type);
        if (o->upload)
                http_header_add(&head, "Transfer-Encoding", "chunked");
        else if (o->text || !streq(o->method, "GET"))
                http_header_add(&head, "Content-Length", length);
        strbuf_adds(&head, "\r\n");
        if (o->text)
                strbuf_add(&head, o->text, o->len);
        r = http_write(fd, head.data, head.len, &why);
        if (r == 0 && o->upload)
                r = send_upload(fd, o->upload, &why);
        /* An engine that refuses early closes its side: its answer says why. */
        if (r < 0 && !error_is(&why, ERROR_CANCELLED))
                return error_move(err, &why);
        return 0;
}

static enum error_kind kind_of(int status)
{
        static const struct {
                int status;
                enum error_kind kind;
        } kinds[] = { { 304, ERROR_NOT_MODIFIED }, { 400, ERROR_INVALID },    { 401, ERROR_UNAUTHORIZED },
                      { 403, ERROR_FORBIDDEN },    { 404, ERROR_NOT_FOUND },  { 409, ERROR_CONFLICT },
                      { 501, ERROR_UNSUPPORTED },  { 503, ERROR_UNAVAILABLE } };

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (kinds[i].status == status)
                        return kinds[i].kind;
        return ERROR_SYSTEM;
}

/* Turns an answer from 400 on into an error. */
static int fail_with(struct client_stream *s, struct error *err)
{
        cleanup_free char *text = NULL;
        cleanup_json json_object *tree = NULL;
        const char *message = NULL;
        size_t len = 0, end;

        if (stream_read_all(&s->body.stream, 1 << 20, &text, &len, NULL) == 0 &&
            json_parse_text(text, len, &tree, NULL) == 0)
                message = json_get_string(tree, "message");
        if (!message)
                message = len ? text : s->head.reason;
        if (!message)
                message = "";
        for (end = strlen(message); end > 0 && isspace((unsigned char)message[end - 1]);)
                end--;
        return error_set(err, kind_of(s->status), "Error response from daemon: %.*s", (int)end, message);
}

/* Is it the complaint of an engine that speaks an older version? Then speaks that one. */
static bool adapt_version(struct client *c, const struct error *err)
{
        const char *most =
            err->kind == ERROR_INVALID ? strstr(err->message, "Maximum supported API version is 1.") : NULL;
        int minor = most ? atoi(most + strlen("Maximum supported API version is 1.")) : 0;

        if (minor <= 0 || minor >= c->minor || getenv("DOCKER_API_VERSION"))
                return false;
        c->minor = minor;
        return true;
}

static int open_once(struct client *c, const struct outgoing *o, struct client_stream **ret,
                     struct error *err)
{
        cleanup_client_stream struct client_stream *s = xcalloc(1, sizeof(*s));
        cleanup_error struct error why = {};

        s->fd = client_connect(c, err);
        if (s->fd < 0)
                return -1;
        http_connection_init(&s->connection, s->fd);
        if (send_request(c, s->fd, o, err) < 0)
                return -1;
        if (http_read_response(&s->connection, -1, &s->head, &why) <= 0)
                return error_set(err, ERROR_UNAVAILABLE, "error during connect: %s \"%s%s\": %s", o->method,
                                 c->host, o->q->text.data, why.kind ? error_message(&why) : "EOF");
        s->status = s->head.status;
        s->content_type = xstrdup(http_head_get(&s->head, "Content-Type"));
        http_body_init_response(&s->body, &s->connection, &s->head, o->method);
        s->body.timeout_ms = -1;
        if (s->status >= 400)
                return fail_with(s, err);
        *ret = take_ptr(s);
        return 0;
}

static int open_stream(struct client *c, const struct outgoing *o, struct client_stream **ret,
                       struct error *err)
{
        cleanup_error struct error why = {};

        if (open_once(c, o, ret, &why) == 0)
                return 0;
        if (!o->upload && adapt_version(c, &why))
                return open_once(c, o, ret, err);
        return error_move(err, &why);
}

void client_stream_free(struct client_stream *s)
{
        http_head_deinit(&s->head);
        http_connection_deinit(&s->connection);
        if (s->fd >= 0)
                close(s->fd);
        free(s->content_type);
        free(s);
}

int client_stream_open(struct client *c, const char *method, const struct client_query *q,
                       char *const *headers, struct stream *upload, const char *content_type,
                       struct client_stream **ret, struct error *err)
{
        struct outgoing o = { .method = method, .q = q, .headers = headers, .upload = upload };

        if (upload)
                o.content_type = content_type ? content_type : "application/x-tar";
        return open_stream(c, &o, ret, err);
}

int client_stream_call(struct client *c, const char *method, const struct client_query *q, json_object *body,
                       struct client_stream **ret, struct error *err)
{
        cleanup_free char *text = body ? json_format(body) : NULL;
        struct outgoing o = { .method = method, .q = q, .text = text, .len = text ? strlen(text) : 0 };

        if (text)
                o.content_type = "application/json";
        return open_stream(c, &o, ret, err);
}

int client_call(struct client *c, const char *method, const struct client_query *q, json_object *body,
                json_object **ret, int *ret_status, struct error *err)
{
        cleanup_client_stream struct client_stream *s = NULL;
        cleanup_free char *text = NULL;
        json_object *tree = NULL;
        size_t len;

        if (client_stream_call(c, method, q, body, &s, err) < 0)
                return -1;
        if (stream_read_all(&s->body.stream, ANSWER_MAX, &text, &len, err) < 0)
                return -1;
        if (ret && strspn(text, " \r\n") < len && json_parse_text(text, len, &tree, err) < 0)
                return -1;
        if (ret_status)
                *ret_status = s->status;
        if (ret)
                *ret = tree;
        return 0;
}

int client_stream_json(struct client_stream *s, struct strbuf *pending, json_object **ret, struct error *err)
{
        for (;;) {
                json_tokener *tokener;
                enum json_tokener_error status;
                size_t skip = pending->len ? strspn(pending->data, " \t\r\n\x1e") : 0, used;
                json_object *value = NULL;
                ssize_t n;

                if (skip < pending->len) {
                        tokener = json_tokener_new();
                        value =
                            json_tokener_parse_ex(tokener, pending->data + skip, (int)(pending->len - skip));
                        status = json_tokener_get_error(tokener);
                        used = json_tokener_get_parse_end(tokener);
                        json_tokener_free(tokener);
                        if (status == json_tokener_success) {
                                pending->len -= skip + used;
                                memmove(pending->data, pending->data + skip + used, pending->len + 1);
                                *ret = value;
                                return 1;
                        }
                        if (status != json_tokener_continue)
                                return error_set(err, ERROR_INVALID, "the engine's stream is not JSON: %s",
                                                 json_tokener_error_desc(status));
                }
                strbuf_reserve(pending, 65536);
                n = stream_read(&s->body.stream, pending->data + pending->len, 65536, err);
                if (n <= 0)
                        return (int)n;
                pending->len += (size_t)n;
                pending->data[pending->len] = 0;
                if (pending->len > ANSWER_MAX)
                        return error_set(err, ERROR_INVALID, "the engine's stream has a message without end");
        }
}

int client_hijack_open(struct client *c, const char *method, const struct client_query *q, json_object *body,
                       struct client_hijack *ret, struct error *err)
{
        cleanup_client_stream struct client_stream *s = NULL;
        cleanup_free char *text = body ? json_format(body) : NULL;
        struct outgoing o = {
                .method = method, .q = q, .text = text, .len = text ? strlen(text) : 0, .upgrade = true
        };

        if (text)
                o.content_type = "application/json";
        if (open_stream(c, &o, &s, err) < 0)
                return -1;
        ret->framed = !streq(s->content_type, "application/vnd.docker.raw-stream");
        ret->early = http_connection_take(&s->connection, &ret->early_len);
        ret->fd = take_fd(s->fd);
        return 0;
}

void client_hijack_deinit(struct client_hijack *h)
{
        if (h->fd >= 0)
                close(h->fd);
        free(h->early);
        *h = (struct client_hijack){ .fd = -1 };
}
