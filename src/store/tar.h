/* Our own tar: reader and writer (ustar, pax, GNU long names, GNU and pax sparse files, base-256 numbers,
 * nanosecond mtimes, SCHILY.xattr.* attributes, hard links, devices), and unpacking beneath a directory
 * descriptor. */
#pragma once

#include "base/stream.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

/* Caps on what a tar can make us keep in memory. */
#define TAR_PATH_MAX 4096
#define TAR_PAX_MAX (1 << 20)
#define TAR_XATTRS_MAX 256
#define TAR_EXTENTS_MAX (1 << 20)

enum tar_type {
        TAR_FILE = '0',
        TAR_HARDLINK = '1',
        TAR_SYMLINK = '2',
        TAR_CHAR = '3',
        TAR_BLOCK_DEVICE = '4',
        TAR_DIRECTORY = '5',
        TAR_FIFO = '6',
};

struct tar_xattr {
        char *name; /* "user.x", "security.capability" */
        void *value;
        size_t len;
};
struct tar_extent {
        int64_t offset, len;
};

struct tar_entry {
        enum tar_type type;
        char *path;  /* as stored but for trailing slashes; any bytes but NUL, as Linux names are */
        char *link;  /* target of a hard or symbolic link, else NULL */
        mode_t mode; /* permission bits with setuid, setgid, sticky; no type */
        uint32_t uid, gid;
        char *user, *group; /* may be NULL */
        struct timespec mtime;
        int64_t size;      /* of the file: with its holes if it is sparse; 0 for everything but files */
        int64_t data_size; /* bytes in the archive */
        unsigned major, minor;
        struct tar_xattr *xattrs;
        size_t n_xattrs;
        struct tar_extent *extents; /* of a sparse file: where its data lies */
        size_t n_extents;
        bool sparse;
};
void tar_entry_deinit(struct tar_entry *e);
#define cleanup_tar_entry __attribute__((cleanup(tar_entry_deinit)))

struct tar_reader;
/* `in` is uncompressed and stays the caller's. `raw` (may be NULL) gets every byte of the tar that is not
 * file data: headers, padding, what follows the end mark. */
struct tar_reader *tar_reader_new(struct stream *in, struct sink *raw);
void tar_reader_free(struct tar_reader *r);
static inline void cleanup_tar_reader_func(struct tar_reader **r)
{
        if (*r)
                tar_reader_free(*r);
}
#define cleanup_tar_reader __attribute__((cleanup(cleanup_tar_reader_func)))
/* 1 with an entry (valid until the next call; the reader's), 0 at the end (the stream is then read to its
 * end), -1. Unread data of the previous entry is skipped. Global pax headers are heeded for nothing. */
int tar_reader_next(struct tar_reader *r, const struct tar_entry **ret, struct error *err);
/* The entry's archived data (`data_size` bytes, a sparse file's extents one after the other); 0 at its end.
 */
ssize_t tar_reader_data(struct tar_reader *r, void *buffer, size_t len, struct error *err);

/* From now on `raw` gets the file data that is read, too. */
void tar_reader_keep_data(struct tar_reader *r);

struct tar_writer;
/* `out` stays the caller's. */
struct tar_writer *tar_writer_new(struct sink *out);
void tar_writer_free(struct tar_writer *w);
static inline void cleanup_tar_writer_func(struct tar_writer **w)
{
        if (*w)
                tar_writer_free(*w);
}
#define cleanup_tar_writer __attribute__((cleanup(cleanup_tar_writer_func)))
/* Writes a header (pax records only where ustar is too small); `size` bytes of data follow for TAR_FILE. */
int tar_writer_entry(struct tar_writer *w, const struct tar_entry *e, struct error *err);
int tar_writer_data(struct tar_writer *w, const void *data, size_t len, struct error *err);
/* Exactly `size` bytes from `fd`: a file that shrank is filled with zeros, one that grew is cut. */
int tar_writer_fd(struct tar_writer *w, int fd, int64_t size, struct error *err);
/* A small file in one go (mode, mtime 0 means 1970). */
int tar_writer_file(struct tar_writer *w, const char *path, mode_t mode, time_t mtime, const void *data,
                    size_t len, struct error *err);
/* The end mark. */
int tar_writer_finish(struct tar_writer *w, struct error *err);
