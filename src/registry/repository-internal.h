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
        char *host, *path, *actions, *scheme;
        struct registry_auth auth;
        struct http_client *client;
        pthread_mutex_t lock; /* the members below */
        struct challenge challenge;
        struct registry_token *tokens;
        size_t n_tokens;
};

/* The header for one request: "Authorization: …" on the heap, or NULL when none is wanted. `scope` is
 * "repository:NAME:ACTIONS", or NULL. */
int registry_authorize(struct repository *r, const char *scope, char **ret, struct error *err);
/* Takes over the challenge of a 401 and forgets the scope's token. True when another try makes sense. */
bool registry_challenged(struct repository *r, const struct http_response *response, const char *scope);
void registry_auth_state_free(struct repository *r);

/* One request below /v2/PATH/ (or to a whole URL), authorised; a 401 is answered once when the body can be sent again.
 * `scope` NULL means the repository's own with its actions. The answer's status is the caller's to judge. */
int repository_request(struct repository *r, const char *scope, const struct http_request *request,
                       struct http_response *ret, struct error *err);
/* "scheme://host/v2/path/REST"; heap. */
char *repository_url(const struct repository *r, const char *format, ...) PRINTF_FORMAT(2, 3);
/* Fills `err` from an answer that is not what was hoped for (reads its body). */
int repository_failure(struct http_response *response, struct error *err);
/* Waits before attempt number `attempt` (1, 2, …) of something that failed. */
void registry_back_off(int attempt);
