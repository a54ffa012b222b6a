#include "base/http.h"

#include <stdio.h>

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int http_unescape(const char *s, size_t len, bool query, char **ret, struct error *err)
{
        cleanup_free char *out = xmalloc(len + 1);
        size_t n = 0;

        for (size_t i = 0; i < len; i++) {
                if (s[i] == '%') {
                        int high = i + 2 < len ? hex_digit(s[i + 1]) : -1;
                        int low = i + 2 < len ? hex_digit(s[i + 2]) : -1;

                        if (high < 0 || low < 0)
                                return error_set(err, ERROR_INVALID, "invalid URL escape \"%.*s\"",
                                                 (int)MIN(len - i, (size_t)3), s + i);
                        out[n++] = (char)(high << 4 | low);
                        i += 2;
                } else {
                        out[n++] = query && s[i] == '+' ? ' ' : s[i];
                }
        }
        out[n] = '\0';
        if (strlen(out) != n || !utf8_valid(out, n))
                return error_set(err, ERROR_INVALID, "invalid characters in the URL");
        *ret = take_ptr(out);
        return 0;
}

void http_escape(struct strbuf *b, const char *s)
{
        for (; *s; s++) {
                unsigned char c = (unsigned char)*s;

                if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    strchr("-._~", c))
                        strbuf_addc(b, (char)c);
                else
                        strbuf_addf(b, "%%%02X", c);
        }
}

static int parse_pair(const char *s, size_t len, struct http_target *target, struct error *err)
{
        const char *equals = memchr(s, '=', len);
        size_t key_len = equals ? (size_t)(equals - s) : len;
        cleanup_free char *key = NULL, *value = NULL;

        if (http_unescape(s, key_len, true, &key, err) < 0)
                return -1;
        if (!equals)
                value = xstrdup("");
        else if (http_unescape(equals + 1, len - key_len - 1, true, &value, err) < 0)
                return -1;
        if (target->count == HTTP_QUERY_MAX)
                return error_set(err, ERROR_INVALID, "too many query parameters");
        ARRAY_APPEND(target->pairs, target->count, ((struct strpair){ take_ptr(key), take_ptr(value) }));
        return 0;
}

int http_target_parse(const char *text, struct http_target *ret, struct error *err)
{
        struct http_target target = {};
        const char *path = text, *query;

        /* The absolute form, which a proxy would send. */
        if (string_after(path, "http://") || string_after(path, "https://")) {
                path = strstr(path, "://") + 3;
                path += strcspn(path, "/?");
        }
        query = strchr(path, '?');
        target.path = query ? xstrndup(path, (size_t)(query - path)) : xstrdup(path);
        while (query) {
                const char *next = strchr(query + 1, '&');
                size_t len = next ? (size_t)(next - query - 1) : strlen(query + 1);

                if (len > 0 && parse_pair(query + 1, len, &target, err) < 0) {
                        http_target_deinit(&target);
                        return -1;
                }
                query = next;
        }
        *ret = target;
        return 0;
}

void http_target_deinit(struct http_target *target)
{
        free(target->path);
        for (size_t i = 0; i < target->count; i++) {
                free(target->pairs[i].key);
                free(target->pairs[i].value);
        }
        free(target->pairs);
        *target = (struct http_target){};
}

const char *http_target_get(const struct http_target *target, const char *name)
{
        for (size_t i = 0; i < target->count; i++)
                if (streq(target->pairs[i].key, name))
                        return target->pairs[i].value;
        return NULL;
}
