/* compose events, wait. */
#include "base/time.h"
#include "cli/compose-session.h"
#include "cli/timestamp.h"

#include <stdio.h>
#include <time.h>

struct events {
        bool down_project, dry_run, json;
        char *since, *until;
};

/* ---- events ---- */

static const struct option events_options[] = {
        COMPOSE_DRY_RUN(struct events),
        OPTION_BOOL("json", 0, struct events, json, "Output events as a stream of json objects"),
        OPTION_STRING("since", 0, struct events, since, "Show all events created since timestamp"),
        OPTION_STRING("until", 0, struct events, until, "Stream events until this timestamp"),
};

/* Without the labels that say which container it is. */
static json_object *attributes_of(json_object *all)
{
        json_object *out = json_object_new_object();

        if (json_object_is_type(all, json_type_object)) {
                json_object_object_foreach(all, name, value)
                {
                        if (!string_after(name, "com.docker.compose."))
                                json_object_object_add(out, name, json_object_get(value));
                }
        }
        return out;
}

/* Local time to the microsecond. */
static void format_time(int64_t ns, char *ret, size_t size)
{
        time_t seconds = ns / NSEC_PER_SEC;
        struct tm local;
        size_t n = strftime(ret, size, "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &local));

        snprintf(ret + n, size - n, ".%06lld", (long long)(ns % NSEC_PER_SEC / 1000));
}

static void print_json(json_object *event, json_object *attributes, const char *service, int64_t time)
{
        cleanup_json json_object *out = json_object_new_object();
        cleanup_free char *text = NULL;
        char stamp[TIME_RFC3339_MAX];

        time_format_rfc3339nano(time, stamp);
        json_object_object_add(out, "action", json_object_get(json_get(event, "Action")));
        json_object_object_add(out, "attributes", json_object_get(attributes));
        json_object_object_add(out, "id", json_object_get(json_get(json_get(event, "Actor"), "ID")));
        json_set_string(out, "service", service);
        json_set_string(out, "time", stamp);
        json_set_string(out, "type", "container");
        text = json_format(out);
        printf("%s\n", text);
}

static void print_text(json_object *event, json_object *attributes, int64_t time)
{
        cleanup_strbuf struct strbuf pairs = {};
        char stamp[64];

        format_time(time, stamp, sizeof(stamp));
        json_object_object_foreach(attributes, name, value)
            strbuf_addf(&pairs, "%s%s=%s", pairs.len ? ", " : "", name, json_object_get_string(value));
        printf("%s container %s %s (%s)\n", stamp, json_get_string(event, "Action"),
               json_get_string(json_get(event, "Actor"), "ID"), pairs.data ? pairs.data : "");
}

static void show_event(const struct events *o, char *const *services, json_object *event)
{
        json_object *all = json_get(json_get(event, "Actor"), "Attributes");
        const char *service = json_get_string(all, LABEL_SERVICE);
        cleanup_json json_object *attributes = attributes_of(all);
        int64_t time = json_get_int64(event, "timeNano", 0);

        if (!service || streq(json_get_string(all, LABEL_ONEOFF), "True") ||
            (*services && !strv_contains(services, service)))
                return;
        if (o->json)
                print_json(event, attributes, service, time);
        else
                print_text(event, attributes, time);
        fflush(stdout);
}

static int run_events(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct events *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_client_stream struct client_stream *stream = NULL;
        cleanup_strbuf struct strbuf pending = {};
        cleanup_query struct client_query q = {};
        cleanup_free char *filters = NULL, *since = NULL, *until = NULL;
        json_object *event;
        int r;

        if ((o->since && timestamp_parse(o->since, time_now(), &since, err) < 0) ||
            (o->until && timestamp_parse(o->until, time_now(), &until, err) < 0) ||
            compose_session_open(cli, NULL, COMPOSE_NEED_NAME, "", &s, err) < 0)
                return -1;
        filters = string_format("{\"label\":[\"" LABEL_PROJECT "=%s\"],\"type\":[\"container\"]}", s.name);
        client_query_init(&q, "/events");
        client_query_add(&q, "filters", filters);
        client_query_add(&q, "since", since);
        client_query_add(&q, "until", until);
        if (client_stream_call(s.engine.client, "GET", &q, NULL, &stream, err) < 0)
                return -1;
        while ((r = client_stream_json(stream, &pending, &event, err)) > 0) {
                show_event(o, call->args, event);
                json_object_put(event);
        }
        return r;
}

const struct command compose_events_command = { .name = "events",
                                                .usage = "[OPTIONS] [SERVICE...]",
                                                .summary = "Receive real time events from containers",
                                                COMPOSE_COMMAND_OPTIONS(events_options, struct events),
                                                .max_args = -1,
                                                .run = run_events };

/* ---- wait ---- */

static const struct option wait_options[] = {
        OPTION_BOOL("down-project", 0, struct events, down_project,
                    "Drops project when the first container stops"),
        COMPOSE_DRY_RUN(struct events),
};

struct waiting {
        pthread_mutex_t lock;
        int code;
};

static int wait_one(struct compose_engine *e, struct compose_container *c, void *context, struct error *err)
{
        struct waiting *w = context;
        cleanup_json json_object *answer = NULL;
        cleanup_query struct client_query q = {};
        int code;

        client_query_init(&q, "/containers/%s/wait", c->id);
        client_query_add(&q, "condition", "not-running");
        if (client_call(e->client, "POST", &q, NULL, &answer, NULL, err) < 0)
                return -1;
        code = (int)json_get_int64(answer, "StatusCode", 0);
        pthread_mutex_lock(&w->lock);
        printf("container \"%s\" exited with status code %d\n", c->id, code);
        fflush(stdout);
        w->code = code;
        pthread_mutex_unlock(&w->lock);
        return 0;
}

static int run_wait(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct events *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        struct waiting w = { .lock = PTHREAD_MUTEX_INITIALIZER };

        if (o->down_project)
                return error_set(
                    err, ERROR_UNSUPPORTED,
                    "wait --down-project is not supported by davit yet: run `compose down` after it");
        if (compose_session_open(cli, NULL, COMPOSE_NEED_NAME, "", &s, err) < 0 ||
            compose_containers_list(&s.engine, s.name, COMPOSE_NO_ONEOFFS, true, &containers, err) < 0)
                return -1;
        compose_containers_keep(&containers, call->args);
        if (containers.count == 0)
                return error_set(err, ERROR_NOT_FOUND, "no containers for project \"%s\"", s.name);
        return compose_each_container(&s.engine, &containers, wait_one, &w, err) < 0 ? -1 : w.code;
}

const struct command compose_wait_command = {
        .name = "wait",
        .usage = "SERVICE [SERVICE...] [OPTIONS]",
        .summary = "Block until containers of all (or specified) services stop.",
        COMPOSE_COMMAND_OPTIONS(wait_options, struct events),
        .min_args = 1,
        .max_args = -1,
        .run = run_wait
};

/* ---- Known, and not there ---- */

static int run_refused(struct cli *cli, struct invocation *call, struct error *err)
{
        (void)cli;
        return error_set(err, ERROR_UNSUPPORTED, "compose %s is not supported by davit", call->command->name);
}

const struct command compose_alpha_command = { .name = "alpha",
                                               .summary = "Experimental commands",
                                               .max_args = -1,
                                               .verbatim = true,
                                               .hidden = true,
                                               .run = run_refused };
const struct command compose_bridge_command = { .name = "bridge",
                                                .summary = "Convert compose files into another model",
                                                .max_args = -1,
                                                .verbatim = true,
                                                .hidden = true,
                                                .run = run_refused };
const struct command compose_publish_command = { .name = "publish",
                                                 .summary = "Publish compose application",
                                                 .max_args = -1,
                                                 .verbatim = true,
                                                 .hidden = true,
                                                 .run = run_refused };
const struct command compose_watch_command = { .name = "watch",
                                               .summary =
                                                   "Watch build context for service and rebuild/refresh "
                                                   "containers when files are updated",
                                               .max_args = -1,
                                               .verbatim = true,
                                               .hidden = true,
                                               .run = run_refused };
