#include "store/store.h"

#include "base/log.h"
#include "store/image-internal.h"
#include "store/layer-internal.h"

#include <errno.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>

/* One engine per root: the lock lives as long as the descriptor. */
static int lock_root(struct store *s, struct error *err)
{
        s->lock_fd = openat(s->root_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (s->lock_fd < 0)
                return error_errno(err, "open lock");
        if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK
                           ? error_set(err, ERROR_CONFLICT, "another engine uses this data root")
                           : error_errno(err, "lock");
        return 0;
}

static int empty_tmp(struct store *s, struct error *err)
{
        cleanup_closedir DIR *dir = NULL;
        struct dirent *d;

        if (directory_list(s->tmp_fd, ".", &dir, err) < 0)
                return -1;
        while ((d = readdir(dir)))
                if (!streq(d->d_name, ".") && !streq(d->d_name, "..") &&
                    tree_remove(s->tmp_fd, d->d_name, err) < 0)
                        return error_context(err, "tmp");
        return 0;
}

static int open_folder(struct store *s, const char *name, mode_t mode, int *ret, struct error *err)
{
        if (directory_make(s->root_fd, name, mode, err) < 0)
                return -1;
        *ret = directory_open(s->root_fd, name, err);
        return *ret < 0 ? -1 : 0;
}

/* SQLite gives its other files the mode of the first. */
static int make_private(struct store *s, const char *name, struct error *err)
{
        cleanup_close int fd = openat(s->root_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        if (fd < 0 || fchmod(fd, 0600) < 0)
                return error_errno(err, "open %s", name);
        return 0;
}

static int open_all(struct store *s, struct error *err)
{
        cleanup_free char *path = string_format("%s/davit.db", s->root);

        /* 0711: containers' processes reach their layers by path where they run as another user. */
        if (directory_make(AT_FDCWD, s->root, 0711, err) < 0)
                return -1;
        s->root_fd = directory_open(AT_FDCWD, s->root, err);
        if (s->root_fd < 0 || lock_root(s, err) < 0)
                return -1;
        if (open_folder(s, "tmp", 0700, &s->tmp_fd, err) < 0 || empty_tmp(s, err) < 0 ||
            open_folder(s, "layers/sha256", 0711, &s->layers_fd, err) < 0)
                return -1;
        if (make_private(s, "davit.db", err) < 0 || database_open(path, &s->db, err) < 0 ||
            layer_store_init(s, err) < 0 || layer_stubs_init(s, err) < 0)
                return -1;
        return image_store_init(s, err) < 0 || image_state_init(s, err) < 0 ? -1 : 0;
}

int store_open(const char *root, struct store **ret, struct error *err)
{
        struct store *s = xcalloc(1, sizeof(*s));

        s->root = xstrdup(root);
        s->root_fd = s->tmp_fd = s->layers_fd = s->lock_fd = -1;
        s->driver = &layer_driver_dirs;
        s->layers = layer_registry_new();
        pthread_mutex_init(&s->image_lock, NULL);
        if (open_all(s, err) < 0) {
                store_close(s);
                return error_context(err, "data root %s", root);
        }
        *ret = s;
        return 0;
}

void store_close(struct store *s)
{
        int fds[] = { s->root_fd, s->tmp_fd, s->layers_fd, s->lock_fd };

        database_close(s->db);
        for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
                if (fds[i] >= 0)
                        close(fds[i]);
        layer_registry_free(s->layers);
        pthread_mutex_destroy(&s->image_lock);
        free(s->root);
        free(s);
}

static void random_name(char ret[17])
{
        uint64_t n;

        if (getrandom(&n, sizeof(n), 0) != sizeof(n))
                abort();
        snprintf(ret, 17, "%016llx", (unsigned long long)n);
}

int store_tmp_directory(struct store *store, char **ret_name, struct error *err)
{
        cleanup_close int fd = -1;
        char name[17];

        random_name(name);
        if (mkdirat(store->tmp_fd, name, 0700) < 0)
                return error_errno(err, "mkdir tmp/%s", name);
        fd = directory_open(store->tmp_fd, name, err);
        if (fd < 0) {
                store_tmp_remove(store, name);
                return -1;
        }
        *ret_name = xstrdup(name);
        return take_fd(fd);
}

void store_tmp_remove(struct store *store, const char *name)
{
        cleanup_error struct error err = {};

        if (tree_remove(store->tmp_fd, name, &err) < 0)
                log_warn("remove tmp/%s: %s", name, error_message(&err));
}

int store_tmp_file(struct store *store, struct error *err)
{
        int fd = openat(store->tmp_fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

        return fd < 0 ? error_errno(err, "temporary file") : fd;
}
