/* What davit has not got, answered so that tools which probe for it know: no swarm, no plugins. */
#include "api/resources.h"

static int not_a_manager(struct request *req, struct response *res, struct error *err)
{
        (void)req, (void)res;
        return error_set(
            err, ERROR_UNAVAILABLE,
            "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect "
            "this node to swarm and try again.");
}

static int no_swarm(struct request *req, struct response *res, struct error *err)
{
        (void)req, (void)res;
        return error_set(err, ERROR_UNSUPPORTED, "swarm mode is not supported by davit");
}

static int no_plugins(struct request *req, struct response *res, struct error *err)
{
        (void)req, (void)res;
        return error_set(err, ERROR_UNSUPPORTED, "plugins are not supported by davit");
}

static int list_plugins(struct request *req, struct response *res, struct error *err)
{
        (void)req;
        return response_json_take(res, 200, json_object_new_array(), err);
}

static int missing_plugin(struct request *req, struct response *res, struct error *err)
{
        (void)res;
        return error_set(err, ERROR_NOT_FOUND, "plugin \"%s\" not found", request_param(req, "name"));
}

static int no_cluster_volumes(struct request *req, struct response *res, struct error *err)
{
        (void)req, (void)res;
        return error_set(err, ERROR_UNAVAILABLE,
                         "volume update only valid for cluster volumes, but swarm is unavailable");
}

static const struct route routes[] = {
        { "GET", "/swarm", not_a_manager },
        { "GET", "/swarm/unlockkey", not_a_manager },
        { "POST", "/swarm/init", no_swarm },
        { "POST", "/swarm/join", no_swarm },
        { "POST", "/swarm/leave", not_a_manager },
        { "POST", "/swarm/update", not_a_manager },
        { "POST", "/swarm/unlock", not_a_manager },
        { "GET", "/nodes", not_a_manager },
        { "GET", "/nodes/{id}", not_a_manager },
        { "DELETE", "/nodes/{id}", not_a_manager },
        { "POST", "/nodes/{id}/update", not_a_manager },
        { "GET", "/services", not_a_manager },
        { "POST", "/services/create", not_a_manager },
        { "GET", "/services/{id}", not_a_manager },
        { "DELETE", "/services/{id}", not_a_manager },
        { "POST", "/services/{id}/update", not_a_manager },
        { "GET", "/services/{id}/logs", not_a_manager },
        { "GET", "/tasks", not_a_manager },
        { "GET", "/tasks/{id}", not_a_manager },
        { "GET", "/tasks/{id}/logs", not_a_manager },
        { "GET", "/secrets", not_a_manager },
        { "POST", "/secrets/create", not_a_manager },
        { "GET", "/secrets/{id}", not_a_manager },
        { "DELETE", "/secrets/{id}", not_a_manager },
        { "POST", "/secrets/{id}/update", not_a_manager },
        { "GET", "/configs", not_a_manager },
        { "POST", "/configs/create", not_a_manager },
        { "GET", "/configs/{id}", not_a_manager },
        { "DELETE", "/configs/{id}", not_a_manager },
        { "POST", "/configs/{id}/update", not_a_manager },
        { "PUT", "/volumes/{name}", no_cluster_volumes },
        { "GET", "/plugins", list_plugins },
        { "GET", "/plugins/privileges", no_plugins },
        { "POST", "/plugins/pull", no_plugins },
        { "POST", "/plugins/create", no_plugins },
        { "GET", "/plugins/{name*}/json", missing_plugin },
        { "DELETE", "/plugins/{name*}", missing_plugin },
        { "POST", "/plugins/{name*}/enable", missing_plugin },
        { "POST", "/plugins/{name*}/disable", missing_plugin },
        { "POST", "/plugins/{name*}/upgrade", missing_plugin },
        { "POST", "/plugins/{name*}/push", missing_plugin },
        { "POST", "/plugins/{name*}/set", missing_plugin },
};
const struct route_list swarm_routes = ROUTE_LIST(routes);
