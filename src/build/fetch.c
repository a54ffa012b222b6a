/* Theory of operation. What a URL held, with the server's own mark of it (ETag, Last-Modified), is remembered
 * in the database. The next build asks "if it changed": an unchanged file costs a question, and its bytes are
 * fetched again only if the step that they belong to is to be done again. */
#include "build/fetch.h"

#include "base/time.h"
#include "build/git.h"
#include "registry/http.h"

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS build_urls (url TEXT PRIMARY KEY, etag TEXT, modified TEXT, "
    "digest BLOB NOT NULL, mtime INTEGER NOT NULL) WITHOUT ROWID";
/* Beyond so many remembered URLs the table starts anew. */
#define URLS_MAX 10000

bool url_is_file(const char *text)
{
        return (string_after(text, "http://") || string_after(text, "https://")) && !url_is_git(text);
}

char *url_file_name(const char *url)
{
        const char *path = strstr(url, "://") ? strstr(url, "://") + 3 : url;
        cleanup_free char *plain = xstrndup(path, strcspn(path, "?#"));
        const char *slash = strrchr(plain, '/');
        bool named = slash && slash[1] && !streq(slash + 1, ".") && !streq(slash + 1, "..");

        return xstrdup(named ? slash + 1 : "__unnamed__");
}

/* ---- What is remembered ---- */

struct memory {
        char *etag, *modified;
        struct fetched fetched;
};

static void memory_deinit(struct memory *m)
{
        free(m->etag);
        free(m->modified);
}

static int read_memory(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct memory *m = arg;

        (void)err;
        if (sqlite3_column_bytes(stmt, 2) != SHA256_SIZE)
                return 1;
        m->etag = database_column_string(stmt, 0);
        m->modified = database_column_string(stmt, 1);
        memcpy(m->fetched.digest.bytes, sqlite3_column_blob(stmt, 2), SHA256_SIZE);
        m->fetched.mtime = sqlite3_column_int64(stmt, 3);
        return 1;
}

static int count_urls(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        (void)err;
        *(int64_t *)arg = sqlite3_column_int64(stmt, 0);
        return 1;
}

static int remember(struct store *store, const char *url, const struct http_response *response,
                    const struct fetched *f, struct error *err)
{
        const char *etag = http_header(response, "etag"), *modified = http_header(response, "last-modified");
        int64_t count = 0;

        if (!etag && !modified)
                return 0;
        if (database_query(store->db, count_urls, &count, err, "SELECT count(*) FROM build_urls", "") < 0 ||
            (count >= URLS_MAX && database_run(store->db, err, "DELETE FROM build_urls", "") < 0))
                return -1;
        return database_run(store->db, err,
                            "INSERT OR REPLACE INTO build_urls (url, etag, modified, digest, mtime) VALUES "
                            "(?, ?, ?, ?, ?)",
                            "sssbi", url, etag, modified, f->digest.bytes, (size_t)SHA256_SIZE, f->mtime) < 0
                   ? -1
                   : 0;
}

/* ---- The transfer ---- */

/* "Mon, 03 Feb 2020 04:05:06 GMT" */
static int64_t parse_http_time(const char *text)
{
        struct tm tm = {};
        const char *end = text ? strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm) : NULL;

        return end ? (int64_t)timegm(&tm) * NSEC_PER_SEC : TIME_ZERO;
}

static int write_body(const struct fetch *f, const struct http_response *response, struct fetched *ret,
                      struct error *err)
{
        cleanup_close int fd = openat(f->dirfd, f->as, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        cleanup_hash struct hash *hash = hash_new();
        cleanup_sink struct sink *file = NULL, *sink = NULL;
        struct timespec times[2] = {};

        if (fd < 0)
                return error_errno(err, "%s", f->as);
        file = sink_new_fd(fd);
        sink = sink_new_hashing(file, hash, NULL);
        if (stream_copy(response->body, sink, NULL, err) < 0)
                return error_context(err, "%s", f->url);
        hash_finish(hash, ret->digest.bytes);
        ret->mtime = parse_http_time(http_header(response, "last-modified"));
        if (ret->mtime != TIME_ZERO)
                times[0].tv_sec = times[1].tv_sec = ret->mtime / NSEC_PER_SEC;
        if (futimens(fd, times) < 0)
                return error_errno(err, "%s", f->as);
        ret->here = true;
        return 0;
}

static int perform(struct http_client *client, struct store *store, const struct fetch *f,
                   const struct memory *known, struct fetched *ret, struct error *err)
{
        cleanup_strv char **headers = strv_new();
        struct http_request request = {
                .method = "GET", .url = f->url, .headers = headers, .redirect = true
        };
        cleanup_http_response struct http_response response = {};

        if (f->header)
                strv_append(&headers, f->header);
        if (known->etag)
                strv_append_take(&headers, string_format("If-None-Match: %s", known->etag));
        else if (known->modified)
                strv_append_take(&headers, string_format("If-Modified-Since: %s", known->modified));
        request.headers = headers;
        if (http_perform(client, &request, &response, err) < 0)
                return -1;
        if (response.status == 304 && (known->etag || known->modified)) {
                *ret = known->fetched;
                return 0;
        }
        if (response.status < 200 || response.status >= 300)
                return error_set(err, ERROR_INVALID, "invalid response status %ld", response.status);
        if (write_body(f, &response, ret, err) < 0)
                return -1;
        return remember(store, f->url, &response, ret, err);
}

static int get(struct store *store, const struct fetch *f, const struct memory *known, struct fetched *ret,
               struct error *err)
{
        const struct http_client_options options = {};
        struct http_client *client;
        int r;

        if (database_exec(store->db, tables, err) < 0 || http_client_new(&options, &client, err) < 0)
                return -1;
        r = perform(client, store, f, known, ret, err);
        http_client_free(client);
        return r;
}

int fetch_look(struct store *store, const struct fetch *f, struct fetched *ret, struct error *err)
{
        __attribute__((cleanup(memory_deinit))) struct memory known = {};
        struct fetched found = { .mtime = TIME_ZERO };

        if (!string_empty(f->checksum)) {
                if (digest_parse(f->checksum, &found.digest, err) < 0)
                        return -1;
                *ret = found;
                return 0;
        }
        if (database_exec(store->db, tables, err) < 0 ||
            database_query(store->db, read_memory, &known, err,
                           "SELECT etag, modified, digest, mtime FROM build_urls WHERE url = ?", "s",
                           f->url) < 0)
                return -1;
        if (get(store, f, &known, &found, err) < 0)
                return -1;
        *ret = found;
        return 0;
}

int fetch_body(struct store *store, const struct fetch *f, struct fetched *fetched, struct error *err)
{
        struct fetched now = { .mtime = TIME_ZERO };
        char want[DIGEST_TEXT_SIZE], got[DIGEST_TEXT_SIZE];

        if (fetched->here)
                return 0;
        if (get(store, f, &(struct memory){}, &now, err) < 0)
                return -1;
        if (!digest_equal(&now.digest, &fetched->digest)) {
                digest_format(&now.digest, got);
                digest_format(&fetched->digest, want);
                return error_set(err, ERROR_INVALID, "digest mismatch %s: %s", got, want);
        }
        *fetched = now;
        return 0;
}
