/* run, create, start, attach: a container and our terminal. The order is attach, wait, start: nothing that
 * the container says and no exit code can be missed. */
#include "base/fd.h"
#include "base/stream.h"
#include "cli/attached.h"
#include "cli/container-flags.h"
#include "cli/proxies.h"
#include "cli/pull.h"
#include "cli/stream.h"
#include "client/client.h"
#include "oci/reference.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

/* 126 and 127 by the words of a failed start, as Docker's client tells them. */
static int status_of_failure(const char *message)
{
        if (strstr(message, "executable file not found") || strstr(message, "no such file or directory"))
                return 127;
        if (strstr(message, "permission denied") || strstr(message, "is a directory"))
                return 126;
        return 125;
}

/* "docker: MESSAGE" with the hint; the exit status. */
static int complain(struct cli *cli, struct invocation *call, const struct error *err, int status)
{
        fflush(stdout);
        if (err->errnum == EPIPE)
                return 128 + SIGPIPE;
        fprintf(stderr, "%s: %s\n\nRun '%s --help' for more information\n", cli->program, error_message(err),
                call->path);
        return status;
}

/* ---- Create ---- */

struct created {
        char *id;
        struct container_spec_request request;
};

static void created_deinit(struct created *c)
{
        free(c->id);
        container_spec_request_deinit(&c->request);
}
#define cleanup_created __attribute__((cleanup(created_deinit)))

static int check_pull(const struct container_flags *f, struct error *err)
{
        if (!f->pull || streq(f->pull, "always") || streq(f->pull, "missing") || streq(f->pull, "never") ||
            !*f->pull)
                return 0;
        return error_set(err, ERROR_INVALID,
                         "invalid pull option: '%s': must be one of \"always\", \"missing\" or \"never\"",
                         f->pull);
}

/* Opens the id file before the container is made: it must not fail after. */
static int open_cidfile(const char *path, int *ret, struct error *err)
{
        *ret = -1;
        if (string_empty(path))
                return 0;
        *ret = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (*ret < 0 && errno == EEXIST)
                return error_set(
                    err, ERROR_CONFLICT,
                    "container ID file found, make sure the other container isn't running or delete %s",
                    path);
        if (*ret < 0)
                return error_set(err, ERROR_SYSTEM, "failed to create the container ID file: open %s: %s",
                                 path, errno == ENOENT ? "no such file or directory" : strerror(errno));
        return 0;
}

static int post_create(struct client *client, const struct container_flags *f, const struct created *c,
                       json_object **ret, struct error *err)
{
        cleanup_json json_object *body = container_request_json(&c->request);
        cleanup_query struct client_query q = {};

        client_query_init(&q, "/containers/create");
        client_query_add(&q, "name", string_empty(f->name) ? NULL : f->name);
        client_query_add(&q, "platform", string_empty(f->platform) ? NULL : f->platform);
        return client_call(client, "POST", &q, body, ret, NULL, err);
}

static int pull_for(struct cli *cli, const struct container_flags *f, const char *image, struct error *err)
{
        return pull_image(cli, image, f->platform, f->quiet ? NULL : stderr, err);
}

/* A missing image is fetched once unless --pull=never. */
static int create_with_pull(struct cli *cli, struct client *client, const struct container_flags *f,
                            const struct created *c, json_object **ret, struct error *err)
{
        const char *image = c->request.config.image;
        cleanup_error struct error why = {};
        cleanup_reference struct reference r = {};
        cleanup_free char *name = NULL;

        if (streq(f->pull, "always") && pull_for(cli, f, image, err) < 0)
                return -1;
        if (post_create(client, f, c, ret, &why) == 0)
                return 0;
        if (!error_is(&why, ERROR_NOT_FOUND) || !strstr(error_message(&why), "No such image") ||
            (!string_empty(f->pull) && !streq(f->pull, "missing")) || reference_parse(image, &r, NULL) < 0)
                return error_move(err, &why);
        reference_default_tag(&r);
        name = reference_familiar(&r);
        if (!f->quiet)
                fprintf(stderr, "Unable to find image '%s' locally\n", name);
        return pull_for(cli, f, image, err) < 0 ? -1 : post_create(client, f, c, ret, err);
}

static int check_image(const char *image, struct error *err)
{
        cleanup_reference struct reference r = {};

        return reference_is_id(image) || reference_is_build_state(image) ? 0 : reference_parse(image, &r, err);
}

static int create_container(struct cli *cli, struct invocation *call, struct created *ret, struct error *err)
{
        const struct container_flags *f = call->values;
        cleanup_json json_object *answer = NULL;
        cleanup_close int cidfile = -1;
        struct client *client;
        json_object *warnings;
        const char *id;

        if (check_pull(f, err) < 0 || check_image(call->args[0], err) < 0 ||
            open_cidfile(f->cidfile, &cidfile, err) < 0)
                return -1;
        if (cli_client(cli, &client, err) == 0)
                proxies_add(cli, &ret->request.config.env);
        if (!cli->client || create_with_pull(cli, client, f, ret, &answer, err) < 0) {
                if (cidfile >= 0)
                        unlink(f->cidfile);
                return -1;
        }
        id = json_get_string(answer, "Id");
        if (!id)
                return error_set(err, ERROR_INVALID, "the engine's answer has no id");
        ret->id = xstrdup(id);
        if (cidfile >= 0 && fd_write_all(cidfile, id, strlen(id)) < 0)
                return error_errno(err, "failed to write the container ID to the file");
        warnings = json_get(answer, "Warnings");
        for (size_t i = 0;
             json_object_is_type(warnings, json_type_array) && i < json_object_array_length(warnings); i++)
                fprintf(stderr, "WARNING: %s\n",
                        json_object_get_string(json_object_array_get_idx(warnings, i)));
        return 0;
}

static int run_create(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_created struct created c = {};

        if (check_pull(call->values, err) < 0 || container_flags_request(call, &c.request, err) < 0)
                return complain(cli, call, err, 125);
        if (create_container(cli, call, &c, err) < 0)
                return -1;
        puts(c.id);
        return 0;
}

/* ---- Streams ---- */

static int attach(struct client *client, const char *id, const struct stream_options *o,
                  struct client_hijack *ret, struct error *err)
{
        cleanup_query struct client_query q = {};

        client_query_init(&q, "/containers/%s/attach", id);
        client_query_add(&q, "detachKeys", o->detach_keys);
        client_query_add_bool(&q, "stdin", o->use_stdin);
        client_query_add_bool(&q, "stdout", o->use_stdout);
        client_query_add_bool(&q, "stderr", o->use_stderr);
        client_query_add(&q, "stream", "1");
        return client_hijack_open(client, "POST", &q, NULL, ret, err);
}

/* The head of the answer is here when this returns: the wait is on. */
static int wait_open(struct client *client, const char *id, const char *condition, struct client_stream **ret,
                     struct error *err)
{
        cleanup_query struct client_query q = {};

        client_query_init(&q, "/containers/%s/wait", id);
        client_query_add(&q, "condition", condition);
        return client_stream_call(client, "POST", &q, NULL, ret, err);
}

static int wait_result(struct client_stream *s, struct error *err)
{
        cleanup_free char *text = NULL;
        cleanup_json json_object *answer = NULL;
        const char *message;
        size_t len;

        if (stream_read_all(&s->body.stream, 1 << 20, &text, &len, err) < 0 ||
            json_parse_text(text, len, &answer, err) < 0)
                return -1;
        message = json_get_string(json_get(answer, "Error"), "Message");
        if (message) {
                fprintf(stderr, "%s\n", message);
                return 125;
        }
        return (int)json_get_int64(answer, "StatusCode", 0);
}

static int start(struct client *client, const char *id, const char *detach_keys, struct error *err)
{
        cleanup_query struct client_query q = {};

        client_query_init(&q, "/containers/%s/start", id);
        client_query_add(&q, "detachKeys", detach_keys);
        return client_call(client, "POST", &q, NULL, NULL, NULL, err);
}

static void follow_terminal(struct client *client, const char *id, bool tty, bool proxy)
{
        cleanup_free char *path = string_format("/containers/%s/resize", id);

        if (tty && isatty(STDOUT_FILENO))
                resize_follow(client, path);
        else if (proxy && !tty)
                signals_forward(client, id);
}

/* Copies with our terminal as the container's; the terminal is put back before anything is printed. */
static int stream_with_terminal(struct client_hijack *h, const struct stream_options *o, struct error *err)
{
        struct terminal *terminal = NULL;
        int r;

        if (o->tty && o->use_stdin && terminal_raw(&terminal, err) < 0)
                return -1;
        r = stream_run(h, o, err);
        terminal_restore(terminal);
        return r;
}

/* ---- run ---- */

static int check_run(struct cli *cli, const struct container_flags *f, const struct container_config *c,
                     struct error *err)
{
        (void)cli;
        if (f->detach && f->attach)
                return error_set(err, ERROR_INVALID,
                                 "conflicting options: cannot specify both --attach and --detach");
        if (c->tty && c->attach_stdin && !isatty(STDIN_FILENO))
                return error_set(err, ERROR_INVALID, "the input device is not a TTY");
        return 0;
}

static const char *detach_keys_of(struct cli *cli, const char *given)
{
        return given ? given : json_get_string(cli_config(cli), "detachKeys");
}

static int fail_run(struct cli *cli, struct invocation *call, struct error *err)
{
        return complain(cli, call, err, status_of_failure(error_message(err)));
}

int container_attached(struct client *client, const struct attached *a, struct error *err)
{
        const struct stream_options *o = &a->streams;
        cleanup_client_stream struct client_stream *wait = NULL;
        struct client_hijack h = { .fd = -1 };
        int r;

        if (attach(client, a->id, o, &h, err) < 0 ||
            wait_open(client, a->id,
                      a->removed ? "removed"
                      : a->start ? "next-exit"
                                 : "not-running",
                      &wait, err) < 0 ||
            (a->start && start(client, a->id, o->detach_keys, err) < 0)) {
                client_hijack_deinit(&h);
                /* --rm takes it away; the name is free when we return. */
                if (a->removed && wait)
                        (void)wait_result(wait, NULL);
                return -1;
        }
        follow_terminal(client, a->id, o->tty, a->proxy);
        r = stream_with_terminal(&h, o, err);
        client_hijack_deinit(&h);
        if (r < 0)
                return -1;
        /* Left by the detach keys, or nothing but its input was ours: it goes on without us. */
        if (r > 0 || (!o->use_stdout && !o->use_stderr))
                return 0;
        return wait_result(wait, err);
}

static int run_attached(struct cli *cli, struct invocation *call, const struct created *c, struct error *err)
{
        const struct container_flags *f = call->values;
        const struct container_config *config = &c->request.config;
        struct attached a = { .id = c->id,
                              .streams = { .use_stdin = config->attach_stdin,
                                           .use_stdout = config->attach_stdout,
                                           .use_stderr = config->attach_stderr,
                                           .tty = config->tty,
                                           .detach_keys = detach_keys_of(cli, f->detach_keys) },
                              .start = true,
                              .removed = f->rm,
                              .proxy = option_given(call, "sig-proxy") ? f->sig_proxy : true };
        int r = container_attached(cli->client, &a, err);

        return r < 0 ? fail_run(cli, call, err) : r;
}

static int run_run(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct container_flags *f = call->values;
        cleanup_created struct created c = {};

        if (f->detach && f->attach)
                return error_set(err, ERROR_INVALID,
                                 "conflicting options: cannot specify both --attach and --detach");
        if (container_flags_request(call, &c.request, err) < 0)
                return complain(cli, call, err, 125);
        if (check_run(cli, f, &c.request.config, err) < 0)
                return -1;
        signals_block();
        if (create_container(cli, call, &c, err) < 0)
                return fail_run(cli, call, err);
        if (!f->detach)
                return run_attached(cli, call, &c, err);
        signals_unblock();
        /* The id is printed even when the start fails: the container is there. */
        if (start(cli->client, c.id, NULL, err) < 0) {
                puts(c.id);
                return fail_run(cli, call, err);
        }
        puts(c.id);
        return 0;
}

/* ---- start ---- */

#define EXPERIMENTAL_ONLY "with experimental features enabled"

struct start_flags {
        bool attach, interactive;
        char *detach_keys, *checkpoint, *checkpoint_dir;
};
static const struct option start_options[] = {
        OPTION_BOOL("attach", 'a', struct start_flags, attach, "Attach STDOUT/STDERR and forward signals"),
        OPTION_STRING("checkpoint", 0, struct start_flags, checkpoint, "Restore from this checkpoint", NULL,
                      NULL, true, NULL, EXPERIMENTAL_ONLY),
        OPTION_STRING("checkpoint-dir", 0, struct start_flags, checkpoint_dir,
                      "Use a custom checkpoint storage directory", NULL, NULL, true, NULL, EXPERIMENTAL_ONLY),
        OPTION_STRING("detach-keys", 0, struct start_flags, detach_keys,
                      "Override the key sequence for detaching a container"),
        OPTION_BOOL("interactive", 'i', struct start_flags, interactive, "Attach container's STDIN"),
};

static int inspect(struct client *client, const char *name, json_object **ret, struct error *err)
{
        cleanup_query struct client_query q = {};

        client_query_init(&q, "/containers/%s/json", name);
        return client_call(client, "GET", &q, NULL, ret, NULL, err);
}

static int start_attached(struct cli *cli, const struct start_flags *f, const char *name, struct error *err)
{
        cleanup_json json_object *c = NULL;
        cleanup_client_stream struct client_stream *wait = NULL;
        struct client_hijack h = { .fd = -1 };
        struct stream_options o = { .use_stdout = true, .use_stderr = true };
        struct client *client = cli->client;
        json_object *config;
        const char *id;
        int r;

        if (inspect(client, name, &c, err) < 0)
                return -1;
        config = json_get(c, "Config");
        id = json_get_string(c, "Id");
        o.tty = json_get_bool(config, "Tty");
        o.use_stdin = f->interactive && json_get_bool(config, "OpenStdin");
        o.detach_keys = detach_keys_of(cli, f->detach_keys);
        signals_block();
        if (attach(client, id, &o, &h, err) < 0 ||
            wait_open(client, id,
                      json_get_bool(json_get(c, "HostConfig"), "AutoRemove") ? "removed" : "next-exit", &wait,
                      err) < 0 ||
            start(client, id, o.detach_keys, err) < 0) {
                client_hijack_deinit(&h);
                return -1;
        }
        follow_terminal(client, id, o.tty, true);
        r = stream_with_terminal(&h, &o, err);
        client_hijack_deinit(&h);
        return r < 0 ? -1 : r > 0 ? 0 : wait_result(wait, err);
}

static int start_all(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_strv char **failed = NULL;
        cleanup_free char *names = NULL;

        for (char *const *name = call->args; *name; name++) {
                cleanup_error struct error why = {};

                if (start(cli->client, *name, NULL, &why) == 0 || error_is(&why, ERROR_NOT_MODIFIED)) {
                        puts(*name);
                        continue;
                }
                fflush(stdout);
                fprintf(stderr, "%s\n", error_message(&why));
                strv_append(&failed, *name);
        }
        if (!failed)
                return 0;
        names = strv_join(failed, ", ");
        return error_set(err, ERROR_SYSTEM, "Error: failed to start containers: %s", names);
}

static int run_start(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct start_flags *f = call->values;
        struct client *client;

        if (cli_client(cli, &client, err) < 0)
                return -1;
        if (!f->attach && !f->interactive)
                return start_all(cli, call, err);
        if (call->args[1])
                return error_set(err, ERROR_INVALID,
                                 "you cannot start and attach multiple containers at once");
        return start_attached(cli, f, call->args[0], err);
}

/* ---- attach ---- */

struct attach_flags {
        char *detach_keys;
        bool no_stdin, sig_proxy;
};
static const struct option attach_options[] = {
        OPTION_STRING("detach-keys", 0, struct attach_flags, detach_keys,
                      "Override the key sequence for detaching a container"),
        OPTION_BOOL("no-stdin", 0, struct attach_flags, no_stdin, "Do not attach STDIN"),
        OPTION_BOOL("sig-proxy", 0, struct attach_flags, sig_proxy,
                    "Proxy all received signals to the process", "true"),
};

static int check_attachable(json_object *c, struct error *err)
{
        json_object *state = json_get(c, "State");

        if (!json_get_bool(state, "Running"))
                return error_set(err, ERROR_CONFLICT,
                                 "You cannot attach to a stopped container, start it first");
        if (json_get_bool(state, "Paused"))
                return error_set(err, ERROR_CONFLICT,
                                 "You cannot attach to a paused container, unpause it first");
        if (json_get_bool(state, "Restarting"))
                return error_set(err, ERROR_CONFLICT,
                                 "You cannot attach to a restarting container, wait until it is running");
        return 0;
}

static int run_attach(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct attach_flags *f = call->values;
        cleanup_json json_object *c = NULL;
        cleanup_client_stream struct client_stream *wait = NULL;
        struct client_hijack h = { .fd = -1 };
        struct stream_options o = { .use_stdout = true, .use_stderr = true };
        struct client *client;
        const char *id;
        int r;

        if (cli_client(cli, &client, err) < 0 || inspect(client, call->args[0], &c, err) < 0 ||
            check_attachable(c, err) < 0)
                return -1;
        id = json_get_string(c, "Id");
        o.tty = json_get_bool(json_get(c, "Config"), "Tty");
        o.use_stdin = !f->no_stdin && json_get_bool(json_get(c, "Config"), "OpenStdin");
        o.detach_keys = detach_keys_of(cli, f->detach_keys);
        if (o.tty && o.use_stdin && !isatty(STDIN_FILENO))
                return error_set(err, ERROR_INVALID, "the input device is not a TTY");
        signals_block();
        if (wait_open(client, id, NULL, &wait, err) < 0 || attach(client, id, &o, &h, err) < 0)
                return -1;
        follow_terminal(client, id, o.tty, option_given(call, "sig-proxy") ? f->sig_proxy : true);
        r = stream_with_terminal(&h, &o, err);
        client_hijack_deinit(&h);
        if (r > 0)
                return error_set(err, ERROR_CANCELLED, "read escape sequence");
        return r < 0 ? -1 : wait_result(wait, err);
}

#define IMAGE_USAGE "[OPTIONS] IMAGE [COMMAND] [ARG...]"
const struct command run_command = { .name = "run",
                                     .group = "Common Commands",
                                     .usage = IMAGE_USAGE,
                                     .summary = "Create and run a new container from an image",
                                     .aliases = "container run, run",
                                     .options = run_options,
                                     .n_options = N_RUN_OPTIONS,
                                     .options_size = sizeof(struct container_flags),
                                     .min_args = 1,
                                     .max_args = -1,
                                     .options_first = true,
                                     .run = run_run };
const struct command create_command = { .name = "create",
                                        .group = "Commands",
                                        .usage = IMAGE_USAGE,
                                        .summary = "Create a new container",
                                        .aliases = "container create, create",
                                        .options = create_options,
                                        .n_options = N_CREATE_OPTIONS,
                                        .options_size = sizeof(struct container_flags),
                                        .min_args = 1,
                                        .max_args = -1,
                                        .options_first = true,
                                        .run = run_create };
const struct command start_command = { .name = "start",
                                       .group = "Commands",
                                       .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
                                       .summary = "Start one or more stopped containers",
                                       .aliases = "container start, start",
                                       COMMAND_OPTIONS(start_options, struct start_flags),
                                       .min_args = 1,
                                       .max_args = -1,
                                       .run = run_start };
const struct command attach_command = {
        .name = "attach",
        .group = "Commands",
        .usage = "[OPTIONS] CONTAINER",
        .summary = "Attach local standard input, output, and error streams to a running container",
        .aliases = "container attach, attach",
        COMMAND_OPTIONS(attach_options, struct attach_flags),
        .min_args = 1,
        .max_args = 1,
        .run = run_attach
};
