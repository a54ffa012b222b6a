/* Theory of operation. Mounts of a stopped container must not be seen by others and must not outlive their
 * use. A thread makes a mount namespace of its own, mounts there, opens the root and waits. Those who asked
 * work through the descriptor, whatever thread they are; when the last one leaves, the thread ends, and its
 * namespace with all mounts goes. Several at once share one thread: two overlays must not have the same upper
 * directory. */
#include "engine/container-view.h"

#include "base/fd.h"
#include "base/path.h"
#include "store/layer.h"
#include "store/view.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

struct view_thread {
        struct view_thread *next; /* of those open now */
        unsigned users;           /* guarded by `open_views_lock` */
        char *id;                 /* the container's */
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool ready, leave;
        struct error error;
        int rootfd;
        /* What to mount. */
        char **lowers;
        char *upper, *work, *place;
        struct view_mount {
                char *source, *destination, *subpath;
                bool read_only, recursive;
        } * mounts;
        size_t n_mounts;
};

int container_lowers(struct engine *engine, const struct container *c, char ***ret, struct error *err)
{
        cleanup_free struct digest *diff_ids = NULL;
        size_t count;

        if (container_layers(c, &diff_ids, &count, err) < 0)
                return -1;
        return layer_run_lowers(engine->store, diff_ids, count, ret, err);
}

int container_rootfs_view(struct engine *engine, struct container *c, struct error *err)
{
        cleanup_strv char **lowers = NULL;
        cleanup_free char *dir = container_dir(engine, c->id), *upper = string_format("%s/upper", dir);

        if (container_lowers(engine, c, &lowers, err) < 0)
                return -1;
        return layers_view(lowers, upper, err);
}

/* ---- In the thread ---- */

static int set_option(int fs, const char *key, const char *value, struct error *err)
{
        return fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) < 0 ? error_errno(err, "overlay: %s", key)
                                                                    : 0;
}

/* The options are those that a start uses, so that both agree about what they find. */
static int mount_overlay(struct view_thread *t, struct error *err)
{
        cleanup_close int fs = fsopen("overlay", FSOPEN_CLOEXEC);
        int fd;

        if (fs < 0)
                return error_errno(err, "overlay");
        for (char **lower = t->lowers; *lower; lower++)
                if (set_option(fs, "lowerdir+", *lower, err) < 0)
                        return -1;
        if (set_option(fs, "upperdir", t->upper, err) < 0 || set_option(fs, "workdir", t->work, err) < 0)
                return -1;
        if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return error_errno(err, "overlay: mount");
        fd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
        return fd < 0 ? error_errno(err, "overlay: mount") : fd;
}

/* It has to hang somewhere, or nothing can be mounted on it: over a folder that no mount's source lies in. */
static int attach_root(struct view_thread *t, int fd, struct error *err)
{
        if (move_mount(fd, "", AT_FDCWD, t->place, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return error_errno(err, "mount the container's root");
        return 0;
}

/* The place of a mount inside the root, made when it is missing. */
static int open_place(int rootfd, const char *destination, bool folder, struct error *err)
{
        cleanup_free char *name = NULL;
        cleanup_close int parent = -1, made = -1;
        int fd = open_in_root(rootfd, destination, O_PATH, 0, NULL);

        if (fd >= 0)
                return fd;
        if (folder)
                return directory_make_in_root(rootfd, destination, 0755, err);
        parent = open_parent_in_root(rootfd, destination, &name, NULL);
        if (parent < 0) {
                cleanup_free char *above = path_dir(destination);

                free(take_ptr(name));
                parent = directory_make_in_root(rootfd, above, 0755, err);
                if (parent < 0)
                        return -1;
                name = path_base(destination);
        }
        made = openat(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, 0755);
        if (made < 0)
                return error_errno(err, "%s", destination);
        return open_in_root(rootfd, destination, O_PATH, 0, err);
}

static int mount_one(int rootfd, const struct view_mount *m, struct error *err)
{
        cleanup_close int source = -1, tree = -1, place = -1;
        struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };
        unsigned recursive = m->recursive ? AT_RECURSIVE : 0;
        struct stat st;

        source = open(m->source, O_PATH | O_CLOEXEC);
        if (source < 0)
                return error_errno(err, "open %s", m->source);
        if (!string_empty(m->subpath)) {
                int inner = open_beneath(source, m->subpath, O_PATH, 0, err);

                if (inner < 0)
                        return -1;
                close(source);
                source = inner;
        }
        if (fstat(source, &st) < 0)
                return error_errno(err, "stat %s", m->source);
        tree = open_tree(source, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | recursive);
        if (tree < 0)
                return error_errno(err, "open_tree %s", m->source);
        if (m->read_only &&
            mount_setattr(tree, "", AT_EMPTY_PATH | recursive, &attributes, sizeof(attributes)) < 0)
                return error_errno(err, "read-only %s", m->source);
        place = open_place(rootfd, m->destination, S_ISDIR(st.st_mode), err);
        if (place < 0)
                return -1;
        if (move_mount(tree, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                return error_errno(err, "mount %s", m->destination);
        return 0;
}

static int thread_mount(struct view_thread *t, struct error *err)
{
        cleanup_close int rootfd = -1;

        if (unshare(CLONE_NEWNS | CLONE_FS) < 0)
                return error_errno(err, "unshare");
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return error_errno(err, "make mounts private");
        rootfd = mount_overlay(t, err);
        if (rootfd < 0 || attach_root(t, rootfd, err) < 0)
                return -1;
        for (size_t i = 0; i < t->n_mounts; i++)
                if (mount_one(rootfd, &t->mounts[i], err) < 0)
                        return -1;
        t->rootfd = take_fd(rootfd);
        return 0;
}

static void *thread_run(void *arg)
{
        struct view_thread *t = arg;
        struct error error = {};

        thread_mount(t, &error);
        pthread_mutex_lock(&t->lock);
        t->error = error;
        t->ready = true;
        pthread_cond_broadcast(&t->changed);
        while (!t->leave)
                pthread_cond_wait(&t->changed, &t->lock);
        pthread_mutex_unlock(&t->lock);
        return NULL;
}

/* ---- Outside ---- */

static void view_thread_free(struct view_thread *t)
{
        if (t->rootfd >= 0)
                close(t->rootfd);
        for (size_t i = 0; i < t->n_mounts; i++) {
                free(t->mounts[i].source);
                free(t->mounts[i].destination);
                free(t->mounts[i].subpath);
        }
        free(t->mounts);
        strv_free(t->lowers);
        free(t->upper);
        free(t->work);
        free(t->place);
        free(t->id);
        error_clear(&t->error);
        pthread_mutex_destroy(&t->lock);
        pthread_cond_destroy(&t->changed);
        free(t);
}

static void view_thread_stop(struct view_thread *t)
{
        if (t->rootfd >= 0)
                close(take_fd(t->rootfd));
        pthread_mutex_lock(&t->lock);
        t->leave = true;
        pthread_cond_broadcast(&t->changed);
        pthread_mutex_unlock(&t->lock);
        pthread_join(t->thread, NULL);
}

static int view_thread_start(struct view_thread *t, struct error *err)
{
        sigset_t all, old;
        int failed;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        failed = pthread_create(&t->thread, NULL, thread_run, t);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (failed)
                return error_errnum(err, failed, "start a thread");
        pthread_mutex_lock(&t->lock);
        while (!t->ready)
                pthread_cond_wait(&t->changed, &t->lock);
        pthread_mutex_unlock(&t->lock);
        if (t->rootfd >= 0)
                return 0;
        view_thread_stop(t);
        return error_move(err, &t->error);
}

static void add_mounts(const struct container *c, struct view_thread *t)
{
        for (size_t i = 0; i < c->mounts.count; i++) {
                const struct mount_point *p = &c->mounts.items[i];
                struct view_mount m = { .read_only = !p->rw, .recursive = !p->no_recursive };

                if (streq(p->type, "tmpfs"))
                        continue;
                m.source = xstrdup(p->source);
                m.destination = xstrdup(p->destination);
                m.subpath = xstrdup(p->subpath);
                ARRAY_APPEND(t->mounts, t->n_mounts, m);
        }
}

static int compare_depth(const void *a, const void *b)
{
        return strcmp(((const struct view_mount *)a)->destination,
                      ((const struct view_mount *)b)->destination);
}

/* The views that are open, and the lock of that list, which is held while one is made. */
static pthread_mutex_t open_views_lock = PTHREAD_MUTEX_INITIALIZER;
static struct view_thread *open_views;

static int make_view(struct engine *engine, struct container *c, struct view_thread **ret, struct error *err)
{
        struct view_thread *t = xcalloc(1, sizeof(*t));
        cleanup_free char *dir = container_dir(engine, c->id);

        t->rootfd = -1;
        pthread_mutex_init(&t->lock, NULL);
        pthread_cond_init(&t->changed, NULL);
        t->id = xstrdup(c->id);
        t->upper = string_format("%s/upper", dir);
        t->work = string_format("%s/work", dir);
        t->place = string_format("%s/bundle", dir);
        add_mounts(c, t);
        if (t->n_mounts)
                qsort(t->mounts, t->n_mounts, sizeof(*t->mounts), compare_depth);
        if (container_lowers(engine, c, &t->lowers, err) < 0 || view_thread_start(t, err) < 0) {
                view_thread_free(t);
                return -1;
        }
        *ret = t;
        return 0;
}

static int open_stopped(struct engine *engine, struct container *c, struct container_view *ret,
                        struct error *err)
{
        struct view_thread *t;
        int r = 0;

        pthread_mutex_lock(&open_views_lock);
        for (t = open_views; t && !streq(t->id, c->id); t = t->next)
                ;
        if (!t && (r = make_view(engine, c, &t, err)) == 0) {
                t->next = open_views;
                open_views = t;
        }
        if (r == 0) {
                t->users++;
                *ret = (struct container_view){ .rootfd = t->rootfd, .thread = t };
        }
        pthread_mutex_unlock(&open_views_lock);
        return r;
}

static void leave_view(struct view_thread *t)
{
        pthread_mutex_lock(&open_views_lock);
        if (--t->users == 0) {
                struct view_thread **p = &open_views;

                while (*p != t)
                        p = &(*p)->next;
                *p = t->next;
                view_thread_stop(t);
                view_thread_free(t);
        }
        pthread_mutex_unlock(&open_views_lock);
}

int container_view_open(struct engine *engine, struct container *c, struct container_view *ret,
                        struct error *err)
{
        char path[40];
        int pid;

        pthread_mutex_lock(&c->lock);
        pid = container_state_is_up(&c->state) ? c->state.pid : 0;
        pthread_mutex_unlock(&c->lock);
        if (pid > 0) {
                snprintf(path, sizeof(path), "/proc/%d/root", pid);
                ret->rootfd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
                ret->thread = NULL;
                if (ret->rootfd >= 0)
                        return 0;
                /* It ended just now. */
        }
        return open_stopped(engine, c, ret, err);
}

void container_view_close(struct container_view *view)
{
        if (view->thread)
                leave_view(view->thread);
        else if (view->rootfd >= 0)
                close(view->rootfd);
        *view = (struct container_view){ .rootfd = -1 };
}
