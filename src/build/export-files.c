/* local and tar: the result's files, for the client as one tar stream. With several platforms each has a
 * folder of its own, "linux_arm64". */
#include "build/export-internal.h"

#include "store/unpack.h"

/* `dir` (its name in the tar) comes with everything in it. */
static int pack(struct build *b, const char *dir, struct tar_writer *writer, struct error *err)
{
        cleanup_close int view = build_view(b, b->target->diff_ids, b->target->n_diff_ids, err), root = -1;
        struct pack_options options = { .prefix = dir, .timestamp = INT64_MAX };

        if (view < 0)
                return -1;
        root = openat(view, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root < 0)
                return error_errno(err, "the result's files");
        return tar_pack(root, writer, &options, err);
}

static char *platform_folder(const struct build *b)
{
        char *text = platform_format(&b->target->platform);

        for (char *c = text; *c; c++)
                if (*c == '/')
                        *c = '_';
        return text;
}

static int pack_all(struct export *x, bool split, struct tar_writer *writer, struct error *err)
{
        for (size_t i = 0; i < x->count; i++) {
                cleanup_free char *folder = split ? platform_folder(&x->builds[i]) : NULL;
                struct tar_entry e = { .type = TAR_DIRECTORY, .path = folder, .mode = 0755 };

                if ((folder && tar_writer_entry(writer, &e, err) < 0) ||
                    pack(&x->builds[i], folder, writer, err) < 0)
                        return -1;
        }
        return tar_writer_finish(writer, err);
}

int export_files(struct export *x, struct error *err)
{
        cleanup_sink struct sink *sink = export_sink(x);
        cleanup_tar_writer struct tar_writer *writer = tar_writer_new(sink);
        struct error failure = {};
        struct vertex v;
        bool split;

        if (export_flag(x, "platform-split", x->count > 1, &split, err) < 0)
                return -1;
        vertex_begin(x->b, &v, "exporting to client %s",
                     streq(x->entry->type, "tar") ? "tarball" : "directory");
        if (pack_all(x, split, writer, &failure) < 0 || export_sink_finish(sink, &failure) < 0) {
                vertex_failed(x->b, &v, &failure);
                return error_move(err, &failure);
        }
        vertex_done(x->b, &v);
        return 0;
}
