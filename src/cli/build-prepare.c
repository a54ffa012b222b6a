/* From the flags of `build` to what the engine is asked for. The Dockerfile is read here, so that it may lie
 * anywhere; the context is opened here, and travels as a descriptor. */
#include "base/base64.h"
#include "base/fd.h"
#include "cli/build.h"
#include "cli/container-grammar.h"
#include "oci/reference.h"

#include <errno.h>
#include <sys/mman.h>

#define DOCKERFILE_TEXT_MAX (4 << 20)
#define SECRET_MAX 500000

void build_upload_deinit(struct build_upload *u)
{
        for (size_t i = 0; i < u->n_fds; i++)
                close(u->fds[i]);
        build_options_deinit(&u->options);
}

static int failed(struct error *err)
{
        return error_context(err, "failed to build");
}

/* ---- What davit does not have ---- */

static int refuse(const struct build_flags *f, struct error *err)
{
        const struct {
                bool given;
                const char *name;
        } missing[] = {
                { f->annotation != NULL, "--annotation" },
                { f->attest != NULL, "--attest" },
                { f->cache_from != NULL, "--cache-from" },
                { f->cache_to != NULL, "--cache-to" },
                { strv_length(f->output) > 1, "more than one --output" },
                { f->ssh != NULL, "--ssh" },

                { f->push, "--push" },
                { f->squash, "--squash" },
                { !string_empty(f->sbom) && !streq(f->sbom, "false"), "--sbom" },
                { !string_empty(f->provenance) && !streq(f->provenance, "false"), "--provenance" },
                { !string_empty(f->builder) && !streq(f->builder, "default"), "--builder" },
        };

        if (f->push && !f->tag)
                return error_set(err, ERROR_INVALID,
                                 "failed to build: tag is needed when pushing to registry");
        for (size_t i = 0; i < ARRAY_SIZE(missing); i++)
                if (missing[i].given)
                        return error_set(err, ERROR_UNSUPPORTED,
                                         "failed to build: %s is not supported by davit yet",
                                         missing[i].name);
        return 0;
}

/* ---- Small values ---- */

static bool has_upper(const char *s)
{
        for (; *s && *s != ':'; s++)
                if (*s >= 'A' && *s <= 'Z')
                        return true;
        return false;
}

static int set_tags(const struct build_flags *f, struct build_options *o, struct error *err)
{
        for (char **tag = f->tag; tag && *tag; tag++) {
                struct reference r = {};

                if (reference_parse(*tag, &r, NULL) < 0)
                        return error_set(err, ERROR_INVALID, "failed to build: invalid tag \"%s\": %s", *tag,
                                         has_upper(strrchr(*tag, '/') ? strrchr(*tag, '/') : *tag)
                                             ? "repository name must be lowercase"
                                             : "invalid reference format");
                reference_deinit(&r);
                strv_append(&o->tags, *tag);
        }
        return 0;
}

static int set_args(const struct build_flags *f, struct build_options *o, struct error *err)
{
        for (char **a = f->build_arg; a && *a; a++) {
                const char *equals = strchr(*a, '=');
                cleanup_free char *name = equals ? xstrndup(*a, (size_t)(equals - *a)) : xstrdup(*a);
                const char *value = equals ? equals + 1 : getenv(name);

                if (!*name)
                        return error_set(err, ERROR_INVALID, "invalid key-value pair \"%s\": empty key", *a);
                if (value)
                        strmap_set(&o->build_args, name, value);
        }
        for (char **l = f->label; l && *l; l++) {
                const char *equals = strchr(*l, '=');
                cleanup_free char *name = equals ? xstrndup(*l, (size_t)(equals - *l)) : xstrdup(*l);

                if (!*name)
                        return error_set(err, ERROR_INVALID, "invalid key-value pair \"%s\": empty key", *l);
                strmap_set(&o->labels, name, equals ? equals + 1 : "");
        }
        return 0;
}

static int set_hosts(const struct build_flags *f, struct build_options *o, struct error *err)
{
        for (char **h = f->add_host; h && *h; h++) {
                size_t len = strcspn(*h, "=:");

                if (len == 0 || !(*h)[len] || !(*h)[len + 1])
                        return error_set(err, ERROR_INVALID, "failed to build: invalid host %s", *h);
                strv_append_take(&o->extra_hosts, string_format("%.*s:%s", (int)len, *h, *h + len + 1));
        }
        for (char **u = f->ulimit; u && *u; u++) {
                struct ulimit limit = {};

                if (grammar_ulimit(*u, &limit, err) < 0)
                        return -1;
                ARRAY_APPEND(o->ulimits, o->n_ulimits, limit);
        }
        return 0;
}

struct secret_source {
        const char *id, *src, *env;
        bool type_env;
};

static int parse_secret(char *const *fields, const char *whole, struct secret_source *s, struct error *err)
{
        for (; *fields; fields++) {
                char *equals = strchr(*fields, '=');

                if (!equals)
                        return error_set(err, ERROR_INVALID, "invalid field '%s' must be a key=value pair",
                                         *fields);
                *equals = 0;
                if (streq(*fields, "type") && (streq(equals + 1, "file") || streq(equals + 1, "env")))
                        s->type_env = equals[1] == 'e';
                else if (streq(*fields, "id"))
                        s->id = equals + 1;
                else if (streq(*fields, "src") || streq(*fields, "source"))
                        s->src = equals + 1;
                else if (streq(*fields, "env"))
                        s->env = equals + 1;
                else
                        return error_set(err, ERROR_INVALID, "unexpected key '%s' in '%s=%s'", *fields,
                                         *fields, equals + 1);
        }
        (void)whole;
        return 0;
}

static int read_secret(const struct secret_source *s, char **ret, size_t *ret_len, struct error *err)
{
        const char *path = s->src ? s->src : s->id, *env = s->env        ? s->env
                                                           : s->type_env ? s->src ? s->src : s->id
                                                                         : NULL;
        struct stat st;

        if (!env && !s->src && getenv(s->id))
                env = s->id;
        if (env) {
                *ret = xstrdup(getenv(env) ? getenv(env) : "");
                *ret_len = strlen(*ret);
                return 0;
        }
        if (stat(path, &st) < 0)
                return error_set(err, ERROR_INVALID,
                                 "failed to build: failed to stat %s: stat %s: no such file or directory",
                                 path, path);
        return file_read(AT_FDCWD, path, SECRET_MAX, ret, ret_len, err);
}

static int set_secrets(const struct build_flags *f, struct build_options *o, struct error *err)
{
        for (char **text = f->secret; text && *text; text++) {
                cleanup_strv char **fields = strv_split(*text, ',');
                cleanup_free char *value = NULL;
                struct secret_source source = {};
                struct build_secret secret = {};
                size_t len = 0;

                if (parse_secret(fields, *text, &source, err) < 0)
                        return -1;
                if (string_empty(source.id))
                        return error_set(err, ERROR_INVALID, "failed to build: secret missing ID");
                if (read_secret(&source, &value, &len, err) < 0)
                        return -1;
                secret.id = xstrdup(source.id);
                secret.value = base64_encode(value, len, false);
                explicit_bzero(value, len);
                ARRAY_APPEND(o->secrets, o->n_secrets, secret);
        }
        return 0;
}

static int set_platform(const struct build_flags *f, struct build_options *o, struct error *err)
{
        size_t count = strv_length(f->platform);

        if (count > 1)
                return error_set(
                    err, ERROR_UNSUPPORTED,
                    "failed to build: Multi-platform build is not supported for the docker driver.");
        if (count)
                o->platform = xstrdup(f->platform[0]);
        return 0;
}

/* ---- Contexts ---- */

static int add_folder(struct build_upload *u, const char *path)
{
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -1;
        u->fds[u->n_fds++] = fd;
        return 0;
}

static int set_further_contexts(const struct build_flags *f, struct build_upload *u, struct error *err)
{
        for (char **c = f->build_context; c && *c; c++) {
                const char *equals = strchr(*c, '=');

                if (!equals)
                        return error_set(err, ERROR_INVALID, "invalid context value: %s, expected key=value",
                                         *c);
                if (equals == *c)
                        return error_set(err, ERROR_INVALID,
                                         "invalid context name : invalid reference format");
                if (string_after(equals + 1, "docker-image://")) {
                        cleanup_free char *name = xstrndup(*c, (size_t)(equals - *c));

                        strmap_set(&u->options.image_contexts, name,
                                   string_after(equals + 1, "docker-image://"));
                        continue;
                }
                if (strstr(equals, "://"))
                        return error_set(
                            err, ERROR_UNSUPPORTED,
                            "failed to build: a build context from a URL is not supported by davit yet: %s",
                            equals + 1);
                if (u->n_fds == ARRAY_SIZE(u->fds))
                        return error_set(err, ERROR_INVALID, "failed to build: too many build contexts");
                if (add_folder(u, equals + 1) < 0)
                        return error_set(err, ERROR_INVALID,
                                         "failed to build: failed to get build context %.*s: stat %s: no "
                                         "such file or directory",
                                         (int)(equals - *c), *c, equals + 1);
                strv_append_take(&u->options.build_contexts, xstrndup(*c, (size_t)(equals - *c)));
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

/* ---- The result ---- */

struct output {
        const char *type, *dest;
};

/* "dir", "-", "type=local,dest=dir". The fields are cut up in place. */
static int parse_output(char **fields, struct output *o, struct error *err)
{
        if (!strchr(fields[0], '=') && !fields[1]) {
                o->type = streq(fields[0], "-") ? "tar" : "local";
                o->dest = fields[0];
                return 0;
        }
        for (; *fields; fields++) {
                char *equals = strchr(*fields, '=');

                if (!equals)
                        return error_set(err, ERROR_INVALID, "failed to build: invalid value %s", *fields);
                *equals = 0;
                if (streq(*fields, "type"))
                        o->type = equals + 1;
                else if (streq(*fields, "dest"))
                        o->dest = equals + 1;
                else
                        return error_set(err, ERROR_UNSUPPORTED,
                                         "failed to build: --output with %s= is not supported by davit yet",
                                         *fields);
        }
        if (!o->type)
                return error_set(err, ERROR_INVALID, "failed to build: type is required for output");
        return 0;
}

static int open_output(const struct output *o, int *ret, struct error *err)
{
        if (streq(o->type, "tar") && (!o->dest || streq(o->dest, "-"))) {
                *ret = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        } else if (streq(o->type, "tar")) {
                *ret = open(o->dest, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        } else {
                if (directory_make(AT_FDCWD, o->dest, 0755, err) < 0)
                        return failed(err);
                *ret = open(o->dest, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        }
        if (*ret < 0) {
                error_errno(err, "%s", o->dest ? o->dest : "-");
                return failed(err);
        }
        return 0;
}

static int set_output(const struct build_flags *f, struct build_upload *u, struct error *err)
{
        cleanup_strv char **fields = f->output ? strv_split(f->output[0], ',') : NULL;
        struct output o = {};

        if (!fields)
                return 0;
        if (parse_output(fields, &o, err) < 0)
                return -1;
        if ((streq(o.type, "docker") || streq(o.type, "image")) && !o.dest)
                return 0;
        if (streq(o.type, "docker") || streq(o.type, "oci") || streq(o.type, "registry"))
                return error_set(err, ERROR_UNSUPPORTED,
                                 "failed to build: --output type=%s%s is not supported by davit yet", o.type,
                                 o.dest ? " with a destination" : "");
        if (!streq(o.type, "local") && !streq(o.type, "tar"))
                return error_set(err, ERROR_INVALID,
                                 "failed to build: failed to solve: exporter \"%s\" could not be found",
                                 o.type);
        if (streq(o.type, "local") && string_empty(o.dest))
                return error_set(err, ERROR_INVALID, "failed to build: dest is required for local exporter");
        if (streq(o.type, "local") && streq(o.dest, "-"))
                return error_set(err, ERROR_INVALID,
                                 "failed to build: dest cannot be stdout for local exporter");
        if (u->n_fds == ARRAY_SIZE(u->fds))
                return error_set(err, ERROR_INVALID, "failed to build: too many build contexts");
        if (open_output(&o, &u->fds[u->n_fds], err) < 0)
                return -1;
        u->n_fds++;
        u->options.output = xstrdup(o.type);
        return 0;
}

int build_prepare(const struct build_flags *f, const char *context, struct build_upload *ret,
                  struct error *err)
{
        struct build_options *o = &ret->options;

        if (f->no_cache && f->no_cache_filter)
                return error_set(
                    err, ERROR_INVALID,
                    "failed to build: --no-cache and --no-cache-filter cannot currently be used together");
        if (set_args(f, o, err) < 0 || set_secrets(f, o, err) < 0 || refuse(f, err) < 0 ||
            set_platform(f, o, err) < 0 || set_hosts(f, o, err) < 0 || set_tags(f, o, err) < 0)
                return -1;
        o->target = xstrdup(f->target);
        o->network = xstrdup(f->network);
        o->cgroup_parent = xstrdup(f->cgroup_parent);
        o->no_cache = f->no_cache;
        o->no_cache_filter = strv_copy(f->no_cache_filter);
        o->pull = f->pull;
        o->quiet = f->quiet;
        o->check = f->check || streq(f->call, "check");
        o->allow = strv_copy(f->allow);
        o->shm_size = f->shm_size;
        if (streq(context, "-") ? use_input(f, ret, err) < 0 : use_folder(f, context, ret, err) < 0)
                return -1;
        return set_further_contexts(f, ret, err) < 0 ? -1 : set_output(f, ret, err);
}
