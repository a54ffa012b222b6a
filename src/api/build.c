/* davit's own way to build: POST /davit/build is upgraded to a bare connection.
 *
 * The client sends "LENGTH COUNT\n" with COUNT descriptors (SCM_RIGHTS), the engine answers with one byte:
 * 'd', it has them all, or 's', they got lost on the way (another host, a proxy). The client sends LENGTH
 * bytes of options as JSON, then, after an 's', what the descriptors stood for, each as a body in HTTP's
 * chunked coding: a folder as tar, a file as it is. The engine sends JSON lines: the builder's events;
 * {"output":N,"bytes":M} followed by M bytes of what output N gives to the client (0: it ends); at the end
 * {"id": …} or {"failure": …, "source": …}. */
#include "api/resources.h"
#include "base/fd.h"
#include "base/socket.h"
#include "engine/build.h"

#include <pthread.h>

#define OPTIONS_MAX (16 << 20)

struct own_client {
        int fd;
        bool gone;
        pthread_mutex_t lock;
};

static int send_bytes(struct own_client *c, const char *head, const void *data, size_t len)
{
        pthread_mutex_lock(&c->lock);
        if (!c->gone &&
            (fd_write_all(c->fd, head, strlen(head)) < 0 || (len && fd_write_all(c->fd, data, len) < 0)))
                c->gone = true;
        pthread_mutex_unlock(&c->lock);
        return c->gone ? -1 : 0;
}

static void send_line(struct own_client *c, json_object *message)
{
        cleanup_free char *text = json_format(message), *line = string_format("%s\n", text);

        send_bytes(c, line, NULL, 0);
}

static void own_event(void *arg, json_object *event)
{
        send_line(arg, event);
}

static int own_output(void *arg, size_t index, const void *data, size_t len, struct error *err)
{
        cleanup_free char *head = string_format("{\"output\":%zu,\"bytes\":%zu}\n", index, len);

        return send_bytes(arg, head, data, len) < 0 ? error_set(err, ERROR_CANCELLED, "the client went away")
                                                    : 0;
}

/* ---- What is asked for ---- */

struct own_build {
        struct build_options options;
        struct engine_build_files files;
};

static void own_build_deinit(struct own_build *b, struct engine *engine)
{
        engine_build_files_drop(engine, &b->files);
        build_options_deinit(&b->options);
}

/* "LENGTH COUNT": nothing that follows comes with it, the client waits for the answer. */
static int receive_head(int fd, struct own_build *b, uint64_t *ret_len, uint64_t *ret_count,
                        struct error *err)
{
        cleanup_strv char **words = NULL;
        char head[48];
        ssize_t n;

        b->files.count = SOCKET_MAX_FDS;
        n = socket_receive(fd, head, sizeof(head) - 1, b->files.fds, &b->files.count, 0);
        if (n <= 0) {
                b->files.count = 0;
                return error_set(err, ERROR_INVALID, "the build's options are missing");
        }
        head[n] = 0;
        head[strcspn(head, "\n")] = 0;
        words = strv_split(head, ' ');
        if (strv_length(words) != 2 || string_to_uint64(words[0], ret_len, NULL) < 0 ||
            string_to_uint64(words[1], ret_count, NULL) < 0 || *ret_count > SOCKET_MAX_FDS)
                return error_set(err, ERROR_INVALID, "the build's options are malformed");
        if (*ret_len > OPTIONS_MAX)
                return error_set(err, ERROR_INVALID, "the build's options are too long");
        return 0;
}

/* The engine's place for what the client's descriptors stood for. */
static int receive_files(struct engine *engine, int fd, struct own_build *b, uint64_t count,
                         struct error *err)
{
        struct http_connection connection;
        int r = 0;

        engine_build_files_drop(engine, &b->files);
        http_connection_init(&connection, fd);
        for (uint64_t i = 0; i < count && r == 0; i++) {
                struct http_body body;
                struct http_head head = {};
                bool file = i == 0 && streq(b->options.context, "tar");

                http_body_init_request(&body, &connection, &head);
                body.framing = HTTP_BODY_CHUNKED;
                body.timeout_ms = -1;
                r = engine_build_files_add(engine, &b->files, &body.stream, file, err);
        }
        http_connection_deinit(&connection);
        return r < 0 ? error_context(err, "failed to receive the build's context") : 0;
}

static int receive_build(struct engine *engine, int fd, struct own_build *b, struct error *err)
{
        cleanup_free char *text = NULL;
        uint64_t len, count;
        bool lost;
        int r;

        if (receive_head(fd, b, &len, &count, err) < 0)
                return -1;
        lost = count != b->files.count;
        if (fd_write_all(fd, lost ? "s" : "d", 1) < 0)
                return error_errno(err, "write");
        text = xmalloc(len + 1);
        if (fd_read_all(fd, text, len) != (ssize_t)len)
                return error_set(err, ERROR_INVALID, "the build's options are cut off");
        r = json_bind_text(&build_options_table, text, len, &b->options, err);
        explicit_bzero(text, len);
        if (r == 0 && lost)
                r = receive_files(engine, fd, b, count, err);
        return r;
}

/* ---- The result ---- */

static void send_result(struct own_client *c, int r, struct build_result *result, struct error *err)
{
        cleanup_json json_object *message = json_object_new_object();
        char id[DIGEST_TEXT_SIZE];

        if (r == 0) {
                digest_format(&result->id, id);
                json_set_string(message, "id", digest_is_zero(&result->id) ? "" : id);
        } else {
                json_set_string(message, "failure", error_message(err));
                if (result->source)
                        json_set_string(message, "source", result->source);
                error_clear(err);
        }
        if (r < 0 && result->state)
                json_set_string(message, "state", result->state);
        if (result->warnings)
                json_object_object_add(message, "warnings", json_object_get(result->warnings));
        if (result->metadata)
                json_object_object_add(message, "metadata", json_object_get(result->metadata));
        send_line(c, message);
}

static int build_for_davit(struct request *req, struct response *res, struct error *err)
{
        cleanup_close int fd = -1;
        cleanup_free char *early = NULL;
        size_t early_len;
        struct own_build own = {};
        struct own_client client = { .lock = PTHREAD_MUTEX_INITIALIZER };
        struct build_result result = {};
        struct build_request request = {
                .options = &own.options, .progress = own_event, .output = own_output, .arg = &client
        };
        int r;

        if (response_hijack(res, "application/vnd.davit.build", &fd, &early, &early_len, err) < 0)
                return -1;
        client.fd = request.cancel_fd = fd;
        r = receive_build(req->engine, fd, &own, err);
        if (r == 0) {
                request.fds = own.files.fds;
                request.n_fds = own.files.count;
                r = engine_build(req->engine, &request, &result, err);
        }
        send_result(&client, r, &result, err);
        own_build_deinit(&own, req->engine);
        build_result_deinit(&result);
        return 0;
}

/* ---- The cache ---- */

static int prune_cache(struct request *req, struct response *res, struct error *err)
{
        cleanup_filters struct filters filters = {};
        struct build_prune options = { .filters = &filters, .all = request_query_bool(req, "all") };
        const char *reserved =
            string_empty(request_query(req, "reserved-space")) ? "keep-storage" : "reserved-space";
        json_object *report;

        if (request_filters(req, &filters, err) < 0 ||
            request_query_int64(req, reserved, 0, &options.reserved_space, err) < 0 ||
            request_query_int64(req, "max-used-space", 0, &options.max_used_space, err) < 0 ||
            request_query_int64(req, "min-free-space", 0, &options.min_free_space, err) < 0 ||
            engine_build_prune(req->engine, &options, &report, err) < 0)
                return -1;
        return response_json_take(res, 200, report, err);
}

static int list_cache(struct request *req, struct response *res, struct error *err)
{
        cleanup_filters struct filters filters = {};
        json_object *list;

        if (request_filters(req, &filters, err) < 0 ||
            engine_build_usage(req->engine, &filters, &list, err) < 0)
                return -1;
        return response_json_take(res, 200, list, err);
}

static const struct route routes[] = {
        { "POST", "/build/prune", prune_cache },
        { "POST", "/davit/build", build_for_davit },
        { "GET", "/davit/build/usage", list_cache },
};
const struct route_list build_routes = ROUTE_LIST(routes);
