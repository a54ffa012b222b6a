/* The places that a container's mounts need and an image need not have. As the lowest of all layers they are
 * there where the image has nothing, and never show up as a change of the container. */
#include "store/layer-internal.h"

#include <errno.h>

#define FOLDER "stubs"

static const struct stub {
        const char *path;
        mode_t mode; /* 0: a symlink */
        const char *link;
} stubs[] = {
        { "dev", S_IFDIR | 0755, NULL },          { "dev/console", S_IFREG | 0755, NULL },
        { "dev/pts", S_IFDIR | 0755, NULL },
        { "dev/shm", S_IFDIR | 0755, NULL },      { "etc", S_IFDIR | 0755, NULL },
        { "etc/hostname", S_IFREG | 0755, NULL }, { "etc/hosts", S_IFREG | 0755, NULL },
        { "etc/mtab", 0, "/proc/mounts" },        { "etc/resolv.conf", S_IFREG | 0755, NULL },
        { "proc", S_IFDIR | 0755, NULL },         { "sys", S_IFDIR | 0755, NULL },
        { ".dockerenv", S_IFREG | 0755, NULL },
};

static int make_stub(int dirfd, const struct stub *s, struct error *err)
{
        int r;

        if (s->link)
                r = symlinkat(s->link, dirfd, s->path);
        else if (S_ISDIR(s->mode))
                r = mkdirat(dirfd, s->path, 0755);
        else
                r = mknodat(dirfd, s->path, s->mode, 0);
        if (r < 0 || (s->mode && fchmodat(dirfd, s->path, s->mode & 07777, 0) < 0))
                return error_errno(err, "make %s", s->path);
        return 0;
}

int layer_stubs_init(struct store *store, struct error *err)
{
        cleanup_free char *tmp = NULL;
        cleanup_close int fd = -1, layers = directory_open(store->root_fd, "layers", err);

        if (layers < 0)
                return -1;
        if (faccessat(layers, FOLDER, F_OK, 0) == 0)
                return 0;
        fd = store_tmp_directory(store, &tmp, err);
        if (fd < 0)
                return -1;
        for (size_t i = 0; i < ARRAY_SIZE(stubs); i++)
                if (make_stub(fd, &stubs[i], err) < 0)
                        return -1;
        if (fchmod(fd, 0755) < 0 || syncfs(fd) < 0 || renameat(store->tmp_fd, tmp, layers, FOLDER) < 0)
                return error_errno(err, "make layers/" FOLDER);
        return 0;
}

int layer_run_lowers(struct store *store, const struct digest *diff_ids, size_t count, char ***ret,
                     struct error *err)
{
        cleanup_strv char **list = NULL;

        if (count && layer_lowers(store, diff_ids, count, &list, err) < 0)
                return -1;
        strv_append_take(&list, string_format("%s/layers/" FOLDER, store->root));
        *ret = take_ptr(list);
        return 0;
}
