/* The `dirs` driver: a layer is a directory tree, fs/, and split.zst (store/split.h), which holds the rest of
 * its tar.
 *
 * A tar whose later entries replace earlier ones cannot be put together from the tree. When the first such
 * entry comes, what was seen so far is put together (all of it is still there) and kept whole, and so is the
 * rest. */
#include "store/layer-internal.h"
#include "store/split.h"
#include "store/unpack.h"

struct dirs_apply {
        int dirfd, fs;
        int split_fd;
        struct split_writer *split;
        struct tar_reader *reader;
        bool whole;
};

static int create_split(int dirfd, struct error *err)
{
        int fd = openat(dirfd, "split.zst", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        return fd < 0 ? error_errno(err, "create split.zst") : fd;
}

/* The reader was made with a sink that stays; it hands on to the writer of the moment. */
struct current_sink {
        struct sink sink;
        struct dirs_apply *apply;
};

static int current_write(struct sink *s, const void *data, size_t len, struct error *err)
{
        struct dirs_apply *a = ((struct current_sink *)s)->apply;

        return sink_write(split_writer_sink(a->split), data, len, err);
}

static int keep_whole(void *arg, struct error *err)
{
        struct dirs_apply *a = arg;
        struct split_writer *writer;
        int fd;

        if (a->whole)
                return 0;
        if (split_writer_finish(a->split, err) < 0)
                return -1;
        if (unlinkat(a->dirfd, "split.zst", 0) < 0)
                return error_errno(err, "replace split.zst");
        fd = create_split(a->dirfd, err);
        if (fd < 0)
                return -1;
        writer = split_writer_new(fd);
        if (split_join(a->split_fd, a->fs, split_writer_sink(writer), err) < 0) {
                split_writer_free(writer);
                close(fd);
                return -1;
        }
        split_writer_free(a->split);
        close(a->split_fd);
        a->split = writer;
        a->split_fd = fd;
        a->whole = true;
        tar_reader_keep_data(a->reader);
        return 0;
}

static int record_file(void *arg, const char *path, const struct tar_entry *e, struct error *err)
{
        struct dirs_apply *a = arg;

        return a->whole || e->data_size == 0 ? 0 : split_writer_file(a->split, path, e, err);
}

static void dirs_apply_deinit(struct dirs_apply *a)
{
        tar_reader_free(a->reader);
        split_writer_free(a->split);
        if (a->split_fd >= 0)
                close(a->split_fd);
        if (a->fs >= 0)
                close(a->fs);
}
#define cleanup_dirs_apply __attribute__((cleanup(dirs_apply_deinit)))

static int dirs_apply(struct store *store, int dirfd, struct stream *tar, struct layer *ret,
                      struct error *err)
{
        static const struct sink_class class = { current_write, NULL };
        cleanup_dirs_apply struct dirs_apply a = { .dirfd = dirfd, .fs = -1, .split_fd = -1 };
        struct current_sink current = { .sink = { &class }, .apply = &a };
        struct unpack_options options = {
                .flags = UNPACK_WHITEOUTS,
                .replacing = keep_whole,
                .file = record_file,
                .arg = &a,
        };

        (void)store;
        if (directory_make(dirfd, "fs", 0755, err) < 0)
                return -1;
        a.fs = directory_open(dirfd, "fs", err);
        if (a.fs < 0)
                return -1;
        a.split_fd = create_split(dirfd, err);
        if (a.split_fd < 0)
                return -1;
        a.split = split_writer_new(a.split_fd);
        a.reader = tar_reader_new(tar, &current.sink);
        if (fchmod(dirfd, 0711) < 0)
                return error_errno(err, "chmod");
        if (tar_unpack_reader(a.fs, "", a.reader, &options, &ret->size, err) < 0)
                return -1;
        return split_writer_finish(a.split, err);
}

/* ---- From an upper directory ---- */

struct dirs_adopt {
        struct sink sink;
        struct hash *hash;
        struct split_writer *split;
        int64_t data_left; /* of the file whose bytes come now */
        int64_t tar_size;
};

static int adopt_write(struct sink *s, const void *data, size_t len, struct error *err)
{
        struct dirs_adopt *a = (struct dirs_adopt *)s;

        hash_add(a->hash, data, len);
        a->tar_size += (int64_t)len;
        if (a->data_left) { /* the packer writes headers, data and padding apart */
                a->data_left -= (int64_t)len;
                return 0;
        }
        return sink_write(split_writer_sink(a->split), data, len, err);
}

static int adopt_file(void *arg, const char *path, int64_t size, struct error *err)
{
        struct dirs_adopt *a = arg;
        struct tar_entry e = { .size = size };

        a->data_left = size;
        return size ? split_writer_file(a->split, path, &e, err) : 0;
}

static int adopt_tree(struct dirs_adopt *a, int fs, int64_t timestamp, struct layer *ret, struct error *err)
{
        cleanup_tar_writer struct tar_writer *writer = tar_writer_new(&a->sink);
        struct pack_options options = {
                .flags = PACK_WHITEOUTS | (timestamp >= 0 ? PACK_SET_TIMES : 0),
                .timestamp = timestamp >= 0 ? timestamp : INT64_MAX,
                .file = adopt_file,
                .arg = a,
                .size = &ret->size,
        };

        if (tar_pack(fs, writer, &options, err) < 0 || tar_writer_finish(writer, err) < 0)
                return -1;
        return split_writer_finish(a->split, err);
}

static int dirs_adopt(struct store *store, int dirfd, int64_t timestamp, struct layer *ret, struct error *err)
{
        static const struct sink_class class = { adopt_write, NULL };
        cleanup_close int fs = directory_open(dirfd, "fs", err), split_fd = -1;
        cleanup_hash struct hash *hash = hash_new();
        cleanup_split_writer struct split_writer *split = NULL;
        struct dirs_adopt a = { .sink = { &class }, .hash = hash };

        (void)store;
        if (fs < 0)
                return -1;
        split_fd = create_split(dirfd, err);
        if (split_fd < 0)
                return -1;
        if (fchmod(dirfd, 0711) < 0)
                return error_errno(err, "chmod");
        split = split_writer_new(split_fd);
        a.split = split;
        if (adopt_tree(&a, fs, timestamp, ret, err) < 0)
                return -1;
        hash_finish(hash, ret->diff_id.bytes);
        ret->tar_size = a.tar_size;
        return 0;
}

static int dirs_tar(struct store *store, int dirfd, struct sink *out, struct error *err)
{
        cleanup_close int fs = directory_open(dirfd, "fs", err), split = -1;

        (void)store;
        if (fs < 0)
                return -1;
        split = openat(dirfd, "split.zst", O_RDONLY | O_CLOEXEC);
        if (split < 0)
                return error_errno(err, "open split.zst");
        return split_join(split, fs, out, err);
}

const struct layer_driver layer_driver_dirs = {
        .name = "dirs",
        .apply = dirs_apply,
        .adopt = dirs_adopt,
        .tar = dirs_tar,
        .lower = "fs",
};
