/* The header block, as it lies in the archive (POSIX.1-1988 ustar, with GNU's fields where they differ). */
#pragma once

#include "store/tar.h"

#define TAR_BLOCK 512

struct tar_header {
        char name[100];
        char mode[8];
        char uid[8];
        char gid[8];
        char size[12];
        char mtime[12];
        char checksum[8];
        char type;
        char link[100];
        char magic[8]; /* "ustar\0" "00", or GNU's "ustar  " */
        char user[32];
        char group[32];
        char major[8];
        char minor[8];
        union {
                char prefix[155];
                struct {
                        char atime[12], ctime[12], offset[12], longnames[4], unused;
                        struct tar_header_sparse {
                                char offset[12], len[12];
                        } sparse[4];
                        char extended;
                        char real_size[12];
                } gnu;
        };
        char padding[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a tar header is one block");

/* Octal, or base-256 when the first byte's top bit is set. Fields of blanks are 0. ERROR_INVALID. */
int tar_number(const char *field, size_t len, int64_t *ret, struct error *err);
/* The sum of a header's bytes with blanks for the checksum itself; `is_signed` as some old programs did. */
int64_t tar_checksum(const struct tar_header *h, bool is_signed);

/* What pax records of one entry say; zero where they say nothing. */
struct tar_pax {
        struct tar_entry entry; /* path, link, user, group, xattrs, extents */
        bool has_uid, has_gid, has_size, has_mtime;
        int64_t size;
        int64_t real_size; /* GNU.sparse.*; -1 when absent */
        char *sparse_name;
        int sparse_major, sparse_minor;
        bool sparse;
};
void tar_pax_deinit(struct tar_pax *pax);
/* Reads the records of a pax header ("25 ctime=1084839148.1212\n"…). */
int tar_pax_parse(const char *data, size_t len, struct tar_pax *pax, struct error *err);
/* Checks that extents ascend, do not overlap and fit into a file of `size`; the sum of their lengths. */
int tar_extents_check(const struct tar_entry *e, int64_t size, int64_t *ret_sum, struct error *err);
