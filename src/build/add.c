/* What ADD does and COPY does not: archives, URLs, repositories. */
#include "build/copy-internal.h"

#include "base/base64.h"
#include "store/tar.h"
#include "store/unpack.h"

static void remote_deinit(struct copy_remote *r)
{
        if (r->header)
                explicit_bzero(r->header, strlen(r->header));
        free(r->url);
        free(r->header);
        free(r->as);
        free(r->commit);
        git_source_deinit(&r->git);
}

void add_deinit(struct copy_work *w)
{
        for (size_t i = 0; i < w->n_remotes; i++)
                remote_deinit(&w->remotes[i]);
        free(w->remotes);
        if (w->tmp_fd >= 0)
                close(w->tmp_fd);
        if (w->tmp_name)
                store_tmp_remove(w->build->store, w->tmp_name);
        free(w->tmp_name);
}

/* "https://user@host:1/path" → "host:1"; heap. */
static char *host_of(const char *url)
{
        const char *start = strstr(url, "://") ? strstr(url, "://") + 3 : url, *at;
        size_t len = strcspn(start, "/?#");

        at = memchr(start, '@', len);
        return at ? xstrndup(at + 1, len - (size_t)(at + 1 - start)) : xstrndup(start, len);
}

/* The header that secrets of known names give for a host; heap, NULL. */
static char *find_header(const struct build *b, const char *url, bool git)
{
        cleanup_free char *host = host_of(url), *dotted = string_format(".%s", host), *value = NULL,
                          *header = NULL, *pair = NULL;

        header = git ? build_secret_text(b, "GIT_AUTH_HEADER", dotted)
                     : build_secret_text(b, "HTTP_AUTH_HEADER_", host);
        if (!header && git)
                header = build_secret_text(b, "GIT_AUTH_HEADER", "");
        if (header)
                return string_format("Authorization: %s", header);
        value = git ? build_secret_text(b, "GIT_AUTH_TOKEN", dotted)
                    : build_secret_text(b, "HTTP_AUTH_TOKEN_", host);
        if (!value && git)
                value = build_secret_text(b, "GIT_AUTH_TOKEN", "");
        if (!value)
                return NULL;
        if (!git)
                return string_format("Authorization: Bearer %s", value);
        pair = string_format("x-access-token:%s", value);
        header = base64_encode(pair, strlen(pair), false);
        return string_format("Authorization: basic %s", header);
}

int add_take_url(struct copy_work *w, const char *text, struct error *err)
{
        struct copy_remote r = { .fetched.mtime = 0 };
        bool git = url_is_git(text);
        struct digest digest;

        if (!git && !url_is_file(text))
                return 0;
        if (!git && !string_empty(w->checksum) && digest_parse(w->checksum, &digest, err) < 0)
                return -1;
        if (git && git_source_parse(text, &r.git, err) < 0)
                return -1;
        r.url = xstrdup(text);
        r.as = string_format("%zu", w->n_remotes);
        r.header = find_header(w->build, text, git);
        ARRAY_APPEND(w->remotes, w->n_remotes, r);
        return 1;
}

static struct fetch fetch_of(const struct copy_work *w, const struct copy_remote *r)
{
        return (struct fetch){
                .url = r->url, .checksum = w->checksum, .header = r->header, .dirfd = w->tmp_fd, .as = r->as
        };
}

static bool keeps_git(const struct copy_work *w, const struct copy_remote *r)
{
        return w->instruction->keep_git_dir >= 0 ? w->instruction->keep_git_dir : r->git.keep_git == 1;
}

static int look_at_repository(struct copy_work *w, struct copy_remote *r, struct step_key *key,
                              struct error *err)
{
        if (!string_empty(w->checksum))
                replace_string(&r->git.checksum, w->checksum);
        if (git_resolve(&r->git, r->header, &r->commit, err) < 0)
                return -1;
        step_key_add(key, "repository", r->git.remote);
        step_key_add(key, "commit", r->commit);
        step_key_add(key, "subdir", r->git.subdir);
        step_key_add(key, "git", keeps_git(w, r) ? "kept" : "dropped");
        step_key_add(key, "submodules", r->git.submodules ? "yes" : "no");
        return 0;
}

static int look_at_file(struct copy_work *w, struct copy_remote *r, struct step_key *key, struct error *err)
{
        struct fetch f = fetch_of(w, r);
        cleanup_free char *name = url_file_name(r->url);
        char hex[DIGEST_HEX_SIZE], time[32];

        if (fetch_look(w->build->store, &f, &r->fetched, err) < 0)
                return -1;
        digest_format_hex(&r->fetched.digest, hex);
        snprintf(time, sizeof(time), "%lld", (long long)r->fetched.mtime);
        step_key_add(key, name, hex);
        step_key_add(key, "modified", time);
        return 0;
}

int add_look(struct copy_work *w, struct step_key *key, struct error *err)
{
        if (!w->n_remotes)
                return 0;
        w->tmp_fd = store_tmp_directory(w->build->store, &w->tmp_name, err);
        if (w->tmp_fd < 0)
                return -1;
        for (size_t i = 0; i < w->n_remotes; i++) {
                struct copy_remote *r = &w->remotes[i];

                if (r->git.remote ? look_at_repository(w, r, key, err) < 0 : look_at_file(w, r, key, err) < 0)
                        return error_context(err, "failed to load cache key");
        }
        return 0;
}

int add_archive(struct copy_work *w, int from, const char *path, int root, int64_t mtime, struct error *err)
{
        cleanup_stream struct stream *file = NULL, *plain = NULL;
        struct unpack_options options = { .flags = w->rules.chown ? UNPACK_CHOWN : 0,
                                          .uid = w->rules.uid,
                                          .gid = w->rules.gid };
        int fd = open_in_root(from, path, O_RDONLY, 0, err);

        if (fd < 0)
                return -1;
        file = stream_new_fd(fd);
        plain = stream_new_decompressed(file);
        if (copy_make_directory(root, w->dest,
                                &(struct copy_folder){ w->rules.uid, w->rules.gid, 0755, mtime }, err) < 0)
                return -1;
        return tar_unpack(root, w->dest, plain, &options, NULL, err);
}

static int add_repository(struct copy_work *w, struct copy_remote *r, int root, struct error *err)
{
        cleanup_free char *path = string_format("%s/tmp/%s", w->build->store->root, w->tmp_name),
                          *folder = string_format("%s/%s", r->as, r->git.subdir);
        struct copy_rules rules = w->rules;

        rules.ignore = NULL;
        if (git_checkout(&r->git, r->header, r->commit, path, r->as, keeps_git(w, r), err) < 0)
                return -1;
        return copy_tree(w->tmp_fd, folder, root, w->dest, &rules, err);
}

/* A file of mode 600 unless told otherwise, unpacked only on demand. */
static int add_file(struct copy_work *w, struct copy_remote *r, int root, int64_t mtime, struct error *err)
{
        struct copy_rules rules = w->rules;
        struct fetch f = fetch_of(w, r);
        cleanup_free char *name = url_file_name(r->url), *dest = NULL;

        if (fetch_body(w->build->store, &f, &r->fetched, err) < 0)
                return -1;
        if (w->instruction->unpack == 1 && source_is_archive(w->tmp_fd, r->as))
                return add_archive(w, w->tmp_fd, r->as, root, mtime, err);
        rules.ignore = rules.exclude = NULL;
        dest = string_format("%s%s", w->dest, string_ends_with(w->dest, "/") ? name : "");
        return copy_tree(w->tmp_fd, r->as, root, dest, &rules, err);
}

int add_remotes(struct copy_work *w, int root, int64_t mtime, struct error *err)
{
        for (size_t i = 0; i < w->n_remotes; i++) {
                struct copy_remote *r = &w->remotes[i];

                if (r->commit ? add_repository(w, r, root, err) < 0 : add_file(w, r, root, mtime, err) < 0)
                        return -1;
        }
        return 0;
}
