#include "build/fetch.h"

#include "base/spawn.h"
#include "base/time.h"
#include "registry/http.h"

#include <errno.h>

#define GIT_TIMEOUT (600 * NSEC_PER_SEC)

bool url_is_git(const char *text)
{
        cleanup_free char *plain = xstrndup(text, strcspn(text, "#"));

        return string_after(text, "git://") || string_after(text, "git@") ||
               string_after(text, "ssh://git@") || string_after(text, "github.com/") ||
               (strstr(text, "://") && string_ends_with(plain, ".git"));
}

bool url_is_file(const char *text)
{
        return (string_after(text, "http://") || string_after(text, "https://")) && !url_is_git(text);
}

void fetched_deinit(struct fetched *f)
{
        free(f->name);
        free(f->folder);
        *f = (struct fetched){};
}

/* "Mon, 03 Feb 2020 04:05:06 GMT" */
static int64_t parse_http_time(const char *text)
{
        struct tm tm = {};
        const char *end = text ? strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm) : NULL;

        return end ? (int64_t)timegm(&tm) * NSEC_PER_SEC : TIME_ZERO;
}

static char *name_of(const char *url)
{
        const char *path = strstr(url, "://") ? strstr(url, "://") + 3 : url;
        size_t len = strcspn(path, "?#");
        cleanup_free char *plain = xstrndup(path, len);
        const char *slash = strrchr(plain, '/');

        return xstrdup(slash && slash[1] && !streq(slash + 1, ".") && !streq(slash + 1, "..") ? slash + 1
                                                                                              : "download");
}

static int check_checksum(const char *checksum, const struct digest *got, struct error *err)
{
        struct digest want;
        char text[DIGEST_TEXT_SIZE];

        if (!checksum)
                return 0;
        if (digest_parse(checksum, &want, err) < 0)
                return -1;
        digest_format(got, text);
        return digest_equal(&want, got)
                   ? 0
                   : error_set(err, ERROR_INVALID, "digest mismatch %s: %s", text, checksum);
}

static int download(const struct http_response *response, int fd, struct digest *ret, struct error *err)
{
        cleanup_hash struct hash *hash = hash_new();
        cleanup_sink struct sink *file = sink_new_fd(fd), *sink = sink_new_hashing(file, hash, NULL);

        if (stream_copy(response->body, sink, NULL, err) < 0)
                return -1;
        hash_finish(hash, ret->bytes);
        return 0;
}

static int fetch_with(struct http_client *client, const char *url, int dirfd, const char *as,
                      struct fetched *f, struct error *err)
{
        struct http_request request = { .method = "GET", .url = url, .redirect = true };
        cleanup_http_response struct http_response response = {};
        struct timespec times[2] = {};
        cleanup_close int fd = -1;

        if (http_perform(client, &request, &response, err) < 0)
                return -1;
        if (response.status < 200 || response.status >= 300)
                return error_set(err, ERROR_INVALID, "failed to load cache key: invalid response status %ld",
                                 response.status);
        fd = openat(dirfd, as, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return error_errno(err, "%s", as);
        if (download(&response, fd, &f->digest, err) < 0)
                return error_context(err, "%s", url);
        f->mtime = parse_http_time(http_header(&response, "last-modified"));
        if (f->mtime != TIME_ZERO)
                times[0].tv_sec = times[1].tv_sec = f->mtime / NSEC_PER_SEC;
        if (futimens(fd, times) < 0)
                return error_errno(err, "%s", as);
        f->name = name_of(url);
        return 0;
}

int fetch_file(const char *url, int dirfd, const char *as, const char *checksum, struct fetched *ret,
               struct error *err)
{
        const struct http_client_options options = {};
        struct http_client *client;
        struct fetched f = {};
        struct digest want;
        int r;

        if (checksum && digest_parse(checksum, &want, NULL) < 0)
                return error_set(err, ERROR_INVALID, "unsupported digest algorithm");
        if (http_client_new(&options, &client, err) < 0)
                return -1;
        r = fetch_with(client, url, dirfd, as, &f, err);
        if (r == 0)
                r = check_checksum(checksum, &f.digest, err);
        http_client_free(client);
        if (r < 0)
                fetched_deinit(&f);
        else
                *ret = f;
        return r;
}

/* Runs git; what it wrote on standard error is the message. */
static int git(const char *directory, char *const *args, struct strbuf *output, struct error *err)
{
        cleanup_strbuf struct strbuf errors = {};
        cleanup_strv char **argv = NULL, **env = NULL;
        struct spawn_options options = { .program = "git", .directory = directory };
        int code;

        strv_append(&argv, "git");
        strv_extend(&argv, args);
        /* Neither questions nor the settings of whoever started the engine. */
        strv_append_take(&env, string_format("PATH=%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin"));
        strv_append(&env, "GIT_TERMINAL_PROMPT=0");
        strv_append(&env, "GIT_CONFIG_NOSYSTEM=1");
        strv_append(&env, "GIT_CONFIG_GLOBAL=/dev/null");
        strv_append(&env, "HOME=/");
        options.argv = argv;
        options.env = env;
        if (spawn_capture(&options, NULL, 0, 65536, GIT_TIMEOUT, output, &errors, &code, err) < 0)
                return error_context(err, "git");
        if (code == 0)
                return 0;
        while (errors.len && errors.data[errors.len - 1] == '\n')
                errors.data[--errors.len] = 0;
        return error_set(err, ERROR_INVALID, "git %s: %s", args[0], errors.len ? errors.data : "failed");
}

int fetch_git(const char *url, const char *path, const char *as, bool keep_git, char **ret_sub,
              char **ret_commit, struct error *err)
{
        const char *hash = strchr(url, '#'), *colon = hash ? strchr(hash, ':') : NULL;
        cleanup_free char *plain = hash ? xstrndup(url, (size_t)(hash - url)) : xstrdup(url), *remote = NULL,
                          *ref = NULL, *folder = string_format("%s/%s", path, as);
        cleanup_strbuf struct strbuf output = {};
        char clone[] = "clone", quiet[] = "-q", end[] = "--", checkout[] = "checkout", detach[] = "--detach",
             parse[] = "rev-parse", head[] = "HEAD";
        cleanup_close int fd = -1;

        if (hash)
                ref = colon ? xstrndup(hash + 1, (size_t)(colon - hash - 1)) : xstrdup(hash + 1);
        if (ref && *ref == '-')
                return error_set(err, ERROR_INVALID, "invalid git reference: %s", ref);
        remote = string_after(plain, "github.com/") ? string_format("https://%s", plain) : xstrdup(plain);
        {
                char *clone_args[] = { clone, quiet, end, remote, (char *)as, NULL };
                char *checkout_args[] = { checkout, quiet, detach, ref, NULL },
                     *parse_args[] = { parse, head, NULL };
                cleanup_free char *origin = ref ? string_format("origin/%s", ref) : NULL;
                char *branch_args[] = { checkout, quiet, detach, origin, NULL };

                if (git(path, clone_args, NULL, err) < 0)
                        return -1;
                if (!string_empty(ref) && git(folder, branch_args, NULL, NULL) < 0 &&
                    git(folder, checkout_args, NULL, err) < 0)
                        return -1;
                if (git(folder, parse_args, &output, err) < 0)
                        return -1;
        }
        fd = directory_open(AT_FDCWD, folder, err);
        if (fd < 0 || (!keep_git && tree_remove(fd, ".git", err) < 0))
                return -1;
        *ret_sub = xstrdup(colon ? colon + 1 : "");
        *ret_commit = strbuf_take(&output);
        return 0;
}
