/* Mount points: syntax, resolution, what the runtime is told, copy-up; volumes. */
#include "suite.h"

#include "base/fd.h"
#include "base/path.h"
#include "engine/mount-internal.h"
#include "engine/volume-internal.h"
#include "oci/spec.h"
#include "store/database.h"

#include <stdio.h>

SUITE(engine_mount);

TEST(clean_paths)
{
        static const char *const cases[][2] = {
                { "", "." },           { "/", "/" },
                { "//a//b/", "/a/b" }, { "/a/../..", "/" },
                { "a/../..", ".." },   { "../../x", "../../x" },
                { "./a/./b", "a/b" },  { "/../a", "/a" },
                { "a/..", "." },       { "/a/b/../c", "/a/c" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                cleanup_free char *cleaned = path_clean(cases[i][0]);

                ck_assert_str_eq(cleaned, cases[i][1]);
        }
}

TEST(bind_syntax)
{
        static const struct {
                const char *text, *type, *name, *source, *destination, *mode, *propagation;
                bool rw, no_copy;
        } good[] = {
                { "/a:/b", "bind", NULL, "/a", "/b", "", "rprivate", true, false },
                { "/a/../c:/b/:ro", "bind", NULL, "/c", "/b", "ro", "rprivate", false, false },
                { "/a:/b:z,rslave", "bind", NULL, "/a", "/b", "z,rslave", "rslave", true, false },
                { "vol:/b:nocopy,ro", "volume", "vol", NULL, "/b", "nocopy,ro", NULL, false, true },
                { "/b", "volume", "", NULL, "/b", "", NULL, true, false },
        };
        static const struct {
                const char *text, *error;
        } bad[] = {
                { "a:b:c:d", "invalid volume specification: 'a:b:c:d'" },
                { "/foo:rw", "invalid volume specification: '/foo:rw'" },
                { "/a:/b:ro,rw", "invalid mode: ro,rw" },
                { "/a:/b:bogus", "invalid mode: bogus" },
                { "/a:rel",
                  "invalid volume specification: '/a:rel': invalid mount config for type \"bind\": invalid "
                  "mount path: 'rel' mount path must be absolute" },
                { "/a:/",
                  "invalid volume specification: '/a:/': invalid mount config for type \"bind\": invalid "
                  "specification: destination can't be '/'" },
                { "v:/a:shared", "invalid volume specification: 'v:/a:shared': invalid mount config for type "
                                 "\"volume\": field BindOptions must not be specified" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                struct mount_point p = { 0 };

                ck_assert_int_eq(mount_parse_bind(good[i].text, NULL, &p, NULL), 0);
                ck_assert_str_eq(p.type, good[i].type);
                ck_assert(streq(p.name, good[i].name) && streq(p.source, good[i].source));
                ck_assert_str_eq(p.destination, good[i].destination);
                ck_assert_str_eq(p.mode, good[i].mode);
                ck_assert(streq(p.propagation, good[i].propagation));
                ck_assert(p.rw == good[i].rw && p.no_copy == good[i].no_copy);
                mount_point_deinit(&p);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                cleanup_error struct error err = { 0 };
                struct mount_point p;

                ck_assert_int_lt(mount_parse_bind(bad[i].text, NULL, &p, &err), 0);
                ck_assert_str_eq(error_message(&err), bad[i].error);
                ck_assert_int_eq(err.kind, ERROR_INVALID);
        }
}

TEST(volumes_from_syntax)
{
        static const char *const bad[] = { "", ":ro", "a:bad", "a:y:z", "a:", "a:nocopy", "a:rslave" };
        cleanup_free char *name = NULL;
        bool rw;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                ck_assert_msg(mount_parse_volumes_from(bad[i], &name, &rw, NULL) < 0, "%s", bad[i]);
        ck_assert_int_eq(mount_parse_volumes_from("a:ro", &name, &rw, NULL), 0);
        ck_assert(streq(name, "a") && !rw);
}

TEST(mount_config_errors)
{
        struct volume_options volume = { .subpath = (char *)"../a" };
        struct bind_options bind = { .propagation = (char *)"nope" };
        const struct {
                struct mount_config config;
                const char *error;
        } cases[] = {
                { { .type = (char *)"bind", .target = (char *)"/x" },
                  "invalid mount config for type \"bind\": field Source must not be empty" },
                { { .type = (char *)"floppy", .target = (char *)"/x" },
                  "invalid mount config for type \"floppy\": mount type unknown" },
                { { .type = (char *)"tmpfs", .target = (char *)"/x", .source = (char *)"/a" },
                  "invalid mount config for type \"tmpfs\": field Source must not be specified" },
                { { .type = (char *)"volume", .target = (char *)"/x", .read_only = true },
                  "invalid mount config for type \"volume\": must not set ReadOnly mode when using anonymous "
                  "volumes" },
                { { .type = (char *)"volume",
                    .source = (char *)"v1",
                    .target = (char *)"/x",
                    .volume_options = &volume },
                  "invalid mount config for type \"volume\": subpath must be a relative path within the "
                  "volume" },
                { { .type = (char *)"bind",
                    .source = (char *)"/a",
                    .target = (char *)"/x",
                    .bind_options = &bind },
                  "invalid mount config for type \"bind\": invalid propagation mode: nope" },
                { { .type = (char *)"bind", .source = (char *)"a", .target = (char *)"/x" },
                  "invalid mount config for type \"bind\": invalid mount path: 'a' mount path must be "
                  "absolute" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                cleanup_error struct error err = { 0 };
                struct mount_point p;

                ck_assert_int_lt(mount_parse_config(&cases[i].config, &p, &err), 0);
                ck_assert_str_eq(error_message(&err), cases[i].error);
        }
        ck_assert_int_eq(mount_tmpfs_options_check("size=64k,mode=700,uid=5,noexec", NULL), 0);
        ck_assert_int_lt(mount_tmpfs_options_check("bogus=1", NULL), 0);
}

/* ---- With a database and folders ---- */

struct world {
        char dir[64];
        struct database *db;
        struct volumes *vols;
};

static void world_open(struct world *w)
{
        cleanup_free char *path = NULL;
        cleanup_error struct error err = { 0 };

        path = string_format("%s/db", w->dir);
        ck_assert_msg(database_open(path, &w->db, &err) == 0, "%s", error_message(&err));
        ck_assert_msg(volumes_open(w->db, NULL, w->dir, NULL, &w->vols, &err) == 0, "%s",
                      error_message(&err));
}

static void world_close(struct world *w)
{
        volumes_close(w->vols);
        database_close(w->db);
}

static struct world world_new(void)
{
        struct world w = { .dir = "/tmp/davit-unit-XXXXXX" };

        ck_assert_ptr_nonnull(mkdtemp(w.dir));
        world_open(&w);
        return w;
}

static void world_end(struct world *w)
{
        world_close(w);
        tree_remove(AT_FDCWD, w->dir, NULL);
}

TEST(volume_life)
{
        static const char *const bad[] = { "x", "bad name", "-x", "a/b", ".hid", "\xc3\xbc", "..", "a\nb" };
        struct world w = world_new();
        cleanup_error struct error err = { 0 };
        cleanup_volume struct volume v = { 0 }, anonymous = { 0 };
        cleanup_strmap struct strmap options = { 0 };
        cleanup_json json_object *list = NULL;
        struct filters none = { 0 };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                ck_assert_msg(volume_create(w.vols, bad[i], NULL, NULL, NULL, &v, &err) < 0, "%s", bad[i]);
                ck_assert_int_eq(err.kind, ERROR_INVALID);
                error_clear(&err);
        }
        ck_assert_int_eq(volume_create(w.vols, "data", "", NULL, NULL, &v, &err), 0);
        ck_assert(string_ends_with(v.mountpoint, "/volumes/data/_data"));
        ck_assert_int_eq(volume_create(w.vols, NULL, NULL, NULL, NULL, &anonymous, &err), 0);
        ck_assert_uint_eq(strlen(anonymous.name), 64);
        strmap_set(&options, "nosuchopt", "1");
        ck_assert_int_lt(volume_create(w.vols, "other", NULL, &options, NULL, &v, &err), 0);
        ck_assert_str_eq(error_message(&err), "create other: invalid option: \"nosuchopt\"");
        error_clear(&err);
        ck_assert_int_eq(volume_reference(w.vols, "data", "c1", false, &err), 0);
        ck_assert_int_eq(volume_reference(w.vols, anonymous.name, "c1", true, &err), 0);
        world_close(&w);
        world_open(&w);
        ck_assert_int_lt(volume_remove(w.vols, "data", true, &err), 0);
        ck_assert_str_eq(error_message(&err), "remove data: volume is in use - [c1]");
        error_clear(&err);
        volume_release(w.vols, "c1", true);
        ck_assert_int_eq(volume_list(w.vols, &none, &list, &err), 0);
        ck_assert_uint_eq(json_object_array_length(json_get(list, "Volumes")), 1);
        ck_assert_int_eq(volume_remove(w.vols, "data", false, &err), 0);
        ck_assert_int_lt(volume_remove(w.vols, "data", false, &err), 0);
        ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
        ck_assert_int_eq(volume_remove(w.vols, "data", true, NULL), 0);
        world_end(&w);
}

static int none_from(void *arg, const char *container, const struct mount_points **ret, struct error *err)
{
        const struct mount_points *points = arg;

        if (!streq(container, "other"))
                return error_set(err, ERROR_NOT_FOUND, "No such container: %s", container);
        *ret = points;
        return 0;
}

TEST(resolve_and_prepare)
{
        struct world w = world_new();
        cleanup_error struct error err = { 0 };
        cleanup_mount_points struct mount_points points = { 0 }, second = { 0 };
        cleanup_free char *source = string_format("%s/made/up", w.dir);
        cleanup_free char *bind = string_format("%s:/m/sub:ro", source);
        char *binds[] = { bind, (char *)"data:/m", NULL },
             *volumes[] = { (char *)"/anon", (char *)"/m", NULL };
        char *from[] = { (char *)"other:ro", NULL };
        struct container_config config = { .volumes = volumes };
        struct host_config host = { .binds = binds }, other_host = { .volumes_from = from };
        struct mounts_request request = { "c1", &config, &host, none_from, &points };
        struct container_config empty = { 0 };
        struct mounts_request other = { "c2", &empty, &other_host, none_from, &points };
        struct oci_mount *mounts;
        struct stat st;
        size_t n;

        strmap_set(&host.tmpfs, "/t", "size=64k,exec");
        ck_assert_msg(mounts_resolve(w.vols, &request, &points, &err) == 0, "%s", error_message(&err));
        ck_assert_uint_eq(points.count, 4);
        ck_assert_int_eq(mounts_prepare(w.vols, "c1", &points, &mounts, &n, &err), 0);
        ck_assert_int_eq(stat(source, &st), 0);
        ck_assert_str_eq(mounts[0].destination, "/m");
        ck_assert_str_eq(mounts[1].destination, "/t");
        ck_assert_str_eq(mounts[3].destination, "/m/sub");
        ck_assert(strv_contains(mounts[3].options, "rro"));
        ck_assert(strv_contains(mounts[1].options, "nosuid") && !strv_contains(mounts[1].options, "noexec"));
        mounts_free(mounts, n);
        ck_assert_msg(mounts_resolve(w.vols, &other, &second, &err) == 0, "%s", error_message(&err));
        ck_assert_uint_eq(second.count, 3);
        ck_assert(!second.items[0].rw && !second.items[1].rw);
        binds[0] = (char *)"data:/m/";
        ck_assert_int_lt(mounts_resolve(w.vols, &request, &second, &err), 0);
        ck_assert_str_eq(error_message(&err), "Duplicate mount point: /m");
        strmap_deinit(&host.tmpfs);
        world_end(&w);
}

static void write_file(int dir, const char *name, const char *text)
{
        cleanup_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);

        ck_assert_int_ge(fd_write_all(fd, text, strlen(text)), 0);
}

TEST(copy_up)
{
        struct world w = world_new();
        cleanup_error struct error err = { 0 };
        cleanup_close int root = open(w.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), data = -1, volume = -1;
        struct mount_point point = { .type = (char *)"volume",
                                     .name = (char *)"data",
                                     .destination = (char *)"/img" };
        struct mount_points points = { &point, 1 };
        cleanup_volume struct volume v = { 0 };
        struct timespec times[2] = { { 5, 0 }, { 77, 123456789 } };
        struct stat st, other;
        char target[16];

        if (geteuid() != 0) {
                world_end(&w);
                return;
        }
        ck_assert_int_eq(mkdirat(root, "img", 0750), 0);
        data = openat(root, "img", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        write_file(data, "f", "text");
        ck_assert_int_eq(fchownat(data, "f", 12, 34, 0), 0);
        ck_assert_int_eq(fchmodat(data, "f", 04755, 0), 0);
        ck_assert_int_eq(utimensat(data, "f", times, 0), 0);
        ck_assert_int_eq(linkat(data, "f", data, "hard", 0), 0);
        ck_assert_int_eq(symlinkat("f", data, "soft"), 0);
        ck_assert_int_eq(mkdirat(data, "sub", 01777), 0);
        ck_assert_int_eq(fchown(data, 7, 8), 0);
        ck_assert_int_eq(volume_create(w.vols, "data", NULL, NULL, NULL, &v, &err), 0);
        ck_assert(mounts_need_copy_up(w.vols, &points));
        ck_assert_msg(mounts_copy_up(w.vols, "c", &points, root, &err) == 0, "%s", error_message(&err));
        ck_assert(!mounts_need_copy_up(w.vols, &points));
        volume = open(v.mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_eq(fstat(volume, &st), 0);
        ck_assert(st.st_uid == 7 && st.st_gid == 8 && (st.st_mode & 07777) == 0750);
        ck_assert_int_eq(fstatat(volume, "f", &st, 0), 0);
        ck_assert(st.st_uid == 12 && (st.st_mode & 07777) == 04755 && st.st_mtim.tv_nsec == 123456789);
        ck_assert_int_eq(fstatat(volume, "hard", &other, 0), 0);
        ck_assert(other.st_ino == st.st_ino);
        ck_assert_int_eq(readlinkat(volume, "soft", target, sizeof(target)), 1);
        world_end(&w);
}
