/* The engine on this machine reads contexts through our descriptors; one that cannot get them (another host,
 * a proxy between) gets them as streams: folders as tar without what .dockerignore leaves out, files as they
 * are. */
#include "base/fd.h"
#include "base/http.h"
#include "base/socket.h"
#include "build/dockerignore.h"
#include "cli/build.h"
#include "store/unpack.h"

#include <errno.h>

static int ignore_path(void *arg, const char *path, bool *ret_skip, struct error *err)
{
        return path_matcher_excludes(arg, path, ret_skip, err);
}

static int send_folder(int fd, const char *ignore, struct sink *out, struct error *err)
{
        cleanup_tar_writer struct tar_writer *writer = tar_writer_new(out);
        cleanup_strv char **patterns = dockerignore_parse(ignore, strlen(ignore));
        cleanup_path_matcher struct path_matcher *matcher = NULL;
        struct pack_options options = { .timestamp = INT64_MAX };

        if (*patterns) {
                if (path_matcher_new(patterns, &matcher, err) < 0)
                        return -1;
                options.skip = ignore_path;
                options.arg = matcher;
                options.skip_exceptions = path_matcher_has_exceptions(matcher);
        }
        return tar_pack(fd, writer, &options, err) < 0 ? -1 : tar_writer_finish(writer, err);
}

static int send_stream(int connection, const struct build_upload *u, size_t index, struct error *err)
{
        struct http_chunk_sink out;
        bool context = index == 0 && streq(u->options.context, "directory"),
             file = index == 0 && streq(u->options.context, "tar");
        int r;

        http_chunk_sink_init(&out, connection, true);
        if (file) {
                cleanup_stream struct stream *in = stream_new_fd(fcntl(u->fds[0], F_DUPFD_CLOEXEC, 3));

                r = stream_copy(in, &out.sink, NULL, err);
        } else {
                r = send_folder(u->fds[index],
                                context && u->options.dockerignore ? u->options.dockerignore : "", &out.sink,
                                err);
        }
        if (r == 0)
                r = http_chunk_sink_finish(&out, err);
        http_chunk_sink_deinit(&out);
        return r;
}

static int send_head(int fd, const struct build_upload *u, size_t len, struct error *err)
{
        cleanup_free char *head = string_format("%zu %zu\n", len, u->n_fds);
        int domain = AF_UNIX;
        socklen_t size = sizeof(domain);
        bool local = getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;

        if (socket_send(fd, head, strlen(head), u->fds, local ? u->n_fds : 0) < 0)
                return error_errno(err, "send");
        return 0;
}

int build_upload_send(int fd, const struct build_upload *u, struct error *err)
{
        cleanup_json json_object *tree = json_unbind(&build_options_table, &u->options);
        cleanup_free char *text = json_format(tree);
        char answer = 0;
        int r = send_head(fd, u, strlen(text), err);

        if (r == 0 && (fd_read_all(fd, &answer, 1) != 1 || fd_write_all(fd, text, strlen(text)) < 0))
                r = error_set(err, ERROR_UNAVAILABLE, "the engine went away");
        explicit_bzero(text, strlen(text));
        if (r == 0 && answer == 's' && u->options.ssh)
                r = error_set(err, ERROR_UNSUPPORTED,
                              "--ssh is not supported by davit with an engine of another host");
        for (size_t i = 0; i < u->n_fds && r == 0 && answer == 's'; i++)
                r = send_stream(fd, u, i, err);
        return r < 0 ? error_context(err, "failed to send the build") : 0;
}
