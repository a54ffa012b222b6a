/* One unpacking in progress (unpack.c), and its parts that set attributes and handle whiteouts
 * (unpack-entry.c). */
#pragma once

#include "store/overlay.h"
#include "store/unpack.h"

#include <sys/sysmacros.h>

struct unpacker {
        int rootfd;
        const char *base; /* cleaned folder below the root */
        struct tar_reader *reader;
        const struct unpack_options *options;
        char *buffer;
        int parent;        /* of the current entry, O_PATH; -1 for none */
        char *parent_name; /* as the archive calls it */
        char *parent_real; /* where it is */
        int64_t size;
        struct unpacked_folder {
                char *path;
                struct timespec mtime;
        } * folders;
        size_t n_folders;
};

/* errno as an error: what the archive asked for in vain is the archive's fault, the rest the system's. */
int unpack_errno(struct error *err, const char *what);
/* Owner, mode, attributes, mtime (not of folders) of the fresh `name` in u->parent; `fd` is it if it is open.
 */
int unpack_attributes(struct unpacker *u, int fd, const char *name, const struct tar_entry *e,
                      struct error *err);
/* `name` is ".wh.…" */
int unpack_whiteout(struct unpacker *u, const char *name, struct error *err);
