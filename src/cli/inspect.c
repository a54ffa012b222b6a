#include "cli/inspect.h"
#include "cli/failures.h"
#include "cli/format-help.h"
#include "cli/template.h"
#include "client/client.h"

#include <stdio.h>

#define EXIT_BAD_TEMPLATE 64

/* ---- Output ---- */

static void show_json(json_object *list, bool indented)
{
        cleanup_free char *text = indented ? json_format_pretty(list, 4) : json_format(list);

        puts(json_object_array_length(list) ? text : "[]");
}

static void show_templated(json_object *list, const struct template *template, struct error *failures)
{
        struct template_options options = { .flags = TEMPLATE_STRUCTS };
        cleanup_strbuf struct strbuf out = {};

        for (size_t i = 0; i < json_object_array_length(list); i++) {
                cleanup_error struct error why = {};
                size_t before = out.len;

                if (template_execute(template, json_object_array_get_idx(list, i), &options, &out, &why) ==
                    0) {
                        strbuf_addc(&out, '\n');
                        continue;
                }
                error_context(&why, "template parsing error");
                failure_add(failures, &why);
                out.len = before;
        }
        fwrite(out.len ? out.data : "\n", 1, out.len ? out.len : 1, stdout);
}

int inspect_objects(struct cli *cli, struct invocation *call, const char *format, inspect_function get,
                    struct error *err)
{
        cleanup_template struct template *template = NULL;
        cleanup_json json_object *list = json_object_new_array();
        cleanup_error struct error failures = {};
        bool json = streq(format, "json"), plain = string_empty(format);

        if (!json && !plain && template_compile(format, &template, err) < 0) {
                error_context(err, "template parsing error");
                err->exit_code = EXIT_BAD_TEMPLATE;
                return -1;
        }
        for (char *const *name = call->args; *name; name++) {
                cleanup_error struct error why = {};
                json_object *object = NULL;

                if (get(cli, call, *name, &object, &why) < 0)
                        failure_add(&failures, &why);
                else
                        json_object_array_add(list, object);
        }
        if (json || plain)
                show_json(list, plain);
        else
                show_templated(list, template, &failures);
        fflush(stdout);
        return failures.kind ? error_move(err, &failures) : 0;
}

/* ---- inspect of anything ---- */

struct inspect {
        char *format, *type;
        bool size;
};
static const struct option inspect_options[] = {
        OPTION_STRING("format", 'f', struct inspect, format, FORMAT_HELP_INSPECT),
        OPTION_BOOL("size", 's', struct inspect, size, "Display total file sizes if the type is container"),
        OPTION_STRING("type", 0, struct inspect, type, "Only inspect objects of the given type"),
};

/* In the order in which a name without a type is looked for; kinds that are only looked for when asked come
 * last. */
static const struct inspect_kind {
        const char *name, *path;
        bool asked_only;
} inspect_kinds[] = {
        { "container", "/containers/%s/json", false },
        { "image", "/images/%s/json", false },
        { "network", "/networks/%s", false },
        { "volume", "/volumes/%s", false },
        { "config", "/configs/%s", true },
        { "node", "/nodes/%s", true },
        { "plugin", "/plugins/%s/json", true },
        { "secret", "/secrets/%s", true },
        { "service", "/services/%s", true },
        { "task", "/tasks/%s", true },
};

static int inspect_kind_get(struct cli *cli, const struct inspect_kind *kind, const char *name, bool size,
                            json_object **ret, struct error *err)
{
        struct client *client;
        cleanup_query struct client_query q = {};
        const char *hole = strstr(kind->path, "%s");

        strbuf_add(&q.text, kind->path, (size_t)(hole - kind->path));
        http_escape(&q.text, name);
        strbuf_adds(&q.text, hole + 2);
        if (streq(kind->name, "container"))
                client_query_add_bool(&q, "size", size);
        return cli_client(cli, &client, err) < 0 ? -1 : client_call(client, "GET", &q, NULL, ret, NULL, err);
}

/* Does the answer only say that it is something else? */
static bool is_skippable(const struct error *why)
{
        return why->kind == ERROR_NOT_FOUND || strstr(error_message(why), "not supported") ||
               strstr(error_message(why), "invalid reference format");
}

static int inspect_any(struct cli *cli, struct invocation *call, const char *name, json_object **ret,
                       struct error *err)
{
        const struct inspect *o = call->values;

        for (size_t i = 0; i < ARRAY_SIZE(inspect_kinds); i++) {
                cleanup_error struct error why = {};
                const struct inspect_kind *kind = &inspect_kinds[i];

                if (o->type ? !streq(o->type, kind->name) : kind->asked_only)
                        continue;
                if (inspect_kind_get(cli, kind, name, o->size, ret, &why) == 0) {
                        if (o->size && !streq(kind->name, "container"))
                                fprintf(stderr, "WARNING: --size ignored for %s\n", kind->name);
                        return 0;
                }
                if (o->type || !is_skippable(&why))
                        return error_move(err, &why);
        }
        return error_set(err, ERROR_NOT_FOUND, "Error: No such object: %s", name);
}

static int run_inspect(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct inspect *o = call->values;

        if (option_given(call, "type")) {
                bool known = false;

                for (size_t i = 0; i < ARRAY_SIZE(inspect_kinds); i++)
                        known = known || streq(inspect_kinds[i].name, o->type);
                if (!*o->type)
                        return error_set(err, ERROR_INVALID,
                                         "type is empty: must be one of \"config\", \"container\", "
                                         "\"image\", \"network\", \"node\", "
                                         "\"plugin\", \"secret\", \"service\", \"task\", \"volume\"");
                if (!known)
                        return error_set(
                            err, ERROR_INVALID,
                            "unknown type: \"%s\": must be one of \"config\", \"container\", \"image\", "
                            "\"network\", "
                            "\"node\", \"plugin\", \"secret\", \"service\", \"task\", \"volume\"",
                            o->type);
        }
        return inspect_objects(cli, call, o->format, inspect_any, err);
}

const struct command inspect_command = { .name = "inspect",
                                         .usage = "[OPTIONS] NAME|ID [NAME|ID...]",
                                         .summary = "Return low-level information on Docker objects",
                                         COMMAND_OPTIONS(inspect_options, struct inspect),
                                         .min_args = 1,
                                         .max_args = -1,
                                         .run = run_inspect,
                                         .group = "Commands" };

/* ---- container, image, network, volume inspect ---- */

struct container_inspect {
        char *format;
        bool size;
};
static const struct option container_inspect_options[] = {
        OPTION_STRING("format", 'f', struct container_inspect, format, FORMAT_HELP_INSPECT),
        OPTION_BOOL("size", 's', struct container_inspect, size, "Display total file sizes"),
};

static int get_container(struct cli *cli, struct invocation *call, const char *name, json_object **ret,
                         struct error *err)
{
        return inspect_kind_get(cli, &inspect_kinds[0], name,
                                ((struct container_inspect *)call->values)->size, ret, err);
}

static int run_container_inspect(struct cli *cli, struct invocation *call, struct error *err)
{
        return inspect_objects(cli, call, ((struct container_inspect *)call->values)->format, get_container,
                               err);
}

const struct command container_inspect_command = {
        .name = "inspect",
        .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
        .summary = "Display detailed information on one or more containers",
        COMMAND_OPTIONS(container_inspect_options, struct container_inspect),
        .min_args = 1,
        .max_args = -1,
        .run = run_container_inspect
};

struct volume_inspect {
        char *format;
};
static const struct option volume_inspect_options[] = {
        OPTION_STRING("format", 'f', struct volume_inspect, format, FORMAT_HELP_INSPECT),
};

static int get_volume(struct cli *cli, struct invocation *call, const char *name, json_object **ret,
                      struct error *err)
{
        (void)call;
        return inspect_kind_get(cli, &inspect_kinds[3], name, false, ret, err);
}

static int run_volume_inspect(struct cli *cli, struct invocation *call, struct error *err)
{
        return inspect_objects(cli, call, ((struct volume_inspect *)call->values)->format, get_volume, err);
}

const struct command volume_inspect_command = {
        .name = "inspect",
        .usage = "[OPTIONS] VOLUME [VOLUME...]",
        .summary = "Display detailed information on one or more volumes",
        COMMAND_OPTIONS(volume_inspect_options, struct volume_inspect),
        .min_args = 1,
        .max_args = -1,
        .run = run_volume_inspect
};
