/* Files of containers: archive (cp), changes (diff), export. */
#include "api/resources.h"
#include "engine/archive.h"

#include <openssl/evp.h>

static int archive_path(const struct request *req, const char **ret, struct error *err)
{
        *ret = request_query(req, "path");
        if (string_empty(*ret))
                return error_set(err, ERROR_INVALID, "bad parameter: 'path' cannot be empty");
        return 0;
}

static void add_stat(struct response *res, const struct archive *archive)
{
        cleanup_free char *json = engine_archive_stat_json(archive);
        size_t len = strlen(json);
        cleanup_free char *text = xmalloc(len / 3 * 4 + 5);

        EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)json, (int)len);
        response_header(res, "X-Docker-Container-Path-Stat", text);
}

static int head_archive(struct request *req, struct response *res, struct error *err)
{
        struct archive *archive;
        const char *path;

        if (archive_path(req, &path, err) < 0 ||
            engine_archive_open(req->engine, request_param(req, "id"), path, &archive, err) < 0)
                return -1;
        add_stat(res, archive);
        engine_archive_close(archive);
        return response_empty(res, 200, err);
}

static int get_archive(struct request *req, struct response *res, struct error *err)
{
        struct archive *archive;
        const char *path;
        struct sink *sink;
        int r;

        if (archive_path(req, &path, err) < 0 ||
            engine_archive_open(req->engine, request_param(req, "id"), path, &archive, err) < 0)
                return -1;
        add_stat(res, archive);
        r = response_stream(res, 200, "application/x-tar", true, &sink, err);
        if (r == 0)
                r = engine_archive_write(archive, sink, err);
        engine_archive_close(archive);
        return r;
}

static int put_archive(struct request *req, struct response *res, struct error *err)
{
        struct archive_put_options options = {
                .no_overwrite_dir_non_dir = request_query_bool(req, "noOverwriteDirNonDir"),
                .copy_uid_gid = request_query_bool(req, "copyUIDGID"),
        };
        const char *path;

        if (archive_path(req, &path, err) < 0 ||
            engine_archive_put(req->engine, request_param(req, "id"), path, request_body(req), &options,
                               err) < 0)
                return -1;
        return response_empty(res, 200, err);
}

static int export_container(struct request *req, struct response *res, struct error *err)
{
        struct export *export;
        struct sink *sink;
        int r;

        if (engine_export_open(req->engine, request_param(req, "id"), &export, err) < 0)
                return -1;
        r = response_stream(res, 200, "application/octet-stream", true, &sink, err);
        if (r == 0)
                r = engine_export_write(export, sink, err);
        engine_export_close(export);
        return r;
}

static int container_changes(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *changes = NULL;

        if (engine_container_changes(req->engine, request_param(req, "id"), &changes, err) < 0)
                return -1;
        return response_json(res, 200, changes, err);
}

static const struct route routes[] = {
        { "HEAD", "/containers/{id}/archive", head_archive },
        { "GET", "/containers/{id}/archive", get_archive },
        { "PUT", "/containers/{id}/archive", put_archive },
        { "GET", "/containers/{id}/export", export_container },
        { "GET", "/containers/{id}/changes", container_changes },
};
const struct route_list archive_routes = ROUTE_LIST(routes);
