/* /containers: what goes on for a while: attach, logs, stats, wait. */
#include "api/query.h"
#include "api/resources.h"
#include "base/detach-keys.h"
#include "base/fd.h"
#include "base/time.h"
#include "engine/container.h"
#include "engine/engine.h"

#include <poll.h>

static int wait_container(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *report = NULL;
        struct container_wait *wait;
        struct sink *sink;
        int r;

        if (engine_container_wait_open(req->engine, request_param(req, "id"), request_query(req, "condition"),
                                       &wait, err) < 0)
                return -1;
        /* The head goes out at once: `docker run` starts the container when it sees it. */
        r = response_stream(res, 200, "application/json", false, &sink, err);
        if (r == 0)
                r = engine_container_wait(wait, request_cancel_fd(req), &report, err);
        if (r == 0) {
                cleanup_free char *text = json_format(report);
                cleanup_free char *line = string_format("%s\n", text);

                r = sink_write(sink, line, strlen(line), err);
        }
        engine_container_wait_close(wait);
        return r;
}

static int attach_container(struct request *req, struct response *res, struct error *err)
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
        cleanup_close int client = -1;
        cleanup_free char *early = NULL;
        size_t early_len;
        struct detach_keys keys;
        bool tty;

        if (detach_keys_parse(options.detach_keys, &keys, err) < 0 ||
            engine_container_attach_check(req->engine, id, &tty, err) < 0 ||
            response_hijack(res, stream_media_type(req, tty, true), &client, &early, &early_len, err) < 0)
                return -1;
        return engine_container_attach(req->engine, id, &options, client, early, early_len, err);
}

static int logs_container(struct request *req, struct response *res, struct error *err)
{
        const char *tail = request_query_default(req, "tail", "all");
        struct container_logs_options options = {
                .use_stdout = request_query_bool(req, "stdout"),
                .use_stderr = request_query_bool(req, "stderr"),
                .follow = request_query_bool(req, "follow"),
                .timestamps = request_query_bool(req, "timestamps"),
                .details = request_query_bool(req, "details"),
        };
        struct container_logs *logs;
        struct sink *sink;
        bool tty;
        int r;

        if (!options.use_stdout && !options.use_stderr)
                return error_set(err, ERROR_INVALID, "Bad parameters: you must choose at least one stream");
        if (query_time(req, "since", TIME_ZERO, &options.since, err) < 0 ||
            query_time(req, "until", TIME_ZERO, &options.until, err) < 0)
                return -1;
        /* As in Docker, whatever is not a number means all. */
        if (string_to_int64(tail, &options.tail, NULL) < 0 || options.tail < 0)
                options.tail = -1;
        if (engine_container_logs_open(req->engine, request_param(req, "id"), &options, &logs, &tty, err) < 0)
                return -1;
        r = response_stream(res, 200, stream_media_type(req, tty, false), !options.follow, &sink, err);
        if (r == 0)
                r = engine_container_logs_write(logs, sink, request_cancel_fd(req), err);
        engine_container_logs_close(logs);
        return r;
}

/* ---- Statistics ---- */

/* Sleeps a second. Returns false when the client went away. */
static bool next_second(const struct request *req, int64_t *next)
{
        struct pollfd p = { .fd = request_cancel_fd(req), .events = POLLRDHUP };
        int64_t left = *next - time_monotonic();

        *next += NSEC_PER_SEC;
        return poll(&p, 1, left > 0 ? (int)(left / NSEC_PER_MSEC) : 0) == 0;
}

static int stats_once(struct request *req, struct response *res, bool one_shot, struct error *err)
{
        const char *id = request_param(req, "id");
        struct container_sample *previous = NULL;
        cleanup_json json_object *stats = NULL;
        int64_t next = time_monotonic() + NSEC_PER_SEC;
        int r = engine_container_stats(req->engine, id, &previous, &stats, err);

        /* Without a sample before, there is nothing to compare the processor's time with. */
        if (r == 0 && !one_shot && previous) {
                json_object_put(stats);
                stats = NULL;
                r = next_second(req, &next) ? engine_container_stats(req->engine, id, &previous, &stats, err)
                                            : error_set(err, ERROR_CANCELLED, "the client went away");
        }
        container_sample_free(previous);
        return r < 0 ? -1 : response_json(res, 200, stats, err);
}

static int stats_stream(struct request *req, struct response *res, struct error *err)
{
        const char *id = request_param(req, "id");
        struct container_sample *previous = NULL;
        int64_t next = time_monotonic() + NSEC_PER_SEC;
        struct sink *sink = NULL;
        int r;

        do {
                cleanup_json json_object *stats = NULL;
                cleanup_free char *text = NULL, *line = NULL;

                r = engine_container_stats(req->engine, id, &previous, &stats, err);
                if (r < 0 && sink && error_is(err, ERROR_NOT_FOUND)) {
                        /* Removed meanwhile: the stream just ends. */
                        error_clear(err);
                        r = 0;
                        break;
                }
                if (r == 0 && !sink)
                        r = response_stream(res, 200, "application/json", false, &sink, err);
                if (r < 0)
                        break;
                text = json_format(stats);
                line = string_format("%s\n", text);
                r = sink_write(sink, line, strlen(line), err);
        } while (r == 0 && next_second(req, &next));
        container_sample_free(previous);
        return r;
}

static int stats_container(struct request *req, struct response *res, struct error *err)
{
        bool stream = request_query_bool_default(req, "stream", true),
             one_shot = request_query_bool(req, "one-shot");

        if (stream && one_shot)
                return error_set(err, ERROR_INVALID, "cannot have stream=true and one-shot=true");
        return stream ? stats_stream(req, res, err) : stats_once(req, res, one_shot, err);
}

static const struct route routes[] = {
        { "POST", "/containers/{id}/wait", wait_container },
        { "POST", "/containers/{id}/attach", attach_container },
        { "GET", "/containers/{id}/logs", logs_container },
        { "GET", "/containers/{id}/stats", stats_container },
};
const struct route_list container_stream_routes = ROUTE_LIST(routes);
