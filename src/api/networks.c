/* /networks */
#include "api/resources.h"
#include "engine/container-network.h"
#include "engine/engine.h"
#include "engine/network.h"

static int list_networks(struct request *req, struct response *res, struct error *err)
{
        cleanup_filters struct filters filters = {};
        cleanup_json json_object *list = NULL;

        if (request_filters(req, &filters, err) < 0 ||
            network_list(req->engine->networks, &filters, &list, err) < 0)
                return -1;
        return response_json(res, 200, list, err);
}

static int inspect_network(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *network = NULL;

        if (network_inspect(req->engine->networks, request_param(req, "id"), &network, err) < 0)
                return -1;
        return response_json(res, 200, network, err);
}

static int create_network(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *body = NULL, *network = NULL;

        if (request_json_tree(req, false, &body, err) < 0 ||
            network_create(req->engine->networks, body, &network, err) < 0)
                return -1;
        return response_json(res, 201, network, err);
}

static int remove_network(struct request *req, struct response *res, struct error *err)
{
        if (network_remove(req->engine->networks, request_param(req, "id"), err) < 0)
                return -1;
        return response_empty(res, 204, err);
}

static int prune_networks(struct request *req, struct response *res, struct error *err)
{
        cleanup_filters struct filters filters = {};
        cleanup_json json_object *report = NULL;

        if (request_filters(req, &filters, err) < 0 ||
            network_prune(req->engine->networks, &filters, &report, err) < 0)
                return -1;
        return response_json(res, 200, report, err);
}

static int connect_network(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *body = NULL;

        if (request_json_tree(req, false, &body, err) < 0 ||
            engine_network_connect(req->engine, request_param(req, "id"), json_get_string(body, "Container"),
                                   json_get(body, "EndpointConfig"), err) < 0)
                return -1;
        return response_empty(res, 200, err);
}

static int disconnect_network(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *body = NULL;

        if (request_json_tree(req, false, &body, err) < 0 ||
            engine_network_disconnect(req->engine, request_param(req, "id"),
                                      json_get_string(body, "Container"), json_get_bool(body, "Force"),
                                      err) < 0)
                return -1;
        return response_empty(res, 200, err);
}

static const struct route routes[] = {
        { "GET", "/networks", list_networks },
        { "POST", "/networks/create", create_network },
        { "POST", "/networks/prune", prune_networks },
        { "GET", "/networks/{id}", inspect_network },
        { "DELETE", "/networks/{id}", remove_network },
        { "POST", "/networks/{id}/connect", connect_network },
        { "POST", "/networks/{id}/disconnect", disconnect_network },
};
const struct route_list network_routes = ROUTE_LIST(routes);
