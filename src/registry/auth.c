/* Credentials and tokens. A token is fetched once per scope and kept until shortly before it ends. */
#include "registry/repository-internal.h"
#include "base/base64.h"
#include "base/json.h"
#include "base/time.h"

#define HEADER_MAX (64 << 10)
#define TOKEN_LIFE_MAX (30 * 24 * 3600)

static const struct json_field auth_fields[] = {
        JSON_FIELD("username", struct registry_auth, username, JSON_STRING),
        JSON_FIELD("password", struct registry_auth, password, JSON_STRING),
        JSON_FIELD("identitytoken", struct registry_auth, identity_token, JSON_STRING),
        JSON_FIELD("registrytoken", struct registry_auth, registry_token, JSON_STRING),
        JSON_FIELD("serveraddress", struct registry_auth, server_address, JSON_STRING),
};
static const struct json_table auth_table = JSON_TABLE(struct registry_auth, auth_fields);

char *registry_basic_header(const struct registry_auth *auth)
{
        cleanup_free char *pair =
            string_format("%s:%s", auth->username, auth->password ? auth->password : "");
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

/* ---- Tokens ---- */

int token_answer_parse(const char *text, size_t len, struct token_answer *ret, struct error *err)
{
        cleanup_json json_object *tree = NULL;
        const char *token, *refresh;

        if (json_parse_text(text, len, &tree, err) < 0)
                return -1;
        token = json_get_string(tree, "token");
        if (string_empty(token))
                token = json_get_string(tree, "access_token");
        /* What goes into a header must not be able to begin another one. */
        if (string_empty(token) || strpbrk(token, "\r\n"))
                return error_set(err, ERROR_INVALID,
                                 "authorization server did not include a token in the response");
        refresh = json_get_string(tree, "refresh_token");
        ret->token = xstrdup(token);
        ret->refresh_token = string_empty(refresh) ? NULL : xstrdup(refresh);
        ret->life = MAX(json_get_int64(tree, "expires_in", TOKEN_LIFE_MIN), TOKEN_LIFE_MIN);
        ret->life = MIN(ret->life, TOKEN_LIFE_MAX);
        return 0;
}

void token_answer_deinit(struct token_answer *a)
{
        free(a->token);
        free(a->refresh_token);
        *a = (struct token_answer){};
}

/* scope=a&scope=b of "a b". */
static void add_scopes(struct strbuf *b, const char *scope, char **separator)
{
        cleanup_strv char **scopes = strv_split(scope ? scope : "", ' ');

        for (size_t i = 0; scopes[i]; i++) {
                cleanup_free char *escaped = url_escape(scopes[i]);

                if (!*escaped)
                        continue;
                strbuf_addf(b, "%sscope=%s", *separator, escaped);
                *separator = (char *)"&";
        }
}

/* GET realm?service=…&scope=… with Basic credentials. */
static char *token_url(const struct repository *r, const struct challenge *challenge, const char *scope)
{
        char *separator = (char *)(strchr(challenge->realm, '?') ? "&" : "?");
        struct strbuf url = {};

        strbuf_adds(&url, challenge->realm);
        if (!string_empty(r->auth.username)) {
                cleanup_free char *account = url_escape(r->auth.username);

                strbuf_addf(&url, "%saccount=%s&client_id=docker&offline_token=true", separator, account);
                separator = (char *)"&";
        }
        add_scopes(&url, scope, &separator);
        if (challenge->service) {
                cleanup_free char *service = url_escape(challenge->service);

                strbuf_addf(&url, "%sservice=%s", separator, service);
        }
        return strbuf_take(&url);
}

/* What is posted to get a token for a refresh token (OAuth2). */
static char *token_form(const struct repository *r, const struct challenge *challenge, const char *scope)
{
        cleanup_free char *service = url_escape(challenge->service ? challenge->service : "");
        cleanup_free char *escaped = url_escape(scope ? scope : ""),
                          *token = url_escape(r->auth.identity_token);

        return string_format("grant_type=refresh_token&client_id=docker&access_type=offline&service=%s&scope="
                             "%s&refresh_token=%s",
                             service, escaped, token);
}

/* Called without the lock. */
static int send_token_request(struct repository *r, const struct challenge *challenge, const char *scope,
                              struct http_response *ret, struct error *err)
{
        cleanup_free char *url = NULL, *form = NULL;
        cleanup_strv char **headers = NULL;
        struct http_request request = { .method = "GET", .redirect = true, .document = true };

        if (r->auth.identity_token) {
                form = token_form(r, challenge, scope);
                strv_append(&headers, "Content-Type: application/x-www-form-urlencoded");
                request.method = "POST";
                request.data = form;
                request.data_len = strlen(form);
                request.redirect = false;
        } else {
                url = token_url(r, challenge, scope);
                if (!string_empty(r->auth.username))
                        strv_append_take(&headers, registry_basic_header(&r->auth));
        }
        request.url = url ? url : challenge->realm;
        request.headers = headers;
        return http_perform(r->client, &request, ret, err);
}

/* Credentials don't go over the wire in clear because a registry says so. */
static int check_realm(const struct repository *r, const char *realm, struct error *err)
{
        cleanup_free char *origin = realm ? url_origin(realm) : NULL,
                          *shown = realm ? url_public(realm) : NULL;

        if (!origin)
                return error_set(err, ERROR_INVALID, "the registry asks for a token and names no realm");
        if (string_after(realm, "https://") || r->insecure)
                return 0;
        return error_set(err, ERROR_INVALID, "the registry asks for a token from %s, which is not encrypted",
                         shown);
}

/* A refusal in the words of the service: {"details":"…"} or whatever it says. */
static int refused(struct http_response *response, struct error *err)
{
        const char *type = http_header(response, "content-type");
        cleanup_free char *text = NULL;
        cleanup_json json_object *tree = NULL;
        const char *details = NULL;
        size_t len;

        if (stream_read_all(response->body, REGISTRY_ERROR_MAX, &text, &len, NULL) < 0)
                return error_set(err, ERROR_UNAUTHORIZED, "unauthorized");
        if (type && string_after(type, "application/json") && json_parse_text(text, len, &tree, NULL) == 0)
                details = json_get_string(tree, "details");
        details = string_empty(details) ? text : details;
        return error_set(err, ERROR_UNAUTHORIZED, *details ? "unauthorized: %.1000s" : "unauthorized",
                         details);
}

static int fetch_token(struct repository *r, const struct challenge *challenge, const char *scope,
                       struct token_answer *ret, struct error *err)
{
        cleanup_http_response struct http_response response = {};
        cleanup_free char *text = NULL, *shown = NULL;
        size_t len;

        if (check_realm(r, challenge->realm, err) < 0 ||
            send_token_request(r, challenge, scope, &response, err) < 0)
                return -1;
        if (response.status == 401 || response.status == 403 ||
            (response.status == 400 && r->auth.identity_token))
                return refused(&response, err);
        shown = url_public(challenge->realm);
        if (response.status != 200) {
                repository_failure(&response, err);
                return error_context(err, "token service %s", shown);
        }
        if (stream_read_all(response.body, REGISTRY_DOCUMENT_MAX, &text, &len, err) < 0 ||
            token_answer_parse(text, len, ret, err) < 0)
                return error_context(err, "token service %s", shown);
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
                ARRAY_APPEND(r->tokens, r->n_tokens,
                             ((struct registry_token){ xstrdup(scope), xstrdup(token), expires }));
        }
}

/* A token that is still good, else a new one; heap. */
static int token_for(struct repository *r, const struct challenge *challenge, const char *scope, char **ret,
                     struct error *err)
{
        cleanup_token_answer struct token_answer answer = {};
        struct registry_token *known;

        pthread_mutex_lock(&r->lock);
        known = find_token(r, scope);
        *ret = known && known->expires > time_monotonic() ? xstrdup(known->token) : NULL;
        pthread_mutex_unlock(&r->lock);
        if (*ret)
                return 0;
        if (fetch_token(r, challenge, scope, &answer, err) < 0)
                return -1;
        pthread_mutex_lock(&r->lock);
        keep_token(r, scope, answer.token, answer.life);
        if (answer.refresh_token)
                replace_string(&r->refresh_token, answer.refresh_token);
        pthread_mutex_unlock(&r->lock);
        *ret = take_ptr(answer.token);
        return 0;
}

int registry_authorize(struct repository *r, const char *scope, char **ret, struct error *err)
{
        struct challenge challenge;
        cleanup_free char *token = NULL;
        int result = 0;

        *ret = NULL;
        if (!string_empty(r->auth.registry_token)) {
                *ret = string_format("Authorization: Bearer %s", r->auth.registry_token);
                return 0;
        }
        pthread_mutex_lock(&r->lock);
        challenge = (struct challenge){ r->challenge.scheme, xstrdup(r->challenge.realm),
                                        xstrdup(r->challenge.service), NULL };
        pthread_mutex_unlock(&r->lock);
        if (challenge.scheme == CHALLENGE_BASIC) {
                if (string_empty(r->auth.username))
                        result = error_set(err, ERROR_UNAUTHORIZED, "no basic auth credentials");
                else
                        *ret = registry_basic_header(&r->auth);
        } else if (challenge.scheme == CHALLENGE_BEARER) {
                result = token_for(r, &challenge, scope ? scope : "", &token, err);
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
        free(r->refresh_token);
        challenge_deinit(&r->challenge);
        registry_auth_deinit(&r->auth);
}
