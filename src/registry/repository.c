#include "registry/repository-internal.h"
#include "base/json.h"
#include "base/time.h"
#include "oci/image.h"

#include <ctype.h>
#include <poll.h>

/* Pages of a list of tags: more than this is a server going in circles. */
#define MAX_PAGES 1000

static const struct {
        long status;
        enum error_kind kind;
        const char *text;
} statuses[] = {
        { 400, ERROR_INVALID, "bad request" },
        { 401, ERROR_UNAUTHORIZED, "unauthorized" },
        { 403, ERROR_FORBIDDEN, "denied" },
        { 404, ERROR_NOT_FOUND, "not found" },
        { 429, ERROR_UNAVAILABLE, "toomanyrequests" },
};

/* {"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]} → "manifest unknown: manifest unknown". */
static char *error_text(const char *body, size_t len)
{
        cleanup_json json_object *tree = NULL;
        json_object *errors, *first;
        const char *code, *message;
        cleanup_free char *words = NULL;

        if (json_parse_text(body, len, &tree, NULL) < 0)
                return NULL;
        errors = json_get(tree, "errors");
        first = json_object_is_type(errors, json_type_array) ? json_object_array_get_idx(errors, 0) : NULL;
        code = json_get_string(first, "code");
        message = json_get_string(first, "message");
        if (!code)
                return NULL;
        words = xstrdup(code);
        for (char *p = words; *p; p++)
                *p = *p == '_' ? ' ' : (char)tolower((unsigned char)*p);
        return message ? string_format("%s: %.1000s", words, message) : take_ptr(words);
}

int repository_failure(struct http_response *response, struct error *err)
{
        enum error_kind kind = ERROR_UNAVAILABLE;
        const char *fallback = NULL;
        cleanup_free char *body = NULL, *text = NULL;
        size_t len;

        for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
                if (statuses[i].status == response->status) {
                        kind = statuses[i].kind;
                        fallback = statuses[i].text;
                }
        if (stream_read_all(response->body, REGISTRY_ERROR_MAX, &body, &len, NULL) == 0)
                text = error_text(body, len);
        if (text)
                return error_set(err, kind, "%s", text);
        if (fallback)
                return error_set(err, kind, "%s", fallback);
        return error_set(err, kind, "received unexpected HTTP status: %ld", response->status);
}

void registry_back_off(int attempt)
{
        int delay = 200 << MIN(attempt, 5);

        poll(NULL, 0, delay);
}

char *repository_url(const struct repository *r, const char *format, ...)
{
        cleanup_strbuf struct strbuf b = {};
        va_list args;

        strbuf_addf(&b, "%s://%s/v2/%s/", r->scheme, r->host, r->path);
        va_start(args, format);
        strbuf_vaddf(&b, format, args);
        va_end(args);
        return strbuf_take(&b);
}

int repository_request(struct repository *r, const char *scope, const struct http_request *request,
                       struct http_response *ret, struct error *err)
{
        cleanup_free char *own = scope ? NULL : string_format("repository:%s:%s", r->path, r->actions);

        for (int attempt = 0;; attempt++) {
                cleanup_strv char **headers = strv_copy(request->headers);
                struct http_request authorized = *request;
                char *authorization = NULL;

                if (registry_authorize(r, scope ? scope : own, &authorization, err) < 0)
                        return -1;
                if (authorization)
                        strv_append_take(&headers, authorization);
                authorized.headers = headers;
                if (http_perform(r->client, &authorized, ret, err) < 0)
                        return -1;
                if (ret->status != 401 || attempt > 0 || request->body || !registry_challenged(r, ret, scope ? scope : own))
                        return 0;
                http_response_deinit(ret);
        }
}

/* GET /v2/ with one scheme: tells whether somebody is there and what they want to see. */
static int ping(struct repository *r, struct error *err)
{
        cleanup_http_response struct http_response response = {};
        cleanup_free char *url = string_format("%s://%s/v2/", r->scheme, r->host);
        struct http_request request = { .method = "GET", .url = url, .redirect = true };

        if (http_perform(r->client, &request, &response, err) < 0)
                return -1;
        if (response.status == 401)
                registry_challenged(r, &response, NULL);
        else if (response.status >= 500)
                return repository_failure(&response, err);
        return 0;
}

int repository_open(const struct registry_settings *settings, const struct registry_endpoint *endpoint,
                    const char *path, const struct registry_auth *auth, const char *actions, struct repository **ret,
                    struct error *err)
{
        cleanup_repository struct repository *r = xcalloc(1, sizeof(*r));
        cleanup_free char *certs = string_format("%s/%s", settings->certs_dir ? settings->certs_dir : "/etc/docker/certs.d", endpoint->host);
        struct http_client_options options = {
                .certs_dir = certs,
                .unverified = endpoint->insecure,
                .http_proxy = settings->http_proxy,
                .https_proxy = settings->https_proxy,
                .no_proxy = settings->no_proxy,
        };
        cleanup_error struct error secure = {};

        pthread_mutex_init(&r->lock, NULL);
        r->settings = settings;
        r->host = xstrdup(endpoint->host);
        r->path = xstrdup(path);
        r->actions = xstrdup(actions);
        if (auth)
                r->auth = (struct registry_auth){ xstrdup(auth->username), xstrdup(auth->password), xstrdup(auth->identity_token),
                                                  xstrdup(auth->registry_token), xstrdup(auth->server_address) };
        if (http_client_new(&options, &r->client, err) < 0)
                return -1;
        r->scheme = xstrdup(endpoint->plain ? "http" : "https");
        if (ping(r, &secure) < 0) {
                if (endpoint->plain || !endpoint->insecure)
                        return error_move(err, &secure);
                replace_string(&r->scheme, "http");
                if (ping(r, err) < 0)
                        return -1;
        }
        *ret = take_ptr(r);
        return 0;
}

void repository_free(struct repository *r)
{
        if (!r)
                return;
        http_client_free(r->client);
        registry_auth_state_free(r);
        free(r->host);
        free(r->path);
        free(r->actions);
        free(r->scheme);
        pthread_mutex_destroy(&r->lock);
        free(r);
}

void registry_manifest_deinit(struct registry_manifest *m)
{
        free(m->text);
        free(m->media_type);
        *m = (struct registry_manifest){};
}

static const char *const manifest_headers[] = {
        "Accept: " MEDIA_OCI_INDEX,       "Accept: " MEDIA_OCI_MANIFEST, "Accept: " MEDIA_DOCKER_LIST,
        "Accept: " MEDIA_DOCKER_MANIFEST, "Accept: */*",                 NULL,
};

/* GET or HEAD of a manifest; statuses other than 200 become errors. */
static int request_manifest(struct repository *r, const char *method, const char *reference, struct http_response *ret,
                            struct error *err)
{
        cleanup_free char *url = repository_url(r, "manifests/%s", reference);
        struct http_request request = { .method = method, .url = url, .headers = (char *const *)manifest_headers, .redirect = true };
        cleanup_error struct error local = {};

        if (repository_request(r, NULL, &request, ret, &local) < 0) {
                if (error_is(&local, ERROR_UNAUTHORIZED))
                        error_context(&local, "%c%s \"%s\"", *method, streq(method, "HEAD") ? "ead" : "et", url);
                return error_move(err, &local);
        }
        if (ret->status == 200)
                return 0;
        repository_failure(ret, err);
        http_response_deinit(ret);
        return -1;
}

/* The type that the document says it has, else the answer's. */
static char *manifest_type(const char *text, size_t len, const char *header)
{
        cleanup_json json_object *tree = NULL;
        const char *inside = json_parse_text(text, len, &tree, NULL) < 0 ? NULL : json_get_string(tree, "mediaType");

        if (!string_empty(inside))
                return xstrdup(inside);
        if (header)
                return xstrndup(header, strcspn(header, "; "));
        return xstrdup(json_get(tree, "manifests") ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST);
}

int repository_manifest(struct repository *r, const char *reference, struct registry_manifest *ret, struct error *err)
{
        cleanup_http_response struct http_response response = {};
        cleanup_registry_manifest struct registry_manifest m = {};
        struct digest wanted;

        if (request_manifest(r, "GET", reference, &response, err) < 0)
                return -1;
        if (stream_read_all(response.body, REGISTRY_DOCUMENT_MAX, &m.text, &m.len, err) < 0)
                return error_context(err, "manifest %s", reference);
        digest_of(m.text, m.len, &m.digest);
        if (digest_parse(reference, &wanted, NULL) == 0 && !digest_equal(&wanted, &m.digest))
                return error_set(err, ERROR_UNAVAILABLE, "manifest verification failed for digest %s", reference);
        m.media_type = manifest_type(m.text, m.len, http_header(&response, "content-type"));
        *ret = m;
        m = (struct registry_manifest){};
        return 0;
}

int repository_manifest_head(struct repository *r, const char *reference, struct registry_manifest *ret,
                             struct error *err)
{
        cleanup_http_response struct http_response response = {};
        const char *text, *type;
        struct digest digest;

        if (request_manifest(r, "HEAD", reference, &response, err) < 0)
                return -1;
        text = http_header(&response, "docker-content-digest");
        if (!text || digest_parse(text, &digest, NULL) < 0)
                return error_set(err, ERROR_NOT_FOUND, "the registry tells no digest for %s", reference);
        type = http_header(&response, "content-type");
        *ret = (struct registry_manifest){ .digest = digest, .media_type = type ? xstrndup(type, strcspn(type, "; ")) : NULL };
        return 0;
}

int repository_manifest_put(struct repository *r, const char *reference, const char *media_type, const char *text,
                            size_t len, struct error *err)
{
        cleanup_http_response struct http_response response = {};
        cleanup_free char *url = repository_url(r, "manifests/%s", reference);
        cleanup_free char *type = string_format("Content-Type: %s", media_type);
        char *headers[] = { type, NULL };
        cleanup_stream struct stream *body = stream_new_memory(text, len);
        struct http_request request = { .method = "PUT", .url = url, .headers = headers, .body = body, .body_size = (int64_t)len };

        if (repository_request(r, NULL, &request, &response, err) < 0)
                return -1;
        return response.status == 201 || response.status == 200 || response.status == 202 ? 0 : repository_failure(&response, err);
}

/* Link: </v2/…?n=…&last=…>; rel="next" → its URL on this host (heap), or NULL. */
static char *next_page(const struct repository *r, const struct http_response *response)
{
        const char *link = http_header(response, "link"), *start = link ? strchr(link, '<') : NULL;
        const char *end = start ? strchr(start, '>') : NULL;
        cleanup_free char *target = NULL;

        if (!end || !strstr(end, "next"))
                return NULL;
        target = xstrndup(start + 1, (size_t)(end - start - 1));
        return *target == '/' ? string_format("%s://%s%s", r->scheme, r->host, target) : take_ptr(target);
}

int repository_tags(struct repository *r, char ***ret, struct error *err)
{
        cleanup_free char *url = repository_url(r, "tags/list");
        cleanup_strv char **tags = strv_new();

        for (int page = 0; url; page++) {
                cleanup_http_response struct http_response response = {};
                struct http_request request = { .method = "GET", .url = url, .redirect = true };
                cleanup_free char *text = NULL;
                cleanup_json json_object *tree = NULL;
                json_object *list;
                size_t len;
                char *next;

                if (page >= MAX_PAGES)
                        return error_set(err, ERROR_UNAVAILABLE, "the registry's list of tags does not end");
                if (repository_request(r, NULL, &request, &response, err) < 0)
                        return -1;
                if (response.status != 200)
                        return repository_failure(&response, err);
                if (stream_read_all(response.body, REGISTRY_DOCUMENT_MAX, &text, &len, err) < 0 || json_parse_text(text, len, &tree, err) < 0)
                        return error_context(err, "%s", url);
                list = json_get(tree, "tags");
                for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list); i++)
                        strv_append(&tags, json_object_get_string(json_object_array_get_idx(list, i)));
                next = next_page(r, &response);
                free(url);
                url = next;
        }
        *ret = take_ptr(tags);
        return 0;
}

int registry_login(const struct registry_settings *settings, const struct registry_auth *auth,
                   char **ret_identity_token, struct error *err)
{
        const char *server = string_empty(auth->server_address) ? REGISTRY_HUB_DOMAIN : auth->server_address;
        bool hub = strstr(server, "index.docker.io") || streq(server, REGISTRY_HUB_DOMAIN);
        const char *after = string_after(server, "https://");
        const char *host = after ? after : string_after(server, "http://") ? string_after(server, "http://") : server;
        cleanup_free char *domain = hub ? xstrdup(REGISTRY_HUB_DOMAIN) : xstrndup(host, strcspn(host, "/"));
        struct registry_settings own = *settings;
        struct registry_endpoint *endpoints;
        size_t count;
        cleanup_repository struct repository *r = NULL;
        cleanup_http_response struct http_response response = {};
        cleanup_free char *url = NULL;
        struct http_request request = { .method = "GET" };
        cleanup_error struct error local = {};
        int result;

        own.mirrors = NULL;
        registry_endpoints(&own, domain, &endpoints, &count);
        result = repository_open(&own, &endpoints[0], "", auth, "", &r, err);
        registry_endpoints_free(endpoints, count);
        if (result < 0)
                return -1;
        url = string_format("%s://%s/v2/", r->scheme, r->host);
        request.url = url;
        if (repository_request(r, "", &request, &response, &local) < 0) {
                if (error_is(&local, ERROR_UNAUTHORIZED) && strncmp(local.message, "unauthorized", 12) == 0)
                        error_context(&local, "Get \"%s\"", url);
                return error_move(err, &local);
        }
        if (response.status != 200)
                return error_set(err, ERROR_UNAUTHORIZED, "login attempt to %s failed with status: %ld %s", url, response.status,
                                 response.status == 401 ? "Unauthorized" : response.status == 403 ? "Forbidden" : "");
        *ret_identity_token = NULL;
        return 0;
}
