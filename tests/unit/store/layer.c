#include "store/layer.h"

#include "base/fd.h"
#include "store/tree.h"
#include "store/unpack.h"
#include "suite.h"

#include <pthread.h>
#include <errno.h>
#include <sys/mount.h>

SUITE(layer);

struct fixture {
        char *path;
        int fd;
        struct store *store;
};

static void open_fixture(struct fixture *f)
{
        cleanup_error struct error err = {};
        cleanup_free char *root = NULL;

        f->fd = tree_new_folder(&f->path);
        root = string_format("%s/data", f->path);
        ck_assert_msg(store_open(root, &f->store, &err) == 0, "%s", error_message(&err));
}

static void reopen_fixture(struct fixture *f)
{
        cleanup_error struct error err = {};
        cleanup_free char *root = string_format("%s/data", f->path);

        store_close(f->store);
        ck_assert_msg(store_open(root, &f->store, &err) == 0, "%s", error_message(&err));
}

static void close_fixture(struct fixture *f)
{
        store_close(f->store);
        tree_drop_folder(f->fd, f->path);
}

static void pack_random(int dirfd, unsigned seed, struct strbuf *out)
{
        cleanup_error struct error err = {};
        cleanup_sink struct sink *sink = sink_new_buffer(out);
        cleanup_tar_writer struct tar_writer *writer = tar_writer_new(sink);
        struct pack_options options = { .timestamp = INT64_MAX };

        tree_make_random(dirfd, seed);
        ck_assert_int_eq(tar_pack(dirfd, writer, &options, &err), 0);
        ck_assert_int_eq(tar_writer_finish(writer, &err), 0);
}

static int apply(struct fixture *f, const struct strbuf *tar, const struct digest *expected,
                 struct layer *ret, struct error *err)
{
        cleanup_stream struct stream *in = stream_new_memory(tar->data, tar->len);

        return layer_apply(f->store, in, expected, ret, err);
}

static void check_tar(struct fixture *f, const struct digest *id, const struct strbuf *want)
{
        cleanup_error struct error err = {};
        cleanup_strbuf struct strbuf got = {};
        cleanup_sink struct sink *sink = sink_new_buffer(&got);

        ck_assert_msg(layer_tar(f->store, id, sink, &err) == 0, "%s", error_message(&err));
        ck_assert_uint_eq(got.len, want->len);
        ck_assert(memcmp(got.data, want->data, got.len) == 0);
}

static int open_lower(struct fixture *f, const struct digest *id)
{
        cleanup_error struct error err = {};
        cleanup_strv char **lowers = NULL;
        int fd;

        ck_assert_int_eq(layer_lowers(f->store, id, 1, &lowers, &err), 0);
        fd = open(lowers[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        return fd;
}

TEST(same_tar_and_same_tree)
{
        struct fixture f;

        open_fixture(&f);
        for (unsigned seed = 1; seed <= 20; seed++) {
                cleanup_error struct error err = {};
                cleanup_strbuf struct strbuf tar = {};
                cleanup_free char *before = NULL, *after = NULL;
                cleanup_close int lower = -1;
                struct layer layer, again;
                struct digest want;
                char *path;
                int tree = tree_new_folder(&path);

                pack_random(tree, seed, &tar);
                strbuf_add(&tar, "trailing bytes", 14);
                digest_of(tar.data, tar.len, &want);
                ck_assert_msg(apply(&f, &tar, NULL, &layer, &err) == 0, "%s", error_message(&err));
                ck_assert(digest_equal(&layer.diff_id, &want));
                ck_assert_int_eq(layer.tar_size, (int64_t)tar.len);
                check_tar(&f, &layer.diff_id, &tar);
                lower = open_lower(&f, &layer.diff_id);
                before = tree_describe(tree);
                after = tree_describe(lower);
                ck_assert_str_eq(before, after);
                ck_assert_int_eq(apply(&f, &tar, &want, &again, &err), 0);
                ck_assert_int_eq(again.size, layer.size);
                tree_drop_folder(tree, path);
        }
        close_fixture(&f);
}

TEST(entries_that_replace_others)
{
        cleanup_error struct error err = {};
        cleanup_strbuf struct strbuf tar = {};
        cleanup_sink struct sink *sink = sink_new_buffer(&tar);
        cleanup_tar_writer struct tar_writer *writer = tar_writer_new(sink);
        struct tar_entry d = { .type = TAR_DIRECTORY, .path = (char[]){ "d" }, .mode = 0755 };
        struct tar_entry l = {
                .type = TAR_SYMLINK, .path = (char[]){ "d" }, .link = (char[]){ "e" }, .mode = 0777
        };
        struct layer layer;
        struct fixture f;

        open_fixture(&f);
        tar_writer_entry(writer, &d, &err);
        tar_writer_file(writer, "d/a", 0644, 1, "first", 5, &err);
        tar_writer_file(writer, "b", 0644, 1, "second", 6, &err);
        tar_writer_file(writer, "b", 0644, 1, "third!!", 7, &err);
        tar_writer_file(writer, "d/a", 0644, 1, "fourth", 6, &err);
        tar_writer_entry(writer, &l, &err);
        tar_writer_file(writer, "c", 0644, 1, "fifth", 5, &err);
        tar_writer_finish(writer, &err);
        ck_assert_msg(apply(&f, &tar, NULL, &layer, &err) == 0, "%s", error_message(&err));
        check_tar(&f, &layer.diff_id, &tar);
        close_fixture(&f);
}

TEST(upper_directory)
{
        cleanup_error struct error err = {};
        cleanup_strbuf struct strbuf tar = {};
        cleanup_sink struct sink *sink = sink_new_buffer(&tar);
        cleanup_free char *before = NULL, *after = NULL, *copied = NULL;
        cleanup_close int upper = -1, lower = -1, copy_lower = -1;
        struct layer layer, copy, again;
        struct fixture f;

        open_fixture(&f);
        ck_assert_int_eq(mkdirat(f.fd, "data/upper", 0755), 0);
        upper = openat(f.fd, "data/upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        tree_make_random(upper, 5);
        ck_assert_int_eq(mknodat(upper, "deleted", S_IFCHR, 0), 0);
        before = tree_describe(upper);
        ck_assert_msg(layer_from_copy(f.store, upper, &copy, &err) == 0, "%s", error_message(&err));
        ck_assert_msg(layer_from_upper(f.store, f.fd, "data/upper", -1, &layer, &err) == 0, "%s",
                      error_message(&err));
        ck_assert(digest_equal(&layer.diff_id, &copy.diff_id));
        copy_lower = open_lower(&f, &copy.diff_id);
        copied = tree_describe(copy_lower);
        ck_assert_int_eq(layer_tar(f.store, &layer.diff_id, sink, &err), 0);
        ck_assert_int_eq(layer.tar_size, (int64_t)tar.len);
        ck_assert_int_eq(apply(&f, &tar, &layer.diff_id, &again, &err), 0);
        lower = open_lower(&f, &layer.diff_id);
        after = tree_describe(lower);
        ck_assert_str_eq(before, after);
        ck_assert_int_eq(layer.size, again.size);
        close_fixture(&f);
}

TEST(pins_and_holds)
{
        cleanup_error struct error err = {};
        cleanup_strbuf struct strbuf tar = {};
        struct layer layer, found;
        struct fixture f;
        int64_t freed = 0, total = -1;
        char *path;
        int tree = tree_new_folder(&path);

        open_fixture(&f);
        pack_random(tree, 3, &tar);
        ck_assert_int_eq(apply(&f, &tar, NULL, &layer, &err), 0);
        ck_assert_int_eq(store_collect(f.store, &freed, &err), 0);
        ck_assert_int_eq(freed, 0);
        ck_assert_int_eq(layer_pin(f.store, "test:1", &layer.diff_id, 1, true, &err), 0);
        layer_release(f.store, &layer.diff_id);
        ck_assert_int_eq(store_collect(f.store, &freed, &err), 0);
        ck_assert_int_eq(freed, 0);
        reopen_fixture(&f);
        ck_assert_int_eq(layer_get(f.store, &layer.diff_id, &found, &err), 0);
        ck_assert_int_eq(found.size, layer.size);
        layer_release(f.store, &layer.diff_id);
        ck_assert_int_eq(layer_unpin(f.store, "test:1", true, &err), 0);
        ck_assert_int_eq(store_collect(f.store, &freed, &err), 0);
        ck_assert_int_eq(freed, layer.size);
        ck_assert_int_eq(layer_get(f.store, &layer.diff_id, &found, &err), -1);
        ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
        ck_assert_int_eq(layer_total_size(f.store, &total, NULL), 0);
        ck_assert_int_eq(total, 0);
        tree_drop_folder(tree, path);
        close_fixture(&f);
}

TEST(what_a_crash_leaves)
{
        struct fixture f;

        open_fixture(&f);
        ck_assert_int_eq(mkdirat(f.fd, "data/tmp/x", 0700), 0);
        ck_assert_int_eq(mkdirat(f.fd, "data/tmp/x/y", 0700), 0);
        ck_assert_int_eq(mkdirat(f.store->layers_fd, "abc", 0700), 0);
        reopen_fixture(&f);
        ck_assert_int_ne(faccessat(f.fd, "data/tmp/x", F_OK, 0), 0);
        ck_assert_int_ne(faccessat(f.store->layers_fd, "abc", F_OK, 0), 0);
        close_fixture(&f);
}

TEST(one_engine_per_root)
{
        cleanup_error struct error err = {};
        cleanup_free char *root = NULL;
        struct store *second;
        struct fixture f;

        open_fixture(&f);
        root = string_format("%s/data", f.path);
        ck_assert_int_eq(store_open(root, &second, &err), -1);
        ck_assert_int_eq(err.kind, ERROR_CONFLICT);
        close_fixture(&f);
}

struct racer {
        struct fixture *f;
        const struct strbuf *tar;
        const struct digest *expected;
        pthread_t thread;
        int result;
        struct layer layer;
};

static void *race(void *arg)
{
        struct racer *r = arg;

        r->result = apply(r->f, r->tar, r->expected, &r->layer, NULL);
        return NULL;
}

TEST(many_at_once)
{
        cleanup_strbuf struct strbuf tar = {};
        struct racer racers[8] = {};
        struct fixture f;
        struct digest id;
        char *path;
        int tree = tree_new_folder(&path);

        open_fixture(&f);
        pack_random(tree, 11, &tar);
        digest_of(tar.data, tar.len, &id);
        for (size_t i = 0; i < 8; i++) {
                racers[i] = (struct racer){ .f = &f, .tar = &tar, .expected = i % 3 ? &id : NULL };
                pthread_create(&racers[i].thread, NULL, race, &racers[i]);
        }
        for (size_t i = 0; i < 8; i++) {
                pthread_join(racers[i].thread, NULL);
                ck_assert_int_eq(racers[i].result, 0);
                ck_assert(digest_equal(&racers[i].layer.diff_id, &id));
        }
        check_tar(&f, &id, &tar);
        tree_drop_folder(tree, path);
        close_fixture(&f);
}

static bool tmp_is_empty(struct fixture *f)
{
        return unlinkat(f->fd, "data/tmp", AT_REMOVEDIR) == 0;
}

TEST(wrong_digest_and_damage_leave_nothing)
{
        cleanup_error struct error err = {}, damage = {};
        cleanup_strbuf struct strbuf tar = {};
        struct digest wrong = {};
        struct layer layer;
        struct fixture f;
        int64_t total = -1;
        char *path;
        int tree = tree_new_folder(&path);

        open_fixture(&f);
        pack_random(tree, 12, &tar);
        ck_assert_int_eq(apply(&f, &tar, &wrong, &layer, &err), -1);
        ck_assert_int_eq(err.kind, ERROR_INVALID);
        tar.len = tar.len / 2 + 7;
        ck_assert_int_eq(apply(&f, &tar, NULL, &layer, &damage), -1);
        ck_assert_int_eq(damage.kind, ERROR_INVALID);
        ck_assert_int_eq(layer_total_size(f.store, &total, NULL), 0);
        ck_assert_int_eq(total, 0);
        ck_assert(tmp_is_empty(&f));
        tree_drop_folder(tree, path);
        close_fixture(&f);
}

/* On a file system with little room. */
TEST(full_disk)
{
        cleanup_error struct error err = {};
        cleanup_free char *root = NULL, *big = xcalloc(1, 3 << 20);
        cleanup_strbuf struct strbuf tar = {};
        cleanup_sink struct sink *sink = sink_new_buffer(&tar);
        cleanup_tar_writer struct tar_writer *writer = tar_writer_new(sink);
        struct fixture f = {};
        struct layer layer;

        memset(big, 'x', 3 << 20);
        f.fd = tree_new_folder(&f.path);
        root = string_format("%s/data", f.path);
        mkdirat(f.fd, "data", 0755);
        if (mount("tmpfs", root, "tmpfs", 0, "size=2m") < 0) {
                tree_drop_folder(f.fd, f.path);
                return;
        }
        ck_assert_int_eq(store_open(root, &f.store, &err), 0);
        tar_writer_file(writer, "big", 0644, 0, big, 3 << 20, &err);
        tar_writer_finish(writer, &err);
        ck_assert_int_eq(apply(&f, &tar, NULL, &layer, &err), -1);
        ck_assert_int_eq(err.errnum, ENOSPC);
        ck_assert_ptr_nonnull(strstr(error_message(&err), "no space left on device"));
        ck_assert(tmp_is_empty(&f));
        store_close(f.store);
        umount2(root, MNT_DETACH);
        tree_drop_folder(f.fd, f.path);
}
