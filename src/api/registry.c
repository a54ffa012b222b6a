/* Registries: search, /distribution, and our own calls for `manifest` and `buildx imagetools`. */
#include "api/resources.h"
#include "engine/registry.h"

#define MANIFEST_MAX (4 << 20)

static const char *auth_of(const struct request *req)
{
        return http_head_get(&req->head, "X-Registry-Auth");
}

static int search_images(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *filters = NULL, *list = NULL;
        int64_t limit;

        if (request_query_int64(req, "limit", 0, &limit, err) < 0 ||
            request_filters_json(req, &filters, err) < 0 ||
            engine_image_search(req->engine, request_query_default(req, "term", ""), limit, filters,
                                auth_of(req), &list, err) < 0)
                return -1;
        return response_json(res, 200, list, err);
}

static int inspect_distribution(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *tree = NULL;

        if (engine_distribution_inspect(req->engine, request_param(req, "name"), auth_of(req), &tree, err) <
            0)
                return -1;
        return response_json(res, 200, tree, err);
}

static struct registry_call call_of(const struct request *req)
{
        return (struct registry_call){ request_query_default(req, "reference", ""), auth_of(req),
                                       request_query_bool(req, "insecure") };
}

static int send_bytes(struct response *res, const char *type, const char *text, size_t len, struct error *err)
{
        struct sink *sink;

        if (response_stream(res, 200, type, true, &sink, err) < 0)
                return -1;
        return sink_write(sink, text, len, err);
}

static int get_manifest(struct request *req, struct response *res, struct error *err)
{
        cleanup_registry_manifest struct registry_manifest m = {};
        const struct registry_call call = call_of(req);

        if (engine_registry_manifest(req->engine, &call, &m, err) < 0)
                return -1;
        return send_bytes(res, m.media_type, m.text, m.len, err);
}

static int get_blob(struct request *req, struct response *res, struct error *err)
{
        const struct registry_call call = call_of(req);
        cleanup_free char *text = NULL;
        size_t len;

        if (engine_registry_blob(req->engine, &call, request_query_default(req, "digest", ""), &text, &len,
                                 err) < 0)
                return -1;
        return send_bytes(res, "application/octet-stream", text, len, err);
}

static int put_manifest(struct request *req, struct response *res, struct error *err)
{
        const struct registry_call call = call_of(req);
        const char *type = http_head_get(&req->head, "Content-Type");
        json_object *answer;
        cleanup_free char *text = NULL;
        char digest_text[DIGEST_TEXT_SIZE];
        struct digest digest;
        size_t len;

        if (!type || strpbrk(type, "\r\n"))
                return error_set(err, ERROR_INVALID, "the manifest's type is missing");
        if (stream_read_all(request_body(req), MANIFEST_MAX, &text, &len, err) < 0 ||
            engine_registry_put(req->engine, &call, type, text, len, &digest, err) < 0)
                return -1;
        digest_format(&digest, digest_text);
        answer = json_object_new_object();
        json_set_string(answer, "Digest", digest_text);
        return response_json_take(res, 201, answer, err);
}

static int copy_manifest(struct request *req, struct response *res, struct error *err)
{
        const struct registry_call to = call_of(req);
        const struct registry_call from = { request_query_default(req, "from", ""),
                                            http_head_get(&req->head, "X-Source-Auth"), to.insecure };

        return engine_registry_copy(req->engine, &from, &to, err) < 0 ? -1 : response_empty(res, 201, err);
}

static const struct route routes[] = {
        { "GET", "/images/search", search_images },
        { "GET", "/distribution/{name*}/json", inspect_distribution },
        { "GET", "/davit/registry/manifest", get_manifest },
        { "PUT", "/davit/registry/manifest", put_manifest },
        { "GET", "/davit/registry/blob", get_blob },
        { "POST", "/davit/registry/copy", copy_manifest },
};
const struct route_list registry_routes = ROUTE_LIST(routes);
