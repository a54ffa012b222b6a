/* What COPY, ADD and bind mounts read: patterns to paths, paths to digests. */
#include "build/source-tree.h"

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

int source_digest(struct build *b, const struct copy_source *from, const char *path,
                  const struct copy_rules *rules, struct step_key *key, struct error *err)
{
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
                struct source_tree *tree;

                if (source_tree_scan(b, from, fd, path, rules, &tree, err) < 0)
                        return -1;
                step_key_tree(key, path, tree);
                return 0;
        }
        {
                struct digest digest;
                cleanup_free char *text = NULL;
                char hex[DIGEST_HEX_SIZE];

                if (build_file_digest(b, fd, &st, &digest, err) < 0)
                        return -1;
                digest_format_hex(&digest, hex);
                text = string_format("%s\t%o %s", path, st.st_mode, hex);
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
