#include "cli/build.h"
#include "cli/buildx.h"

#include "base/fd.h"
#include "base/socket.h"
#include "cli/container-grammar.h"
#include "client/client.h"
#include "oci/reference.h"

#include <errno.h>
#include <signal.h>
#include <sys/random.h>

static const struct option build_options_list[] = {
        OPTION_LIST("add-host", 0, struct build_flags, add_host,
                    "Add a custom host-to-IP mapping (format: \"host:ip\")"),
        OPTION_ROW("allow", 0, OPTION_KIND_STRINGS, struct build_flags, allow, "stringArray",
                   "Allow extra privileged entitlement (e.g., \"network.host\", \"security.insecure\")"),
        OPTION_ROW("annotation", 0, OPTION_KIND_LIST, struct build_flags, annotation, "stringArray",
                   "Add annotation to the image"),
        OPTION_ROW("attest", 0, OPTION_KIND_LIST, struct build_flags, attest, "stringArray",
                   "Attestation parameters (format: \"type=sbom,generator=image\")"),
        OPTION_ROW("build-arg", 0, OPTION_KIND_LIST, struct build_flags, build_arg, "stringArray",
                   "Set build-time variables"),
        OPTION_ROW("build-context", 0, OPTION_KIND_LIST, struct build_flags, build_context, "stringArray",
                   "Additional build contexts (e.g., name=path)"),
        OPTION_STRING("builder", 0, struct build_flags, builder, "Override the configured builder instance"),
        OPTION_ROW("cache-from", 0, OPTION_KIND_LIST, struct build_flags, cache_from, "stringArray",
                   "External cache sources (e.g., \"user/app:cache\", \"type=local,src=path/to/dir\")"),
        OPTION_ROW("cache-to", 0, OPTION_KIND_LIST, struct build_flags, cache_to, "stringArray",
                   "Cache export destinations (e.g., \"user/app:cache\", \"type=local,dest=path/to/dir\")"),
        OPTION_STRING("call", 0, struct build_flags, call,
                      "Set method for evaluating build (\"check\", \"outline\", \"targets\")", "\"build\""),
        OPTION_STRING("cgroup-parent", 0, struct build_flags, cgroup_parent,
                      "Set the parent cgroup for the \"RUN\" instructions during build"),
        OPTION_BOOL("check", 0, struct build_flags, check, "Shorthand for \"--call=check\""),
        OPTION_BOOL("explain", 0, struct build_flags, explain,
                    "Tell for each step why it ran: which file, argument or base changed"),
        OPTION_STRING("file", 'f', struct build_flags, file,
                      "Name of the Dockerfile (default: \"PATH/Dockerfile\")"),
        OPTION_STRING("iidfile", 0, struct build_flags, iidfile, "Write the image ID to a file"),
        OPTION_ROW("label", 0, OPTION_KIND_LIST, struct build_flags, label, "stringArray",
                   "Set metadata for an image"),
        OPTION_BOOL("load", 0, struct build_flags, load, "Shorthand for \"--output=type=docker\""),
        OPTION_STRING("metadata-file", 0, struct build_flags, metadata_file,
                      "Write build result metadata to a file"),
        OPTION_STRING("network", 0, struct build_flags, network,
                      "Set the networking mode for the \"RUN\" instructions during build", "\"default\""),
        OPTION_BOOL("no-cache", 0, struct build_flags, no_cache, "Do not use cache when building the image"),
        OPTION_ROW("no-cache-filter", 0, OPTION_KIND_STRINGS, struct build_flags, no_cache_filter,
                   "stringArray", "Do not cache specified stages"),
        OPTION_ROW("output", 'o', OPTION_KIND_LIST, struct build_flags, output, "stringArray",
                   "Output destination (format: \"type=local,dest=path\")"),
        OPTION_ROW("platform", 0, OPTION_KIND_STRINGS, struct build_flags, platform, "stringArray",
                   "Set target platform for build"),
        OPTION_STRING("progress", 0, struct build_flags, progress,
                      "Set type of progress output (\"auto\", \"none\", \"plain\", \"quiet\", \"rawjson\", "
                      "\"tty\"). Use plain to show container output",
                      "\"auto\""),
        OPTION_STRING("provenance", 0, struct build_flags, provenance,
                      "Shorthand for \"--attest=type=provenance\""),
        OPTION_BOOL("pull", 0, struct build_flags, pull, "Always attempt to pull all referenced images"),
        OPTION_BOOL("push", 0, struct build_flags, push,
                    "Shorthand for \"--output=type=registry,unpack=false\""),
        OPTION_BOOL("quiet", 'q', struct build_flags, quiet,
                    "Suppress the build output and print image ID on success"),
        OPTION_STRING("sbom", 0, struct build_flags, sbom, "Shorthand for \"--attest=type=sbom\""),
        OPTION_ROW("secret", 0, OPTION_KIND_LIST, struct build_flags, secret, "stringArray",
                   "Secret to expose to the build (format: \"id=mysecret[,src=/local/secret]\")"),
        OPTION_ROW("shm-size", 0, OPTION_KIND_BYTES, struct build_flags, shm_size, "bytes",
                   "Shared memory size for build containers"),
        OPTION_BOOL("squash", 0, struct build_flags, squash,
                    "Squash newly built layers into a single new layer", .hidden = true),
        OPTION_ROW("ssh", 0, OPTION_KIND_LIST, struct build_flags, ssh, "stringArray",
                   "SSH agent socket or keys to expose to the build (format: "
                   "\"default|<id>[=<socket>|<key>[,<key>]]\")"),
        OPTION_ROW("tag", 't', OPTION_KIND_LIST, struct build_flags, tag, "stringArray",
                   "Image identifier (format: \"[registry/]repository[:tag]\")"),
        OPTION_STRING("target", 0, struct build_flags, target, "Set the target build stage to build"),
        OPTION_ROW("ulimit", 0, OPTION_KIND_LIST, struct build_flags, ulimit, "ulimit", "Ulimit options",
                   "[]", check_ulimit),
};

static const char *const progress_modes[] = { "", "auto", "plain", "tty", "none", "quiet", "rawjson" };

static const char *progress_mode(const struct build_flags *f)
{
        const char *chosen =
            string_empty(f->progress) || streq(f->progress, "auto") ? getenv("BUILDKIT_PROGRESS") : NULL;

        return chosen ?: f->progress ?: "";
}

/* 1: nothing is shown while it goes on. */
static int choose_progress(const struct build_flags *f, bool *ret_quiet, struct error *err)
{
        const char *mode = progress_mode(f);
        bool known = false;

        for (size_t i = 0; i < ARRAY_SIZE(progress_modes); i++)
                known |= streq(progress_modes[i], mode);
        if (!known)
                return error_set(err, ERROR_INVALID, "invalid progress mode %s", mode);
        *ret_quiet = f->quiet || streq(mode, "none") || streq(mode, "quiet");
        mode = f->progress ? f->progress : "";
        if (f->quiet && *mode && !streq(mode, "auto") && !streq(mode, "none") && !streq(mode, "quiet"))
                return error_set(err, ERROR_INVALID, "progress=%s and quiet cannot be used together", mode);
        return 0;
}

struct build_end {
        char *id, *failure, *source, *state;
        json_object *warnings, *metadata;
};

static void build_end_deinit(struct build_end *e)
{
        free(e->id);
        free(e->failure);
        free(e->source);
        free(e->state);
        json_object_put(e->warnings);
        json_object_put(e->metadata);
}

/* What one connection brings. */
struct build_session {
        int fd;
        struct build_printer *printer;
        struct build_receiver *receivers;
        size_t n_receivers;
        struct strbuf pending; /* read, but not heeded yet */
        size_t start;
        struct build_end end;
};

static void build_session_deinit(struct build_session *s)
{
        build_receivers_close(s->receivers, s->n_receivers, NULL);
        build_printer_free(s->printer);
        strbuf_deinit(&s->pending);
        build_end_deinit(&s->end);
}

static int read_more(struct build_session *s, struct error *err)
{
        ssize_t n;

        memmove(s->pending.data, s->pending.data + s->start, s->pending.len - s->start);
        s->pending.len -= s->start;
        s->start = 0;
        strbuf_reserve(&s->pending, 65536);
        do {
                n = read(s->fd, s->pending.data + s->pending.len, 65536);
        } while (n < 0 && errno == EINTR);
        if (n <= 0)
                return error_set(err, ERROR_UNAVAILABLE, "failed to build: the engine went away");
        s->pending.len += (size_t)n;
        return 0;
}

/* The bytes of an output, which follow their line. */
static int read_output(struct build_session *s, json_object *event, struct error *err)
{
        size_t index = (size_t)json_get_int64(event, "output", 0),
               left = (size_t)json_get_int64(event, "bytes", 0);

        if (index >= s->n_receivers)
                return error_set(err, ERROR_INVALID, "failed to build: the engine sends an unknown output");
        if (left == 0)
                return build_receiver_data(s->receivers, index, NULL, 0, err);
        while (left) {
                size_t part;

                if (s->start == s->pending.len && read_more(s, err) < 0)
                        return -1;
                part = MIN(left, s->pending.len - s->start);
                if (build_receiver_data(s->receivers, index, s->pending.data + s->start, part, err) < 0)
                        return -1;
                s->start += part;
                left -= part;
        }
        return 0;
}

static int read_event(struct build_session *s, const char *line, size_t len, struct error *err)
{
        cleanup_json json_object *event = NULL;

        if (json_parse_text(line, len, &event, NULL) < 0)
                return error_set(err, ERROR_INVALID, "failed to build: the engine's answer is not JSON");
        if (json_get(event, "output"))
                return read_output(s, event, err);
        if (json_get_string(event, "id") || json_get_string(event, "failure")) {
                s->end.id = xstrdup(json_get_string(event, "id"));
                s->end.failure = xstrdup(json_get_string(event, "failure"));
                s->end.source = xstrdup(json_get_string(event, "source"));
                s->end.state = xstrdup(json_get_string(event, "state"));
                s->end.warnings = json_object_get(json_get(event, "warnings"));
                s->end.metadata = json_object_get(json_get(event, "metadata"));
                return 0;
        }
        build_printer_event(s->printer, event);
        return 0;
}

/* Lines of JSON until the engine is done. */
static int follow(struct build_session *s, struct error *err)
{
        while (!s->end.id && !s->end.failure) {
                char *newline = s->pending.len > s->start
                                    ? memchr(s->pending.data + s->start, '\n', s->pending.len - s->start)
                                    : NULL;
                cleanup_free char *line = NULL;

                if (!newline) {
                        if (read_more(s, err) < 0)
                                return -1;
                        continue;
                }
                line = xstrndup(s->pending.data + s->start, (size_t)(newline - s->pending.data) - s->start);
                s->start = (size_t)(newline - s->pending.data) + 1;
                if (read_event(s, line, strlen(line), err) < 0)
                        return -1;
        }
        return 0;
}

static int call_engine(struct cli *cli, struct build_upload *u, struct build_session *s, struct error *err)
{
        cleanup_query struct client_query q = {};
        struct client_hijack hijack = { .fd = -1 };
        struct client *client;
        int r;

        client_query_init(&q, "/davit/build");
        s->n_receivers = u->options.n_outputs + u->options.n_cache_to;
        if (cli_client(cli, &client, err) < 0 || build_receivers_open(&u->options, &s->receivers, err) < 0 ||
            client_hijack_open(client, "POST", &q, NULL, &hijack, err) < 0)
                return -1;
        s->fd = hijack.fd;
        r = build_upload_send(hijack.fd, u, err);
        if (r == 0)
                r = follow(s, err);
        client_hijack_deinit(&hijack);
        return r;
}

static void add_names(json_object *tree, char *const *tags)
{
        cleanup_strv char **names = strv_new();
        cleanup_free char *joined = NULL;

        for (; *tags; tags++) {
                cleanup_reference struct reference r = {};

                if (reference_parse(*tags, &r, NULL) < 0)
                        continue;
                reference_default_tag(&r);
                strv_append_take(&names, reference_format(&r));
        }
        joined = strv_join(names, ",");
        json_set_string(tree, "image.name", joined);
}

/* What the outputs say, by buildx's names. */
static int write_metadata(const struct build_flags *f, const struct build_end *end, struct error *err)
{
        cleanup_json json_object *tree = json_object_new_object();
        cleanup_free char *text = NULL, *reference = NULL;
        unsigned char random[13] = {};
        char hex[2 * sizeof(random) + 1];

        if (getrandom(random, sizeof(random), 0) != sizeof(random))
                return error_errno(err, "getrandom");
        for (size_t i = 0; i < sizeof(random); i++)
                snprintf(hex + 2 * i, 3, "%02x", random[i]);
        reference = string_format("default/default/%.25s", hex);
        json_set_string(tree, "buildx.build.ref", reference);
        json_object_object_foreach(end->metadata, key, value)
            json_object_object_add(tree, key, json_object_get(value));
        if (f->tag && json_get(tree, "containerimage.digest"))
                add_names(tree, f->tag);
        text = json_format_pretty(tree, 2);
        return file_replace(AT_FDCWD, f->metadata_file, text, strlen(text), 0644, false, err);
}

/* --check: the warnings are the result. */
static int print_check(const struct build_end *end)
{
        size_t count = end->warnings ? json_object_array_length(end->warnings) : 0;

        if (count == 0) {
                printf("Check complete, no warnings found.\n");
                return 0;
        }
        printf("Check complete, %zu %s been found!\n", count, count == 1 ? "warning has" : "warnings have");
        for (size_t i = 0; i < count; i++) {
                json_object *w = json_object_array_get_idx(end->warnings, i);

                printf("\nWARNING: %s - %s\n%s\n%s", json_get_string(w, "rule"), json_get_string(w, "url"),
                       json_get_string(w, "text"), json_get_string(w, "source"));
        }
        return 1;
}

static void print_warnings(const struct build_end *end)
{
        size_t count = end->warnings ? json_object_array_length(end->warnings) : 0;

        if (count)
                fprintf(stderr, "\n %zu %s found:\n", count, count == 1 ? "warning" : "warnings");
        for (size_t i = 0; i < count; i++) {
                json_object *w = json_object_array_get_idx(end->warnings, i);

                fprintf(stderr, " - %s: %s (line %d)\n", json_get_string(w, "rule"),
                        json_get_string(w, "text"), (int)json_get_int64(w, "line", 0));
        }
}

static int finish(const struct build_flags *f, const struct build_end *end, struct error *err)
{
        if (!string_empty(f->iidfile) && !string_empty(end->id) &&
            file_replace(AT_FDCWD, f->iidfile, end->id, strlen(end->id), 0644, false, err) < 0)
                return -1;
        if (!string_empty(f->metadata_file) && end->metadata && write_metadata(f, end, err) < 0)
                return -1;
        if (f->quiet && !streq(f->output ? f->output[0] : NULL, "-"))
                printf("%s\n", end->id);
        return 0;
}

int build_with_flags(struct cli *cli, struct build_flags *f, const char *context, char **ret_id,
                     json_object **ret_metadata, struct error *err)
{
        cleanup_build_upload struct build_upload upload = {};
        __attribute__((cleanup(build_session_deinit))) struct build_session session = {};
        struct build_end *end = &session.end;
        bool quiet;
        int r;

        if (choose_progress(f, &quiet, err) < 0 || buildx_select(cli, f->builder, NULL, err) < 0 ||
            build_prepare(f, context, &upload, err) < 0 || build_auths(cli, &upload.options, err) < 0)
                return -1;
        if (!string_empty(f->call) && !streq(f->call, "build") && !streq(f->call, "check"))
                return build_call(f->call, &upload.options, err);
        signal(SIGPIPE, SIG_IGN);
        session.printer = build_printer_new(quiet, !quiet && streq(progress_mode(f), "rawjson"));
        r = call_engine(cli, &upload, &session, err);
        if (r == 0 && f->explain)
                build_printer_explain(session.printer);
        if (r == 0 && end->failure && upload.options.check && end->warnings &&
            json_object_array_length(end->warnings)) {
                print_check(end);
                printf("\nERROR: %s\n%s\n", end->failure, end->source ? end->source : "");
                return 1;
        }
        if (r == 0 && end->failure) {
                build_printer_failures(session.printer);
                if (end->source)
                        fputs(end->source, stderr);
                if (end->state && isatty(STDERR_FILENO)) /* programs that read Docker's words get those only */
                        fprintf(stderr, "To enter the state before this step: %s run -it --rm %s\n",
                                cli->program, end->state);
                r = error_set(err, ERROR_INVALID, "%s%s",
                              upload.options.check ? "" : "failed to build: failed to solve: ", end->failure);
        }
        if (build_receivers_close(take_ptr(session.receivers), session.n_receivers, r < 0 ? NULL : err) < 0 ||
            r < 0)
                return -1;
        if (upload.options.check)
                return print_check(end);
        if (!quiet)
                print_warnings(end);
        *ret_id = xstrdup(end->id);
        if (ret_metadata)
                *ret_metadata = json_object_get(end->metadata);
        return finish(f, end, err);
}

static int run_build(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_free char *id = NULL;
        int r;

        if (strv_length(call->args) != 1) {
                fprintf(stderr, "ERROR: %s: '%s buildx build' requires 1 argument\n\n", cli->program,
                        cli->program);
                fprintf(stderr,
                        "Usage:  %s buildx build [OPTIONS] PATH | URL | -\n\nRun '%s buildx build --help' "
                        "for more information\n",
                        cli->program, cli->program);
                return 1;
        }
        r = build_with_flags(cli, call->values, call->args[0], &id, NULL, err);
        return r < 0 ? error_context(err, "ERROR") : r;
}

const struct command build_command = {
        .group = "Common Commands",
        .name = "build",
        .usage = "[OPTIONS] PATH | URL | -",
        .summary = "Build an image from a Dockerfile",
        .details = "Start a build",
        .aliases = "build, builder build, image build, buildx b",
        COMMAND_OPTIONS(build_options_list, struct build_flags),
        .max_args = -1,
        .run = run_build,
        .also = "b",
};
