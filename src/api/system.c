/* /_ping, /version, /info, /system/df, /events, /auth */
#include "api/query.h"
#include "api/resources.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/registry.h"
#include "engine/info.h"

static void ping_headers(struct response *res)
{
        response_header(res, "Builder-Version", "2");
        response_header(res, "Cache-Control", "no-cache, no-store, must-revalidate");
        response_header(res, "Pragma", "no-cache");
        response_header(res, "Swarm", "inactive");
}

static int ping(struct request *req, struct response *res, struct error *err)
{
        (void)req;
        ping_headers(res);
        return response_text(res, 200, "text/plain; charset=utf-8", "OK", err);
}

static int version(struct request *req, struct response *res, struct error *err)
{
        return response_json_take(res, 200, engine_version(req->engine), err);
}

static int info(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *tree = NULL;

        if (engine_info(req->engine, &tree, err) < 0)
                return -1;
        return response_json(res, 200, tree, err);
}

static int disk_usage(struct request *req, struct response *res, struct error *err)
{
        cleanup_strv char **types = request_query_list(req, "type");
        cleanup_json json_object *tree = NULL;

        if (engine_disk_usage(req->engine, types, &tree, err) < 0)
                return -1;
        return response_json(res, 200, tree, err);
}

static int stream_events(struct request *req, struct event_subscription *events, struct sink *sink,
                         struct error *err)
{
        const struct event *event;
        int r;

        while ((r = event_next(events, request_cancel_fd(req), &event, err)) > 0) {
                cleanup_free char *line = event_format(event);
                cleanup_strbuf struct strbuf b = {};

                event_release(event);
                strbuf_adds(&b, line);
                strbuf_addc(&b, '\n');
                if (sink_write(sink, b.data, b.len, err) < 0)
                        return -1;
        }
        return r;
}

static int events(struct request *req, struct response *res, struct error *err)
{
        cleanup_filters struct filters filters = {};
        struct event_subscription *subscription;
        int64_t since, until;
        struct sink *sink;
        int r;

        if (query_time(req, "since", INT64_MAX, &since, err) < 0 ||
            query_time(req, "until", INT64_MAX, &until, err) < 0 || request_filters(req, &filters, err) < 0)
                return -1;
        if (since != INT64_MAX && since > until)
                return error_set(err, ERROR_INVALID, "`since` time (%s) cannot be after `until` time (%s)",
                                 request_query(req, "since"), request_query(req, "until"));
        /* Listen before the head goes out: what happens once the client has seen it is not missed. */
        subscription = event_subscribe(req->engine->events, &filters, since, until);
        r = response_stream(res, 200, "application/json", false, &sink, err);
        if (r == 0)
                r = stream_events(req, subscription, sink, err);
        event_unsubscribe(subscription);
        return r;
}

static int auth(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *body = NULL, *report = NULL;

        if (request_json_tree(req, false, &body, err) < 0 ||
            engine_login(req->engine, body, &report, err) < 0)
                return -1;
        return response_json(res, 200, report, err);
}

static int session(struct request *req, struct response *res, struct error *err)
{
        (void)req, (void)res;
        return error_set(err, ERROR_UNSUPPORTED, "BuildKit sessions are not supported by davit yet");
}

static const struct route routes[] = {
        { "GET", "/_ping", ping }, { "HEAD", "/_ping", ping },          { "GET", "/version", version },
        { "GET", "/info", info },  { "GET", "/system/df", disk_usage }, { "GET", "/events", events },
        { "POST", "/auth", auth }, { "POST", "/session", session },     { "POST", "/grpc", session },
};
const struct route_list system_routes = ROUTE_LIST(routes);
