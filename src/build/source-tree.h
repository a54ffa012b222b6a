/* A folder that a step reads: its digest, and the memory of it, so that an unchanged one costs a walk, not a
 * read.
 *
 * Theory of operation. Each folder has a digest over its entries, sorted by name: name, type, mode, and the
 * digest of the file's bytes, of the link's target or of the folder; times, owners and inodes are in none. Of
 * a scan of the client's own folder, one file below the data root (build-contexts/HEX) keeps what stat() said
 * of every entry and its digest. In the next scan an entry whose device, inode, size, mode, mtime and ctime
 * are the same is not opened, and a folder whose times are the same is not listed. What had changed in the
 * clock's last ticks before the scan is not trusted: it could change again without its times telling. Folders
 * are scanned side by side. */
#pragma once

#include "build/build-internal.h"

#define SOURCE_NO_CHILD UINT32_MAX

enum source_flag {
        SOURCE_OUT = 1,       /* the rules leave it out */
        SOURCE_UNSETTLED = 2, /* changed just before it was looked at */
};

/* As it is in the file, too. */
struct source_entry {
        uint64_t device, inode, size;
        int64_t mtime, ctime;
        uint32_t mode;
        uint32_t name;  /* in the memory: where its name begins */
        uint32_t child; /* number of a folder; SOURCE_NO_CHILD */
        uint32_t flags;
        struct digest digest; /* of a file's bytes, a link's target, a device's number */
};

struct source_folder {
        char *path; /* from the scanned one on; "" is that itself */
        int64_t mtime, ctime;
        struct source_entry *entries;
        char **names;
        size_t count;
        uint32_t known;         /* its number in the memory; SOURCE_NO_CHILD */
        bool same;              /* as remembered, all below not counted */
        bool same_below, empty; /* with all below */
        struct digest digest;
};

struct source_tree {
        struct source_folder **folders; /* each behind the one that it is in; the first is the root */
        size_t count;
};

/* Scans `fd`, which is `path` in the source. */
int source_tree_scan(struct build *b, const struct copy_source *from, int fd, const char *path,
                     const struct copy_rules *rules, struct source_tree **ret, struct error *err);
/* The digest of all that the rules let through. */
const struct digest *source_tree_digest(const struct source_tree *t);
void source_tree_free(struct source_tree *t);
DEFINE_CLEANUP(struct source_tree *, cleanup_source_tree_func, source_tree_free)
#define cleanup_source_tree __attribute__((cleanup(cleanup_source_tree_func)))

/* ---- source-memory.c ---- */

struct source_memory;

/* NULL when there is none, or none that can be read. */
struct source_memory *source_memory_load(struct build *b, const char *name);
void source_memory_free(struct source_memory *m); /* NULL is fine */
/* The folder of that number: its entries, its times and its digest. */
struct source_known {
        const struct source_entry *entries;
        size_t count;
        int64_t mtime, ctime;
        struct digest digest;
        bool empty;
};
struct source_known source_memory_folder(const struct source_memory *m, uint32_t number);
const char *source_memory_name(const struct source_memory *m, const struct source_entry *e);
/* Replaces what is remembered. It is worth no error. */
void source_memory_save(struct build *b, const char *name, const struct source_tree *t);
