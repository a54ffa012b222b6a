/* Writing logs and reading them back: formats, rotation, tail, since, until, follow, what crashes leave. */
#include "suite.h"

#include "base/fd.h"
#include "shim/log-driver.h"
#include "shim/log-reader.h"

#include <stdio.h>

SUITE(shim_log);

struct fixture {
        char folder[32];
        struct shim_config config;
        struct log_options options;
        struct log_writer *writer;
};

static void open_writer(struct fixture *f)
{
        struct error err = { 0 };

        ck_assert_msg(log_writer_open(&f->config, &f->options, &f->writer, &err) == 0, "%s", error_message(&err));
}

static void setup(struct fixture *f, const char *driver, int64_t max_size, int max_files)
{
        *f = (struct fixture){ .folder = "/tmp/shim-log-XXXXXX" };
        ck_assert_ptr_nonnull(mkdtemp(f->folder));
        f->config.id = xstrdup("0123456789ab");
        f->config.log_driver = xstrdup(driver);
        f->config.log_path = string_format("%s/x.log", f->folder);
        f->options.max_size = max_size;
        f->options.max_files = max_files;
        open_writer(f);
}

static void teardown(struct fixture *f)
{
        struct error err = { 0 };

        log_writer_close(f->writer);
        ck_assert_int_eq(tree_remove(AT_FDCWD, f->folder, &err), 0);
        shim_config_deinit(&f->config);
}

static void put(struct fixture *f, enum log_stream stream, const char *text)
{
        struct error err = { 0 };

        log_writer_data(f->writer, stream, text, strlen(text));
        ck_assert_msg(log_writer_flush(f->writer, &err) == 0, "%s", error_message(&err));
}

static struct log_read_options read_options(const struct fixture *f)
{
        return (struct log_read_options){
                .driver = f->config.log_driver,
                .path = f->config.log_path,
                .tail = -1,
                .since = TIME_ZERO,
                .until = TIME_ZERO,
                .use_stdout = true,
                .use_stderr = true,
        };
}

static void drain(struct log_reader *reader, struct strbuf *out)
{
        struct error err = { 0 };
        struct log_message message;
        int r;

        while ((r = log_reader_next(reader, &message, &err)) > 0) {
                strbuf_addc(out, message.stream == LOG_STDERR ? 'e' : 'o');
                strbuf_add(out, message.data, message.len);
        }
        ck_assert_msg(r == 0, "%s", error_message(&err));
}

static char *read_all(const struct log_read_options *options)
{
        struct log_reader *reader;
        struct strbuf out = { 0 };
        struct error err = { 0 };

        ck_assert_msg(log_reader_open(options, &reader, &err) == 0, "%s", error_message(&err));
        drain(reader, &out);
        log_reader_close(reader);
        return strbuf_take(&out);
}

static void expect(const struct log_read_options *options, const char *wanted)
{
        char *text = read_all(options);

        ck_assert_str_eq(text, wanted);
        free(text);
}

TEST(encodes_as_docker)
{
        struct strbuf out = { 0 };
        struct log_record record = {
                .stream = LOG_STDERR,
                .time = INT64_C(1700000000123000000),
                .data = "a\"<\x01\xff\xe2\x80\xa8\xc3\xa4",
                .len = 10,
                .newline = true,
        };

        log_encode_json(&record, "{\"a\":\"b\"}", &out);
        ck_assert_str_eq(out.data, "{\"log\":\"a\\\"\\u003c\\u0001\\ufffd\\u2028\xc3\xa4\\n\",\"stream\":\"stderr\","
                                   "\"attrs\":{\"a\":\"b\"},\"time\":\"2023-11-14T22:13:20.123Z\"}\n");
        strbuf_deinit(&out);
}

TEST(reads_what_was_written)
{
        static const char *const drivers[] = { "json-file", "local" };

        for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
                struct fixture f;
                struct log_read_options options;

                setup(&f, drivers[i], -1, 1);
                put(&f, LOG_STDOUT, "one\ntwo\n\nth");
                put(&f, LOG_STDERR, "bad <\xc3\xa4>\t\"x\\\n");
                put(&f, LOG_STDOUT, "ree\nend");
                log_writer_end(f.writer, LOG_STDOUT);
                put(&f, LOG_STDERR, "");
                options = read_options(&f);
                expect(&options, "oone\notwo\no\nebad <\xc3\xa4>\t\"x\\\nothree\noend");
                options.tail = 2;
                expect(&options, "othree\noend");
                options.tail = 0;
                expect(&options, "");
                options.tail = 100;
                options.use_stderr = false;
                expect(&options, "oone\notwo\no\nothree\noend");
                options.use_stdout = false;
                options.use_stderr = true;
                expect(&options, "ebad <\xc3\xa4>\t\"x\\\n");
                teardown(&f);
        }
}

TEST(long_lines_are_cut_between_characters)
{
        struct fixture f;
        struct log_read_options options;
        char *text, *line = xmalloc(50002), *p;

        setup(&f, "json-file", -1, 1);
        for (int i = 0; i < 25000; i++)
                memcpy(line + 2 * i, "\xc3\xa4", 2);
        memcpy(line + 50000, "\n", 2);
        put(&f, LOG_STDOUT, "x");
        put(&f, LOG_STDOUT, line);
        options = read_options(&f);
        text = read_all(&options);
        ck_assert_ptr_null(strstr(text, "\xef\xbf\xbd"));
        ck_assert_int_eq(text[0], 'o');
        ck_assert_int_eq(text[1], 'x');
        ck_assert_int_eq(strlen(text), 50002 + 4); /* four records with their stream's letter */
        for (p = text + 2; *p; p++)
                ck_assert(*p == '\xc3' || *p == '\xa4' || *p == 'o' || *p == '\n');
        free(text);
        options.tail = 1;
        text = read_all(&options);
        ck_assert_str_eq(text + strlen(text) - 1, "\n");
        free(text);
        free(line);
        teardown(&f);
}

TEST(rotates_and_reads_across)
{
        static const char *const drivers[] = { "json-file", "local" };

        for (size_t d = 0; d < ARRAY_SIZE(drivers); d++) {
                struct fixture f;
                struct log_read_options options;
                struct strbuf wanted = { 0 };
                char name[64];
                char *text;

                setup(&f, drivers[d], 2000, 3);
                for (int i = 0; i < 200; i++) {
                        snprintf(name, sizeof(name), "line %d\n", i);
                        put(&f, LOG_STDOUT, name);
                }
                snprintf(name, sizeof(name), "%s.2", f.config.log_path);
                ck_assert_int_eq(access(name, F_OK), 0);
                snprintf(name, sizeof(name), "%s.3", f.config.log_path);
                ck_assert_int_ne(access(name, F_OK), 0);
                options = read_options(&f);
                text = read_all(&options);
                ck_assert_ptr_nonnull(strstr(text, "oline 199\n"));
                ck_assert_ptr_null(strstr(text, "oline 1\n"));
                free(text);
                options.tail = 60; /* more than the last file holds */
                for (int i = 140; i < 200; i++)
                        strbuf_addf(&wanted, "oline %d\n", i);
                text = read_all(&options);
                ck_assert(string_ends_with(wanted.data, text));
                ck_assert_int_gt(strlen(text), 12 * 20);
                free(text);
                strbuf_deinit(&wanted);
                teardown(&f);
        }
}

TEST(one_file_is_emptied)
{
        struct fixture f;
        struct log_read_options options;
        char *text;

        setup(&f, "json-file", 1000, 1);
        for (int i = 0; i < 100; i++)
                put(&f, LOG_STDOUT, "some line\n");
        options = read_options(&f);
        text = read_all(&options);
        ck_assert_int_lt(strlen(text), 2000);
        ck_assert_int_gt(strlen(text), 0);
        free(text);
        teardown(&f);
}

TEST(follows_across_rotation)
{
        static const char *const drivers[] = { "json-file", "local" };

        for (size_t d = 0; d < ARRAY_SIZE(drivers); d++) {
                struct fixture f;
                struct log_read_options options;
                struct log_reader *reader;
                struct strbuf out = { 0 }, wanted = { 0 };
                struct error err = { 0 };
                char line[32];

                setup(&f, drivers[d], 1000, 5);
                options = read_options(&f);
                options.follow = true;
                put(&f, LOG_STDOUT, "before\n");
                strbuf_adds(&wanted, "obefore\n");
                ck_assert_int_eq(log_reader_open(&options, &reader, &err), 0);
                for (int i = 0; i < 300; i++) {
                        snprintf(line, sizeof(line), "line %d\n", i);
                        put(&f, LOG_STDERR, line);
                        strbuf_addf(&wanted, "e%s", line);
                        if (i % 23 == 0) {
                                ck_assert_int_eq(log_reader_wait(reader, NULL, 0, &err), -1);
                                drain(reader, &out);
                        }
                }
                drain(reader, &out);
                ck_assert_str_eq(out.data, wanted.data);
                log_reader_close(reader);
                strbuf_deinit(&out);
                strbuf_deinit(&wanted);
                teardown(&f);
        }
}

TEST(half_a_line_waits_and_a_torn_one_is_skipped)
{
        struct fixture f;
        struct log_read_options options;
        struct log_reader *reader;
        struct strbuf out = { 0 };
        struct error err = { 0 };
        FILE *file;

        setup(&f, "json-file", -1, 1);
        put(&f, LOG_STDOUT, "first\n");
        options = read_options(&f);
        options.follow = true;
        ck_assert_int_eq(log_reader_open(&options, &reader, &err), 0);
        file = fopen(f.config.log_path, "a");
        fputs("{\"log\":\"sec", file);
        fflush(file);
        drain(reader, &out);
        ck_assert_str_eq(out.data, "ofirst\n");
        options.follow = false;
        options.tail = 1;
        expect(&options, "ofirst\n");
        options.tail = 0;
        expect(&options, "");
        fputs("ond\\n\",\"stream\":\"stdout\",\"time\":\"2023-11-14T22:13:20Z\"}\n", file);
        fflush(file);
        drain(reader, &out);
        ck_assert_str_eq(out.data, "ofirst\nosecond\n");
        fputs("{\"log\":\"torn", file);
        fclose(file);
        log_reader_close(reader);
        /* The next writer ends the torn line. */
        log_writer_close(f.writer);
        open_writer(&f);
        put(&f, LOG_STDOUT, "third\n");
        options.tail = -1;
        expect(&options, "ofirst\nosecond\nothird\n");
        strbuf_deinit(&out);
        teardown(&f);
}

TEST(a_torn_record_of_local_is_cut_off)
{
        struct fixture f;
        struct log_read_options options;
        FILE *file;

        setup(&f, "local", -1, 1);
        put(&f, LOG_STDOUT, "first\nsecond\n");
        file = fopen(f.config.log_path, "a");
        fwrite("\0\0\0\x20half", 1, 8, file);
        fclose(file);
        options = read_options(&f);
        expect(&options, "ofirst\nosecond\n");
        options.tail = 1;
        expect(&options, "osecond\n");
        log_writer_close(f.writer);
        open_writer(&f);
        put(&f, LOG_STDOUT, "third\n");
        options.tail = 2;
        expect(&options, "osecond\nothird\n");
        teardown(&f);
}

TEST(since_and_until_are_inclusive)
{
        struct fixture f;
        struct log_read_options options;
        FILE *file;

        setup(&f, "json-file", -1, 1);
        file = fopen(f.config.log_path, "a");
        for (int i = 0; i < 5; i++)
                fprintf(file, "{\"log\":\"%d\\n\",\"stream\":\"stdout\",\"time\":\"2023-11-14T22:13:2%dZ\"}\n", i, i);
        fclose(file);
        options = read_options(&f);
        options.since = INT64_C(1700000002) * NSEC_PER_SEC;
        expect(&options, "o2\no3\no4\n");
        options.until = INT64_C(1700000003) * NSEC_PER_SEC;
        expect(&options, "o2\no3\n");
        options.since = TIME_ZERO;
        options.tail = 2;
        expect(&options, "o3\n");
        teardown(&f);
}

TEST(attributes_come_back)
{
        struct fixture f;
        struct log_read_options options;
        struct log_reader *reader;
        struct log_message message;
        struct strbuf prefix = { 0 };
        struct error err = { 0 };

        setup(&f, "json-file", -1, 1);
        log_writer_close(f.writer);
        strmap_set(&f.config.log_attributes, "A", "x y");
        strmap_set(&f.config.log_attributes, "tag", "t");
        open_writer(&f);
        put(&f, LOG_STDOUT, "line\n");
        options = read_options(&f);
        ck_assert_int_eq(log_reader_open(&options, &reader, &err), 0);
        ck_assert_int_eq(log_reader_next(reader, &message, &err), 1);
        log_message_prefix(&message, false, true, &prefix);
        ck_assert_str_eq(prefix.data, "A=x+y,tag=t ");
        log_reader_close(reader);
        strbuf_deinit(&prefix);
        teardown(&f);
}

TEST(a_full_disk_drops_lines_and_goes_on)
{
        struct fixture f;
        struct log_read_options options;
        struct error err = { 0 };
        int saved;

        setup(&f, "json-file", -1, 1);
        put(&f, LOG_STDOUT, "before\n");
        /* /dev/full stands in for the disk. */
        saved = open("/dev/full", O_WRONLY | O_CLOEXEC);
        ck_assert_int_ge(saved, 0);
        ck_assert_int_eq(rename(f.config.log_path, "/tmp/shim-log-full"), 0);
        log_writer_close(f.writer);
        ck_assert_int_eq(symlink("/dev/full", f.config.log_path), 0);
        open_writer(&f);
        log_writer_data(f.writer, LOG_STDOUT, "lost\n", 5);
        ck_assert_int_eq(log_writer_flush(f.writer, &err), -1);
        error_clear(&err);
        log_writer_data(f.writer, LOG_STDOUT, "lost\n", 5);
        ck_assert_int_eq(log_writer_flush(f.writer, &err), 0); /* told once */
        close(saved);
        log_writer_close(f.writer);
        unlink(f.config.log_path);
        ck_assert_int_eq(rename("/tmp/shim-log-full", f.config.log_path), 0);
        open_writer(&f);
        put(&f, LOG_STDOUT, "after\n");
        options = read_options(&f);
        expect(&options, "obefore\noafter\n");
        teardown(&f);
}

static int check_options(const char *driver, const char *key, const char *value, struct log_options *out,
                         struct error *err)
{
        struct strmap options = { 0 };
        int r;

        if (key)
                strmap_set(&options, key, value);
        error_clear(err);
        r = log_options_parse(driver, &options, out, err);
        strmap_deinit(&options);
        return r;
}

TEST(options)
{
        struct log_options out;
        struct error err = { 0 };

        ck_assert_int_eq(check_options("json-file", NULL, NULL, &out, &err), 0);
        ck_assert_int_eq(out.max_size, 20000000);
        ck_assert_int_eq(out.max_files, 5);
        ck_assert_int_eq(check_options("json-file", "max-size", "1k", &out, &err), 0);
        ck_assert_int_eq(out.max_size, 1000);
        ck_assert_int_eq(out.max_files, 1);
        ck_assert_int_eq(check_options("json-file", "max-size", "1.5MiB", &out, &err), 0);
        ck_assert_int_eq(out.max_size, 1500000);
        ck_assert_int_eq(check_options("json-file", "max-size", "abc", &out, &err), -1);
        ck_assert_str_eq(err.message, "failed to initialize logging driver: invalid size: 'abc'");
        ck_assert_int_eq(check_options("json-file", "max-file", "0", &out, &err), -1);
        ck_assert_str_eq(err.message, "failed to initialize logging driver: max-file cannot be less than 1");
        ck_assert_int_eq(check_options("json-file", "nonsense", "1", &out, &err), -1);
        ck_assert_str_eq(err.message, "unknown log opt 'nonsense' for json-file log driver");
        ck_assert_int_eq(check_options("nonsense", NULL, NULL, &out, &err), -1);
        ck_assert_str_eq(err.message, "error looking up logging plugin nonsense: plugin \"nonsense\" not found");
        ck_assert_int_eq(check_options("splunk", NULL, NULL, &out, &err), -1);
        ck_assert_int_eq(err.kind, ERROR_UNSUPPORTED);
        error_clear(&err);
}

TEST(describes)
{
        char *const env[] = { (char *)"B=2", (char *)"C=3", NULL };
        struct strmap options = { 0 }, labels = { 0 }, attributes = { 0 };
        const struct log_subject subject = { "0123456789abcdef", "web", "sha256:fedcba9876543210", "img", env,
                                             &labels };
        struct error err = { 0 };
        char *tag = NULL;

        strmap_set(&labels, "a", "1");
        strmap_set(&labels, "z", "9");
        strmap_set(&options, "labels", "a,none");
        strmap_set(&options, "env-regex", "^B");
        strmap_set(&options, "tag", "{{.Name}}/{{ .ID }}-{{.ImageID}}");
        ck_assert_int_eq(log_describe("json-file", &options, &subject, &attributes, &tag, &err), 0);
        ck_assert_str_eq(tag, "web/0123456789ab-fedcba987654");
        ck_assert_int_eq(attributes.count, 3);
        ck_assert_str_eq(strmap_get(&attributes, "B"), "2");
        ck_assert_str_eq(strmap_get(&attributes, "a"), "1");
        strmap_set(&options, "tag", "{{.Nonsense}}");
        ck_assert_int_eq(log_describe("json-file", &options, &subject, &attributes, &tag, &err), -1);
        error_clear(&err);
        free(tag);
        strmap_deinit(&options);
        strmap_deinit(&labels);
        strmap_deinit(&attributes);
}
