/* buildx imagetools inspect. */
#include "cli/imagetools.h"

#include "cli/template.h"
#include "oci/image.h"

#include <stdio.h>

int imagetools_reference(const char *text, struct reference *ret, char **ret_whole, struct error *err)
{
        if (reference_parse(text, ret, err) < 0)
                return -1;
        reference_default_tag(ret);
        *ret_whole = reference_format(ret);
        return 0;
}

int imagetools_get(struct cli *cli, const struct reference *r, const char *name, struct remote_manifest *ret,
                   struct error *err)
{
        cleanup_error struct error why = {};

        if (registry_get_manifest(cli, r, false, ret, &why) == 0)
                return 0;
        if (error_is(&why, ERROR_NOT_FOUND))
                return error_set(err, ERROR_NOT_FOUND, "%s: not found", name);
        if (string_after(error_message(&why), "Get \"") || string_after(error_message(&why), "Head \""))
                error_context(&why, "failed to do request");
        return error_move(err, &why);
}

struct inspect {
        char *format, *builder;
        bool raw, debug;
};
static const struct option inspect_options[] = {
        OPTION_STRING("builder", 0, struct inspect, builder, "Override the configured builder instance"),
        OPTION_BOOL("debug", 'D', struct inspect, debug, "Enable debug logging"),
        OPTION_STRING("format", 0, struct inspect, format, "Format the output using the given Go template"),
        OPTION_BOOL("raw", 0, struct inspect, raw, "Show original, unformatted JSON manifest"),
};

/* ---- As text ---- */

static char *platform_text(json_object *platform)
{
        cleanup_platform struct platform p = {};

        return json_bind(&platform_table, platform, &p, NULL) < 0 ? xstrdup("") : platform_format(&p);
}

static void print_annotations(json_object *annotations)
{
        cleanup_strmap struct strmap map = {};
        struct lh_entry *entry;
        size_t width = 0;

        lh_foreach (json_object_get_object(annotations), entry) {
                strmap_set(&map, lh_entry_k(entry), json_object_get_string((json_object *)lh_entry_v(entry)));
                width = MAX(width, strlen(lh_entry_k(entry)));
        }
        strmap_sort(&map);
        for (size_t i = 0; i < map.count; i++)
                printf("    %s:%*s %s\n", map.pairs[i].key, (int)(width - strlen(map.pairs[i].key)), "",
                       map.pairs[i].value);
}

static bool has_annotations(json_object *descriptor)
{
        json_object *annotations = json_get(descriptor, "annotations");

        return json_object_is_type(annotations, json_type_object) &&
               json_object_object_length(annotations) > 0;
}

static void print_descriptor(const struct reference *r, json_object *descriptor, int width)
{
        struct reference one = { r->domain, r->path, r->tag, (char *)json_get_string(descriptor, "digest") };
        json_object *platform = json_get(descriptor, "platform");
        cleanup_free char *name = reference_format(&one), *text = NULL;

        printf("  %-*s %s\n", width, "Name:", name);
        printf("  %-*s %s\n", width, "MediaType:", json_get_string(descriptor, "mediaType"));
        if (platform) {
                text = platform_text(platform);
                printf("  %-*s %s\n", width, "Platform:", text);
                if (!string_empty(json_get_string(platform, "os.version")))
                        printf("  %-*s %s\n", width, "OSVersion:", json_get_string(platform, "os.version"));
        }
        if (has_annotations(descriptor)) {
                printf("  %-*s \n", width, "Annotations:");
                print_annotations(json_get(descriptor, "annotations"));
        }
}

static void print_text(const struct reference *r, const char *name, const struct remote_manifest *m,
                       json_object *tree)
{
        json_object *list = json_get(tree, "manifests");
        int width = (int)strlen("MediaType:");

        printf("%-*s %s\n%-*s %s\n%-*s %s\n", width, "Name:", name, width, "MediaType:", m->media_type, width,
               "Digest:", m->digest);
        if (!media_type_is_index(m->media_type) || !json_object_is_type(list, json_type_array))
                return;
        printf("%*s \nManifests: \n", width, "");
        for (size_t i = 0; i < json_object_array_length(list); i++)
                if (has_annotations(json_object_array_get_idx(list, i)))
                        width = (int)strlen("Annotations:");
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                if (i)
                        printf("%*s \n", width + 2, "");
                print_descriptor(r, json_object_array_get_idx(list, i), width);
        }
}

/* ---- By a template ---- */

/* The configs of an index's images by platform, or of the one image. Attestations are no images. */
static int get_images(struct cli *cli, const struct reference *r, const struct remote_manifest *m,
                      json_object *tree, json_object **ret, struct error *err)
{
        json_object *list = json_get(tree, "manifests");
        cleanup_json json_object *images = NULL;

        if (!media_type_is_index(m->media_type))
                return registry_get_config(cli, r, false, m, ret, err);
        images = json_object_new_object();
        for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
             i++) {
                json_object *descriptor = json_object_array_get_idx(list, i), *config;
                struct reference one = { r->domain, r->path, NULL,
                                         (char *)json_get_string(descriptor, "digest") };
                cleanup_remote_manifest struct remote_manifest part = {};
                cleanup_free char *platform = platform_text(json_get(descriptor, "platform"));

                if (streq(platform, "unknown/unknown"))
                        continue;
                if (registry_get_manifest(cli, &one, false, &part, err) < 0 ||
                    registry_get_config(cli, &one, false, &part, &config, err) < 0)
                        return -1;
                json_object_object_add(images, platform, config);
        }
        *ret = take_ptr(images);
        return 0;
}

/* {"schemaVersion":…,"mediaType":…,"digest":…,"size":…,"manifests":…}; of an image its descriptor. */
static json_object *manifest_view(const struct remote_manifest *m, json_object *tree)
{
        json_object *view = json_object_new_object();
        bool index = media_type_is_index(m->media_type);

        if (index)
                json_object_object_add(view, "schemaVersion",
                                       json_object_get(json_get(tree, "schemaVersion")));
        json_set_string(view, "mediaType", m->media_type);
        json_set_string(view, "digest", m->digest);
        json_object_object_add(view, "size", json_object_new_int64((int64_t)m->len));
        if (index)
                json_object_object_add(view, "manifests", json_object_get(json_get(tree, "manifests")));
        if (index && json_get(tree, "annotations"))
                json_object_object_add(view, "annotations", json_object_get(json_get(tree, "annotations")));
        return view;
}

/* Attestations are not read: there is nothing to show of them. */
static int no_attestations(void *context, const char *name, json_object *const *args, size_t n_args,
                           json_object **ret)
{
        (void)context, (void)args, (void)n_args;
        if (!streq(name, "Provenance") && !streq(name, "SBOM"))
                return 0;
        *ret = json_object_new_object();
        return 1;
}

static int print_template(struct cli *cli, const struct reference *r, const char *name,
                          const struct remote_manifest *m, json_object *tree, const char *format,
                          struct error *err)
{
        const struct template_options options = { TEMPLATE_STRUCTS | TEMPLATE_OCI, "imagetools.tplInput",
                                                  no_attestations, NULL };
        cleanup_json json_object *data = json_object_new_object();
        cleanup_template struct template *template = NULL;
        cleanup_strbuf struct strbuf out = {};
        json_object *images = NULL;
        int r_execute;

        if (template_compile(format, &template, err) < 0)
                return -1;
        json_set_string(data, "name", name);
        json_object_object_add(data, "manifest", manifest_view(m, tree));
        if (strstr(format, "Image") || strstr(format, "json .}") || strstr(format, "json . }")) {
                if (get_images(cli, r, m, tree, &images, err) < 0)
                        return -1;
                json_object_object_add(data, "image", images);
        }
        r_execute = template_execute(template, data, &options, &out, err);
        if (out.len)
                fwrite(out.data, 1, out.len, stdout);
        return r_execute;
}

static int inspect(struct cli *cli, const struct inspect *o, const char *text, struct error *err)
{
        cleanup_remote_manifest struct remote_manifest m = {};
        cleanup_reference struct reference r = {};
        cleanup_json json_object *tree = NULL;
        cleanup_free char *name = NULL;

        if (o->raw && !string_empty(o->format))
                return error_set(err, ERROR_INVALID, "format and raw cannot be used together");
        if (imagetools_reference(text, &r, &name, err) < 0 || imagetools_get(cli, &r, name, &m, err) < 0)
                return -1;
        if (o->raw) {
                fwrite(m.text, 1, m.len, stdout);
                return 0;
        }
        if (json_parse_text(m.text, m.len, &tree, err) < 0)
                return error_context(err, "%s", name);
        if (!string_empty(o->format) && !string_after(o->format, "{{.Manifest"))
                return print_template(cli, &r, name, &m, tree, o->format, err);
        print_text(&r, name, &m, tree);
        return 0;
}

static int run_inspect(struct cli *cli, struct invocation *call, struct error *err)
{
        if (strv_length(call->args) != 1) {
                fprintf(stderr,
                        "ERROR: %s: '%s' requires 1 argument\n\nUsage:  %s [OPTIONS] NAME\n\nRun '%s --help' "
                        "for more information\n",
                        cli->program, call->path, call->path, call->path);
                return 1;
        }
        return inspect(cli, call->values, call->args[0], err) < 0 ? error_context(err, "ERROR") : 0;
}

static const struct command inspect_command = {
        .name = "inspect",
        .usage = "[OPTIONS] NAME",
        .summary = "Show details of an image in the registry",
        COMMAND_OPTIONS(inspect_options, struct inspect),
        .max_args = -1,
        .run = run_inspect,
};
static const struct command *const commands[] = { &imagetools_create_command, &inspect_command, NULL };
const struct command imagetools_command = {
        .name = "imagetools",
        .usage = "[OPTIONS] COMMAND",
        .summary = "Commands to work on images in registry",
        .commands = commands,
};
