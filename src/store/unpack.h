/* Unpacking a tar beneath a directory, and packing a directory into one. */
#pragma once

#include "store/tar.h"

enum {
        UNPACK_WHITEOUTS = 1 << 0,        /* .wh. names become overlayfs whiteouts and opaque marks (layers) */
        UNPACK_NO_OVERWRITE_DIR = 1 << 1, /* a folder and a non-folder never replace each other (cp) */
        UNPACK_CHOWN = 1 << 2,            /* everything belongs to uid:gid of the options */
        UNPACK_REFUSE_DEVICES = 1 << 3,
};

struct unpack_options {
        unsigned flags;
        uint32_t uid, gid;
        /* Called for every path made or replaced, relative to the root, e.g. to know what changed; may be NULL. */
        int (*entry)(void *arg, const struct tar_entry *e, struct error *err);
        void *arg;
};

/* Unpacks the (uncompressed) tar below the folder `path` of `rootfd`. Names are resolved as a process chrooted to
 * `rootfd` would: symlinks never lead out. Entries or links that name something above `path` are an ERROR_INVALID.
 * On failure a part may be there. *ret_size (may be NULL): bytes of files written. */
int tar_unpack(int rootfd, const char *path, struct stream *tar, const struct unpack_options *options,
               int64_t *ret_size, struct error *err);

enum {
        PACK_WHITEOUTS = 1 << 0, /* overlayfs whiteouts and opaque marks become .wh. names (an upper directory) */
        PACK_ROOT = 1 << 1,      /* also an entry for the folder itself ("./") */
};
struct pack_options {
        unsigned flags;
        const char *prefix; /* put before every name ("d" for d/…), NULL for none */
        int64_t timestamp;  /* later mtimes become this (nanoseconds); INT64_MAX for none */
        /* Called with the path before each file's data; may be NULL. */
        int (*file)(void *arg, const char *path, int64_t size, struct error *err);
        void *arg;
};
/* Packs the folder `dirfd` in a fixed order (names sorted by bytes, depth first). Sockets are left out. */
int tar_pack(int dirfd, struct tar_writer *out, const struct pack_options *options, struct error *err);
/* One entry of any kind, not followed if a symlink; a folder comes with everything in it. It is called `as` in the tar. */
int tar_pack_path(int dirfd, const char *name, const char *as, struct tar_writer *out, const struct pack_options *options,
                  struct error *err);
