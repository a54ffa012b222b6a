#include "compose/project.h"
#include "base/fd.h"
#include "compose/attribute.h"
#include "compose/env-file.h"
#include "compose/project-internal.h"

#include <errno.h>
#include <fnmatch.h>

/* ---- Owning ---- */

static void free_section(const struct attribute_table *table, void *items, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                char *item = (char *)items + i * table->size;

                free(*(char **)item); /* its key */
                attributes_free(table, item);
        }
        free(items);
}

void compose_project_free(struct compose_project *p)
{
        if (!p)
                return;
        free_section(&service_table, p->services, p->n_services);
        free_section(&service_table, p->disabled, p->n_disabled);
        free_section(&network_table, p->networks, p->n_networks);
        free_section(&volume_table, p->volumes, p->n_volumes);
        free_section(&file_object_table, p->secrets, p->n_secrets);
        free_section(&file_object_table, p->configs, p->n_configs);
        free_section(&model_table, p->models, p->n_models);
        free(p->name);
        free(p->working_dir);
        strv_free(p->files);
        strv_free(p->env_files);
        strv_free(p->environment);
        strv_free(p->profiles);
        json_object_put(p->extensions);
        free(p);
}

void compose_service_copy(const struct compose_service *service, struct compose_service *out)
{
        attributes_copy(&service_table, service, out);
        out->name = xstrdup(service->name);
}

void compose_service_deinit(struct compose_service *service)
{
        free(service->name);
        attributes_free(&service_table, service);
}

/* ---- Finding ---- */

/* Sections are sorted by their keys, which their elements begin with. */
static void *find(const void *items, size_t count, size_t size, const char *key)
{
        size_t low = 0;

        while (low < count) {
                size_t middle = (low + count) / 2;
                const char *item = (const char *)items + middle * size;
                int order = strcmp(*(char *const *)item, key);

                if (order == 0)
                        return (void *)item;
                if (order < 0)
                        low = middle + 1;
                else
                        count = middle;
        }
        return NULL;
}

struct compose_service *compose_project_service(const struct compose_project *p, const char *name)
{
        return find(p->services, p->n_services, sizeof(*p->services), name);
}

struct compose_service *compose_project_disabled(const struct compose_project *p, const char *name)
{
        return find(p->disabled, p->n_disabled, sizeof(*p->disabled), name);
}

struct compose_network *compose_project_network(const struct compose_project *p, const char *key)
{
        return find(p->networks, p->n_networks, sizeof(*p->networks), key);
}

struct compose_volume *compose_project_volume(const struct compose_project *p, const char *key)
{
        return find(p->volumes, p->n_volumes, sizeof(*p->volumes), key);
}

struct compose_file_object *compose_project_secret(const struct compose_project *p, const char *key)
{
        return find(p->secrets, p->n_secrets, sizeof(*p->secrets), key);
}

struct compose_file_object *compose_project_config(const struct compose_project *p, const char *key)
{
        return find(p->configs, p->n_configs, sizeof(*p->configs), key);
}

/* ---- Services ---- */

int compose_service_scale(const struct compose_service *s)
{
        if (s->scale)
                return *s->scale;
        return s->deploy && s->deploy->replicas ? *s->deploy->replicas : 1;
}

void compose_service_set_scale(struct compose_service *s, int scale)
{
        free(s->scale);
        s->scale = xmemdup(&scale, sizeof(scale));
        if (s->deploy) {
                free(s->deploy->replicas);
                s->deploy->replicas = xmemdup(&scale, sizeof(scale));
        }
}

char *compose_service_image(const struct compose_project *p, const struct compose_service *s,
                            const char *separator)
{
        return string_empty(s->image) ? string_format("%s%s%s", p->name, separator, s->name)
                                      : xstrdup(s->image);
}

struct compose_dependency *compose_service_dependency(const struct compose_service *s, const char *name)
{
        return find(s->depends_on, s->n_depends_on, sizeof(*s->depends_on), name);
}

static int compare_networks(const void *a, const void *b)
{
        const struct compose_service_network *x = *(struct compose_service_network *const *)a,
                                             *y = *(struct compose_service_network *const *)b;

        return x->priority != y->priority ? (x->priority < y->priority) - (x->priority > y->priority)
                                          : strcmp(x->name, y->name);
}

struct compose_service_network **compose_service_networks(const struct compose_service *s)
{
        struct compose_service_network **sorted = xcalloc(s->n_networks + 1, sizeof(*sorted));

        for (size_t i = 0; i < s->n_networks; i++)
                sorted[i] = &s->networks[i];
        qsort(sorted, s->n_networks, sizeof(*sorted), compare_networks);
        return sorted;
}

static void drop_dependency(struct compose_service *s, const char *name)
{
        struct compose_dependency *d = compose_service_dependency(s, name);

        if (!d)
                return;
        free(d->service);
        free(d->condition);
        json_object_put(d->extensions);
        memmove(d, d + 1, (size_t)(s->depends_on + s->n_depends_on - d - 1) * sizeof(*d));
        s->n_depends_on--;
}

/* ---- Selecting ---- */

static bool has_profile(const struct compose_service *s, char *const *profiles)
{
        if (!s->profiles || !*s->profiles || strv_contains(profiles, "*"))
                return true;
        for (char **name = s->profiles; *name; name++)
                if (strv_contains(profiles, *name))
                        return true;
        return false;
}

static int compare_services(const void *a, const void *b)
{
        return strcmp(((const struct compose_service *)a)->name, ((const struct compose_service *)b)->name);
}

/* Distributes all services anew; `enabled` says where one goes. */
static void distribute(struct compose_project *p,
                       bool (*enabled)(const struct compose_service *s, void *context), void *context)
{
        struct compose_service *on = xcalloc(p->n_services + p->n_disabled + 1, sizeof(*on)),
                               *off = xcalloc(p->n_services + p->n_disabled + 1, sizeof(*off));
        size_t n_on = 0, n_off = 0;

        for (size_t i = 0; i < p->n_services + p->n_disabled; i++) {
                struct compose_service *s =
                    i < p->n_services ? &p->services[i] : &p->disabled[i - p->n_services];

                if (enabled(s, context))
                        on[n_on++] = *s;
                else
                        off[n_off++] = *s;
        }
        qsort(on, n_on, sizeof(*on), compare_services);
        qsort(off, n_off, sizeof(*off), compare_services);
        free(p->services);
        free(p->disabled);
        p->services = on;
        p->n_services = n_on;
        p->disabled = off;
        p->n_disabled = n_off;
}

static bool profile_enabled(const struct compose_service *s, void *profiles)
{
        return has_profile(s, profiles);
}

void project_apply_profiles(struct compose_project *p)
{
        distribute(p, profile_enabled, p->profiles);
}

void compose_project_enable(struct compose_project *p, char *const *names)
{
        if (!names || !*names)
                return;
        for (; *names; names++) {
                const struct compose_service *s = compose_project_disabled(p, *names);

                if (s && s->profiles)
                        strv_extend(&p->profiles, s->profiles);
        }
        project_apply_profiles(p);
}

struct selection {
        struct compose_project *p;
        bool *chosen;
        enum compose_dependencies policy;
        size_t *queue, length;
};

static void choose(struct selection *x, const struct compose_service *s)
{
        size_t place = (size_t)(s - x->p->services);

        if (x->chosen[place])
                return;
        x->chosen[place] = true;
        x->queue[x->length++] = place;
}

static int choose_named(struct selection *x, const char *pattern, struct error *err)
{
        bool found = false;

        for (size_t i = 0; i < x->p->n_services; i++)
                if (streq(pattern, x->p->services[i].name) ||
                    fnmatch(pattern, x->p->services[i].name, 0) == 0) {
                        found = true;
                        choose(x, &x->p->services[i]);
                }
        return found ? 0 : error_set(err, ERROR_NOT_FOUND, "no such service: %s", pattern);
}

static int choose_related(struct selection *x, const struct compose_service *s, struct error *err)
{
        for (size_t i = 0; x->policy == COMPOSE_WITH_DEPENDENCIES && i < s->n_depends_on; i++) {
                const struct compose_service *other = compose_project_service(x->p, s->depends_on[i].service);

                if (other)
                        choose(x, other);
                else if (s->depends_on[i].required)
                        return error_set(err, ERROR_NOT_FOUND, "no such service: %s",
                                         s->depends_on[i].service);
        }
        for (size_t i = 0; x->policy == COMPOSE_WITH_DEPENDENTS && i < x->p->n_services; i++)
                if (compose_service_dependency(&x->p->services[i], s->name))
                        choose(x, &x->p->services[i]);
        return 0;
}

static bool chosen(const struct compose_service *s, void *context)
{
        const struct selection *x = context;

        /* Copies are asked about by their place: disabled ones are not in the list. */
        return s >= x->p->services && s < x->p->services + x->p->n_services && x->chosen[s - x->p->services];
}

static void drop_unknown_dependencies(struct compose_project *p)
{
        for (size_t i = 0; i < p->n_services; i++)
                for (size_t j = p->services[i].n_depends_on; j-- > 0;)
                        if (!compose_project_service(p, p->services[i].depends_on[j].service))
                                drop_dependency(&p->services[i], p->services[i].depends_on[j].service);
}

int compose_project_select(struct compose_project *p, char *const *names,
                           enum compose_dependencies dependencies, struct error *err)
{
        cleanup_free bool *flags = xcalloc(p->n_services + 1, sizeof(*flags));
        cleanup_free size_t *queue = xcalloc(p->n_services + 1, sizeof(*queue));
        struct selection x = { p, flags, dependencies, queue, 0 };

        if (!names || !*names)
                return 0;
        for (; *names; names++)
                if (choose_named(&x, *names, err) < 0)
                        return -1;
        for (size_t i = 0; i < x.length; i++)
                if (choose_related(&x, &p->services[queue[i]], err) < 0)
                        return -1;
        distribute(p, chosen, &x);
        drop_unknown_dependencies(p);
        return 0;
}

struct exclusion {
        const struct compose_project *p;
        char *const *names;
};

static bool not_named(const struct compose_service *s, void *context)
{
        const struct exclusion *x = context;

        return s >= x->p->services && s < x->p->services + x->p->n_services &&
               !strv_contains(x->names, s->name);
}

void compose_project_disable(struct compose_project *p, char *const *names)
{
        struct exclusion x = { p, names };

        if (!names || !*names)
                return;
        distribute(p, not_named, &x);
        for (; *names; names++)
                for (size_t i = 0; i < p->n_services; i++)
                        drop_dependency(&p->services[i], *names);
}

/* ---- Dropping what nobody uses ---- */

static void keep_used(const struct attribute_table *table, void *items, size_t *count, char *const *used)
{
        size_t kept = 0;

        for (size_t i = 0; i < *count; i++) {
                char *item = (char *)items + i * table->size;

                if (strv_contains(used, *(char **)item)) {
                        memmove((char *)items + kept++ * table->size, item, table->size);
                } else {
                        free(*(char **)item);
                        attributes_free(table, item);
                }
        }
        *count = kept;
}

void compose_project_drop_unused(struct compose_project *p)
{
        cleanup_strv char **networks = NULL, **volumes = NULL, **secrets = NULL, **configs = NULL,
                          **models = NULL;

        for (size_t i = 0; i < p->n_services; i++) {
                const struct compose_service *s = &p->services[i];

                for (size_t j = 0; j < s->n_networks; j++)
                        if (!strv_contains(networks, s->networks[j].name))
                                strv_append(&networks, s->networks[j].name);
                for (size_t j = 0; j < s->n_volumes; j++)
                        if (streq(s->volumes[j].type, "volume") && s->volumes[j].source)
                                strv_append(&volumes, s->volumes[j].source);
                for (size_t j = 0; j < s->n_secrets; j++)
                        strv_append(&secrets, s->secrets[j].source);
                for (size_t j = 0; s->build && j < s->build->n_secrets; j++)
                        strv_append(&secrets, s->build->secrets[j].source);
                for (size_t j = 0; j < s->n_configs; j++)
                        strv_append(&configs, s->configs[j].source);
                for (size_t j = 0; j < s->n_models; j++)
                        strv_append(&models, s->models[j].name);
        }
        keep_used(&network_table, p->networks, &p->n_networks, networks);
        keep_used(&volume_table, p->volumes, &p->n_volumes, volumes);
        keep_used(&file_object_table, p->secrets, &p->n_secrets, secrets);
        keep_used(&file_object_table, p->configs, &p->n_configs, configs);
        keep_used(&model_table, p->models, &p->n_models, models);
}

/* ---- env_file and label_file ---- */

struct lookup {
        const struct environment *first;
        const struct strmap *second;
};

static const char *look_up(void *context, const char *name)
{
        const struct lookup *x = context;
        const char *value = x->first ? environment_get(x->first, name) : NULL;

        return value ? value : strmap_get(x->second, name);
}

static int read_env_file(const struct compose_env_file *file, struct lookup *lookup, struct environment *into,
                         struct error *err)
{
        struct stat st;

        if (stat(file->path, &st) < 0 && errno == ENOENT) {
                if (!file->required)
                        return 0;
                return error_set(err, ERROR_NOT_FOUND,
                                 "env file %s not found: stat %s: no such file or directory", file->path,
                                 file->path);
        }
        return dotenv_file_read(file->path, file->format, look_up, lookup, into, err);
}

static void free_env_files(struct compose_service *s)
{
        for (size_t i = 0; i < s->n_env_file; i++) {
                free(s->env_file[i].path);
                free(s->env_file[i].format);
        }
        free(s->env_file);
        s->env_file = NULL;
        s->n_env_file = 0;
}

static int resolve_service(struct compose_service *s, const struct environment *env, bool discard,
                           struct error *err)
{
        cleanup_environment struct environment into = {};
        struct lookup lookup = { env, &s->environment };

        for (size_t i = 0; i < s->environment.count; i++) {
                struct strpair *pair = &s->environment.pairs[i];

                if (!pair->value)
                        pair->value = xstrdup(environment_get(env, pair->key));
                if (pair->value)
                        environment_set(&into, pair->key, pair->value);
        }
        for (size_t i = 0; i < s->n_env_file; i++)
                if (read_env_file(&s->env_file[i], &lookup, &into, err) < 0)
                        return -1;
        for (size_t i = 0; i < s->environment.count; i++)
                environment_set(&into, s->environment.pairs[i].key, s->environment.pairs[i].value);
        strmap_deinit(&s->environment);
        s->environment = into.map;
        s->environment.given = true;
        into = (struct environment){};
        if (discard)
                free_env_files(s);
        return 0;
}

int compose_project_resolve_environment(struct compose_project *p, bool discard, struct error *err)
{
        cleanup_environment struct environment env = {};

        environment_merge_list(&env, p->environment);
        for (size_t i = 0; i < p->n_services; i++)
                if (resolve_service(&p->services[i], &env, discard, err) < 0)
                        return -1;
        return 0;
}

int project_resolve_labels(struct compose_project *p, bool discard, struct error *err)
{
        for (size_t i = 0; i < p->n_services; i++) {
                struct compose_service *s = &p->services[i];
                cleanup_environment struct environment into = {};
                struct lookup lookup = { NULL, &into.map };

                if (!s->label_file)
                        continue;
                for (char **file = s->label_file; *file; file++) {
                        if (access(*file, F_OK) < 0)
                                return error_set(
                                    err, ERROR_NOT_FOUND,
                                    "label file %s not found: stat %s: no such file or directory", *file,
                                    *file);
                        if (dotenv_file_read(*file, NULL, look_up, &lookup, &into, err) < 0)
                                return -1;
                }
                for (size_t j = 0; j < s->labels.count; j++)
                        environment_set(&into, s->labels.pairs[j].key, s->labels.pairs[j].value);
                strmap_deinit(&s->labels);
                s->labels = into.map;
                s->labels.given = true;
                into = (struct environment){};
                if (discard) {
                        strv_free(s->label_file);
                        s->label_file = NULL;
                }
        }
        return 0;
}
