/* /exec and /containers/{id}/exec */
#include "api/query.h"
#include "api/resources.h"
#include "base/fd.h"
#include "engine/container.h"
#include "engine/engine.h"

#include <arpa/inet.h>

static int create_exec(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *body = NULL;
        char id[CONTAINER_ID_SIZE];
        json_object *answer;

        if (request_json_tree(req, false, &body, err) < 0 ||
            engine_exec_create(req->engine, request_param(req, "id"), body, id, err) < 0)
                return -1;
        answer = json_object_new_object();
        json_set_string(answer, "Id", id);
        return response_json_take(res, 201, answer, err);
}

struct exec_start {
        bool detach, tty;
        uint32_t *size; /* height, width */
        size_t n_size;
};
static const struct json_field exec_start_fields[] = {
        JSON_FIELD("Detach", struct exec_start, detach, JSON_BOOL),
        JSON_FIELD("Tty", struct exec_start, tty, JSON_BOOL),
        JSON_FIELD_UINT32S("ConsoleSize", struct exec_start, size, n_size),
};
static const struct json_table exec_start_table = JSON_TABLE(struct exec_start, exec_start_fields);

/* The answer has begun: what went wrong is told where the command's output would have been. */
static void tell_failure(int client, bool tty, struct error *err)
{
        cleanup_free char *text = string_format("%s\r\n", error_message(err));
        cleanup_strbuf struct strbuf frame = {};
        uint32_t header[2] = { 0, htonl((uint32_t)strlen(text)) };

        ((char *)header)[0] = 1;
        if (!tty)
                strbuf_add(&frame, header, sizeof(header));
        strbuf_adds(&frame, text);
        http_write(client, frame.data, frame.len, NULL);
        error_clear(err);
}

static int start_attached(struct request *req, struct response *res, const struct exec_start *start,
                          struct error *err)
{
        int height = start->n_size == 2 ? (int)start->size[0] : 0;
        int width = start->n_size == 2 ? (int)start->size[1] : 0;
        const char *id = request_param(req, "id");
        cleanup_close int client = -1;
        cleanup_free char *early = NULL;
        size_t early_len;
        bool tty;

        if (engine_exec_start_check(req->engine, id, &tty, err) < 0 ||
            response_hijack(res, stream_media_type(req, tty, true), &client, &early, &early_len, err) < 0)
                return -1;
        if (engine_exec_start(req->engine, id, client, early, early_len, height, width, NULL, err) < 0)
                tell_failure(client, tty, err);
        return 0;
}

static int start_exec(struct request *req, struct response *res, struct error *err)
{
        struct exec_start start = {};
        bool tty;
        int r = request_json(req, &exec_start_table, true, &start, err);

        if (r == 0 && start.n_size != 0 && start.n_size != 2)
                r = error_set(err, ERROR_INVALID, "invalid JSON: ConsoleSize must be [height, width]");
        if (r == 0 && !start.detach) {
                r = start_attached(req, res, &start, err);
        } else if (r == 0) {
                r = engine_exec_start_check(req->engine, request_param(req, "id"), &tty, err);
                if (r == 0)
                        r = engine_exec_start(req->engine, request_param(req, "id"), -1, NULL, 0, 0, 0, NULL,
                                              err);
                if (r == 0)
                        r = response_empty(res, 200, err);
        }
        json_free_fields(&exec_start_table, &start);
        return r;
}

static int resize_exec(struct request *req, struct response *res, struct error *err)
{
        int height, width;

        if (query_size(req, &height, &width, err) < 0 ||
            engine_exec_resize(req->engine, request_param(req, "id"), height, width, err) < 0)
                return -1;
        return response_empty(res, 200, err);
}

static int inspect_exec(struct request *req, struct response *res, struct error *err)
{
        cleanup_json json_object *tree = NULL;

        if (engine_exec_inspect(req->engine, request_param(req, "id"), &tree, err) < 0)
                return -1;
        return response_json(res, 200, tree, err);
}

static const struct route routes[] = {
        { "POST", "/containers/{id}/exec", create_exec },
        { "POST", "/exec/{id}/start", start_exec },
        { "POST", "/exec/{id}/resize", resize_exec },
        { "GET", "/exec/{id}/json", inspect_exec },
};
const struct route_list exec_routes = ROUTE_LIST(routes);
