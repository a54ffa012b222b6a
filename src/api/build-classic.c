/* POST /build as the classic builder answered it: a tar in, JSON messages out. */
#include "api/resources.h"
#include "engine/build.h"

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

/* What the classic builder had and this one has not. */
static int refuse_query(struct request *req, struct error *err)
{
        static const char *const limits[] = { "memory", "memswap", "cpushares", "cpuperiod", "cpuquota" };

        if (request_query_bool(req, "squash"))
                return error_set(err, ERROR_UNSUPPORTED, "squash is not supported by davit");
        for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
                int64_t value;

                if (request_query_int64(req, limits[i], 0, &value, err) < 0)
                        return -1;
                if (value > 0)
                        return error_set(err, ERROR_UNSUPPORTED, "build: %s is not supported by davit",
                                         limits[i]);
        }
        if (!string_empty(request_query(req, "cpusetcpus")) ||
            !string_empty(request_query(req, "cpusetmems")))
                return error_set(err, ERROR_UNSUPPORTED, "build: cpusets are not supported by davit");
        return 0;
}

/* ["image", …]: images whose layers may serve. */
static int cache_query(struct request *req, struct build_options *o, struct error *err)
{
        const char *text = request_query(req, "cachefrom");
        cleanup_json json_object *list = NULL;

        if (string_empty(text))
                return 0;
        if (json_parse_text(text, strlen(text), &list, err) < 0)
                return error_context(err, "invalid cachefrom");
        for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
             i++) {
                struct build_entry entry = { .type = xstrdup("registry") };

                strmap_set(&entry.attributes, "ref",
                           json_object_get_string(json_object_array_get_idx(list, i)));
                ARRAY_APPEND(o->cache_from, o->n_cache_from, entry);
        }
        return 0;
}

static int read_query(struct request *req, struct build_options *o, struct error *err)
{
        const char *hosts = request_query(req, "extrahosts");

        if (streq(request_query(req, "version"), "2"))
                return error_set(
                    err, ERROR_UNSUPPORTED,
                    "BuildKit's sessions are not supported by davit; use DOCKER_BUILDKIT=0, or davit build");
        if (refuse_query(req, err) < 0 || cache_query(req, o, err) < 0 || ulimits_query(req, o, err) < 0 ||
            strmap_query(req, "buildargs", &o->build_args, err) < 0 ||
            strmap_query(req, "labels", &o->labels, err) < 0 ||
            request_query_int64(req, "shmsize", 0, &o->shm_size, err) < 0)
                return -1;
        set_text(&o->context_url, req, "remote");
        o->context = xstrdup(o->context_url ? "url" : "tar");
        set_text(&o->dockerfile_path, req, "dockerfile");
        set_text(&o->target, req, "target");
        set_text(&o->network, req, "networkmode");
        if (!string_empty(request_query(req, "platform")))
                strv_append(&o->platforms, request_query(req, "platform"));
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
        struct digest id;
        int r;

        if (read_query(req, &options, err) < 0)
                return -1;
        classic.quiet = options.quiet;
        request.tar = request_body(req);
        r = engine_build(req->engine, &request, &result, err);
        id = result.id;
        build_result_deinit(&result);
        if (r < 0) {
                error_clear(&classic.failure);
                if (!classic.sink)
                        return -1;
                classic_failure(err);
                return response_progress_error(classic.sink, err);
        }
        classic_result(&classic, &options, &id);
        return classic.failure.kind ? error_move(err, &classic.failure) : 0;
}

static const struct route routes[] = {
        { "POST", "/build", build_image },
};
const struct route_list build_classic_routes = ROUTE_LIST(routes);
