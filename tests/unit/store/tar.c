#include "store/unpack.h"

#include "base/fd.h"
#include "store/tree.h"
#include "suite.h"

SUITE(tar);

static void pack_tree(int dirfd, struct strbuf *out, unsigned flags)
{
        cleanup_error struct error err = {};
        cleanup_sink struct sink *sink = sink_new_buffer(out);
        cleanup_tar_writer struct tar_writer *writer = tar_writer_new(sink);
        struct pack_options options = { .flags = flags, .timestamp = INT64_MAX };

        ck_assert_msg(tar_pack(dirfd, writer, &options, &err) == 0, "%s", error_message(&err));
        ck_assert_int_eq(tar_writer_finish(writer, &err), 0);
}

static int unpack_text(int dirfd, const char *path, const void *data, size_t len, unsigned flags,
                       struct error *err)
{
        cleanup_stream struct stream *in = stream_new_memory(data, len);
        struct unpack_options options = { .flags = flags };

        return tar_unpack(dirfd, path, in, &options, NULL, err);
}

TEST(random_trees_survive)
{
        for (unsigned seed = 1; seed <= 30; seed++) {
                cleanup_error struct error err = {};
                cleanup_strbuf struct strbuf first = {}, second = {};
                cleanup_free char *before = NULL, *after = NULL;
                char *from_path, *to_path;
                int from = tree_new_folder(&from_path), to = tree_new_folder(&to_path);

                tree_make_random(from, seed);
                pack_tree(from, &first, 0);
                ck_assert_msg(unpack_text(to, "", first.data, first.len, UNPACK_WHITEOUTS, &err) == 0, "%s",
                              error_message(&err));
                before = tree_describe(from);
                after = tree_describe(to);
                ck_assert_str_eq(before, after);
                pack_tree(to, &second, 0);
                ck_assert_uint_eq(first.len, second.len);
                ck_assert(memcmp(first.data, second.data, first.len) == 0);
                tree_drop_folder(from, from_path);
                tree_drop_folder(to, to_path);
        }
}

/* One-entry archives of bad things. */
static void refuse(const struct tar_entry *entries, size_t count, const char *text)
{
        cleanup_error struct error err = {};
        cleanup_strbuf struct strbuf out = {};
        cleanup_sink struct sink *sink = sink_new_buffer(&out);
        cleanup_tar_writer struct tar_writer *writer = tar_writer_new(sink);
        char *path;
        int dirfd = tree_new_folder(&path);

        for (size_t i = 0; i < count; i++)
                ck_assert_int_eq(tar_writer_entry(writer, &entries[i], &err), 0);
        ck_assert_int_eq(tar_writer_finish(writer, &err), 0);
        ck_assert_int_eq(mkdirat(dirfd, "root", 0755), 0);
        ck_assert_int_eq(unpack_text(dirfd, "root", out.data, out.len, UNPACK_WHITEOUTS, &err), -1);
        ck_assert_int_eq(err.kind, ERROR_INVALID);
        ck_assert_msg(strstr(error_message(&err), text) != NULL, "%s", error_message(&err));
        tree_drop_folder(dirfd, path);
}
#define REFUSE(text, ...)                                                                                    \
        do {                                                                                                 \
                const struct tar_entry list[] = { __VA_ARGS__ };                                             \
                refuse(list, ARRAY_SIZE(list), text);                                                        \
        } while (0)

TEST(what_climbs_out_is_refused)
{
        char up[] = "../x", deep[] = "a/../../x", ok[] = "a", link[] = "l", hard[] = "../../etc/passwd",
             through[] = "l/x", plain[] = "f", under_file[] = "f/x",
             nowhere[] = "/nowhere", wh[] = ".wh.", none[] = "none";

        REFUSE("outside", { .type = TAR_FILE, .path = up });
        REFUSE("outside", { .type = TAR_FILE, .path = deep });
        REFUSE("invalid hardlink", { .type = TAR_HARDLINK, .path = ok, .link = hard });
        REFUSE("invalid hardlink", { .type = TAR_HARDLINK, .path = ok, .link = none });
        REFUSE("not a directory", { .type = TAR_FILE, .path = plain },
               { .type = TAR_FILE, .path = under_file });
        REFUSE("whiteout", { .type = TAR_FILE, .path = wh });
        REFUSE("not a directory", { .type = TAR_SYMLINK, .path = link, .link = nowhere },
               { .type = TAR_FILE, .path = through });
}

TEST(symlinks_stay_inside)
{
        cleanup_error struct error err = {};
        cleanup_strbuf struct strbuf out = {};
        cleanup_sink struct sink *sink = sink_new_buffer(&out);
        cleanup_tar_writer struct tar_writer *writer = tar_writer_new(sink);
        char link[] = "l", target[] = "/davit-test-outside", root[] = "/";
        struct tar_entry e = { .type = TAR_SYMLINK, .path = link, .link = target, .mode = 0777 };
        struct tar_entry r = { .type = TAR_SYMLINK, .path = (char[]){ "m" }, .link = root, .mode = 0777 };
        char *path;
        int dirfd = tree_new_folder(&path);
        struct tar_entry d = { .type = TAR_DIRECTORY,
                               .path = (char[]){ "davit-test-outside" },
                               .mode = 0755 };

        tar_writer_entry(writer, &d, &err);
        tar_writer_entry(writer, &e, &err);
        tar_writer_file(writer, "l/inside", 0644, 0, "x", 1, &err);
        tar_writer_entry(writer, &r, &err);
        tar_writer_file(writer, "m/m/m/also", 0644, 0, "x", 1, &err);
        tar_writer_finish(writer, &err);
        ck_assert_msg(unpack_text(dirfd, "", out.data, out.len, 0, &err) == 0, "%s", error_message(&err));
        ck_assert_int_eq(faccessat(dirfd, "davit-test-outside/inside", F_OK, 0), 0);
        ck_assert_int_eq(faccessat(dirfd, "also", F_OK, 0), 0);
        ck_assert_int_ne(access("/davit-test-outside", F_OK), 0);
        tree_drop_folder(dirfd, path);
}

TEST(whiteouts)
{
        cleanup_error struct error err = {};
        cleanup_strbuf struct strbuf first = {}, second = {};
        cleanup_free char *text = NULL;
        char *path, *other_path;
        int dirfd = tree_new_folder(&path), other = tree_new_folder(&other_path);
        cleanup_sink struct sink *sink = sink_new_buffer(&first);
        cleanup_tar_writer struct tar_writer *writer = tar_writer_new(sink);
        char folder[] = "d";
        struct tar_entry d = { .type = TAR_DIRECTORY, .path = folder, .mode = 0755 };

        tar_writer_entry(writer, &d, &err);
        tar_writer_file(writer, "d/.wh..wh..opq", 0600, 0, NULL, 0, &err);
        tar_writer_file(writer, "d/.wh.gone", 0600, 0, NULL, 0, &err);
        tar_writer_file(writer, "d/.wh..wh.plnk", 0600, 0, NULL, 0, &err);
        tar_writer_finish(writer, &err);
        ck_assert_msg(unpack_text(dirfd, "", first.data, first.len, UNPACK_WHITEOUTS, &err) == 0, "%s",
                      error_message(&err));
        text = tree_describe(dirfd);
        ck_assert_ptr_nonnull(strstr(text, "/d/gone whiteout"));
        ck_assert_ptr_nonnull(strstr(text, "trusted.overlay.opaque=79"));
        pack_tree(dirfd, &second, PACK_WHITEOUTS);
        ck_assert_int_eq(unpack_text(other, "", second.data, second.len, 0, &err), 0);
        ck_assert_int_eq(faccessat(other, "d/.wh..wh..opq", F_OK, 0), 0);
        ck_assert_int_eq(faccessat(other, "d/.wh.gone", F_OK, 0), 0);
        tree_drop_folder(dirfd, path);
        tree_drop_folder(other, other_path);
}

TEST(damaged_archives)
{
        cleanup_strbuf struct strbuf out = {};
        char *from_path, *path;
        int from = tree_new_folder(&from_path), dirfd = tree_new_folder(&path);

        tree_make_random(from, 7);
        pack_tree(from, &out, 0);
        for (size_t len = 100; len < out.len - 1024; len += 70001) {
                cleanup_error struct error err = {};

                if (len % 512 == 0)
                        continue;
                ck_assert_int_eq(unpack_text(dirfd, "", out.data, len, 0, &err), -1);
                ck_assert_int_eq(err.kind, ERROR_INVALID);
        }
        tree_drop_folder(from, from_path);
        tree_drop_folder(dirfd, path);
}

TEST(clean_paths)
{
        static const char *const cases[][2] = {
                { "", "" },        { "/", "" },      { "./", "" },       { "a//b/./c/", "a/b/c" },
                { "a/../b", "b" }, { "a/..", "" },   { "/../x", NULL },  { "a/../../b", NULL },
                { "..", NULL },    { "...", "..." }, { "/a/b/..", "a" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                cleanup_free char *got = tar_clean_path(cases[i][0]);

                ck_assert_pstr_eq(got, cases[i][1]);
        }
}
