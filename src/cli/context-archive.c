/* context export, context import: a tar with meta.json. */
#include "base/fd.h"
#include "base/stream.h"
#include "cli/context.h"
#include "store/tar.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define META_MAX (1 << 20)

static int write_archive(struct cli *cli, const char *name, struct sink *out, struct error *err)
{
        cleanup_free char *text = NULL;
        cleanup_tar_writer struct tar_writer *w = NULL;
        char meta_name[] = "meta.json", tls_name[] = "tls";
        struct tar_entry meta = { .type = TAR_FILE, .path = meta_name, .mode = 0644 },
                         tls = { .type = TAR_DIRECTORY, .path = tls_name, .mode = 0700 };

        if (context_meta_text(cli, name, &text, err) < 0)
                return -1;
        meta.size = meta.data_size = (int64_t)strlen(text);
        w = tar_writer_new(out);
        if (tar_writer_entry(w, &meta, err) < 0 || tar_writer_data(w, text, strlen(text), err) < 0 ||
            tar_writer_entry(w, &tls, err) < 0)
                return -1;
        return tar_writer_finish(w, err);
}

static int run_export(struct cli *cli, struct invocation *call, struct error *err)
{
        const char *name = call->args[0];
        cleanup_free char *file = call->args[1] ? xstrdup(call->args[1])
                                                : string_format("%s.dockercontext", name),
                          *text = NULL;
        cleanup_sink struct sink *out = NULL;
        cleanup_close int fd = -1;

        if (context_meta_text(cli, name, &text, err) < 0)
                return -1;
        if (streq(file, "-")) {
                if (isatty(STDOUT_FILENO))
                        return error_set(err, ERROR_INVALID,
                                         "cowardly refusing to export to a terminal, specify a file path");
                out = sink_new_fd(STDOUT_FILENO);
                return write_archive(cli, name, out, err);
        }
        fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return error_errno(err, "open %s", file);
        out = sink_new_fd(fd);
        if (write_archive(cli, name, out, err) < 0)
                return -1;
        fprintf(stderr, "Written file \"%s\"\n", file);
        return 0;
}

/* The text of meta.json in the archive. TLS material is refused: there is no TLS yet. */
static int read_archive(struct stream *in, struct strbuf *ret, struct error *err)
{
        cleanup_tar_reader struct tar_reader *r = tar_reader_new(in, NULL);
        const struct tar_entry *entry;
        int status;

        while ((status = tar_reader_next(r, &entry, err)) > 0) {
                char buffer[4096];
                ssize_t n;

                if (entry->type != TAR_FILE)
                        continue;
                if (!streq(entry->path, "meta.json"))
                        return error_set(err, ERROR_UNSUPPORTED,
                                         "%s: contexts with TLS are not supported yet", entry->path);
                while ((n = tar_reader_data(r, buffer, sizeof(buffer), err)) > 0) {
                        strbuf_add(ret, buffer, (size_t)n);
                        if (ret->len > META_MAX)
                                return error_set(err, ERROR_INVALID, "meta.json is too large");
                }
                if (n < 0)
                        return -1;
        }
        return status;
}

static int run_import(struct cli *cli, struct invocation *call, struct error *err)
{
        const char *name = call->args[0], *file = call->args[1];
        int fd = streq(file, "-") ? dup(STDIN_FILENO) : open(file, O_RDONLY | O_CLOEXEC);
        cleanup_stream struct stream *in = NULL;
        cleanup_strbuf struct strbuf text = {};
        cleanup_json json_object *meta = NULL;

        if (fd < 0)
                return error_errno(err, "open %s", file);
        in = stream_new_fd(fd);
        if (read_archive(in, &text, err) < 0)
                return -1;
        if (!text.len)
                return error_set(err, ERROR_INVALID, "invalid context: no metadata found");
        if (json_parse_text(text.data, text.len, &meta, err) < 0)
                return error_context(err, "meta.json");
        json_set_string(meta, "Name", name);
        if (context_add(cli, name, meta, err) < 0)
                return -1;
        puts(name);
        fprintf(stderr, "Successfully imported context \"%s\"\n", name);
        return 0;
}

const struct command context_export_command = {
        .name = "export",
        .usage = "[OPTIONS] CONTEXT [FILE|-]",
        .summary = "Export a context to a tar archive FILE or a tar stream on STDOUT.",
        .min_args = 1,
        .max_args = 2,
        .run = run_export
};
const struct command context_import_command = { .name = "import",
                                                .usage = "CONTEXT FILE|-",
                                                .summary = "Import a context from a tar or zip file",
                                                .min_args = 2,
                                                .max_args = 2,
                                                .run = run_import };
