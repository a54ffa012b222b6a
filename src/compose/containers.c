/* The containers of a project, as the engine tells them. */
#include "compose/engine.h"

#include <stdio.h>

static void container_free(struct compose_container *c)
{
        free(c->id);
        free(c->name);
        free(c->service);
        free(c->state);
        free(c->config_hash);
        free(c->image_digest);
        free(c->replace);
        json_object_put(c->summary);
        free(c);
}

void compose_containers_deinit(struct compose_containers *c)
{
        for (size_t i = 0; i < c->count; i++)
                container_free(c->list[i]);
        free(c->list);
        *c = (struct compose_containers){};
}

static struct compose_container *container_new(json_object *summary)
{
        struct compose_container *c = xcalloc(1, sizeof(*c));
        json_object *labels = json_get(summary, "Labels"),
                    *name = json_object_array_get_idx(json_get(summary, "Names"), 0);
        const char *number = json_get_string(labels, LABEL_NUMBER);
        const char *text = name ? json_object_get_string(name) : "";

        c->id = xstrdup(json_get_string(summary, "Id"));
        c->name = xstrdup(*text == '/' ? text + 1 : text);
        c->service = xstrdup(json_get_string(labels, LABEL_SERVICE));
        c->state = xstrdup(json_get_string(summary, "State"));
        c->config_hash = xstrdup(json_get_string(labels, LABEL_CONFIG_HASH));
        c->image_digest = xstrdup(json_get_string(labels, LABEL_IMAGE));
        c->replace = xstrdup(json_get_string(labels, LABEL_REPLACE));
        c->number = number ? atoi(number) : 0;
        c->oneoff = streq(json_get_string(labels, LABEL_ONEOFF), "True");
        c->created = json_get_int64(summary, "Created", 0);
        c->summary = json_object_get(summary);
        return c;
}

/* What has an id, names and our labels. */
static bool is_ours(json_object *summary, enum compose_oneoffs oneoffs)
{
        json_object *labels = json_get(summary, "Labels");
        bool oneoff = streq(json_get_string(labels, LABEL_ONEOFF), "True");

        if (!json_get_string(summary, "Id") || !json_get_string(labels, LABEL_SERVICE) ||
            !json_get_string(labels, LABEL_CONFIG_HASH) ||
            !json_object_is_type(json_get(summary, "Names"), json_type_array) ||
            json_object_array_length(json_get(summary, "Names")) == 0)
                return false;
        return oneoffs == COMPOSE_WITH_ONEOFFS || oneoff == (oneoffs == COMPOSE_ONLY_ONEOFFS);
}

static int compare_names(const void *a, const void *b)
{
        const struct compose_container *x = *(struct compose_container *const *)a,
                                       *y = *(struct compose_container *const *)b;

        return strcmp(x->name, y->name);
}

/* {"label": ["com.docker.compose.project=NAME"]} */
static char *project_filter(const char *project)
{
        cleanup_json json_object *filters = json_object_new_object();
        json_object *labels = json_object_new_array();
        cleanup_free char *label = string_format(LABEL_PROJECT "=%s", project);

        json_object_array_add(labels, json_object_new_string(label));
        json_object_object_add(filters, "label", labels);
        return json_format(filters);
}

int compose_containers_list(struct compose_engine *e, const char *project, enum compose_oneoffs oneoffs,
                            bool all, struct compose_containers *ret, struct error *err)
{
        cleanup_free char *filters = project_filter(project);
        cleanup_query struct client_query q = {};
        cleanup_json json_object *answer = NULL;

        client_query_init(&q, "/containers/json");
        client_query_add_bool(&q, "all", all);
        client_query_add(&q, "filters", filters);
        if (client_call(e->client, "GET", &q, NULL, &answer, NULL, err) < 0)
                return -1;
        if (!json_object_is_type(answer, json_type_array))
                return error_set(err, ERROR_INVALID, "the engine's list of containers is none");
        for (size_t i = 0; i < json_object_array_length(answer); i++) {
                json_object *summary = json_object_array_get_idx(answer, i);

                if (is_ours(summary, oneoffs))
                        ARRAY_APPEND(ret->list, ret->count, container_new(summary));
        }
        if (ret->count)
                qsort(ret->list, ret->count, sizeof(*ret->list), compare_names);
        return 0;
}

void compose_containers_keep(struct compose_containers *c, char *const *services)
{
        size_t kept = 0;

        if (!services || !*services)
                return;
        for (size_t i = 0; i < c->count; i++)
                if (strv_contains(services, c->list[i]->service))
                        c->list[kept++] = c->list[i];
                else
                        container_free(c->list[i]);
        c->count = kept;
}

struct compose_container *compose_containers_find(const struct compose_containers *c, const char *service,
                                                  int number)
{
        struct compose_container *found = NULL;

        for (size_t i = 0; i < c->count; i++)
                if (streq(c->list[i]->service, service) && (number == 0 || c->list[i]->number == number) &&
                    (!found || c->list[i]->number < found->number))
                        found = c->list[i];
        return found;
}

bool compose_container_runs(const struct compose_container *c)
{
        return streq(c->state, "running") || streq(c->state, "paused") || streq(c->state, "restarting");
}

int compose_container_inspect(struct compose_engine *e, const char *id, json_object **ret, struct error *err)
{
        cleanup_query struct client_query q = {};

        client_query_init(&q, "/containers/%s/json", id);
        if (client_call(e->client, "GET", &q, NULL, ret, NULL, err) < 0)
                return -1;
        return *ret ? 0 : error_set(err, ERROR_INVALID, "the engine's answer about %s is empty", id);
}

const char *compose_container_short_name(const struct compose_container *c, const char *project)
{
        size_t len = strlen(project);

        for (const char *separator = "-_"; *separator; separator++) {
                cleanup_free char *usual =
                    string_format("%s%c%s%c%d", project, *separator, c->service, *separator, c->number);

                if (streq(c->name, usual))
                        return c->name + len + 1;
        }
        return c->name;
}

/* ---- The project that they are of ---- */

/* "db:service_healthy:false,…" of a container's label. */
static void observe_dependencies(struct compose_service *service, const char *label)
{
        cleanup_strv char **words = strv_split(label, ',');

        for (char **word = words; *word; word++) {
                cleanup_strv char **parts = strv_split(*word, ':');
                struct compose_dependency d = { .required = true };

                if (!*parts[0] || compose_service_dependency(service, parts[0]))
                        continue;
                d.service = xstrdup(parts[0]);
                d.condition = xstrdup(parts[1] ? parts[1] : "service_started");
                d.restart = parts[1] && streq(parts[2], "true");
                ARRAY_APPEND(service->depends_on, service->n_depends_on, d);
        }
}

static void observe_services(struct compose_project *p, const struct compose_containers *containers)
{
        for (size_t i = 0; i < containers->count; i++) {
                const struct compose_container *c = containers->list[i];
                const char *dependencies = json_get_string(json_get(c->summary, "Labels"), LABEL_DEPENDS_ON);
                struct compose_service *service = compose_project_service(p, c->service);

                if (!service) {
                        struct compose_service new = { .name = xstrdup(c->service),
                                                       .image =
                                                           xstrdup(json_get_string(c->summary, "Image")) };

                        ARRAY_APPEND(p->services, p->n_services, new);
                        service = &p->services[p->n_services - 1];
                        compose_service_set_scale(service, 0);
                }
                compose_service_set_scale(service, compose_service_scale(service) + 1);
                observe_dependencies(service, dependencies ? dependencies : "");
        }
}

static int compare_services(const void *a, const void *b)
{
        return strcmp(((const struct compose_service *)a)->name, ((const struct compose_service *)b)->name);
}

static int observe_networks(struct compose_engine *e, struct compose_project *p, struct error *err)
{
        cleanup_free char *filters = project_filter(p->name);
        cleanup_query struct client_query q = {};
        cleanup_json json_object *answer = NULL;

        client_query_init(&q, "/networks");
        client_query_add(&q, "filters", filters);
        if (client_call(e->client, "GET", &q, NULL, &answer, NULL, err) < 0)
                return -1;
        for (size_t i = 0;
             json_object_is_type(answer, json_type_array) && i < json_object_array_length(answer); i++) {
                json_object *one = json_object_array_get_idx(answer, i);
                const char *key = json_get_string(json_get(one, "Labels"), LABEL_NETWORK);
                struct compose_network n = { .key = xstrdup(key ? key : ""),
                                             .name = xstrdup(json_get_string(one, "Name")) };

                ARRAY_APPEND(p->networks, p->n_networks, n);
        }
        return 0;
}

static int observe_volumes(struct compose_engine *e, struct compose_project *p, struct error *err)
{
        cleanup_free char *filters = project_filter(p->name);
        cleanup_query struct client_query q = {};
        cleanup_json json_object *answer = NULL;
        json_object *list;

        client_query_init(&q, "/volumes");
        client_query_add(&q, "filters", filters);
        if (client_call(e->client, "GET", &q, NULL, &answer, NULL, err) < 0)
                return -1;
        list = json_get(answer, "Volumes");
        for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
             i++) {
                json_object *one = json_object_array_get_idx(list, i);
                const char *key = json_get_string(json_get(one, "Labels"), LABEL_VOLUME);
                struct compose_volume v = { .key = xstrdup(key ? key : ""),
                                            .name = xstrdup(json_get_string(one, "Name")) };

                ARRAY_APPEND(p->volumes, p->n_volumes, v);
        }
        return 0;
}

int compose_project_observed(struct compose_engine *e, const char *name, struct compose_project **ret,
                             struct error *err)
{
        cleanup_compose_containers struct compose_containers containers = {};
        cleanup_compose_project struct compose_project *p = xcalloc(1, sizeof(*p));

        p->name = xstrdup(name);
        if (compose_containers_list(e, name, COMPOSE_NO_ONEOFFS, true, &containers, err) < 0 ||
            observe_networks(e, p, err) < 0 || observe_volumes(e, p, err) < 0)
                return -1;
        observe_services(p, &containers);
        if (p->n_services)
                qsort(p->services, p->n_services, sizeof(*p->services), compare_services);
        *ret = take_ptr(p);
        return 0;
}
