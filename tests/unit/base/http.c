#include "base/http.h"
#include "suite.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

SUITE(http);

static int parse_request(const char *text, struct http_head *head, struct error *err)
{
        size_t len = http_head_length(text, strlen(text));

        ck_assert_uint_gt(len, 0);
        return http_head_parse_request(text, len, head, err);
}

TEST(request_head)
{
        cleanup_http_head struct http_head head = {};

        ck_assert_int_eq(
            parse_request("POST /v1.51/containers/a/attach?x=1 HTTP/1.1\r\nHost: d\r\nX-A:  b c \r\n"
                          "Connection: keep-alive, Upgrade\r\nContent-Length: 12\r\n\r\nrest",
                          &head, NULL),
            0);
        ck_assert_str_eq(head.method, "POST");
        ck_assert_str_eq(head.target, "/v1.51/containers/a/attach?x=1");
        ck_assert_str_eq(http_head_get(&head, "x-a"), "b c");
        ck_assert_ptr_null(http_head_get(&head, "none"));
        ck_assert(http_head_has_token(&head, "connection", "upgrade"));
        ck_assert(!http_head_has_token(&head, "connection", "up"));
        ck_assert_int_eq(head.content_length, 12);
        ck_assert(head.keep_alive && !head.chunked);
}

TEST(request_head_versions)
{
        cleanup_http_head struct http_head old = {}, bare = {};

        ck_assert_int_eq(parse_request("GET / HTTP/1.0\n\n", &old, NULL), 0);
        ck_assert(!old.keep_alive);
        ck_assert_int_eq(old.content_length, -1);
        ck_assert_int_eq(
            parse_request("GET / HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: Chunked\r\n\r\n", &bare,
                          NULL),
            0);
        ck_assert(!bare.keep_alive && bare.chunked);
}

TEST(request_head_refused)
{
        static const char *const bad[] = {
                "GARBAGE\r\n\r\n",
                "GET /\r\n\r\n",
                "GET  / HTTP/1.1\r\n\r\n",
                "GET / HTTP/2.0\r\n\r\n",
                "GET / HTTP/1.1x\r\n\r\n",
                "G{T / HTTP/1.1\r\n\r\n",
                "GET /\x01 HTTP/1.1\r\n\r\n",
                "GET / HTTP/1.1\r\nA : b\r\n\r\n",
                "GET / HTTP/1.1\r\n: b\r\n\r\n",
                "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
                "GET / HTTP/1.1\r\nA: \x02\r\n\r\n",
                "GET / HTTP/1.1\r\nnocolon\r\n\r\n",
                "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                "GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
                "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                "GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
                "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                "GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct http_head head = {};
                cleanup_error struct error err = {};

                ck_assert_msg(parse_request(bad[i], &head, &err) < 0, "%s", bad[i]);
                ck_assert_int_eq(err.kind, ERROR_INVALID);
                ck_assert_ptr_null(head.text);
        }
}

TEST(request_head_too_many_headers)
{
        cleanup_strbuf struct strbuf b = {};
        struct http_head head = {};
        cleanup_error struct error err = {};

        strbuf_adds(&b, "GET / HTTP/1.1\r\n");
        for (int i = 0; i <= HTTP_HEADERS_MAX; i++)
                strbuf_adds(&b, "A: b\r\n");
        strbuf_adds(&b, "\r\n");
        ck_assert_int_lt(parse_request(b.data, &head, &err), 0);
        ck_assert_int_eq(err.errnum, EMSGSIZE);
}

TEST(response_head)
{
        static const char text[] = "HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n";
        cleanup_http_head struct http_head head = {}, empty = {};

        ck_assert_int_eq(http_head_parse_response(text, strlen(text), &head, NULL), 0);
        ck_assert_int_eq(head.status, 101);
        ck_assert_str_eq(head.reason, "UPGRADED");
        ck_assert_int_eq(http_head_parse_response("HTTP/1.1 200\r\n\r\n", 16, &empty, NULL), 0);
        ck_assert_str_eq(empty.reason, "");
}

TEST(head_length)
{
        ck_assert_uint_eq(http_head_length("GET / HTTP/1.1\r\nA: b\r\n", 22), 0);
        ck_assert_uint_eq(http_head_length("A\r\n\r\nB", 6), 5);
        ck_assert_uint_eq(http_head_length("A\n\nB", 4), 3);
        ck_assert_uint_eq(http_head_length("A\r\n\r", 4), 0);
}

TEST(target)
{
        struct http_target t = {};

        ck_assert_int_eq(http_target_parse("/a%20b/c?x=1&y&x=%41+b&&z=", &t, NULL), 0);
        ck_assert_str_eq(t.path, "/a%20b/c");
        ck_assert_uint_eq(t.count, 4);
        ck_assert_str_eq(http_target_get(&t, "x"), "1");
        ck_assert_str_eq(http_target_get(&t, "y"), "");
        ck_assert_str_eq(t.pairs[2].value, "A b");
        ck_assert_ptr_null(http_target_get(&t, "q"));
        http_target_deinit(&t);
        ck_assert_int_eq(http_target_parse("http://d/p?q=1", &t, NULL), 0);
        ck_assert_str_eq(t.path, "/p");
        http_target_deinit(&t);
        ck_assert_int_lt(http_target_parse("/?x=%zz", &t, NULL), 0);
        ck_assert_int_lt(http_target_parse("/?x=%4", &t, NULL), 0);
        ck_assert_int_lt(http_target_parse("/?x=%00", &t, NULL), 0);
        ck_assert_int_lt(http_target_parse("/?x=%ff", &t, NULL), 0);
}

TEST(escape)
{
        cleanup_strbuf struct strbuf b = {};
        cleanup_free char *back = NULL;

        http_escape(&b, "a b/ü&=+%~");
        ck_assert_str_eq(b.data, "a%20b%2F%C3%BC%26%3D%2B%25~");
        ck_assert_int_eq(http_unescape(b.data, b.len, true, &back, NULL), 0);
        ck_assert_str_eq(back, "a b/ü&=+%~");
}

/* Feeds the coded text in pieces of every size. */
static void check_chunked(const char *coded, const char *wanted)
{
        size_t len = strlen(coded);

        for (size_t step = 1; step <= len; step++) {
                struct http_chunked c = {};
                cleanup_strbuf struct strbuf out = {};
                bool failed = false;

                for (size_t at = 0; at < len && c.state != HTTP_CHUNK_DONE && !failed;) {
                        char buffer[256];
                        size_t used = 0;
                        ssize_t n =
                            http_chunked_decode(&c, coded + at, MIN(step, len - at), buffer, &used, NULL);

                        failed = n < 0;
                        if (n > 0)
                                strbuf_add(&out, buffer, (size_t)n);
                        at += used;
                }
                ck_assert_int_eq(failed || c.state != HTTP_CHUNK_DONE, wanted == NULL);
                if (wanted)
                        ck_assert_str_eq(out.data ? out.data : "", wanted);
        }
}

TEST(chunked)
{
        check_chunked("5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n", "hello world");
        check_chunked("0\r\n\r\n", "");
        check_chunked("A\n0123456789\n0\nX: y\n\n", "0123456789");
        check_chunked("0000000000000001\r\na\r\n0\r\nTrailer: 1\r\nB: 2\r\n\r\n", "a");
        check_chunked("5\r\nhello", NULL);
        check_chunked("x\r\n", NULL);
        check_chunked("\r\n", NULL);
        check_chunked("3\r\nabcd\r\n", NULL);
        check_chunked("fffffffffffffffff\r\n", NULL);
        check_chunked("-1\r\n", NULL);
        check_chunked("1 1\r\na\r\nzz", NULL);
}

static void send_text(int fd, const char *text)
{
        ck_assert_int_eq(http_write(fd, text, strlen(text), NULL), 0);
}

TEST(connection)
{
        struct http_connection c;
        struct http_head head = {};
        struct http_body body;
        char *text, *early;
        size_t len;
        int pair[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        http_connection_init(&c, pair[0]);
        send_text(pair[1], "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                           "\r\nGET /b HTTP/1.1\r\nContent-Length: 2\r\n\r\nxyearly");
        ck_assert_int_eq(http_read_request(&c, 1000, &head, NULL), 1);
        http_body_init_request(&body, &c, &head);
        ck_assert_int_eq(stream_read_all(&body.stream, 100, &text, &len, NULL), 0);
        ck_assert_str_eq(text, "abc");
        ck_assert(http_body_ended(&body));
        free(text);
        http_head_deinit(&head);
        ck_assert_int_eq(http_read_request(&c, 1000, &head, NULL), 1);
        http_body_init_request(&body, &c, &head);
        ck_assert_int_eq(stream_read_all(&body.stream, 100, &text, &len, NULL), 0);
        ck_assert_str_eq(text, "xy");
        free(text);
        http_head_deinit(&head);
        early = http_connection_take(&c, &len);
        ck_assert_uint_eq(len, 5);
        ck_assert_int_eq(memcmp(early, "early", 5), 0);
        free(early);
        close(pair[1]);
        ck_assert_int_eq(http_read_request(&c, 1000, &head, NULL), 0);
        close(pair[0]);
        http_connection_deinit(&c);
}

TEST(connection_limits)
{
        struct http_connection c;
        struct http_head head = {};
        cleanup_error struct error err = {};
        char junk[4096];
        int pair[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        http_connection_init(&c, pair[0]);
        send_text(pair[1], "GET / HT");
        ck_assert_int_lt(http_read_request(&c, 20, &head, &err), 0);
        ck_assert_int_eq(err.errnum, ETIMEDOUT);
        error_clear(&err);
        memset(junk, 'a', sizeof(junk));
        for (size_t i = 0; i < HTTP_HEAD_MAX / sizeof(junk) + 1; i++)
                ck_assert_int_eq(http_write(pair[1], junk, sizeof(junk), NULL), 0);
        ck_assert_int_lt(http_read_request(&c, 1000, &head, &err), 0);
        ck_assert_int_eq(err.errnum, EMSGSIZE);
        error_clear(&err);
        http_connection_deinit(&c);
        http_connection_init(&c, pair[0]);
        shutdown(pair[1], SHUT_WR);
        while (recv(pair[0], junk, sizeof(junk), MSG_DONTWAIT) > 0)
                ;
        ck_assert_int_eq(http_read_request(&c, 1000, &head, &err), 0);
        http_connection_deinit(&c);
        close(pair[0]);
        close(pair[1]);
}

TEST(chunk_sink)
{
        struct http_chunk_sink s;
        char buffer[256] = "";
        int pair[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        http_chunk_sink_init(&s, pair[0], false);
        ck_assert_int_eq(sink_write(&s.sink, "hello", 5, NULL), 0);
        ck_assert_int_eq(sink_write(&s.sink, "", 0, NULL), 0);
        ck_assert_int_eq(http_chunk_sink_finish(&s, NULL), 0);
        ck_assert_int_gt(recv(pair[1], buffer, sizeof(buffer) - 1, 0), 0);
        ck_assert_str_eq(buffer, "5\r\nhello\r\n0\r\n\r\n");
        http_chunk_sink_deinit(&s);
        close(pair[0]);
        close(pair[1]);
}

TEST(header_cannot_be_split)
{
        cleanup_strbuf struct strbuf b = {};

        http_header_add(&b, "A", "x\r\nB: y");
        ck_assert_str_eq(b.data, "A: x  B: y\r\n");
}
