/* RUN --mount: bind (from the context, a stage, an image), cache, tmpfs, secret. */
#include "build/run-internal.h"
#include "build/ssh.h"

#include "base/hash.h"
#include "base/path.h"
#include "base/time.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/random.h>

#define SECRET_MAX 500000
#define LOCK_INTERVAL 20 /* ms between two looks at a cache mount that another run has */

static char *target_of(const struct stage_state *s, const struct run_mount *m)
{
        if (!string_empty(m->target))
                return build_absolute(s, m->target, false);
        if (m->type == MOUNT_SECRET) {
                const char *name = string_empty(m->source) ? m->id : m->source, *base = strrchr(name, '/');

                return string_format("/run/secrets/%s", base ? base + 1 : name);
        }
        return build_absolute(s, "", false);
}

/* The folder of places to mount on is the lowest of all. */
static int open_stubs(struct step_tree *t, struct run_work *w, struct error *err)
{
        if (w->stubs)
                return 0;
        if (mkdirat(t->dirfd, "places", 0755) < 0)
                return error_errno(err, "mkdir");
        w->stubs = string_format("%s/places", t->path);
        strv_append(&w->lowers, w->stubs);
        return 0;
}

int run_mount_point(struct step_tree *t, struct run_work *w, const char *path, bool folder, struct error *err)
{
        const struct copy_folder place = { .mode = 0755 };
        cleanup_free char *parent = xstrdup(path);
        cleanup_close int root = -1, file = -1;
        char *slash = strrchr(parent, '/');

        if (open_stubs(t, w, err) < 0)
                return -1;
        root = directory_open(t->dirfd, "places", err);
        if (root < 0)
                return -1;
        if (folder)
                return copy_make_directory(root, path, &place, err);
        *slash = 0;
        if (copy_make_directory(root, parent, &place, err) < 0)
                return -1;
        file = open_in_root(root, path, O_WRONLY | O_CREAT, 0644, err);
        return file < 0 ? -1 : 0;
}

/* Where a bind mount's or a cache's files come from. */
static int open_source(struct build *b, struct stage_state *s, const struct run_mount *m,
                       struct copy_source *ret, struct error *err)
{
        struct stage_state *stage;
        struct image *image;

        *ret = (struct copy_source){ .root = -1, .context = &b->context };
        if (!string_empty(m->from)) {
                if (build_from_resolve(b, s, m->from, &stage, &ret->context, &image, err) < 0)
                        return -1;
                if (!ret->context) {
                        const struct digest *ids = stage ? stage->diff_ids : image->diff_ids;
                        size_t count = stage ? stage->n_diff_ids : image->n_diff_ids;

                        digest_chain(ids, count, &ret->chain);
                        ret->root = build_view(b, ids, count, err);
                        return ret->root < 0 ? -1 : 0;
                }
        }
        ret->root = ret->context->fd;
        if (ret->root < 0)
                return error_set(err, ERROR_INVALID, "failed to compute cache key: the build has no context");
        return 0;
}

static void close_source(struct copy_source *from)
{
        if (!from->context && from->root >= 0)
                close(from->root);
}
#define cleanup_source __attribute__((cleanup(close_source)))

static int source_path(const struct copy_source *from, const struct run_mount *m, char **ret,
                       struct error *err)
{
        cleanup_strv char **paths = strv_new();
        const char *source = string_empty(m->source) ? "/" : m->source;

        /* No wildcards here: a name with one in it is not found. */
        if (source_resolve(from, source, &paths, err) < 0)
                return -1;
        if (!*paths)
                return error_set(err, ERROR_INVALID, "failed to compute cache key: \"%s\": not found",
                                 source);
        *ret = xstrdup(paths[0]);
        return 0;
}

int run_mounts_key(struct build *b, struct stage_state *s, struct run_work *w, struct step_key *key,
                   struct error *err)
{
        for (size_t i = 0; i < w->n_mounts; i++) {
                const struct run_mount *m = &w->mounts[i];
                cleanup_source struct copy_source from = { .root = -1, .context = &b->context };
                struct copy_rules rules = {};
                cleanup_free char *path = NULL;

                if (m->type != MOUNT_BIND)
                        continue;
                if (open_source(b, s, m, &from, err) < 0 || source_path(&from, m, &path, err) < 0)
                        return -1;
                if (from.context) {
                        build_context_announce(b, from.context);
                        rules.ignore = from.context->ignore;
                }
                if (source_digest(b, &from, path, &rules, key, err) < 0)
                        return -1;
        }
        return 0;
}

/* The path by which another process of this host sees a folder, if it sees the same one. */
static bool visible_path(int fd, char ret[PATH_MAX])
{
        cleanup_free char *link = string_format("/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, ret, PATH_MAX - 1);
        struct stat by_path, by_fd;

        if (n <= 0)
                return false;
        ret[n] = 0;
        return stat(ret, &by_path) == 0 && fstat(fd, &by_fd) == 0 && by_path.st_dev == by_fd.st_dev &&
               by_path.st_ino == by_fd.st_ino;
}

/* A copy below the step's folder: for what may be written to, has ignored files in it, or lies in layers. */
static int copy_source_for(struct step_tree *t, const struct copy_source *from, const char *path,
                           size_t number, char **ret, bool *ret_folder, struct error *err)
{
        struct copy_rules rules = { .keep_owner = true,
                                    .ignore = from->context ? from->context->ignore : NULL };
        cleanup_free char *name = string_format("bind-%zu", number);
        cleanup_close int folder = -1, source = open_in_root(from->root, *path ? path : ".", O_PATH, 0, err);
        struct stat st;

        if (source < 0)
                return -1;
        if (fstat(source, &st) < 0 || mkdirat(t->dirfd, name, 0755) < 0)
                return error_errno(err, "mount");
        folder = directory_open(t->dirfd, name, err);
        if (folder < 0 || copy_tree(from->root, *path ? path : ".", folder, "/content", &rules, err) < 0)
                return -1;
        *ret = string_format("%s/%s/content", t->path, name);
        *ret_folder = S_ISDIR(st.st_mode);
        return 0;
}

static int add_bind(struct build *b, struct stage_state *s, struct step_tree *t, struct run_work *w,
                    const struct run_mount *m, const char *target, struct oci_spec *spec, struct error *err)
{
        const char *const options[] = { "rbind", "rprivate", m->read_only ? "ro" : "rw", NULL };
        cleanup_source struct copy_source from = { .root = -1, .context = &b->context };
        cleanup_free char *path = NULL, *copy = NULL;
        cleanup_close int source = -1;
        char real[PATH_MAX];
        struct stat st;
        bool is_folder = true;

        if (open_source(b, s, m, &from, err) < 0 || source_path(&from, m, &path, err) < 0 || !path)
                return -1;
        source = open_in_root(from.root, *path ? path : ".", O_PATH, 0, err);
        if (source < 0)
                return -1;
        if (m->read_only && from.context && !from.context->ignore && visible_path(source, real)) {
                is_folder = fstat(source, &st) == 0 && S_ISDIR(st.st_mode);
                run_add_mount(spec, target, "bind", real, NULL, options);
                return run_mount_point(t, w, target, is_folder, err);
        }
        if (copy_source_for(t, &from, path, w->n_files++, &copy, &is_folder, err) < 0)
                return -1;
        run_add_mount(spec, target, "bind", copy, NULL, options);
        return run_mount_point(t, w, target, is_folder, err);
}

/* Takes the cache as its sharing says: -1 without `err` means that another build has it (private). */
static int lock_cache(struct build *b, int fd, enum mount_sharing sharing, struct run_work *w,
                      struct error *err)
{
        int lock = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (lock < 0)
                return error_errno(err, "cache");
        while (flock(lock, (sharing == MOUNT_SHARED ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0) {
                bool busy = errno == EWOULDBLOCK;

                if (busy && sharing != MOUNT_PRIVATE && build_pause(b, LOCK_INTERVAL, err) == 0)
                        continue;
                if (!busy)
                        error_errno(err, "cache");
                close(lock);
                return -1;
        }
        ARRAY_APPEND(w->locks, w->n_locks, lock);
        return 0;
}

static int seed_cache(struct build *b, struct stage_state *s, const struct run_mount *m, int folder,
                      struct error *err)
{
        cleanup_source struct copy_source from = { .root = -1, .context = &b->context };
        struct copy_rules rules = { .keep_owner = true };
        cleanup_free char *path = NULL;
        const struct timespec times[] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };

        if (!string_empty(m->from)) {
                if (open_source(b, s, m, &from, err) < 0 || source_path(&from, m, &path, err) < 0)
                        return -1;
                if (from.context)
                        rules.ignore = from.context->ignore;
                if (copy_tree(from.root, *path ? path : ".", folder, "/", &rules, err) < 0)
                        return -1;
        }
        if (fchmod(folder, m->mode >= 0 ? (mode_t)m->mode : 0755) < 0 ||
            fchown(folder, m->uid >= 0 ? (uid_t)m->uid : 0, m->gid >= 0 ? (gid_t)m->gid : 0) < 0)
                return error_errno(err, "cache");
        futimens(folder, times);
        return 0;
}

/* As `du` shows it. */
static int note_use(struct build *b, const struct run_work *w, const char *name, const char *id,
                    const char *target, struct error *err)
{
        cleanup_free char *command = strv_join(w->args, " "),
                          *what = string_format("cached mount %s from exec %s with id \"/%s\"", target,
                                                command, id);

        return build_mount_used(b, name, what, err);
}

/* One folder per id (and source), kept below the data root. --no-cache begins with an empty one, once a
 * build. */
static char *cache_name(const struct run_mount *m, const char *id)
{
        cleanup_free char *whole =
            string_format("%s\n%s\n%s", id, m->from ? m->from : "", m->source ? m->source : "");
        struct digest digest;
        char hex[DIGEST_HEX_SIZE];

        digest_of(whole, strlen(whole), &digest);
        digest_format_hex(&digest, hex);
        return xstrdup(hex);
}

/* Once a build; others wait until it is empty. */
static int empty_cache(struct build *b, int root, const char *name, struct error *err)
{
        int r = 0;

        pthread_mutex_lock(&b->emptying);
        if (build_once(b, name))
                r = tree_remove(root, name, err);
        pthread_mutex_unlock(&b->emptying);
        return r;
}

static int add_cache(struct build *b, struct stage_state *s, struct step_tree *t, struct run_work *w,
                     const struct run_mount *m, const char *target, struct oci_spec *spec, struct error *err)
{
        const char *const options[] = { "rbind", "rprivate", m->read_only ? "ro" : "rw", NULL };
        cleanup_free char *id = path_clean(string_empty(m->id) ? target : m->id), *name = cache_name(m, id),
                          *dir = string_format("%s/" BUILD_MOUNTS, b->services->data_root), *path = NULL;
        cleanup_close int root = -1, folder = -1;
        bool fresh;

        if (directory_make(AT_FDCWD, dir, 0700, err) < 0 || (root = directory_open(AT_FDCWD, dir, err)) < 0)
                return -1;
        if (b->options->no_cache && empty_cache(b, root, name, err) < 0)
                return -1;
        fresh = mkdirat(root, name, 0755) == 0;
        folder = directory_open(root, name, err);
        if (folder < 0)
                return -1;
        path = string_format("%s/%s", dir, name);
        if (lock_cache(b, folder, m->sharing, w, err) < 0) {
                if (m->sharing != MOUNT_PRIVATE || (err && err->kind))
                        return -1;
                /* In use: this run gets one of its own, which goes with the step's folder. */
                free(path);
                path = string_format("%s/cache-%zu", t->path, w->n_files++);
                close(take_fd(folder));
                if (directory_make(AT_FDCWD, path, 0755, err) < 0 ||
                    (folder = directory_open(AT_FDCWD, path, err)) < 0)
                        return -1;
                fresh = true;
        }
        if ((fresh && seed_cache(b, s, m, folder, err) < 0) || note_use(b, w, name, id, target, err) < 0)
                return -1;
        run_add_mount(spec, target, "bind", path, NULL, options);
        return run_mount_point(t, w, target, true, err);
}

static int add_tmpfs(struct step_tree *t, struct run_work *w, const struct run_mount *m, const char *target,
                     struct oci_spec *spec, struct error *err)
{
        cleanup_free char *size = m->size > 0 ? string_format("size=%" PRId64, m->size) : NULL;
        const char *const options[] = { "nosuid", "noexec", "nodev", size, NULL };

        run_add_mount(spec, target, "tmpfs", "tmpfs", NULL, options);
        return run_mount_point(t, w, target, true, err);
}

/* The secret of a mount: 1, or 0 when it was not given (and need not be). */
static int find_secret(struct build *b, const struct run_mount *m, char **ret, size_t *ret_len,
                       struct error *err)
{
        const char *name = !string_empty(m->id)       ? m->id
                           : !string_empty(m->source) ? m->source
                                                      : m->target,
                   *base = strrchr(name, '/');
        const char *id = !string_empty(m->id) ? m->id : base ? base + 1 : name;
        int found = build_secret_find(b, id, ret, ret_len, err);

        if (found)
                return found;
        return m->required ? error_set(err, ERROR_NOT_FOUND, "secret %s: not found", id) : 0;
}

int run_secret_env(struct build *b, struct run_work *w, struct error *err)
{
        for (size_t i = 0; i < w->n_mounts; i++) {
                const struct run_mount *m = &w->mounts[i];
                cleanup_free char *value = NULL;
                size_t len;
                int found;

                if (m->type != MOUNT_SECRET || !m->env_given)
                        continue;
                found = find_secret(b, m, &value, &len, err);
                if (found < 0)
                        return -1;
                if (found && strlen(value) == len)
                        env_set(&w->env, m->env, value);
                if (found)
                        explicit_bzero(value, len);
        }
        return 0;
}

/* Into a file on a file system in memory, which is removed after the run. */
static int write_secret(struct build *b, const struct run_mount *m, const char *value, size_t len,
                        struct run_work *w, struct error *err)
{
        uint64_t random;
        struct run_file file = {};
        cleanup_close int fd = -1;

        if (len > SECRET_MAX)
                return error_set(err, ERROR_INVALID, "a secret is larger than %d bytes", SECRET_MAX);
        if (directory_make(AT_FDCWD, b->services->secrets_dir, 0700, err) < 0)
                return -1;
        if (getrandom(&random, sizeof(random), 0) < 0)
                return error_errno(err, "getrandom");
        file.path = string_format("%s/%016" PRIx64, b->services->secrets_dir, random);
        ARRAY_APPEND(w->files, w->n_secret_files, file);
        fd = open(file.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
        if (fd < 0 || fd_write_all(fd, value, len) < 0 ||
            fchown(fd, m->uid >= 0 ? (uid_t)m->uid : 0, m->gid >= 0 ? (gid_t)m->gid : 0) < 0 ||
            fchmod(fd, m->mode >= 0 ? (mode_t)m->mode : 0400) < 0)
                return error_errno(err, "secret");
        return 0;
}

static int add_secret(struct build *b, struct step_tree *t, struct run_work *w, const struct run_mount *m,
                      const char *target, struct oci_spec *spec, struct error *err)
{
        static const char *const options[] = { "rbind", "rprivate", "ro", NULL };
        cleanup_free char *value = NULL;
        size_t len = 0;
        int found = find_secret(b, m, &value, &len, err), r;

        if (found <= 0 || !value || (m->env_given && string_empty(m->target)))
                return found < 0 ? -1 : 0;
        r = write_secret(b, m, value, len, w, err);
        explicit_bzero(value, len);
        if (r < 0)
                return -1;
        run_add_mount(spec, target, "bind", w->files[w->n_secret_files - 1].path, NULL, options);
        return run_mount_point(t, w, target, false, err);
}

char *run_ssh_target(const struct stage_state *s, const struct run_mount *m, size_t index)
{
        return string_empty(m->target) ? string_format("/run/buildkit/ssh_agent.%zu", index)
                                       : build_absolute(s, m->target, false);
}

/* The descriptor of an agent's socket; -1: not given. */
static int find_agent(const struct build *b, const char *id)
{
        for (size_t i = 0; b->options->ssh && b->options->ssh[i]; i++)
                if (streq(b->options->ssh[i], id))
                        return b->ssh[i];
        return -1;
}

static int add_ssh(struct build *b, struct stage_state *s, struct step_tree *t, struct run_work *w,
                   const struct run_mount *m, struct oci_spec *spec, struct error *err)
{
        static const char *const options[] = { "rbind", "rprivate", NULL };
        const char *id = string_empty(m->id) ? "default" : m->id;
        size_t index = 0;
        cleanup_free char *target = NULL, *path = NULL;
        struct ssh_proxy *proxy;
        int agent = find_agent(b, id);

        for (const struct run_mount *before = w->mounts; before < m; before++)
                index += before->type == MOUNT_SSH;
        if (agent < 0)
                return m->required ? error_set(err, ERROR_NOT_FOUND, "unset ssh forward key %s", id) : 0;
        target = run_ssh_target(s, m, index);
        path = string_format("%s/ssh-%zu", t->path, index);
        if (ssh_proxy_new(path, agent, m->uid >= 0 ? (uid_t)m->uid : 0, m->gid >= 0 ? (gid_t)m->gid : 0,
                          m->mode >= 0 ? (mode_t)m->mode : 0600, &proxy, err) < 0)
                return -1;
        ARRAY_APPEND(w->agents, w->n_agents, proxy);
        run_add_mount(spec, target, "bind", path, NULL, options);
        return run_mount_point(t, w, target, false, err);
}

static int add_mount(struct build *b, struct stage_state *s, struct step_tree *t, struct run_work *w,
                     const struct run_mount *m, struct oci_spec *spec, struct error *err)
{
        cleanup_free char *target = target_of(s, m);

        if (m->type == MOUNT_SSH)
                return add_ssh(b, s, t, w, m, spec, err);
        if (streq(target, "/"))
                return error_set(err, ERROR_INVALID, "invalid mount target \"%s\"", target);
        switch (m->type) {
        case MOUNT_CACHE:
                return add_cache(b, s, t, w, m, target, spec, err);
        case MOUNT_TMPFS:
                return add_tmpfs(t, w, m, target, spec, err);
        case MOUNT_SECRET:
                return add_secret(b, t, w, m, target, spec, err);
        default:
                return add_bind(b, s, t, w, m, target, spec, err);
        }
}

int run_mounts_add(struct build *b, struct stage_state *s, struct step_tree *t, struct run_work *w,
                   struct oci_spec *spec, struct error *err)
{
        for (size_t i = 0; i < w->n_mounts; i++)
                if (add_mount(b, s, t, w, &w->mounts[i], spec, err) < 0)
                        return -1;
        return 0;
}

void run_mounts_release(struct build *b, struct run_work *w)
{
        (void)b;
        for (size_t i = 0; i < w->n_secret_files; i++) {
                unlink(w->files[i].path);
                free(w->files[i].path);
        }
        free(w->files);
        for (size_t i = 0; i < w->n_agents; i++)
                ssh_proxy_free(w->agents[i]);
        free(w->agents);
        w->agents = NULL;
        w->n_agents = 0;
        for (size_t i = 0; i < w->n_locks; i++)
                close(w->locks[i]);
        free(w->locks);
        w->files = NULL;
        w->locks = NULL;
        w->n_secret_files = w->n_locks = 0;
}
