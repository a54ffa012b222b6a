#include "base/stream.h"

#include "base/fd.h"
#include "suite.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

SUITE(stream);

#define SIZE 1500000

/* Compressible, but not trivially. */
static char *sample(void)
{
        char *data = xmalloc(SIZE);
        unsigned x = 1;

        for (size_t i = 0; i < SIZE; i++) {
                x = x * 1103515245 + 12345;
                data[i] = (char)("abcdefghijklmnop"[(x >> 16) & 15]);
        }
        return data;
}

static size_t gzip(const char *in, size_t len, char *out, size_t room)
{
        z_stream z = {};

        deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
        z.next_in = (unsigned char *)in;
        z.avail_in = (unsigned)len;
        z.next_out = (unsigned char *)out;
        z.avail_out = (unsigned)room;
        ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
        deflateEnd(&z);
        return room - z.avail_out;
}

static void check_data(const char *packed, size_t len, const char *want, size_t want_len)
{
        cleanup_error struct error err = {};
        cleanup_stream struct stream *in = stream_new_memory(packed, len);
        cleanup_stream struct stream *plain = stream_new_decompressed(in);
        cleanup_stream struct stream *threaded = stream_new_threaded(plain);
        cleanup_free char *got = NULL;
        size_t got_len;

        ck_assert_msg(stream_read_all(threaded, 10 * SIZE, &got, &got_len, &err) == 0, "%s",
                      error_message(&err));
        ck_assert_uint_eq(got_len, want_len);
        ck_assert(memcmp(got, want, want_len) == 0);
}

static void check_damaged(const char *packed, size_t len)
{
        cleanup_error struct error err = {};
        cleanup_stream struct stream *in = stream_new_memory(packed, len);
        cleanup_stream struct stream *plain = stream_new_decompressed(in);

        ck_assert_int_eq(stream_drain(plain, &err), -1);
        ck_assert_int_eq(err.kind, ERROR_INVALID);
}

TEST(gzip_members)
{
        cleanup_free char *data = sample(), *packed = xcalloc(1, 3 * SIZE);
        size_t half = SIZE / 2 + 13, n = gzip(data, half, packed, 2 * SIZE);

        n += gzip(data + half, SIZE - half, packed + n, 2 * SIZE);
        check_data(packed, n, data, SIZE);
        check_data(packed, n + 512, data, SIZE);
        check_damaged(packed, n - 1);
        check_damaged(packed, n / 3);
        packed[n] = 'x';
        check_damaged(packed, n + 1);
        packed[n - 6] ^= 1;
        check_damaged(packed, n);
}

TEST(zstd_frames)
{
        cleanup_free char *data = sample(), *packed = xmalloc(3 * SIZE);
        size_t half = SIZE / 2, n = ZSTD_compress(packed, SIZE, data, half, 3);

        n += ZSTD_compress(packed + n, SIZE, data + half, SIZE - half, 3);
        check_data(packed, n, data, SIZE);
        check_damaged(packed, n - 1);
}

static size_t archive_pack(int (*filter)(struct archive *), const char *in, size_t len, char *out,
                           size_t room)
{
        struct archive *a = archive_write_new();
        struct archive_entry *entry = archive_entry_new();
        size_t used = 0;

        ck_assert_int_eq(filter(a), ARCHIVE_OK);
        archive_write_set_format_raw(a);
        archive_write_open_memory(a, out, room, &used);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_write_header(a, entry);
        ck_assert_int_eq(archive_write_data(a, in, len), (la_ssize_t)len);
        archive_write_close(a);
        archive_entry_free(entry);
        archive_write_free(a);
        return used;
}

TEST(old_ones)
{
        int (*const filters[])(struct archive *) = { archive_write_add_filter_xz,
                                                     archive_write_add_filter_bzip2 };

        for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
                cleanup_free char *data = sample(), *packed = xmalloc(3 * SIZE);
                size_t n = archive_pack(filters[i], data, SIZE, packed, 3 * SIZE);

                check_data(packed, n, data, SIZE);
                check_damaged(packed, n / 2);
        }
}

TEST(plain)
{
        check_data("", 0, "", 0);
        check_data("B", 1, "B", 1);
        check_data("hello, plain world of bytes", 27, "hello, plain world of bytes", 27);
}

static int produce_forever(void *arg, struct sink *out, struct error *err)
{
        char block[10000] = {};

        (void)arg;
        while (sink_write(out, block, sizeof(block), err) == 0)
                ;
        return -1;
}

static int produce_then_fail(void *arg, struct sink *out, struct error *err)
{
        if (sink_write(out, arg, 3, err) < 0)
                return -1;
        return error_set(err, ERROR_INVALID, "broken");
}

TEST(producers)
{
        cleanup_error struct error err = {};
        cleanup_stream struct stream *forever = stream_new_producer(produce_forever, NULL, NULL);
        cleanup_stream struct stream *failing =
            stream_new_producer(produce_then_fail, NULL, (void *)(uintptr_t) "abc");
        char buffer[100];

        ck_assert_int_eq(stream_read_full(forever, buffer, 100, &err), 100);
        ck_assert_int_eq(stream_read_full(failing, buffer, 100, &err), -1);
        ck_assert_str_eq(error_message(&err), "broken");
}

TEST(hashing)
{
        cleanup_error struct error err = {};
        cleanup_hash struct hash *h = hash_new();
        cleanup_stream struct stream *in = stream_new_memory("abcdef", 6), *part = stream_new_limited(in, 3);
        uint64_t count = 0;
        cleanup_stream struct stream *hashed = stream_new_hashing(part, h, &count);
        uint8_t got[SHA256_SIZE], want[SHA256_SIZE];

        ck_assert_int_eq(stream_drain(hashed, &err), 0);
        hash_finish(h, got);
        hash_data("abc", 3, want);
        ck_assert_uint_eq(count, 3);
        ck_assert(memcmp(got, want, sizeof(got)) == 0);
}
