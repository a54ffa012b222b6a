#include "api/request.h"

#include <stdio.h>
#include <strings.h>

const char *request_param(const struct request *req, const char *name)
{
        for (size_t i = 0; i < req->params.count; i++)
                if (strlen(name) == req->params.name_lengths[i] &&
                    memcmp(req->params.names[i], name, req->params.name_lengths[i]) == 0)
                        return req->params.values[i];
        return NULL;
}

const char *request_query(const struct request *req, const char *name)
{
        return http_target_get(&req->target, name);
}

const char *request_query_default(const struct request *req, const char *name, const char *fallback)
{
        const char *value = request_query(req, name);

        return string_empty(value) ? fallback : value;
}

bool request_query_bool(const struct request *req, const char *name)
{
        static const char *const no[] = { "", "0", "no", "false", "none" };
        const char *value = request_query(req, name);

        if (!value)
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(no); i++)
                if (strcasecmp(value + strspn(value, " "), no[i]) == 0)
                        return false;
        return true;
}

bool request_query_bool_default(const struct request *req, const char *name, bool fallback)
{
        return request_query(req, name) ? request_query_bool(req, name) : fallback;
}

int request_query_int64(const struct request *req, const char *name, int64_t fallback, int64_t *ret,
                        struct error *err)
{
        const char *value = request_query(req, name);

        if (string_empty(value)) {
                *ret = fallback;
                return 0;
        }
        if (string_to_int64(value, ret, NULL) < 0)
                return error_set(err, ERROR_INVALID,
                                 "invalid value for %s: strconv.Atoi: parsing \"%s\": invalid syntax", name,
                                 value);
        return 0;
}

char **request_query_list(const struct request *req, const char *name)
{
        char **list = NULL;

        for (size_t i = 0; i < req->target.count; i++)
                if (streq(req->target.pairs[i].key, name))
                        strv_append(&list, req->target.pairs[i].value);
        return list;
}

int request_filters(const struct request *req, struct filters *ret, struct error *err)
{
        return filters_parse(request_query(req, "filters"), ret, err);
}

int request_filters_json(const struct request *req, json_object **ret, struct error *err)
{
        const char *text = request_query(req, "filters");
        struct filters checked = {};

        *ret = NULL;
        if (string_empty(text))
                return 0;
        if (filters_parse(text, &checked, err) < 0)
                return -1;
        filters_deinit(&checked);
        return json_parse_text(text, strlen(text), ret, err);
}

struct stream *request_body(struct request *req)
{
        return &req->body.stream;
}

int request_cancel_fd(const struct request *req)
{
        return req->connection->fd;
}

static int check_content_type(const struct request *req, struct error *err)
{
        const char *value = http_head_get(&req->head, "Content-Type");
        size_t len = value ? strcspn(value, "; \t") : 0;

        if (len == 0 && http_body_ended(&req->body))
                return 0;
        if (len == 0)
                return error_set(err, ERROR_INVALID,
                                 "malformed Content-Type header (%s): mime: no media type",
                                 value ? value : "");
        if (len != strlen("application/json") || strncasecmp(value, "application/json", len) != 0)
                return error_set(err, ERROR_INVALID,
                                 "unsupported Content-Type header (%.*s): must be 'application/json'",
                                 (int)len, value);
        return 0;
}

int request_json_tree(struct request *req, bool optional, json_object **ret, struct error *err)
{
        cleanup_free char *text = NULL;
        size_t len;

        if (check_content_type(req, err) < 0 ||
            stream_read_all(request_body(req), REQUEST_JSON_MAX, &text, &len, err) < 0)
                return -1;
        if (len == 0 && optional) {
                *ret = NULL;
                return 0;
        }
        if (len == 0)
                return error_set(err, ERROR_INVALID, "invalid JSON: got EOF while reading request body");
        return json_parse_text(text, len, ret, err);
}

int request_json(struct request *req, const struct json_table *table, bool optional, void *out,
                 struct error *err)
{
        cleanup_json json_object *tree = NULL;

        if (request_json_tree(req, optional, &tree, err) < 0)
                return -1;
        if (tree && json_bind(table, tree, out, err) < 0)
                return error_context(err, "invalid JSON");
        return 0;
}
