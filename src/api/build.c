/* /build: the classic API (a tar in, JSON messages out) and davit's own: POST /davit/build is upgraded to a
 * bare connection on which the client sends one message, the options as JSON with the contexts' descriptors
 * (SCM_RIGHTS), and gets JSON lines: the builder's events, then {"id": …} or {"failure": …, "source": …}. */
#include "api/resources.h"
#include "base/fd.h"
#include "base/socket.h"
#include "engine/build.h"

#define OPTIONS_MAX (16 << 20)

/* ---- The classic API ---- */

struct classic {
        struct response *res;
        struct sink *sink;
        bool quiet;
        struct error failure; /* the client went away */
};

static void send_message(struct classic *c, json_object *message)
{
        if (!c->failure.kind && !c->sink)
                response_stream(c->res, 200, "application/json", false, &c->sink, &c->failure);
        if (!c->failure.kind)
                response_progress(c->sink, message, &c->failure);
        json_object_put(message);
}

static void send_stream(struct classic *c, char *text)
{
        json_object *message = json_object_new_object();

        json_object_object_add(message, "stream", json_object_new_string(text));
        free(text);
        send_message(c, message);
}

/* An event of the builder as the classic builder said it. */
static void classic_event(void *arg, json_object *event)
{
        struct classic *c = arg;
        const char *text = json_get_string(event, "text"), *log = json_get_string(event, "log");

        if (c->quiet)
                return;
        if (text)
                send_stream(c, string_format("Step %d/%d : %s\n", (int)json_get_int64(event, "step", 0),
                                             (int)json_get_int64(event, "steps", 0), text));
        else if (log)
                send_stream(c, xstrdup(log));
        else if (json_get_bool(event, "cached"))
                send_stream(c, xstrdup(" ---> Using cache\n"));
}

static int strmap_query(struct request *req, const char *name, struct strmap *ret, struct error *err)
{
        const char *text = request_query(req, name);
        cleanup_json json_object *tree = NULL;

        if (string_empty(text))
                return 0;
        if (json_parse_text(text, strlen(text), &tree, err) < 0 ||
            !json_object_is_type(tree, json_type_object))
                return error_set(err, ERROR_INVALID, "invalid %s: a JSON object is needed", name);
        json_object_object_foreach(tree, key, value)
        {
                if (value)
                        strmap_set(ret, key, json_object_get_string(value));
        }
        return 0;
}

static void set_text(char **dst, struct request *req, const char *name)
{
        const char *text = request_query(req, name);

        if (!string_empty(text))
                replace_string(dst, text);
}

static int ulimits_query(struct request *req, struct build_options *o, struct error *err)
{
        const char *text = request_query(req, "ulimits");
        cleanup_json json_object *list = NULL, *tree = NULL;

        if (string_empty(text))
                return 0;
        if (json_parse_text(text, strlen(text), &list, err) < 0)
                return error_context(err, "invalid ulimits");
        tree = json_object_new_object();
        json_object_object_add(tree, "ulimits", json_object_get(list));
        return json_bind(&build_options_table, tree, o, err);
}

static int read_query(struct request *req, struct build_options *o, struct error *err)
{
        const char *hosts = request_query(req, "extrahosts");

        if (streq(request_query(req, "version"), "2"))
                return error_set(
                    err, ERROR_UNSUPPORTED,
                    "BuildKit's sessions are not supported by davit; use DOCKER_BUILDKIT=0, or davit build");
        if (ulimits_query(req, o, err) < 0 || strmap_query(req, "buildargs", &o->build_args, err) < 0 ||
            strmap_query(req, "labels", &o->labels, err) < 0 ||
            request_query_int64(req, "shmsize", 0, &o->shm_size, err) < 0)
                return -1;
        set_text(&o->context_url, req, "remote");
        o->context = xstrdup(o->context_url ? "url" : "tar");
        set_text(&o->dockerfile_path, req, "dockerfile");
        set_text(&o->target, req, "target");
        set_text(&o->network, req, "networkmode");
        set_text(&o->platform, req, "platform");
        set_text(&o->cgroup_parent, req, "cgroupparent");
        o->tags = request_query_list(req, "t");
        o->no_cache = request_query_bool(req, "nocache");
        o->pull = request_query_bool(req, "pull");
        o->quiet = request_query_bool(req, "q");
        if (!string_empty(hosts))
                o->extra_hosts = strv_split(hosts, ',');
        return 0;
}

/* The classic builder's words for a command that failed. */
static void classic_failure(struct error *err)
{
        const char *text = error_message(err), *rest = string_after(text, "process \""), *end, *code;
        char *message;

        if (!rest || !(end = strstr(rest, "\" did not complete successfully: exit code: ")))
                return;
        code = strrchr(end, ' ') + 1;
        message =
            string_format("The command '%.*s' returned a non-zero code: %s", (int)(end - rest), rest, code);
        err->exit_code = atoi(code);
        free(err->message);
        err->message = message;
}

static void classic_result(struct classic *c, const struct build_options *o, const struct digest *id)
{
        char text[DIGEST_TEXT_SIZE];
        json_object *message = json_object_new_object(), *aux = json_object_new_object();

        digest_format(id, text);
        json_set_string(aux, "ID", text);
        json_object_object_add(message, "aux", aux);
        send_message(c, message);
        if (c->quiet) {
                send_stream(c, string_format("%s\n", text));
                return;
        }
        send_stream(c, string_format("Successfully built %.12s\n", text + strlen("sha256:")));
        for (char **tag = o->tags; tag && *tag; tag++)
                send_stream(c, string_format("Successfully tagged %s%s\n", *tag,
                                             strchr(strrchr(*tag, '/') ? strrchr(*tag, '/') : *tag, ':')
                                                 ? ""
                                                 : ":latest"));
}

static int build_image(struct request *req, struct response *res, struct error *err)
{
        cleanup_build_options struct build_options options = {};
        struct classic classic = { .res = res };
        struct build_request request = { .options = &options,
                                         .cancel_fd = request_cancel_fd(req),
                                         .sequential = true, /* its output does not say whose it is */
                                         .progress = classic_event,
                                         .arg = &classic };
        struct build_result result = {};
        int r;

        if (read_query(req, &options, err) < 0)
                return -1;
        classic.quiet = options.quiet;
        request.tar = request_body(req);
        r = engine_build(req->engine, &request, &result, err);
        free(result.source);
        json_object_put(result.warnings);
        if (r < 0) {
                error_clear(&classic.failure);
                if (!classic.sink)
                        return -1;
                classic_failure(err);
                return response_progress_error(classic.sink, err);
        }
        classic_result(&classic, &options, &result.id);
        return classic.failure.kind ? error_move(err, &classic.failure) : 0;
}

/* ---- davit's own ---- */

struct own_client {
        int fd;
        bool gone;
};

static void send_line(struct own_client *c, json_object *message)
{
        cleanup_free char *text = json_format(message), *line = string_format("%s\n", text);

        if (!c->gone && fd_write_all(c->fd, line, strlen(line)) < 0)
                c->gone = true;
}

static void own_event(void *arg, json_object *event)
{
        send_line(arg, event);
}

/* The length as a decimal line and the descriptors in one message, then the JSON. */
static int receive_options(int fd, struct build_options *options, int *fds, size_t *n_fds, struct error *err)
{
        char head[32];
        cleanup_free char *text = NULL;
        uint64_t len;
        ssize_t n = socket_receive(fd, head, sizeof(head) - 1, fds, n_fds, 0);

        if (n <= 0)
                return error_set(err, ERROR_INVALID, "the build's options are missing");
        head[n] = 0;
        head[strcspn(head, "\n")] = 0;
        if (string_to_uint64(head, &len, err) < 0 || len > OPTIONS_MAX)
                return error_set(err, ERROR_INVALID, "the build's options are too long");
        if (fd_write_all(fd, "\n", 1) < 0) /* the client waits, so that both messages stay apart */
                return error_errno(err, "write");
        text = xmalloc(len + 1);
        if (fd_read_all(fd, text, len) != (ssize_t)len)
                return error_set(err, ERROR_INVALID, "the build's options are cut off");
        return json_bind_text(&build_options_table, text, len, options, err);
}

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
        if (result->warnings)
                json_object_object_add(message, "warnings", json_object_get(result->warnings));
        send_line(c, message);
}

static int build_locally(struct request *req, struct response *res, struct error *err)
{
        cleanup_build_options struct build_options options = {};
        cleanup_close int fd = -1;
        cleanup_free char *early = NULL;
        size_t early_len, n_fds = SOCKET_MAX_FDS;
        int fds[SOCKET_MAX_FDS], r;
        struct own_client client = {};
        struct build_result result = {};
        struct build_request request = {
                .options = &options, .fds = fds, .progress = own_event, .arg = &client
        };

        if (response_hijack(res, "application/vnd.davit.build", &fd, &early, &early_len, err) < 0)
                return -1;
        client.fd = request.cancel_fd = fd;
        r = receive_options(fd, &options, fds, &n_fds, err);
        if (r == 0) {
                request.n_fds = n_fds;
                r = engine_build(req->engine, &request, &result, err);
        }
        send_result(&client, r, &result, err);
        for (size_t i = 0; i < n_fds; i++)
                close(fds[i]);
        free(result.source);
        json_object_put(result.warnings);
        return 0;
}

static int prune_cache(struct request *req, struct response *res, struct error *err)
{
        cleanup_filters struct filters filters = {};
        json_object *report;

        if (request_filters(req, &filters, err) < 0 ||
            engine_build_prune(req->engine, &filters, &report, err) < 0)
                return -1;
        return response_json_take(res, 200, report, err);
}

static const struct route routes[] = {
        { "POST", "/build", build_image },
        { "POST", "/build/prune", prune_cache },
        { "POST", "/davit/build", build_locally },
};
const struct route_list build_routes = ROUTE_LIST(routes);
