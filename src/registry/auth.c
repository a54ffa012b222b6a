/* Credentials and tokens. A token is fetched once per scope and kept until shortly before it ends. */
#include "registry/repository-internal.h"
#include "base/base64.h"
#include "base/json.h"
#include "base/time.h"

#define HEADER_MAX (64 << 10)
/* Tokens without "expires_in" live this long (Docker's token specification). */
#define DEFAULT_LIFE 60

static const struct json_field auth_fields[] = {
        JSON_FIELD("username", struct registry_auth, username, JSON_STRING),
        JSON_FIELD("password", struct registry_auth, password, JSON_STRING),
        JSON_FIELD("identitytoken", struct registry_auth, identity_token, JSON_STRING),
        JSON_FIELD("registrytoken", struct registry_auth, registry_token, JSON_STRING),
        JSON_FIELD("serveraddress", struct registry_auth, server_address, JSON_STRING),
};
static const struct json_table auth_table = JSON_TABLE(struct registry_auth, auth_fields);

static char *basic_header(const struct registry_auth *auth)
{
        cleanup_free char *pair = string_format("%s:%s", auth->username, auth->password ? auth->password : "");
        cleanup_free char *encoded = base64_encode(pair, strlen(pair), false);

        return string_format("Authorization: Basic %s", encoded);
}

int registry_auth_parse(const char *json, size_t len, struct registry_auth *ret, struct error *err)
{
        cleanup_registry_auth struct registry_auth auth = {};
        cleanup_json json_object *tree = NULL;
        cleanup_free char *pair = NULL;
        const char *encoded;
        char *colon;
        size_t pair_len;

        if (json_parse_text(json, len, &tree, err) < 0 || json_bind(&auth_table, tree, &auth, err) < 0)
                return -1;
        encoded = json_get_string(tree, "auth");
        if (string_empty(auth.username) && !string_empty(encoded)) {
                colon = base64_decode(encoded, &pair, &pair_len, NULL) == 0 ? strchr(pair, ':') : NULL;
                if (!colon)
                        return error_set(err, ERROR_INVALID, "invalid auth configuration");
                *colon = 0;
                replace_string(&auth.username, pair);
                replace_string(&auth.password, colon + 1);
        }
        *ret = auth;
        auth = (struct registry_auth){};
        return 0;
}

int registry_auth_decode(const char *header, struct registry_auth *ret, struct error *err)
{
        cleanup_free char *json = NULL;
        size_t len;

        if (string_empty(header))
                return 0;
        if (strlen(header) > HEADER_MAX || base64_decode(header, &json, &len, NULL) < 0)
                return error_set(err, ERROR_INVALID, "invalid X-Registry-Auth header: illegal base64 data");
        /* Clients without credentials send an empty object, or nothing that is JSON at all. */
        if (!*json)
                return 0;
        if (registry_auth_parse(json, len, ret, err) < 0)
                return error_context(err, "invalid X-Registry-Auth header");
        return 0;
}

void registry_auth_deinit(struct registry_auth *auth)
{
        if (auth->password)
                explicit_bzero(auth->password, strlen(auth->password));
        json_free_fields(&auth_table, auth);
}

/* GET realm?service=…&scope=… with Basic credentials, or POST with a refresh token. Called without the lock. */
static int send_token_request(struct repository *r, const struct challenge *challenge, const char *scope,
                              struct http_response *ret, struct error *err)
{
        cleanup_free char *service = url_escape(challenge->service ? challenge->service : "");
        cleanup_free char *escaped = url_escape(scope ? scope : "");
        cleanup_strbuf struct strbuf url = {}, form = {};
        cleanup_strv char **headers = NULL;
        cleanup_stream struct stream *body = NULL;
        struct http_request request = { .method = "GET", .redirect = true };

        strbuf_adds(&url, challenge->realm);
        if (r->auth.identity_token) {
                cleanup_free char *token = url_escape(r->auth.identity_token);

                strbuf_addf(&form, "grant_type=refresh_token&client_id=docker&access_type=offline&service=%s&scope=%s&refresh_token=%s",
                            service, escaped, token);
                strv_append(&headers, "Content-Type: application/x-www-form-urlencoded");
                body = stream_new_memory(form.data, form.len);
                request.method = "POST";
                request.body = body;
                request.body_size = (int64_t)form.len;
        } else {
                const char *separator = strchr(challenge->realm, '?') ? "&" : "?";

                if (challenge->service) {
                        strbuf_addf(&url, "%sservice=%s", separator, service);
                        separator = "&";
                }
                if (scope) {
                        strbuf_addf(&url, "%sscope=%s", separator, escaped);
                        separator = "&";
                }
                if (!string_empty(r->auth.username)) {
                        cleanup_free char *account = url_escape(r->auth.username);

                        strbuf_addf(&url, "%saccount=%s&client_id=docker&offline_token=true", separator, account);
                        strv_append_take(&headers, basic_header(&r->auth));
                }
        }
        request.url = url.data;
        request.headers = headers;
        return http_perform(r->client, &request, ret, err);
}

static int fetch_token(struct repository *r, const struct challenge *challenge, const char *scope, char **ret,
                       int64_t *ret_life, struct error *err)
{
        cleanup_http_response struct http_response response = {};
        cleanup_free char *text = NULL;
        cleanup_json json_object *tree = NULL;
        const char *token;
        size_t len;

        if (string_empty(challenge->realm))
                return error_set(err, ERROR_UNAVAILABLE, "the registry asks for a token and names no realm");
        if (send_token_request(r, challenge, scope, &response, err) < 0)
                return -1;
        if (stream_read_all(response.body, REGISTRY_DOCUMENT_MAX, &text, &len, err) < 0)
                return error_context(err, "%s", challenge->realm);
        if (response.status == 401 || response.status == 403)
                return error_set(err, ERROR_UNAUTHORIZED, "unauthorized: %.1000s", text);
        if (response.status != 200)
                return error_set(err, ERROR_UNAVAILABLE, "token service %s answers with status %ld: %.300s", challenge->realm, response.status, text);
        if (json_parse_text(text, len, &tree, err) < 0)
                return error_context(err, "%s", challenge->realm);
        token = json_get_string(tree, "token");
        if (!token)
                token = json_get_string(tree, "access_token");
        if (string_empty(token) || strpbrk(token, "\r\n"))
                return error_set(err, ERROR_UNAVAILABLE, "authorization server did not include a token in the response");
        *ret = xstrdup(token);
        *ret_life = MAX(json_get_int64(tree, "expires_in", DEFAULT_LIFE), DEFAULT_LIFE);
        return 0;
}

static struct registry_token *find_token(struct repository *r, const char *scope)
{
        for (size_t i = 0; i < r->n_tokens; i++)
                if (streq(r->tokens[i].scope, scope))
                        return &r->tokens[i];
        return NULL;
}

static void keep_token(struct repository *r, const char *scope, const char *token, int64_t life)
{
        struct registry_token *known = find_token(r, scope);
        int64_t expires = time_monotonic() + (life - life / 10) * NSEC_PER_SEC;

        if (known) {
                replace_string(&known->token, token);
                known->expires = expires;
        } else {
                ARRAY_APPEND(r->tokens, r->n_tokens, ((struct registry_token){ xstrdup(scope), xstrdup(token), expires }));
        }
}

int registry_authorize(struct repository *r, const char *scope, char **ret, struct error *err)
{
        struct challenge challenge;
        struct registry_token *known;
        cleanup_free char *token = NULL;
        int64_t life = DEFAULT_LIFE;
        int result;

        if (!string_empty(r->auth.registry_token)) {
                *ret = string_format("Authorization: Bearer %s", r->auth.registry_token);
                return 0;
        }
        pthread_mutex_lock(&r->lock);
        challenge = (struct challenge){ r->challenge.scheme, xstrdup(r->challenge.realm), xstrdup(r->challenge.service), NULL };
        known = find_token(r, scope ? scope : "");
        if (known && known->expires > time_monotonic())
                token = xstrdup(known->token);
        pthread_mutex_unlock(&r->lock);
        *ret = NULL;
        result = 0;
        if (challenge.scheme == CHALLENGE_BASIC) {
                if (string_empty(r->auth.username))
                        result = error_set(err, ERROR_UNAUTHORIZED, "no basic auth credentials");
                else
                        *ret = basic_header(&r->auth);
        } else if (challenge.scheme == CHALLENGE_BEARER) {
                if (!token) {
                        result = fetch_token(r, &challenge, scope, &token, &life, err);
                        if (result == 0) {
                                pthread_mutex_lock(&r->lock);
                                keep_token(r, scope ? scope : "", token, life);
                                pthread_mutex_unlock(&r->lock);
                        }
                }
                if (result == 0)
                        *ret = string_format("Authorization: Bearer %s", token);
        }
        challenge_deinit(&challenge);
        return result;
}

bool registry_challenged(struct repository *r, const struct http_response *response, const char *scope)
{
        const char *header = http_header(response, "www-authenticate");
        struct challenge challenge = {};
        struct registry_token *known;
        bool again;

        if (!header)
                return false;
        challenge_parse(header, &challenge);
        pthread_mutex_lock(&r->lock);
        known = find_token(r, scope ? scope : "");
        /* Basic credentials that were refused are refused again; a token may have ended, or been for less. */
        again = challenge.scheme > r->challenge.scheme || (challenge.scheme == CHALLENGE_BEARER && known);
        if (known)
                known->expires = 0;
        if (challenge.scheme != CHALLENGE_NONE) {
                challenge_deinit(&r->challenge);
                r->challenge = challenge;
        }
        pthread_mutex_unlock(&r->lock);
        return again;
}

void registry_auth_state_free(struct repository *r)
{
        for (size_t i = 0; i < r->n_tokens; i++) {
                free(r->tokens[i].scope);
                free(r->tokens[i].token);
        }
        free(r->tokens);
        challenge_deinit(&r->challenge);
        registry_auth_deinit(&r->auth);
}
