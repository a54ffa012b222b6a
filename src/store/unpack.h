/* Unpacking a tar beneath a directory, and packing a directory into one. */
#pragma once

#include "store/tar.h"

enum {
        UNPACK_WHITEOUTS = 1 << 0, /* .wh. names become overlayfs whiteouts and opaque marks (layers) */
        UNPACK_NO_OVERWRITE_DIR = 1 << 1, /* a folder and a non-folder never replace each other (cp) */
        UNPACK_CHOWN = 1 << 2,            /* everything belongs to uid:gid of the options */
        UNPACK_REFUSE_DEVICES = 1 << 3,
};

struct unpack_options {
        unsigned flags;
        uint32_t uid, gid;
        /* Called before something that is there gives way to an entry (not for folders that stay); may be
         * NULL. */
        int (*replacing)(void *arg, struct error *err);
        /* Called before a file's data is written. `path` is where the file really lies below the root: no
         * component of it is a symlink. May be NULL. */
        int (*file)(void *arg, const char *path, const struct tar_entry *e, struct error *err);
        void *arg;
};

/* Unpacks the (uncompressed) tar below the folder `path` of `rootfd` (which may be O_PATH). Names are
 * resolved as a process chrooted to `rootfd` would: symlinks never lead out. Entries or links that name
 * something above `path` are an ERROR_INVALID. On failure a part may be there. *ret_size (may be NULL): bytes
 * of files and symlinks. */
int tar_unpack(int rootfd, const char *path, struct stream *tar, const struct unpack_options *options,
               int64_t *ret_size, struct error *err);
/* As tar_unpack() with a reader that the caller made. */
int tar_unpack_reader(int rootfd, const char *path, struct tar_reader *reader,
                      const struct unpack_options *options, int64_t *ret_size, struct error *err);

/* `path` without empty and "." components and with ".." applied, without leading slash ("" is the root);
 * heap. NULL if it would climb out. */
char *tar_clean_path(const char *path);

enum {
        PACK_WHITEOUTS =
            1 << 0,         /* overlayfs whiteouts and opaque marks become .wh. names (an upper directory) */
        PACK_ROOT = 1 << 1, /* also an entry for the folder itself ("./") */
        PACK_SET_TIMES = 1 << 2, /* set the files' own mtimes to what the tar says, too */
};
struct pack_options {
        unsigned flags;
        const char *prefix; /* put before every name ("d" for d/…), NULL for none */
        int64_t timestamp;  /* later mtimes become this (nanoseconds); INT64_MAX for none */
        /* Called with the path before each file's data; may be NULL. */
        int (*file)(void *arg, const char *path, int64_t size, struct error *err);
        /* Is this path left out, a folder with all in it unless `skip_exceptions`? May be NULL. */
        int (*skip)(void *arg, const char *path, bool *ret, struct error *err);
        bool skip_exceptions; /* below a folder that is left out something may be wanted: it stays */
        void *arg;
        int64_t *size; /* gets the bytes of files and symlinks added, hard links once; may be NULL */
};
/* Packs the folder `dirfd` in a fixed order (names sorted by bytes, depth first). Sockets are left out. */
int tar_pack(int dirfd, struct tar_writer *out, const struct pack_options *options, struct error *err);
/* One entry of any kind, not followed if a symlink; a folder comes with everything in it. It is called `as`
 * in the tar. */
int tar_pack_path(int dirfd, const char *name, const char *as, struct tar_writer *out,
                  const struct pack_options *options, struct error *err);
