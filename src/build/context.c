#include "build/build-internal.h"

#include "build/fetch.h"
#include "build/git.h"
#include "store/unpack.h"

#include <errno.h>

#define TEXT_MAX (4 << 20)

static int read_text(int fd, const char *path, char **ret, struct error *err)
{
        cleanup_close int file = open_in_root(fd, path, O_RDONLY | O_NONBLOCK, 0, err);
        size_t len;

        return file < 0 ? -1 : fd_read_file(file, TEXT_MAX, ret, &len, err);
}

/* A tar becomes a folder below tmp/. Owners don't matter: COPY gives its own. */
static int unpack(struct build *b, struct build_context *c, struct stream *tar, struct error *err)
{
        cleanup_stream struct stream *plain = stream_new_decompressed(tar);
        struct unpack_options options = { .flags = UNPACK_CHOWN | UNPACK_REFUSE_DEVICES };

        c->fd = store_tmp_directory(b->store, &c->tmp_name, err);
        if (c->fd < 0)
                return -1;
        if (tar_unpack(c->fd, "/", plain, &options, NULL, err) < 0)
                return error_context(err, "context");
        return 0;
}

static int open_tar(struct build *b, struct error *err)
{
        cleanup_stream struct stream *own = NULL;
        int fd;

        if (b->request->tar)
                return unpack(b, &b->context, b->request->tar, err);
        if (b->request->n_fds == 0)
                return error_set(err, ERROR_INVALID, "the build's context is missing");
        fd = fcntl(b->request->fds[0], F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return error_errno(err, "dup");
        own = stream_new_fd(fd);
        return unpack(b, &b->context, own, err);
}

static int open_repository(struct build *b, struct build_context *c, const char *url, int folder,
                           struct error *err)
{
        cleanup_git_source struct git_source source = {};
        cleanup_free char *path = string_format("%s/tmp/%s", b->store->root, c->tmp_name), *commit = NULL,
                          *inside = NULL;
        const char *keep = strmap_get(&b->options->build_args, "BUILDKIT_CONTEXT_KEEP_GIT_DIR");
        bool keeps = false;

        if (git_source_parse(url, &source, err) < 0)
                return -1;
        keeps = source.keep_git == 1 || (keep && string_to_bool(keep, &keeps) == 0 && keeps);
        if (git_resolve(&source, NULL, &commit, err) < 0 ||
            git_checkout(&source, NULL, commit, path, "git", keeps, err) < 0)
                return error_context(err, "failed to fetch %s", url);
        inside = string_format("git/%s", source.subdir);
        c->fd = open_beneath(folder, inside, O_RDONLY | O_DIRECTORY, 0, err);
        return c->fd < 0 ? -1 : 0;
}

/* An archive, or (as `ret_text`, when that may be) a Dockerfile alone. */
static int open_download(struct build *b, struct build_context *c, const char *url, int folder,
                         char **ret_text, struct error *err)
{
        struct fetch fetch = { .url = url, .dirfd = folder, .as = "file" };
        cleanup_stream struct stream *tar = NULL;
        cleanup_free char *archive = NULL;
        struct fetched f;
        int r;

        if (fetch_look(b->store, &fetch, &f, err) < 0 || fetch_body(b->store, &fetch, &f, err) < 0)
                return error_context(err, "failed to load cache key");
        if (!source_is_archive(folder, "file") && ret_text)
                return read_text(folder, "file", ret_text, err);
        tar = stream_new_fd(openat(folder, "file", O_RDONLY | O_CLOEXEC));
        archive = take_ptr(c->tmp_name);
        r = unpack(b, c, tar, err);
        store_tmp_remove(b->store, archive);
        return r;
}

static int open_url(struct build *b, struct build_context *c, const char *url, char **ret_text,
                    struct error *err)
{
        cleanup_close int folder = store_tmp_directory(b->store, &c->tmp_name, err);

        if (folder < 0)
                return -1;
        if (url_is_git(url))
                return open_repository(b, c, url, folder, err);
        if (!url_is_file(url))
                return error_set(err, ERROR_INVALID, "unable to prepare context: %s is no URL", url);
        return open_download(b, c, url, folder, ret_text, err);
}

static int duplicate_folder(int fd, int *ret, struct error *err)
{
        int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (copy < 0)
                return error_errno(err, "the build's context");
        *ret = copy;
        return 0;
}

static int read_patterns(int fd, const char *given, struct path_matcher **ret, struct error *err)
{
        cleanup_free char *text = given ? xstrdup(given) : NULL;
        cleanup_strv char **patterns = NULL;

        if (!text && read_text(fd, ".dockerignore", &text, NULL) < 0)
                return 0;
        patterns = dockerignore_parse(text, strlen(text));
        return *patterns ? path_matcher_new(patterns, ret, err) : 0;
}

/* Further contexts: folders that the client passed, and URLs that are fetched when a stage needs them. */
static int open_further(struct build *b, size_t first, struct error *err)
{
        char *const *names = b->options->build_contexts;

        for (size_t i = 0; names && names[i]; i++) {
                const char *image = strmap_get(&b->options->image_contexts, names[i]);
                struct build_context c = { .name = xstrdup(names[i]),
                                           .fd = -1,
                                           .layout = image && string_after(image, BUILD_LAYOUT) };

                ARRAY_APPEND(b->more, b->n_more, c);
                if (first + i >= b->request->n_fds)
                        return error_set(err, ERROR_INVALID, "the context %s is missing", names[i]);
                if (duplicate_folder(b->request->fds[first + i], &b->more[i].fd, err) < 0 ||
                    (!c.layout && read_patterns(b->more[i].fd, NULL, &b->more[i].ignore, err) < 0))
                        return -1;
        }
        if (first + b->n_more + strv_length(b->options->ssh) > b->request->n_fds)
                return error_set(err, ERROR_INVALID, "the socket of an ssh agent is missing");
        b->ssh = b->request->fds + first + b->n_more;
        for (size_t i = 0; i < b->options->url_contexts.count; i++) {
                const struct strpair *pair = &b->options->url_contexts.pairs[i];
                struct build_context c = { .name = xstrdup(pair->key), .url = pair->value, .fd = -1 };

                ARRAY_APPEND(b->more, b->n_more, c);
        }
        return 0;
}

static int read_ignore(struct build *b, struct error *err)
{
        const char *given = b->options->dockerignore;

        if (!given && !streq(b->options->context, "directory"))
                return 0;
        return read_patterns(b->context.fd, given, &b->context.ignore, err);
}

static int read_dockerfile(struct build *b, struct error *err)
{
        const char *path =
            string_empty(b->options->dockerfile_path) ? "Dockerfile" : b->options->dockerfile_path;
        const char *name = b->options->dockerfile_name ? b->options->dockerfile_name : path;

        b->filename = xstrdup(strrchr(name, '/') ? strrchr(name, '/') + 1 : name);
        if (b->context.text_only)
                return 0;
        if (b->options->dockerfile && (*b->options->dockerfile || (!streq(b->options->context, "tar") &&
                                                                   !streq(b->options->context, "url")))) {
                b->text = xstrdup(b->options->dockerfile);
                return 0;
        }
        if (b->context.fd < 0 || read_text(b->context.fd, path, &b->text, NULL) < 0)
                return error_set(err, ERROR_INVALID,
                                 "failed to read dockerfile: open %s: no such file or directory", path);
        return 0;
}

int build_contexts_open(struct build *b, struct error *err)
{
        bool tar = streq(b->options->context, "tar"), directory = streq(b->options->context, "directory");
        size_t first = directory || (tar && !b->request->tar) ? 1 : 0;

        b->context.fd = -1;
        if (tar && open_tar(b, err) < 0)
                return -1;
        if (streq(b->options->context, "url") &&
            open_url(b, &b->context, b->options->context_url ? b->options->context_url : "", &b->text, err) <
                0)
                return -1;
        b->context.text_only = b->text != NULL;
        if (directory && b->request->n_fds == 0)
                return error_set(err, ERROR_INVALID, "the build's context is missing");
        if (directory && duplicate_folder(b->request->fds[0], &b->context.fd, err) < 0)
                return -1;
        return open_further(b, first, err) < 0 || read_dockerfile(b, err) < 0 ? -1 : read_ignore(b, err);
}

void build_context_close(struct build *b, struct build_context *c)
{
        if (c->fd >= 0)
                close(c->fd);
        if (c->tmp_name)
                store_tmp_remove(b->store, c->tmp_name);
        free(c->tmp_name);
        free(c->name);
        path_matcher_free(c->ignore);
}

void build_context_announce(struct build *b, struct build_context *c)
{
        struct vertex v;
        bool announced;

        pthread_mutex_lock(&b->lock);
        announced = c->announced;
        c->announced = true;
        pthread_mutex_unlock(&b->lock);
        if (announced)
                return;
        if (c->name)
                vertex_begin(b, &v, "[context %s] load from client", c->name);
        else
                vertex_begin(b, &v, "[internal] load build context");
        vertex_status(b, &v, "transferring context: 0B done"); /* it is read where it lies */
        vertex_done(b, &v);
}

static struct build_context *find_context(struct build *b, const char *name, bool layout)
{
        for (size_t i = 0; i < b->n_more; i++)
                if (strcasecmp(b->more[i].name, name) == 0 && b->more[i].layout == layout)
                        return &b->more[i];
        return NULL;
}

struct build_context *build_context_layout(struct build *b, const char *name)
{
        return find_context(b, name, true);
}

static int fetch_context(struct build *b, struct build_context *c, struct error *err)
{
        struct error failure = {};
        struct vertex v;

        vertex_begin(b, &v, "[context %s] %s", c->name, c->url);
        if (open_url(b, c, c->url, NULL, &failure) < 0) {
                vertex_failed(b, &v, &failure);
                return error_move(err, &failure);
        }
        c->announced = true;
        vertex_done(b, &v);
        return 0;
}

int build_context_find(struct build *b, const char *name, struct build_context **ret, struct error *err)
{
        static pthread_mutex_t fetching = PTHREAD_MUTEX_INITIALIZER;
        struct build_context *c = *ret = find_context(b, name, false);
        int r = 0;

        if (!c || !c->url)
                return 0;
        pthread_mutex_lock(&fetching);
        if (c->fd < 0)
                r = fetch_context(b, c, err);
        pthread_mutex_unlock(&fetching);
        return r;
}

int build_context_ignores(struct build_context *c, const char *path, bool *ret, struct error *err)
{
        *ret = false;
        return c->ignore && *path ? path_matcher_excludes(c->ignore, path, ret, err) : 0;
}
