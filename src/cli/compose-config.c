/* compose config */
#include "base/fd.h"
#include "cli/compose.h"
#include "cli/credentials.h"
#include "cli/format.h"
#include "client/client.h"
#include "compose/template.h"
#include "compose/yaml.h"
#include "oci/reference.h"

#include <stdio.h>

struct config {
        bool dry_run, environment, images, lock_image_digests, models, networks, no_consistency,
            no_env_resolution, no_interpolate, no_normalize, no_path_resolution, profiles, quiet,
            resolve_image_digests, services, variables, volumes;
        char *format, *hash, *output;
};
static const struct option config_options[] = {
        COMPOSE_DRY_RUN(struct config),
        OPTION_BOOL("environment", 0, struct config, environment,
                    "Print environment used for interpolation."),
        OPTION_STRING("format", 0, struct config, format, "Format the output. Values: [yaml | json]"),
        OPTION_STRING("hash", 0, struct config, hash, "Print the service config hash, one per line."),
        OPTION_BOOL("images", 0, struct config, images, "Print the image names, one per line."),
        OPTION_BOOL("lock-image-digests", 0, struct config, lock_image_digests,
                    "Produces an override file with image digests"),
        OPTION_BOOL("models", 0, struct config, models, "Print the model names, one per line."),
        OPTION_BOOL("networks", 0, struct config, networks, "Print the network names, one per line."),
        OPTION_BOOL("no-consistency", 0, struct config, no_consistency,
                    "Don't check model consistency - warning: may produce invalid Compose output"),
        OPTION_BOOL("no-env-resolution", 0, struct config, no_env_resolution,
                    "Don't resolve service env files"),
        OPTION_BOOL("no-interpolate", 0, struct config, no_interpolate,
                    "Don't interpolate environment variables"),
        OPTION_BOOL("no-normalize", 0, struct config, no_normalize, "Don't normalize compose model"),
        OPTION_BOOL("no-path-resolution", 0, struct config, no_path_resolution, "Don't resolve file paths"),
        OPTION_STRING("output", 'o', struct config, output, "Save to file (default to stdout)"),
        OPTION_BOOL("profiles", 0, struct config, profiles, "Print the profile names, one per line."),
        OPTION_BOOL("quiet", 'q', struct config, quiet,
                    "Only validate the configuration, don't print anything"),
        OPTION_BOOL("resolve-image-digests", 0, struct config, resolve_image_digests,
                    "Pin image tags to digests"),
        OPTION_BOOL("services", 0, struct config, services, "Print the service names, one per line."),
        OPTION_BOOL("variables", 0, struct config, variables, "Print model variables and default values."),
        OPTION_BOOL("volumes", 0, struct config, volumes, "Print the volume names, one per line."),
};

struct config_call {
        struct cli *cli;
        const struct config *o;
        struct compose_options load;
        char *const *services;
};

static void line(const struct config_call *c, const char *text)
{
        if (!c->o->quiet)
                printf("%s\n", text);
}

/* ---- Lists ---- */

static int list_services(const struct config_call *c, const struct compose_project *p, struct error *err)
{
        (void)err;
        for (size_t i = 0; i < p->n_services; i++)
                line(c, p->services[i].name);
        return 0;
}

static int list_volumes(const struct config_call *c, const struct compose_project *p, struct error *err)
{
        (void)err;
        for (size_t i = 0; i < p->n_volumes; i++)
                line(c, p->volumes[i].key);
        return 0;
}

static int list_networks(const struct config_call *c, const struct compose_project *p, struct error *err)
{
        (void)err;
        for (size_t i = 0; i < p->n_networks; i++)
                line(c, p->networks[i].key);
        return 0;
}

static int list_models(const struct config_call *c, const struct compose_project *p, struct error *err)
{
        (void)err;
        for (size_t i = 0; i < p->n_models; i++)
                if (!string_empty(p->models[i].model))
                        line(c, p->models[i].model);
        return 0;
}

static int list_profiles(const struct config_call *c, const struct compose_project *p, struct error *err)
{
        cleanup_strv char **names = NULL;

        (void)err;
        for (size_t i = 0; i < p->n_services + p->n_disabled; i++) {
                const struct compose_service *s =
                    i < p->n_services ? &p->services[i] : &p->disabled[i - p->n_services];

                for (char **name = s->profiles; name && *name; name++)
                        if (!strv_contains(names, *name))
                                strv_append(&names, *name);
        }
        strv_sort(names);
        for (char **name = names; name && *name; name++)
                line(c, *name);
        return 0;
}

static int list_images(const struct config_call *c, const struct compose_project *p, struct error *err)
{
        (void)err;
        for (size_t i = 0; i < p->n_services; i++) {
                cleanup_free char *image =
                    compose_service_image(p, &p->services[i], compose_separator(c->cli, p));

                line(c, image);
        }
        return 0;
}

static int list_environment(const struct config_call *c, const struct compose_project *p, struct error *err)
{
        (void)err;
        for (char **entry = p->environment; *entry; entry++)
                line(c, *entry);
        return 0;
}

static int list_hashes(const struct config_call *c, const struct compose_project *p, struct error *err)
{
        cleanup_strv char **names = NULL;

        if (!streq(c->o->hash, "*"))
                names = strv_split(c->o->hash, ',');
        for (size_t i = 0; !names && i < p->n_services; i++) {
                char hash[COMPOSE_HASH_LENGTH + 1];
                cleanup_free char *text = NULL;

                compose_service_hash(&p->services[i], hash);
                text = string_format("%s %s", p->services[i].name, hash);
                line(c, text);
        }
        strv_sort(names);
        for (char **name = names; name && *name; name++) {
                const struct compose_service *s = compose_project_service(p, *name);
                char hash[COMPOSE_HASH_LENGTH + 1];
                cleanup_free char *text = NULL;

                if (!s)
                        return error_set(err, ERROR_NOT_FOUND, "no such service: %s: %s", *name,
                                         compose_project_disabled(p, *name) ? "disabled" : "not found");
                compose_service_hash(s, hash);
                text = string_format("%s %s", *name, hash);
                line(c, text);
        }
        return 0;
}

/* ---- Variables ---- */

static void collect_variables(json_object *in, struct template_variable **list, size_t *count)
{
        struct lh_entry *entry;

        if (json_object_is_type(in, json_type_string))
                template_variables(json_object_get_string(in), list, count);
        else if (json_object_is_type(in, json_type_object))
                lh_foreach (json_object_get_object(in), entry)
                        collect_variables(lh_entry_v(entry), list, count);
        else if (json_object_is_type(in, json_type_array))
                for (size_t i = 0; i < json_object_array_length(in); i++)
                        collect_variables(json_object_array_get_idx(in, i), list, count);
}

static int compare_variables(const void *a, const void *b)
{
        return strcmp(((const struct template_variable *)a)->name,
                      ((const struct template_variable *)b)->name);
}

static json_object *variables_tree(const struct template_variable *list, size_t count, bool json)
{
        json_object *out = json_object_new_object();

        for (size_t i = 0; i < count; i++) {
                json_object *one = json_object_new_object();
                const struct template_variable *v = &list[i];

                json_set_string(one, json ? "Name" : "name", v->name);
                json_set_string(one, json ? "DefaultValue" : "defaultvalue", v->fallback ? v->fallback : "");
                json_set_string(one, json ? "PresenceValue" : "presencevalue",
                                v->presence ? v->presence : "");
                json_object_object_add(one, json ? "Required" : "required",
                                       json_object_new_boolean(v->required));
                json_object_object_add(out, v->name, one);
        }
        return out;
}

static void print_variables(const struct config_call *c, const struct template_variable *list, size_t count)
{
        const char *format = c->o->format;
        cleanup_strbuf struct strbuf b = {};

        if (streq(format, "json") || streq(format, "yaml")) {
                cleanup_json json_object *tree = variables_tree(list, count, streq(format, "json"));
                cleanup_free char *text =
                    streq(format, "json") ? json_format_pretty(tree, 4) : yaml_format(tree);

                line(c, text);
                return;
        }
        strbuf_adds(&b, "NAME\tREQUIRED\tDEFAULT VALUE\tALTERNATE VALUE\n");
        for (size_t i = 0; i < count; i++)
                strbuf_addf(&b, "%s\t%s\t%s\t%s\n", list[i].name, list[i].required ? "true" : "false",
                            list[i].fallback ? list[i].fallback : "",
                            list[i].presence ? list[i].presence : "");
        if (!c->o->quiet)
                table_print(b.data, 20, stdout);
}

static int show_variables(struct config_call *c, struct error *err)
{
        cleanup_json json_object *model = NULL;
        struct template_variable *list = NULL;
        size_t count = 0;

        c->load.no_interpolate = true;
        if (compose_load_model(&c->load, &model, err) < 0)
                return -1;
        collect_variables(model, &list, &count);
        if (count)
                qsort(list, count, sizeof(*list), compare_variables);
        print_variables(c, list, count);
        template_variables_free(list, count);
        return 0;
}

/* ---- Digests ---- */

static int registry_digest(struct cli *cli, const struct reference *r, char **ret, struct error *err)
{
        cleanup_free char *name = reference_format(r), *header = NULL;
        cleanup_client_stream struct client_stream *stream = NULL;
        cleanup_strbuf struct strbuf pending = {};
        cleanup_json json_object *answer = NULL;
        cleanup_query struct client_query q;
        struct client *client;

        if (cli_client(cli, &client, err) < 0 || credentials_header(cli, r->domain, &header, err) < 0)
                return -1;
        client_query_init(&q, "/distribution/%s/json", name);
        if (client_stream_open(client, "GET", &q, header ? (char *const[]){ header, NULL } : NULL, NULL, NULL,
                               &stream, err) < 0)
                return -1;
        if (client_stream_json(stream, &pending, &answer, err) < 0)
                return -1;
        if (!json_get_string(json_get(answer, "Descriptor"), "digest"))
                return error_set(err, ERROR_INVALID, "%s: the registry tells no digest", name);
        *ret = xstrdup(json_get_string(json_get(answer, "Descriptor"), "digest"));
        return 0;
}

/* "busybox:1" → "docker.io/library/busybox:1@sha256:…". */
static int resolve_image(struct cli *cli, const char *image, char **ret, struct error *err)
{
        cleanup_reference struct reference r = {};

        if (reference_parse(image, &r, err) < 0)
                return -1;
        reference_default_tag(&r);
        if (!r.digest && registry_digest(cli, &r, &r.digest, err) < 0)
                return -1;
        *ret = reference_format(&r);
        return 0;
}

static int resolve_project(struct cli *cli, struct compose_project *p, struct error *err)
{
        for (size_t i = 0; i < p->n_services; i++) {
                cleanup_free char *resolved = NULL;

                if (string_empty(p->services[i].image))
                        continue;
                if (resolve_image(cli, p->services[i].image, &resolved, err) < 0)
                        return -1;
                replace_string(&p->services[i].image, resolved);
        }
        return 0;
}

static int resolve_model(struct cli *cli, json_object *model, struct error *err)
{
        json_object *services = json_get(model, "services");
        struct lh_entry *entry;

        if (services)
                lh_foreach (json_object_get_object(services), entry) {
                        json_object *service = lh_entry_v(entry);
                        const char *image = json_get_string(service, "image");
                        cleanup_free char *resolved = NULL;

                        if (string_empty(image))
                                continue;
                        if (resolve_image(cli, image, &resolved, err) < 0)
                                return -1;
                        json_set_string(service, "image", resolved);
                }
        return 0;
}

/* An override file that only names images. */
static json_object *images_only(json_object *services)
{
        json_object *out = json_object_new_object(), *all = json_object_new_object();
        struct lh_entry *entry;

        if (services)
                lh_foreach (json_object_get_object(services), entry) {
                        json_object *one = json_object_new_object();
                        const char *image = json_get_string(lh_entry_v(entry), "image");

                        if (image)
                                json_set_string(one, "image", image);
                        json_object_object_add(all, lh_entry_k(entry), one);
                }
        json_object_object_add(out, "services", all);
        return out;
}

static json_object *project_images(const struct compose_project *p)
{
        cleanup_json json_object *services = json_object_new_object();

        for (size_t i = 0; i < p->n_services; i++) {
                json_object *one = json_object_new_object();

                if (p->services[i].image)
                        json_set_string(one, "image", p->services[i].image);
                json_object_object_add(services, p->services[i].name, one);
        }
        return images_only(services);
}

/* ---- The model ---- */

static int check_container_names(const struct compose_project *p, struct error *err)
{
        for (size_t i = 0; i < p->n_services; i++)
                for (size_t j = 0; p->services[i].container_name && j < i; j++)
                        if (streq(p->services[i].container_name, p->services[j].container_name))
                                return error_set(
                                    err, ERROR_INVALID,
                                    "services.%s: container name \"%s\" is already in use by service %s",
                                    p->services[i].name, p->services[i].container_name, p->services[j].name);
        return 0;
}

static char *format_tree(json_object *tree, bool json)
{
        cleanup_json json_object *sorted = json ? NULL : yaml_sort(json_object_get(tree), true);

        return json ? json_format_pretty(tree, 2) : yaml_format(sorted);
}

static int render_model(struct config_call *c, bool json, char **ret, struct error *err)
{
        cleanup_json json_object *model = NULL, *locked = NULL;

        if (compose_load_model(&c->load, &model, err) < 0 ||
            (c->o->resolve_image_digests && resolve_model(c->cli, model, err) < 0))
                return -1;
        if (c->o->lock_image_digests)
                locked = images_only(json_get(model, "services"));
        *ret = format_tree(locked ? locked : model, json);
        return 0;
}

static char *double_dollars(const char *text)
{
        struct strbuf b = {};

        for (; *text; text++) {
                if (*text == '$')
                        strbuf_addc(&b, '$');
                strbuf_addc(&b, *text);
        }
        return strbuf_take(&b);
}

static int render_project(struct config_call *c, bool json, char **ret, struct error *err)
{
        cleanup_compose_project struct compose_project *p = NULL;
        cleanup_free char *text = NULL;

        if (compose_load_project(&c->load, c->cli, c->services, &p, err) < 0)
                return -1;
        if (c->o->resolve_image_digests && resolve_project(c->cli, p, err) < 0)
                return -1;
        if (!c->o->no_consistency && check_container_names(p, err) < 0)
                return -1;
        if (c->o->lock_image_digests) {
                cleanup_json json_object *locked = project_images(p);

                text = format_tree(locked, json);
        } else {
                text = json ? compose_project_json(p) : compose_project_yaml(p);
        }
        *ret = double_dollars(text);
        return 0;
}

static int show_config(struct config_call *c, struct error *err)
{
        bool json = streq(c->o->format, "json");
        cleanup_free char *text = NULL;

        if ((c->o->no_interpolate ? render_model : render_project)(c, json, &text, err) < 0)
                return -1;
        if (!string_empty(c->o->format) && !json && !streq(c->o->format, "yaml"))
                return error_set(err, ERROR_INVALID, "unsupported format \"%s\"", c->o->format);
        if (c->o->quiet)
                return 0;
        if (!string_empty(c->o->output))
                return file_replace(AT_FDCWD, c->o->output, text, strlen(text), 0666, false, err);
        fputs(text, stdout);
        return 0;
}

/* ---- The command ---- */

typedef int (*config_list)(const struct config_call *c, const struct compose_project *p, struct error *err);

/* What is listed instead of the model; the first that is asked for. */
static config_list which_list(const struct config *o, bool *ret_selects)
{
        const struct {
                bool asked, selects;
                config_list list;
        } lists[] = {
                { o->services, false, list_services },
                { o->volumes, false, list_volumes },
                { o->networks, false, list_networks },
                { o->models, false, list_models },
                { !string_empty(o->hash), false, list_hashes },
                { o->profiles, true, list_profiles },
                { o->images, true, list_images },
                { o->environment, true, list_environment },
        };

        for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
                if (lists[i].asked) {
                        *ret_selects = lists[i].selects;
                        return lists[i].list;
                }
        return NULL;
}

static int list_model_services(struct config_call *c, struct error *err)
{
        cleanup_json json_object *model = NULL;
        struct lh_entry *entry;

        if (compose_load_model(&c->load, &model, err) < 0)
                return -1;
        if (json_get(model, "services"))
                lh_foreach (json_object_get_object(json_get(model, "services")), entry)
                        line(c, lh_entry_k(entry));
        return 0;
}

static int run_config(struct cli *cli, struct invocation *call, struct error *err)
{
        struct config *o = call->values;
        struct config_call c = { cli, o, {}, call->args };
        cleanup_compose_project struct compose_project *p = NULL;
        bool selects = false;
        config_list list = which_list(o, &selects);

        o->resolve_image_digests |= o->lock_image_digests;
        compose_load_options(cli, &c.load);
        c.load.no_interpolate = o->no_interpolate;
        c.load.no_normalize = o->no_normalize || cli->compose->compatibility;
        c.load.no_path_resolution = o->no_path_resolution;
        c.load.no_consistency = o->no_consistency;
        c.load.no_env_resolution = o->no_env_resolution || list;
        if (o->services && o->no_interpolate)
                return list_model_services(&c, err);
        if (o->variables && (!list || list == list_environment))
                return show_variables(&c, err);
        if (!list)
                return show_config(&c, err);
        return compose_load_project(&c.load, cli, selects ? c.services : NULL, &p, err) < 0
                   ? -1
                   : list(&c, p, err);
}

const struct command compose_config_command = {
        .name = "config",
        .usage = "[OPTIONS] [SERVICE...]",
        .summary = "Parse, resolve and render compose file in canonical format",
        COMPOSE_COMMAND_OPTIONS(config_options, struct config),
        .max_args = -1,
        .run = run_config,
        .also = "convert"
};
