/* What a tar holds beside the bytes of its files, so that both together are the tar again: a zstd stream of
 * records.
 *
 *     'R' len:u32 bytes…                                       bytes of the tar
 *     'F' path_len:u32 size:u64 path…                          the whole file `path` of the tree
 *     'S' path_len:u32 extents:u32 path… (offset:u64 len:u64)… these parts of it (sparse files)
 *
 * Numbers are little endian. */
#pragma once

#include "store/tar.h"

struct split_writer;
/* Writes to `fd`, which stays the caller's. */
struct split_writer *split_writer_new(int fd);
void split_writer_free(struct split_writer *w);
static inline void cleanup_split_writer_func(struct split_writer **w)
{
        if (*w)
                split_writer_free(*w);
}
#define cleanup_split_writer __attribute__((cleanup(cleanup_split_writer_func)))
/* Takes raw bytes; lives as long as the writer. */
struct sink *split_writer_sink(struct split_writer *w);
int split_writer_file(struct split_writer *w, const char *path, const struct tar_entry *e, struct error *err);
int split_writer_finish(struct split_writer *w, struct error *err);

/* Puts the tar together again: records from `fd` (read from its beginning), files from the tree `rootfd`. */
int split_join(int fd, int rootfd, struct sink *out, struct error *err);
