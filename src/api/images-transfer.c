/* Images in and out: pull, push, import, load, save, commit. */
#include "api/progress.h"
#include "api/resources.h"
#include "engine/image-transfer.h"

static int import_image(struct request *req, struct response *res, struct error *err)
{
        cleanup_strv char **changes = request_query_list(req, "changes");
        struct progress progress = { .res = res };
        struct digest id;
        struct image_import_options options = {
                .source = request_query(req, "fromSrc"),
                .repo = request_query_default(req, "repo", NULL),
                .tag = request_query_default(req, "tag", NULL),
                .message = request_query_default(req, "message", NULL),
                .changes = changes,
                .platform = request_query_default(req, "platform", NULL),
        };

        return progress_end(&progress,
                            engine_image_import(req->engine,
                                                streq(options.source, "-") ? request_body(req) : NULL,
                                                &options, progress_message, &progress, &id, err),
                            err);
}

static int create_image(struct request *req, struct response *res, struct error *err)
{
        const char *name = request_query_default(req, "fromImage", NULL);
        struct progress progress = { .res = res };

        if (!name && string_empty(request_query(req, "fromSrc")))
                return error_set(err, ERROR_INVALID, "fromImage or fromSrc is needed");
        if (!name)
                return import_image(req, res, err);
        return progress_end(&progress,
                            engine_image_pull(req->engine, name, request_query_default(req, "tag", NULL),
                                              request_query_default(req, "platform", NULL),
                                              http_head_get(&req->head, "X-Registry-Auth"), progress_message,
                                              &progress, err),
                            err);
}

static int push_image(struct request *req, struct response *res, struct error *err)
{
        struct progress progress = { .res = res };

        return progress_end(&progress,
                            engine_image_push(req->engine, request_param(req, "name"),
                                              request_query_default(req, "tag", NULL),
                                              request_query_default(req, "platform", NULL),
                                              http_head_get(&req->head, "X-Registry-Auth"), progress_message,
                                              &progress, err),
                            err);
}

static int load_images(struct request *req, struct response *res, struct error *err)
{
        cleanup_strv char **platforms = request_query_list(req, "platform");
        struct progress progress = { .res = res };

        return progress_end(&progress,
                            engine_image_load(req->engine, request_body(req),
                                              request_query_bool_default(req, "quiet", true), platforms,
                                              progress_message, &progress, err),
                            err);
}

static int save_names(struct request *req, struct response *res, char *const *names, struct error *err)
{
        cleanup_strv char **platforms = request_query_list(req, "platform");
        struct image_save *save;
        struct sink *sink;
        int r;

        if (engine_image_save_open(req->engine, names, platforms, &save, err) < 0)
                return -1;
        r = response_stream(res, 200, "application/x-tar", true, &sink, err);
        if (r == 0)
                r = engine_image_save_write(save, sink, err);
        engine_image_save_free(save);
        return r;
}

static int save_images(struct request *req, struct response *res, struct error *err)
{
        cleanup_strv char **names = request_query_list(req, "names");

        if (!names)
                names = strv_new();
        return save_names(req, res, names, err);
}

static int save_image(struct request *req, struct response *res, struct error *err)
{
        char *names[] = { (char *)request_param(req, "name"), NULL };

        return save_names(req, res, names, err);
}

static int commit_config(struct request *req, struct response *res, const struct container_config *config,
                         struct error *err)
{
        cleanup_strv char **changes = request_query_list(req, "changes");
        struct image_commit_options options = {
                .repo = request_query_default(req, "repo", NULL),
                .tag = request_query_default(req, "tag", NULL),
                .message = request_query_default(req, "comment", NULL),
                .author = request_query_default(req, "author", NULL),
                .changes = changes,
                .pause = request_query_bool_default(req, "pause", true),
                .config = config,
        };
        char text[DIGEST_TEXT_SIZE];
        struct digest id;
        json_object *answer;

        if (engine_commit(req->engine, request_query_default(req, "container", ""), &options, &id, err) < 0)
                return -1;
        answer = json_object_new_object();
        digest_format(&id, text);
        json_set_string(answer, "Id", text);
        return response_json_take(res, 201, answer, err);
}

static int commit_container(struct request *req, struct response *res, struct error *err)
{
        struct container_config config = {};
        cleanup_json json_object *body = NULL;
        int r = request_json_tree(req, true, &body, err);

        if (r == 0 && body && json_bind(&container_config_table, body, &config, err) < 0)
                r = error_context(err, "invalid JSON");
        if (r == 0)
                r = commit_config(req, res, body ? &config : NULL, err);
        json_free_fields(&container_config_table, &config);
        return r;
}

static const struct route routes[] = {
        { "POST", "/commit", commit_container }, { "POST", "/images/create", create_image },
        { "POST", "/images/load", load_images }, { "POST", "/images/{name*}/push", push_image },
        { "GET", "/images/get", save_images },   { "GET", "/images/{name*}/get", save_image },
};
const struct route_list image_transfer_routes = ROUTE_LIST(routes);
