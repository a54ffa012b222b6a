#include "store/tree.h"

#include "base/fd.h"
#include "base/hash.h"
#include "base/str.h"

#include <check.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static unsigned next_random(unsigned *state)
{
        *state = *state * 1103515245 + 12345;
        return *state >> 16 & 0x7fff;
}

static void make_name(unsigned *state, char *ret)
{
        static const char *const parts[] = { "a",        "b.txt",     "with space", "\xc3\xa9t\xc3\xa9",
                                             "\xff\xfe", "new\nline", "-",          "x" };
        unsigned len = next_random(state) % 20 == 0 ? 120 + next_random(state) % 100 : 0;

        sprintf(ret, "%s%u", parts[next_random(state) % ARRAY_SIZE(parts)], next_random(state));
        for (size_t n = strlen(ret); len && n < len; n++)
                ret[n] = 'l', ret[n + 1] = '\0';
}

static void make_file(int dirfd, const char *name, unsigned *state)
{
        cleanup_close int fd = openat(dirfd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
        static const unsigned sizes[] = { 0, 1, 511, 512, 513, 4096, 70000, 300000 };
        unsigned size = sizes[next_random(state) % ARRAY_SIZE(sizes)];
        cleanup_free char *data = xmalloc(size + 1);

        ck_assert_int_ge(fd, 0);
        for (unsigned i = 0; i < size; i++)
                data[i] = (char)next_random(state);
        if (next_random(state) % 4 == 0) /* a hole before it */
                lseek(fd, 4096 * 40, SEEK_SET);
        ck_assert_int_eq(fd_write_all(fd, data, size), size);
        if (next_random(state) % 4 == 0)
                ck_assert_int_eq(ftruncate(fd, 4096 * 200), 0);
}

static void decorate(int dirfd, const char *name, unsigned *state)
{
        struct timespec times[2] = { { .tv_sec = 1 },
                                     { (time_t)next_random(state) * 50000, next_random(state) * 30000 } };
        cleanup_free char *path = string_format("/proc/self/fd/%d/%s", dirfd, name);
        struct stat st;

        ck_assert_int_eq(fchownat(dirfd, name, next_random(state) % 3 ? 0 : 3000000000u, next_random(state),
                                  AT_SYMLINK_NOFOLLOW),
                         0);
        ck_assert_int_eq(fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
        if (!S_ISLNK(st.st_mode)) {
                static const mode_t modes[] = { 0644, 0755, 04755, 02750, 01777, 0 };

                ck_assert_int_eq(fchmodat(dirfd, name, modes[next_random(state) % ARRAY_SIZE(modes)], 0), 0);
                if (next_random(state) % 5 == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
                        ck_assert_int_eq(lsetxattr(path, "user.test", "a\0b", 3, 0), 0);
                if (next_random(state) % 5 == 0 && S_ISREG(st.st_mode))
                        ck_assert_int_eq(lsetxattr(path, "security.capability",
                                                   "\1\0\0\2\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0),
                                         0);
        }
        ck_assert_int_eq(utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void make_node(int dirfd, const char *name, unsigned *state)
{
        unsigned kind = next_random(state) % 3;
        mode_t format = kind == 0 ? S_IFIFO : kind == 1 ? S_IFCHR : S_IFBLK;

        ck_assert_int_eq(mknodat(dirfd, name, format | 0600, makedev(next_random(state) % 4000 + 1, 70000)),
                         0);
}

static void make_children(int dirfd, unsigned *state, unsigned depth)
{
        char last[512] = "";

        for (unsigned i = next_random(state) % 9 + 1; i > 0; i--) {
                char name[512];
                unsigned kind = next_random(state) % 8;

                make_name(state, name);
                if (faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                        continue;
                if (kind < 2 && depth < 4) {
                        cleanup_close int fd = -1;

                        ck_assert_int_eq(mkdirat(dirfd, name, 0755), 0);
                        fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                        make_children(fd, state, depth + 1);
                } else if (kind == 2) {
                        ck_assert_int_eq(
                            symlinkat(next_random(state) % 2 ? "/absolute/target" : "a/b", dirfd, name), 0);
                } else if (kind == 3) {
                        make_node(dirfd, name, state);
                } else if (kind == 4 && *last) {
                        ck_assert_int_eq(linkat(dirfd, last, dirfd, name, 0), 0);
                        continue;
                } else {
                        make_file(dirfd, name, state);
                        strcpy(last, name);
                }
                decorate(dirfd, name, state);
        }
}

void tree_make_random(int dirfd, unsigned seed)
{
        make_children(dirfd, &seed, 0);
}

static void describe_attributes(struct strbuf *b, int dirfd, const char *name)
{
        cleanup_free char *path = string_format("/proc/self/fd/%d/%s", dirfd, name);
        static const char *const names[] = { "user.test", "security.capability", "trusted.overlay.opaque" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                char value[64];
                ssize_t n = lgetxattr(path, names[i], value, sizeof(value));

                if (n < 0)
                        continue;
                strbuf_addf(b, " %s=", names[i]);
                for (ssize_t j = 0; j < n; j++)
                        strbuf_addf(b, "%02x", (unsigned char)value[j]);
        }
}

static void describe_content(struct strbuf *b, int dirfd, const char *name)
{
        cleanup_close int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        cleanup_hash struct hash *h = hash_new();
        uint8_t digest[SHA256_SIZE];
        char buffer[65536];
        ssize_t n;

        while ((n = read(fd, buffer, sizeof(buffer))) > 0)
                hash_add(h, buffer, (size_t)n);
        hash_finish(h, digest);
        for (size_t i = 0; i < 8; i++)
                strbuf_addf(b, "%02x", digest[i]);
}

static void describe_folder(struct strbuf *b, int dirfd, const char *prefix);

static void describe_one(struct strbuf *b, int dirfd, const char *prefix, const char *name)
{
        char target[4096] = "";
        struct stat st;

        ck_assert_int_eq(fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
        if (S_ISCHR(st.st_mode) && st.st_rdev == 0) {
                strbuf_addf(b, "%s/%s whiteout\n", prefix, name);
                return;
        }
        strbuf_addf(b, "%s/%s %o %u:%u %lld.%09ld links=%d ", prefix, name, st.st_mode, st.st_uid, st.st_gid,
                    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                    S_ISDIR(st.st_mode) ? 0 : (int)st.st_nlink);
        if (S_ISREG(st.st_mode)) {
                strbuf_addf(b, "size=%lld ", (long long)st.st_size);
                describe_content(b, dirfd, name);
        }
        if (S_ISLNK(st.st_mode) && readlinkat(dirfd, name, target, sizeof(target) - 1) > 0)
                strbuf_adds(b, target);
        if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
                strbuf_addf(b, "%u,%u", major(st.st_rdev), minor(st.st_rdev));
        describe_attributes(b, dirfd, name);
        strbuf_addc(b, '\n');
        if (S_ISDIR(st.st_mode)) {
                cleanup_close int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                cleanup_free char *path = string_format("%s/%s", prefix, name);

                describe_folder(b, fd, path);
        }
}

static void describe_folder(struct strbuf *b, int dirfd, const char *prefix)
{
        cleanup_error struct error err = {};
        cleanup_closedir DIR *dir = NULL;
        cleanup_strv char **names = strv_new();
        struct dirent *d;

        ck_assert_int_eq(directory_list(dirfd, ".", &dir, &err), 0);
        while ((d = readdir(dir)))
                if (!streq(d->d_name, ".") && !streq(d->d_name, ".."))
                        strv_append(&names, d->d_name);
        strv_sort(names);
        for (size_t i = 0; names[i]; i++)
                describe_one(b, dirfd, prefix, names[i]);
}

char *tree_describe(int dirfd)
{
        cleanup_strbuf struct strbuf b = {};

        describe_folder(&b, dirfd, "");
        return strbuf_take(&b);
}

int tree_new_folder(char **ret_path)
{
        char path[] = "/tmp/davit-test-XXXXXX";

        ck_assert_ptr_nonnull(mkdtemp(path));
        *ret_path = xstrdup(path);
        return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void tree_drop_folder(int fd, char *path)
{
        close(fd);
        tree_remove(AT_FDCWD, path, NULL);
        free(path);
}
