/* compose build, pull, push. */
#include "cli/compose-image.h"
#include "cli/compose-session.h"
#include "cli/pull.h"

#include <stdio.h>

/* Only what was named, unless what it depends on was asked for too. */
static int open_session(struct cli *cli, char *const *services, bool dependencies, const char *title,
                        struct compose_session *s, struct error *err)
{
        if (compose_session_open(cli, services, COMPOSE_NEED_FILES, title, s, err) < 0)
                return -1;
        return *services && !dependencies
                   ? compose_project_select(s->project, services, COMPOSE_WITHOUT_DEPENDENCIES, err)
                   : 0;
}

/* ---- build ---- */

struct build {
        struct compose_build_options options;
        bool compress, dry_run, force_rm, no_rm, print, with_dependencies;
        char *memory, *progress;
        int64_t parallel;
};
static const struct option build_options[] = {
        COMPOSE_OPTION_ARRAY("build-arg", 0, struct build, options.args,
                             "Set build-time variables for services"),
        OPTION_STRING("builder", 0, struct build, options.builder, "Set builder to use"),
        OPTION_BOOL("check", 0, struct build, options.check, "Check build configuration"),
        OPTION_BOOL("compress", 0, struct build, compress,
                    "Compress the build context using gzip. DEPRECATED", NULL, NULL, true),
        COMPOSE_DRY_RUN(struct build),
        OPTION_BOOL("force-rm", 0, struct build, force_rm,
                    "Always remove intermediate containers. DEPRECATED", NULL, NULL, true),
        OPTION_STRING("memory", 'm', struct build, memory,
                      "Set memory limit for the build container. Not supported by BuildKit."),
        OPTION_BOOL("no-cache", 0, struct build, options.no_cache,
                    "Do not use cache when building the image"),
        OPTION_BOOL("no-rm", 0, struct build, no_rm,
                    "Do not remove intermediate containers after a successful build. DEPRECATED", NULL, NULL,
                    true),
        OPTION_INT("parallel", 0, struct build, parallel, "Set max parallelism", NULL, NULL, true),
        OPTION_BOOL("print", 0, struct build, print, "Print equivalent bake file"),
        OPTION_STRING("progress", 0, struct build, progress,
                      "Set type of ui output (auto, tty, plain, json, quiet)", NULL, NULL, true),
        OPTION_STRING("provenance", 0, struct build, options.provenance, "Add a provenance attestation"),
        OPTION_BOOL("pull", 0, struct build, options.pull,
                    "Always attempt to pull a newer version of the image"),
        OPTION_BOOL("push", 0, struct build, options.push, "Push service images"),
        OPTION_BOOL("quiet", 'q', struct build, options.quiet, "Suppress the build output"),
        OPTION_STRING("sbom", 0, struct build, options.sbom, "Add a SBOM attestation"),
        OPTION_STRING("ssh", 0, struct build, options.ssh,
                      "Set SSH authentications used when building service images. (use 'default' for using "
                      "your default SSH Agent)"),
        OPTION_BOOL("with-dependencies", 0, struct build, with_dependencies,
                    "Also build dependencies (transitively)"),
};

/* "NAME" takes its value from the project's environment. */
static void complete_args(char ***args, const struct compose_project *p)
{
        cleanup_strv char **given = *args;

        *args = NULL;
        for (char **arg = given; arg && *arg; arg++) {
                const char *value = strchr(*arg, '=') ? NULL : env_get(p->environment, *arg);

                if (strchr(*arg, '='))
                        strv_append(args, *arg);
                else if (value)
                        strv_append_take(args, string_format("%s=%s", *arg, value));
        }
}

static int run_build(struct cli *cli, struct invocation *call, struct error *err)
{
        struct build *o = call->values;
        cleanup_compose_session struct compose_session s = {};

        if (o->print)
                return error_set(err, ERROR_UNSUPPORTED, "build --print is not supported by davit yet");
        if (open_session(cli, call->args, o->with_dependencies, "Building", &s, err) < 0)
                return -1;
        complete_args(&o->options.args, s.project);
        o->options.quiet |= streq(o->progress, "quiet") || !compose_progress_talks(s.progress);
        return compose_build_all(&s, &o->options, err);
}

const struct command compose_build_command = {
        .name = "build",
        .usage = "[OPTIONS] [SERVICE...]",
        .summary = "Build or rebuild services",
        .details = "Services are built once and then tagged, by default as `project-service`.\n\nIf the "
                   "Compose file "
                   "specifies an image name, the image is tagged with that name, substituting any variables "
                   "beforehand.",
        COMPOSE_COMMAND_OPTIONS(build_options, struct build),
        .max_args = -1,
        .run = run_build
};

/* ---- pull, push ---- */

struct transfer {
        bool dry_run, ignore_buildable, ignore_failures, include_deps, quiet;
        char *policy;
};
static const struct option pull_options[] = {
        COMPOSE_DRY_RUN(struct transfer),
        OPTION_BOOL("ignore-buildable", 0, struct transfer, ignore_buildable,
                    "Ignore images that can be built"),
        OPTION_BOOL("ignore-pull-failures", 0, struct transfer, ignore_failures,
                    "Pull what it can and ignores images with pull failures"),
        OPTION_BOOL("include-deps", 0, struct transfer, include_deps,
                    "Also pull services declared as dependencies"),
        OPTION_STRING("policy", 0, struct transfer, policy, "Apply pull policy (\"missing\"|\"always\")"),
        OPTION_BOOL("quiet", 'q', struct transfer, quiet, "Pull without printing progress information"),
};
static const struct option push_options[] = {
        COMPOSE_DRY_RUN(struct transfer),
        OPTION_BOOL("ignore-push-failures", 0, struct transfer, ignore_failures,
                    "Push what it can and ignores images with push failures"),
        OPTION_BOOL("include-deps", 0, struct transfer, include_deps,
                    "Also push images of services declared as dependencies"),
        OPTION_BOOL("quiet", 'q', struct transfer, quiet, "Push without printing progress information"),
};

struct transferring {
        struct compose_session *s;
        const struct transfer *o;
};

static void skip(struct compose_session *s, const char *service, const char *why)
{
        compose_image_event(s, service, "Skipped", why, COMPOSE_EVENT_DONE);
}

/* The first service with the image pulls it; the others say who does. */
static const char *first_with(const struct compose_project *p, const struct compose_service *service)
{
        for (const struct compose_service *other = p->services; other < service; other++)
                if (streq(other->image, service->image))
                        return other->name;
        return NULL;
}

static bool has_image(struct compose_engine *e, const char *image)
{
        cleanup_query struct client_query q = {};

        client_query_init(&q, "/images/%s/json", image);
        return client_call(e->client, "GET", &q, NULL, NULL, NULL, NULL) == 0;
}

static int pull_service(struct compose_engine *e, const struct compose_service *service, void *context,
                        struct error *err)
{
        const struct transferring *t = context;
        const char *policy = t->o->policy ? t->o->policy : service->pull_policy, *first;
        struct error why = {};

        if (!service->image)
                skip(t->s, service->name, "- No image to be pulled");
        else if (streq(policy, "never") || streq(policy, "build"))
                skip(t->s, service->name, "");
        else if (service->build && t->o->ignore_buildable)
                skip(t->s, service->name, "- Image can be built");
        else if ((streq(policy, "missing") || streq(policy, "if_not_present")) &&
                 has_image(e, service->image))
                skip(t->s, service->name, "- Image is already present locally");
        else if ((first = first_with(e->project, service))) {
                cleanup_free char *text = string_format("- Image is already being pulled by %s", first);

                skip(t->s, service->name, text);
        } else if (compose_service_pull(t->s, service, &why) < 0) {
                if (!t->o->ignore_failures)
                        return error_move(err, &why);
                fprintf(stderr, "Pulling %s: %s\n", service->name, error_message(&why));
                error_clear(&why);
        }
        return 0;
}

static int run_pull(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct transfer *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        struct transferring t = { &s, o };

        if (o->policy && !streq(o->policy, "missing") && !streq(o->policy, "always"))
                return error_set(err, ERROR_INVALID, "invalid --policy option \"%s\"", o->policy);
        if (open_session(cli, call->args, o->include_deps, "Pulling", &s, err) < 0)
                return -1;
        if (o->quiet)
                compose_session_show(&s, false);
        return compose_each_service(&s.engine, false, pull_service, &t, err);
}

const struct command compose_pull_command = { .name = "pull",
                                              .usage = "[OPTIONS] [SERVICE...]",
                                              .summary = "Pull service images",
                                              COMPOSE_COMMAND_OPTIONS(pull_options, struct transfer),
                                              .max_args = -1,
                                              .run = run_pull };

static int push_service(struct compose_engine *e, const struct compose_service *service, void *context,
                        struct error *err)
{
        const struct transferring *t = context;
        struct error why = {};

        if (!service->build || !service->image) {
                skip(t->s, service->name, "");
                return 0;
        }
        compose_image_event(t->s, service->name, "Pushing", "", COMPOSE_EVENT_WORKING);
        if (!e->dry_run && push_image(t->s->cli, service->image, NULL, &why) < 0) {
                compose_image_event(t->s, service->name, "Error", error_message(&why), COMPOSE_EVENT_ERROR);
                if (!t->o->ignore_failures)
                        return error_move(err, &why);
                error_clear(&why);
                return 0;
        }
        compose_image_event(t->s, service->name, "Pushed", "", COMPOSE_EVENT_DONE);
        return 0;
}

static int run_push(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct transfer *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        struct transferring t = { &s, o };

        if (open_session(cli, call->args, o->include_deps, "Pushing", &s, err) < 0)
                return -1;
        if (o->quiet)
                compose_session_show(&s, false);
        return compose_each_service(&s.engine, false, push_service, &t, err);
}

const struct command compose_push_command = { .name = "push",
                                              .usage = "[OPTIONS] [SERVICE...]",
                                              .summary = "Push service images",
                                              COMPOSE_COMMAND_OPTIONS(push_options, struct transfer),
                                              .max_args = -1,
                                              .run = run_push };
