/* One repository of one registry: finding out how to speak to it, and requests with their authorisation and
 * their second tries. */
#include "registry/repository-internal.h"
#include "base/json.h"
#include "base/log.h"
#include "base/time.h"

#include <ctype.h>
#include <poll.h>
#include <stdlib.h>

#define DEFAULT_ATTEMPTS 5
/* A registry that names a pause longer than this gets no second try. */
#define RETRY_AFTER_MAX 30
#define BACK_OFF_FIRST 300
#define BACK_OFF_MAX 10000

static const struct {
        long status;
        enum error_kind kind;
        const char *text;
} statuses[] = {
        { 400, ERROR_INVALID, "bad request" },
        { 401, ERROR_UNAUTHORIZED, "unauthorized" },
        { 403, ERROR_FORBIDDEN, "denied" },
        { 404, ERROR_NOT_FOUND, "not found" },
        { 405, ERROR_UNSUPPORTED, "unsupported" },
        { 429, ERROR_UNAVAILABLE, "toomanyrequests" },
        { 500, ERROR_UNAVAILABLE, "received unexpected HTTP status: 500 Internal Server Error" },
        { 502, ERROR_UNAVAILABLE, "received unexpected HTTP status: 502 Bad Gateway" },
        { 503, ERROR_UNAVAILABLE, "received unexpected HTTP status: 503 Service Unavailable" },
        { 504, ERROR_UNAVAILABLE, "received unexpected HTTP status: 504 Gateway Timeout" },
};

/* {"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]} → "manifest unknown: manifest
 * unknown". */
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
        return message ? string_format("%.100s: %.1000s", words, message) : string_format("%.100s", words);
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

/* ---- Second tries ---- */

int registry_attempts(const struct registry_settings *settings)
{
        return settings->attempts > 0 ? settings->attempts : DEFAULT_ATTEMPTS;
}

bool registry_transient(const struct error *err)
{
        return error_is(err, ERROR_UNAVAILABLE) && err->errnum == 0;
}

void registry_back_off(int attempt)
{
        int delay = MIN(BACK_OFF_FIRST << MIN(attempt - 1, 10), BACK_OFF_MAX);

        /* Many clients that failed together shall not come back together. */
        poll(NULL, 0, delay / 2 + (int)(time_monotonic() / 1000 % delay));
}

/* Waits as the answer asks. False when it is an answer for good. */
static bool wait_for_answer(const struct http_response *response, int attempt)
{
        const char *after = http_header(response, "retry-after");
        int64_t seconds = 0;

        if (response->status != 429 && response->status != 408 &&
            !(response->status >= 500 && response->status <= 504 && response->status != 501))
                return false;
        if (after && string_to_int64(after, &seconds, NULL) == 0) {
                if (seconds < 0 || seconds > RETRY_AFTER_MAX)
                        return false;
                poll(NULL, 0, (int)seconds * 1000);
        } else if (response->status == 429) {
                return false; /* a quota: it does not come back in seconds */
        }
        registry_back_off(attempt);
        return true;
}

/* ---- Requests ---- */

char *repository_url(const struct repository *r, const char *format, ...)
{
        cleanup_strbuf struct strbuf b = {};
        va_list args;

        strbuf_addf(&b, "%s://%s%s/%s/", r->scheme, r->host, r->base, r->path);
        va_start(args, format);
        strbuf_vaddf(&b, format, args);
        va_end(args);
        return strbuf_take(&b);
}

/* Credentials and the host's own headers go to the host alone. */
static bool is_own_host(const struct repository *r, const char *url)
{
        cleanup_free char *origin = url_origin(url), *own = string_format("%s://%s", r->scheme, r->host);

        return streq(origin, own);
}

int repository_request_once(struct repository *r, const char *scope, const struct http_request *request,
                            struct http_response *ret, struct error *err)
{
        cleanup_free char *own_scope = string_format("repository:%s:%s", r->path, r->actions);
        bool own_host = is_own_host(r, request->url);
        const char *wanted = scope ? scope : own_scope;

        for (int attempt = 0;; attempt++) {
                cleanup_strv char **headers = strv_copy(request->headers);
                struct http_request authorized = *request;
                char *authorization = NULL;

                if (own_host && registry_authorize(r, wanted, &authorization, err) < 0)
                        return -1;
                if (own_host)
                        strv_extend(&headers, r->headers);
                if (authorization)
                        strv_append_take(&headers, authorization);
                authorized.headers = headers;
                if (http_perform(r->client, &authorized, ret, err) < 0)
                        return -1;
                if (http_header(ret, "warning"))
                        log_warn("%s: %.300s", r->host, http_header(ret, "warning"));
                if (ret->status != 401 || !own_host || attempt > 0 || !registry_challenged(r, ret, wanted) ||
                    request->body)
                        return 0;
                http_response_deinit(ret);
        }
}

/* With `ret_text` the body of a 200 is read too, and its breaking off is one more reason for another try. */
static int request_attempts(struct repository *r, const char *scope, const struct http_request *request,
                            struct http_response *ret, char **ret_text, size_t *ret_len, struct error *err)
{
        int attempts = request->body ? 1 : registry_attempts(r->settings);

        for (int attempt = 1;; attempt++) {
                cleanup_error struct error why = {};
                int result = repository_request_once(r, scope, request, ret, &why);

                if (result == 0 && ret_text && ret->status == 200) {
                        result = stream_read_all(ret->body, REGISTRY_DOCUMENT_MAX, ret_text, ret_len, &why);
                        if (result == 0)
                                return 0;
                        http_response_deinit(ret);
                }
                if (result < 0 && (attempt >= attempts || !registry_transient(&why)))
                        return error_move(err, &why);
                if (result < 0)
                        registry_back_off(attempt);
                else if (attempt >= attempts || !wait_for_answer(ret, attempt))
                        return 0;
                else
                        http_response_deinit(ret);
        }
}

int repository_request(struct repository *r, const char *scope, const struct http_request *request,
                       struct http_response *ret, struct error *err)
{
        return request_attempts(r, scope, request, ret, NULL, NULL, err);
}

int repository_document(struct repository *r, const char *scope, const struct http_request *request,
                        struct http_response *ret, char **ret_text, size_t *ret_len, struct error *err)
{
        return request_attempts(r, scope, request, ret, ret_text, ret_len, err);
}

/* ---- Opening ---- */

/* GET /v2/ with one scheme: tells whether somebody is there and what they want to see. */
static int ping(struct repository *r, const char *scheme, struct error *err)
{
        cleanup_http_response struct http_response response = {};
        cleanup_free char *url = string_format("%s://%s%s/", scheme, r->host, r->base);
        struct http_request request = {
                .method = "GET", .url = url, .headers = r->headers, .redirect = true, .document = true
        };

        if (http_perform(r->client, &request, &response, err) < 0)
                return -1;
        if (response.status >= 500)
                return repository_failure(&response, err);
        replace_string(&r->scheme, scheme);
        if (response.status == 401)
                registry_challenged(r, &response, NULL);
        return 0;
}

/* https, and http where that is fine. The complaint is about the scheme that the user would expect to work.
 */
static int ping_schemes(struct repository *r, bool plain, struct error *err)
{
        cleanup_error struct error secure = {};

        if (plain)
                return ping(r, "http", err);
        if (ping(r, "https", &secure) == 0)
                return 0;
        return r->insecure ? ping(r, "http", err) : error_move(err, &secure);
}

static int ping_again(struct repository *r, bool plain, struct error *err)
{
        for (int attempt = 1;; attempt++) {
                cleanup_error struct error why = {};

                if (ping_schemes(r, plain, &why) == 0)
                        return 0;
                if (attempt >= registry_attempts(r->settings) || !registry_transient(&why))
                        return error_move(err, &why);
                registry_back_off(attempt);
        }
}

static int open_client(struct repository *r, const struct registry_endpoint *endpoint, struct error *err)
{
        cleanup_free char *certs = registry_certs_folder(r->settings, endpoint->host);
        struct http_client_options options = {
                .certs_dir = certs,
                .ca_files = endpoint->ca_files,
                .certificate = endpoint->certificate,
                .key = endpoint->key,
                .unverified = endpoint->insecure,
                .http_proxy = r->settings->http_proxy,
                .https_proxy = r->settings->https_proxy,
                .no_proxy = r->settings->no_proxy,
        };

        return http_client_new(&options, &r->client, err);
}

int repository_open(const struct registry_settings *settings, const struct registry_endpoint *endpoint,
                    const char *path, const struct registry_auth *auth, const char *actions,
                    struct repository **ret, struct error *err)
{
        cleanup_repository struct repository *r = xcalloc(1, sizeof(*r));

        pthread_mutex_init(&r->lock, NULL);
        r->settings = settings;
        r->host = xstrdup(endpoint->host);
        r->base = xstrdup(endpoint->base);
        r->path = xstrdup(path);
        r->actions = xstrdup(actions);
        r->headers = strv_copy(endpoint->headers);
        r->insecure = endpoint->insecure;
        if (auth)
                r->auth =
                    (struct registry_auth){ xstrdup(auth->username), xstrdup(auth->password),
                                            xstrdup(auth->identity_token), xstrdup(auth->registry_token),
                                            xstrdup(auth->server_address) };
        if (open_client(r, endpoint, err) < 0 || ping_again(r, endpoint->plain, err) < 0)
                return -1;
        *ret = take_ptr(r);
        return 0;
}

int repository_open_origin(const struct registry_settings *settings, const char *domain, const char *path,
                           const struct registry_auth *auth, const char *actions, bool insecure,
                           struct repository **ret, struct error *err)
{
        struct registry_endpoint *endpoints;
        size_t count;
        int r;

        if (registry_endpoints(settings, domain, &endpoints, &count, err) < 0)
                return -1;
        endpoints[count - 1].insecure |= insecure;
        r = repository_open(settings, &endpoints[count - 1], path, auth, actions, ret, err);
        registry_endpoints_free(endpoints, count);
        return r;
}

void repository_free(struct repository *r)
{
        if (!r)
                return;
        http_client_free(r->client);
        registry_auth_state_free(r);
        free(r->host);
        free(r->base);
        free(r->path);
        free(r->actions);
        free(r->scheme);
        strv_free(r->headers);
        pthread_mutex_destroy(&r->lock);
        free(r);
}
