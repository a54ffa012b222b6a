/* Whether the parts of a project fit together. */
#include "compose/loader-internal.h"

#define INVALID "invalid compose project"

static int check_build(const struct compose_project *p, const struct compose_service *s, struct error *err)
{
        const struct compose_build *b = s->build;

        if (!b)
                return !s->image && !s->provider ? error_set(err, ERROR_INVALID,
                                                             "service \"%s\" has neither an image nor a "
                                                             "build context specified: " INVALID,
                                                             s->name)
                                                 : 0;
        if (!string_empty(b->dockerfile_inline) && !string_empty(b->dockerfile))
                return error_set(
                    err, ERROR_INVALID,
                    "service \"%s\" declares mutualy exclusive dockerfile and dockerfile_inline: " INVALID,
                    s->name);
        for (size_t i = 0; i < b->additional_contexts.count; i++) {
                const struct strpair *context = &b->additional_contexts.pairs[i];
                const char *name = string_after(context->value, "service:");
                const struct compose_service *other = name ? compose_project_service(p, name) : NULL;

                if (name && !other)
                        return error_set(
                            err, ERROR_INVALID,
                            "service \"%s\" declares unknown service \"%s\" as additional contexts %s",
                            s->name, name, context->key);
                if (other && !other->build)
                        return error_set(
                            err, ERROR_INVALID,
                            "service \"%s\" declares non-buildable service \"%s\" as additional contexts %s",
                            s->name, name, context->key);
        }
        if (b->platforms && *b->platforms && s->platform && !strv_contains(b->platforms, s->platform))
                return error_set(err, ERROR_INVALID,
                                 "service.build.platforms MUST include service.platform \"%s\": " INVALID,
                                 s->platform);
        return 0;
}

static int undefined(const struct compose_service *s, const char *what, const char *name, struct error *err)
{
        return error_set(err, ERROR_INVALID, "service \"%s\" refers to undefined %s %s: " INVALID, s->name,
                         what, name);
}

static int check_networks(const struct compose_project *p, const struct compose_service *s, struct error *err)
{
        if (s->network_mode && s->n_networks)
                return error_set(
                    err, ERROR_INVALID,
                    "service %s declares mutually exclusive `network_mode` and `networks`: " INVALID,
                    s->name);
        for (size_t i = 0; i < s->n_networks; i++)
                if (!compose_project_network(p, s->networks[i].name))
                        return undefined(s, "network", s->networks[i].name, err);
        return 0;
}

static int check_health(const struct compose_service *s, struct error *err)
{
        const char *first = s->healthcheck && s->healthcheck->test ? s->healthcheck->test[0] : NULL;

        return first && !streq(first, "CMD") && !streq(first, "CMD-SHELL") && !streq(first, "NONE")
                   ? error_set(err, ERROR_INVALID,
                               "healthcheck.test must start either by \"CMD\", \"CMD-SHELL\" or \"NONE\"")
                   : 0;
}

static int check_dependencies(const struct compose_project *p, const struct compose_service *s,
                              struct error *err)
{
        for (size_t i = 0; i < s->n_depends_on; i++) {
                const struct compose_dependency *d = &s->depends_on[i];

                if (compose_project_service(p, d->service) ||
                    (!d->required && compose_project_disabled(p, d->service)))
                        continue;
                return error_set(err, ERROR_INVALID,
                                 "service \"%s\" depends on undefined service \"%s\": " INVALID, s->name,
                                 d->service);
        }
        return 0;
}

static int check_references(const struct compose_project *p, const struct compose_service *s,
                            struct error *err)
{
        for (size_t i = 0; i < s->n_volumes; i++)
                if (streq(s->volumes[i].type, "volume") && !string_empty(s->volumes[i].source) &&
                    !compose_project_volume(p, s->volumes[i].source))
                        return undefined(s, "volume", s->volumes[i].source, err);
        for (size_t i = 0; s->build && i < s->build->n_secrets; i++)
                if (!compose_project_secret(p, s->build->secrets[i].source))
                        return undefined(s, "build secret", s->build->secrets[i].source, err);
        for (size_t i = 0; i < s->n_configs; i++)
                if (!compose_project_config(p, s->configs[i].source))
                        return undefined(s, "config", s->configs[i].source, err);
        for (size_t i = 0; i < s->n_models; i++) {
                bool known = false;

                for (size_t m = 0; m < p->n_models; m++)
                        known = known || streq(p->models[m].key, s->models[i].name);
                if (!known)
                        return undefined(s, "model", s->models[i].name, err);
        }
        for (size_t i = 0; i < s->n_secrets; i++)
                if (!compose_project_secret(p, s->secrets[i].source))
                        return undefined(s, "secret", s->secrets[i].source, err);
        return 0;
}

static int distinct(const struct compose_service *s, const char *a, const char *b, struct error *err)
{
        return error_set(err, ERROR_INVALID,
                         "services.%s: can't set distinct values on '%s' and '%s': " INVALID, s->name, a, b);
}

static int check_scale(struct compose_service *s, struct error *err)
{
        int **replicas = s->deploy ? &s->deploy->replicas : NULL;

        if (s->scale && replicas) {
                if (*replicas && *s->scale != **replicas)
                        return distinct(s, "scale", "deploy.replicas", err);
                free(*replicas);
                *replicas = xmemdup(s->scale, sizeof(int));
        }
        if (s->scale && *s->scale < 0)
                return error_set(err, ERROR_INVALID, "services.%s.scale: must be greater than or equal to 0",
                                 s->name);
        if (replicas && *replicas && **replicas < 0)
                return error_set(err, ERROR_INVALID,
                                 "services.%s.deploy.replicas: must be greater than or equal to 0", s->name);
        if (compose_service_scale(s) > 1 && s->container_name)
                return error_set(
                    err, ERROR_INVALID,
                    "services.%s: can't set container_name and %s as container name must be unique: " INVALID,
                    s->scale ? "scale" : "deploy.replicas", s->name);
        return 0;
}

static int check_limits(const struct compose_service *s, struct error *err)
{
        const struct compose_resource *limits = s->deploy ? s->deploy->resources.limits : NULL,
                                      *reserved = s->deploy ? s->deploy->resources.reservations : NULL;

        if (s->cpus != 0 && limits && limits->cpus != s->cpus)
                return distinct(s, "cpus", "deploy.resources.limits.cpus", err);
        if (s->mem_limit && limits && limits->memory != s->mem_limit)
                return distinct(s, "mem_limit", "deploy.resources.limits.memory", err);
        if (s->mem_reservation && reserved && reserved->memory != s->mem_reservation)
                return distinct(s, "mem_reservation", "deploy.resources.reservations.memory", err);
        if (s->pids_limit && limits && limits->pids != s->pids_limit)
                return distinct(s, "pids_limit", "deploy.resources.limits.pids", err);
        return 0;
}

static int check_watch(const struct compose_service *s, struct error *err)
{
        for (size_t i = 0; s->develop && i < s->develop->n_watch; i++) {
                const struct compose_watch *w = &s->develop->watch[i];

                if (string_empty(w->target) && !streq(w->action, "rebuild") && !streq(w->action, "restart"))
                        return error_set(
                            err, ERROR_INVALID,
                            "services.%s.develop.watch: target is required for non-rebuild actions: " INVALID,
                            s->name);
        }
        return 0;
}

/* A path inside the container that something is mounted on, and who said so. */
struct place {
        char *path;
        const char *what;
        size_t index;
};

static int take_place(const struct compose_service *s, struct place **places, size_t *count, const char *path,
                      size_t len, const char *what, size_t index, struct error *err)
{
        for (size_t i = 0; i < *count; i++)
                if (strlen((*places)[i].path) == len && strncmp((*places)[i].path, path, len) == 0)
                        return error_set(
                            err, ERROR_INVALID,
                            "services.%s.%s[%zu]: target %s already mounted as services.%s.%s[%zu]", s->name,
                            what, index, (*places)[i].path, s->name, (*places)[i].what, (*places)[i].index);
        ARRAY_APPEND(*places, *count, ((struct place){ xstrndup(path, len), what, index }));
        return 0;
}

static int check_places(const struct compose_service *s, struct error *err)
{
        struct place *places = NULL;
        size_t count = 0;
        int r = 0;

        for (size_t i = 0; r == 0 && s->tmpfs && s->tmpfs[i]; i++)
                r = take_place(s, &places, &count, s->tmpfs[i], strcspn(s->tmpfs[i], ":"), "tmpfs", i, err);
        for (size_t i = 0; r == 0 && i < s->n_volumes; i++) {
                const char *target = s->volumes[i].target ? s->volumes[i].target : "";

                r = take_place(s, &places, &count, target, strlen(target), "volumes", i, err);
        }
        for (size_t i = 0; i < count; i++)
                free(places[i].path);
        free(places);
        return r;
}

/* ---- Circles ---- */

enum state { UNSEEN, OPEN, DONE };

/* Depth first without recursion: a file may name very many services. */
struct search {
        const struct compose_project *p;
        enum state *states;
        size_t *path; /* places of the services that are open */
        size_t *next; /* for each of them: the dependency that is looked at next */
        size_t depth;
};

static int report_circle(const struct search *s, size_t again, struct error *err)
{
        struct strbuf b = {};
        size_t i = 0;

        while (s->path[i] != again)
                i++;
        for (; i < s->depth; i++)
                strbuf_addf(&b, "%s -> ", s->p->services[s->path[i]].name);
        error_set(err, ERROR_INVALID, "dependency cycle detected: %s%s", b.data, s->p->services[again].name);
        strbuf_deinit(&b);
        return -1;
}

static void open_service(struct search *s, size_t at)
{
        s->states[at] = OPEN;
        s->path[s->depth] = at;
        s->next[s->depth++] = 0;
}

static int search_from(struct search *s, size_t start, struct error *err)
{
        open_service(s, start);
        while (s->depth) {
                const struct compose_service *service = &s->p->services[s->path[s->depth - 1]], *other;
                size_t i = s->next[s->depth - 1]++, place;

                if (i == service->n_depends_on) {
                        s->states[s->path[--s->depth]] = DONE;
                        continue;
                }
                other = compose_project_service(s->p, service->depends_on[i].service);
                if (!other)
                        continue;
                place = (size_t)(other - s->p->services);
                if (s->states[place] == OPEN)
                        return report_circle(s, place, err);
                if (s->states[place] == UNSEEN)
                        open_service(s, place);
        }
        return 0;
}

static int check_circles(const struct compose_project *p, struct error *err)
{
        cleanup_free enum state *states = xcalloc(p->n_services + 1, sizeof(*states));
        cleanup_free size_t *path = xcalloc(p->n_services + 1, sizeof(*path)),
                            *next = xcalloc(p->n_services + 1, sizeof(*next));
        struct search search = { p, states, path, next, 0 };

        for (size_t i = 0; i < p->n_services; i++)
                if (states[i] == UNSEEN && search_from(&search, i, err) < 0)
                        return -1;
        return 0;
}

static int check_secrets(const struct compose_project *p, struct error *err)
{
        for (size_t i = 0; i < p->n_secrets; i++) {
                const struct compose_file_object *s = &p->secrets[i];

                if (!s->external && string_empty(s->file) && string_empty(s->environment))
                        return error_set(
                            err, ERROR_INVALID,
                            "secret \"%s\" must declare either `file` or `environment`: " INVALID, s->key);
        }
        return 0;
}

int check_consistency(struct compose_project *p, struct error *err)
{
        for (size_t i = 0; i < p->n_services; i++) {
                struct compose_service *s = &p->services[i];

                if (check_build(p, s, err) < 0 || check_networks(p, s, err) < 0 || check_health(s, err) < 0 ||
                    check_dependencies(p, s, err) < 0 || check_references(p, s, err) < 0 ||
                    check_scale(s, err) < 0 || check_limits(s, err) < 0 || check_watch(s, err) < 0 ||
                    check_places(s, err) < 0)
                        return -1;
        }
        return check_secrets(p, err) < 0 ? -1 : check_circles(p, err);
}
