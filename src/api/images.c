/* /images: what can be asked about them, names, removal. */
#include "api/resources.h"
#include "engine/image.h"

/* What clients of old API versions look for. */
static void add_virtual_size(const struct request *req, json_object *image)
{
        if (req->version < 44)
                json_object_object_add(image, "VirtualSize",
                                       json_object_new_int64(json_get_int64(image, "Size", 0)));
}

static void name_nothing(json_object *image, const char *field, const char *placeholder)
{
        json_object *names = json_object_new_array();

        json_object_array_add(names, json_object_new_string(placeholder));
        json_object_object_add(image, field, names);
}

static void adapt_summary(const struct request *req, json_object *image)
{
        json_object *tags = json_get(image, "RepoTags");

        add_virtual_size(req, image);
        if (req->version >= 43 || (tags && json_object_array_length(tags) > 0))
                return;
        name_nothing(image, "RepoTags", "<none>:<none>");
        name_nothing(image, "RepoDigests", "<none>@<none>");
}

static int list_images(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *filters = NULL, *list = NULL;
        struct image_list_options options = {
                .all = request_query_bool(req, "all"),
                .shared_size = request_query_bool(req, "shared-size"),
                .containers = req->version >= 51,
                .manifests = request_query_bool(req, "manifests"),
        };

        if (request_filters_json(req, &filters, err) < 0)
                return -1;
        options.filters = filters;
        if (engine_image_list(req->engine, &options, &list, err) < 0)
                return -1;
        for (size_t i = 0; i < json_object_array_length(list); i++)
                adapt_summary(req, json_object_array_get_idx(list, i));
        return response_json(res, 200, list, err);
}

static int inspect_image(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *image = NULL;

        if (engine_image_inspect(req->engine, request_param(req, "name"),
                                 request_query_default(req, "platform", NULL), &image, err) < 0)
                return -1;
        add_virtual_size(req, image);
        return response_json(res, 200, image, err);
}

static int image_history(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *history = NULL;

        if (engine_image_history(req->engine, request_param(req, "name"),
                                 request_query_default(req, "platform", NULL), &history, err) < 0)
                return -1;
        return response_json(res, 200, history, err);
}

static int tag_image(struct request *req, struct response *res, struct error *err)
{
        if (engine_image_tag(req->engine, request_param(req, "name"), request_query_default(req, "repo", ""),
                             request_query_default(req, "tag", NULL), err) < 0)
                return -1;
        return response_empty(res, 201, err);
}

static int remove_image(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *report = NULL;

        if (engine_image_remove(req->engine, request_param(req, "name"), request_query_bool(req, "force"),
                                request_query_bool(req, "noprune"), &report, err) < 0)
                return -1;
        return response_json(res, 200, report, err);
}

static int prune_images(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *filters = NULL, *report = NULL;

        if (request_filters_json(req, &filters, err) < 0 ||
            engine_image_prune(req->engine, filters, &report, err) < 0)
                return -1;
        return response_json(res, 200, report, err);
}

static const struct route routes[] = {
        { "GET", "/images/json", list_images },
        { "GET", "/images/{name*}/json", inspect_image },
        { "GET", "/images/{name*}/history", image_history },
        { "POST", "/images/prune", prune_images },
        { "POST", "/images/{name*}/tag", tag_image },
        { "DELETE", "/images/{name*}", remove_image },
};
const struct route_list image_routes = ROUTE_LIST(routes);
