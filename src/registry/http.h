/* HTTP out on libcurl, which is loaded at first use: an engine that speaks to no registry stays small and
 * starts fast. */
#pragma once

#include "base/stream.h"
#include "registry/url.h"

#include <stdbool.h>

/* Keeps connections for later requests; used by several threads. */
struct http_client;

/* Copied by http_client_new(). */
struct http_client_options {
        const char *certs_dir; /* a folder with *.crt (CAs), *.cert and *.key; NULL or missing: none */
        char *const *ca_files; /* more CAs */
        const char *certificate,
            *key;        /* instead of those in the folder; the key may be in the same file (NULL) */
        bool unverified; /* any certificate is fine */
        const char *http_proxy, *https_proxy, *no_proxy; /* NULL: the environment's */
};
int http_client_new(const struct http_client_options *options, struct http_client **ret, struct error *err);
void http_client_free(struct http_client *client);

struct http_request {
        const char *method, *url;
        char *const *headers; /* "Name: value" */
        const void *data;     /* a body in memory, which can be sent again; NULL: none */
        size_t data_len;
        struct stream *body; /* or one that is read once; NULL: none; borrowed until the response is freed */
        int64_t body_size;   /* -1: unknown, sent chunked */
        bool redirect;       /* follow (credentials stay with the host) */
        bool document;       /* the whole exchange is short: it may take 2 minutes at most */
};
struct http_response {
        long status;
        struct strmap headers; /* names in lower case */
        char *url;             /* where it came from after redirects */
        struct stream *body;   /* owned; free it before the client */
};
/* Sends the request and waits for the answer's head; the body is pulled from the stream. What the network
 * does to it is an ERROR_UNAVAILABLE `Get "URL": dial tcp HOST: connect: connection refused` and the like, as
 * Docker's users know them; with an errnum when nobody is there at all, so that trying again at once is no
 * use. A peer that is silent for 30 s is gone. */
int http_perform(struct http_client *client, const struct http_request *request, struct http_response *ret,
                 struct error *err);
void http_response_deinit(struct http_response *response);
#define cleanup_http_response __attribute__((cleanup(http_response_deinit)))
/* A header's value, or NULL. `name` in lower case. */
static inline const char *http_header(const struct http_response *response, const char *name)
{
        return strmap_get(&response->headers, name);
}
