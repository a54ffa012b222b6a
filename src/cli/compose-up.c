/* compose up, create, scale. */
#include "base/time.h"
#include "cli/compose-foreground.h"
#include "cli/compose-image.h"

#include <stdio.h>

struct up {
        bool abort_on_container_exit, abort_on_container_failure, always_recreate_deps, attach_dependencies,
            build, detach, dry_run, force_recreate, menu, no_build, no_color, no_deps, no_log_prefix,
            no_recreate, no_start, quiet_build, quiet_pull, remove_orphans, renew_anon_volumes, timestamps,
            wait, watch, yes;
        char **attach, **no_attach, **scale;
        char *exit_code_from, *pull;
        int64_t timeout, wait_timeout;
};

#define UP_OPTION_BUILD(type) OPTION_BOOL("build", 0, type, build, "Build images before starting containers")
static const struct option up_options[] = {
        OPTION_BOOL("abort-on-container-exit", 0, struct up, abort_on_container_exit,
                    "Stops all containers if any container was stopped. Incompatible with -d"),
        OPTION_BOOL("abort-on-container-failure", 0, struct up, abort_on_container_failure,
                    "Stops all containers if any container exited with failure. Incompatible with -d"),
        OPTION_BOOL("always-recreate-deps", 0, struct up, always_recreate_deps,
                    "Recreate dependent containers. Incompatible with --no-recreate."),
        COMPOSE_OPTION_ARRAY("attach", 0, struct up, attach,
                             "Restrict attaching to the specified services. Incompatible with "
                             "--attach-dependencies."),
        OPTION_BOOL("attach-dependencies", 0, struct up, attach_dependencies,
                    "Automatically attach to log output of dependent services"),
        UP_OPTION_BUILD(struct up),
        OPTION_BOOL("detach", 'd', struct up, detach, "Detached mode: Run containers in the background"),
        COMPOSE_DRY_RUN(struct up),
        OPTION_STRING("exit-code-from", 0, struct up, exit_code_from,
                      "Return the exit code of the selected service container. Implies "
                      "--abort-on-container-exit"),
        OPTION_BOOL("force-recreate", 0, struct up, force_recreate,
                    "Recreate containers even if their configuration and image haven't changed"),
        OPTION_BOOL(
            "menu", 0, struct up, menu,
            "Enable interactive shortcuts when running attached. Incompatible with --detach. Can also "
            "be enable/disable by setting COMPOSE_MENU environment var."),
        COMPOSE_OPTION_ARRAY("no-attach", 0, struct up, no_attach,
                             "Do not attach (stream logs) to the specified services"),
        OPTION_BOOL("no-build", 0, struct up, no_build, "Don't build an image, even if it's policy"),
        OPTION_BOOL("no-color", 0, struct up, no_color, "Produce monochrome output"),
        OPTION_BOOL("no-deps", 0, struct up, no_deps, "Don't start linked services"),
        OPTION_BOOL("no-log-prefix", 0, struct up, no_log_prefix, "Don't print prefix in logs"),
        OPTION_BOOL("no-recreate", 0, struct up, no_recreate,
                    "If containers already exist, don't recreate them. Incompatible with --force-recreate."),
        OPTION_BOOL("no-start", 0, struct up, no_start, "Don't start the services after creating them"),
        OPTION_STRING("pull", 0, struct up, pull,
                      "Pull image before running (\"always\"|\"missing\"|\"never\")", "\"policy\""),
        OPTION_BOOL("quiet-build", 0, struct up, quiet_build, "Suppress the build output"),
        OPTION_BOOL("quiet-pull", 0, struct up, quiet_pull, "Pull without printing progress information"),
        OPTION_BOOL("remove-orphans", 0, struct up, remove_orphans,
                    "Remove containers for services not defined in the Compose file"),
        OPTION_BOOL("renew-anon-volumes", 'V', struct up, renew_anon_volumes,
                    "Recreate anonymous volumes instead of retrieving data from the previous containers"),
        COMPOSE_OPTION_ARRAY("scale", 0, struct up, scale,
                             "Scale SERVICE to NUM instances. Overrides the `scale` setting in the Compose "
                             "file if present."),
        OPTION_INT("timeout", 't', struct up, timeout,
                   "Use this timeout in seconds for container shutdown when attached or when containers are "
                   "already running"),
        OPTION_BOOL("timestamps", 0, struct up, timestamps, "Show timestamps"),
        OPTION_BOOL("wait", 0, struct up, wait,
                    "Wait for services to be running|healthy. Implies detached mode."),
        OPTION_INT("wait-timeout", 0, struct up, wait_timeout,
                   "Maximum duration in seconds to wait for the project to be running|healthy"),
        OPTION_BOOL("watch", 'w', struct up, watch,
                    "Watch source code and rebuild/refresh containers when files are updated."),
        OPTION_BOOL("yes", 'y', struct up, yes,
                    "Assume \"yes\" as answer to all prompts and run non-interactively"),
};

static const struct option create_options[] = {
        UP_OPTION_BUILD(struct up),
        COMPOSE_DRY_RUN(struct up),
        OPTION_BOOL("force-recreate", 0, struct up, force_recreate,
                    "Recreate containers even if their configuration and image haven't changed"),
        OPTION_BOOL("no-build", 0, struct up, no_build, "Don't build an image, even if it's policy"),
        OPTION_BOOL("no-recreate", 0, struct up, no_recreate,
                    "If containers already exist, don't recreate them. Incompatible with --force-recreate."),
        OPTION_STRING("pull", 0, struct up, pull,
                      "Pull image before running (\"always\"|\"missing\"|\"never\"|\"build\")", "\"policy\""),
        OPTION_BOOL("quiet-pull", 0, struct up, quiet_pull, "Pull without printing progress information"),
        OPTION_BOOL("remove-orphans", 0, struct up, remove_orphans,
                    "Remove containers for services not defined in the Compose file"),
        COMPOSE_OPTION_ARRAY("scale", 0, struct up, scale,
                             "Scale SERVICE to NUM instances. Overrides the `scale` setting in the Compose "
                             "file if present."),
        OPTION_BOOL("yes", 'y', struct up, yes,
                    "Assume \"yes\" as answer to all prompts and run non-interactively"),
};

/* ---- Checks ---- */

static int check_up(struct up *o, struct error *err)
{
        bool attached = o->abort_on_container_exit || o->abort_on_container_failure || o->attach ||
                        o->attach_dependencies;

        if (o->exit_code_from)
                o->abort_on_container_exit = true;
        if (o->build && o->no_build)
                return error_set(err, ERROR_INVALID, "--build and --no-build are incompatible");
        if (o->wait && (attached || o->exit_code_from))
                return error_set(err, ERROR_INVALID,
                                 "--wait cannot be combined with --abort-on-container-exit, --attach or "
                                 "--attach-dependencies");
        o->detach |= o->wait;
        if (o->detach && !o->wait && (attached || o->exit_code_from || o->watch))
                return error_set(err, ERROR_INVALID,
                                 "--detach cannot be combined with --abort-on-container-exit, "
                                 "--abort-on-container-failure, "
                                 "--attach, --attach-dependencies or --watch");
        if (o->no_recreate && o->force_recreate)
                return error_set(err, ERROR_INVALID, "--force-recreate and --no-recreate are incompatible");
        if (o->no_recreate && o->always_recreate_deps)
                return error_set(err, ERROR_INVALID,
                                 "--always-recreate-deps and --no-recreate are incompatible");
        return compose_check_pull(o->pull, err);
}

static int apply_scale(struct compose_project *p, char *const *scales, struct error *err)
{
        for (; scales && *scales; scales++) {
                const char *equals = strchr(*scales, '=');
                cleanup_free char *name = equals ? xstrndup(*scales, (size_t)(equals - *scales)) : NULL;
                struct compose_service *service;
                int64_t count;

                if (!equals)
                        return error_set(err, ERROR_INVALID,
                                         "invalid --scale option \"%s\". Should be SERVICE=NUM", *scales);
                if (string_to_int64(equals + 1, &count, NULL) < 0 || count < 0 || count > INT32_MAX)
                        return error_set(err, ERROR_INVALID, "strconv.Atoi: parsing \"%s\": invalid syntax",
                                         equals + 1);
                service = compose_project_service(p, name);
                if (!service)
                        return error_set(err, ERROR_NOT_FOUND, "no such service: %s: not found", name);
                compose_service_set_scale(service, (int)count);
        }
        return 0;
}

static bool env_says(const struct compose_project *p, const char *name)
{
        const char *text = env_get(p->environment, name);
        bool on = false;

        if (text)
                (void)string_to_bool(text, &on);
        return on;
}

static int prepare_project(struct compose_session *s, char *const *services, const struct up *o,
                           struct error *err)
{
        if (o->no_deps && services && *services &&
            compose_project_select(s->project, services, COMPOSE_WITHOUT_DEPENDENCIES, err) < 0)
                return -1;
        if (s->project->n_services == 0)
                return error_set(err, ERROR_INVALID, "no service selected");
        if (o->exit_code_from && !compose_project_service(s->project, o->exit_code_from))
                return error_set(err, ERROR_NOT_FOUND, "no such service: %s: not found", o->exit_code_from);
        return apply_scale(s->project, o->scale, err);
}

/* Images and containers as the files want them. */
static int converge(struct compose_session *s, char *const *services, const struct up *o, int64_t timeout,
                    struct compose_containers *ret, struct error *err)
{
        struct compose_image_options images = { .pull = o->pull,
                                                .build = o->build,
                                                .no_build = o->no_build,
                                                .quiet_pull = o->quiet_pull,
                                                .quiet_build =
                                                    o->quiet_build || !compose_progress_talks(s->progress) };
        struct compose_converge c = { .services = services,
                                      .renew_volumes = o->renew_anon_volumes,
                                      .remove_orphans =
                                          o->remove_orphans || env_says(s->project, "COMPOSE_REMOVE_ORPHANS"),
                                      .ignore_orphans = env_says(s->project, "COMPOSE_IGNORE_ORPHANS"),
                                      .timeout = timeout };
        int r;

        if (c.ignore_orphans && o->remove_orphans)
                return error_set(err, ERROR_INVALID,
                                 "cannot combine COMPOSE_IGNORE_ORPHANS and --remove-orphans");
        c.recreate = o->force_recreate ? COMPOSE_RECREATE_ALWAYS
                     : o->no_recreate  ? COMPOSE_RECREATE_NEVER
                                       : COMPOSE_RECREATE_CHANGED;
        c.recreate_dependencies = o->always_recreate_deps && o->force_recreate ? COMPOSE_RECREATE_ALWAYS
                                  : o->always_recreate_deps                    ? COMPOSE_RECREATE_ALWAYS
                                  : o->no_recreate                             ? COMPOSE_RECREATE_NEVER
                                                                               : COMPOSE_RECREATE_CHANGED;
        if (compose_images_ensure(s, &images, err) < 0)
                return -1;
        r = compose_converge(&s->engine, &c, ret, err);
        strmap_deinit(&c.images);
        return r;
}

/* ---- up ---- */

/* Without names all services are attached to; with names those, and what they depend on if that was asked. */
static char **attached_services(const struct compose_session *s, char *const *services, const struct up *o)
{
        char **out = NULL;

        if (o->attach)
                return strv_copy(o->attach);
        if (!services || !*services)
                return NULL;
        for (size_t i = 0; i < s->project->n_services; i++)
                if (o->attach_dependencies || strv_contains(services, s->project->services[i].name))
                        strv_append(&out, s->project->services[i].name);
        return out;
}

static int start_detached(struct compose_session *s, struct compose_containers *containers,
                          const struct up *o, struct error *err)
{
        struct compose_start start = { .wait = o->wait, .wait_timeout = o->wait_timeout * NSEC_PER_SEC };

        return compose_start(&s->engine, containers, &start, err);
}

static int run_up(struct cli *cli, struct invocation *call, struct error *err)
{
        struct up *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        int64_t timeout = option_given(call, "timeout") ? o->timeout : -1;
        struct compose_foreground_options foreground = { .abort_on_exit =
                                                             o->abort_on_container_exit || o->exit_code_from,
                                                         .abort_on_failure = o->abort_on_container_failure,
                                                         .exit_code_from = o->exit_code_from,
                                                         .no_attach = o->no_attach,
                                                         .no_colour = o->no_color,
                                                         .no_prefix = o->no_log_prefix,
                                                         .timestamps = o->timestamps,
                                                         .timeout = timeout };
        int r;

        if (check_up(o, err) < 0 ||
            compose_session_open(cli, call->args, COMPOSE_NEED_FILES, "Running", &s, err) < 0 ||
            prepare_project(&s, call->args, o, err) < 0)
                return -1;
        if (o->watch)
                return error_set(err, ERROR_UNSUPPORTED,
                                 "up --watch is not supported by davit yet: run `compose watch`");
        if (converge(&s, call->args, o, timeout, &containers, err) < 0)
                return -1;
        if (o->no_start)
                return 0;
        if (o->detach || s.engine.dry_run)
                return start_detached(&s, &containers, o, err);
        compose_foreground_block_signals();
        foreground.attach = attached_services(&s, call->args, o);
        r = compose_foreground(&s, &containers, &foreground, err);
        strv_free(foreground.attach);
        return r;
}

const struct command compose_up_command = { .name = "up",
                                            .usage = "[OPTIONS] [SERVICE...]",
                                            .summary = "Create and start containers",
                                            COMPOSE_COMMAND_OPTIONS(up_options, struct up),
                                            .max_args = -1,
                                            .run = run_up };

/* ---- create ---- */

static int run_create(struct cli *cli, struct invocation *call, struct error *err)
{
        struct up *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};

        if (check_up(o, err) < 0 ||
            compose_session_open(cli, call->args, COMPOSE_NEED_FILES, "Creating", &s, err) < 0 ||
            prepare_project(&s, call->args, o, err) < 0)
                return -1;
        return converge(&s, call->args, o, -1, &containers, err);
}

const struct command compose_create_command = { .name = "create",
                                                .usage = "[OPTIONS] [SERVICE...]",
                                                .summary = "Creates containers for a service",
                                                COMPOSE_COMMAND_OPTIONS(create_options, struct up),
                                                .max_args = -1,
                                                .run = run_create };

/* ---- scale ---- */

static const struct option scale_options[] = {
        COMPOSE_DRY_RUN(struct up),
        OPTION_BOOL("no-deps", 0, struct up, no_deps, "Don't start linked services"),
};

static int run_scale(struct cli *cli, struct invocation *call, struct error *err)
{
        struct up *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        cleanup_strv char **services = NULL;

        for (char **arg = call->args; *arg; arg++) {
                const char *equals = strchr(*arg, '=');
                int64_t count;

                if (!equals)
                        return error_set(err, ERROR_INVALID, "invalid scale specifier: %s", *arg);
                if (string_to_int64(equals + 1, &count, NULL) < 0)
                        return error_set(err, ERROR_INVALID,
                                         "invalid scale specifier: can't parse replica value as int: %s",
                                         *arg);
                strv_append_take(&services, xstrndup(*arg, (size_t)(equals - *arg)));
        }
        if (compose_session_open(cli, services, COMPOSE_NEED_FILES, "Scaling", &s, err) < 0 ||
            prepare_project(&s, services, o, err) < 0 || apply_scale(s.project, call->args, err) < 0 ||
            converge(&s, services, o, -1, &containers, err) < 0)
                return -1;
        return start_detached(&s, &containers, o, err);
}

const struct command compose_scale_command = { .name = "scale",
                                               .usage = "[SERVICE=REPLICAS...]",
                                               .summary = "Scale services ",
                                               COMPOSE_COMMAND_OPTIONS(scale_options, struct up),
                                               .min_args = 1,
                                               .max_args = -1,
                                               .run = run_scale };
