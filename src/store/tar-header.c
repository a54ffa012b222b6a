/* Fields of a tar header. */
#include "store/tar-internal.h"

int tar_number(const char *field, size_t len, int64_t *ret, struct error *err)
{
        const unsigned char *p = (const unsigned char *)field;
        uint64_t n = 0;
        size_t i = 0;

        if (p[0] & 0x80) { /* base-256; the second bit is the sign */
                bool negative = p[0] & 0x40;

                for (i = 0; i < len; i++) {
                        unsigned byte = p[i];

                        if (i == 0)
                                byte = negative ? byte | 0x80 : byte & 0x7f;
                        if (negative)
                                byte ^= 0xff;
                        if (n >> 55)
                                return error_set(err, ERROR_INVALID,
                                                 "invalid tar header: number out of range");
                        n = n << 8 | (byte & 0xff);
                }
                *ret = negative ? -(int64_t)n - 1 : (int64_t)n;
                return 0;
        }
        while (i < len && (p[i] == ' ' || p[i] == '\0'))
                i++;
        for (; i < len && p[i] >= '0' && p[i] <= '7'; i++)
                n = n << 3 | (p[i] - '0'); /* at most 12 digits: no overflow */
        if (i < len && p[i] != ' ' && p[i] != '\0')
                return error_set(err, ERROR_INVALID, "invalid tar header");
        *ret = (int64_t)n;
        return 0;
}

int64_t tar_checksum(const struct tar_header *h, bool is_signed)
{
        const unsigned char *p = (const unsigned char *)h;
        int64_t sum = 0;

        for (size_t i = 0; i < TAR_BLOCK; i++) {
                unsigned char byte = p[i];

                if (i >= offsetof(struct tar_header, checksum) && i < offsetof(struct tar_header, type))
                        byte = ' ';
                sum += is_signed ? (signed char)byte : byte;
        }
        return sum;
}

int tar_extents_check(const struct tar_entry *e, int64_t size, int64_t *ret_sum, struct error *err)
{
        int64_t end = 0, sum = 0;

        for (size_t i = 0; i < e->n_extents; i++) {
                const struct tar_extent *x = &e->extents[i];

                if (x->offset < end || x->len < 0 || x->offset > size || x->len > size - x->offset)
                        return error_set(err, ERROR_INVALID,
                                         "invalid tar header: parts of a sparse file overlap");
                end = x->offset + x->len;
                sum += x->len;
        }
        *ret_sum = sum;
        return 0;
}

void tar_entry_deinit(struct tar_entry *e)
{
        for (size_t i = 0; i < e->n_xattrs; i++) {
                free(e->xattrs[i].name);
                free(e->xattrs[i].value);
        }
        free(e->xattrs);
        free(e->extents);
        free(e->path);
        free(e->link);
        free(e->user);
        free(e->group);
        *e = (struct tar_entry){};
}
