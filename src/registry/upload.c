/* Blobs up.
 *
 * Theory of operation. An upload is a place at the registry (`location`) that grows. Its bytes come from a
 * stream that can be opened anew and then gives the same bytes; the digest is computed over all of them each
 * time. The first try sends everything in one request. When it breaks, the registry is asked how much
 * arrived, and the rest goes in chunks with their ranges; when it does not know, all begins anew. */
#include "registry/repository-internal.h"
#include "base/hash.h"

#include <inttypes.h>

#define CHUNK (5 << 20)
#define CHUNK_MAX (64 << 20)
/* After this much progress a failure counts as the first one again. */
#define PROGRESS (1 << 20)

struct upload {
        struct repository *repository;
        registry_blob_open open;
        void *arg;
        char *location;
        int64_t offset; /* that the registry has */
        int64_t chunk;  /* 0: all in one request */
        int64_t least;  /* chunk that the registry takes */
        bool broken;    /* the offset must be asked for */
        int failures;
        int64_t failed_at;
        struct digest digest;
        int64_t size;
};

static void upload_deinit(struct upload *u)
{
        free(u->location);
}
#define cleanup_upload __attribute__((cleanup(upload_deinit)))

static void forget(struct upload *u)
{
        free(take_ptr(u->location));
        u->offset = 0;
}

/* Takes over where to go on. */
static bool take_location(struct upload *u, const struct http_response *response)
{
        const char *location = http_header(response, "location");

        if (!location)
                return false;
        location = url_resolve(response->url, location);
        free(u->location);
        u->location = (char *)location;
        return true;
}

static int begin(struct upload *u, struct error *err)
{
        cleanup_http_response struct http_response response = {};
        cleanup_free char *url = repository_url(u->repository, "blobs/uploads/");
        struct http_request request = { .method = "POST", .url = url, .document = true };
        const char *least;

        if (repository_request(u->repository, NULL, &request, &response, err) < 0)
                return -1;
        if (response.status != 202)
                return repository_failure(&response, err);
        least = http_header(&response, "oci-chunk-min-length");
        if (!least || string_to_int64(least, &u->least, NULL) < 0 || u->least < 0 || u->least > CHUNK_MAX)
                u->least = 0;
        u->offset = 0;
        u->broken = false;
        return take_location(u, &response)
                   ? 0
                   : error_set(err, ERROR_INVALID, "the registry names no place for the upload");
}

int upload_range_end(const char *header, int64_t *ret)
{
        const char *p = header ? string_after(header, "bytes=") : NULL;

        p = p ? p : header;
        p = p ? string_after(p, "0-") : NULL;
        return p ? string_to_int64(p, ret, NULL) : -1;
}

/* How much arrived? "0-0" may mean one byte or none. When the registry does not say, the upload is given up.
 */
static int ask_offset(struct upload *u, struct error *err)
{
        cleanup_http_response struct http_response response = {};
        struct http_request request = { .method = "GET", .url = u->location, .document = true };
        int64_t last = 0;

        if (repository_request(u->repository, NULL, &request, &response, err) < 0)
                return -1;
        u->broken = false;
        if ((response.status == 204 || response.status == 202 || response.status == 200) &&
            upload_range_end(http_header(&response, "range"), &last) == 0 && last > 0) {
                take_location(u, &response);
                u->offset = last + 1;
                u->chunk = MAX(CHUNK, u->least);
                return 0;
        }
        forget(u);
        return begin(u, err);
}

/* One PATCH; statuses that aren't success are errors. */
static int patch(struct upload *u, struct http_request *request, struct error *err)
{
        cleanup_http_response struct http_response response = {};

        request->method = "PATCH";
        request->url = u->location;
        if (repository_request_once(u->repository, NULL, request, &response, err) < 0)
                return -1;
        if (response.status == 413 && u->chunk == 0) {
                u->chunk = MAX(CHUNK, u->least);
                return error_set(err, ERROR_UNAVAILABLE, "the registry wants smaller requests");
        }
        if (response.status != 202 && response.status != 204 && response.status != 201)
                return repository_failure(&response, err);
        take_location(u, &response);
        return 0;
}

static int send_whole(struct upload *u, struct stream *content, struct error *err)
{
        char *headers[] = { (char *)"Content-Type: application/octet-stream", NULL };
        struct http_request request = { .headers = headers, .body = content, .body_size = -1 };

        return patch(u, &request, err);
}

static int send_chunks(struct upload *u, struct stream *content, struct error *err)
{
        cleanup_free char *buffer = xmalloc((size_t)u->chunk);

        for (;;) {
                ssize_t n = stream_read_full(content, buffer, (size_t)u->chunk, err);
                cleanup_free char *range = NULL;

                if (n <= 0)
                        return (int)n;
                range = string_format("Content-Range: %" PRId64 "-%" PRId64, u->offset, u->offset + n - 1);
                char *headers[] = { (char *)"Content-Type: application/octet-stream", range, NULL };
                struct http_request request = { .headers = headers, .data = buffer, .data_len = (size_t)n };

                if (patch(u, &request, err) < 0)
                        return -1;
                u->offset += n;
        }
}

static int skip(struct stream *content, int64_t count, struct error *err)
{
        cleanup_stream struct stream *first = stream_new_limited(content, (uint64_t)count);

        return stream_drain(first, err);
}

static int finish(struct upload *u, struct error *err)
{
        cleanup_http_response struct http_response response = {};
        char text[DIGEST_TEXT_SIZE];
        cleanup_free char *url = NULL;
        struct http_request request = { .method = "PUT" };
        cleanup_error struct error why = {};

        digest_format(&u->digest, text);
        url = string_format("%s%cdigest=%s", u->location, strchr(u->location, '?') ? '&' : '?', text);
        request.url = url;
        if (repository_request_once(u->repository, NULL, &request, &response, &why) == 0) {
                if (response.status == 201)
                        return 0;
                repository_failure(&response, &why);
        }
        /* The answer may have been lost, not the request. */
        if (repository_blob_exists(u->repository, &u->digest, NULL) > 0)
                return 0;
        if (!registry_transient(&why))
                forget(u);
        return error_move(err, &why);
}

static int upload_once(struct upload *u, struct error *err)
{
        cleanup_stream struct stream *content = NULL, *hashing = NULL;
        cleanup_hash struct hash *hash = hash_new();
        uint64_t count = 0;

        if ((u->location && u->broken ? ask_offset(u, err) : u->location ? 0 : begin(u, err)) < 0)
                return -1;
        if (u->open(u->arg, &content, err) < 0)
                return -1;
        u->broken = true;
        hashing = stream_new_hashing(content, hash, &count);
        if (skip(hashing, u->offset, err) < 0)
                return -1;
        if ((u->chunk ? send_chunks(u, hashing, err) : send_whole(u, hashing, err)) < 0)
                return -1;
        hash_finish(hash, u->digest.bytes);
        u->size = (int64_t)count;
        return finish(u, err);
}

/* Statuses that a new upload or a new token mends, beside what may pass by itself. */
static bool may_retry(struct upload *u, const struct error *why)
{
        if (error_is(why, ERROR_NOT_FOUND) || error_is(why, ERROR_INVALID))
                forget(u);
        else if (!error_is(why, ERROR_UNAVAILABLE) && !error_is(why, ERROR_UNAUTHORIZED))
                return false;
        if (u->offset - u->failed_at >= PROGRESS)
                u->failures = 0;
        u->failed_at = u->offset;
        /* What is wrong for other reasons than the network's is wrong the second time too. */
        u->failures += error_is(why, ERROR_UNAVAILABLE) ? 1 : registry_attempts(u->repository->settings) / 2;
        if (u->failures >= registry_attempts(u->repository->settings))
                return false;
        registry_back_off(u->failures);
        return true;
}

int repository_blob_upload(struct repository *r, registry_blob_open open, void *arg,
                           struct digest *ret_digest, int64_t *ret_size, struct error *err)
{
        cleanup_upload struct upload u = { .repository = r, .open = open, .arg = arg };

        for (;;) {
                cleanup_error struct error why = {};

                if (upload_once(&u, &why) == 0)
                        break;
                if (!may_retry(&u, &why))
                        return error_move(err, &why);
        }
        *ret_digest = u.digest;
        *ret_size = u.size;
        return 0;
}

/* ---- Small blobs, and blobs that are there ---- */

static int put_once(struct repository *r, const struct digest *digest, const void *data, size_t len,
                    struct error *err)
{
        cleanup_upload struct upload u = { .repository = r };
        cleanup_http_response struct http_response response = {};
        char text[DIGEST_TEXT_SIZE];
        cleanup_free char *url = NULL;
        char *headers[] = { (char *)"Content-Type: application/octet-stream", NULL };
        struct http_request request = {
                .method = "PUT", .headers = headers, .data = data, .data_len = len, .document = true
        };

        if (begin(&u, err) < 0)
                return -1;
        digest_format(digest, text);
        url = string_format("%s%cdigest=%s", u.location, strchr(u.location, '?') ? '&' : '?', text);
        request.url = url;
        if (repository_request_once(r, NULL, &request, &response, err) < 0)
                return -1;
        return response.status == 201 ? 0 : repository_failure(&response, err);
}

int repository_blob_put(struct repository *r, const struct digest *digest, const void *data, size_t len,
                        struct error *err)
{
        for (int attempt = 1;; attempt++) {
                cleanup_error struct error why = {};

                if (put_once(r, digest, data, len, &why) == 0 || repository_blob_exists(r, digest, NULL) > 0)
                        return 0;
                if (attempt >= registry_attempts(r->settings) || !registry_transient(&why))
                        return error_move(err, &why);
                registry_back_off(attempt);
        }
}

int repository_blob_exists(struct repository *r, const struct digest *digest, struct error *err)
{
        cleanup_http_response struct http_response response = {};
        char text[DIGEST_TEXT_SIZE];
        cleanup_free char *url = NULL;
        struct http_request request = { .method = "HEAD", .redirect = true, .document = true };

        digest_format(digest, text);
        url = repository_url(r, "blobs/%s", text);
        request.url = url;
        if (repository_request(r, NULL, &request, &response, err) < 0)
                return -1;
        if (response.status == 404)
                return 0;
        return response.status == 200 ? 1 : repository_failure(&response, err);
}

int repository_blob_mount(struct repository *r, const struct digest *digest, const char *from,
                          struct error *err)
{
        cleanup_http_response struct http_response response = {}, cancelled = {};
        char text[DIGEST_TEXT_SIZE];
        cleanup_free char *scope =
            string_format("repository:%s:%s repository:%s:pull", r->path, r->actions, from);
        cleanup_free char *source = url_escape(from), *url = NULL;
        cleanup_upload struct upload u = { .repository = r };
        struct http_request request = { .method = "POST", .document = true };

        digest_format(digest, text);
        url = repository_url(r, "blobs/uploads/?mount=%s&from=%s", text, source);
        request.url = url;
        if (repository_request(r, scope, &request, &response, err) < 0)
                return -1;
        if (response.status == 201)
                return 1;
        /* 202: the registry began an upload instead; give it up. */
        if (response.status == 202 && take_location(&u, &response)) {
                request = (struct http_request){ .method = "DELETE", .url = u.location, .document = true };
                (void)repository_request_once(r, NULL, &request, &cancelled, NULL);
        }
        return 0;
}
