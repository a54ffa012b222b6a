/* The build's contexts. The Dockerfile is read here, so that it may lie anywhere; folders are opened here,
 * and travel as descriptors. */
#include "base/fd.h"
#include "build/git.h"
#include "cli/build.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#define DOCKERFILE_TEXT_MAX (4 << 20)

static int failed(struct error *err)
{
        return error_context(err, "failed to build");
}

static int add_folder(struct build_upload *u, const char *path)
{
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -1;
        u->fds[u->n_fds++] = fd;
        return 0;
}

/* A folder: of files, or (`layout`) an image layout, "PATH[:TAG][@DIGEST]". */
static int add_further_folder(struct build_upload *u, const char *name, const char *value, bool layout,
                              struct error *err)
{
        cleanup_free char *path = layout ? xstrndup(value, strcspn(value, ":@")) : xstrdup(value);

        if (u->n_fds == ARRAY_SIZE(u->fds))
                return error_set(err, ERROR_INVALID, "failed to build: too many build contexts");
        if (add_folder(u, path) < 0)
                return error_set(err, ERROR_INVALID,
                                 "failed to build: failed to get build context %s: stat %s: %s", name, path,
                                 errno == ENOENT ? "no such file or directory" : "not a directory");
        strv_append(&u->options.build_contexts, name);
        return 0;
}

/* One NAME=VALUE of --build-context. */
static int add_further(struct build_upload *u, const char *name, const char *value, struct error *err)
{
        const char *image = string_after(value, "docker-image://"),
                   *layout = string_after(value, BUILD_LAYOUT);

        if (image) {
                strmap_set(&u->options.image_contexts, name, image);
                return 0;
        }
        if (layout) {
                strmap_set(&u->options.image_contexts, name, value);
                return add_further_folder(u, name, layout, true, err);
        }
        if (url_is_git(value) || string_after(value, "http://") || string_after(value, "https://")) {
                strmap_set(&u->options.url_contexts, name, value);
                return 0;
        }
        if (string_after(value, "target:"))
                return error_set(err, ERROR_INVALID,
                                 "failed to build: failed to solve: unsupported context source target for %s",
                                 name);
        return add_further_folder(u, name, value, false, err);
}

static int set_further_contexts(const struct build_flags *f, struct build_upload *u, struct error *err)
{
        for (char **c = f->build_context; c && *c; c++) {
                const char *equals = strchr(*c, '=');
                cleanup_free char *name = NULL;

                if (!equals)
                        return error_set(err, ERROR_INVALID, "invalid context value: %s, expected key=value",
                                         *c);
                if (equals == *c)
                        return error_set(err, ERROR_INVALID,
                                         "invalid context name : invalid reference format");
                name = xstrndup(*c, (size_t)(equals - *c));
                if (add_further(u, name, equals + 1, err) < 0)
                        return -1;
        }
        return 0;
}

/* All of standard input in memory: its beginning tells what it is, and the engine reads it again. */
static int read_input(int *ret, struct error *err)
{
        cleanup_close int fd = memfd_create("context", MFD_CLOEXEC);
        char buffer[65536];
        ssize_t n;

        if (fd < 0)
                return error_errno(err, "memfd_create");
        while ((n = read(STDIN_FILENO, buffer, sizeof(buffer))) > 0)
                if (fd_write_all(fd, buffer, (size_t)n) < 0)
                        return error_errno(err, "standard input");
        if (n < 0)
                return error_errno(err, "standard input");
        lseek(fd, 0, SEEK_SET);
        *ret = take_fd(fd);
        return 0;
}

static bool is_archive(int fd)
{
        static const struct {
                const char *magic;
                size_t len;
        } magics[] = { { "\x1f\x8b", 2 },
                       { "BZh", 3 },
                       { "\xfd"
                         "7zXZ",
                         5 },
                       { "\x28\xb5\x2f\xfd", 4 } };
        unsigned char head[512] = {};
        unsigned sum = 0;
        ssize_t n = pread(fd, head, sizeof(head), 0);

        for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
                if (n >= 10 && memcmp(head, magics[i].magic, magics[i].len) == 0)
                        return true;
        if (n < 512 || !head[0])
                return false;
        for (size_t i = 0; i < sizeof(head); i++) /* a tar's checksum counts itself as blanks */
                sum += i >= 148 && i < 156 ? ' ' : head[i];
        return strtoul((const char *)head + 148, NULL, 8) == sum;
}

static int set_text_from(int fd, struct build_options *o, struct error *err)
{
        size_t len;

        if (fd_read_file(fd, DOCKERFILE_TEXT_MAX, &o->dockerfile, &len, err) < 0)
                return failed(err);
        if (strlen(o->dockerfile) != len)
                return error_set(err, ERROR_INVALID,
                                 "failed to build: failed to solve: the Dockerfile holds a NUL character");
        o->dockerfile_name = xstrdup("Dockerfile");
        return 0;
}

static int use_input(const struct build_flags *f, struct build_upload *u, struct error *err)
{
        cleanup_close int fd = -1;

        if (streq(f->file, "-"))
                return error_set(err, ERROR_INVALID,
                                 "failed to build: invalid argument: can't use stdin for both build context "
                                 "and dockerfile");
        if (read_input(&fd, err) < 0)
                return failed(err);
        if (!is_archive(fd)) {
                u->options.context = xstrdup("none");
                return set_text_from(fd, &u->options, err);
        }
        u->options.context = xstrdup("tar");
        u->options.dockerfile_path = xstrdup(f->file);
        u->fds[u->n_fds++] = take_fd(fd);
        return 0;
}

/* The Dockerfile's own list of ignored files is preferred to the context's. */
static int read_ignore(const char *dockerfile, const char *context, struct build_options *o,
                       struct error *err)
{
        cleanup_free char *own = dockerfile ? string_format("%s.dockerignore", dockerfile) : NULL,
                          *common = string_format("%s/.dockerignore", context);
        const char *path = own && access(own, F_OK) == 0 ? own : access(common, F_OK) == 0 ? common : NULL;
        size_t len;

        if (!path) {
                o->dockerignore = xstrdup("");
                return 0;
        }
        return file_read(AT_FDCWD, path, DOCKERFILE_TEXT_MAX, &o->dockerignore, &len, err) < 0 ? failed(err)
                                                                                               : 0;
}

static char *default_dockerfile(const char *context)
{
        cleanup_free char *path = string_format("%s/Dockerfile", context),
                          *lower = string_format("%s/dockerfile", context);

        return access(path, F_OK) < 0 && access(lower, F_OK) == 0 ? take_ptr(lower) : take_ptr(path);
}

static int read_dockerfile(const struct build_flags *f, const char *context, struct build_options *o,
                           struct error *err)
{
        cleanup_free char *path = f->file ? xstrdup(f->file) : default_dockerfile(context);
        cleanup_close int fd = -1;
        const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

        if (f->dockerfile_text) {
                o->dockerfile = xstrdup(f->dockerfile_text);
                o->dockerfile_name = xstrdup("Dockerfile");
                return read_ignore(NULL, context, o, err);
        }
        if (streq(f->file, "-")) {
                if (set_text_from(STDIN_FILENO, o, err) < 0)
                        return -1;
                return read_ignore(NULL, context, o, err);
        }
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return error_set(err, ERROR_INVALID,
                                 "failed to build: failed to solve: failed to read dockerfile: open %s: %s",
                                 f->file ? f->file : "Dockerfile",
                                 errno == ENOENT ? "no such file or directory" : strerror(errno));
        if (set_text_from(fd, o, err) < 0)
                return -1;
        replace_string(&o->dockerfile_name, base);
        return read_ignore(path, context, o, err);
}

static int use_folder(const struct build_flags *f, const char *context, struct build_upload *u,
                      struct error *err)
{
        if (strstr(context, "://") || string_after(context, "git@") || string_after(context, "github.com/")) {
                u->options.context = xstrdup("url");
                u->options.context_url = xstrdup(context);
                u->options.dockerfile_path = xstrdup(f->file);
                return 0;
        }
        if (add_folder(u, context) < 0)
                return error_set(err, ERROR_INVALID,
                                 "failed to build: unable to prepare context: path \"%s\" not found",
                                 context);
        u->options.context = xstrdup("directory");
        return read_dockerfile(f, context, &u->options, err);
}

/* The folders of caches come behind the contexts. One that is not there yet does no harm. */
static int add_caches(struct build_upload *u, struct error *err)
{
        struct build_options *o = &u->options;
        size_t kept = 0;

        for (size_t i = 0; i < o->n_cache_from; i++) {
                struct build_entry e = o->cache_from[i];
                const char *src = strmap_get(&e.attributes, "src") ?: "";

                if (u->n_fds == ARRAY_SIZE(u->fds))
                        return error_set(err, ERROR_INVALID, "failed to build: too many build contexts");
                if (streq(e.type, "local") && add_folder(u, src) < 0) {
                        fprintf(stderr, "WARNING: local cache import at %s not found due to err: %s\n", src,
                                strerror(errno));
                        build_entry_deinit(&e);
                        continue;
                }
                o->cache_from[kept++] = e;
        }
        o->n_cache_from = kept;
        return 0;
}

int build_contexts(const struct build_flags *f, const char *context, struct build_upload *u,
                   struct error *err)
{
        if (streq(context, "-") ? use_input(f, u, err) < 0 : use_folder(f, context, u, err) < 0)
                return -1;
        return set_further_contexts(f, u, err) < 0 ? -1 : add_caches(u, err);
}
