/* COPY's idea of copying: a folder's content merges into the destination, files and symlinks replace what is
 * there, the destination's own symlinks are followed (beneath its root), those inside a source folder are
 * copied as they are. */
#include "build/build-internal.h"

#include "base/path.h"
#include "base/time.h"

#include <errno.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define LINKS_MAX 40

struct copier {
        struct copy_rules *rules;
        int base;         /* the destination folder that paths below start at */
        const char *dest; /* its name, "" for the root */
        struct seen_link {
                dev_t dev;
                ino_t ino;
                char *path; /* below `base` */
        } * links;
        size_t n_links;
};

/* Where an entry comes from and goes to. */
struct place {
        int from, to; /* folders; `to` is -1 until something goes into it: its `into` makes it */
        struct folder *into;
        const char *name, *as;
        const char *source; /* path below the source root, for .dockerignore */
        const char *inner;  /* path below the copied folder, for --exclude; and below `base` */
};

/* A folder that is made with the first entry that goes into it: one that is excluded itself, or that no
 * pattern of --parents names, may hold something that is copied. */
struct folder {
        struct place *place;
        int fd; /* -1: not made so far */
};

static int64_t nanoseconds(struct timespec t)
{
        return (int64_t)t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

int copy_leaves_out(const struct copy_rules *rules, const char *source, const char *inner, bool *ret,
                    struct error *err)
{
        bool included = true;

        *ret = false;
        if (rules->ignore && *source && path_matcher_excludes(rules->ignore, source, ret, err) < 0)
                return -1;
        if (!*ret && rules->exclude && *inner && path_matcher_excludes(rules->exclude, inner, ret, err) < 0)
                return -1;
        if (!*ret && rules->include && path_matcher_excludes(rules->include, inner, &included, err) < 0)
                return -1;
        *ret |= !included;
        return 0;
}

bool copy_may_come_back(const struct copy_rules *rules)
{
        return rules->include || (rules->ignore && path_matcher_has_exceptions(rules->ignore)) ||
               (rules->exclude && path_matcher_has_exceptions(rules->exclude));
}

/* Makes the folder, and those around it, if they are not made yet. */
static int make_folder(const struct copier *c, struct folder *f, struct error *err)
{
        struct place *p;

        if (!f || f->fd >= 0)
                return 0;
        p = f->place;
        if (make_folder(c, p->into, err) < 0)
                return -1;
        if (p->into)
                p->to = p->into->fd;
        if (mkdirat(p->to, p->as, 0700) < 0 && errno != EEXIST)
                return error_errno(err, "mkdir %s", p->as);
        f->fd = openat(p->to, p->as, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return f->fd < 0
                   ? error_set(err, ERROR_INVALID, "cannot copy to non-directory: %s/%s", c->dest, p->inner)
                   : 0;
}

static int prepare_place(const struct copier *c, struct place *p, struct error *err)
{
        if (make_folder(c, p->into, err) < 0)
                return -1;
        if (p->into)
                p->to = p->into->fd;
        return 0;
}

static void copy_xattrs(int from, int to)
{
        char names[4096], value[65536];
        ssize_t len = flistxattr(from, names, sizeof(names));

        for (char *name = names; len > 0 && name < names + len; name += strlen(name) + 1) {
                ssize_t n = fgetxattr(from, name, value, sizeof(value));

                /* What the destination cannot hold is left out, as cp -a does. */
                if (n >= 0)
                        (void)!fsetxattr(to, name, value, (size_t)n, 0);
        }
}

static int set_owner(const struct copier *c, const struct place *p, const struct stat *st, struct error *err)
{
        const struct copy_rules *r = c->rules;
        uid_t uid = r->chown ? r->uid : r->keep_owner ? st->st_uid : 0;
        gid_t gid = r->chown ? r->gid : r->keep_owner ? st->st_gid : 0;

        if (fchownat(p->to, p->as, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
                return error_errno(err, "chown %s", p->as);
        return 0;
}

/* The descriptors are those of the source and of the copy, where they have extended attributes (or -1). */
static int set_metadata(struct copier *c, const struct place *p, const struct stat *st, int from, int to,
                        struct error *err)
{
        const struct timespec times[] = { st->st_mtim, st->st_mtim };
        mode_t mode = c->rules->chmod ? chmod_apply(c->rules->chmod, st->st_mode) : st->st_mode & 07777;

        if (set_owner(c, p, st, err) < 0)
                return -1;
        if (!S_ISLNK(st->st_mode) && fchmodat(p->to, p->as, mode, 0) < 0)
                return error_errno(err, "chmod %s", p->as);
        if (from >= 0 && c->rules->keep_owner) /* a context's attributes are the client's own, as its owners are */
                copy_xattrs(from, to);         /* after the owner, whose change takes capabilities away */
        if (utimensat(p->to, p->as, times, AT_SYMLINK_NOFOLLOW) < 0)
                return error_errno(err, "utimensat %s", p->as);
        return 0;
}

/* Makes room for something that is no folder. */
static int clear_place(const struct copier *c, const struct place *p, struct error *err)
{
        if (unlinkat(p->to, p->as, 0) == 0 || errno == ENOENT)
                return 0;
        if (errno == EISDIR || errno == EPERM)
                return error_set(err, ERROR_INVALID, "cannot replace to directory %s/%s with file", c->dest,
                                 p->inner);
        return error_errno(err, "%s", p->as);
}

/* A further name of a file that was copied already: 1. */
static int copy_hard_link(struct copier *c, const struct place *p, const struct stat *st, struct error *err)
{
        for (size_t i = 0; i < c->n_links; i++) {
                if (c->links[i].ino != st->st_ino || c->links[i].dev != st->st_dev)
                        continue;
                if (linkat(c->base, c->links[i].path, p->to, p->as, 0) < 0)
                        return error_errno(err, "link %s", p->as);
                return 1;
        }
        return 0;
}

static int copy_data(int from, int to, struct error *err)
{
        cleanup_free char *buffer = NULL;
        ssize_t n;

        while ((n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0)) > 0)
                ;
        if (n == 0)
                return 0;
        if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)
                return error_errno(err, "copy");
        buffer = xmalloc(1 << 17);
        while ((n = read(from, buffer, 1 << 17)) > 0)
                if (fd_write_all(to, buffer, (size_t)n) < 0)
                        return error_errno(err, "write");
        return n < 0 ? error_errno(err, "read") : 0;
}

static int copy_file(struct copier *c, const struct place *p, const struct stat *st, struct error *err)
{
        cleanup_close int from = -1, to = -1;
        int r;

        if (clear_place(c, p, err) < 0)
                return -1;
        if (st->st_nlink > 1 && (r = copy_hard_link(c, p, st, err)) != 0)
                return r < 0 ? -1 : 0;
        from = openat(p->from, p->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (from < 0)
                return error_errno(err, "open %s", p->name);
        to = openat(p->to, p->as, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (to < 0)
                return error_errno(err, "open %s", p->as);
        if (copy_data(from, to, err) < 0)
                return error_context(err, "%s", p->as);
        if (st->st_nlink > 1) {
                struct seen_link link = { st->st_dev, st->st_ino, xstrdup(p->inner) };

                ARRAY_APPEND(c->links, c->n_links, link);
        }
        return set_metadata(c, p, st, from, to, err);
}

static int copy_link(struct copier *c, const struct place *p, const struct stat *st, struct error *err)
{
        char target[PATH_MAX];
        ssize_t n = readlinkat(p->from, p->name, target, sizeof(target) - 1);

        if (n < 0)
                return error_errno(err, "readlink %s", p->name);
        target[n] = 0;
        if (clear_place(c, p, err) < 0)
                return -1;
        if (symlinkat(target, p->to, p->as) < 0)
                return error_errno(err, "symlink %s", p->as);
        return set_metadata(c, p, st, -1, -1, err);
}

static int copy_special(struct copier *c, const struct place *p, const struct stat *st, struct error *err)
{
        if (S_ISSOCK(st->st_mode))
                return 0; /* a socket without its process is nothing */
        if (clear_place(c, p, err) < 0)
                return -1;
        if (mknodat(p->to, p->as, (st->st_mode & S_IFMT) | 0600, st->st_rdev) < 0)
                return error_errno(err, "mknod %s", p->as);
        return set_metadata(c, p, st, -1, -1, err);
}

static int copy_entry(struct copier *c, struct place *p, struct error *err);

/* Each entry of the folder `from` into `into`. */
static int copy_children(struct copier *c, int from, struct folder *into, const struct place *p,
                         struct error *err)
{
        cleanup_closedir DIR *dir = NULL;
        struct dirent *e;

        if (directory_list(from, ".", &dir, err) < 0)
                return -1;
        while ((e = readdir(dir))) {
                cleanup_free char *source = NULL, *inner = NULL;

                if (streq(e->d_name, ".") || streq(e->d_name, ".."))
                        continue;
                source = string_format("%s%s%s", p->source, *p->source ? "/" : "", e->d_name);
                inner = string_format("%s%s%s", p->inner, *p->inner ? "/" : "", e->d_name);
                if (copy_entry(c, &(struct place){ from, -1, into, e->d_name, e->d_name, source, inner },
                               err) < 0)
                        return -1;
        }
        return 0;
}

static int copy_folder(struct copier *c, struct place *p, const struct stat *st, bool out, struct error *err)
{
        cleanup_close int from = openat(p->from, p->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct folder folder = { p, -1 };
        cleanup_close int to = -1;
        int r;

        if (from < 0)
                return error_errno(err, "open %s", p->name);
        if (!out && make_folder(c, &folder, err) < 0)
                return -1;
        r = copy_children(c, from, &folder, p, err);
        to = folder.fd;
        if (r < 0 || to < 0)
                return r;
        return set_metadata(c, p, st, from, to, err);
}

static int copy_entry(struct copier *c, struct place *p, struct error *err)
{
        struct stat st;
        bool out;

        if (copy_leaves_out(c->rules, p->source, p->inner, &out, err) < 0)
                return -1;
        if (fstatat(p->from, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return error_errno(err, "%s", p->name);
        if (S_ISDIR(st.st_mode))
                return out && !copy_may_come_back(c->rules) ? 0 : copy_folder(c, p, &st, out, err);
        if (out)
                return 0;
        if (prepare_place(c, p, err) < 0)
                return -1;
        if (S_ISREG(st.st_mode))
                return copy_file(c, p, &st, err);
        if (S_ISLNK(st.st_mode))
                return copy_link(c, p, &st, err);
        return copy_special(c, p, &st, err);
}

/* One component of mkdir -p. The folder that it is made in keeps its time. */
static int make_component(int root, const char *path, const struct copy_folder *as, struct error *err)
{
        cleanup_free char *name = NULL;
        cleanup_close int parent = open_parent_in_root(root, path, &name, err);
        const struct timespec times[] = { { as->mtime / NSEC_PER_SEC, as->mtime % NSEC_PER_SEC },
                                          { as->mtime / NSEC_PER_SEC, as->mtime % NSEC_PER_SEC } };

        if (parent < 0)
                return -1;
        if (mkdirat(parent, name, 0755) < 0)
                return errno == EEXIST ? 0 : error_errno(err, "mkdir %s", path);
        if (fchmodat(parent, name, as->mode, 0) < 0 || fchownat(parent, name, as->uid, as->gid, 0) < 0 ||
            utimensat(parent, name, times, 0) < 0)
                return error_errno(err, "%s", path);
        return 0;
}

int copy_make_directory(int root, const char *path, const struct copy_folder *as, struct error *err)
{
        cleanup_free char *clean = path_clean(path);
        cleanup_strv char **parts = strv_split(clean, '/');
        cleanup_strbuf struct strbuf at = {};

        for (char **part = parts; *part; part++) {
                cleanup_close int there = -1;

                if (!**part || streq(*part, "."))
                        continue;
                strbuf_addf(&at, "/%s", *part);
                there = open_in_root(root, at.data, O_PATH | O_DIRECTORY, 0, NULL);
                if (there >= 0)
                        continue;
                if (errno != ENOENT)
                        return error_errno(err, "mkdir %s", at.data);
                if (make_component(root, at.data, as, err) < 0)
                        return -1;
        }
        return 0;
}

/* What the symlink at `path` says, as a path from the root; NULL when it is no symlink. Heap. Its ".." are
 * left to the kernel: the folder before them may be a symlink, too. */
static char *read_link(int root, const char *path)
{
        cleanup_free char *name = NULL;
        cleanup_close int parent = open_parent_in_root(root, path, &name, NULL);
        char target[PATH_MAX], *whole;
        ssize_t n = parent >= 0 ? readlinkat(parent, name, target, sizeof(target) - 1) : -1;
        size_t len;

        if (n <= 0)
                return NULL;
        target[n] = 0;
        whole = *target == '/' ? xstrdup(target)
                               : string_format("%.*s/%s", (int)(strrchr(path, '/') - path), path, target);
        for (len = strlen(whole); len > 1 && whole[len - 1] == '/'; len--)
                whole[len - 1] = 0;
        return whole;
}

/* Follows the symlinks that a path's last component may be; where they lead to, from the root; heap. */
static char *follow_links(int root, const char *written)
{
        cleanup_free char *rooted = string_format("/%s", written);
        char *path = path_clean(rooted), *next;

        for (int i = 0; i < LINKS_MAX && !streq(path, "/") && (next = read_link(root, path)); i++) {
                free(path);
                path = next;
        }
        return path;
}

/* The same as .dockerignore names it: clean, without the slash. */
static char *source_name(int root, const char *written)
{
        cleanup_free char *path = follow_links(root, written), *clean = path_clean(path);

        return xstrdup(clean + (*clean == '/'));
}

/* A folder that the destination lacks. */
static struct copy_folder folder_by(const struct copy_rules *r, int64_t mtime)
{
        return (struct copy_folder){ r->chown ? r->uid : 0, r->chown ? r->gid : 0, chmod_directory(r->chmod),
                                     mtime };
}

struct destination {
        bool exists, is_dir;
        char *path;
};

static void destination_deinit(struct destination *d)
{
        free(d->path);
}

static int find_destination(int root, const char *dest, const struct copy_rules *r, int64_t mtime,
                            struct destination *ret, struct error *err)
{
        size_t len = strlen(dest);
        cleanup_free char *parent = NULL;
        cleanup_close int fd = -1;
        struct stat st;
        const struct copy_folder folder = folder_by(r, mtime);

        if (len && dest[len - 1] == '/' && copy_make_directory(root, dest, &folder, err) < 0)
                return -1;
        ret->path = follow_links(root, dest);
        fd = open_in_root(root, ret->path, O_PATH, 0, NULL);
        ret->exists = fd >= 0 && fstat(fd, &st) == 0;
        ret->is_dir = ret->exists && S_ISDIR(st.st_mode);
        if (ret->exists)
                return 0;
        parent = xstrndup(ret->path, (size_t)(strrchr(ret->path, '/') - ret->path));
        return copy_make_directory(root, parent, &folder, err);
}

static void copier_deinit(struct copier *c)
{
        for (size_t i = 0; i < c->n_links; i++)
                free(c->links[i].path);
        free(c->links);
}

static int copy_whole_folder(int from, const char *source, int dest_root, const struct destination *d,
                             struct copy_rules *rules, const struct stat *st, struct error *err)
{
        __attribute__((cleanup(copier_deinit))) struct copier c = {
                .rules = rules, .base = -1, .dest = streq(d->path, "/") ? "" : d->path
        };
        cleanup_close int to = -1, list = -1;
        struct place place = { .source = source, .inner = "" };
        struct folder folder = { &place, -1 };
        const struct copy_folder as = folder_by(rules, nanoseconds(st->st_mtim));
        int r;

        if (d->exists && !d->is_dir)
                return error_set(err, ERROR_INVALID, "cannot copy to non-directory: %s", d->path);
        if (!d->exists && copy_make_directory(dest_root, d->path, &as, err) < 0)
                return -1;
        to = open_in_root(dest_root, d->path, O_RDONLY | O_DIRECTORY, 0, err);
        list = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (to < 0 || list < 0)
                return to < 0 ? -1 : error_errno(err, "%s", source);
        c.base = folder.fd = to;
        r = copy_children(&c, list, &folder, &place, err);
        if (r == 0)
                futimens(to, (const struct timespec[]){ st->st_mtim, st->st_mtim });
        return r;
}

/* A source that is a file itself: patterns of --exclude are for what lies in folders. */
static int copy_single(int source_root, const char *source, int dest_root, const struct destination *d,
                       const struct copy_rules *given, struct error *err)
{
        struct copy_rules own = *given, *rules = &own;
        __attribute__((cleanup(copier_deinit))) struct copier c = {
                .rules = rules, .base = -1, .dest = streq(d->path, "/") ? "" : d->path
        };
        const char *base = strrchr(source, '/') ? strrchr(source, '/') + 1 : source;
        cleanup_free char *full = d->is_dir ? string_format("%s/%s", d->path, base) : xstrdup(d->path),
                          *as = NULL, *real = NULL, *shown = NULL, *name = NULL;
        cleanup_close int to = open_parent_in_root(dest_root, full, &as, err), from = -1;

        if (to < 0)
                return -1;
        real = follow_links(source_root, source);
        shown = source_name(source_root, source);
        from = open_parent_in_root(source_root, real, &name, err);
        if (from < 0)
                return -1;
        own.exclude = NULL;
        c.base = to;
        return copy_entry(&c, &(struct place){ from, to, NULL, name, as, shown, as }, err);
}

int copy_tree(int source_root, const char *source, int dest_root, const char *dest, struct copy_rules *rules,
              struct error *err)
{
        cleanup_close int from = open_in_root(source_root, source, O_PATH, 0, err);
        __attribute__((cleanup(destination_deinit))) struct destination d = {};
        struct stat st;

        if (from < 0)
                return -1;
        if (fstat(from, &st) < 0)
                return error_errno(err, "%s", source);
        if (find_destination(dest_root, dest, rules, nanoseconds(st.st_mtim), &d, err) < 0)
                return -1;
        if (S_ISDIR(st.st_mode)) {
                cleanup_free char *name = source_name(source_root, source);

                return copy_whole_folder(from, name, dest_root, &d, rules, &st, err);
        }
        return copy_single(source_root, source, dest_root, &d, rules, err);
}
