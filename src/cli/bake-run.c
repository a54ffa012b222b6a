/* `buildx bake`: prints, lists or builds what bake.c resolves. */
#include "base/fd.h"
#include "cli/bake.h"
#include "cli/build.h"
#include "cli/buildx.h"

#include <stdio.h>

struct bake_flags {
        char **allow, **file, **set;
        char *builder, *call, *list, *metadata_file, *progress, *provenance, *sbom;
        bool check, load, no_cache, print, pull, push;
};
static const struct option bake_options[] = {
        OPTION_ROW("allow", 0, OPTION_KIND_LIST, struct bake_flags, allow, "stringArray",
                   "Allow build to access specified resources"),
        BUILDX_BUILDER_OPTION(struct bake_flags),
        OPTION_STRING("call", 0, struct bake_flags, call,
                      "Set method for evaluating build (\"check\", \"outline\", \"targets\")", "\"build\""),
        OPTION_BOOL("check", 0, struct bake_flags, check, "Shorthand for \"--call=check\""),
        OPTION_ROW("file", 'f', OPTION_KIND_LIST, struct bake_flags, file, "stringArray",
                   "Build definition file"),
        OPTION_STRING("list", 0, struct bake_flags, list, "List targets or variables"),
        OPTION_BOOL("load", 0, struct bake_flags, load,
                    "Shorthand for \"--set=*.output=type=docker\". Conditional."),
        OPTION_STRING("metadata-file", 0, struct bake_flags, metadata_file,
                      "Write build result metadata to a file"),
        OPTION_BOOL("no-cache", 0, struct bake_flags, no_cache, "Do not use cache when building the image"),
        OPTION_BOOL("print", 0, struct bake_flags, print, "Print the options without building"),
        OPTION_STRING("progress", 0, struct bake_flags, progress,
                      "Set type of progress output (\"auto\", \"none\",  \"plain\", \"quiet\", \"rawjson\", "
                      "\"tty\"). Use "
                      "plain to show container output",
                      "\"auto\""),
        OPTION_STRING("provenance", 0, struct bake_flags, provenance,
                      "Shorthand for \"--set=*.attest=type=provenance\""),
        OPTION_BOOL("pull", 0, struct bake_flags, pull, "Always attempt to pull all referenced images"),
        OPTION_BOOL("push", 0, struct bake_flags, push,
                    "Shorthand for \"--set=*.output=type=registry\". Conditional."),
        OPTION_STRING("sbom", 0, struct bake_flags, sbom, "Shorthand for \"--set=*.attest=type=sbom\""),
        OPTION_ROW("set", 0, OPTION_KIND_LIST, struct bake_flags, set, "stringArray",
                   "Override target value (e.g., \"targetpattern.key=value\")"),
};

/* ---- --list ---- */

static int print_list(struct bake *b, const char *what, struct error *err)
{
        cleanup_free char *kind = xstrndup(what, strcspn(what, ","));
        bool json = strstr(what, "format=json") != NULL, variables = streq(kind, "variables");
        cleanup_json json_object *rows = NULL;

        if (string_after(kind, "type="))
                variables = streq(kind, "type=variables");
        else if (!variables && !streq(kind, "targets"))
                return error_set(err, ERROR_INVALID, "invalid list type %s", kind);
        if ((variables ? bake_list_variables(b, &rows, err) : bake_list_targets(b, &rows, err)) < 0)
                return -1;
        if (json) {
                cleanup_free char *text = json_format_pretty(rows, 2);

                puts(text);
                return 0;
        }
        puts(variables ? "VARIABLE\tTYPE\tVALUE\tDESCRIPTION" : "TARGET\tDESCRIPTION");
        for (size_t i = 0; i < json_object_array_length(rows); i++) {
                json_object *row = json_object_array_get_idx(rows, i);

                if (variables)
                        printf("%s\t\t\t%s\t%s\n", json_get_string(row, "name"),
                               json_get_string(row, "value"), json_get_string(row, "description"));
                else
                        printf("%s\t%s\n", json_get_string(row, "name"), json_get_string(row, "description"));
        }
        return 0;
}

/* ---- --print ---- */

/* "type=local,dest=out" → {"dest":"out","type":"local"} */
static json_object *entry_object(json_object *in)
{
        cleanup_strv char **fields = NULL;
        json_object *out;

        if (!json_object_is_type(in, json_type_string))
                return json_object_get(in);
        fields = strv_split(json_object_get_string(in), ',');
        out = json_object_new_object();
        for (char **f = fields; *f; f++) {
                char *equals = strchr(*f, '=');

                if (!equals) {
                        json_object_put(out);
                        return json_object_get(in);
                }
                *equals = 0;
                json_set_string(out, *f, equals + 1);
        }
        return out;
}

/* An empty tag is none. */
static void drop_empty(json_object *list)
{
        for (size_t i = json_object_array_length(list); i > 0; i--) {
                json_object *item = json_object_array_get_idx(list, i - 1);

                if (!item || streq(json_object_get_string(item), ""))
                        json_object_array_del_idx(list, i - 1, 1);
        }
}

static void shape(json_object *target)
{
        static const char *const entries[] = {
                "output", "cache-from", "cache-to", "secret", "ssh", "attest"
        };
        json_object *tags = json_get(target, "tags");

        if (json_object_is_type(tags, json_type_array))
                drop_empty(tags);
        for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
                json_object *list = json_get(target, entries[i]), *shaped = json_object_new_array();

                for (size_t n = 0;
                     json_object_is_type(list, json_type_array) && n < json_object_array_length(list); n++)
                        json_object_array_add(shaped, entry_object(json_object_array_get_idx(list, n)));
                if (json_object_array_length(shaped))
                        json_object_object_add(target, entries[i], shaped);
                else
                        json_object_put(shaped);
        }
        json_object_object_del(target, "description");
}

static void print_definition(json_object *resolved)
{
        cleanup_free char *text = NULL;

        json_object_object_foreach(json_get(resolved, "target"), name, target)
        {
                (void)name;
                shape(target);
        }
        text = json_format_pretty(resolved, 2);
        puts(text);
}

/* ---- Building ---- */

struct bake_run {
        struct cli *cli;
        const struct bake_flags *flags;
        json_object *targets, *ids, *metadata; /* ids: of those that are built */
};

static const char *text_of(json_object *target, const char *name)
{
        json_object *value = json_get(target, name);

        return value ? json_object_get_string(value) : NULL;
}

/* {"dest":"out","type":"local"} → "type=local,dest=out" */
static char *entry_text(json_object *in)
{
        struct strbuf text = {};

        if (!json_object_is_type(in, json_type_object))
                return xstrdup(json_object_get_string(in));
        json_object_object_foreach(in, key, value)
            strbuf_addf(&text, "%s%s=%s", text.len ? "," : "", key, json_object_get_string(value));
        return strbuf_take(&text);
}

static void add_list(char ***list, json_object *target, const char *name)
{
        json_object *value = json_get(target, name);

        for (size_t i = 0; json_object_is_type(value, json_type_array) && i < json_object_array_length(value);
             i++)
                if (json_object_array_get_idx(value, i))
                        strv_append_take(list, entry_text(json_object_array_get_idx(value, i)));
}

/* "NAME=value" of a map; null is "the environment's" for arguments. */
static void add_map(char ***list, json_object *target, const char *name)
{
        json_object *map = json_get(target, name);

        if (!map)
                return;
        json_object_object_foreach(map, key, value) strv_append_take(
            list, value ? string_format("%s=%s", key, json_object_get_string(value)) : xstrdup(key));
}

static int build_target(struct bake_run *run, const char *name, struct error *err);

/* A context that is another target's result is built first, and then is an image. */
static int add_contexts(struct bake_run *run, json_object *target, char ***list, struct error *err)
{
        json_object *contexts = json_get(target, "contexts");

        if (!contexts)
                return 0;
        json_object_object_foreach(contexts, name, value)
        {
                const char *place = json_object_get_string(value) ?: "",
                           *other = string_after(place, "target:");

                if (other && build_target(run, other, err) < 0)
                        return -1;
                strv_append_take(list, other ? string_format("%s=docker-image://%s", name,
                                                             json_get_string(run->ids, other))
                                             : string_format("%s=%s", name, place));
        }
        return 0;
}

/* Is the target the context of another? */
static bool is_needed(const struct bake_run *run, const char *name)
{
        json_object_object_foreach(run->targets, other, target)
        {
                json_object *contexts = json_get(target, "contexts");

                (void)other;
                if (!contexts)
                        continue;
                json_object_object_foreach(contexts, key, place)
                {
                        (void)key;
                        if (streq(string_after(json_object_get_string(place) ?: "", "target:"), name))
                                return true;
                }
        }
        return false;
}

static void free_flags(struct build_flags *f)
{
        char ***lists[] = { &f->add_host,  &f->allow,         &f->annotation,
                            &f->build_arg, &f->build_context, &f->cache_from,
                            &f->cache_to,  &f->label,         &f->no_cache_filter,
                            &f->output,    &f->platform,      &f->secret,
                            &f->ssh,       &f->tag,           &f->ulimit };

        for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
                strv_free(*lists[i]);
        free(f->file);
}

static void set_flags(struct bake_run *run, json_object *target, struct build_flags *f)
{
        const struct bake_flags *own = run->flags;
        json_object *tags = json_get(target, "tags");

        if (json_object_is_type(tags, json_type_array))
                drop_empty(tags);
        add_list(&f->tag, target, "tags");
        add_list(&f->cache_from, target, "cache-from");
        add_list(&f->cache_to, target, "cache-to");
        add_list(&f->output, target, "output");
        add_list(&f->platform, target, "platforms");
        add_list(&f->secret, target, "secret");
        add_list(&f->ssh, target, "ssh");
        add_list(&f->no_cache_filter, target, "no-cache-filter");
        add_list(&f->annotation, target, "annotations");
        add_list(&f->ulimit, target, "ulimits");
        add_list(&f->allow, target, "entitlements");
        add_map(&f->build_arg, target, "args");
        add_map(&f->label, target, "labels");
        add_map(&f->add_host, target, "extra-hosts");
        f->target = (char *)text_of(target, "target");
        f->network = (char *)text_of(target, "network");
        f->dockerfile_text = text_of(target, "dockerfile-inline");
        f->no_cache = own->no_cache || json_get_bool(target, "no-cache");
        f->pull = own->pull || json_get_bool(target, "pull");
        f->push = own->push && f->tag;
        f->load = own->load;
        f->builder = own->builder;
        f->progress = own->progress;
        f->call = own->call;
        f->check = own->check;
        f->provenance = own->provenance;
        f->sbom = own->sbom;
        for (char **a = own->allow; a && *a; a++)
                if (!string_after(*a, "fs") && !streq(*a, "ssh"))
                        strv_append(&f->allow, *a);
}

static int build_target(struct bake_run *run, const char *name, struct error *err)
{
        json_object *target = json_get(run->targets, name), *metadata = NULL;
        struct build_flags f = {};
        cleanup_free char *id = NULL;
        const char *context = text_of(target, "context") ?: ".", *dockerfile = text_of(target, "dockerfile");
        int r;

        if (json_get(run->ids, name))
                return 0;
        set_flags(run, target, &f);
        if (!f.dockerfile_text && !streq(dockerfile, "Dockerfile"))
                f.file = *dockerfile == '/' || strstr(context, "://")
                             ? xstrdup(dockerfile)
                             : string_format("%s/%s", context, dockerfile);
        if (is_needed(run, name) && f.output)
                strv_append(&f.output, "type=docker");
        r = add_contexts(run, target, &f.build_context, err);
        if (r == 0)
                r = build_with_flags(run->cli, &f, context, &id, &metadata, err);
        if (r == 0) {
                json_set_string(run->ids, name, id ?: "");
                json_object_object_add(run->metadata, name, metadata);
        }
        free_flags(&f);
        return r < 0 ? error_context(err, "target %s", name) : r;
}

static int build_all(struct cli *cli, const struct bake_flags *f, json_object *resolved, struct error *err)
{
        cleanup_json json_object *ids = json_object_new_object(), *metadata = json_object_new_object();
        struct bake_run run = { cli, f, json_get(resolved, "target"), ids, metadata };
        cleanup_free char *text = NULL;

        json_object_object_foreach(run.targets, name, target)
        {
                (void)target;
                if (build_target(&run, name, err) < 0)
                        return -1;
        }
        if (string_empty(f->metadata_file))
                return 0;
        text = json_format_pretty(metadata, 2);
        return file_replace(AT_FDCWD, f->metadata_file, text, strlen(text), 0644, false, err);
}

/* The files that bake looks for by itself, in its order. */
static char **default_files(void)
{
        static const char *const names[] = {
                "compose.yaml",     "compose.yml",     "docker-compose.yml",        "docker-compose.yaml",
                "docker-bake.json", "docker-bake.hcl", "docker-bake.override.json", "docker-bake.override.hcl"
        };
        char **found = strv_new();
        bool bake = access("docker-bake.json", F_OK) == 0 || access("docker-bake.hcl", F_OK) == 0;

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (access(names[i], F_OK) == 0 && (!bake || string_after(names[i], "docker-bake")))
                        strv_append(&found, names[i]);
        return found;
}

static int bake(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct bake_flags *f = call->values;
        cleanup_strv char **files = f->file ? strv_copy(f->file) : default_files();
        cleanup_bake struct bake *b = NULL;
        cleanup_json json_object *resolved = NULL;

        if (!*files)
                return error_set(err, ERROR_NOT_FOUND, "couldn't find a bake definition");
        if (buildx_select(cli, f->builder, NULL, err) < 0 || bake_open(files, &b, err) < 0)
                return -1;
        for (char **set = f->set; set && *set; set++)
                if (bake_override(b, *set, err) < 0)
                        return -1;
        if (!string_empty(f->list))
                return print_list(b, f->list, err);
        if (bake_resolve(b, call->args, &resolved, err) < 0)
                return -1;
        if (f->print) {
                print_definition(resolved);
                return 0;
        }
        return build_all(cli, f, resolved, err);
}

static int run_bake(struct cli *cli, struct invocation *call, struct error *err)
{
        int r = bake(cli, call, err);

        return r < 0 ? error_context(err, "ERROR") : r;
}

const struct command buildx_bake_command = {
        .name = "bake",
        .usage = "[OPTIONS] [TARGET...]",
        .summary = "Build from a file",
        .aliases = "buildx bake, buildx f",
        COMMAND_OPTIONS(bake_options, struct bake_flags),
        .max_args = -1,
        .run = run_bake,
        .also = "f",
};
