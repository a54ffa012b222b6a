/* buildx imagetools create: an index out of images that are in registries already. */
#include "base/fd.h"
#include "base/time.h"
#include "cli/imagetools.h"
#include "oci/image.h"

#include <stdio.h>

#define FILE_MAX (4 << 20)

struct create {
        char **annotations, **files, **platforms, **tags;
        char *builder, *progress;
        bool append, debug, dry_run;
        char *prefer_index;
};
static const struct option create_options[] = {
        OPTION_ROW("annotation", 0, OPTION_KIND_LIST, struct create, annotations, "stringArray",
                   "Add annotation to the image"),
        OPTION_BOOL("append", 0, struct create, append, "Append to existing manifest"),
        OPTION_STRING("builder", 0, struct create, builder, "Override the configured builder instance"),
        OPTION_BOOL("debug", 'D', struct create, debug, "Enable debug logging"),
        OPTION_BOOL("dry-run", 0, struct create, dry_run, "Show final image instead of pushing"),
        OPTION_ROW("file", 'f', OPTION_KIND_LIST, struct create, files, "stringArray",
                   "Read source descriptor from file"),
        OPTION_ROW("platform", 'p', OPTION_KIND_LIST, struct create, platforms, "stringArray",
                   "Filter specified platforms of target image"),
        { .name = "prefer-index",
          .kind = OPTION_KIND_STRING,
          .offset = offsetof(struct create, prefer_index),
          .help = "When only a single source is specified,\nprefer outputting an image index or\nmanifest "
                  "list instead of "
                  "performing a\ncarbon copy (default true)",
          .implied = "true" },
        OPTION_STRING("progress", 0, struct create, progress,
                      "Set type of progress output (\"auto\",\n\"none\", \"plain\", \"rawjson\", \"tty\"). "
                      "Use\nplain to show "
                      "container output (default\n\"auto\")"),
        OPTION_ROW("tag", 't', OPTION_KIND_LIST, struct create, tags, "stringArray",
                   "Set reference for new image"),
};

/* One source: what it names, and where it is. */
struct source {
        struct reference reference; /* with digest */
        char *name;                 /* as given, for the messages */
        json_object *descriptor;
        struct remote_manifest manifest; /* of those given by name */
};

struct work {
        struct cli *cli;
        const struct create *o;
        struct source *sources;
        size_t n_sources;
        json_object *manifests; /* of the new index */
        char **origins;         /* for each of them the reference that it comes from */
        char *text;             /* the new manifest */
        const char *media_type;
        char *carbon_type;
        int64_t start;
};

static void work_deinit(struct work *w)
{
        for (size_t i = 0; i < w->n_sources; i++) {
                reference_deinit(&w->sources[i].reference);
                remote_manifest_deinit(&w->sources[i].manifest);
                json_object_put(w->sources[i].descriptor);
                free(w->sources[i].name);
        }
        free(w->sources);
        json_object_put(w->manifests);
        strv_free(w->origins);
        free(w->text);
        free(w->carbon_type);
}
#define cleanup_work __attribute__((cleanup(work_deinit)))

/* ---- Sources ---- */

static json_object *describe(const struct remote_manifest *m)
{
        json_object *descriptor = json_object_new_object();

        json_set_string(descriptor, "mediaType", m->media_type);
        json_set_string(descriptor, "digest", m->digest);
        json_object_object_add(descriptor, "size", json_object_new_int64((int64_t)m->len));
        return descriptor;
}

static int add_named(struct work *w, const char *text, struct error *err)
{
        struct source s = {};
        cleanup_json json_object *config = NULL;
        int r = imagetools_reference(text, &s.reference, &s.name, err);

        if (r == 0)
                r = imagetools_get(w->cli, &s.reference, s.name, &s.manifest, err);
        if (r == 0) {
                s.descriptor = describe(&s.manifest);
                replace_string(&s.reference.digest, s.manifest.digest);
                if (!media_type_is_index(s.manifest.media_type))
                        r = registry_get_config(w->cli, &s.reference, false, &s.manifest, &config, err);
                if (config)
                        json_object_object_add(s.descriptor, "platform", config_platform(config));
        }
        ARRAY_APPEND(w->sources, w->n_sources, s);
        return r;
}

/* A descriptor as JSON; it lies in the repository of the first tag. */
static int add_descriptor(struct work *w, const char *text, size_t len, struct error *err)
{
        struct source s = {};
        const char *where = w->o->tags ? w->o->tags[0] : w->n_sources ? w->sources[0].name : NULL;
        cleanup_json json_object *tree = NULL;

        if (json_parse_text(text, len, &tree, err) < 0)
                return -1;
        if (string_empty(json_get_string(tree, "digest")) || string_empty(json_get_string(tree, "mediaType")))
                return error_set(err, ERROR_INVALID, "a descriptor needs mediaType and digest");
        if (!where)
                return error_set(err, ERROR_INVALID,
                                 "no repositories specified, please set a reference in tag or source");
        if (imagetools_reference(where, &s.reference, &s.name, err) < 0)
                return -1;
        replace_string(&s.reference.digest, json_get_string(tree, "digest"));
        s.descriptor = take_ptr(tree);
        ARRAY_APPEND(w->sources, w->n_sources, s);
        return 0;
}

static int add_file(struct work *w, const char *path, struct error *err)
{
        cleanup_free char *text = NULL;
        size_t len;

        if (file_read(AT_FDCWD, path, FILE_MAX, &text, &len, err) < 0)
                return -1;
        return add_descriptor(w, text, len, err) < 0 ? error_context(err, "%s", path) : 0;
}

static int add_sources(struct work *w, char *const *args, struct error *err)
{
        if (w->o->append && add_named(w, w->o->tags[0], err) < 0)
                return -1;
        for (; *args; args++)
                if ((**args == '{' ? add_descriptor(w, *args, strlen(*args), err)
                                   : add_named(w, *args, err)) < 0)
                        return -1;
        for (char **file = w->o->files; file && *file; file++)
                if (add_file(w, *file, err) < 0)
                        return -1;
        return 0;
}

/* ---- The new index ---- */

static int platform_wanted(const struct work *w, json_object *descriptor, bool *ret, struct error *err)
{
        cleanup_platform struct platform have = {};
        json_object *platform = json_get(descriptor, "platform");

        *ret = !w->o->platforms;
        if (*ret || !platform || json_bind(&platform_table, platform, &have, err) < 0)
                return *ret || !platform ? 0 : -1;
        for (char **text = w->o->platforms; *text; text++) {
                cleanup_platform struct platform want = {};

                if (platform_parse(*text, &want, err) < 0)
                        return -1;
                *ret |= platform_match(&want, &have, true) > 0;
        }
        return 0;
}

/* Takes a reference. The same image for the same platform is there once. */
static int add_manifest(struct work *w, const struct source *s, json_object *descriptor, struct error *err)
{
        bool wanted;

        if (platform_wanted(w, descriptor, &wanted, err) < 0)
                return -1;
        for (size_t i = 0; wanted && i < json_object_array_length(w->manifests); i++) {
                json_object *other = json_object_array_get_idx(w->manifests, i);

                wanted = !streq(json_get_string(other, "digest"), json_get_string(descriptor, "digest")) ||
                         !json_object_equal(json_get(other, "platform"), json_get(descriptor, "platform"));
        }
        if (!wanted)
                return 0;
        json_object_array_add(w->manifests, json_object_get(descriptor));
        strv_append(&w->origins, s->name);
        return 0;
}

static int add_source(struct work *w, const struct source *s, struct error *err)
{
        cleanup_json json_object *tree = NULL;
        json_object *list;

        if (!s->manifest.text || !media_type_is_index(s->manifest.media_type))
                return add_manifest(w, s, s->descriptor, err);
        if (json_parse_text(s->manifest.text, s->manifest.len, &tree, err) < 0)
                return error_context(err, "%s", s->name);
        list = json_get(tree, "manifests");
        for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
             i++)
                if (add_manifest(w, s, json_object_array_get_idx(list, i), err) < 0)
                        return -1;
        return 0;
}

static const char *index_type(const struct work *w)
{
        if (w->o->annotations)
                return MEDIA_OCI_INDEX;
        for (size_t i = 0; i < json_object_array_length(w->manifests); i++)
                if (!streq(json_get_string(json_object_array_get_idx(w->manifests, i), "mediaType"),
                           MEDIA_DOCKER_MANIFEST))
                        return MEDIA_OCI_INDEX;
        return MEDIA_DOCKER_LIST;
}

/* "KEY=VALUE", "index:KEY=VALUE", "manifest-descriptor[linux/amd64]:KEY=VALUE". */
static int add_annotation(struct work *w, json_object *index, const char *text, struct error *err)
{
        const char *equals = strchr(text, '='),
                   *colon = equals ? memchr(text, ':', (size_t)(equals - text)) : NULL;
        cleanup_free char *kind = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup("index");
        const char *start = colon ? colon + 1 : text;
        cleanup_free char *key = equals ? xstrndup(start, (size_t)(equals - start)) : NULL;
        json_object *targets = w->manifests, *annotations;

        if (string_empty(key))
                return error_set(err, ERROR_INVALID, "invalid annotation \"%s\", expected key=value", text);
        if (streq(kind, "index")) {
                annotations = json_get(index, "annotations");
                if (!annotations)
                        json_object_object_add(index, "annotations", annotations = json_object_new_object());
                json_set_string(annotations, key, equals + 1);
                return 0;
        }
        if (!string_after(kind, "manifest-descriptor"))
                return error_set(err, ERROR_INVALID, "\"%s\" annotations are not supported yet", kind);
        for (size_t i = 0; i < json_object_array_length(targets); i++) {
                json_object *descriptor = json_object_array_get_idx(targets, i),
                            *platform = json_get(descriptor, "platform");
                cleanup_free char *only = string_format(
                    "manifest-descriptor[%s/%s%s%s]", json_get_string(platform, "os"),
                    json_get_string(platform, "architecture"),
                    json_get_string(platform, "variant") ? "/" : "",
                    json_get_string(platform, "variant") ? json_get_string(platform, "variant") : "");

                if (!streq(kind, "manifest-descriptor") && !streq(kind, only))
                        continue;
                annotations = json_get(descriptor, "annotations");
                if (!annotations)
                        json_object_object_add(descriptor, "annotations",
                                               annotations = json_object_new_object());
                json_set_string(annotations, key, equals + 1);
        }
        return 0;
}

static int make_index(struct work *w, struct error *err)
{
        cleanup_json json_object *index = json_object_new_object();

        for (size_t i = 0; i < w->n_sources; i++)
                if (add_source(w, &w->sources[i], err) < 0)
                        return -1;
        if (json_object_array_length(w->manifests) == 0)
                return error_set(err, ERROR_INVALID, "no manifests match the specified platforms");
        w->media_type = index_type(w);
        json_object_object_add(index, "schemaVersion", json_object_new_int(2));
        json_set_string(index, "mediaType", w->media_type);
        json_object_object_add(index, "manifests", json_object_get(w->manifests));
        for (char **text = w->o->annotations; text && *text; text++)
                if (add_annotation(w, index, *text, err) < 0)
                        return -1;
        w->text = json_format_pretty(index, 2);
        return 0;
}

/* One source that can be taken as it is. */
static bool is_carbon_copy(const struct work *w)
{
        const struct source *s = &w->sources[0];

        return w->n_sources == 1 && s->manifest.text && !w->o->annotations && !w->o->platforms &&
               (media_type_is_index(s->manifest.media_type) || streq(w->o->prefer_index, "false"));
}

static int make(struct work *w, struct error *err)
{
        const struct source *s = &w->sources[0];

        w->manifests = json_object_new_array();
        if (!is_carbon_copy(w))
                return make_index(w, err);
        w->text = xstrdup(s->manifest.text);
        w->carbon_type = xstrdup(s->manifest.media_type);
        w->media_type = w->carbon_type;
        return add_source(w, s, err);
}

/* ---- Pushing ---- */

static void say(const struct work *w, size_t number, const char *what, const char *text)
{
        double seconds = (double)(time_monotonic() - w->start) / (double)NSEC_PER_SEC;

        if (streq(w->o->progress, "none") || streq(w->o->progress, "quiet"))
                return;
        if (number == 0)
                fprintf(stderr, "%s%s\n", what, text);
        else if (string_after(what, "DONE"))
                fprintf(stderr, "#%zu DONE %.1fs\n", number, seconds);
        else
                fprintf(stderr, "#%zu %.3f %s%s\n", number, seconds, what, text);
}

static int copy_one(struct work *w, size_t index, size_t number, const struct reference *to,
                    const char *to_name, struct error *err)
{
        const char *digest = json_get_string(json_object_array_get_idx(w->manifests, index), "digest");
        cleanup_reference struct reference from = {};
        cleanup_free char *what = NULL;

        if (reference_parse(w->origins[index], &from, err) < 0)
                return -1;
        replace_string(&from.digest, digest);
        what = string_format("copying %s from %s to ", digest, w->origins[index]);
        say(w, number, what, to_name);
        return registry_copy_manifest(w->cli, &from, to, false, err);
}

static int push_tag(struct work *w, const char *tag, size_t number, struct error *err)
{
        cleanup_reference struct reference to = {};
        cleanup_free char *name = NULL, *head = string_format("#%zu [internal] pushing ", number),
                          *what = NULL;
        struct remote_manifest made = {};

        w->start = time_monotonic();
        if (imagetools_reference(tag, &to, &name, err) < 0)
                return -1;
        say(w, 0, head, name);
        for (size_t i = 0; i < json_object_array_length(w->manifests); i++)
                if (copy_one(w, i, number, &to, name, err) < 0)
                        return -1;
        if (registry_put_manifest(w->cli, &to, false, w->media_type, w->text, made.digest, err) < 0)
                return -1;
        what = string_format("pushing %s to ", made.digest);
        say(w, number, what, name);
        say(w, number, "DONE", "");
        return 0;
}

static int create(struct cli *cli, const struct create *o, char *const *args, struct error *err)
{
        cleanup_work struct work w = { .cli = cli, .o = o };

        if (!o->tags && !o->dry_run)
                return error_set(err, ERROR_INVALID,
                                 "can't push with no tags specified, please set --tag or --dry-run");
        if (!*args && !o->files)
                return error_set(err, ERROR_INVALID, "no sources specified");
        if (o->append && !o->tags)
                return error_set(err, ERROR_INVALID, "can't append with no tags specified, please set --tag");
        if (add_sources(&w, args, err) < 0 || make(&w, err) < 0)
                return -1;
        if (o->dry_run) {
                puts(w.text);
                return 0;
        }
        for (size_t i = 0; o->tags[i]; i++)
                if (push_tag(&w, o->tags[i], i + 1, err) < 0)
                        return -1;
        return 0;
}

static int run_create(struct cli *cli, struct invocation *call, struct error *err)
{
        return create(cli, call->values, call->args, err) < 0 ? error_context(err, "ERROR") : 0;
}

const struct command imagetools_create_command = {
        .name = "create",
        .usage = "[OPTIONS] [SOURCE...]",
        .summary = "Create a new image based on source images",
        COMMAND_OPTIONS(create_options, struct create),
        .max_args = -1,
        .run = run_create,
};
