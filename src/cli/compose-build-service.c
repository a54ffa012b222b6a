/* A service's `build` section as the flags of `build`. */
#include "base/fd.h"
#include "cli/build.h"
#include "cli/compose-image.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* Texts that `build` reads as files. */
struct texts {
        int fds[64];
        size_t count;
};

static void texts_close(struct texts *t)
{
        for (size_t i = 0; i < t->count; i++)
                close(t->fds[i]);
}

static int text_file(struct texts *t, const char *text, char **ret_path, struct error *err)
{
        int fd = t->count < ARRAY_SIZE(t->fds) ? memfd_create("compose-build", MFD_CLOEXEC) : -1;

        if (fd < 0)
                return error_errno(err, "memfd_create");
        t->fds[t->count++] = fd;
        if (fd_write_all(fd, text, strlen(text)) < 0)
                return error_errno(err, "write");
        *ret_path = string_format("/proc/self/fd/%d", fd);
        return 0;
}

static void add_pairs(char ***list, const struct strmap *map, char *const *environment)
{
        for (size_t i = 0; i < map->count; i++) {
                const struct strpair *pair = &map->pairs[i];
                const char *value = pair->value   ? pair->value
                                    : environment ? env_get(environment, pair->key)
                                                  : NULL;

                if (value)
                        strv_append_take(list, string_format("%s=%s", pair->key, value));
        }
}

static int add_secrets(struct compose_session *s, const struct compose_build *b, struct build_flags *f,
                       struct texts *texts, struct error *err)
{
        for (size_t i = 0; i < b->n_secrets; i++) {
                const struct compose_file_reference *r = &b->secrets[i];
                const struct compose_file_object *o = compose_project_secret(s->project, r->source);
                const char *id = r->target ? r->target : r->source,
                           *content = o ? o->content       ? o->content
                                          : o->environment ? env_get(s->project->environment, o->environment)
                                                           : NULL
                                        : NULL;
                cleanup_free char *path = NULL;

                if (!o)
                        return error_set(err, ERROR_INVALID, "build.secrets: undefined secret \"%s\"",
                                         r->source);
                if (!o->file && !content)
                        continue;
                if (!o->file && text_file(texts, content, &path, err) < 0)
                        return -1;
                strv_append_take(&f->secret, string_format("id=%s,src=%s", id, o->file ? o->file : path));
        }
        return 0;
}

/* "service:NAME" is that service's image. */
static int add_contexts(struct compose_session *s, const struct compose_build *b, struct build_flags *f,
                        struct error *err)
{
        for (size_t i = 0; i < b->additional_contexts.count; i++) {
                const struct strpair *pair = &b->additional_contexts.pairs[i];
                const char *service = pair->value ? string_after(pair->value, "service:") : NULL;
                const struct compose_service *other =
                    service ? compose_project_service(s->project, service) : NULL;
                cleanup_free char *image = NULL;

                if (service && !other)
                        other = compose_project_disabled(s->project, service);
                if (service && !other)
                        return error_set(err, ERROR_NOT_FOUND, "no such service: %s", service);
                if (other)
                        image = compose_service_image(s->project, other, s->engine.separator);
                strv_append_take(&f->build_context,
                                 image ? string_format("%s=docker-image://%s", pair->key, image)
                                       : string_format("%s=%s", pair->key, pair->value));
        }
        return 0;
}

static void add_limits(const struct compose_build *b, struct build_flags *f)
{
        for (size_t i = 0; i < b->n_ulimits; i++) {
                const struct compose_ulimit *u = &b->ulimits[i];

                strv_append_take(&f->ulimit, string_format("%s=%lld:%lld", u->name,
                                                           (long long)(u->single ? u->single : u->soft),
                                                           (long long)(u->single ? u->single : u->hard)));
        }
        for (size_t i = 0; i < b->n_ssh; i++)
                strv_append_take(&f->ssh, b->ssh[i].path
                                              ? string_format("%s=%s", b->ssh[i].id, b->ssh[i].path)
                                              : xstrdup(b->ssh[i].id));
        for (char **host = b->extra_hosts; host && *host; host++) {
                const char *equals = strchr(*host, '=');

                strv_append_take(&f->add_host,
                                 equals ? string_format("%.*s:%s", (int)(equals - *host), *host, equals + 1)
                                        : xstrdup(*host));
        }
}

static int make_flags(struct compose_session *s, const struct compose_service *service,
                      const struct compose_build_options *o, struct build_flags *f, struct texts *texts,
                      struct error *err)
{
        const struct compose_build *b = service->build;

        strv_append_take(&f->tag, compose_service_image(s->project, service, s->engine.separator));
        strv_extend(&f->tag, b->tags);
        add_pairs(&f->build_arg, &b->args, s->project->environment);
        strv_extend(&f->build_arg, o->args);
        add_pairs(&f->label, &b->labels, NULL);
        strv_append_take(&f->label, string_format(LABEL_PROJECT "=%s", s->project->name));
        strv_append_take(&f->label, string_format(LABEL_SERVICE "=%s", service->name));
        strv_append(&f->label, LABEL_VERSION "=" COMPOSE_VERSION);
        f->target = xstrdup(b->target);
        f->network = xstrdup(b->network);
        f->no_cache = b->no_cache || o->no_cache;
        f->pull = b->pull || o->pull;
        f->push = o->push && service->image;
        f->check = o->check;
        f->shm_size = b->shm_size;
        f->provenance = xstrdup(o->provenance ? o->provenance : b->provenance);
        f->sbom = xstrdup(o->sbom ? o->sbom : b->sbom);
        f->builder = xstrdup(o->builder);
        strv_extend(&f->cache_from, b->cache_from);
        strv_extend(&f->cache_to, b->cache_to);
        strv_extend(&f->platform, b->platforms);
        if (!f->platform && service->platform)
                strv_append(&f->platform, service->platform);
        strv_extend(&f->allow, b->entitlements);
        if (b->privileged)
                strv_append(&f->allow, "security.insecure");
        if (o->ssh)
                strv_append(&f->ssh, o->ssh);
        if (o->quiet)
                f->progress = xstrdup("quiet");
        add_limits(b, f);
        if (b->dockerfile_inline) {
                f->dockerfile_text = b->dockerfile_inline;
        } else if (b->dockerfile) {
                f->file = *b->dockerfile == '/' || strstr(b->context, "://")
                              ? xstrdup(b->dockerfile)
                              : string_format("%s/%s", b->context, b->dockerfile);
        }
        return add_contexts(s, b, f, err) < 0 ? -1 : add_secrets(s, b, f, texts, err);
}

static void flags_deinit(struct build_flags *f)
{
        char **const lists[] = { f->add_host,   f->allow,    f->build_arg, f->build_context,
                                 f->cache_from, f->cache_to, f->label,     f->platform,
                                 f->secret,     f->ssh,      f->tag,       f->ulimit };
        char *const texts[] = { f->builder,    f->file, f->network, f->progress,
                                f->provenance, f->sbom, f->target };

        for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
                strv_free(lists[i]);
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                free(texts[i]);
}

int compose_service_build(struct compose_session *s, const struct compose_service *service,
                          const struct compose_build_options *o, struct error *err)
{
        __attribute__((cleanup(texts_close))) struct texts texts = {};
        __attribute__((cleanup(flags_deinit))) struct build_flags flags = {};
        const char *context = service->build->context ? service->build->context : s->project->working_dir;
        cleanup_free char *id = NULL;
        struct error why = {};
        int r;

        if (make_flags(s, service, o, &flags, &texts, err) < 0)
                return -1;
        if (!strstr(context, "://") && !string_after(context, "git@") && access(context, F_OK) < 0)
                return error_set(err, ERROR_NOT_FOUND, "unable to prepare context: path \"%s\" not found",
                                 context);
        if (!s->engine.dry_run && (r = build_with_flags(s->cli, &flags, context, &id, NULL, &why)) != 0) {
                if (r > 0)
                        return error_set(err, ERROR_INVALID, "the check of service \"%s\" found warnings",
                                         service->name);
                compose_image_event(s, service->name, "Error", "", COMPOSE_EVENT_ERROR);
                return error_move(err, &why);
        }
        if (!o->check)
                compose_image_event(s, flags.tag[0], "", "Built", COMPOSE_EVENT_DONE);
        return 0;
}

/* What its contexts name is built before. */
static int build_in_order(struct compose_session *s, const struct compose_service *service,
                          const struct compose_build_options *o, bool *done, struct error *err)
{
        size_t index = (size_t)(service - s->project->services);

        if (done[index] || !service->build)
                return 0;
        done[index] = true;
        for (size_t i = 0; i < service->build->additional_contexts.count; i++) {
                const char *value = service->build->additional_contexts.pairs[i].value,
                           *name = value ? string_after(value, "service:") : NULL;
                const struct compose_service *other = name ? compose_project_service(s->project, name) : NULL;

                if (other && build_in_order(s, other, o, done, err) < 0)
                        return -1;
        }
        return compose_service_build(s, service, o, err);
}

int compose_build_all(struct compose_session *s, const struct compose_build_options *o, struct error *err)
{
        cleanup_free bool *done = xcalloc(s->project->n_services + 1, sizeof(bool));

        for (size_t i = 0; i < s->project->n_services; i++)
                if (build_in_order(s, &s->project->services[i], o, done, err) < 0)
                        return -1;
        return 0;
}
