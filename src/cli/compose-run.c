/* compose run: a one-off container of a service, with our terminal. */
#include "cli/attached.h"
#include "cli/compose-image.h"
#include "cli/compose-session.h"
#include "cli/container-flags.h"
#include "cli/container-grammar.h"
#include "compose/words.h"

#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

struct run {
        bool build, detach, dry_run, interactive, no_deps, no_tty, quiet, quiet_build, quiet_pull,
            remove_orphans, rm, service_ports, tty, use_aliases;
        char **cap_add, **cap_drop, **env, **env_from_file, **label, **publish, **volume;
        char *entrypoint, *name, *pull, *user, *workdir;
};
static const struct option one_off_options[] = {
        OPTION_BOOL("build", 0, struct run, build, "Build image before starting container"),
        OPTION_LIST("cap-add", 0, struct run, cap_add, "Add Linux capabilities"),
        OPTION_LIST("cap-drop", 0, struct run, cap_drop, "Drop Linux capabilities"),
        OPTION_BOOL("detach", 'd', struct run, detach, "Run container in background and print container ID"),
        COMPOSE_DRY_RUN(struct run),
        OPTION_STRING("entrypoint", 0, struct run, entrypoint, "Override the entrypoint of the image"),
        COMPOSE_OPTION_ARRAY("env", 'e', struct run, env, "Set environment variables"),
        COMPOSE_OPTION_ARRAY("env-from-file", 0, struct run, env_from_file,
                             "Set environment variables from file"),
        OPTION_BOOL("interactive", 'i', struct run, interactive, "Keep STDIN open even if not attached",
                    "true"),
        COMPOSE_OPTION_ARRAY("label", 'l', struct run, label, "Add or override a label"),
        OPTION_STRING("name", 0, struct run, name, "Assign a name to the container"),
        OPTION_BOOL("no-TTY", 'T', struct run, no_tty,
                    "Disable pseudo-TTY allocation (default: auto-detected)"),
        OPTION_BOOL("no-deps", 0, struct run, no_deps, "Don't start linked services"),
        OPTION_BOOL("no-tty", 0, struct run, no_tty, "Disable pseudo-TTY allocation", NULL, NULL, true),
        COMPOSE_OPTION_ARRAY("publish", 'p', struct run, publish,
                             "Publish a container's port(s) to the host"),
        OPTION_STRING("pull", 0, struct run, pull,
                      "Pull image before running (\"always\"|\"missing\"|\"never\")", "\"policy\""),
        OPTION_BOOL("quiet", 'q', struct run, quiet, "Don't print anything to STDOUT"),
        OPTION_BOOL("quiet-build", 0, struct run, quiet_build,
                    "Suppress progress output from the build process"),
        OPTION_BOOL("quiet-pull", 0, struct run, quiet_pull, "Pull without printing progress information"),
        OPTION_BOOL("remove-orphans", 0, struct run, remove_orphans,
                    "Remove containers for services not defined in the Compose file"),
        OPTION_BOOL("rm", 0, struct run, rm, "Automatically remove the container when it exits"),
        OPTION_BOOL("service-ports", 'P', struct run, service_ports,
                    "Run command with all service's ports enabled and mapped to the host"),
        OPTION_BOOL("tty", 't', struct run, tty, "Allocate a pseudo-TTY", "true", NULL, true),
        OPTION_BOOL("use-aliases", 0, struct run, use_aliases,
                    "Use the service's network useAliases in the network(s) the container connects to"),
        OPTION_STRING("user", 'u', struct run, user, "Run as specified username or uid"),
        COMPOSE_OPTION_ARRAY("volume", 'v', struct run, volume, "Bind mount a volume"),
        OPTION_STRING("workdir", 'w', struct run, workdir, "Working directory inside the container"),
};

/* ---- The service with what the flags change ---- */

static int set_environment(struct compose_service *service, const struct run *o,
                           const struct compose_project *p, struct error *err)
{
        cleanup_strv char **list = NULL;

        for (char **file = o->env_from_file; file && *file; file++)
                if (env_file_read(*file, true, &list, err) < 0)
                        return -1;
        strv_extend(&list, o->env);
        for (char **text = list; text && *text; text++) {
                const char *equals = strchr(*text, '=');
                cleanup_free char *name = xstrndup(*text, equals ? (size_t)(equals - *text) : strlen(*text));
                const char *value = equals ? equals + 1 : env_get(p->environment, name);

                if (value)
                        strmap_set(&service->environment, name, value);
        }
        return 0;
}

/* -p: the ports of a service are kept only with --service-ports. */
static int set_ports(struct compose_service *service, const struct run *o, struct error *err)
{
        struct container_config config = {};
        struct host_config host = {};
        int r;

        if (!o->service_ports)
                service->n_ports = 0;
        r = grammar_ports(o->publish, NULL, &config, &host, err);
        for (size_t i = 0; r == 0 && i < host.n_port_bindings; i++) {
                const struct port_map_entry *entry = &host.port_bindings[i];

                for (size_t k = 0; k < entry->count; k++) {
                        const char *slash = strchr(entry->port, '/');
                        struct compose_port port = { .target = (uint32_t)atoi(entry->port),
                                                     .protocol = xstrdup(slash ? slash + 1 : "tcp"),
                                                     .host_ip = xstrdup(entry->bindings[k].host_ip),
                                                     .published = xstrdup(entry->bindings[k].host_port) };

                        ARRAY_APPEND(service->ports, service->n_ports, port);
                }
        }
        json_free_fields(&container_config_table, &config);
        json_free_fields(&host_config_table, &host);
        return r;
}

/* "SOURCE:TARGET[:ro]", in place of what the service has there. */
static int set_volumes(struct compose_service *service, const struct run *o, const struct compose_project *p,
                       struct error *err)
{
        for (char **text = o->volume; text && *text; text++) {
                cleanup_strv char **parts = strv_split(*text, ':');
                size_t n = strv_length(parts);
                struct compose_mount m = {};
                bool path = n > 1 && strchr("./~", parts[0][0]);

                if (n > 3 || !*parts[n > 1 ? 1 : 0])
                        return error_set(err, ERROR_INVALID, "invalid spec: %s: too many colons", *text);
                m.type = xstrdup(path ? "bind" : "volume");
                m.target = xstrdup(parts[n > 1 ? 1 : 0]);
                if (path && parts[0][0] == '~')
                        m.source = string_format("%s%s", getenv("HOME") ? getenv("HOME") : "", parts[0] + 1);
                else if (path && parts[0][0] == '.')
                        m.source = string_format("%s/%s", p->working_dir, parts[0]);
                else
                        m.source = n > 1 ? xstrdup(parts[0]) : NULL;
                m.read_only = n > 2 && streq(parts[2], "ro");
                if (path) {
                        m.bind = xcalloc(1, sizeof(*m.bind));
                        m.bind->create_host_path = true;
                }
                for (size_t i = 0; i < service->n_volumes; i++)
                        if (streq(service->volumes[i].target, m.target))
                                service->volumes[i] = service->volumes[--service->n_volumes];
                ARRAY_APPEND(service->volumes, service->n_volumes, m);
        }
        return 0;
}

static int apply_flags(struct compose_service *service, const struct run *o, const struct compose_project *p,
                       char *const *command, struct error *err)
{
        if (*command) {
                strv_free(service->command);
                service->command = strv_copy(command);
        }
        if (o->entrypoint) {
                strv_free(service->entrypoint);
                service->entrypoint = NULL;
                if (words_split(o->entrypoint, &service->entrypoint, err) < 0)
                        return -1;
                if (!service->entrypoint)
                        service->entrypoint = strv_new();
                if (!*command) {
                        strv_free(service->command);
                        service->command = NULL;
                }
        }
        if (o->user)
                replace_string(&service->user, o->user);
        if (o->workdir)
                replace_string(&service->working_dir, o->workdir);
        strv_extend(&service->cap_add, o->cap_add);
        strv_extend(&service->cap_drop, o->cap_drop);
        for (char **label = o->label; label && *label; label++) {
                const char *equals = strchr(*label, '=');
                cleanup_free char *name =
                    xstrndup(*label, equals ? (size_t)(equals - *label) : strlen(*label));

                strmap_set(&service->labels, name, equals ? equals + 1 : "");
        }
        replace_string(&service->container_name, NULL);
        replace_string(&service->restart, NULL);
        if (service->deploy)
                service->deploy->restart_policy = NULL;
        if (set_environment(service, o, p, err) < 0 || set_ports(service, o, err) < 0)
                return -1;
        return set_volumes(service, o, p, err);
}

/* ---- What it needs ---- */

/* Its dependencies run before it does. */
static int start_dependencies(struct compose_session *s, const struct run *o, const char *name,
                              struct compose_containers *ret, struct error *err)
{
        struct compose_converge converge = { .timeout = -1, .remove_orphans = o->remove_orphans };
        struct compose_start start = {};
        struct compose_service *self = compose_project_service(s->project, name);
        int scale = compose_service_scale(self), r;
        cleanup_strv char **none = strv_new();
        cleanup_compose_containers struct compose_containers before = {};

        /* Converging must leave the service's own containers alone. */
        strv_append(&none, "");
        if (compose_containers_list(&s->engine, s->name, COMPOSE_NO_ONEOFFS, true, &before, err) < 0)
                return -1;
        compose_service_set_scale(self, 0);
        for (size_t i = 0; i < before.count; i++)
                if (streq(before.list[i]->service, name))
                        compose_service_set_scale(self, compose_service_scale(self) + 1);
        converge.services = none;
        converge.recreate_dependencies = COMPOSE_RECREATE_NEVER;
        r = compose_converge(&s->engine, &converge, ret, err);
        compose_service_set_scale(self, 0);
        if (r == 0 && !o->no_deps) {
                struct compose_containers others = {};

                for (size_t i = 0; i < ret->count; i++)
                        if (!streq(ret->list[i]->service, name))
                                ARRAY_APPEND(others.list, others.count, ret->list[i]);
                r = compose_start(&s->engine, &others, &start, err);
                if (r == 0)
                        r = compose_wait_dependencies(&s->engine, self, &others, 0, err);
                free(others.list);
        }
        compose_service_set_scale(self, scale);
        strmap_deinit(&converge.images);
        return r;
}

#define SLUG_LENGTH 64 /* hexadecimal digits; the name has the first twelve */

static int make_slug(char ret[SLUG_LENGTH + 1], struct error *err)
{
        unsigned char bytes[SLUG_LENGTH / 2];

        if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
                return error_errno(err, "getrandom");
        for (size_t i = 0; i < sizeof(bytes); i++)
                snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
        return 0;
}

static int create(struct compose_session *s, const struct run *o, const struct compose_service *service,
                  const struct compose_containers *others, char **ret_id, struct error *err)
{
        char slug[SLUG_LENGTH + 1];
        cleanup_strmap struct strmap labels = {}, images = {};
        cleanup_free char *image = compose_service_image(s->project, service, s->engine.separator),
                          *name = NULL;
        struct compose_create create = { .auto_remove = o->rm,
                                         .attach_stdin = service->stdin_open && !o->detach,
                                         .service_aliases = o->use_aliases,
                                         .labels = &labels };

        if (make_slug(slug, err) < 0 || compose_images_resolve(&s->engine, &images, err) < 0)
                return -1;
        name = o->name ? xstrdup(o->name)
                       : string_format("%s%s%s%srun%s%.12s", s->name, s->engine.separator, service->name,
                                       s->engine.separator, s->engine.separator, slug);
        strmap_set(&labels, LABEL_SLUG, slug);
        create.name = name;
        create.image_digest = strmap_get(&images, image);
        if (!o->quiet)
                compose_report_container(&s->engine, COMPOSE_EVENT_WORKING, name, "Creating");
        if (compose_container_create(&s->engine, service, others, &create, ret_id, err) < 0) {
                compose_report_container(&s->engine, COMPOSE_EVENT_ERROR, name, error_message(err));
                return -1;
        }
        if (!o->quiet)
                compose_report_container(&s->engine, COMPOSE_EVENT_DONE, name, "Created");
        return 0;
}

/* ---- run ---- */

static int start_and_attach(struct compose_session *s, const struct run *o,
                            const struct compose_service *service, const char *id, struct error *err)
{
        struct attached a = { .id = id,
                              .streams = { .use_stdin = service->stdin_open,
                                           .use_stdout = true,
                                           .use_stderr = true,
                                           .tty = service->tty },
                              .start = true,
                              .removed = o->rm,
                              .proxy = true };
        cleanup_query struct client_query q = {};

        if (s->engine.dry_run)
                return 0;
        if (!o->detach) {
                signals_block();
                return container_attached(s->engine.client, &a, err);
        }
        client_query_init(&q, "/containers/%s/start", id);
        if (client_call(s->engine.client, "POST", &q, NULL, NULL, NULL, err) < 0)
                return -1;
        printf("%s\n", id);
        return 0;
}

static int prepare(struct compose_session *s, const struct run *o, char *const *named, struct error *err)
{
        struct compose_image_options images = { .pull = o->pull,
                                                .build = o->build,
                                                .quiet_pull = o->quiet_pull,
                                                .quiet_build = o->quiet_build || o->quiet };

        if (o->no_deps && compose_project_select(s->project, named, COMPOSE_WITHOUT_DEPENDENCIES, err) < 0)
                return -1;
        if (o->quiet)
                compose_session_show(s, false);
        return compose_images_ensure(s, &images, err);
}

static int run_run(struct cli *cli, struct invocation *call, struct error *err)
{
        struct run *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        char *named[] = { call->args[0], NULL };
        struct compose_service service = {};
        cleanup_free char *id = NULL;
        bool tty = !o->no_tty && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) && !o->detach;
        int r;

        if (o->publish && o->service_ports)
                return error_set(err, ERROR_INVALID, "--service-ports and --publish are incompatible");
        if (compose_check_pull(o->pull, err) < 0 ||
            compose_session_open(cli, named, COMPOSE_NEED_FILES, "Running", &s, err) < 0 ||
            prepare(&s, o, named, err) < 0 || start_dependencies(&s, o, named[0], &containers, err) < 0)
                return -1;
        compose_service_copy(compose_project_service(s.project, named[0]), &service);
        service.tty = tty;
        service.stdin_open = option_given(call, "interactive") ? o->interactive : true;
        r = apply_flags(&service, o, s.project, call->args + 1, err);
        if (r == 0)
                r = create(&s, o, &service, &containers, &id, err);
        if (r == 0)
                r = start_and_attach(&s, o, &service, id, err);
        compose_service_deinit(&service);
        return r;
}

const struct command compose_run_command = { .name = "run",
                                             .usage = "[OPTIONS] SERVICE [COMMAND] [ARGS...]",
                                             .summary = "Run a one-off command on a service",
                                             COMPOSE_COMMAND_OPTIONS(one_off_options, struct run),
                                             .min_args = 1,
                                             .max_args = -1,
                                             .options_first = true,
                                             .run = run_run };
