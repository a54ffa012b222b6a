/* build-contexts/HEX: header, folders, entries, names; mapped when read. A file that is not what it was
 * written as (its checksum says so) is as good as none. */
#include "build/source-tree.h"

#include "base/log.h"
#include "base/time.h"

#include <isa-l/crc64.h>
#include <sys/mman.h>

#define FOLDER "build-contexts"
#define MAGIC "davitCX1"
#define FILES_MAX 64 /* of all contexts together; the oldest go */

struct header {
        char magic[8];
        uint64_t checksum; /* of all that follows the header */
        uint64_t folders, entries, names;
};

struct folder_record {
        uint64_t first, count;
        int64_t mtime, ctime;
        struct digest digest;
        uint64_t empty;
};

struct source_memory {
        void *data;
        size_t size;
        const struct folder_record *folders;
        const struct source_entry *entries;
        const char *names;
        struct header header;
};

static uint64_t checksum(const void *data, size_t len)
{
        return crc64_ecma_refl(0, data, len);
}

/* Are all numbers in it within their bounds? */
static bool is_sound(const struct source_memory *m)
{
        const struct header *h = &m->header;

        if (h->folders == 0 || h->names == 0 || m->names[h->names - 1])
                return false;
        for (size_t i = 0; i < h->folders; i++)
                if (m->folders[i].first > h->entries ||
                    m->folders[i].count > h->entries - m->folders[i].first)
                        return false;
        for (size_t i = 0; i < h->entries; i++)
                if (m->entries[i].name >= h->names ||
                    (m->entries[i].child != SOURCE_NO_CHILD && m->entries[i].child >= h->folders))
                        return false;
        return true;
}

static bool read_layout(struct source_memory *m)
{
        struct header *h = &m->header;
        const char *at = m->data;
        size_t most = m->size;

        if (m->size < sizeof(*h))
                return false;
        memcpy(h, m->data, sizeof(*h));
        if (memcmp(h->magic, MAGIC, sizeof(h->magic)) != 0 || h->folders > most || h->entries > most ||
            h->names > most ||
            sizeof(*h) + h->folders * sizeof(*m->folders) + h->entries * sizeof(*m->entries) + h->names !=
                m->size ||
            checksum(at + sizeof(*h), m->size - sizeof(*h)) != h->checksum)
                return false;
        m->folders = (const void *)(at + sizeof(*h));
        m->entries = (const void *)(m->folders + h->folders);
        m->names = (const char *)(m->entries + h->entries);
        return is_sound(m);
}

struct source_memory *source_memory_load(struct build *b, const char *name)
{
        cleanup_free char *path = string_format("%s/" FOLDER "/%s", b->services->data_root, name);
        cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        struct source_memory *m;
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0)
                return NULL;
        m = xcalloc(1, sizeof(*m));
        m->size = (size_t)st.st_size;
        m->data = mmap(NULL, m->size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
        if (m->data == MAP_FAILED || !read_layout(m)) {
                source_memory_free(m);
                return NULL;
        }
        return m;
}

void source_memory_free(struct source_memory *m)
{
        if (!m)
                return;
        if (m->data != MAP_FAILED)
                munmap(m->data, m->size);
        free(m);
}

struct source_known source_memory_folder(const struct source_memory *m, uint32_t number)
{
        const struct folder_record *f = &m->folders[number];

        return (struct source_known){ .entries = m->entries + f->first,
                                      .count = f->count,
                                      .mtime = f->mtime,
                                      .ctime = f->ctime,
                                      .digest = f->digest,
                                      .empty = f->empty };
}

const char *source_memory_name(const struct source_memory *m, const struct source_entry *e)
{
        return m->names + e->name;
}

/* Entries know their folder by its number among the tree's. */
static void format(const struct source_tree *t, struct strbuf *out)
{
        struct header h = { .magic = MAGIC, .folders = t->count };
        struct strbuf names = {}, entries = {};

        strbuf_add(out, &h, sizeof(h));
        for (size_t i = 0; i < t->count; i++) {
                const struct source_folder *f = t->folders[i];
                struct folder_record record = {
                        h.entries, f->count, f->mtime, f->ctime, f->digest, f->empty
                };

                strbuf_add(out, &record, sizeof(record));
                for (size_t n = 0; n < f->count; n++) {
                        struct source_entry e = f->entries[n];

                        e.name = (uint32_t)names.len;
                        strbuf_add(&names, f->names[n], strlen(f->names[n]) + 1);
                        strbuf_add(&entries, &e, sizeof(e));
                }
                h.entries += f->count;
        }
        if (names.len == 0)
                strbuf_addc(&names, 0);
        h.names = names.len;
        strbuf_add(out, entries.data ? entries.data : "", entries.len);
        strbuf_add(out, names.data, names.len);
        h.checksum = checksum(out->data + sizeof(h), out->len - sizeof(h));
        memcpy(out->data, &h, sizeof(h));
        strbuf_deinit(&names);
        strbuf_deinit(&entries);
}

/* Room for one more: the ones that were written longest ago go. */
static void make_room(int folder)
{
        for (;;) {
                cleanup_closedir DIR *dir = NULL;
                cleanup_free char *oldest = NULL;
                struct timespec age = {};
                struct dirent *e;
                size_t count = 0;

                if (directory_list(folder, ".", &dir, NULL) < 0)
                        return;
                while ((e = readdir(dir))) {
                        struct stat st;

                        if (*e->d_name == '.' || fstatat(folder, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                                continue;
                        if (count++ == 0 || st.st_mtim.tv_sec < age.tv_sec ||
                            (st.st_mtim.tv_sec == age.tv_sec && st.st_mtim.tv_nsec < age.tv_nsec)) {
                                age = st.st_mtim;
                                replace_string(&oldest, e->d_name);
                        }
                }
                if (count < FILES_MAX || unlinkat(folder, oldest, 0) < 0)
                        return;
        }
}

void source_memory_save(struct build *b, const char *name, const struct source_tree *t)
{
        cleanup_free char *path = string_format("%s/" FOLDER, b->services->data_root);
        cleanup_strbuf struct strbuf text = {};
        cleanup_error struct error err = {};
        cleanup_close int folder = -1;

        format(t, &text);
        if (directory_make(AT_FDCWD, path, 0700, &err) == 0 &&
            (folder = directory_open(AT_FDCWD, path, &err)) >= 0) {
                make_room(folder);
                if (file_replace(folder, name, text.data, text.len, 0600, false, &err) == 0)
                        return;
        }
        log_warn("build: %s is not remembered: %s", name, error_message(&err));
}

void build_memory_drop(const char *data_root, int64_t until)
{
        cleanup_free char *path = string_format("%s/" FOLDER, data_root);
        cleanup_closedir DIR *dir = NULL;
        struct dirent *e;

        if (directory_list(AT_FDCWD, path, &dir, NULL) < 0)
                return; /* nothing was ever remembered */
        while ((e = readdir(dir))) {
                struct stat st;

                if (*e->d_name != '.' && fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                    (int64_t)st.st_mtim.tv_sec * NSEC_PER_SEC + st.st_mtim.tv_nsec <= until)
                        unlinkat(dirfd(dir), e->d_name, 0);
        }
}
