#include "build/source-tree.h"

#include "base/hash.h"
#include "base/path.h"
#include "base/time.h"

#include <errno.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SCANNERS_MAX 8
#define READ_SIZE (1 << 17)
/* A file system's clock: the kernel's ticks, whole seconds (or two) where it keeps no fractions. */
#define TICK (50 * NSEC_PER_SEC / 1000)
#define COARSE_TICK (2 * NSEC_PER_SEC)

struct scan {
        struct build *b;
        const struct copy_rules *rules;
        int root;
        const char *path; /* of the root in the source */
        struct source_memory *memory;
        int64_t now;
        pthread_mutex_t lock; /* over all that follows */
        pthread_cond_t changed;
        struct source_tree *tree;
        size_t next, busy; /* folders before `next` are scanned, or being scanned */
        pthread_t helpers[SCANNERS_MAX];
        size_t n_helpers, most;
        struct error failure;
};

static int64_t nanoseconds(struct timespec t)
{
        return (int64_t)t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

static bool is_unsettled(int64_t ctime, int64_t now)
{
        return now - ctime < (ctime % NSEC_PER_SEC ? TICK : COARSE_TICK);
}

/* ---- One entry ---- */

static int digest_bytes(int fd, struct digest *ret, struct error *err)
{
        cleanup_hash struct hash *h = hash_new();
        cleanup_free char *buffer = xmalloc(READ_SIZE);
        ssize_t n;

        while ((n = read(fd, buffer, READ_SIZE)) > 0)
                hash_add(h, buffer, (size_t)n);
        if (n < 0)
                return error_errno(err, "read");
        hash_finish(h, ret->bytes);
        return 0;
}

static int digest_content(int dirfd, const char *name, const struct stat *st, struct digest *ret,
                          struct error *err)
{
        char target[PATH_MAX];
        ssize_t n;

        if (S_ISREG(st->st_mode)) {
                cleanup_close int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

                if (fd < 0)
                        return error_errno(err, "open %s", name);
                return digest_bytes(fd, ret, err);
        }
        if (S_ISLNK(st->st_mode)) {
                n = readlinkat(dirfd, name, target, sizeof(target));
                if (n < 0)
                        return error_errno(err, "readlink %s", name);
                digest_of(target, (size_t)n, ret);
                return 0;
        }
        digest_of(&st->st_rdev, sizeof(st->st_rdev), ret);
        return 0;
}

static bool is_same(const struct source_entry *known, const struct source_entry *e)
{
        return known && !(known->flags & SOURCE_UNSETTLED) && known->device == e->device &&
               known->inode == e->inode && known->size == e->size && known->mtime == e->mtime &&
               known->ctime == e->ctime && known->mode == e->mode && known->flags == e->flags;
}

/* ---- One folder ---- */

/* What is remembered of it, and where the search for the next name begins: names mostly come in the same
 * order again. */
struct recall {
        struct source_known folder;
        const struct source_memory *memory;
        size_t at;
        const struct source_entry **sorted;
};

static int by_known_name(const void *a, const void *b, void *memory)
{
        return strcmp(source_memory_name(memory, *(const struct source_entry *const *)a),
                      source_memory_name(memory, *(const struct source_entry *const *)b));
}

static const struct source_entry *search(struct recall *r, const char *name)
{
        size_t low = 0, high = r->folder.count;

        if (!r->sorted) {
                r->sorted = xcalloc(r->folder.count, sizeof(*r->sorted));
                for (size_t i = 0; i < r->folder.count; i++)
                        r->sorted[i] = &r->folder.entries[i];
                qsort_r(r->sorted, r->folder.count, sizeof(*r->sorted), by_known_name, (void *)r->memory);
        }
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = strcmp(name, source_memory_name(r->memory, r->sorted[middle]));

                if (order == 0)
                        return r->sorted[middle];
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return NULL;
}

static const struct source_entry *recall(struct recall *r, const char *name)
{
        const struct source_entry *e = r->at < r->folder.count ? &r->folder.entries[r->at] : NULL;

        if (!e || !streq(source_memory_name(r->memory, e), name))
                e = r->folder.count ? search(r, name) : NULL;
        if (e)
                r->at = (size_t)(e - r->folder.entries) + 1;
        return e;
}

static int is_left_out(const struct scan *s, const struct source_folder *f, const char *name, bool *ret,
                       struct error *err)
{
        cleanup_free char *inner = string_format("%s%s%s", f->path, *f->path ? "/" : "", name);
        cleanup_free char *source = string_format("%s%s%s", s->path, *s->path ? "/" : "", inner);

        return copy_leaves_out(s->rules, source, inner, ret, err);
}

/* Appends a folder that somebody will scan. */
static uint32_t add_folder(struct scan *s, const struct source_folder *in, const char *name, uint32_t known)
{
        struct source_folder *f = xcalloc(1, sizeof(*f));
        uint32_t number;

        f->path = in ? string_format("%s%s%s", in->path, *in->path ? "/" : "", name) : xstrdup("");
        f->known = known;
        pthread_mutex_lock(&s->lock);
        number = (uint32_t)s->tree->count;
        ARRAY_APPEND(s->tree->folders, s->tree->count, f);
        pthread_cond_signal(&s->changed);
        pthread_mutex_unlock(&s->lock);
        return number;
}

static int scan_entry(struct scan *s, struct source_folder *f, int fd, const char *name,
                      const struct source_entry *known, struct error *err)
{
        struct source_entry e = { .child = SOURCE_NO_CHILD };
        struct stat st;
        bool out = known && known->flags & SOURCE_OUT;

        if (!known && is_left_out(s, f, name, &out, err) < 0)
                return -1;
        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return error_errno(err, "%s", name);
        e.mode = st.st_mode;
        e.flags = out ? SOURCE_OUT : 0;
        if (!out || (S_ISDIR(st.st_mode) && copy_may_come_back(s->rules))) {
                e.device = st.st_dev;
                e.inode = st.st_ino;
                if (!S_ISDIR(st.st_mode)) {
                        e.size = (uint64_t)st.st_size;
                        e.mtime = nanoseconds(st.st_mtim);
                        e.ctime = nanoseconds(st.st_ctim);
                }
                if (is_same(known, &e))
                        e.digest = known->digest;
                else if (!S_ISDIR(st.st_mode) && digest_content(fd, name, &st, &e.digest, err) < 0)
                        return -1;
                if (S_ISDIR(st.st_mode))
                        e.child = add_folder(s, f, name, is_same(known, &e) ? known->child : SOURCE_NO_CHILD);
                else if (is_unsettled(e.ctime, s->now))
                        e.flags |= SOURCE_UNSETTLED;
        }
        f->same = f->same && is_same(known, &e);
        f->names[f->count] = xstrdup(name);
        f->entries[f->count++] = e;
        return 0;
}

static void make_room(struct source_folder *f, size_t *room)
{
        if (f->count < *room)
                return;
        *room = *room ? 2 * *room : 16;
        f->entries = xrealloc(f->entries, *room * sizeof(*f->entries));
        f->names = xrealloc(f->names, *room * sizeof(*f->names));
}

/* Its names are what they were: only its entries are looked at. */
static int scan_known(struct scan *s, struct source_folder *f, int fd, const struct source_known *known,
                      struct error *err)
{
        size_t room = 0;

        for (size_t i = 0; i < known->count; i++) {
                make_room(f, &room);
                if (scan_entry(s, f, fd, source_memory_name(s->memory, &known->entries[i]),
                               &known->entries[i], err) < 0)
                        return -1;
        }
        return 0;
}

static int scan_listed(struct scan *s, struct source_folder *f, int fd, const struct source_known *known,
                       struct error *err)
{
        struct recall memory = { .folder = *known, .memory = s->memory };
        cleanup_closedir DIR *dir = NULL;
        struct dirent *e;
        size_t room = 0;
        int r = directory_list(fd, ".", &dir, err);

        while (r == 0 && (e = readdir(dir))) {
                if (streq(e->d_name, ".") || streq(e->d_name, ".."))
                        continue;
                make_room(f, &room);
                r = scan_entry(s, f, fd, e->d_name, recall(&memory, e->d_name), err);
        }
        free(memory.sorted);
        f->same = f->same && f->count == known->count;
        return r;
}

static int scan_folder(struct scan *s, struct source_folder *f, struct error *err)
{
        cleanup_close int fd =
            open_beneath(s->root, *f->path ? f->path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
        struct source_known known = {};
        struct stat st;
        int64_t mtime, ctime;

        if (fd < 0)
                return -1;
        if (fstat(fd, &st) < 0)
                return error_errno(err, "%s", f->path);
        if (build_check_cancelled(s->b, err) < 0)
                return -1;
        mtime = nanoseconds(st.st_mtim);
        ctime = nanoseconds(st.st_ctim);
        if (s->memory && f->known != SOURCE_NO_CHILD)
                known = source_memory_folder(s->memory, f->known);
        f->same = f->known != SOURCE_NO_CHILD && known.mtime == mtime && known.ctime == ctime;
        if (f->same ? scan_known(s, f, fd, &known, err) < 0 : scan_listed(s, f, fd, &known, err) < 0)
                return -1;
        if (!is_unsettled(ctime, s->now)) {
                f->mtime = mtime;
                f->ctime = ctime;
        } else {
                f->mtime = f->ctime = INT64_MIN; /* equals none: it is listed again */
        }
        return 0;
}

/* ---- All folders ---- */

static struct source_folder *take_folder(struct scan *s)
{
        while (!s->failure.kind && s->next == s->tree->count && s->busy > 0)
                pthread_cond_wait(&s->changed, &s->lock);
        return s->failure.kind || s->next == s->tree->count ? NULL : s->tree->folders[s->next++];
}

static void *scan_along(void *arg);

/* With the lock held: somebody more while there is more than one can do. */
static void call_helper(struct scan *s)
{
        if (s->tree->count - s->next > 1 && s->n_helpers + 1 < s->most &&
            pthread_create(&s->helpers[s->n_helpers], NULL, scan_along, s) == 0)
                s->n_helpers++;
}

static void *scan_along(void *arg)
{
        struct scan *s = arg;
        struct source_folder *f;

        pthread_mutex_lock(&s->lock);
        while ((f = take_folder(s))) {
                struct error failure = {};
                int r;

                s->busy++;
                call_helper(s);
                pthread_mutex_unlock(&s->lock);
                r = scan_folder(s, f, &failure);
                pthread_mutex_lock(&s->lock);
                s->busy--;
                if (r < 0 && !s->failure.kind)
                        error_move(&s->failure, &failure);
                else
                        error_clear(&failure);
        }
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
        return NULL;
}

static int scan_all(struct scan *s, struct error *err)
{
        s->most = MIN((size_t)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1), SCANNERS_MAX);
        add_folder(s, NULL, NULL, s->memory ? 0 : SOURCE_NO_CHILD);
        scan_along(s);
        /* Nothing is left to scan, so nobody is called any more. */
        for (size_t i = 0; i < s->n_helpers; i++)
                pthread_join(s->helpers[i], NULL);
        return s->failure.kind ? error_move(err, &s->failure) : 0;
}

/* ---- Digests, from below ---- */

static int by_name(const void *a, const void *b, void *arg)
{
        const struct source_folder *f = arg;

        return strcmp(f->names[*(const size_t *)a], f->names[*(const size_t *)b]);
}

static void add_entry(const struct source_tree *t, const struct source_folder *f, size_t i, struct hash *h)
{
        const struct source_entry *e = &f->entries[i];
        const struct source_folder *child = e->child == SOURCE_NO_CHILD ? NULL : t->folders[e->child];

        if (e->flags & SOURCE_OUT && (!child || child->empty))
                return;
        hash_add(h, f->names[i], strlen(f->names[i]) + 1);
        hash_add(h, &e->mode, sizeof(e->mode));
        hash_add(h, child ? &child->digest : &e->digest, sizeof(e->digest));
}

static void digest_folder(const struct source_tree *t, struct source_folder *f)
{
        cleanup_hash struct hash *h = hash_new();
        cleanup_free size_t *order = xcalloc(f->count + 1, sizeof(*order));

        f->empty = true;
        for (size_t i = 0; i < f->count; i++) {
                const struct source_entry *e = &f->entries[i];

                order[i] = i;
                f->empty = f->empty && e->flags & SOURCE_OUT &&
                           (e->child == SOURCE_NO_CHILD || t->folders[e->child]->empty);
        }
        qsort_r(order, f->count, sizeof(*order), by_name, f);
        for (size_t i = 0; i < f->count; i++)
                add_entry(t, f, order[i], h);
        hash_finish(h, f->digest.bytes);
}

static void digest_all(const struct scan *s)
{
        const struct source_tree *t = s->tree;

        for (size_t i = t->count; i > 0; i--) {
                struct source_folder *f = t->folders[i - 1];

                f->same_below = f->same;
                for (size_t n = 0; n < f->count && f->same_below; n++)
                        if (f->entries[n].child != SOURCE_NO_CHILD)
                                f->same_below = t->folders[f->entries[n].child]->same_below;
                if (f->same_below) {
                        struct source_known known = source_memory_folder(s->memory, f->known);

                        f->digest = known.digest;
                        f->empty = known.empty;
                } else {
                        digest_folder(t, f);
                }
        }
}

/* One memory for each folder, way to it and rules. */
static void name_memory(const struct scan *s, const struct stat *st, char ret[DIGEST_HEX_SIZE])
{
        const struct path_matcher *const matchers[] = { s->rules->ignore, s->rules->exclude,
                                                        s->rules->include };
        cleanup_strbuf struct strbuf text = {};
        struct digest digest;

        strbuf_addf(&text, "%llx %llx %s%c", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino,
                    s->path, 0);
        for (size_t i = 0; i < ARRAY_SIZE(matchers); i++) {
                strbuf_addc(&text, matchers[i] ? 1 : 0);
                if (matchers[i])
                        path_matcher_describe(matchers[i], &text);
        }
        digest_of(text.data, text.len, &digest);
        digest_format_hex(&digest, ret);
}

static int scan_remembered(struct scan *s, int fd, bool remember, struct error *err)
{
        char name[DIGEST_HEX_SIZE];
        struct stat st;

        if (fstat(fd, &st) < 0)
                return error_errno(err, "%s", s->path);
        name_memory(s, &st, name);
        if (remember)
                s->memory = source_memory_load(s->b, name);
        if (scan_all(s, err) < 0)
                return -1;
        digest_all(s);
        if (remember && !s->tree->folders[0]->same_below)
                source_memory_save(s->b, name, s->tree);
        return 0;
}

int source_tree_scan(struct build *b, const struct copy_source *from, int fd, const char *path,
                     const struct copy_rules *rules, struct source_tree **ret, struct error *err)
{
        cleanup_source_tree struct source_tree *tree = xcalloc(1, sizeof(*tree));
        struct scan s = { .b = b,
                          .rules = rules,
                          .root = fd,
                          .path = path,
                          .now = time_now(),
                          .lock = PTHREAD_MUTEX_INITIALIZER,
                          .changed = PTHREAD_COND_INITIALIZER,
                          .tree = tree };
        /* What was unpacked for this build has new inodes every time. */
        int r = scan_remembered(&s, fd, !from->context->tmp_name, err);

        source_memory_free(s.memory);
        pthread_cond_destroy(&s.changed);
        pthread_mutex_destroy(&s.lock);
        if (r == 0)
                *ret = take_ptr(tree);
        return r;
}

const struct digest *source_tree_digest(const struct source_tree *t)
{
        return &t->folders[0]->digest;
}

void source_tree_free(struct source_tree *t)
{
        if (!t)
                return;
        for (size_t i = 0; i < t->count; i++) {
                struct source_folder *f = t->folders[i];

                for (size_t n = 0; n < f->count; n++)
                        free(f->names[n]);
                free(f->names);
                free(f->entries);
                free(f->path);
                free(f);
        }
        free(t->folders);
        free(t);
}
