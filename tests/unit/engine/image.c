/* Images without containers: an engine that has a store and nothing else. */
#include "engine/image.h"

#include "engine/engine.h"
#include "store/tar.h"
#include "store/tree.h"
#include "suite.h"

SUITE(engine_image);

struct fixture {
        struct engine engine;
        char *path;
        int fd;
};

static void open_fixture(struct fixture *f)
{
        cleanup_error struct error err = {};
        cleanup_free char *root = NULL;

        memset(f, 0, sizeof(*f));
        f->fd = tree_new_folder(&f->path);
        root = string_format("%s/data", f->path);
        ck_assert_msg(store_open(root, &f->engine.store, &err) == 0, "%s", error_message(&err));
        ck_assert_int_eq(event_log_new(NULL, &f->engine.events, &err), 0);
        pthread_rwlock_init(&f->engine.lock, NULL);
        f->engine.loaded = true; /* there are no containers to wait for */
}

static void close_fixture(struct fixture *f)
{
        event_log_free(f->engine.events);
        store_close(f->engine.store);
        pthread_rwlock_destroy(&f->engine.lock);
        tree_drop_folder(f->fd, f->path);
}

/* A tar with one file. */
static void small_tar(struct strbuf *out, const char *content)
{
        cleanup_sink struct sink *sink = sink_new_buffer(out);
        cleanup_tar_writer struct tar_writer *w = tar_writer_new(sink);

        ck_assert_int_eq(tar_writer_file(w, "f", 0644, 1, content, strlen(content), NULL), 0);
        ck_assert_int_eq(tar_writer_finish(w, NULL), 0);
}

static struct digest import(struct fixture *f, const char *content, const char *repo, const char *label)
{
        cleanup_error struct error err = {};
        cleanup_strbuf struct strbuf tar = {};
        cleanup_stream struct stream *in = NULL;
        cleanup_free char *line = string_format("LABEL test=%s", label);
        char *changes[] = { line, NULL };
        struct image_import_options options = { .source = "-", .repo = repo, .changes = changes };
        struct digest id;

        small_tar(&tar, content);
        in = stream_new_memory(tar.data, tar.len);
        ck_assert_msg(engine_image_import(&f->engine, in, &options, NULL, NULL, &id, &err) == 0, "%s",
                      error_message(&err));
        return id;
}

static void check_list(struct fixture *f, const char *filters, const char *want)
{
        cleanup_error struct error err = {};
        cleanup_json json_object *tree = NULL, *list = NULL;
        cleanup_strbuf struct strbuf names = {};
        struct image_list_options options = {};

        ck_assert_int_eq(json_parse_text(filters, strlen(filters), &tree, &err), 0);
        options.filters = tree;
        ck_assert_msg(engine_image_list(&f->engine, &options, &list, &err) == 0, "%s", error_message(&err));
        for (size_t i = json_object_array_length(list); i > 0; i--) {
                json_object *tags = json_get(json_object_array_get_idx(list, i - 1), "RepoTags");

                for (size_t j = 0; j < json_object_array_length(tags); j++)
                        strbuf_addf(&names, "%s ",
                                    json_object_get_string(json_object_array_get_idx(tags, j)));
                if (!json_object_array_length(tags))
                        strbuf_adds(&names, "<none> ");
        }
        strbuf_adds(&names, "");
        ck_assert_str_eq(names.data ? names.data : "", want);
}

TEST(lists_and_filters)
{
        struct fixture f;

        open_fixture(&f);
        import(&f, "1", "one:v1", "1");
        import(&f, "2", "two:v1", "2");
        import(&f, "3", "two:v2", "3");
        import(&f, "4", NULL, "4");
        check_list(&f, "{}", "one:v1 two:v1 two:v2 <none> ");
        check_list(&f, "{\"label\":[\"test=2\"]}", "two:v1 ");
        check_list(&f, "{\"reference\":[\"two\"]}", "two:v1 two:v2 ");
        check_list(&f, "{\"reference\":{\"*:v1\":true}}", "one:v1 two:v1 ");
        check_list(&f, "{\"before\":[\"two:v1\"]}", "one:v1 ");
        check_list(&f, "{\"since\":[\"one:v1\"],\"before\":[\"two:v2\"]}", "two:v1 ");
        check_list(&f, "{\"dangling\":[\"true\"]}", "<none> ");
        check_list(&f, "{\"dangling\":[\"false\"]}", "one:v1 two:v1 two:v2 ");
        check_list(&f, "{\"until\":[\"1h\"]}", "");
        close_fixture(&f);
}

static void remove_image(struct fixture *f, const char *name, const char *want)
{
        cleanup_error struct error err = {};
        cleanup_json json_object *report = NULL;
        cleanup_strbuf struct strbuf text = {};

        ck_assert_msg(engine_image_remove(&f->engine, name, false, false, &report, &err) == 0, "%s",
                      error_message(&err));
        for (size_t i = 0; i < json_object_array_length(report); i++) {
                json_object *o = json_object_array_get_idx(report, i);
                const char *untagged = json_get_string(o, "Untagged");

                strbuf_addf(&text, "%s ", untagged ? untagged : "deleted");
        }
        ck_assert_str_eq(text.data, want);
}

TEST(removal)
{
        cleanup_error struct error err = {}, missing = {};
        cleanup_json json_object *report = NULL, *prune = NULL;
        char text[DIGEST_TEXT_SIZE];
        struct digest id;
        struct fixture f;
        int64_t total;

        open_fixture(&f);
        id = import(&f, "1", "a:1", "1");
        digest_format(&id, text);
        ck_assert_int_eq(engine_image_tag(&f.engine, text, "b", "2", &err), 0);
        ck_assert_int_eq(engine_image_remove(&f.engine, text, false, false, &report, &err), -1);
        ck_assert_ptr_nonnull(
            strstr(error_message(&err), "(must be forced) - image is referenced in multiple repositories"));
        remove_image(&f, "a:1", "a:1 ");
        remove_image(&f, "b:2", "b:2 deleted deleted ");
        ck_assert_int_eq(engine_image_remove(&f.engine, "b:2", true, false, &report, &missing), -1);
        ck_assert_str_eq(error_message(&missing), "No such image: b:2");
        import(&f, "2", NULL, "1");
        import(&f, "3", "keep", "1");
        error_clear(&err);
        ck_assert_int_eq(engine_image_prune(&f.engine, NULL, &prune, &err), 0);
        ck_assert_int_eq(json_get_int64(prune, "SpaceReclaimed", -1), 1);
        ck_assert_uint_eq(json_object_array_length(json_get(prune, "ImagesDeleted")), 2);
        ck_assert_int_eq(layer_total_size(f.engine.store, &total, &err), 0);
        ck_assert_int_eq(total, 1);
        close_fixture(&f);
}

static int gather(void *arg, json_object *message, struct error *err)
{
        (void)err;
        strbuf_adds(arg, json_get_string(message, "stream"));
        return 0;
}

TEST(save_and_load)
{
        cleanup_error struct error err = {};
        cleanup_strbuf struct strbuf archive = {}, lines = {};
        cleanup_sink struct sink *sink = sink_new_buffer(&archive);
        cleanup_stream struct stream *in = NULL;
        cleanup_json json_object *before = NULL, *after = NULL;
        char *names[] = { (char[]){ "r" }, (char[]){ "s:1" }, NULL };
        struct image_save *save;
        struct fixture f, g;

        open_fixture(&f);
        open_fixture(&g);
        import(&f, "1", "r:1", "1");
        import(&f, "2", "r:2", "2");
        ck_assert_int_eq(engine_image_tag(&f.engine, "r:2", "s", "1", &err), 0);
        ck_assert_msg(engine_image_save_open(&f.engine, names, NULL, &save, &err) == 0, "%s",
                      error_message(&err));
        ck_assert_int_eq(engine_image_save_write(save, sink, &err), 0);
        engine_image_save_free(save);
        in = stream_new_memory(archive.data, archive.len);
        ck_assert_msg(engine_image_load(&g.engine, in, true, NULL, gather, &lines, &err) == 0, "%s",
                      error_message(&err));
        ck_assert_str_eq(lines.data, "Loaded image: r:2\nLoaded image: s:1\nLoaded image: r:1\n");
        ck_assert_int_eq(engine_image_history(&f.engine, "r:2", NULL, &before, &err), 0);
        ck_assert_int_eq(engine_image_history(&g.engine, "s:1", NULL, &after, &err), 0);
        ck_assert(json_object_equal(before, after));
        close_fixture(&f);
        close_fixture(&g);
}

static void check_load_fails(struct fixture *f, const void *data, size_t len)
{
        cleanup_error struct error err = {};
        cleanup_stream struct stream *in = stream_new_memory(data, len);

        ck_assert_int_eq(engine_image_load(&f->engine, in, true, NULL, NULL, NULL, &err), -1);
        ck_assert_int_eq(err.kind, ERROR_INVALID);
}

TEST(bad_archives)
{
        cleanup_strbuf struct strbuf tar = {};
        struct fixture f;
        int64_t total;

        open_fixture(&f);
        small_tar(&tar, "x");
        check_load_fails(&f, "junk", 4);
        check_load_fails(&f, "", 0);
        check_load_fails(&f, tar.data, tar.len);
        check_load_fails(&f, tar.data, 700);
        ck_assert_int_eq(layer_total_size(f.engine.store, &total, NULL), 0);
        ck_assert_int_eq(total, 0);
        close_fixture(&f);
}

static void check_changes(const char *line, const char *want)
{
        cleanup_error struct error err = {};
        struct container_config config = {};
        char *changes[] = { (char *)(uintptr_t)line, NULL };
        cleanup_json json_object *tree = NULL;
        cleanup_free char *text = NULL;
        struct image_config image = {};

        env_set(&config.env, "OLD", "1");
        if (changes_apply(changes, &config, &err) < 0) {
                ck_assert_str_eq(error_message(&err), want);
        } else {
                image.config = config;
                tree = image_config_runtime_json(&image);
                json_object_object_del(tree, "Volumes");
                text = json_format(tree);
                ck_assert_ptr_nonnull(strstr(text, want));
        }
        json_free_fields(&container_config_table, &config);
}

TEST(change_lines)
{
        check_changes("CMD [\"a\",\"b\"]", "\"Cmd\":[\"a\",\"b\"]");
        check_changes("CMD shell form $X", "\"Cmd\":[\"/bin/sh\",\"-c\",\"shell form $X\"]");
        check_changes("ENV OLD=changed", "\"Env\":[\"OLD=changed\"]");
        check_changes("ENV KEY with $OLD spaces", "\"Env\":[\"OLD=1\",\"KEY=with 1 spaces\"]");
        check_changes("label a=1 b=\"two words\"", "\"Labels\":{\"a\":\"1\",\"b\":\"two words\"}");
        check_changes("EXPOSE 80 53/udp", "\"ExposedPorts\":{\"53/udp\":{},\"80/tcp\":{}}");
        check_changes("HEALTHCHECK --interval=5s CMD test -e /ok",
                      "\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"test -e /ok\"],\"Interval\":5000000000}");
        check_changes("ONBUILD RUN echo x", "\"OnBuild\":[\"RUN echo x\"]");
        check_changes("WORKDIR w", "\"WorkingDir\":\"/w\"");
        check_changes("RUN x", "RUN is not a valid change command");
        check_changes("nonsense 1", "NONSENSE is not a valid change command");
}
