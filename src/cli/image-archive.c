/* import, load, save. */
#include "base/fd.h"
#include "base/stream.h"
#include "cli/command.h"
#include "cli/each.h"
#include "cli/image.h"
#include "cli/platform-option.h"
#include "cli/progress.h"
#include "client/client.h"
#include "oci/reference.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* The file as a stream; "-" (or NULL) is standard input. */
static struct stream *open_input(const char *path, struct error *err)
{
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

        if (fd >= 0)
                return stream_new_fd(fd);
        error_set(err, ERROR_INVALID, "open %s: %s", path ? path : "standard input",
                  errno == ENOENT ? "no such file or directory" : strerror(errno));
        return NULL;
}

/* ---- import ---- */

struct import {
        char **change;
        char *message, *platform;
};
static const struct option import_options[] = {
        OPTION_LIST("change", 'c', struct import, change,
                    "Apply Dockerfile instruction to the created image"),
        OPTION_STRING("message", 'm', struct import, message, "Set commit message for imported image"),
        OPTION_STRING("platform", 0, struct import, platform,
                      "Set platform if server is multi-platform capable"),
};

static int run_import(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct import *o = call->values;
        const char *source = call->args[0], *name = call->args[1];
        bool remote = string_after(source, "http://") || string_after(source, "https://");
        cleanup_stream struct stream *input = NULL;
        cleanup_client_stream struct client_stream *answer = NULL;
        cleanup_query struct client_query q = {};
        cleanup_reference struct reference r = {};
        struct client *client;

        if (!remote) {
                input = open_input(streq(source, "-") ? NULL : source, err);
                if (!input)
                        return -1;
        }
        if (!string_empty(name) && reference_parse(name, &r, err) < 0)
                return -1;
        client_query_init(&q, "/images/create");
        client_query_add(&q, "fromSrc", remote ? source : "-");
        client_query_add(&q, "repo", name);
        client_query_add(&q, "message", o->message);
        client_query_add(&q, "platform", string_empty(o->platform) ? NULL : o->platform);
        for (char **c = o->change; c && *c; c++)
                client_query_add(&q, "changes", *c);
        if (cli_client(cli, &client, err) < 0 ||
            client_stream_open(client, "POST", &q, NULL, input, "text/plain", &answer, err) < 0)
                return -1;
        return progress_show(answer, stdout, NULL, NULL, err);
}

/* ---- load ---- */

struct load {
        char *input;
        char *platform;
        bool quiet;
};
static const struct option load_options[] = {
        OPTION_STRING("input", 'i', struct load, input, "Read from tar archive file, instead of STDIN"),
        OPTION_STRING("platform", 0, struct load, platform,
                      "Load only the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., "
                      "\"linux/amd64\")"),
        OPTION_BOOL("quiet", 'q', struct load, quiet, "Suppress the load output"),
};

static int run_load(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct load *o = call->values;
        cleanup_stream struct stream *input = NULL;
        cleanup_client_stream struct client_stream *answer = NULL;
        cleanup_query struct client_query q = {};
        struct client *client;

        if (string_empty(o->input) && isatty(STDIN_FILENO))
                return error_set(err, ERROR_INVALID, "requested load from stdin, but stdin is empty");
        input = open_input(string_empty(o->input) ? NULL : o->input, err);
        if (!input)
                return -1;
        client_query_init(&q, "/images/load");
        client_query_add(&q, "quiet", o->quiet || !isatty(STDOUT_FILENO) ? "1" : "0");
        if (platform_option_add(&q, "platform", o->platform, err) < 0)
                return -1;
        if (cli_client(cli, &client, err) < 0 ||
            client_stream_open(client, "POST", &q, NULL, input, NULL, &answer, err) < 0)
                return -1;
        return progress_show(answer, stdout, NULL, NULL, err);
}

/* ---- save ---- */

struct save {
        char *output;
        char *platform;
};
static const struct option save_options[] = {
        OPTION_STRING("output", 'o', struct save, output, "Write to a file, instead of STDOUT"),
        OPTION_STRING("platform", 0, struct save, platform,
                      "Save only the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., "
                      "\"linux/amd64\")"),
};

static int run_save(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct save *o = call->values;
        cleanup_client_stream struct client_stream *answer = NULL;
        cleanup_query struct client_query q = {};
        struct client *client;

        if (string_empty(o->output) && isatty(STDOUT_FILENO))
                return error_set(err, ERROR_INVALID,
                                 "cowardly refusing to save to a terminal. Use the -o flag or redirect");
        client_query_init(&q, "/images/get");
        for (char *const *name = call->args; *name; name++)
                client_query_add(&q, "names", *name);
        if (platform_option_add(&q, "platform", o->platform, err) < 0)
                return -1;
        if (cli_client(cli, &client, err) < 0 ||
            client_stream_open(client, "GET", &q, NULL, NULL, NULL, &answer, err) < 0)
                return -1;
        return save_stream(&answer->body.stream, o->output, "failed to save image", err);
}

const struct command import_command = { .name = "import",
                                        .group = "Commands",
                                        .usage = "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
                                        .summary =
                                            "Import the contents from a tarball to create a filesystem image",
                                        .aliases = "image import, import",
                                        COMMAND_OPTIONS(import_options, struct import),
                                        .min_args = 1,
                                        .max_args = -1,
                                        .run = run_import };
const struct command load_command = { .name = "load",
                                      .group = "Commands",
                                      .usage = "[OPTIONS]",
                                      .summary = "Load an image from a tar archive or STDIN",
                                      .aliases = "image load, load",
                                      COMMAND_OPTIONS(load_options, struct load),
                                      .run = run_load };
const struct command save_command = {
        .name = "save",
        .group = "Commands",
        .usage = "[OPTIONS] IMAGE [IMAGE...]",
        .summary = "Save one or more images to a tar archive (streamed to STDOUT by default)",
        .aliases = "image save, save",
        COMMAND_OPTIONS(save_options, struct save),
        .min_args = 1,
        .max_args = -1,
        .run = run_save
};
