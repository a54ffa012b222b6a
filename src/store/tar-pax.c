/* Pax extended headers: pure parsing. Source: POSIX.1-2017, pax(1), "pax Header Block"; GNU tar manual for
 * sparse. */
#include "store/tar-internal.h"

#include <limits.h>

#define SECONDS_MAX (INT64_MAX / 4)

void tar_pax_deinit(struct tar_pax *pax)
{
        tar_entry_deinit(&pax->entry);
        free(pax->sparse_name);
        *pax = (struct tar_pax){ .real_size = -1 };
}

static int bad_record(const char *name, struct error *err)
{
        return error_set(err, ERROR_INVALID, "invalid tar header: pax record %s", name);
}

static int parse_int(const char *name, const char *value, int64_t *ret, struct error *err)
{
        if (string_to_int64(value, ret, NULL) < 0 || *ret < 0)
                return bad_record(name, err);
        return 0;
}

/* "1350244992.023960108", also negative and without fraction. */
static int parse_time(const char *name, const char *value, struct timespec *ret, struct error *err)
{
        bool negative = *value == '-';
        int64_t seconds = 0;
        long nanoseconds = 0, unit = 100000000;
        const char *p = value + negative;

        if (*p < '0' || *p > '9')
                return bad_record(name, err);
        for (; *p >= '0' && *p <= '9'; p++) {
                seconds = seconds * 10 + (*p - '0');
                if (seconds > SECONDS_MAX / 16)
                        return bad_record(name, err);
        }
        if (*p == '.')
                for (p++; *p >= '0' && *p <= '9'; p++, unit /= 10)
                        nanoseconds += (*p - '0') * unit;
        if (*p)
                return bad_record(name, err);
        if (negative) {
                seconds = -seconds - (nanoseconds ? 1 : 0);
                nanoseconds = nanoseconds ? 1000000000 - nanoseconds : 0;
        }
        *ret = (struct timespec){ .tv_sec = (time_t)seconds, .tv_nsec = nanoseconds };
        return 0;
}

static int add_xattr(struct tar_pax *pax, const char *name, const char *value, size_t len, struct error *err)
{
        struct tar_xattr attribute;

        if (!*name || strlen(name) > 255 || len > 65536 || pax->entry.n_xattrs >= TAR_XATTRS_MAX)
                return bad_record("SCHILY.xattr", err);
        attribute = (struct tar_xattr){ .name = xstrdup(name), .value = xmemdup(value, len), .len = len };
        ARRAY_APPEND(pax->entry.xattrs, pax->entry.n_xattrs, attribute);
        return 0;
}

static int add_extent(struct tar_entry *e, int64_t offset, int64_t len, struct error *err)
{
        struct tar_extent extent = { offset, len };

        if (e->n_extents >= TAR_EXTENTS_MAX)
                return error_set(err, ERROR_INVALID, "invalid tar header: too many parts in a sparse file");
        ARRAY_APPEND(e->extents, e->n_extents, extent);
        return 0;
}

/* "offset,length,offset,length": format 0.1. */
static int parse_sparse_map(struct tar_pax *pax, const char *value, struct error *err)
{
        while (*value) {
                char *end;
                long long offset, len;

                offset = strtoll(value, &end, 10);
                if (end == value || *end != ',' || offset < 0)
                        return bad_record("GNU.sparse.map", err);
                value = end + 1;
                len = strtoll(value, &end, 10);
                if (end == value || (*end && *end != ',') || len < 0)
                        return bad_record("GNU.sparse.map", err);
                value = *end ? end + 1 : end;
                if (add_extent(&pax->entry, offset, len, err) < 0)
                        return -1;
        }
        return 0;
}

static int parse_sparse(struct tar_pax *pax, const char *name, const char *value, struct error *err)
{
        int64_t n;

        pax->sparse = true;
        if (streq(name, "map"))
                return parse_sparse_map(pax, value, err);
        if (streq(name, "name")) {
                replace_string(&pax->sparse_name, value);
                return 0;
        }
        if (parse_int("GNU.sparse", value, &n, err) < 0)
                return -1;
        if (streq(name, "major"))
                pax->sparse_major = (int)MIN(n, INT_MAX);
        else if (streq(name, "minor"))
                pax->sparse_minor = (int)MIN(n, INT_MAX);
        else if (streq(name, "realsize") || streq(name, "size"))
                pax->real_size = n;
        else if (streq(name, "offset"))
                return add_extent(&pax->entry, n, 0, err);
        else if (streq(name, "numbytes")) {
                if (!pax->entry.n_extents)
                        return bad_record("GNU.sparse.numbytes", err);
                pax->entry.extents[pax->entry.n_extents - 1].len = n;
        }
        return 0;
}

static int parse_id(const char *name, const char *value, uint32_t *ret, bool *ret_has, struct error *err)
{
        int64_t n;

        if (parse_int(name, value, &n, err) < 0)
                return -1;
        if (n > UINT32_MAX - 1)
                return bad_record(name, err);
        *ret = (uint32_t)n;
        *ret_has = true;
        return 0;
}

/* Names of files and users hold no NUL. */
static int parse_name(const char *name, const char *value, size_t len, char **ret, struct error *err)
{
        if (strlen(value) != len)
                return bad_record(name, err);
        replace_string(ret, value);
        return 0;
}

static int apply_record(struct tar_pax *pax, const char *name, const char *value, size_t len,
                        struct error *err)
{
        const char *rest;

        if ((rest = string_after(name, "SCHILY.xattr.")))
                return add_xattr(pax, rest, value, len, err);
        if ((rest = string_after(name, "GNU.sparse.")))
                return parse_sparse(pax, rest, value, err);
        if (streq(name, "path"))
                return parse_name(name, value, len, &pax->entry.path, err);
        if (streq(name, "linkpath"))
                return parse_name(name, value, len, &pax->entry.link, err);
        if (streq(name, "uname"))
                return parse_name(name, value, len, &pax->entry.user, err);
        if (streq(name, "gname"))
                return parse_name(name, value, len, &pax->entry.group, err);
        if (streq(name, "uid"))
                return parse_id(name, value, &pax->entry.uid, &pax->has_uid, err);
        if (streq(name, "gid"))
                return parse_id(name, value, &pax->entry.gid, &pax->has_gid, err);
        if (streq(name, "size")) {
                pax->has_size = true;
                return parse_int(name, value, &pax->size, err);
        }
        if (streq(name, "mtime")) {
                pax->has_mtime = true;
                return parse_time(name, value, &pax->entry.mtime, err);
        }
        return 0;
}

int tar_pax_parse(const char *data, size_t len, struct tar_pax *pax, struct error *err)
{
        while (len) {
                cleanup_free char *name = NULL, *value = NULL;
                size_t size = 0, digits = 0, value_len;
                const char *text, *equals;

                while (digits < len && digits < 10 && data[digits] >= '0' && data[digits] <= '9')
                        size = size * 10 + (size_t)(data[digits++] - '0');
                if (!digits || digits == len || data[digits] != ' ' || size < digits + 4 || size > len ||
                    data[size - 1] != '\n')
                        return bad_record("length", err);
                text = data + digits + 1;
                equals = memchr(text, '=', size - digits - 2);
                if (!equals || equals == text)
                        return bad_record("name", err);
                name = xstrndup(text, (size_t)(equals - text));
                value_len = (size_t)(data + size - 1 - equals - 1);
                value = xmalloc(value_len + 1); /* may hold NULs */
                memcpy(value, equals + 1, value_len);
                value[value_len] = '\0';
                if (apply_record(pax, name, value, value_len, err) < 0)
                        return -1;
                data += size;
                len -= size;
        }
        return 0;
}
