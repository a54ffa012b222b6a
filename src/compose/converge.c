/* From what is there to what is wanted. */
#include "compose/create-internal.h"
#include "compose/tasks.h"

#include <stdio.h>

struct converging {
        struct compose_converge *options;
        struct compose_containers *all;
};

/* ---- Images ---- */

int compose_images_resolve(struct compose_engine *e, struct strmap *ret, struct error *err)
{
        for (size_t i = 0; i < e->project->n_services; i++) {
                cleanup_free char *image =
                    compose_service_image(e->project, &e->project->services[i], e->separator);
                cleanup_error struct error why = {};
                cleanup_json json_object *found = NULL;
                cleanup_query struct client_query q = {};

                if (strmap_get(ret, image))
                        continue;
                client_query_init(&q, "/images/%s/json", image);
                if (client_call(e->client, "GET", &q, NULL, &found, NULL, &why) == 0)
                        strmap_set(ret, image, json_get_string(found, "Id"));
                else if (!error_is(&why, ERROR_NOT_FOUND))
                        return error_move(err, &why);
        }
        return 0;
}

/* ---- Orphans and what a recreation that was cut off has left ---- */

static bool is_orphan(const struct compose_engine *e, const struct compose_container *c)
{
        return !compose_project_service(e->project, c->service) &&
               !compose_project_disabled(e->project, c->service);
}

static void forget(struct compose_containers *all, size_t index)
{
        struct compose_containers one = {};

        ARRAY_APPEND(one.list, one.count, all->list[index]);
        memmove(&all->list[index], &all->list[index + 1], (all->count - index - 1) * sizeof(*all->list));
        all->count--;
        compose_containers_deinit(&one);
}

static int stop_and_remove(struct compose_engine *e, struct compose_container *c, void *context,
                           struct error *err)
{
        const struct compose_converge *options = context;

        if (compose_container_stop(e, compose_project_service(e->project, c->service), c, options->timeout,
                                   err) < 0)
                return -1;
        return compose_container_remove(e, c, true, false, err);
}

static int handle_orphans(struct compose_engine *e, const struct converging *w, struct error *err)
{
        struct compose_containers orphans = {};
        cleanup_strbuf struct strbuf names = {};
        int r = 0;

        for (size_t i = 0; i < w->all->count; i++)
                if (is_orphan(e, w->all->list[i])) {
                        strbuf_addf(&names, "%s%s", names.len ? " " : "", w->all->list[i]->name);
                        ARRAY_APPEND(orphans.list, orphans.count, w->all->list[i]);
                }
        if (orphans.count && w->options->remove_orphans)
                r = compose_each_container(e, &orphans, stop_and_remove, w->options, err);
        else if (orphans.count && !w->options->ignore_orphans)
                compose_warning(e,
                                "Found orphan containers ([%s]) for this project. If you removed or renamed "
                                "this service in your compose file, you can run this command with the "
                                "--remove-orphans flag to clean it up.",
                                names.data);
        free(orphans.list);
        for (size_t i = w->all->count; i > 0; i--)
                if (is_orphan(e, w->all->list[i - 1]))
                        forget(w->all, i - 1);
        return r;
}

/* A recreation makes the new container under another name, "0123456789ab_NAME", then removes the old one. Cut
 * off in between, the new one goes (the old one is made anew again) or gets its name. */
static int finish_recreations(struct compose_engine *e, struct compose_containers *all, struct error *err)
{
        for (size_t i = all->count; i > 0; i--) {
                struct compose_container *c = all->list[i - 1];
                const struct compose_service *service = compose_project_service(e->project, c->service);
                cleanup_free char *name = service ? compose_container_name(e, service, c->number) : NULL;
                bool there = false;

                if (!c->replace || !name || streq(c->name, name) || strlen(c->name) <= 13 ||
                    c->name[12] != '_' || !streq(c->name + 13, name))
                        continue;
                for (size_t k = 0; k < all->count; k++)
                        there |= streq(all->list[k]->name, name);
                if (!there) {
                        if (compose_container_rename(e, c->id, name, err) < 0)
                                return -1;
                        replace_string(&c->name, name);
                        continue;
                }
                if (compose_container_remove(e, c, true, false, err) < 0)
                        return -1;
                forget(all, i - 1);
        }
        return 0;
}

/* ---- A service ---- */

static bool has_networks(struct compose_engine *e, const struct compose_service *service,
                         const struct compose_container *c)
{
        json_object *networks = json_get(json_get(c->summary, "NetworkSettings"), "Networks");

        for (size_t i = 0; !service->network_mode && i < service->n_networks; i++) {
                const struct compose_network *n =
                    compose_project_network(e->project, service->networks[i].name);

                if (n && !json_get(networks, n->name))
                        return false;
        }
        return true;
}

static bool has_volumes(struct compose_engine *e, const struct compose_service *service,
                        const struct compose_container *c)
{
        json_object *mounts = json_get(c->summary, "Mounts");

        for (size_t i = 0; i < service->n_volumes; i++) {
                const struct compose_mount *m = &service->volumes[i];
                const struct compose_volume *v = m->source && streq(m->type, "volume")
                                                     ? compose_project_volume(e->project, m->source)
                                                     : NULL;
                bool there = !v;

                for (size_t k = 0; !there && json_object_is_type(mounts, json_type_array) &&
                                   k < json_object_array_length(mounts);
                     k++)
                        there = streq(json_get_string(json_object_array_get_idx(mounts, k), "Name"), v->name);
                if (!there)
                        return false;
        }
        return true;
}

static bool must_recreate(struct compose_engine *e, const struct compose_service *service,
                          const struct compose_container *c, enum compose_recreate policy, const char *digest)
{
        char hash[COMPOSE_HASH_LENGTH + 1];

        if (policy != COMPOSE_RECREATE_CHANGED)
                return policy == COMPOSE_RECREATE_ALWAYS;
        compose_service_hash(service, hash);
        if (!streq(c->config_hash, hash) || (digest && !streq(c->image_digest, digest)))
                return true;
        return streq(c->state, "running") && (!has_networks(e, service, c) || !has_volumes(e, service, c));
}

struct candidate {
        struct compose_container *container;
        bool obsolete;
};

/* Those to be kept first: current ones by number, then the obsolete. */
static int compare_candidates(const void *a, const void *b)
{
        const struct candidate *x = a, *y = b;

        if (x->obsolete != y->obsolete)
                return x->obsolete - y->obsolete;
        return x->container->number - y->container->number;
}

/* What depends on the service with `restart: true` is stopped: it is started again after. */
static int stop_dependents(struct compose_engine *e, const struct compose_service *service,
                           struct converging *w, struct error *err)
{
        for (size_t i = 0; i < e->project->n_services; i++) {
                const struct compose_service *other = &e->project->services[i];
                const struct compose_dependency *d = compose_service_dependency(other, service->name);

                for (size_t k = 0; d && d->restart && k < w->all->count; k++) {
                        struct compose_container *c = w->all->list[k];

                        if (!streq(c->service, other->name) || !compose_container_runs(c))
                                continue;
                        if (compose_container_stop(e, other, c, w->options->timeout, err) < 0)
                                return -1;
                        replace_string(&c->state, "exited");
                }
        }
        return 0;
}

struct instance_job {
        struct compose_engine *e;
        const struct compose_service *service;
        struct converging *w;
        const char *digest;
        struct compose_container *container; /* NULL: a new one */
        int number;
        bool surplus, obsolete;
};

static int run_instance(void *arg, struct error *err)
{
        struct instance_job *job = arg;
        struct compose_engine *e = job->e;
        struct compose_container *c = job->container;

        if (!c) {
                if (compose_container_add(e, job->service, job->w->all, job->number, job->digest, &c, err) <
                    0)
                        return -1;
                pthread_mutex_lock(&e->lock);
                ARRAY_APPEND(job->w->all->list, job->w->all->count, c);
                pthread_mutex_unlock(&e->lock);
                return 0;
        }
        if (job->surplus) {
                if (stop_and_remove(e, c, job->w->options, err) < 0)
                        return -1;
                replace_string(&c->state, "removing");
                return 0;
        }
        if (job->obsolete)
                return compose_container_recreate(e, job->service, job->w->all, c, job->w->options,
                                                  job->digest, err);
        if (streq(c->state, "running"))
                compose_report_container(e, COMPOSE_EVENT_DONE, c->name, "Running");
        return 0;
}

static int check_scale(const struct compose_service *service, size_t scale, struct error *err)
{
        return scale <= 1 || !service->container_name
                   ? 0
                   : error_set(
                         err, ERROR_INVALID,
                         "WARNING: The \"%s\" service is using the custom container name \"%s\". Docker "
                         "requires each container to have a unique name. Remove the custom name to scale "
                         "the service",
                         service->name, service->container_name);
}

static struct candidate *candidates_of(struct compose_engine *e, const struct compose_service *service,
                                       struct converging *w, const char *digest, size_t *ret_count)
{
        bool named = !w->options->services || !*w->options->services ||
                     strv_contains(w->options->services, service->name);
        enum compose_recreate policy = named ? w->options->recreate : w->options->recreate_dependencies;
        struct candidate *list = NULL;

        pthread_mutex_lock(&e->lock);
        for (size_t i = 0; i < w->all->count; i++)
                if (streq(w->all->list[i]->service, service->name)) {
                        struct candidate one = { .container = w->all->list[i] };

                        ARRAY_APPEND(list, *ret_count, one);
                }
        pthread_mutex_unlock(&e->lock);
        for (size_t i = 0; i < *ret_count; i++)
                list[i].obsolete = must_recreate(e, service, list[i].container, policy, digest);
        if (list)
                qsort(list, *ret_count, sizeof(*list), compare_candidates);
        return list;
}

static int converge_service(struct compose_engine *e, const struct compose_service *service, void *context,
                            struct error *err)
{
        struct converging *w = context;
        cleanup_free char *image = compose_service_image(e->project, service, e->separator);
        const char *digest = strmap_get(&w->options->images, image);
        size_t count = 0, wanted = (size_t)MAX(compose_service_scale(service), 0), n = 0;
        cleanup_free struct candidate *found = NULL;
        cleanup_free struct instance_job *jobs = NULL;
        cleanup_free struct task *tasks = NULL;
        int last = 0;
        bool changes = false;

        if (check_scale(service, wanted, err) < 0)
                return -1;
        found = candidates_of(e, service, w, digest, &count);
        jobs = xcalloc(MAX(count, wanted) + 1, sizeof(*jobs));
        tasks = xcalloc(MAX(count, wanted) + 1, sizeof(*tasks));
        for (size_t i = 0; i < count; i++) {
                last = MAX(last, found[i].container->number);
                changes |= i < wanted && found[i].obsolete;
                jobs[n++] =
                    (struct instance_job){ e,           service,          w, digest, found[i].container, 0,
                                           i >= wanted, found[i].obsolete };
        }
        for (size_t i = count; i < wanted; i++)
                jobs[n++] = (struct instance_job){ e, service, w, digest, NULL, ++last, false, false };
        for (size_t i = 0; i < n; i++)
                tasks[i] = (struct task){ .run = run_instance, .arg = &jobs[i] };
        if (changes && stop_dependents(e, service, w, err) < 0)
                return -1;
        return tasks_run(tasks, n, e->parallel, err);
}

/* ---- All of it ---- */

int compose_converge(struct compose_engine *e, struct compose_converge *options,
                     struct compose_containers *ret, struct error *err)
{
        struct converging w = { options, ret };

        if (compose_images_resolve(e, &options->images, err) < 0 || compose_networks_ensure(e, err) < 0 ||
            compose_volumes_ensure(e, err) < 0 ||
            compose_containers_list(e, e->project->name, COMPOSE_NO_ONEOFFS, true, ret, err) < 0 ||
            handle_orphans(e, &w, err) < 0 || finish_recreations(e, ret, err) < 0)
                return -1;
        if (compose_each_service(e, false, converge_service, &w, err) < 0)
                return -1;
        for (size_t i = ret->count; i > 0; i--)
                if (streq(ret->list[i - 1]->state, "removing"))
                        forget(ret, i - 1);
        return 0;
}
