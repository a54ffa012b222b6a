/* Blobs down and up. Down: a stream that goes on after a broken connection where it stopped. Up: one PATCH with the
 * bytes, then a PUT with the digest that was computed on the way. */
#include "registry/repository-internal.h"

#include <inttypes.h>

#define DEFAULT_ATTEMPTS 5

struct blob_stream {
        struct stream stream;
        struct repository *repository;
        struct digest digest;
        char **urls;
        int64_t size, at;
        int failures;
        struct hash *hash;
        struct http_response response;
        bool done;
};

static int attempts_of(const struct repository *r)
{
        return r->settings->attempts > 0 ? r->settings->attempts : DEFAULT_ATTEMPTS;
}

/* Drops bytes that were delivered already by a server that knows no ranges. */
static int skip_bytes(struct stream *s, int64_t count, struct error *err)
{
        char buffer[16384];

        while (count > 0) {
                ssize_t n = stream_read(s, buffer, (size_t)MIN(count, (int64_t)sizeof(buffer)), err);

                if (n < 0)
                        return -1;
                if (n == 0)
                        return error_set(err, ERROR_UNAVAILABLE, "unexpected EOF");
                count -= n;
        }
        return 0;
}

static int connect_to(struct blob_stream *b, const char *foreign, struct error *err)
{
        char text[DIGEST_TEXT_SIZE];
        cleanup_free char *own = NULL, *range = string_format("Range: bytes=%" PRId64 "-", b->at);
        char *headers[] = { range, NULL };
        struct http_request request = { .method = "GET", .headers = b->at ? headers : NULL, .redirect = true };
        int r;

        digest_format(&b->digest, text);
        own = repository_url(b->repository, "blobs/%s", text);
        request.url = foreign ? foreign : own;
        r = foreign ? http_perform(b->repository->client, &request, &b->response, err) :
                      repository_request(b->repository, NULL, &request, &b->response, err);
        if (r < 0)
                return -1;
        if (b->response.status == 206 && b->at)
                return 0;
        if (b->response.status == 200)
                return skip_bytes(b->response.body, b->at, err);
        repository_failure(&b->response, err);
        return -1;
}

static int connect_blob(struct blob_stream *b, struct error *err)
{
        for (size_t i = 0; b->urls && b->urls[i]; i++) {
                if (connect_to(b, b->urls[i], NULL) == 0)
                        return 0;
                http_response_deinit(&b->response);
        }
        return connect_to(b, NULL, err);
}

/* Is it worth another attempt? Answers that will not change are not. */
static bool may_retry(struct blob_stream *b, const struct error *why)
{
        http_response_deinit(&b->response);
        if (error_is(why, ERROR_NOT_FOUND) || error_is(why, ERROR_UNAUTHORIZED) || error_is(why, ERROR_FORBIDDEN) || error_is(why, ERROR_INVALID))
                return false;
        if (++b->failures >= attempts_of(b->repository))
                return false;
        registry_back_off(b->failures);
        return true;
}

static int verify(struct blob_stream *b, struct error *err)
{
        struct digest got;
        char text[DIGEST_TEXT_SIZE];

        hash_finish(b->hash, got.bytes);
        digest_format(&b->digest, text);
        if (!digest_equal(&got, &b->digest))
                return error_set(err, ERROR_UNAVAILABLE, "filesystem layer verification failed for digest %s", text);
        return 0;
}

static ssize_t blob_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        struct blob_stream *b = (struct blob_stream *)s;

        while (!b->done) {
                cleanup_error struct error why = {};
                ssize_t n = -1;

                if (b->response.body || connect_blob(b, &why) == 0)
                        n = stream_read(b->response.body, buffer, len, &why);
                if (n > 0) {
                        b->at += n;
                        if (b->size >= 0 && b->at > b->size)
                                return error_set(err, ERROR_UNAVAILABLE, "the blob is larger than the %" PRId64 " bytes that its manifest says", b->size);
                        hash_add(b->hash, buffer, (size_t)n);
                        return n;
                }
                if (n == 0 && (b->size < 0 || b->at == b->size)) {
                        b->done = true;
                        return verify(b, err) < 0 ? -1 : 0;
                }
                if (n == 0)
                        /* The answer was whole (libcurl checks its length): another attempt brings the same. */
                        return error_set(err, ERROR_UNAVAILABLE, "unexpected size of the blob: %" PRId64 " bytes, its manifest says %" PRId64, b->at, b->size);
                if (!may_retry(b, &why))
                        return error_move(err, &why);
        }
        return 0;
}

static void blob_free(struct stream *s)
{
        struct blob_stream *b = (struct blob_stream *)s;

        http_response_deinit(&b->response);
        hash_free(b->hash);
        strv_free(b->urls);
        free(b);
}

static const struct stream_class blob_class = { blob_read, blob_free };

int repository_blob(struct repository *r, const struct digest *digest, int64_t size, char *const *urls,
                    struct stream **ret, struct error *err)
{
        struct blob_stream *b = xcalloc(1, sizeof(*b));
        cleanup_stream struct stream *stream = &b->stream;
        cleanup_error struct error why = {};

        b->stream.class = &blob_class;
        b->repository = r;
        b->digest = *digest;
        b->urls = strv_copy(urls);
        b->size = size;
        b->hash = hash_new();
        while (connect_blob(b, &why) < 0) {
                if (!may_retry(b, &why))
                        return error_move(err, &why);
                error_clear(&why);
        }
        *ret = take_ptr(stream);
        return 0;
}

int repository_blob_exists(struct repository *r, const struct digest *digest, int64_t *ret_size, struct error *err)
{
        cleanup_http_response struct http_response response = {};
        char text[DIGEST_TEXT_SIZE];
        cleanup_free char *url = NULL;
        struct http_request request = { .method = "HEAD", .redirect = true };
        const char *size;

        digest_format(digest, text);
        url = repository_url(r, "blobs/%s", text);
        request.url = url;
        if (repository_request(r, NULL, &request, &response, err) < 0)
                return -1;
        if (response.status == 404)
                return 0;
        if (response.status != 200)
                return repository_failure(&response, err);
        size = http_header(&response, "content-length");
        if (ret_size && (!size || string_to_int64(size, ret_size, NULL) < 0))
                *ret_size = -1;
        return 1;
}

/* A Location, which may be relative; heap. */
static char *location_of(const struct repository *r, const struct http_response *response)
{
        const char *location = http_header(response, "location");

        if (!location)
                return NULL;
        return *location == '/' ? string_format("%s://%s%s", r->scheme, r->host, location) : xstrdup(location);
}

int repository_blob_mount(struct repository *r, const struct digest *digest, const char *from, struct error *err)
{
        cleanup_http_response struct http_response response = {}, cancelled = {};
        char text[DIGEST_TEXT_SIZE];
        cleanup_free char *scope = string_format("repository:%s:%s repository:%s:pull", r->path, r->actions, from);
        cleanup_free char *source = url_escape(from), *url = NULL, *location = NULL;
        struct http_request request = { .method = "POST" };

        digest_format(digest, text);
        url = repository_url(r, "blobs/uploads/?mount=%s&from=%s", text, source);
        request.url = url;
        if (repository_request(r, scope, &request, &response, err) < 0)
                return -1;
        if (response.status == 201)
                return 1;
        /* 202: the registry began an upload instead; give it up. */
        location = response.status == 202 ? location_of(r, &response) : NULL;
        if (location) {
                request = (struct http_request){ .method = "DELETE", .url = location };
                (void)repository_request(r, NULL, &request, &cancelled, NULL);
        }
        return 0;
}

static int begin_upload(struct repository *r, char **ret, struct error *err)
{
        cleanup_http_response struct http_response response = {};
        cleanup_free char *url = repository_url(r, "blobs/uploads/");
        struct http_request request = { .method = "POST", .url = url };

        if (repository_request(r, NULL, &request, &response, err) < 0)
                return -1;
        if (response.status != 202)
                return repository_failure(&response, err);
        *ret = location_of(r, &response);
        return *ret ? 0 : error_set(err, ERROR_UNAVAILABLE, "the registry names no place for the upload");
}

static int send_bytes(struct repository *r, char **location, struct stream *body, struct error *err)
{
        cleanup_http_response struct http_response response = {};
        char *headers[] = { (char *)"Content-Type: application/octet-stream", NULL };
        struct http_request request = { .method = "PATCH", .url = *location, .headers = headers, .body = body, .body_size = -1 };
        char *next;

        if (repository_request(r, NULL, &request, &response, err) < 0)
                return -1;
        if (response.status != 202 && response.status != 204 && response.status != 201)
                return repository_failure(&response, err);
        next = location_of(r, &response);
        if (next) {
                free(*location);
                *location = next;
        }
        return 0;
}

static int end_upload(struct repository *r, const char *location, const struct digest *digest, struct error *err)
{
        cleanup_http_response struct http_response response = {};
        char text[DIGEST_TEXT_SIZE];
        cleanup_free char *url = NULL;
        struct http_request request = { .method = "PUT" };

        digest_format(digest, text);
        url = string_format("%s%cdigest=%s", location, strchr(location, '?') ? '&' : '?', text);
        request.url = url;
        if (repository_request(r, NULL, &request, &response, err) < 0)
                return -1;
        return response.status == 201 ? 0 : repository_failure(&response, err);
}

static int upload_once(struct repository *r, registry_blob_open open, void *arg, struct digest *ret_digest,
                       int64_t *ret_size, struct error *err)
{
        cleanup_stream struct stream *content = NULL, *hashing = NULL;
        cleanup_hash struct hash *hash = hash_new();
        cleanup_free char *location = NULL;
        uint64_t count = 0;

        if (begin_upload(r, &location, err) < 0 || open(arg, &content, err) < 0)
                return -1;
        hashing = stream_new_hashing(content, hash, &count);
        if (send_bytes(r, &location, hashing, err) < 0)
                return -1;
        hash_finish(hash, ret_digest->bytes);
        *ret_size = (int64_t)count;
        return end_upload(r, location, ret_digest, err);
}

int repository_blob_upload(struct repository *r, registry_blob_open open, void *arg, const struct digest *expected,
                           struct digest *ret_digest, int64_t *ret_size, struct error *err)
{
        struct digest digest;
        int64_t size;

        for (int attempt = 1;; attempt++) {
                cleanup_error struct error why = {};

                if (upload_once(r, open, arg, &digest, &size, &why) == 0)
                        break;
                if (attempt >= attempts_of(r) || !error_is(&why, ERROR_UNAVAILABLE))
                        return error_move(err, &why);
                registry_back_off(attempt);
        }
        if (expected && !digest_equal(expected, &digest))
                return error_set(err, ERROR_SYSTEM, "the blob changed while it was uploaded");
        *ret_digest = digest;
        *ret_size = size;
        return 0;
}
