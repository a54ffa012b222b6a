/* cp: HEAD, GET and PUT of a container's paths. */
#include "engine/archive.h"

#include "base/fd.h"
#include "base/time.h"
#include "engine/container-view.h"
#include "runtime/user.h"
#include "store/unpack.h"

#include <errno.h>
#include <sys/sysmacros.h>

/* Bits of Go's os.FileMode, which the stat header speaks. */
#define GO_DIR (1u << 31)
#define GO_SYMLINK (1u << 27)
#define GO_DEVICE (1u << 26)
#define GO_FIFO (1u << 25)
#define GO_SOCKET (1u << 24)
#define GO_SETUID (1u << 23)
#define GO_SETGID (1u << 22)
#define GO_CHAR (1u << 21)
#define GO_STICKY (1u << 20)

#define LINKS_MAX 255

struct archive {
        struct engine *engine;
        struct container *container;
        struct container_view view;
        int parent;  /* of what the path names */
        char *entry; /* its name in `parent`; "." for a folder that is opened itself */
        char *name;  /* the last component as it was asked for */
        char *link_target;
        struct stat st;
};

/* "/" + path with "." and ".." applied, and what the end of the path says: a trailing "/" or "/." stays. */
static char *absolute_path(const char *path)
{
        cleanup_free char *rooted = string_format("/%s", path), *clean = NULL;
        cleanup_strbuf struct strbuf b = {};
        size_t len = strlen(path);

        /* ".." at the root stays there. */
        for (const char *p = rooted; *p;) {
                size_t n;

                p += strspn(p, "/");
                n = strcspn(p, "/");
                if (n == 2 && p[0] == '.' && p[1] == '.') {
                        char *slash = b.len ? strrchr(b.data, '/') : NULL;

                        b.len = slash ? (size_t)(slash - b.data) : 0;
                        if (b.data)
                                b.data[b.len] = '\0';
                } else if (n && !(n == 1 && p[0] == '.')) {
                        strbuf_addc(&b, '/');
                        strbuf_add(&b, p, n);
                }
                p += n;
        }
        clean = strbuf_take(&b);
        if (len >= 1 && path[len - 1] == '.' && (len == 1 || path[len - 2] == '/'))
                return string_format("%s/.", clean);
        if (!*clean || path[len - 1] == '/')
                return string_format("%s/", clean);
        return take_ptr(clean);
}

static bool wants_folder(const char *path)
{
        return string_ends_with(path, "/") || string_ends_with(path, "/.");
}

/* Go's filepath.Base(). */
static char *base_name(const char *path)
{
        size_t len = strlen(path), start;

        while (len > 1 && path[len - 1] == '/')
                len--;
        start = len;
        while (start > 0 && path[start - 1] != '/')
                start--;
        return len == 1 && path[0] == '/' ? xstrdup("/") : xstrndup(path + start, len - start);
}

static int not_found(const struct container *c, const char *path, struct error *err)
{
        return error_set(err, ERROR_NOT_FOUND, "Could not find the file %s in container %s", path, c->name);
}

static int path_errno(const struct container *c, const char *asked, const struct error *reason,
                      struct error *err)
{
        if (reason->errnum == ENOENT || reason->errnum == ENOTDIR)
                return not_found(c, asked, err);
        return error_errnum(err, reason->errnum, "%s", asked);
}

/* ---- Finding ---- */

/* Where a link leads in the end, as far as it leads anywhere; heap. */
static char *follow_link(int rootfd, const char *path)
{
        char *current = xstrdup(path);

        for (int i = 0; i < LINKS_MAX; i++) {
                cleanup_free char *name = NULL, *next = NULL;
                cleanup_close int parent = open_parent_in_root(rootfd, current, &name, NULL);
                char target[TAR_PATH_MAX];
                const char *slash = strrchr(current, '/');
                ssize_t n = parent < 0 ? -1 : readlinkat(parent, name, target, sizeof(target) - 1);

                if (n < 0)
                        break;
                target[n] = '\0';
                next = target[0] == '/' ? xstrdup(target)
                                        : string_format("%.*s/%s", (int)(slash - current), current, target);
                free(current);
                current = absolute_path(next);
        }
        return current;
}

static int find_folder(struct archive *a, const char *path, const char *asked, struct error *err)
{
        cleanup_error struct error reason = {};

        a->parent = open_in_root(a->view.rootfd, path, O_RDONLY | O_DIRECTORY, 0, &reason);
        if (a->parent < 0)
                return path_errno(a->container, asked, &reason, err);
        a->entry = xstrdup(".");
        return 0;
}

static int find_entry(struct archive *a, const char *path, const char *asked, struct error *err)
{
        cleanup_error struct error reason = {};

        a->parent = open_parent_in_root(a->view.rootfd, path, &a->entry, &reason);
        return a->parent < 0 ? path_errno(a->container, asked, &reason, err) : 0;
}

static int find(struct archive *a, const char *asked, struct error *err)
{
        cleanup_free char *path = absolute_path(asked);
        int r;

        a->name = base_name(path);
        r = wants_folder(path) ? find_folder(a, path, asked, err) : find_entry(a, path, asked, err);
        if (r < 0)
                return -1;
        if (fstatat(a->parent, a->entry, &a->st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? not_found(a->container, asked, err) : error_errno(err, "%s", asked);
        if (S_ISLNK(a->st.st_mode))
                a->link_target = follow_link(a->view.rootfd, path);
        return 0;
}

int engine_archive_open(struct engine *engine, const char *container, const char *path, struct archive **ret,
                        struct error *err)
{
        struct archive *a = xcalloc(1, sizeof(*a));

        a->engine = engine;
        a->parent = a->view.rootfd = -1;
        if (container_find(engine, container, &a->container, err) < 0 ||
            container_view_open(engine, a->container, &a->view, err) < 0 || find(a, path, err) < 0) {
                engine_archive_close(a);
                return -1;
        }
        *ret = a;
        return 0;
}

void engine_archive_close(struct archive *a)
{
        if (!a)
                return;
        if (a->parent >= 0)
                close(a->parent);
        container_view_close(&a->view);
        if (a->container)
                container_drop(a->container);
        free(a->entry);
        free(a->name);
        free(a->link_target);
        free(a);
}

static uint32_t go_mode(mode_t mode)
{
        static const struct {
                mode_t format;
                uint32_t bits;
        } formats[] = {
                { S_IFDIR, GO_DIR },  { S_IFLNK, GO_SYMLINK },          { S_IFBLK, GO_DEVICE },
                { S_IFIFO, GO_FIFO }, { S_IFCHR, GO_DEVICE | GO_CHAR }, { S_IFSOCK, GO_SOCKET },
        };
        uint32_t bits = mode & 0777;

        for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
                if ((mode & S_IFMT) == formats[i].format)
                        bits |= formats[i].bits;
        return bits | (mode & S_ISUID ? GO_SETUID : 0) | (mode & S_ISGID ? GO_SETGID : 0) |
               (mode & S_ISVTX ? GO_STICKY : 0);
}

char *engine_archive_stat_json(const struct archive *a)
{
        cleanup_json json_object *o = json_object_new_object();
        char mtime[TIME_RFC3339_MAX];

        time_format_rfc3339nano(a->st.st_mtim.tv_sec * NSEC_PER_SEC + a->st.st_mtim.tv_nsec, mtime);
        json_set_string(o, "name", a->name);
        json_object_object_add(o, "size", json_object_new_int64(a->st.st_size));
        json_object_object_add(o, "mode", json_object_new_int64(go_mode(a->st.st_mode)));
        json_set_string(o, "mtime", mtime);
        json_set_string(o, "linkTarget", a->link_target ? a->link_target : "");
        return json_format(o);
}

int engine_archive_write(struct archive *a, struct sink *out, struct error *err)
{
        cleanup_tar_writer struct tar_writer *writer = tar_writer_new(out);
        struct pack_options options = { .timestamp = INT64_MAX };
        const char *as = streq(a->name, "/") ? "." : a->name;

        if (tar_pack_path(a->parent, a->entry, as, writer, &options, err) < 0 ||
            tar_writer_finish(writer, err) < 0)
                return -1;
        container_event(a->engine, a->container, "archive-path", NULL);
        return 0;
}

/* ---- PUT ---- */

static char *descriptor_path(int rootfd, int fd)
{
        char link[40], root[TAR_PATH_MAX], path[TAR_PATH_MAX];
        ssize_t n, m;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", rootfd);
        n = readlink(link, root, sizeof(root) - 1);
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        m = readlink(link, path, sizeof(path) - 1);
        if (n < 0 || m < n || memcmp(root, path, (size_t)n) != 0)
                return NULL;
        path[m] = '\0';
        return absolute_path(path + (n == 1 ? 0 : n));
}

static bool lies_in(const char *path, const char *folder)
{
        const char *rest = string_after(path, folder);

        return rest && (!*rest || *rest == '/');
}

/* Volumes that are read-only, and a read-only root, refuse. */
static int check_writable(const struct container *c, const char *path, struct error *err)
{
        bool in_volume = false;

        for (size_t i = 0; i < c->mounts.count; i++) {
                if (!lies_in(path, c->mounts.items[i].destination))
                        continue;
                if (!c->mounts.items[i].rw)
                        return error_set(err, ERROR_INVALID, "mounted volume is marked read-only");
                in_volume = true;
        }
        if (!in_volume && c->host.readonly_rootfs)
                return error_set(err, ERROR_INVALID, "container rootfs is marked read-only");
        return 0;
}

static int find_owner(const struct container *c, int rootfd, struct unpack_options *options,
                      struct error *err)
{
        cleanup_runtime_user struct runtime_user user = {};

        if (string_empty(c->config.user))
                return 0;
        if (runtime_resolve_user(rootfd, c->config.user, NULL, &user, err) < 0)
                return -1;
        options->flags |= UNPACK_CHOWN;
        options->uid = user.uid;
        options->gid = user.gid;
        return 0;
}

static int open_target(const struct container *c, int rootfd, const char *asked, char **ret_path,
                       struct error *err)
{
        cleanup_free char *path = absolute_path(asked), *real = NULL;
        cleanup_error struct error reason = {};
        cleanup_close int fd = open_in_root(rootfd, path, O_PATH, 0, &reason);
        struct stat st;

        if (fd < 0)
                return path_errno(c, asked, &reason, err);
        if (fstat(fd, &st) < 0)
                return error_errno(err, "%s", asked);
        if (!S_ISDIR(st.st_mode))
                return error_set(err, ERROR_INVALID, "extraction point is not a directory");
        real = descriptor_path(rootfd, fd);
        if (check_writable(c, real ? real : path, err) < 0)
                return -1;
        *ret_path = real ? take_ptr(real) : take_ptr(path);
        return 0;
}

int engine_archive_put(struct engine *engine, const char *container, const char *path, struct stream *tar,
                       const struct archive_put_options *options, struct error *err)
{
        cleanup_container struct container *c = NULL;
        cleanup_container_view struct container_view view = { .rootfd = -1 };
        cleanup_stream struct stream *plain = stream_new_decompressed(tar);
        cleanup_free char *target = NULL;
        struct unpack_options unpack = {
                .flags = options->no_overwrite_dir_non_dir ? UNPACK_NO_OVERWRITE_DIR : 0,
        };

        if (container_find(engine, container, &c, err) < 0 ||
            container_view_open(engine, c, &view, err) < 0 ||
            open_target(c, view.rootfd, path, &target, err) < 0)
                return -1;
        if (options->copy_uid_gid && find_owner(c, view.rootfd, &unpack, err) < 0)
                return -1;
        if (tar_unpack(view.rootfd, target, plain, &unpack, NULL, err) < 0)
                return -1;
        container_event(engine, c, "extract-to-dir", NULL);
        return 0;
}
