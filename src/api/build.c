/* /build: the builder's side is not there yet, and so neither is a cache to prune. */
#include "api/resources.h"

static int build_image(struct request *req, struct response *res, struct error *err)
{
        (void)req, (void)res;
        return error_set(err, ERROR_UNSUPPORTED, "building over the API is not supported by davit yet");
}

static int prune_cache(struct request *req, struct response *res, struct error *err)
{
        json_object *report = json_object_new_object();

        (void)req;
        json_object_object_add(report, "CachesDeleted", NULL);
        json_object_object_add(report, "SpaceReclaimed", json_object_new_int64(0));
        return response_json_take(res, 200, report, err);
}

static const struct route routes[] = {
        { "POST", "/build", build_image },
        { "POST", "/build/prune", prune_cache },
};
const struct route_list build_routes = ROUTE_LIST(routes);
