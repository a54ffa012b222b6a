/* cp: files between a container and here, as tar streams through the archive API. Where things land follows
 * Docker: a target that is a folder takes the source in under its name, one that does not exist becomes the
 * source. */
#include "base/base64.h"
#include "base/fd.h"
#include "base/units.h"
#include "cli/command.h"
#include "client/client.h"
#include "store/tar.h"
#include "store/unpack.h"

#include <errno.h>
#include <pthread.h>
#include <poll.h>
#include <stdio.h>

#define MODE_DIR (UINT32_C(1) << 31)     /* Go's os.ModeDir */
#define MODE_SYMLINK (UINT32_C(1) << 27) /* Go's os.ModeSymlink */

struct cp {
        bool archive, follow_link, quiet;
};
static const struct option cp_options[] = {
        OPTION_BOOL("archive", 'a', struct cp, archive, "Archive mode (copy all uid/gid information)"),
        OPTION_BOOL("follow-link", 'L', struct cp, follow_link, "Always follow symbol link in SRC_PATH"),
        OPTION_BOOL("quiet", 'q', struct cp, quiet,
                    "Suppress progress output during copy. Progress output is automatically suppressed if no "
                    "terminal is attached"),
};

/* "CONTAINER:PATH" taken apart; container NULL: a path here. */
static void split_argument(const char *argument, char **ret_container, char **ret_path)
{
        const char *colon = strchr(argument, ':');

        if (*argument == '/' || *argument == '.' || !colon || colon == argument) {
                *ret_container = NULL;
                *ret_path = xstrdup(argument);
                return;
        }
        *ret_container = xstrndup(argument, (size_t)(colon - argument));
        *ret_path = colon[1] == '/' ? xstrdup(colon + 1) : string_format("/%s", colon + 1);
}

static bool has_trailing_slash(const char *path)
{
        return string_ends_with(path, "/");
}

/* "dir/.", ".": the contents are meant. */
static bool means_contents(const char *path)
{
        return streq(path, ".") || string_ends_with(path, "/.");
}

/* Parent and last part, without trailing slashes; heap. */
static void split_path(const char *path, char **ret_parent, char **ret_base)
{
        size_t len = strlen(path), start;

        while (len > 1 && path[len - 1] == '/')
                len--;
        start = len;
        while (start > 0 && path[start - 1] != '/')
                start--;
        *ret_base = xstrndup(path + start, len - start);
        *ret_parent = start == 0 ? xstrdup(".") : start == 1 ? xstrdup("/") : xstrndup(path, start - 1);
}

/* ---- What is in the container ---- */

struct remote_stat {
        char *name, *link;
        bool exists, is_dir;
};

static void remote_stat_deinit(struct remote_stat *s)
{
        free(s->name);
        free(s->link);
}
#define cleanup_remote_stat __attribute__((cleanup(remote_stat_deinit)))

static int parse_stat(struct client_stream *s, struct remote_stat *ret, struct error *err)
{
        const char *header = http_head_get(&s->head, "X-Docker-Container-Path-Stat");
        cleanup_free char *text = NULL;
        cleanup_json json_object *tree = NULL;
        uint32_t mode;
        size_t len;

        if (!header)
                return error_set(err, ERROR_INVALID, "the engine's answer does not describe the path");
        if (base64_decode(header, &text, &len, err) < 0 || json_parse_text(text, len, &tree, err) < 0)
                return -1;
        mode = (uint32_t)json_get_int64(tree, "mode", 0);
        ret->exists = true;
        ret->name = xstrdup(json_get_string(tree, "name"));
        ret->is_dir = mode & MODE_DIR;
        if (mode & MODE_SYMLINK)
                ret->link = xstrdup(json_get_string(tree, "linkTarget"));
        return 0;
}

static int stat_remote(struct client *client, const char *container, const char *path,
                       struct remote_stat *ret, struct error *err)
{
        cleanup_query struct client_query q = {};
        cleanup_client_stream struct client_stream *s = NULL;

        client_query_init(&q, "/containers/%s/archive", container);
        client_query_add(&q, "path", path);
        if (client_stream_call(client, "HEAD", &q, NULL, &s, err) < 0)
                return -1;
        return parse_stat(s, ret, err);
}

static int get_remote(struct client *client, const char *container, const char *path,
                      struct client_stream **ret, struct error *err)
{
        cleanup_query struct client_query q = {};

        client_query_init(&q, "/containers/%s/archive", container);
        client_query_add(&q, "path", path);
        return client_stream_call(client, "GET", &q, NULL, ret, err);
}

/* A link's target as a path from the container's root; heap. */
static char *resolve_link(const char *path, const char *link)
{
        cleanup_free char *parent = NULL, *base = NULL;

        if (*link == '/')
                return xstrdup(link);
        split_path(path, &parent, &base);
        return string_format("%s/%s", parent, link);
}

/* ---- Renaming the top of a tar ---- */

/* Copies a tar from `in` to the pipe's end `fd`; entries "OLD", "OLD/…" get the name NEW. Runs in a thread of
 * its own. */
struct rename_job {
        struct stream *in;
        int fd;
        const char *from, *to;
        struct error error;
        pthread_t thread;
};

static char *renamed(const struct rename_job *job, const char *path)
{
        const char *rest;
        size_t len = strlen(job->from);

        path += strncmp(path, "./", 2) == 0 ? 2 : 0;
        if (streq(job->from, ".") || !*job->from)
                return *path && !streq(path, ".") ? string_format("%s/%s", job->to, path) : xstrdup(job->to);
        if (strncmp(path, job->from, len) != 0 || (path[len] && path[len] != '/'))
                return xstrdup(path);
        rest = path + len;
        return string_format("%s%s", job->to, rest);
}

static int copy_entry(struct rename_job *job, struct tar_reader *reader, struct tar_writer *writer,
                      const struct tar_entry *e)
{
        cleanup_free char *path = renamed(job, e->path),
                          *link = e->type == TAR_HARDLINK ? renamed(job, e->link) : NULL;
        struct tar_entry copy = *e;
        char buffer[65536];
        ssize_t n;

        copy.path = path;
        if (link)
                copy.link = link;
        if (tar_writer_entry(writer, &copy, &job->error) < 0)
                return -1;
        while ((n = tar_reader_data(reader, buffer, sizeof(buffer), &job->error)) > 0)
                if (tar_writer_data(writer, buffer, (size_t)n, &job->error) < 0)
                        return -1;
        return (int)n;
}

static void *rename_thread(void *arg)
{
        struct rename_job *job = arg;
        cleanup_tar_reader struct tar_reader *reader = tar_reader_new(job->in, NULL);
        cleanup_sink struct sink *out = sink_new_fd(job->fd);
        cleanup_tar_writer struct tar_writer *writer = tar_writer_new(out);
        const struct tar_entry *e;
        int r;

        while ((r = tar_reader_next(reader, &e, &job->error)) > 0)
                if ((r = copy_entry(job, reader, writer, e)) < 0)
                        break;
        if (r == 0)
                tar_writer_finish(writer, &job->error);
        close(job->fd);
        return NULL;
}

/* Unpacks `in` below the folder `path` with its top entry called `to`. */
static int unpack_renamed(struct stream *in, const char *path, const char *from, const char *to,
                          const struct unpack_options *options, int64_t *size, struct error *err)
{
        cleanup_close int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        cleanup_stream struct stream *tar = NULL;
        struct rename_job job = { .in = in, .from = from, .to = to };
        int ends[2], r;

        if (root < 0)
                return error_errno(err, "%s", path);
        if (!to)
                return tar_unpack(root, "", in, options, size, err);
        if (pipe2(ends, O_CLOEXEC) < 0)
                return error_errno(err, "pipe");
        job.fd = ends[1];
        tar = stream_new_fd(ends[0]);
        if (pthread_create(&job.thread, NULL, rename_thread, &job) != 0) {
                close(ends[1]);
                return error_set(err, ERROR_SYSTEM, "cannot start a thread");
        }
        r = tar_unpack(root, "", tar, options, size, err);
        stream_free(take_ptr(tar));
        pthread_join(job.thread, NULL);
        if (r == 0 && job.error.kind)
                r = error_move(err, &job.error);
        error_clear(&job.error);
        return r;
}

/* ---- Container → here ---- */

static int missing_folder(const char *parent, struct error *err)
{
        char cwd[4096];
        bool relative = *parent != '/' && getcwd(cwd, sizeof(cwd));

        return error_set(err, ERROR_NOT_FOUND, "invalid output path: directory \"%s%s%s\" does not exist",
                         relative ? cwd : "", relative ? "/" : "", parent);
}

/* Where the source lands: a folder, and a new name for its top entry (NULL: it keeps its own). */
static int place_locally(const char *target, bool source_is_dir, char **ret_folder, char **ret_name,
                         struct error *err)
{
        cleanup_free char *parent = NULL, *base = NULL;
        struct stat st;
        bool exists = stat(target, &st) == 0;

        if (exists && S_ISDIR(st.st_mode)) {
                *ret_folder = xstrdup(target);
                *ret_name = NULL;
                return 0;
        }
        if (exists && source_is_dir)
                return error_set(err, ERROR_INVALID, "cannot copy directory");
        split_path(target, &parent, &base);
        if (stat(parent, &st) < 0 || !S_ISDIR(st.st_mode))
                return missing_folder(parent, err);
        if (!exists && !source_is_dir && has_trailing_slash(target))
                return error_set(err, ERROR_INVALID, "no such directory");
        *ret_folder = take_ptr(parent);
        *ret_name = take_ptr(base);
        return 0;
}

static void report(const struct cp *o, int64_t size, const char *target)
{
        cleanup_free char *text = NULL;

        if (o->quiet || !isatty(STDERR_FILENO))
                return;
        text = size_format((double)size, 3);
        fprintf(stderr, "Successfully copied %s to %s\n", text, target);
}

static int follow_remote(struct client *client, const char *container, char **path, struct error *err)
{
        for (int i = 0; i < 40; i++) {
                cleanup_remote_stat struct remote_stat s = {};
                char *target;

                if (stat_remote(client, container, *path, &s, err) < 0)
                        return -1;
                if (!s.link)
                        return 0;
                target = resolve_link(*path, s.link);
                free(*path);
                *path = target;
        }
        return error_set(err, ERROR_INVALID, "%s: too many levels of symbolic links", *path);
}

static int copy_out(struct client *client, const struct cp *o, const char *container, char **path,
                    const char *target, struct error *err)
{
        struct unpack_options options = { .flags = UNPACK_CHOWN, .uid = geteuid(), .gid = getegid() };
        cleanup_client_stream struct client_stream *s = NULL;
        cleanup_remote_stat struct remote_stat source = {};
        cleanup_free char *folder = NULL, *name = NULL, *shown = NULL;
        char buffer[65536];
        int64_t size = 0;
        ssize_t n;

        if (o->follow_link && follow_remote(client, container, path, err) < 0)
                return -1;
        if (get_remote(client, container, *path, &s, err) < 0 || parse_stat(s, &source, err) < 0)
                return -1;
        if (streq(target, "-")) {
                while ((n = stream_read(&s->body.stream, buffer, sizeof(buffer), err)) > 0)
                        if (fd_write_all(STDOUT_FILENO, buffer, (size_t)n) < 0)
                                return error_errno(err, "write");
                return (int)n;
        }
        if (place_locally(target, source.is_dir, &folder, &name, err) < 0)
                return -1;
        if (unpack_renamed(&s->body.stream, folder,
                           means_contents(*path) || streq(*path, "/") ? "." : source.name, name, &options,
                           &size, err) < 0)
                return -1;
        shown = realpath(target, NULL);
        report(o, size, shown ? shown : target);
        return 0;
}

/* ---- Here → container ---- */

/* A tar of the local source on its way: packed by a thread into a pipe. */
struct pack_job {
        int dirfd, fd;
        char *name, *as;
        struct error error;
        int64_t size;
        pthread_t thread;
};

static void *pack_thread(void *arg)
{
        struct pack_job *job = arg;
        cleanup_sink struct sink *out = sink_new_fd(job->fd);
        cleanup_tar_writer struct tar_writer *writer = tar_writer_new(out);
        struct pack_options options = { .timestamp = INT64_MAX, .size = &job->size };
        int r;

        if (streq(job->name, ".")) {
                options.prefix = streq(job->as, ".") ? NULL : job->as;
                options.flags = PACK_ROOT;
                r = tar_pack(job->dirfd, writer, &options, &job->error);
        } else {
                r = tar_pack_path(job->dirfd, job->name, job->as, writer, &options, &job->error);
        }
        if (r == 0)
                tar_writer_finish(writer, &job->error);
        close(job->fd);
        return NULL;
}

static int put_remote(struct client *client, const struct cp *o, const char *container, const char *folder,
                      struct stream *tar, struct error *err)
{
        cleanup_query struct client_query q = {};
        cleanup_client_stream struct client_stream *s = NULL;

        client_query_init(&q, "/containers/%s/archive", container);
        client_query_add(&q, "path", folder);
        client_query_add(&q, "noOverwriteDirNonDir", "true");
        client_query_add_bool(&q, "copyUIDGID", o->archive);
        return client_stream_open(client, "PUT", &q, NULL, tar, NULL, &s, err);
}

static int upload(struct client *client, const struct cp *o, const char *container, const char *folder,
                  struct pack_job *job, struct error *err)
{
        cleanup_stream struct stream *tar = NULL;
        int ends[2], r;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return error_errno(err, "pipe");
        job->fd = ends[1];
        tar = stream_new_fd(ends[0]);
        if (pthread_create(&job->thread, NULL, pack_thread, job) != 0) {
                close(ends[1]);
                return error_set(err, ERROR_SYSTEM, "cannot start a thread");
        }
        r = put_remote(client, o, container, folder, tar, err);
        stream_free(take_ptr(tar));
        pthread_join(job->thread, NULL);
        if (r == 0 && job->error.kind)
                r = error_move(err, &job->error);
        error_clear(&job->error);
        return r;
}

/* The target as it is in the container, links followed; one that is not there has exists = false. */
static int find_target(struct client *client, const char *container, char **path, struct remote_stat *ret,
                       struct error *err)
{
        for (int i = 0; i < 40; i++) {
                cleanup_error struct error why = {};
                char *target;

                if (stat_remote(client, container, *path, ret, &why) < 0) {
                        if (error_is(&why, ERROR_NOT_FOUND)) {
                                cleanup_query struct client_query q = {};

                                /* Of the container itself or of the path? */
                                client_query_init(&q, "/containers/%s/json", container);
                                return client_call(client, "GET", &q, NULL, NULL, NULL, err);
                        }
                        return error_move(err, &why);
                }
                if (!ret->link)
                        return 0;
                target = resolve_link(*path, ret->link);
                free(*path);
                *path = target;
                remote_stat_deinit(ret);
                *ret = (struct remote_stat){};
        }
        return error_set(err, ERROR_INVALID, "%s: too many levels of symbolic links", *path);
}

static int stat_source(const char *path, bool follow, struct stat *ret, struct error *err)
{
        char cwd[4096];
        bool relative = *path != '/' && getcwd(cwd, sizeof(cwd)),
             through = follow || has_trailing_slash(path) || means_contents(path);

        if ((through ? stat(path, ret) : lstat(path, ret)) == 0)
                return 0;
        return error_set(err, ERROR_NOT_FOUND, "lstat %s%s%s: %s", relative ? cwd : "", relative ? "/" : "",
                         path, errno == ENOENT ? "no such file or directory" : strerror(errno));
}

/* Decides the folder to upload into and the name in the tar. */
static int place_remotely(const char *source, bool source_is_dir, const char *target,
                          const struct remote_stat *there, char **ret_folder, char **ret_as,
                          struct error *err)
{
        cleanup_free char *parent = NULL, *base = NULL, *source_parent = NULL, *source_base = NULL;

        split_path(source, &source_parent, &source_base);
        split_path(target, &parent, &base);
        if (there->exists && there->is_dir) {
                *ret_folder = xstrdup(target);
                *ret_as = means_contents(source) ? xstrdup(".") : take_ptr(source_base);
                return 0;
        }
        if (there->exists && source_is_dir)
                return error_set(err, ERROR_INVALID, "cannot copy directory");
        if (!there->exists && !source_is_dir && has_trailing_slash(target))
                return error_set(err, ERROR_INVALID, "no such directory");
        *ret_folder = take_ptr(parent);
        *ret_as = take_ptr(base);
        return 0;
}

#define EARLY_INPUT_READS 16
#define EARLY_INPUT_MS 50

/* A refusal may come before the program that writes into our pipe has written its few bytes: it is not to die
 * of that. */
static void take_early_input(void)
{
        char buffer[65536];

        for (int i = 0; i < EARLY_INPUT_READS && !isatty(STDIN_FILENO); i++) {
                struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

                if (poll(&input, 1, EARLY_INPUT_MS) <= 0 || read(STDIN_FILENO, buffer, sizeof(buffer)) <= 0)
                        return;
        }
}

static int copy_stdin(struct client *client, const struct cp *o, const char *container, const char *target,
                      const struct remote_stat *there, const char *argument, struct error *err)
{
        cleanup_stream struct stream *in = NULL;

        if (!there->exists || !there->is_dir) {
                take_early_input();
                return error_set(err, ERROR_INVALID, "destination \"%s\" must be a directory", argument);
        }
        in = stream_new_fd(dup(STDIN_FILENO));
        return put_remote(client, o, container, target, in, err);
}

static int copy_in(struct client *client, const struct cp *o, const char *source, const char *container,
                   char **path, const char *argument, struct error *err)
{
        cleanup_remote_stat struct remote_stat there = {};
        cleanup_free char *folder = NULL, *as = NULL, *parent = NULL, *base = NULL, *real = NULL;
        cleanup_close int dirfd = -1;
        struct pack_job job = {};
        struct stat st;
        bool whole;

        if (!streq(source, "-") && stat_source(source, o->follow_link, &st, err) < 0)
                return -1;
        if (find_target(client, container, path, &there, err) < 0)
                return -1;
        if (streq(source, "-"))
                return copy_stdin(client, o, container, *path, &there, argument, err);
        if (place_remotely(source, S_ISDIR(st.st_mode), *path, &there, &folder, &as, err) < 0)
                return -1;
        /* With -L what the link points to is packed, under the link's name. */
        real = o->follow_link ? realpath(source, NULL) : NULL;
        whole = S_ISDIR(st.st_mode);
        split_path(real ? real : source, &parent, &base);
        dirfd = open(whole ? source : parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dirfd < 0)
                return error_errno(err, "%s", whole ? source : parent);
        job = (struct pack_job){ .dirfd = dirfd, .name = whole ? (char *)"." : base, .as = as };
        if (upload(client, o, container, folder, &job, err) < 0)
                return -1;
        report(o, job.size, argument);
        return 0;
}

static int run_cp(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct cp *o = call->values;
        cleanup_free char *from = NULL, *to = NULL, *source = NULL, *target = NULL;
        struct client *client;

        if (string_empty(call->args[0]))
                return error_set(err, ERROR_INVALID, "source can not be empty");
        if (string_empty(call->args[1]))
                return error_set(err, ERROR_INVALID, "destination can not be empty");
        split_argument(call->args[0], &from, &source);
        split_argument(call->args[1], &to, &target);
        if (from && to)
                return error_set(err, ERROR_INVALID, "copying between containers is not supported");
        if (!from && !to)
                return error_set(err, ERROR_INVALID, "must specify at least one container source");
        if (cli_client(cli, &client, err) < 0)
                return -1;
        return from ? copy_out(client, o, from, &source, target, err)
                    : copy_in(client, o, source, to, &target, call->args[1], err);
}

const struct command cp_command = {
        .name = "cp",
        .group = "Commands",
        .usage =
            "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tdocker cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
        .summary = "Copy files/folders between a container and the local filesystem",
        .details = "Copy files/folders between a container and the local filesystem\n\n"
                   "Use '-' as the source to read a tar archive from stdin\n"
                   "and extract it to a directory destination in a container.\n"
                   "Use '-' as the destination to stream a tar archive of a\n"
                   "container source to stdout.",
        .aliases = "container cp, cp",
        COMMAND_OPTIONS(cp_options, struct cp),
        .min_args = 2,
        .max_args = 2,
        .run = run_cp
};
