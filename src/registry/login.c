/* Credentials checked with a registry, and a registry's search. */
#include "registry/repository-internal.h"
#include "base/json.h"

/* "https://index.docker.io/v1/", "https://host/path", "host:5000" → the domain; heap. */
static char *domain_of(const char *server)
{
        const char *scheme = server ? strstr(server, "://") : NULL, *host = scheme ? scheme + 3 : server;

        if (string_empty(server) || string_after(host, "index.docker.io") ||
            string_after(host, REGISTRY_HUB_DOMAIN))
                return xstrdup(REGISTRY_HUB_DOMAIN);
        return xstrndup(host, strcspn(host, "/"));
}

int registry_login(const struct registry_settings *settings, const struct registry_auth *auth,
                   char **ret_identity_token, struct error *err)
{
        cleanup_free char *domain = domain_of(auth->server_address), *url = NULL;
        cleanup_repository struct repository *r = NULL;
        cleanup_http_response struct http_response response = {};
        struct http_request request = { .method = "GET", .document = true };
        cleanup_error struct error local = {};

        if (repository_open_origin(settings, domain, "", auth, "", false, &r, err) < 0)
                return -1;
        url = string_format("%s://%s%s/", r->scheme, r->host, r->base);
        request.url = url;
        if (repository_request(r, "", &request, &response, &local) < 0) {
                if (error_is(&local, ERROR_UNAUTHORIZED) && string_after(local.message, "unauthorized"))
                        error_context(&local, "Get \"%s\"", url);
                return error_move(err, &local);
        }
        if (response.status != 200)
                return error_set(err, ERROR_UNAUTHORIZED, "login attempt to %s failed with status: %ld %s",
                                 url, response.status,
                                 response.status == 401   ? "Unauthorized"
                                 : response.status == 403 ? "Forbidden"
                                                          : "");
        *ret_identity_token = xstrdup(r->refresh_token);
        return 0;
}

/* ---- Search ---- */

/* "host:5000/words" → the host (heap, NULL: Docker Hub) and the words. */
static const char *split_term(const char *term, char **ret_host)
{
        const char *slash = strchr(term, '/');
        cleanup_free char *first = slash ? xstrndup(term, (size_t)(slash - term)) : NULL;

        *ret_host = NULL;
        if (!first || (!strpbrk(first, ".:") && !streq(first, "localhost")))
                return term;
        if (!streq(first, REGISTRY_HUB_DOMAIN) && !streq(first, "index.docker.io"))
                *ret_host = take_ptr(first);
        return slash + 1;
}

static int search_at(struct http_client *client, const char *url, const struct registry_auth *auth,
                     json_object **ret, struct error *err)
{
        cleanup_http_response struct http_response response = {};
        cleanup_json json_object *tree = NULL;
        cleanup_strv char **headers = NULL;
        cleanup_free char *text = NULL;
        struct http_request request = { .method = "GET", .url = url, .redirect = true, .document = true };
        json_object *results;
        size_t len;

        if (auth && !string_empty(auth->username))
                strv_append_take(&headers, registry_basic_header(auth));
        request.headers = headers;
        if (http_perform(client, &request, &response, err) < 0)
                return -1;
        if (response.status != 200)
                return error_set(err, ERROR_UNAVAILABLE, "Unexpected status code %ld", response.status);
        if (stream_read_all(response.body, REGISTRY_DOCUMENT_MAX, &text, &len, err) < 0 ||
            json_parse_text(text, len, &tree, err) < 0)
                return error_context(err, "%s", url);
        results = json_get(tree, "results");
        *ret = json_object_is_type(results, json_type_array) ? json_object_get(results)
                                                             : json_object_new_array();
        return 0;
}

/* Tries https, then http where that is fine. */
static int search_host(const struct registry_settings *settings, const struct registry_endpoint *endpoint,
                       const char *query, const struct registry_auth *auth, json_object **ret,
                       struct error *err)
{
        cleanup_free char *certs = registry_certs_folder(settings, endpoint->host);
        struct http_client_options options = {
                .certs_dir = certs,
                .ca_files = endpoint->ca_files,
                .unverified = endpoint->insecure,
                .http_proxy = settings->http_proxy,
                .https_proxy = settings->https_proxy,
                .no_proxy = settings->no_proxy,
        };
        cleanup_free char *secure = string_format("https://%s/v1/%s", endpoint->host, query);
        cleanup_free char *plain = string_format("http://%s/v1/%s", endpoint->host, query);
        cleanup_error struct error first = {}, second = {};
        struct http_client *client;
        int r;

        if (http_client_new(&options, &client, err) < 0)
                return -1;
        r = search_at(client, secure, auth, ret, &first);
        if (r < 0 && endpoint->insecure)
                r = search_at(client, plain, auth, ret, &second);
        http_client_free(client);
        if (r == 0)
                return 0;
        if (second.kind == ERROR_NONE || second.errnum == 0)
                return error_move(err, second.kind ? &second : &first);
        return error_set(err, ERROR_INVALID,
                         "invalid registry endpoint \"http://%s/v1/\". HTTPS attempt: %s. HTTP attempt: %s",
                         endpoint->host, error_message(&first), error_message(&second));
}

int registry_search(const struct registry_settings *settings, const char *term, int limit,
                    const struct registry_auth *auth, json_object **ret, struct error *err)
{
        cleanup_free char *host = NULL, *escaped = NULL, *query = NULL;
        struct registry_endpoint *endpoints;
        size_t count;
        int r;

        escaped = url_escape(split_term(term, &host));
        query = string_format("search?q=%s&n=%d", escaped, limit);
        if (registry_endpoints(settings, host ? host : "index.docker.io", &endpoints, &count, err) < 0)
                return -1;
        r = search_host(settings, &endpoints[count - 1], query, auth, ret, err);
        registry_endpoints_free(endpoints, count);
        return r;
}
