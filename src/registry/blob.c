/* Blobs down: a stream that goes on after a broken connection where it stopped. The hash goes on too: bytes
 * that were handed on are never asked for again. */
#include "registry/repository-internal.h"
#include "base/hash.h"

#include <inttypes.h>

/* After this much progress a broken connection counts as the first one again. */
#define PROGRESS (256 << 10)

struct blob_stream {
        struct stream stream;
        struct repository *repository;
        struct digest digest;
        char **urls;
        int64_t size, at;
        int64_t failed_at; /* where the last failure was */
        int failures;
        struct hash *hash;
        struct http_response response;
        bool done, broken; /* broken: nothing more will come */
};

/* Drops bytes that were delivered already by a server that knows no ranges. */
static int skip_bytes(struct stream *s, int64_t count, struct error *err)
{
        cleanup_stream struct stream *first = stream_new_limited(s, (uint64_t)count);
        uint64_t skipped = 0;
        char buffer[16384];

        for (;;) {
                ssize_t n = stream_read(first, buffer, sizeof(buffer), err);

                if (n < 0)
                        return -1;
                if (n == 0)
                        return (int64_t)skipped == count
                                   ? 0
                                   : error_set(err, ERROR_UNAVAILABLE, "unexpected EOF");
                skipped += (uint64_t)n;
        }
}

int content_range_start(const char *header, int64_t *ret)
{
        const char *p = header ? string_after(header, "bytes ") : NULL;
        cleanup_free char *number = p ? xstrndup(p, strcspn(p, "-")) : NULL;

        return number ? string_to_int64(number, ret, NULL) : -1;
}

/* The answer begins at byte `at` of the blob, or its beginning is skipped. */
static int take_answer(struct blob_stream *b, struct error *err)
{
        int64_t start = 0;

        if (b->response.status == 206 &&
            content_range_start(http_header(&b->response, "content-range"), &start) < 0)
                return error_set(err, ERROR_UNAVAILABLE,
                                 "the registry answers with a part of the blob and does not say which");
        if (b->response.status != 200 && b->response.status != 206) {
                repository_failure(&b->response, err);
                return -1;
        }
        if (start > b->at)
                return error_set(err, ERROR_UNAVAILABLE,
                                 "the registry answers with another part of the blob than was asked for");
        return skip_bytes(b->response.body, b->at - start, err);
}

static int connect_to(struct blob_stream *b, const char *foreign, struct error *err)
{
        char text[DIGEST_TEXT_SIZE];
        cleanup_free char *own = NULL, *range = string_format("Range: bytes=%" PRId64 "-", b->at);
        char *headers[] = { range, NULL };
        struct http_request request = { .method = "GET",
                                        .headers = b->at ? headers : NULL,
                                        .redirect = true };
        int r;

        digest_format(&b->digest, text);
        own = repository_url(b->repository, "blobs/%s", text);
        request.url = foreign ? foreign : own;
        r = foreign ? http_perform(b->repository->client, &request, &b->response, err)
                    : repository_request_once(b->repository, NULL, &request, &b->response, err);
        if (r == 0)
                r = take_answer(b, err);
        if (r < 0)
                http_response_deinit(&b->response);
        return r;
}

static int connect_blob(struct blob_stream *b, struct error *err)
{
        for (size_t i = 0; b->urls && b->urls[i]; i++)
                if (connect_to(b, b->urls[i], NULL) == 0)
                        return 0;
        return connect_to(b, NULL, err);
}

/* Is it worth another attempt? Answers that will not change are not. */
static bool may_retry(struct blob_stream *b, const struct error *why)
{
        http_response_deinit(&b->response);
        if (!error_is(why, ERROR_UNAVAILABLE) || (why->errnum && b->at == 0))
                return false;
        if (b->at - b->failed_at >= PROGRESS)
                b->failures = 0;
        b->failed_at = b->at;
        if (++b->failures >= registry_attempts(b->repository->settings))
                return false;
        registry_back_off(b->failures);
        return true;
}

static int verify(struct blob_stream *b, struct error *err)
{
        struct digest got;
        char text[DIGEST_TEXT_SIZE];

        b->done = true;
        hash_finish(b->hash, got.bytes);
        digest_format(&b->digest, text);
        if (digest_equal(&got, &b->digest))
                return 0;
        b->broken = true;
        return error_set(err, ERROR_INVALID, "filesystem layer verification failed for digest %s", text);
}

/* Some bytes that came; 0 at the end. */
static ssize_t accept_bytes(struct blob_stream *b, const void *data, ssize_t n, struct error *err)
{
        b->at += n;
        if (b->size >= 0 && (b->at > b->size || (n == 0 && b->at < b->size))) {
                b->broken = true;
                return error_set(err, ERROR_INVALID,
                                 "unexpected size of the blob: %s%" PRId64
                                 " bytes, its manifest says %" PRId64,
                                 n ? "more than " : "", n ? b->size : b->at, b->size);
        }
        if (n == 0)
                return verify(b, err);
        hash_add(b->hash, data, (size_t)n);
        return n;
}

static ssize_t blob_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        struct blob_stream *b = (struct blob_stream *)s;

        if (b->broken)
                return error_set(err, ERROR_INVALID, "the blob is not what its digest says");
        while (!b->done) {
                cleanup_error struct error why = {};
                ssize_t n = -1;

                if (b->response.body || connect_blob(b, &why) == 0)
                        n = stream_read(b->response.body, buffer, len, &why);
                if (n >= 0)
                        return accept_bytes(b, buffer, n, err);
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

struct stream *repository_blob(struct repository *r, const struct digest *digest, int64_t size,
                               char *const *urls)
{
        struct blob_stream *b = xcalloc(1, sizeof(*b));

        b->stream.class = &blob_class;
        b->repository = r;
        b->digest = *digest;
        b->urls = strv_copy(urls);
        b->size = size;
        b->hash = hash_new();
        return &b->stream;
}

int repository_blob_verify(struct stream *blob, struct error *err)
{
        struct blob_stream *b = (struct blob_stream *)blob;
        char text[DIGEST_TEXT_SIZE];

        if (!b->broken)
                return stream_drain(blob, err);
        digest_format(&b->digest, text);
        return error_set(err, ERROR_INVALID, "filesystem layer verification failed for digest %s", text);
}
