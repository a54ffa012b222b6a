/* compose down. */
#include "cli/compose-image.h"
#include "cli/compose-session.h"

#include <stdio.h>

struct down {
        bool dry_run, remove_orphans, volumes;
        char *rmi;
        int64_t timeout;
};
static const struct option down_options[] = {
        COMPOSE_DRY_RUN(struct down),
        OPTION_BOOL("remove-orphans", 0, struct down, remove_orphans,
                    "Remove containers for services not defined in the Compose file"),
        OPTION_STRING("rmi", 0, struct down, rmi,
                      "Remove images used by services. \"local\" remove only images that don't have a custom "
                      "tag (\"local\"|\"all\")"),
        OPTION_INT("timeout", 't', struct down, timeout, "Specify a shutdown timeout in seconds"),
        OPTION_BOOL("volumes", 'v', struct down, volumes,
                    "Remove named volumes declared in the \"volumes\" section of the Compose file and "
                    "anonymous volumes attached to containers"),
};

static int remove_one(struct compose_engine *e, struct compose_container *c, void *context, struct error *err)
{
        const struct compose_stop *o = context;

        if (compose_container_stop(e, NULL, c, o->timeout, err) < 0)
                return -1;
        return compose_container_remove(e, c, true, o->volumes, err);
}

/* Containers of services that the files don't know, and with them one-off containers. */
static int remove_orphans(struct compose_session *s, struct compose_containers *all,
                          const struct compose_stop *stop, struct error *err)
{
        struct compose_containers orphans = {};
        int r;

        for (size_t i = 0; i < all->count; i++)
                if (all->list[i]->oneoff || (!compose_project_service(s->project, all->list[i]->service) &&
                                             !compose_project_disabled(s->project, all->list[i]->service)))
                        ARRAY_APPEND(orphans.list, orphans.count, all->list[i]);
        r = compose_each_container(&s->engine, &orphans, remove_one, (void *)stop, err);
        free(orphans.list);
        return r;
}

/* ---- Images ---- */

/* Names of images to be removed: all that services have, or those that were built for the project. */
static int images_of(struct compose_session *s, const char *which, char *const *services, char ***ret,
                     struct error *err)
{
        cleanup_json json_object *answer = NULL;
        cleanup_query struct client_query q = {};
        cleanup_free char *filters =
            string_format("{\"label\":[\"" LABEL_PROJECT "=%s\"],\"dangling\":[\"false\"]}", s->name);

        for (size_t i = 0; i < s->project->n_services; i++) {
                const struct compose_service *service = &s->project->services[i];
                cleanup_free char *image = compose_service_image(s->project, service, s->engine.separator);

                if ((streq(which, "all") || !service->image) && !strv_contains(*ret, image))
                        strv_append(ret, image);
        }
        client_query_init(&q, "/images/json");
        client_query_add(&q, "filters", filters);
        if (client_call(s->engine.client, "GET", &q, NULL, &answer, NULL, err) < 0)
                return -1;
        for (size_t i = 0;
             json_object_is_type(answer, json_type_array) && i < json_object_array_length(answer); i++) {
                json_object *one = json_object_array_get_idx(answer, i), *tags = json_get(one, "RepoTags");
                const char *service = json_get_string(json_get(one, "Labels"), LABEL_SERVICE);

                if (services && *services && !strv_contains(services, service ? service : ""))
                        continue;
                for (size_t k = 0;
                     json_object_is_type(tags, json_type_array) && k < json_object_array_length(tags); k++) {
                        const char *tag = json_object_get_string(json_object_array_get_idx(tags, k));

                        if (!strv_contains(*ret, tag))
                                strv_append(ret, tag);
                }
        }
        return 0;
}

static int remove_image(struct compose_session *s, const char *image, bool *ret_found, struct error *err)
{
        /* Only a name's last part may have a tag. */
        const char *slash = strrchr(image, '/');
        bool tagged = strchr(slash ? slash : image, ':') != NULL;
        cleanup_free char *name = string_format("%s%s", image, tagged ? "" : ":latest"),
                          *id = string_format("Image %s", name);
        cleanup_json json_object *found = NULL;
        cleanup_query struct client_query look = {}, q = {};
        cleanup_error struct error why = {};

        client_query_init(&look, "/images/%s/json", name);
        if (client_call(s->engine.client, "GET", &look, NULL, &found, NULL, &why) < 0)
                return error_is(&why, ERROR_NOT_FOUND) ? 0 : error_move(err, &why);
        *ret_found = true;
        compose_report(&s->engine, COMPOSE_EVENT_WORKING, id, "Removing");
        client_query_init(&q, "/images/%s", name);
        if (compose_change(&s->engine, "DELETE", &q, NULL, NULL, &why) < 0) {
                if (error_is(&why, ERROR_CONFLICT))
                        compose_report(&s->engine, COMPOSE_EVENT_WARNING, id, "Resource is still in use");
                else if (error_is(&why, ERROR_NOT_FOUND))
                        compose_report(&s->engine, COMPOSE_EVENT_DONE, id,
                                       "Warning: No resource found to remove");
                else
                        return error_move(err, &why);
                return 0;
        }
        compose_report(&s->engine, COMPOSE_EVENT_DONE, id, "Removed");
        return 0;
}

static int remove_images(struct compose_session *s, const char *which, char *const *services, bool *ret_found,
                         struct error *err)
{
        cleanup_strv char **images = strv_new();

        if (images_of(s, which, services, &images, err) < 0)
                return -1;
        for (char **image = images; *image; image++)
                if (remove_image(s, *image, ret_found, err) < 0)
                        return -1;
        return 0;
}

/* ---- All of it ---- */

static int remove_networks(struct compose_session *s, bool *ret_found, struct error *err)
{
        for (size_t i = 0; i < s->project->n_networks; i++) {
                bool found = false;

                if (!s->project->networks[i].external &&
                    compose_network_remove(&s->engine, &s->project->networks[i], &found, err) < 0)
                        return -1;
                *ret_found |= found;
        }
        return 0;
}

static int remove_volumes(struct compose_session *s, bool *ret_found, struct error *err)
{
        for (size_t i = 0; i < s->project->n_volumes; i++) {
                bool found = false;

                if (!s->project->volumes[i].external &&
                    compose_volume_remove(&s->engine, &s->project->volumes[i], &found, err) < 0)
                        return -1;
                *ret_found |= found;
        }
        return 0;
}

static bool wants_orphans(const struct down *o)
{
        const char *text = getenv("COMPOSE_REMOVE_ORPHANS");
        bool on = false;

        if (text)
                (void)string_to_bool(text, &on);
        return o->remove_orphans || on;
}

/* Only what was named stays in the project: its dependencies go on. */
static int open_session(struct cli *cli, char *const *services, struct compose_session *s, struct error *err)
{
        if (compose_session_open(cli, services, COMPOSE_NEED_PROJECT, "Running", s, err) < 0)
                return -1;
        return services && *services
                   ? compose_project_select(s->project, services, COMPOSE_WITHOUT_DEPENDENCIES, err)
                   : 0;
}

static int run_down(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct down *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        struct compose_stop stop = { .timeout = option_given(call, "timeout") ? o->timeout : -1,
                                     .remove = true,
                                     .volumes = o->volumes };
        bool orphans = wants_orphans(o), found = false;

        if (o->rmi && !streq(o->rmi, "all") && !streq(o->rmi, "local"))
                return error_set(err, ERROR_INVALID, "invalid value for --rmi: \"%s\"", o->rmi);
        if (open_session(cli, call->args, &s, err) < 0 ||
            compose_containers_list(&s.engine, s.name, orphans ? COMPOSE_WITH_ONEOFFS : COMPOSE_NO_ONEOFFS,
                                    true, &containers, err) < 0)
                return -1;
        found = containers.count > 0 || s.project->n_networks > 0 || s.project->n_volumes > 0 ||
                s.project->n_services > 0;
        if (compose_stop(&s.engine, &containers, &stop, err) < 0 ||
            (orphans && !*call->args && remove_orphans(&s, &containers, &stop, err) < 0) ||
            remove_networks(&s, &found, err) < 0 ||
            (o->rmi && remove_images(&s, o->rmi, call->args, &found, err) < 0) ||
            (o->volumes && remove_volumes(&s, &found, err) < 0))
                return -1;
        if (!found)
                compose_warning(&s.engine, "Warning: No resource found to remove for project \"%s\".",
                                s.name);
        return 0;
}

const struct command compose_down_command = { .name = "down",
                                              .usage = "[OPTIONS] [SERVICES]",
                                              .summary = "Stop and remove containers, networks",
                                              COMPOSE_COMMAND_OPTIONS(down_options, struct down),
                                              .max_args = -1,
                                              .run = run_down };
