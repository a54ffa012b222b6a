#include "cli/compose-image.h"
#include "base/time.h"
#include "cli/pull.h"

#include <stdio.h>

void compose_image_event(struct compose_session *s, const char *id, const char *text, const char *status,
                         enum compose_event_kind kind)
{
        struct compose_event event = { .id = id, .text = text, .status = status, .kind = kind };

        if (s->engine.reporter.event)
                s->engine.reporter.event(s->engine.reporter.context, &event);
}

/* "every_12h", "daily", "weekly": after that time an image is pulled again. */
static int refresh_interval(const char *policy, int64_t *ret)
{
        const int64_t day = 24 * 3600 * NSEC_PER_SEC;
        const char *every = string_after(policy, "every_");

        *ret = streq(policy, "daily") ? day : streq(policy, "weekly") ? 7 * day : 0;
        if (*ret)
                return 0;
        return every ? duration_parse(every, ret, NULL) : -1;
}

int compose_check_pull(const char *policy, struct error *err)
{
        static const char *const known[] = {
                "policy", "always", "missing", "never", "build", "if_not_present"
        };
        int64_t ignored;

        for (size_t i = 0; policy && i < ARRAY_SIZE(known); i++)
                if (streq(policy, known[i]))
                        return 0;
        if (!policy || refresh_interval(policy, &ignored) == 0)
                return 0;
        return error_set(err, ERROR_INVALID, "invalid --pull option \"%s\"", policy);
}

/* When the image got its name: 1, or 0 when it isn't there. */
static int look_up_image(struct compose_session *s, const char *image, int64_t *ret_tagged, struct error *err)
{
        cleanup_json json_object *found = NULL;
        cleanup_error struct error why = {};
        cleanup_query struct client_query q = {};
        const char *time;

        client_query_init(&q, "/images/%s/json", image);
        if (client_call(s->engine.client, "GET", &q, NULL, &found, NULL, &why) < 0)
                return error_is(&why, ERROR_NOT_FOUND) ? 0 : error_move(err, &why);
        time = json_get_string(json_get(found, "Metadata"), "LastTagTime");
        *ret_tagged = 0;
        if (time)
                (void)time_parse_rfc3339(time, ret_tagged, NULL);
        return 1;
}

int compose_service_pull(struct compose_session *s, const struct compose_service *service, struct error *err)
{
        cleanup_free char *image = compose_service_image(s->project, service, s->engine.separator);
        struct error why = {};

        compose_image_event(s, service->name, "Pulling", "", COMPOSE_EVENT_WORKING);
        if (!s->engine.dry_run && pull_image(s->cli, image, service->platform, NULL, &why) < 0) {
                const char *message = error_message(&why),
                           *rest = string_after(message, "Error response from daemon: ");

                compose_image_event(s, service->name, "Error", rest ? rest : message, COMPOSE_EVENT_ERROR);
                return error_move(err, &why);
        }
        compose_image_event(s, service->name, "Pulled", "", COMPOSE_EVENT_DONE);
        return 0;
}

static const char *policy_of(const struct compose_service *service, const struct compose_image_options *o)
{
        if (o->pull && !streq(o->pull, "policy"))
                return o->pull;
        return service->pull_policy ? service->pull_policy : "missing";
}

/* 1 when the image is there after. */
static int pull_if_wanted(struct compose_session *s, const struct compose_service *service,
                          const struct compose_image_options *o, struct error *err)
{
        cleanup_free char *image = compose_service_image(s->project, service, s->engine.separator);
        const char *policy = policy_of(service, o);
        int64_t interval, tagged = 0;
        struct error why = {};
        int there = look_up_image(s, image, &tagged, err);

        if (there < 0 || !service->image || streq(policy, "never") || streq(policy, "build"))
                return there;
        if (there && refresh_interval(policy, &interval) == 0 && time_now() < tagged + interval)
                return 1;
        if (there && !streq(policy, "always") && refresh_interval(policy, &interval) < 0)
                return 1;
        /* It is built anyway. */
        if (service->build && o->build)
                return there;
        if (compose_service_pull(s, service, &why) == 0)
                return 1;
        if (!service->build)
                return error_move(err, &why);
        error_clear(&why);
        return there;
}

struct pull_job {
        struct compose_session *s;
        const struct compose_image_options *o;
        bool *there;
};

static int pull_service(struct compose_engine *e, const struct compose_service *service, void *context,
                        struct error *err)
{
        const struct pull_job *job = context;
        const struct compose_service *first = service;
        cleanup_free char *image = compose_service_image(e->project, service, e->separator);
        int r;

        /* The first service of an image pulls it for all. */
        for (size_t i = 0; i < e->project->n_services; i++) {
                cleanup_free char *other =
                    compose_service_image(e->project, &e->project->services[i], e->separator);

                if (streq(other, image)) {
                        first = &e->project->services[i];
                        break;
                }
        }
        if (first != service && streq(first->pull_policy, service->pull_policy) && !service->build)
                return 0;
        r = pull_if_wanted(job->s, service, job->o, err);
        job->there[service - e->project->services] = r > 0;
        return r < 0 ? -1 : 0;
}

int compose_images_ensure(struct compose_session *s, const struct compose_image_options *o, struct error *err)
{
        cleanup_free bool *there = xcalloc(s->project->n_services + 1, sizeof(bool));
        struct pull_job job = { s, o, there };
        struct compose_build_options build = { .quiet = o->quiet_build };

        if (compose_each_service(&s->engine, false, pull_service, &job, err) < 0)
                return -1;
        for (size_t i = 0; !o->no_build && i < s->project->n_services; i++) {
                const struct compose_service *service = &s->project->services[i];

                if (!service->build)
                        continue;
                if ((o->build || streq(policy_of(service, o), "build") || !there[i]) &&
                    compose_service_build(s, service, &build, err) < 0)
                        return -1;
        }
        return 0;
}
