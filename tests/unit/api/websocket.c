#include "api/websocket.h"
#include "suite.h"

SUITE(websocket);

TEST(accept_key)
{
        /* RFC 6455 section 1.3. */
        cleanup_free char *key = websocket_accept_key("dGhlIHNhbXBsZSBub25jZQ==");

        ck_assert_str_eq(key, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(decode)
{
        /* RFC 6455 section 5.7: a masked "Hello", then a ping. */
        static const char frames[] =
            "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x89\x81\x01\x02\x03\x04\x41";
        size_t len = sizeof(frames) - 1;

        for (size_t step = 1; step <= len; step++) {
                cleanup_free char *in = xmemdup(frames, len);
                cleanup_strbuf struct strbuf text = {};
                struct websocket_decoder d = {};
                int pings = 0;

                for (size_t at = 0; at < len;) {
                        struct websocket_piece piece;
                        size_t used = 0;
                        int r = websocket_decode(&d, in + at, MIN(step, len - at), &used, &piece, NULL);

                        ck_assert_int_ge(r, 0);
                        if (r > 0 && piece.opcode == WEBSOCKET_TEXT)
                                strbuf_add(&text, piece.data, piece.len);
                        if (r > 0 && piece.opcode == WEBSOCKET_PING) {
                                ck_assert_uint_eq(piece.len, 1);
                                ck_assert_int_eq(piece.data[0], '@');
                                pings++;
                        }
                        at += used;
                }
                ck_assert_str_eq(text.data, "Hello");
                ck_assert_int_eq(pings, 1);
        }
}

TEST(refused)
{
        static const struct {
                const char *bytes;
                size_t len;
        } bad[] = {
                { "\x81\x05Hello!", 8 },                                    /* not masked */
                { "\xc1\x80\x00\x00\x00\x00", 6 },                          /* reserved bits */
                { "\x83\x80\x00\x00\x00\x00", 6 },                          /* unknown opcode */
                { "\x09\x80\x00\x00\x00\x00", 6 },                          /* a ping in pieces */
                { "\x89\xfe\x00\xff\x00\x00\x00\x00", 8 },                  /* a long ping */
                { "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14 }, /* 2^64 bytes */
        };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                cleanup_free char *in = xmemdup(bad[i].bytes, bad[i].len);
                struct websocket_decoder d = {};
                struct websocket_piece piece;
                size_t used;

                ck_assert_int_lt(websocket_decode(&d, in, bad[i].len, &used, &piece, NULL), 0);
        }
}

TEST(header)
{
        cleanup_strbuf struct strbuf b = {};

        websocket_header(&b, WEBSOCKET_BINARY, 5);
        websocket_header(&b, WEBSOCKET_BINARY, 300);
        websocket_header(&b, WEBSOCKET_BINARY, 70000);
        ck_assert_uint_eq(b.len, 2 + 4 + 10);
        ck_assert_int_eq(memcmp(b.data, "\x82\x05\x82\x7e\x01\x2c\x82\x7f\0\0\0\0\0\x01\x11\x70", b.len), 0);
}
