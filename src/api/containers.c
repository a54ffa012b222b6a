/* /containers: create, life, reading. */
#include "api/query.h"
#include "api/resources.h"
#include "engine/container.h"
#include "engine/engine.h"

#include <limits.h>

static int list_containers(struct request *req, struct response *res, struct error *err)
{
        cleanup_filters struct filters filters = {};
        cleanup_json json_object *list = NULL;
        struct container_list_options options = { .filters = &filters };
        int64_t limit;

        if (request_filters(req, &filters, err) < 0 || request_query_int64(req, "limit", 0, &limit, err) < 0)
                return -1;
        options.all = request_query_bool(req, "all");
        options.size = request_query_bool(req, "size");
        options.limit = limit > 0 ? (int)MIN(limit, (int64_t)INT_MAX) : 0;
        if (engine_container_list(req->engine, &options, &list, err) < 0)
                return -1;
        return response_json(res, 200, list, err);
}

static json_object *list_or_empty(char *const *list)
{
        json_object *tree = json_object_new_array();

        for (; list && *list; list++)
                json_object_array_add(tree, json_object_new_string(*list));
        return tree;
}

/* Docker's Config is what stands in the body beside these two; none of it is no Config at all. */
static bool has_config(json_object *body)
{
        if (!json_object_is_type(body, json_type_object))
                return body != NULL;
        json_object_object_foreach(body, key, value)
        {
                (void)value;
                if (!streq(key, "HostConfig") && !streq(key, "NetworkingConfig"))
                        return true;
        }
        return false;
}

static int create_container(struct request *req, struct response *res, struct error *err)
{
        cleanup_container_request struct container_request request = {};
        cleanup_json json_object *body = NULL;
        cleanup_strv char **warnings = NULL;
        char id[CONTAINER_ID_SIZE];
        json_object *answer;

        if (request_json_tree(req, false, &body, err) < 0)
                return -1;
        if (!has_config(body))
                return error_set(err, ERROR_INVALID, "config cannot be empty in order to create a container");
        if (container_request_parse(body, &request, err) < 0 ||
            engine_container_create(req->engine, request_query_default(req, "name", NULL),
                                    request_query_default(req, "platform", NULL), req->version, &request, id,
                                    &warnings, err) < 0)
                return -1;
        answer = json_object_new_object();
        json_set_string(answer, "Id", id);
        json_object_object_add(answer, "Warnings", list_or_empty(warnings));
        return response_json_take(res, 201, answer, err);
}

static int inspect_container(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *tree = NULL;

        if (engine_container_inspect(req->engine, request_param(req, "id"), request_query_bool(req, "size"),
                                     &tree, err) < 0)
                return -1;
        return response_json(res, 200, tree, err);
}

static int start_container(struct request *req, struct response *res, struct error *err)
{
        /* What clients before API 1.22 sent; an empty object is tolerated, as in Docker. */
        if (req->head.content_length > 7)
                return error_set(
                    err, ERROR_INVALID,
                    "starting container with non-empty request body was deprecated since API v1.22 and "
                    "removed in v1.24");
        if (engine_container_start(req->engine, request_param(req, "id"),
                                   request_query_default(req, "detachKeys", NULL), err) < 0)
                return -1;
        return response_empty(res, 204, err);
}

/* The parameters of stop and restart. */
static int query_stop(const struct request *req, int *timeout, const int **ret_timeout, struct error *err)
{
        int64_t t;

        *ret_timeout = NULL;
        if (string_empty(request_query(req, "t")))
                return 0;
        if (request_query_int64(req, "t", 0, &t, err) < 0)
                return -1;
        *timeout = (int)MAX(MIN(t, (int64_t)INT_MAX), (int64_t)-1);
        *ret_timeout = timeout;
        return 0;
}

static int stop_container(struct request *req, struct response *res, struct error *err)
{
        const int *timeout;
        int value;

        if (query_stop(req, &value, &timeout, err) < 0 ||
            engine_container_stop(req->engine, request_param(req, "id"),
                                  request_query_default(req, "signal", NULL), timeout, err) < 0)
                return -1;
        return response_empty(res, 204, err);
}

static int restart_container(struct request *req, struct response *res, struct error *err)
{
        const int *timeout;
        int value;

        if (query_stop(req, &value, &timeout, err) < 0 ||
            engine_container_restart(req->engine, request_param(req, "id"),
                                     request_query_default(req, "signal", NULL), timeout, err) < 0)
                return -1;
        return response_empty(res, 204, err);
}

static int kill_container(struct request *req, struct response *res, struct error *err)
{
        if (engine_container_kill(req->engine, request_param(req, "id"),
                                  request_query_default(req, "signal", NULL), err) < 0)
                return -1;
        return response_empty(res, 204, err);
}

static int pause_container(struct request *req, struct response *res, struct error *err)
{
        if (engine_container_pause(req->engine, request_param(req, "id"), err) < 0)
                return -1;
        return response_empty(res, 204, err);
}

static int unpause_container(struct request *req, struct response *res, struct error *err)
{
        if (engine_container_unpause(req->engine, request_param(req, "id"), err) < 0)
                return -1;
        return response_empty(res, 204, err);
}

static int remove_container(struct request *req, struct response *res, struct error *err)
{
        if (engine_container_remove(req->engine, request_param(req, "id"), request_query_bool(req, "force"),
                                    request_query_bool(req, "v"), request_query_bool(req, "link"), err) < 0)
                return -1;
        return response_empty(res, 204, err);
}

static int rename_container(struct request *req, struct response *res, struct error *err)
{
        if (engine_container_rename(req->engine, request_param(req, "id"),
                                    request_query_default(req, "name", ""), err) < 0)
                return -1;
        return response_empty(res, 204, err);
}

static int update_container(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *body = NULL, *report = NULL;

        if (request_json_tree(req, true, &body, err) < 0)
                return -1;
        if (!body)
                body = json_object_new_object();
        if (engine_container_update(req->engine, request_param(req, "id"), body, &report, err) < 0)
                return -1;
        return response_json(res, 200, report, err);
}

static int prune_containers(struct request *req, struct response *res, struct error *err)
{
        cleanup_filters struct filters filters = {};
        cleanup_json json_object *report = NULL;

        if (request_filters(req, &filters, err) < 0 ||
            engine_container_prune(req->engine, &filters, &report, err) < 0)
                return -1;
        return response_json(res, 200, report, err);
}

static int top_container(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *tree = NULL;

        if (engine_container_top(req->engine, request_param(req, "id"),
                                 request_query_default(req, "ps_args", "-ef"), &tree, err) < 0)
                return -1;
        return response_json(res, 200, tree, err);
}

static int resize_container(struct request *req, struct response *res, struct error *err)
{
        int height, width;

        if (query_size(req, &height, &width, err) < 0 ||
            engine_container_resize(req->engine, request_param(req, "id"), height, width, err) < 0)
                return -1;
        return response_empty(res, 200, err);
}

static const struct route routes[] = {
        { "GET", "/containers/json", list_containers },
        { "POST", "/containers/create", create_container },
        { "POST", "/containers/prune", prune_containers },
        { "GET", "/containers/{id*}/json", inspect_container },
        { "GET", "/containers/{id}/top", top_container },
        { "POST", "/containers/{id}/start", start_container },
        { "POST", "/containers/{id}/stop", stop_container },
        { "POST", "/containers/{id}/restart", restart_container },
        { "POST", "/containers/{id}/kill", kill_container },
        { "POST", "/containers/{id}/pause", pause_container },
        { "POST", "/containers/{id}/unpause", unpause_container },
        { "POST", "/containers/{id}/rename", rename_container },
        { "POST", "/containers/{id}/update", update_container },
        { "POST", "/containers/{id}/resize", resize_container },
        { "DELETE", "/containers/{id*}", remove_container },
};
const struct route_list container_routes = ROUTE_LIST(routes);
