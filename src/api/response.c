#include "api/request.h"
#include "api/response.h"
#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>

/* What Docker's engine sends with every answer. */
#define VERSION_HEADER "Api-Version: 1.51\r\n"
#define COMMON_HEADERS                                                                                       \
        "Docker-Experimental: false\r\nOstype: linux\r\nServer: Docker/" DAVIT_VERSION " (linux)\r\n"

static const struct {
        int status;
        const char *reason;
} reasons[] = {
        { 101, "UPGRADED" },
        { 200, "OK" },
        { 201, "Created" },
        { 204, "No Content" },
        { 304, "Not Modified" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 409, "Conflict" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 503, "Service Unavailable" },
};

const char *status_reason(int status)
{
        for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
                if (reasons[i].status == status)
                        return reasons[i].reason;
        return "Status";
}

int status_of_error(const struct error *err)
{
        static const int statuses[] = {
                [ERROR_NONE] = 500,      [ERROR_INVALID] = 400,     [ERROR_UNAUTHORIZED] = 401,
                [ERROR_FORBIDDEN] = 403, [ERROR_NOT_FOUND] = 404,   [ERROR_NOT_MODIFIED] = 304,
                [ERROR_CONFLICT] = 409,  [ERROR_UNAVAILABLE] = 503, [ERROR_UNSUPPORTED] = 501,
                [ERROR_CANCELLED] = 500, [ERROR_SYSTEM] = 500,
        };

        return statuses[err->kind];
}

void response_header(struct response *res, const char *name, const char *value)
{
        http_header_add(&res->headers, name, value);
}

static void add_date(struct strbuf *b)
{
        char text[40];
        time_t now = time(NULL);
        struct tm tm;

        gmtime_r(&now, &tm);
        strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        http_header_add(b, "Date", text);
}

/* The head up to, but without, the blank line. */
static void head_begin(struct response *res, struct strbuf *b, int status, const char *content_type)
{
        strbuf_addf(b, "HTTP/1.%d %d %s\r\n" VERSION_HEADER, res->request->head.minor ? 1 : 0, status,
                    status_reason(status));
        if (content_type)
                http_header_add(b, "Content-Type", content_type);
        strbuf_adds(b, COMMON_HEADERS);
        add_date(b);
        strbuf_add(b, res->headers.data, res->headers.len);
        if (res->close)
                strbuf_adds(b, "Connection: close\r\n");
        else if (res->request->head.minor == 0)
                strbuf_adds(b, "Connection: keep-alive\r\n");
        res->begun = true;
        res->status = status;
}

static int send_whole(struct response *res, int status, const char *content_type, const char *body,
                      size_t len, struct error *err)
{
        cleanup_strbuf struct strbuf b = {};

        head_begin(res, &b, status, content_type);
        if (status != 204 && status != 304)
                strbuf_addf(&b, "Content-Length: %zu\r\n", len);
        strbuf_adds(&b, "\r\n");
        if (!streq(res->request->head.method, "HEAD"))
                strbuf_add(&b, body, len);
        return http_write(res->request->connection->fd, b.data, b.len, err);
}

int response_json(struct response *res, int status, json_object *value, struct error *err)
{
        cleanup_free char *text = json_format(value);
        cleanup_strbuf struct strbuf line = {};

        strbuf_adds(&line, text);
        strbuf_addc(&line, '\n');
        return send_whole(res, status, "application/json", line.data, line.len, err);
}

int response_json_take(struct response *res, int status, json_object *value, struct error *err)
{
        cleanup_json json_object *owned = value;

        return response_json(res, status, owned, err);
}

int response_table(struct response *res, int status, const struct json_table *table, const void *value,
                   struct error *err)
{
        return response_json_take(res, status, json_unbind(table, value), err);
}

int response_empty(struct response *res, int status, struct error *err)
{
        return send_whole(res, status, NULL, "", 0, err);
}

int response_text(struct response *res, int status, const char *content_type, const char *text,
                  struct error *err)
{
        return send_whole(res, status, content_type, text, strlen(text), err);
}

/* ---- Streams ---- */

int response_stream(struct response *res, int status, const char *content_type, bool buffered,
                    struct sink **ret, struct error *err)
{
        cleanup_strbuf struct strbuf b = {};
        int fd = res->request->connection->fd;

        res->plain = res->request->head.minor == 0;
        res->close |= res->plain;
        head_begin(res, &b, status, content_type);
        strbuf_adds(&b, res->plain ? "\r\n" : "Transfer-Encoding: chunked\r\n\r\n");
        if (http_write(fd, b.data, b.len, err) < 0)
                return -1;
        res->streaming = true;
        http_chunk_sink_init(&res->chunks, fd, buffered);
        if (res->plain)
                res->bare = sink_new_fd(fd);
        *ret = res->plain ? res->bare : &res->chunks.sink;
        return 0;
}

int response_progress(void *sink, json_object *message, struct error *err)
{
        cleanup_free char *text = json_format(message);
        cleanup_strbuf struct strbuf line = {};

        strbuf_adds(&line, text);
        strbuf_adds(&line, "\r\n");
        return sink_write(sink, line.data, line.len, err);
}

int response_progress_error(struct sink *sink, struct error *err)
{
        cleanup_json json_object *message = json_object_new_object();
        json_object *detail = json_object_new_object();

        json_set_string(detail, "message", error_message(err));
        json_object_object_add(message, "errorDetail", detail);
        json_set_string(message, "error", error_message(err));
        error_clear(err);
        return response_progress(sink, message, err);
}

int response_finish(struct response *res, struct error *err)
{
        if (!res->streaming || res->plain)
                return 0;
        return http_chunk_sink_finish(&res->chunks, err);
}

void response_deinit(struct response *res)
{
        strbuf_deinit(&res->headers);
        if (res->streaming)
                http_chunk_sink_deinit(&res->chunks);
        sink_free(res->bare);
}

/* ---- The bare connection ---- */

int response_hijack(struct response *res, const char *content_type, int *ret_fd, char **ret_early,
                    size_t *ret_early_len, struct error *err)
{
        const char *upgrade = http_head_get(&res->request->head, "Upgrade");
        cleanup_strbuf struct strbuf b = {};
        int fd = res->request->connection->fd;
        cleanup_close int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

        if (copy < 0)
                return error_errno(err, "dup");
        strbuf_addf(&b, "HTTP/1.1 %s\r\n", upgrade ? "101 UPGRADED" : "200 OK");
        http_header_add(&b, "Content-Type", content_type);
        if (upgrade) {
                strbuf_adds(&b, "Connection: Upgrade\r\n");
                http_header_add(&b, "Upgrade", upgrade);
        }
        strbuf_adds(&b, VERSION_HEADER COMMON_HEADERS "\r\n");
        res->begun = res->close = true;
        *res->hijacked = true;
        if (http_write(fd, b.data, b.len, err) < 0)
                return -1;
        *ret_early = http_connection_take(res->request->connection, ret_early_len);
        *ret_fd = take_fd(copy);
        return 0;
}
