/* Log services: what a syslog receiver gets, and what happens when it does not read. */
#include "suite.h"

#include "base/fd.h"
#include "base/time.h"
#include "shim/log-driver.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

SUITE(shim_log_services);

struct fixture {
        char folder[40];
        int receiver;
        struct shim_config config;
        struct log_options options;
        struct log_writer *writer;
};

static void setup(struct fixture *f, const char *format)
{
        *f = (struct fixture){ .folder = "/tmp/shim-syslog-XXXXXX", .receiver = -1 };
        ck_assert_ptr_nonnull(mkdtemp(f->folder));
        f->config.id = xstrdup("0123456789abcdef");
        f->config.log_driver = xstrdup("syslog");
        f->config.log_tag = xstrdup("web");
        strmap_set(&f->config.log_options, "syslog-facility", "local0");
        strmap_set(&f->config.log_options, "syslog-format", format);
}

static void setup_unix(struct fixture *f, int type, const char *scheme)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        cleanup_free char *where = NULL;

        setup(f, "rfc3164");
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/log", f->folder);
        f->receiver = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(bind(f->receiver, (struct sockaddr *)&address, sizeof(address)), 0);
        if (type == SOCK_STREAM)
                ck_assert_int_eq(listen(f->receiver, 4), 0);
        where = string_format("%s://%s", scheme, address.sun_path);
        strmap_set(&f->config.log_options, "syslog-address", where);
}

static void setup_inet(struct fixture *f, int type, const char *scheme, const char *format)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
        socklen_t size = sizeof(address);
        cleanup_free char *where = NULL;

        setup(f, format);
        f->receiver = socket(AF_INET, type | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(bind(f->receiver, (struct sockaddr *)&address, size), 0);
        if (type == SOCK_STREAM)
                ck_assert_int_eq(listen(f->receiver, 4), 0);
        ck_assert_int_eq(getsockname(f->receiver, (struct sockaddr *)&address, &size), 0);
        where = string_format("%s://127.0.0.1:%d", scheme, ntohs(address.sin_port));
        strmap_set(&f->config.log_options, "syslog-address", where);
}

static void begin(struct fixture *f)
{
        struct error err = { 0 };

        ck_assert_msg(log_options_parse("syslog", &f->config.log_options, &f->options, &err) == 0, "%s", error_message(&err));
        ck_assert_msg(log_writer_open(&f->config, &f->options, &f->writer, &err) == 0, "%s", error_message(&err));
}

static void teardown(struct fixture *f)
{
        log_writer_close(f->writer);
        close(f->receiver);
        ck_assert_int_eq(tree_remove(AT_FDCWD, f->folder, NULL), 0);
        shim_config_deinit(&f->config);
}

static int put(struct fixture *f, enum log_stream stream, const char *text)
{
        cleanup_error struct error err = { 0 };

        log_writer_data(f->writer, stream, text, strlen(text));
        return log_writer_flush(f->writer, &err) < 0 ? err.errnum : 0;
}

/* What comes within a second. */
static void receive(int fd, char *text, size_t size)
{
        struct pollfd wait = { fd, POLLIN, 0 };
        ssize_t n;

        ck_assert_int_eq(poll(&wait, 1, 1000), 1);
        n = recv(fd, text, size - 1, 0);
        ck_assert_int_ge(n, 0);
        text[n] = '\0';
}

static void expect_parts(const char *text, const char *begin_with, const char *contain, const char *end_with)
{
        ck_assert_msg(string_after(text, begin_with) != NULL, "%s", text);
        ck_assert_msg(strstr(text, contain) != NULL, "%s", text);
        ck_assert_msg(string_ends_with(text, end_with), "%s", text);
}

TEST(datagrams)
{
        static const struct {
                bool local;
                const char *format, *out, *err;
        } ways[] = {
                { true, "rfc3164", "<134>", "<131>" },
                { false, "rfc3164", "<134>", "<131>" },
                { false, "rfc5424", "<134>1 ", "<131>1 " },
                { false, "rfc5424micro", "<134>1 ", "<131>1 " },
        };

        for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
                struct fixture f;
                char text[512];

                if (ways[i].local)
                        setup_unix(&f, SOCK_DGRAM, "unixgram");
                else
                        setup_inet(&f, SOCK_DGRAM, "udp", ways[i].format);
                begin(&f);
                ck_assert_int_eq(put(&f, LOG_STDOUT, "one\n"), 0);
                receive(f.receiver, text, sizeof(text));
                expect_parts(text, ways[i].out, " web", " one");
                ck_assert_int_eq(put(&f, LOG_STDERR, "two words\n"), 0);
                receive(f.receiver, text, sizeof(text));
                expect_parts(text, ways[i].err, " web", " two words");
                teardown(&f);
        }
}

TEST(streams_and_a_receiver_that_comes_back)
{
        for (int local = 0; local < 2; local++) {
                cleanup_close int first = -1, second = -1;
                struct fixture f;
                char text[512];

                if (local)
                        setup_unix(&f, SOCK_STREAM, "unix");
                else
                        setup_inet(&f, SOCK_STREAM, "tcp", "rfc3164");
                begin(&f);
                first = accept4(f.receiver, NULL, NULL, SOCK_CLOEXEC);
                ck_assert_int_eq(put(&f, LOG_STDOUT, "one\n"), 0);
                receive(first, text, sizeof(text));
                expect_parts(text, "<134>", " web", " one\n");
                close(first);
                first = -1;
                /* The first send after the end may still succeed on tcp; the next one connects anew. */
                put(&f, LOG_STDOUT, "lost perhaps\n");
                ck_assert_int_eq(put(&f, LOG_STDOUT, "two\n"), 0);
                second = accept4(f.receiver, NULL, NULL, SOCK_CLOEXEC);
                receive(second, text, sizeof(text));
                expect_parts(text, "<134>", " web", " two\n");
                teardown(&f);
        }
}

/* How many messages of 1000 bytes go before one is dropped, while nobody reads. */
static int messages_until_full(const char *buffer_size)
{
        char line[1001];
        struct fixture f;
        int64_t began;
        int n = 0, code = 0;

        memset(line, 'x', 999);
        line[999] = '\n';
        line[1000] = 0;
        setup_unix(&f, SOCK_STREAM, "unix");
        strmap_set(&f.config.log_options, "mode", "non-blocking");
        strmap_set(&f.config.log_options, "max-buffer-size", buffer_size);
        begin(&f);
        began = time_monotonic();
        while (n < 100000 && (code = put(&f, LOG_STDOUT, line)) == 0)
                n++;
        ck_assert_int_eq(code, EAGAIN);
        ck_assert_int_lt(time_monotonic() - began, NSEC_PER_SEC);
        teardown(&f);
        return n;
}

TEST(a_full_buffer_drops_and_does_not_wait)
{
        int small = messages_until_full("64k"), large = messages_until_full("2m");

        ck_assert_int_gt(small, 10);
        ck_assert_int_lt(small, 300);
        ck_assert_int_gt(large, 4 * small);
}
