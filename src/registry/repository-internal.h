/* What the files of the distribution client share: one authorised request, and errors out of answers. */
#pragma once

#include "registry/challenge.h"
#include "registry/http.h"
#include "registry/registry.h"

#include <pthread.h>

/* Caps on what is read whole. */
#define REGISTRY_DOCUMENT_MAX (4 << 20)
#define REGISTRY_ERROR_MAX (64 << 10)

struct registry_token {
        char *scope, *token;
        int64_t expires; /* monotonic */
};

struct repository {
        const struct registry_settings *settings;
        char *host, *base, *path, *actions, *scheme;
        char **headers; /* sent with every request to the host */
        bool insecure;
        struct registry_auth auth;
        struct http_client *client;
        pthread_mutex_t lock; /* the members below */
        struct challenge challenge;
        struct registry_token *tokens;
        size_t n_tokens;
        char *refresh_token; /* that came with a token */
};

/* certs_dir/HOST; heap. */
char *registry_certs_folder(const struct registry_settings *settings, const char *host);

/* "Authorization: Basic …"; heap. */
char *registry_basic_header(const struct registry_auth *auth);
/* The header for one request: "Authorization: …" on the heap, or NULL when none is wanted. `scope` is
 * "repository:NAME:ACTIONS" (several: separated by blanks), or NULL. */
int registry_authorize(struct repository *r, const char *scope, char **ret, struct error *err);
/* Takes over the challenge of a 401 and forgets the scope's token. True when another try makes sense. */
bool registry_challenged(struct repository *r, const struct http_response *response, const char *scope);
void registry_auth_state_free(struct repository *r);

/* One request to a whole URL, authorised when it is at the repository's own host; a 401 is answered once, and
 * the request is sent again after what may pass (settings->attempts) - unless its body is a stream. `scope`
 * NULL means the repository's own with its actions. The answer's status is the caller's to judge. */
int repository_request(struct repository *r, const char *scope, const struct http_request *request,
                       struct http_response *ret, struct error *err);
/* The same, and the whole body when the status is 200 (at most REGISTRY_DOCUMENT_MAX, else ERROR_INVALID). */
int repository_document(struct repository *r, const char *scope, const struct http_request *request,
                        struct http_response *ret, char **ret_text, size_t *ret_len, struct error *err);
/* repository_request() without second tries: for those who have their own. */
int repository_request_once(struct repository *r, const char *scope, const struct http_request *request,
                            struct http_response *ret, struct error *err);
/* "scheme://host/v2/path/REST"; heap. */
char *repository_url(const struct repository *r, const char *format, ...) PRINTF_FORMAT(2, 3);
/* Fills `err` from an answer that is not what was hoped for (reads its body). */
int repository_failure(struct http_response *response, struct error *err);

int registry_attempts(const struct registry_settings *settings);
/* May the same thing go better at another time? */
bool registry_transient(const struct error *err);
/* Waits before attempt number `attempt` + 1 of something: 0.3 s doubling, more or less. */
void registry_back_off(int attempt);
