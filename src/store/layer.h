/* Layers, named by diff id (the digest of the uncompressed tar).
 *
 * On disk a layer is layers/sha256/HEX/ with fs/ (the tree, whiteouts in overlayfs' own form) and what it
 * takes to give back its tar byte for byte. Layers never change once named. Every function that gives a layer
 * to the caller also takes a hold on it, which keeps it from store_collect(): release it with layer_release()
 * after the layer has been pinned (image_create() pins those of an image; containers and build cache records
 * pin their own). */
#pragma once

#include "base/stream.h"
#include "oci/digest.h"
#include "store/store.h"

struct layer {
        struct digest diff_id;
        int64_t size;     /* bytes in files and symlinks, hard links once: what Docker shows */
        int64_t tar_size; /* bytes of the tar */
};

/* What stores a layer's content; `dirs` is the first, `erofs` comes later. `dirfd` is layers/sha256/HEX, or
 * the folder below tmp/ that will become it. */
struct layer_driver {
        const char *name;
        /* Unpacks the tar into the folder. `ret` is filled but for the diff id. */
        int (*apply)(struct store *store, int dirfd, struct stream *tar, struct layer *ret,
                     struct error *err);
        /* The folder holds fs/, moved there from an overlay's upper directory; computes the tar and its
         * digest. For `timestamp` see layer_from_upper(). */
        int (*adopt)(struct store *store, int dirfd, int64_t timestamp, struct layer *ret, struct error *err);
        int (*tar)(struct store *store, int dirfd, struct sink *out, struct error *err);
        /* What overlay takes as lower directory, relative to the layer's folder. */
        const char *lower;
};

/* Makes a layer from a tar (any compression, told by magic), read to its end. With `expected` a layer that is
 * there already is not read at all, several callers at once do the work once, and a diff id that differs is
 * an ERROR_INVALID. Entries that climb out of the root, damaged headers, numbers out of range: ERROR_INVALID
 * and nothing is stored. A full disk is an ERROR_SYSTEM and nothing is stored. */
int layer_apply(struct store *store, struct stream *tar, const struct digest *expected, struct layer *ret,
                struct error *err);
/* Makes a layer from the upper directory `name` below `dirfd` (same file system), which is moved away:
 * nothing may be mounted on it any more. With `timestamp` >= 0 (nanoseconds; SOURCE_DATE_EPOCH) later mtimes
 * are set back to it. */
int layer_from_upper(struct store *store, int dirfd, const char *name, int64_t timestamp, struct layer *ret,
                     struct error *err);
/* Makes a layer from a copy of an upper directory (a container's, which goes on using it). `dirfd` is the
 * directory. */
int layer_from_copy(struct store *store, int dirfd, struct layer *ret, struct error *err);

/* Finds a layer and takes a hold; ERROR_NOT_FOUND. */
int layer_get(struct store *store, const struct digest *diff_id, struct layer *ret, struct error *err);
void layer_release(struct store *store, const struct digest *diff_id);

/* Writes exactly the tar that the layer was made from. */
int layer_tar(struct store *store, const struct digest *diff_id, struct sink *out, struct error *err);
/* As layer_tar() as a stream, which a thread of its own fills; the layer is held until stream_free(). */
int layer_tar_stream(struct store *store, const struct digest *diff_id, struct stream **ret,
                     struct error *err);

/* The lower directories of a chain (diff ids lowest first) as absolute paths, TOPMOST FIRST as overlayfs
 * wants them. An empty chain gives one empty directory. */
int layer_lowers(struct store *store, const struct digest *diff_ids, size_t count, char ***ret,
                 struct error *err);

/* As layer_lowers() for running something on it: below all there is a folder with what mounts need (/proc,
 * /sys, /dev, /etc/hosts …), so that making mount points changes nothing in the upper directory. */
int layer_run_lowers(struct store *store, const struct digest *diff_ids, size_t count, char ***ret,
                     struct error *err);

/* Pins keep layers while a row says so. `owner` is "image:HEX", "container:ID", "cache:KEY" …. layer_pin()
 * replaces the owner's pins. What is not `durable` doesn't wait for the disk: it survives the death of the process,
 * not always a power cut. */
int layer_pin(struct store *store, const char *owner, const struct digest *diff_ids, size_t count, bool durable,
              struct error *err);
int layer_unpin(struct store *store, const char *owner, bool durable, struct error *err);
/* The owners whose names begin with `prefix` (no wildcards in it). */
int layer_pin_owners(struct store *store, const char *prefix, char ***ret, struct error *err);

/* Sum of all layers' sizes, each once (`system df`: LayersSize). */
int layer_total_size(struct store *store, int64_t *ret, struct error *err);
