/* What is mounted into a container: volumes, host paths, tmpfs, secrets and configs that are files. */
#include "compose/request.h"

#include <stdio.h>

static const char *volume_name(const struct compose_engine *e, const struct compose_mount *m)
{
        const struct compose_volume *v = m->source ? compose_project_volume(e->project, m->source) : NULL;

        return v ? v->name : m->source;
}

/* The short form says all of it; it also makes a missing host path. */
static bool is_bind_string(const struct compose_mount *m)
{
        if (streq(m->type, "bind"))
                return m->bind ? m->bind->create_host_path && !m->bind->recursive : true;
        return streq(m->type, "volume") && m->source &&
               !(m->volume && (m->volume->subpath || m->volume->labels.count));
}

static char *bind_string(const struct compose_engine *e, const struct compose_mount *m)
{
        cleanup_strbuf struct strbuf b = {};

        strbuf_addf(&b, "%s:%s:%s", streq(m->type, "bind") ? m->source : volume_name(e, m), m->target,
                    m->read_only ? "ro" : "rw");
        if (m->bind && m->bind->selinux)
                strbuf_addf(&b, ",%s", m->bind->selinux);
        if (m->bind && m->bind->propagation)
                strbuf_addf(&b, ",%s", m->bind->propagation);
        if (m->volume && m->volume->nocopy)
                strbuf_adds(&b, ",nocopy");
        return strbuf_take(&b);
}

static struct bind_options *bind_options(const struct compose_mount_bind *b)
{
        struct bind_options *o = xcalloc(1, sizeof(*o));

        if (!b)
                return o;
        o->propagation = xstrdup(b->propagation);
        o->create_mountpoint = b->create_host_path;
        o->non_recursive = streq(b->recursive, "disabled");
        o->read_only_non_recursive = streq(b->recursive, "writable");
        o->read_only_force_recursive = streq(b->recursive, "readonly");
        return o;
}

static struct mount_config mount_of(const struct compose_engine *e, const struct compose_mount *m)
{
        struct mount_config out = { .type = xstrdup(m->type),
                                    .target = xstrdup(m->target),
                                    .read_only = m->read_only,
                                    .consistency = xstrdup(m->consistency) };

        out.source = xstrdup(streq(m->type, "volume") ? volume_name(e, m) : m->source);
        if (streq(m->type, "bind"))
                out.bind_options = bind_options(m->bind);
        if (m->volume && streq(m->type, "volume")) {
                out.volume_options = xcalloc(1, sizeof(*out.volume_options));
                out.volume_options->no_copy = m->volume->nocopy;
                out.volume_options->subpath = xstrdup(m->volume->subpath);
                strmap_copy(&out.volume_options->labels, &m->volume->labels);
        }
        if (m->tmpfs && streq(m->type, "tmpfs")) {
                out.tmpfs_options = xcalloc(1, sizeof(*out.tmpfs_options));
                out.tmpfs_options->size_bytes = m->tmpfs->size;
                out.tmpfs_options->mode = (int)m->tmpfs->mode;
        }
        if (m->image && streq(m->type, "image")) {
                out.image_options = xcalloc(1, sizeof(*out.image_options));
                out.image_options->subpath = xstrdup(m->image->subpath);
        }
        return out;
}

static void add_mount(struct host_config *h, struct mount_config mount)
{
        ARRAY_APPEND(h->mounts, h->n_mounts, mount);
}

static const struct compose_mount *mount_at(const struct compose_service *service, const char *target)
{
        for (size_t i = 0; i < service->n_volumes; i++)
                if (streq(service->volumes[i].target, target))
                        return &service->volumes[i];
        return NULL;
}

/* The anonymous volumes of the container before: those of its image and of the service. */
static void inherit(const struct compose_service *service, json_object *replaced, struct host_config *h)
{
        json_object *mounts = json_get(replaced, "Mounts"),
                    *volumes = json_get(json_get(replaced, "Config"), "Volumes");

        for (size_t i = 0;
             json_object_is_type(mounts, json_type_array) && i < json_object_array_length(mounts); i++) {
                json_object *one = json_object_array_get_idx(mounts, i), *ignored;
                const char *target = json_get_string(one, "Destination"),
                           *name = json_get_string(one, "Name");
                const struct compose_mount *now = target ? mount_at(service, target) : NULL;
                bool of_image = target && json_object_is_type(volumes, json_type_object) &&
                                json_object_object_get_ex(volumes, target, &ignored);
                struct mount_config m = {};

                if (!streq(json_get_string(one, "Type"), "volume") || !target || !name ||
                    (now ? now->source || !streq(now->type, "volume") : !of_image))
                        continue;
                m.type = xstrdup("volume");
                m.source = xstrdup(name);
                m.target = xstrdup(target);
                m.read_only = !json_get_bool(one, "RW");
                add_mount(h, m);
        }
}

static bool is_mounted(const struct host_config *h, const char *target)
{
        for (size_t i = 0; i < h->n_mounts; i++)
                if (streq(h->mounts[i].target, target))
                        return true;
        return false;
}

static int add_files(struct compose_engine *e, const struct compose_file_reference *list, size_t count,
                     bool secrets, struct host_config *h, struct error *err)
{
        for (size_t i = 0; i < count; i++) {
                const struct compose_file_reference *r = &list[i];
                const struct compose_file_object *o = secrets ? compose_project_secret(e->project, r->source)
                                                              : compose_project_config(e->project, r->source);
                const char *target = r->target ? r->target : r->source;
                struct mount_config m = {};

                if (!o)
                        continue;
                if (o->external)
                        return error_set(err, ERROR_UNSUPPORTED, "unsupported external %s %s",
                                         secrets ? "secret" : "config", o->name ? o->name : o->key);
                if (!o->file)
                        continue;
                if (r->uid || r->gid || r->mode)
                        compose_warning(e,
                                        "%s `uid`, `gid` and `mode` are not supported, they will be ignored",
                                        secrets ? "secrets" : "configs");
                m.type = xstrdup("bind");
                m.source = xstrdup(o->file);
                m.target = string_format("%s%s",
                                         *target == '/' ? ""
                                         : secrets      ? "/run/secrets/"
                                                        : "/",
                                         target);
                m.read_only = true;
                m.bind_options = xcalloc(1, sizeof(*m.bind_options));
                add_mount(h, m);
        }
        return 0;
}

int compose_request_mounts(struct compose_engine *e, const struct compose_service *service,
                           json_object *replaced, struct compose_request *r, struct error *err)
{
        struct host_config *h = &r->host;

        if (replaced)
                inherit(service, replaced, h);
        for (size_t i = 0; i < service->n_volumes; i++) {
                const struct compose_mount *m = &service->volumes[i];

                if (is_mounted(h, m->target))
                        continue;
                if (is_bind_string(m))
                        strv_append_take(&h->binds, bind_string(e, m));
                else
                        add_mount(h, mount_of(e, m));
        }
        for (char **tmpfs = service->tmpfs; tmpfs && *tmpfs; tmpfs++) {
                const char *colon = strchr(*tmpfs, ':');
                cleanup_free char *path = xstrndup(*tmpfs, colon ? (size_t)(colon - *tmpfs) : strlen(*tmpfs));

                strmap_set(&h->tmpfs, path, colon ? colon + 1 : "");
        }
        if (add_files(e, service->secrets, service->n_secrets, true, h, err) < 0)
                return -1;
        return add_files(e, service->configs, service->n_configs, false, h, err);
}
