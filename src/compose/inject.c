/* Secrets and configs whose content isn't a file of the host: copied into the created container. */
#include "base/stream.h"
#include "compose/engine.h"
#include "store/tar.h"

#include <stdio.h>

#define MODE_DEFAULT 0444

static int content_of(struct compose_engine *e, const struct compose_file_object *o, const char *kind,
                      const char **ret, struct error *err)
{
        *ret = o->content;
        if (!o->content && o->environment) {
                *ret = env_get(e->project->environment, o->environment);
                if (!*ret)
                        return error_set(err, ERROR_INVALID,
                                         "environment variable \"%s\" required by %s \"%s\" is not set",
                                         o->environment, kind, o->name ? o->name : o->key);
        }
        return 0;
}

/* Numbers alone: names are known inside the container only. */
static uint32_t number(const char *text)
{
        uint64_t value = 0;

        return text && string_to_uint64(text, &value, NULL) == 0 && value <= UINT32_MAX ? (uint32_t)value : 0;
}

/* Without an owner it is the container's user. */
static void owner_of(const struct compose_service *service, const struct compose_file_reference *r,
                     uint32_t *ret_uid, uint32_t *ret_gid)
{
        cleanup_strv char **user = strv_split(service->user ? service->user : "", ':');

        *ret_uid = number(r->uid ? r->uid : user[0]);
        *ret_gid = number(r->gid ? r->gid : user[0] ? user[1] : NULL);
}

static int put_file(struct compose_engine *e, const char *id, const char *path, uint32_t uid, uint32_t gid,
                    int64_t mode, const char *content, struct error *err)
{
        cleanup_strbuf struct strbuf archive = {};
        struct sink *out = sink_new_buffer(&archive);
        cleanup_tar_writer struct tar_writer *w = tar_writer_new(out);
        cleanup_stream struct stream *upload = NULL;
        cleanup_client_stream struct client_stream *answer = NULL;
        cleanup_query struct client_query q = {};
        cleanup_free char *name = xstrdup(path[0] == '/' ? path + 1 : path);
        struct tar_entry entry = {
                .type = TAR_FILE, .path = name, .mode = (mode_t)mode, .uid = uid, .gid = gid
        };
        int r;

        entry.size = entry.data_size = (int64_t)strlen(content);
        r = tar_writer_entry(w, &entry, err);
        if (r == 0)
                r = tar_writer_data(w, content, strlen(content), err);
        if (r == 0)
                r = tar_writer_finish(w, err);
        sink_free(out);
        if (r < 0)
                return -1;
        upload = stream_new_memory(archive.data, archive.len);
        client_query_init(&q, "/containers/%s/archive", id);
        client_query_add(&q, "path", "/");
        client_query_add_bool(&q, "copyUIDGID", true);
        if (e->dry_run)
                return 0;
        r = client_stream_open(e->client, "PUT", &q, NULL, upload, NULL, &answer, err);
        explicit_bzero(archive.data, archive.len);
        return r;
}

static int inject(struct compose_engine *e, const struct compose_service *service, const char *id,
                  const struct compose_file_reference *list, size_t count, bool secrets, struct error *err)
{
        const char *kind = secrets ? "secret" : "config";

        for (size_t i = 0; i < count; i++) {
                const struct compose_file_reference *r = &list[i];
                const struct compose_file_object *o = secrets ? compose_project_secret(e->project, r->source)
                                                              : compose_project_config(e->project, r->source);
                const char *target = r->target ? r->target : r->source, *content = NULL;
                cleanup_free char *path = string_format("%s%s",
                                                        *target == '/' ? ""
                                                        : secrets      ? "/run/secrets/"
                                                                       : "/",
                                                        target);
                uint32_t uid, gid;

                if (!o || o->file || o->external)
                        continue;
                if (content_of(e, o, kind, &content, err) < 0)
                        return -1;
                if (string_empty(content))
                        continue;
                owner_of(service, r, &uid, &gid);
                if (put_file(e, id, path, uid, gid, r->mode ? *r->mode : MODE_DEFAULT, content, err) < 0)
                        return -1;
        }
        return 0;
}

int compose_files_inject(struct compose_engine *e, const struct compose_service *service, const char *id,
                         struct error *err)
{
        if (inject(e, service, id, service->secrets, service->n_secrets, true, err) < 0)
                return -1;
        return inject(e, service, id, service->configs, service->n_configs, false, err);
}
