/* /volumes */
#include "api/resources.h"
#include "engine/engine.h"
#include "engine/volume.h"

static int list_volumes(struct request *req, struct response *res, struct error *err)
{
        cleanup_filters struct filters filters = {};
        cleanup_json json_object *list = NULL;

        if (request_filters(req, &filters, err) < 0 ||
            volume_list(req->engine->volumes, &filters, &list, err) < 0)
                return -1;
        return response_json(res, 200, list, err);
}

static int create_volume(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *body = NULL, *volume = NULL;

        if (request_json_tree(req, true, &body, err) < 0)
                return -1;
        if (!body)
                body = json_object_new_object();
        if (volume_create_json(req->engine->volumes, body, &volume, err) < 0)
                return -1;
        return response_json(res, 201, volume, err);
}

static int inspect_volume(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *volume = NULL;

        if (volume_inspect(req->engine->volumes, request_param(req, "name"), &volume, err) < 0)
                return -1;
        return response_json(res, 200, volume, err);
}

static int remove_volume(struct request *req, struct response *res, struct error *err)
{
        if (volume_remove(req->engine->volumes, request_param(req, "name"), request_query_bool(req, "force"),
                          err) < 0)
                return -1;
        return response_empty(res, 204, err);
}

static int prune_volumes(struct request *req, struct response *res, struct error *err)
{
        cleanup_filters struct filters filters = {};
        cleanup_json json_object *report = NULL;

        if (request_filters(req, &filters, err) < 0 ||
            volume_prune(req->engine->volumes, &filters, req->version < 42, &report, err) < 0)
                return -1;
        return response_json(res, 200, report, err);
}

static const struct route routes[] = {
        { "GET", "/volumes", list_volumes },
        { "POST", "/volumes/create", create_volume },
        { "POST", "/volumes/prune", prune_volumes },
        { "GET", "/volumes/{name}", inspect_volume },
        { "DELETE", "/volumes/{name}", remove_volume },
};
const struct route_list volume_routes = ROUTE_LIST(routes);
