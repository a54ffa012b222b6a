/* What COPY, ADD and bind mounts read: patterns to paths, paths to digests. */
#include "build/build-internal.h"

#include "base/path.h"
#include "store/tar.h"

#include <errno.h>

static int not_found(const char *path, struct error *err)
{
        return error_set(
            err, ERROR_INVALID,
            "failed to compute cache key: failed to calculate checksum of ref davit::context: \"/%s\": not "
            "found",
            path);
}

static bool has_wildcard(const char *s)
{
        for (; *s; s++) {
                if (*s == '\\' && s[1])
                        s++;
                else if (strchr("*?[", *s))
                        return true;
        }
        return false;
}

static int is_ignored(const struct copy_source *from, const char *path, bool *ret, struct error *err)
{
        *ret = false;
        return from->context ? build_context_ignores(from->context, path, ret, err) : 0;
}

/* Is there something at `path` that a build may see? An ignored folder counts while something in it may come
 * back. */
static int is_there(const struct copy_source *from, const char *path, bool *ret, struct error *err)
{
        cleanup_close int fd = open_in_root(from->root, *path ? path : ".", O_PATH, 0, NULL);
        struct stat st;
        bool out;

        *ret = false;
        if (fd < 0)
                return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0
                                                                             : error_errno(err, "%s", path);
        if (is_ignored(from, path, &out, err) < 0 || fstat(fd, &st) < 0)
                return -1;
        *ret = !out || (S_ISDIR(st.st_mode) && path_matcher_has_exceptions(from->context->ignore));
        return 0;
}

/* One component of a pattern against the folder that was reached so far. */
static int expand_component(const struct copy_source *from, const char *folder, const char *pattern,
                            char ***ret, struct error *err)
{
        cleanup_close int fd =
            open_in_root(from->root, *folder ? folder : ".", O_RDONLY | O_DIRECTORY, 0, NULL);
        cleanup_closedir DIR *dir = NULL;
        struct dirent *e;

        if (fd < 0)
                return 0;
        if (directory_list(fd, ".", &dir, err) < 0)
                return -1;
        while ((e = readdir(dir))) {
                cleanup_free char *path = NULL;
                bool there;
                int hit;

                if (streq(e->d_name, ".") || streq(e->d_name, ".."))
                        continue;
                hit = path_glob(pattern, e->d_name);
                if (hit < 0)
                        return error_set(err, ERROR_INVALID, "syntax error in pattern");
                if (hit == 0)
                        continue;
                path = string_format("%s%s%s", folder, *folder ? "/" : "", e->d_name);
                if (is_there(from, path, &there, err) < 0)
                        return -1;
                if (there)
                        strv_append(ret, path);
        }
        return 0;
}

static int expand_wildcards(const struct copy_source *from, const char *pattern, char ***ret,
                            struct error *err)
{
        cleanup_strv char **parts = strv_split(pattern, '/'), **at = strv_new();

        strv_append(&at, "");
        for (char **part = parts; *part; part++) {
                cleanup_strv char **next = strv_new();

                for (char **folder = at; *folder; folder++) {
                        if (has_wildcard(*part)) {
                                if (expand_component(from, *folder, *part, &next, err) < 0)
                                        return -1;
                        } else {
                                strv_append_take(
                                    &next, string_format("%s%s%s", *folder, **folder ? "/" : "", *part));
                        }
                }
                strv_free(at);
                at = take_ptr(next);
        }
        strv_sort(at);
        for (char **path = at; *path; path++) {
                bool there;

                if (is_there(from, *path, &there, err) < 0)
                        return -1;
                if (there)
                        strv_append(ret, *path);
        }
        return 0;
}

int source_resolve(const struct copy_source *from, const char *pattern, char ***ret, struct error *err)
{
        cleanup_free char *rooted = string_format("/%s", pattern), *clean = path_clean(rooted);
        const char *path = clean + 1;
        bool there;

        if (has_wildcard(path))
                return expand_wildcards(from, path, ret, err);
        if (is_there(from, path, &there, err) < 0)
                return -1;
        if (!there)
                return not_found(path, err);
        strv_append(ret, path);
        return 0;
}

struct digester {
        struct build *b;
        const struct copy_rules *rules;
        struct step_key *key;
        char **pending; /* folders that count with the first entry in them: name, mode, … */
};

static int digest_file(struct digester *d, int dirfd, const char *name, const struct stat *st,
                       struct error *err)
{
        cleanup_close int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        struct digest digest;
        char hex[DIGEST_HEX_SIZE];

        if (fd < 0)
                return error_errno(err, "open %s", name);
        if (build_file_digest(d->b, fd, st, &digest, err) < 0)
                return -1;
        digest_format_hex(&digest, hex);
        step_key_add(d->key, "content", hex);
        return 0;
}

static int digest_entry(struct digester *d, int dirfd, const char *name, const char *source,
                        const char *inner, struct error *err);

static int digest_folder(struct digester *d, int fd, const char *source, const char *inner, struct error *err)
{
        cleanup_closedir DIR *dir = NULL;
        cleanup_strv char **names = strv_new();
        struct dirent *e;

        if (directory_list(fd, ".", &dir, err) < 0)
                return -1;
        while ((e = readdir(dir)))
                if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
                        strv_append(&names, e->d_name);
        strv_sort(names);
        for (char **n = names; *n; n++) {
                cleanup_free char *child = string_format("%s%s%s", source, *source ? "/" : "", *n);
                cleanup_free char *below = string_format("%s%s%s", inner, *inner ? "/" : "", *n);

                if (digest_entry(d, fd, *n, child, below, err) < 0)
                        return -1;
        }
        return 0;
}

static void digest_link(struct digester *d, int dirfd, const char *name)
{
        char target[PATH_MAX];
        ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

        target[MAX(n, 0)] = 0;
        step_key_add(d->key, "link", target);
}

/* A folder that is left out itself counts when something in it does not. */
static int digest_left_out(struct digester *d, int fd, const char *source, const char *inner,
                           const char *mode, struct error *err)
{
        size_t before = strv_length(d->pending), after;

        strv_append(&d->pending, inner);
        strv_append(&d->pending, mode);
        if (digest_folder(d, fd, source, inner, err) < 0)
                return -1;
        after = strv_length(d->pending);
        for (size_t i = before; i < after; i++) { /* nothing was in it */
                free(d->pending[i]);
                d->pending[i] = NULL;
        }
        return 0;
}

static void digest_name(struct digester *d, const char *inner, const char *mode)
{
        for (char **p = d->pending; p && *p; p += 2)
                step_key_add(d->key, p[0], p[1]);
        strv_free(d->pending);
        d->pending = NULL;
        step_key_add(d->key, inner, mode);
}

static int digest_entry(struct digester *d, int dirfd, const char *name, const char *source,
                        const char *inner, struct error *err)
{
        cleanup_close int fd = -1;
        char mode[32];
        struct stat st;
        bool out;

        if (copy_leaves_out(d->rules, source, inner, &out, err) < 0)
                return -1;
        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return error_errno(err, "%s", name);
        if (out && (!S_ISDIR(st.st_mode) || !copy_may_come_back(d->rules)))
                return 0;
        snprintf(mode, sizeof(mode), "%o %llx", st.st_mode, (unsigned long long)st.st_rdev);
        if (!out)
                digest_name(d, inner, mode);
        if (S_ISREG(st.st_mode))
                return digest_file(d, dirfd, name, &st, err);
        if (S_ISLNK(st.st_mode))
                digest_link(d, dirfd, name);
        if (!S_ISDIR(st.st_mode))
                return 0;
        fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return error_errno(err, "open %s", name);
        return out ? digest_left_out(d, fd, source, inner, mode, err)
                   : digest_folder(d, fd, source, inner, err);
}

int source_digest(struct build *b, const struct copy_source *from, const char *path,
                  const struct copy_rules *rules, struct step_key *key, struct error *err)
{
        struct digester d = { b, rules, key, NULL };
        cleanup_close int fd = -1;
        struct stat st;

        step_key_add(key, "source", path);
        if (!from->context) {
                char hex[DIGEST_HEX_SIZE];

                digest_format_hex(&from->chain, hex);
                step_key_add(key, "layers", hex);
                return 0;
        }
        fd = open_in_root(from->root, *path ? path : ".", O_RDONLY | O_NONBLOCK, 0, err);
        if (fd < 0)
                return -1;
        if (fstat(fd, &st) < 0)
                return error_errno(err, "%s", path);
        if (S_ISDIR(st.st_mode)) {
                int r;

                step_key_add(key, "folder", NULL);
                r = digest_folder(&d, fd, path, "", err);
                strv_free(d.pending);
                return r;
        }
        {
                struct digest digest;
                char text[32 + DIGEST_HEX_SIZE], hex[DIGEST_HEX_SIZE];

                if (build_file_digest(b, fd, &st, &digest, err) < 0)
                        return -1;
                digest_format_hex(&digest, hex);
                snprintf(text, sizeof(text), "%o %s", st.st_mode, hex);
                step_key_add(key, "file", text);
        }
        return 0;
}

bool source_is_archive(int root, const char *path)
{
        cleanup_close int fd = open_in_root(root, *path ? path : ".", O_RDONLY | O_NONBLOCK, 0, NULL);
        cleanup_stream struct stream *file = NULL, *plain = NULL;
        cleanup_tar_reader struct tar_reader *reader = NULL;
        const struct tar_entry *entry;
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < 20)
                return false;
        file = stream_new_fd(take_fd(fd));
        plain = stream_new_decompressed(file);
        reader = tar_reader_new(plain, NULL);
        return tar_reader_next(reader, &entry, NULL) > 0;
}
