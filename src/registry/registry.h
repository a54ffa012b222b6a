/* The distribution client: one repository of one registry, over HTTP. Source: OCI distribution-spec 1.1,
 * Docker's token authentication (https://distribution.github.io/distribution/spec/auth/token/).
 *
 * A `struct repository` may be used by several threads at once. Every blob is checked against its digest and
 * size while it streams; manifests against the digest they are asked for by. Answers that are read whole have
 * caps. */
#pragma once

#include "base/json.h"
#include "base/stream.h"
#include "oci/digest.h"

#include <stdbool.h>

#define REGISTRY_HUB_DOMAIN "docker.io"

/* What the engine was told about registries; outlives everything opened with it. */
struct registry_settings {
        char **mirrors;  /* URLs, tried before Docker Hub */
        char **insecure; /* host[:port] or CIDR; loopback addresses always are */
        char *certs_dir; /* HOST/{*.crt, *.cert, *.key, hosts.toml} below it; NULL: /etc/docker/certs.d */
        char *http_proxy, *https_proxy, *no_proxy; /* NULL: the environment's */
        int attempts;                              /* per request and blob; 0: 5 */
        int downloads, uploads;                    /* layers of an image at once; 0: 3 and 5 */
};

/* Credentials as clients send them in X-Registry-Auth. */
struct registry_auth {
        char *username, *password;
        char *identity_token; /* an OAuth2 refresh token */
        char *registry_token; /* a bearer token, used as it is */
        char *server_address;
};
/* base64url of JSON; NULL and "" give none. ERROR_INVALID. */
int registry_auth_decode(const char *header, struct registry_auth *ret, struct error *err);
int registry_auth_parse(const char *json, size_t len, struct registry_auth *ret, struct error *err);
void registry_auth_deinit(struct registry_auth *auth);
#define cleanup_registry_auth __attribute__((cleanup(registry_auth_deinit)))

/* Where a registry may be reached. */
struct registry_endpoint {
        char *host; /* host[:port] of URLs: "registry-1.docker.io" for docker.io */
        char *base; /* what its paths begin with: "/v2" */
        bool mirror;
        bool insecure;                       /* plain http and unverified certificates are fine */
        bool plain;                          /* given as http:// */
        char **ca_files, *certificate, *key; /* from a hosts file, beside what certs_dir has for the host */
        char **headers;                      /* "Name: value", sent to this host */
};
/* The endpoints of `domain` ("docker.io", "localhost:5000") in the order to try: mirrors, then the registry
 * itself, which alone takes pushes. Mirrors come from the domain's hosts file (registry/hosts-file.h) or, for
 * docker.io, from the settings. ERROR_INVALID for a hosts file that makes no sense. */
int registry_endpoints(const struct registry_settings *settings, const char *domain,
                       struct registry_endpoint **ret, size_t *ret_count, struct error *err);
void registry_endpoints_free(struct registry_endpoint *endpoints, size_t count);

struct repository;

/* Finds out how to speak to the endpoint (GET /v2/). `auth` may be NULL; it is copied. `actions` is "pull" or
 * "pull,push". ERROR_UNAVAILABLE when nobody answers, ERROR_UNAUTHORIZED …
 * What may go better at a second try (broken connections, statuses 429 and 5xx) is tried settings->attempts
 * times, with pauses that double, in all functions. */
int repository_open(const struct registry_settings *settings, const struct registry_endpoint *endpoint,
                    const char *path, const struct registry_auth *auth, const char *actions,
                    struct repository **ret, struct error *err);
/* The registry itself, where pushes and inspections go. `insecure`: as if the settings said so. */
int repository_open_origin(const struct registry_settings *settings, const char *domain, const char *path,
                           const struct registry_auth *auth, const char *actions, bool insecure,
                           struct repository **ret, struct error *err);
void repository_free(struct repository *r);
static inline void cleanup_repository_func(struct repository **r)
{
        if (*r)
                repository_free(*r);
}
#define cleanup_repository __attribute__((cleanup(cleanup_repository_func)))

struct registry_manifest {
        char *text;
        size_t len;
        char *media_type; /* from the document, else from the answer's header */
        struct digest digest;
};
void registry_manifest_deinit(struct registry_manifest *m);
#define cleanup_registry_manifest __attribute__((cleanup(registry_manifest_deinit)))

/* `reference` is a tag or a digest. ERROR_NOT_FOUND "manifest unknown: …". */
int repository_manifest(struct repository *r, const char *reference, struct registry_manifest *ret,
                        struct error *err);
/* Only its digest and type (HEAD); `len` is 0 and `text` NULL. */
int repository_manifest_head(struct repository *r, const char *reference, struct registry_manifest *ret,
                             struct error *err);
int repository_manifest_put(struct repository *r, const char *reference, const char *media_type,
                            const char *text, size_t len, struct error *err);
/* All tags, over all pages. */
int repository_tags(struct repository *r, char ***ret, struct error *err);

/* The bytes of a blob as they are stored there. Nothing is asked for before the first read. The stream goes
 * on after a broken connection where it stopped, and ends with an error when digest or size (-1: unknown)
 * differ: for ERROR_INVALID "filesystem layer verification failed for digest …" see repository_blob_verify().
 * `urls` (may be NULL) are tried first (foreign layers). */
struct stream *repository_blob(struct repository *r, const struct digest *digest, int64_t size,
                               char *const *urls);
/* After something refused what came out of repository_blob()'s stream: reads the rest. ERROR_INVALID when the
 * bytes were not those of the digest, so that the complaint about them means nothing. */
int repository_blob_verify(struct stream *blob, struct error *err);
/* 1 yes, 0 no. */
int repository_blob_exists(struct repository *r, const struct digest *digest, struct error *err);
/* Takes the blob over from another repository of the same registry: 1 done, 0 not possible. */
int repository_blob_mount(struct repository *r, const struct digest *digest, const char *from,
                          struct error *err);

/* Opens the bytes to upload, anew for each attempt. */
typedef int (*registry_blob_open)(void *arg, struct stream **ret, struct error *err);
/* Uploads in one stream and computes the digest on the way. An upload that breaks goes on where the registry
 * says that it stopped: `open` must give the same bytes each time. A registry that wants smaller requests
 * (413) gets chunks. */
int repository_blob_upload(struct repository *r, registry_blob_open open, void *arg,
                           struct digest *ret_digest, int64_t *ret_size, struct error *err);
/* Uploads bytes in memory with one request. */
int repository_blob_put(struct repository *r, const struct digest *digest, const void *data, size_t len,
                        struct error *err);

/* Checks credentials (POST /auth). `*ret_identity_token` is NULL when the registry gives none. */
int registry_login(const struct registry_settings *settings, const struct registry_auth *auth,
                   char **ret_identity_token, struct error *err);

/* Asks a registry's search (GET /v1/search), which Docker Hub has and few others: the results' array. `term`
 * may begin with a registry's host. */
int registry_search(const struct registry_settings *settings, const char *term, int limit,
                    const struct registry_auth *auth, json_object **ret, struct error *err);
