#include "base/http.h"

#include <errno.h>
#include <strings.h>

size_t http_head_length(const char *data, size_t len)
{
        const char *p = data, *end = data + len;

        /* A line feed alone ends a line too (RFC 9112 section 2.2), as `nc` sends it. */
        while ((p = memchr(p, '\n', (size_t)(end - p)))) {
                p++;
                if (p < end && *p == '\n')
                        return (size_t)(p + 1 - data);
                if (p + 1 < end && p[0] == '\r' && p[1] == '\n')
                        return (size_t)(p + 2 - data);
        }
        return 0;
}

/* RFC 9110 section 5.6.2: what names and methods are made of. */
static bool is_token(const char *s, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if ((unsigned char)s[i] <= ' ' || (unsigned char)s[i] >= 127 ||
                    strchr("\"(),/:;<=>?@[\\]{}", s[i]))
                        return false;
        return len > 0;
}

static bool is_text(const char *s)
{
        for (; *s; s++)
                if (((unsigned char)*s < ' ' && *s != '\t') || *s == 127)
                        return false;
        return true;
}

/* Cuts the next line off `*cursor` (which is NUL-terminated after it) or returns NULL at the blank line. */
static char *next_line(char **cursor)
{
        char *line = *cursor, *end = strchr(line, '\n');

        if (!end)
                return NULL;
        *cursor = end + 1;
        *end = '\0';
        if (end > line && end[-1] == '\r')
                end[-1] = '\0';
        return *line ? line : NULL;
}

static int parse_version(const char *s, int *ret_minor)
{
        if (strlen(s) != 8 || !string_after(s, "HTTP/1.") || s[7] < '0' || s[7] > '9')
                return -1;
        *ret_minor = s[7] - '0';
        return 0;
}

static int parse_request_line(char *line, struct http_head *head, struct error *err)
{
        char *target = strchr(line, ' '), *version = target ? strchr(target + 1, ' ') : NULL;

        if (!version || !is_text(line))
                return error_set(err, ERROR_INVALID, "malformed HTTP request");
        *target++ = '\0';
        *version++ = '\0';
        if (!is_token(line, strlen(line)) || !*target)
                return error_set(err, ERROR_INVALID, "malformed HTTP request");
        if (parse_version(version, &head->minor) < 0)
                return error_set(err, ERROR_INVALID, "unsupported HTTP version");
        head->method = line;
        head->target = target;
        return 0;
}

static int parse_status_line(char *line, struct http_head *head, struct error *err)
{
        char *status = strchr(line, ' ');

        if (!status)
                return error_set(err, ERROR_INVALID, "malformed HTTP response");
        *status++ = '\0';
        if (parse_version(line, &head->minor) < 0)
                return error_set(err, ERROR_INVALID, "malformed HTTP response: version \"%.40s\"", line);
        for (int i = 0; i < 3; i++) {
                if (status[i] < '0' || status[i] > '9')
                        return error_set(err, ERROR_INVALID, "malformed HTTP response: status \"%.40s\"",
                                         status);
                head->status = head->status * 10 + (status[i] - '0');
        }
        if (head->status < 100 || (status[3] && status[3] != ' '))
                return error_set(err, ERROR_INVALID, "malformed HTTP response: status \"%.40s\"", status);
        head->reason = status[3] ? status + 4 : status + 3;
        return 0;
}

static int parse_field(char *line, struct http_head *head, struct error *err)
{
        char *colon = strchr(line, ':'), *value, *end;

        /* A blank before the colon or at the line's beginning is how requests are smuggled: refused. */
        if (!colon || !is_token(line, (size_t)(colon - line)))
                return error_set(err, ERROR_INVALID, "malformed HTTP header");
        if (head->n_headers == HTTP_HEADERS_MAX) {
                error_set(err, ERROR_INVALID, "too many HTTP headers");
                if (err)
                        err->errnum = EMSGSIZE;
                return -1;
        }
        *colon = '\0';
        value = colon + 1 + strspn(colon + 1, " \t");
        for (end = value + strlen(value); end > value && (end[-1] == ' ' || end[-1] == '\t');)
                *--end = '\0';
        if (!is_text(value))
                return error_set(err, ERROR_INVALID, "malformed HTTP header \"%s\"", line);
        head->headers[head->n_headers++] = (struct http_header){ line, value };
        return 0;
}

const char *http_head_get(const struct http_head *head, const char *name)
{
        for (size_t i = 0; i < head->n_headers; i++)
                if (strcasecmp(head->headers[i].name, name) == 0)
                        return head->headers[i].value;
        return NULL;
}

static bool list_has(const char *list, const char *token)
{
        size_t len = strlen(token);

        while (*list) {
                size_t item;

                list += strspn(list, " \t,");
                item = strcspn(list, " \t,");
                if (item == len && strncasecmp(list, token, len) == 0)
                        return true;
                list += item;
        }
        return false;
}

bool http_head_has_token(const struct http_head *head, const char *name, const char *token)
{
        for (size_t i = 0; i < head->n_headers; i++)
                if (strcasecmp(head->headers[i].name, name) == 0 && list_has(head->headers[i].value, token))
                        return true;
        return false;
}

static int parse_length(const char *value, int64_t *length, struct error *err)
{
        int64_t number;

        if (*value < '0' || *value > '9' || string_to_int64(value, &number, NULL) < 0 ||
            (*length >= 0 && *length != number))
                return error_set(err, ERROR_INVALID, "bad Content-Length \"%.40s\"", value);
        *length = number;
        return 0;
}

/* How the body is framed (RFC 9112 section 6): one way only. */
static int parse_framing(struct http_head *head, struct error *err)
{
        head->content_length = -1;
        for (size_t i = 0; i < head->n_headers; i++) {
                const struct http_header *h = &head->headers[i];

                if (strcasecmp(h->name, "Content-Length") == 0 &&
                    parse_length(h->value, &head->content_length, err) < 0)
                        return -1;
                if (strcasecmp(h->name, "Transfer-Encoding") == 0) {
                        if (head->chunked || strcasecmp(h->value, "chunked") != 0)
                                return error_set(err, ERROR_INVALID,
                                                 "unsupported transfer encoding \"%.40s\"", h->value);
                        head->chunked = true;
                }
        }
        if (head->chunked && head->content_length >= 0)
                return error_set(err, ERROR_INVALID, "both Content-Length and Transfer-Encoding");
        if (head->minor == 0)
                head->keep_alive = http_head_has_token(head, "Connection", "keep-alive");
        else
                head->keep_alive = !http_head_has_token(head, "Connection", "close");
        return 0;
}

static int head_parse(const char *data, size_t len, int (*first)(char *, struct http_head *, struct error *),
                      struct http_head *ret, struct error *err)
{
        struct http_head head = {};
        char *cursor, *line;

        if (memchr(data, '\0', len))
                return error_set(err, ERROR_INVALID, "malformed HTTP message: NUL byte");
        head.text = cursor = xstrndup(data, len);
        line = next_line(&cursor);
        if (!line) {
                error_set(err, ERROR_INVALID, "malformed HTTP message: empty first line");
                goto fail;
        }
        if (first(line, &head, err) < 0)
                goto fail;
        while ((line = next_line(&cursor)))
                if (parse_field(line, &head, err) < 0)
                        goto fail;
        if (parse_framing(&head, err) < 0)
                goto fail;
        *ret = head;
        return 0;
fail:
        free(head.text);
        return -1;
}

int http_head_parse_request(const char *data, size_t len, struct http_head *ret, struct error *err)
{
        return head_parse(data, len, parse_request_line, ret, err);
}

int http_head_parse_response(const char *data, size_t len, struct http_head *ret, struct error *err)
{
        return head_parse(data, len, parse_status_line, ret, err);
}

void http_head_deinit(struct http_head *head)
{
        free(head->text);
        *head = (struct http_head){};
}
