/* One container of a service: made, or made anew in the place of another. */
#include "compose/create-internal.h"
#include "compose/request.h"

#include <stdio.h>

char *compose_container_name(const struct compose_engine *e, const struct compose_service *service,
                             int number)
{
        if (service->container_name)
                return xstrdup(service->container_name);
        return string_format("%s%s%s%s%d", e->project->name, e->separator, service->name, e->separator,
                             number);
}

/* Parts of the model that nothing here stands for. */
static int check_supported(const struct compose_service *service, struct error *err)
{
        const char *what = service->provider          ? "provider"
                           : service->n_models        ? "models"
                           : service->use_api_socket  ? "use_api_socket"
                           : service->credential_spec ? "credential_spec"
                                                      : NULL;

        return what ? error_set(err, ERROR_UNSUPPORTED, "service \"%s\": `%s` is not supported by davit yet",
                                service->name, what)
                    : 0;
}

static int post_create(struct compose_engine *e, const struct compose_service *service, const char *name,
                       const struct compose_request *r, char **ret_id, struct error *err)
{
        cleanup_json json_object *body = compose_request_json(r), *answer = NULL;
        cleanup_query struct client_query q = {};
        json_object *warnings;
        const char *id;

        client_query_init(&q, "/containers/create");
        client_query_add(&q, "name", name);
        client_query_add(&q, "platform", service->platform);
        if (compose_change(e, "POST", &q, body, &answer, err) < 0)
                return -1;
        id = e->dry_run ? "dry-run" : json_get_string(answer, "Id");
        if (!id)
                return error_set(err, ERROR_INVALID, "the engine's answer has no id");
        warnings = json_get(answer, "Warnings");
        for (size_t i = 0;
             json_object_is_type(warnings, json_type_array) && i < json_object_array_length(warnings); i++)
                compose_warning(e, "%s", json_object_get_string(json_object_array_get_idx(warnings, i)));
        *ret_id = xstrdup(id);
        return 0;
}

int compose_container_create(struct compose_engine *e, const struct compose_service *service,
                             const struct compose_containers *others, const struct compose_create *o,
                             char **ret_id, struct error *err)
{
        cleanup_compose_request struct compose_request request = {};
        cleanup_json json_object *replaced = NULL;
        cleanup_free char *name = o->name ? xstrdup(o->name) : compose_container_name(e, service, o->number);
        cleanup_free char *id = NULL;
        int r;

        if (check_supported(service, err) < 0)
                return -1;
        if (o->replaced && !o->renew_volumes &&
            compose_container_inspect(e, o->replaced->id, &replaced, err) < 0)
                return -1;
        pthread_mutex_lock(&e->lock);
        r = compose_request_make(e, service, others, o, replaced, &request, err);
        pthread_mutex_unlock(&e->lock);
        if (r < 0 || post_create(e, service, name, &request, &id, err) < 0 ||
            compose_files_inject(e, service, id, err) < 0)
                return -1;
        *ret_id = take_ptr(id);
        return 0;
}

void compose_container_made(struct compose_container *c, const struct compose_service *service,
                            const char *id, const char *name, int number)
{
        replace_string(&c->id, id);
        replace_string(&c->name, name);
        replace_string(&c->service, service->name);
        replace_string(&c->state, "created");
        c->number = number;
        json_object_put(take_ptr(c->summary));
}

int compose_container_rename(struct compose_engine *e, const char *id, const char *name, struct error *err)
{
        cleanup_query struct client_query q = {};

        client_query_init(&q, "/containers/%s/rename", id);
        client_query_add(&q, "name", name);
        return compose_change(e, "POST", &q, NULL, NULL, err);
}

static int replace(struct compose_engine *e, const struct compose_service *service,
                   const struct compose_containers *others, struct compose_container *c,
                   const struct compose_converge *options, const char *digest, const char *name,
                   struct error *err)
{
        cleanup_free char *temporary = string_format("%.12s_%s", c->id, name), *id = NULL;
        struct compose_create o = { .number = c->number,
                                    .name = temporary,
                                    .image_digest = digest,
                                    .replaced = c,
                                    .renew_volumes = options->renew_volumes,
                                    .service_aliases = true };
        cleanup_query struct client_query stop = {}, remove = {};

        if (compose_container_create(e, service, others, &o, &id, err) < 0)
                return -1;
        client_query_init(&stop, "/containers/%s/stop", c->id);
        if (options->timeout >= 0)
                client_query_add_int(&stop, "t", options->timeout);
        client_query_init(&remove, "/containers/%s", c->id);
        if ((compose_container_runs(c) && compose_change(e, "POST", &stop, NULL, NULL, err) < 0) ||
            compose_change(e, "DELETE", &remove, NULL, NULL, err) < 0 ||
            compose_container_rename(e, id, name, err) < 0)
                return -1;
        compose_container_made(c, service, id, name, c->number);
        return 0;
}

int compose_container_recreate(struct compose_engine *e, const struct compose_service *service,
                               const struct compose_containers *others, struct compose_container *c,
                               const struct compose_converge *options, const char *digest, struct error *err)
{
        cleanup_free char *old = xstrdup(c->name), *name = compose_container_name(e, service, c->number);
        struct error why = {};

        compose_report_container(e, COMPOSE_EVENT_WORKING, old, "Recreate");
        if (replace(e, service, others, c, options, digest, name, &why) < 0) {
                compose_report_container(e, COMPOSE_EVENT_ERROR, old, error_message(&why));
                return error_move(err, &why);
        }
        compose_report_container(e, COMPOSE_EVENT_DONE, old, "Recreated");
        return 0;
}

int compose_container_add(struct compose_engine *e, const struct compose_service *service,
                          const struct compose_containers *others, int number, const char *digest,
                          struct compose_container **ret, struct error *err)
{
        cleanup_free char *name = compose_container_name(e, service, number), *id = NULL;
        struct compose_create o = { .number = number, .image_digest = digest, .service_aliases = true };
        struct error why = {};

        compose_report_container(e, COMPOSE_EVENT_WORKING, name, "Creating");
        if (compose_container_create(e, service, others, &o, &id, &why) < 0) {
                compose_report_container(e, COMPOSE_EVENT_ERROR, name, error_message(&why));
                return error_move(err, &why);
        }
        compose_report_container(e, COMPOSE_EVENT_DONE, name, "Created");
        *ret = xcalloc(1, sizeof(**ret));
        compose_container_made(*ret, service, id, name, number);
        return 0;
}
