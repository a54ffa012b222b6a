/* manifest inspect, create, annotate, push, rm. */
#include "base/base64.h"
#include "cli/manifest-store.h"
#include "cli/registry-call.h"
#include "oci/image.h"

#include <stdio.h>

#define EXPERIMENTAL(path)                                                                                   \
        "\n\nEXPERIMENTAL:\n  docker " path " is an experimental feature.\n"                                 \
        "  Experimental features provide early access to product functionality. These\n"                     \
        "  features may change between releases without warning, or can be removed from a\n"                 \
        "  future release. Learn more about experimental features in our documentation:\n"                   \
        "  https://docs.docker.com/go/experimental/"

static int parse_name(const char *text, struct reference *ret, char **ret_whole, struct error *err)
{
        if (reference_parse(text, ret, err) < 0)
                return -1;
        reference_default_tag(ret);
        *ret_whole = reference_format(ret);
        return 0;
}

/* As Go indents by tabs. */
static void print_tabbed(json_object *tree)
{
        cleanup_free char *text = json_format_pretty(tree, 1);

        for (const char *p = text; *p; p++) {
                putchar(*p);
                for (; *p == '\n' && p[1] == ' '; p++)
                        putchar('\t');
        }
        putchar('\n');
}

/* ---- Entries ---- */

static json_object *make_entry(const char *name, const struct remote_manifest *m, json_object *platform,
                               json_object *manifest)
{
        json_object *entry = json_object_new_object(), *descriptor = json_object_new_object();
        cleanup_free char *raw = base64_encode(m->text, m->len, false);

        json_set_string(entry, "Ref", name);
        json_set_string(descriptor, "mediaType", m->media_type);
        json_set_string(descriptor, "digest", m->digest);
        json_object_object_add(descriptor, "size", json_object_new_int64((int64_t)m->len));
        json_object_object_add(descriptor, "platform", platform);
        json_object_object_add(entry, "Descriptor", descriptor);
        json_set_string(entry, "Raw", raw);
        json_object_object_add(
            entry, streq(m->media_type, MEDIA_OCI_MANIFEST) ? "OCIManifest" : "SchemaV2Manifest", manifest);
        return entry;
}

static json_object *entry_manifest(json_object *entry)
{
        json_object *oci = json_get(entry, "OCIManifest");

        return oci ? oci : json_get(entry, "SchemaV2Manifest");
}

/* The entry of an image in its registry; `platform` NULL: what its config says. */
static int entry_of_manifest(struct cli *cli, const struct reference *r, const char *name, bool insecure,
                             const struct remote_manifest *m, json_object *platform, json_object **ret,
                             struct error *err)
{
        cleanup_json json_object *config = NULL;
        json_object *manifest;

        if (!platform && registry_get_config(cli, r, insecure, m, &config, err) < 0)
                return -1;
        if (json_parse_text(m->text, m->len, &manifest, err) < 0)
                return error_context(err, "%s", name);
        *ret = make_entry(name, m, platform ? json_object_get(platform) : config_platform(config), manifest);
        return 0;
}

static int get_remote(struct cli *cli, const struct reference *r, const char *name, bool insecure,
                      struct remote_manifest *ret, struct error *err)
{
        cleanup_error struct error why = {};

        if (registry_get_manifest(cli, r, insecure, ret, &why) == 0)
                return 0;
        if (error_is(&why, ERROR_NOT_FOUND))
                return error_set(err, ERROR_NOT_FOUND, "no such manifest: %s", name);
        return error_move(err, &why);
}

/* An image for a list: known already, else from its registry. */
static int get_entry(struct cli *cli, const char *list, const char *image, bool insecure, char **ret_name,
                     json_object **ret, struct error *err)
{
        cleanup_remote_manifest struct remote_manifest m = {};
        cleanup_reference struct reference r = {};
        cleanup_free char *name = NULL;

        if (parse_name(image, &r, &name, err) < 0)
                return -1;
        if (manifest_store_get(cli, list, name, ret, NULL) < 0) {
                if (get_remote(cli, &r, name, insecure, &m, err) < 0)
                        return -1;
                if (media_type_is_index(m.media_type))
                        return error_set(err, ERROR_INVALID, "%s is a manifest list", name);
                if (entry_of_manifest(cli, &r, name, insecure, &m, NULL, ret, err) < 0)
                        return -1;
        }
        *ret_name = take_ptr(name);
        return 0;
}

/* ---- Lists as they are pushed ---- */

static const char *list_media_type(json_object *entries)
{
        json_object *first = json_get(json_object_array_get_idx(entries, 0), "Descriptor");

        return streq(json_get_string(first, "mediaType"), MEDIA_OCI_MANIFEST) ? MEDIA_OCI_INDEX
                                                                              : MEDIA_DOCKER_LIST;
}

/* In the order and with the blanks of Docker's, so that the digest is the same. */
static char *list_text(json_object *entries)
{
        static const char *const members[] = { "mediaType", "size", "digest", "platform" };
        cleanup_json json_object *list = json_object_new_object();
        json_object *manifests = json_object_new_array();

        json_object_object_add(list, "schemaVersion", json_object_new_int(2));
        json_set_string(list, "mediaType", list_media_type(entries));
        json_object_object_add(list, "manifests", manifests);
        for (size_t i = 0; i < json_object_array_length(entries); i++) {
                json_object *from = json_get(json_object_array_get_idx(entries, i), "Descriptor"),
                            *to = json_object_new_object();

                for (size_t j = 0; j < ARRAY_SIZE(members); j++)
                        if (json_get(from, members[j]))
                                json_object_object_add(to, members[j],
                                                       json_object_get(json_get(from, members[j])));
                json_object_array_add(manifests, to);
        }
        return json_format_pretty(list, 3);
}

/* ---- inspect ---- */

struct inspect {
        bool insecure, verbose;
};
static const struct option inspect_options[] = {
        OPTION_BOOL("insecure", 0, struct inspect, insecure, "Allow communication with an insecure registry"),
        OPTION_BOOL("verbose", 'v', struct inspect, verbose,
                    "Output additional info including layers and platform"),
};

static void print_entry(json_object *entry, bool verbose)
{
        print_tabbed(verbose ? entry : entry_manifest(entry));
}

static void print_list(json_object *entries, bool verbose)
{
        cleanup_free char *text = NULL;

        if (verbose) {
                print_tabbed(entries);
                return;
        }
        text = list_text(entries);
        puts(text);
}

/* The images of a list in a registry as entries named by digest. Without `verbose` their manifests are not
 * needed. */
static int remote_entries(struct cli *cli, const struct reference *r, bool verbose, bool insecure,
                          const struct remote_manifest *list, json_object **ret, struct error *err)
{
        cleanup_json json_object *tree = NULL, *entries = json_object_new_array();
        json_object *manifests;

        if (json_parse_text(list->text, list->len, &tree, err) < 0)
                return -1;
        manifests = json_get(tree, "manifests");
        for (size_t i = 0;
             json_object_is_type(manifests, json_type_array) && i < json_object_array_length(manifests);
             i++) {
                json_object *descriptor = json_object_array_get_idx(manifests, i), *entry = NULL;
                cleanup_remote_manifest struct remote_manifest m = {};
                struct reference one = { r->domain, r->path, NULL,
                                         (char *)json_get_string(descriptor, "digest") };
                cleanup_free char *name = reference_format(&one);

                if (!verbose) {
                        entry = json_object_new_object();
                        json_object_object_add(entry, "Descriptor", json_object_get(descriptor));
                } else if (get_remote(cli, &one, name, insecure, &m, err) < 0 ||
                           entry_of_manifest(cli, &one, name, insecure, &m, json_get(descriptor, "platform"),
                                             &entry, err) < 0) {
                        return -1;
                }
                json_object_array_add(entries, entry);
        }
        *ret = take_ptr(entries);
        return 0;
}

static int inspect_remote(struct cli *cli, const struct reference *r, const char *name,
                          const struct inspect *o, struct error *err)
{
        cleanup_remote_manifest struct remote_manifest m = {};
        cleanup_json json_object *found = NULL;

        if (get_remote(cli, r, name, o->insecure, &m, err) < 0)
                return -1;
        if (media_type_is_index(m.media_type)) {
                if (remote_entries(cli, r, o->verbose, o->insecure, &m, &found, err) < 0)
                        return -1;
                print_list(found, o->verbose);
                return 0;
        }
        if (!o->verbose) {
                if (json_parse_text(m.text, m.len, &found, err) < 0)
                        return error_context(err, "%s", name);
                print_tabbed(found);
                return 0;
        }
        if (entry_of_manifest(cli, r, name, o->insecure, &m, NULL, &found, err) < 0)
                return -1;
        print_entry(found, true);
        return 0;
}

/* "[LIST] IMAGE": with a list only what is known locally. */
static int run_inspect(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct inspect *o = call->values;
        cleanup_reference struct reference first = {}, second = {};
        cleanup_free char *list = NULL, *image = NULL;
        cleanup_json json_object *found = NULL;

        if (parse_name(call->args[0], &first, &list, err) < 0)
                return -1;
        if (call->args[1]) {
                if (parse_name(call->args[1], &second, &image, err) < 0 ||
                    manifest_store_get(cli, list, image, &found, err) < 0)
                        return -1;
                print_entry(found, o->verbose);
                return 0;
        }
        if (manifest_store_list(cli, list, &found, NULL) < 0)
                return inspect_remote(cli, &first, list, o, err);
        print_list(found, o->verbose);
        return 0;
}

/* ---- create ---- */

struct create {
        bool amend, insecure;
};
static const struct option create_options[] = {
        OPTION_BOOL("amend", 'a', struct create, amend, "Amend an existing manifest list"),
        OPTION_BOOL("insecure", 0, struct create, insecure, "Allow communication with an insecure registry"),
};

static int run_create(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct create *o = call->values;
        cleanup_reference struct reference r = {};
        cleanup_json json_object *known = NULL;
        cleanup_free char *list = NULL;

        if (parse_name(call->args[0], &r, &list, err) < 0)
                return error_context(err, "error parsing name for manifest list %s", call->args[0]);
        if (!o->amend && manifest_store_list(cli, list, &known, NULL) == 0)
                return error_set(err, ERROR_CONFLICT,
                                 "refusing to amend an existing manifest list with no --amend flag");
        for (char **image = call->args + 1; *image; image++) {
                cleanup_json json_object *entry = NULL;
                cleanup_free char *name = NULL;

                if (get_entry(cli, list, *image, o->insecure, &name, &entry, err) < 0 ||
                    manifest_store_save(cli, list, name, entry, err) < 0)
                        return -1;
        }
        printf("Created manifest list %s\n", list);
        return 0;
}

/* ---- annotate ---- */

struct annotate {
        char *arch, *os, *os_version, *variant;
        char **os_features;
};
static const struct option annotate_options[] = {
        OPTION_STRING("arch", 0, struct annotate, arch, "Set architecture"),
        OPTION_STRING("os", 0, struct annotate, os, "Set operating system"),
        OPTION_ROW("os-features", 0, OPTION_KIND_STRINGS, struct annotate, os_features, "strings",
                   "Set operating system feature"),
        OPTION_STRING("os-version", 0, struct annotate, os_version, "Set operating system version"),
        OPTION_STRING("variant", 0, struct annotate, variant, "Set architecture variant"),
};

static bool known_combination(const char *os, const char *arch)
{
        static const char *const known = " darwin/386 darwin/amd64 darwin/arm darwin/arm64 dragonfly/amd64 "
                                         "freebsd/386 freebsd/amd64 freebsd/arm "
                                         "linux/386 linux/amd64 linux/arm linux/arm64 linux/loong64 "
                                         "linux/ppc64le linux/mips64 linux/mips64le linux/riscv64 "
                                         "linux/s390x netbsd/386 netbsd/amd64 netbsd/arm openbsd/386 "
                                         "openbsd/amd64 openbsd/arm plan9/386 plan9/amd64 "
                                         "solaris/amd64 windows/386 windows/amd64 windows/arm windows/arm64 ";
        cleanup_free char *wanted = string_format(" %s/%s ", os ? os : "", arch ? arch : "");

        return strstr(known, wanted) != NULL;
}

/* Platforms are printed with their members in the order of the OCI's documents. */
static json_object *annotated_platform(json_object *have, const struct annotate *o)
{
        cleanup_platform struct platform p = {};

        if (have && json_bind(&platform_table, have, &p, NULL) < 0)
                platform_deinit(&p);
        if (!string_empty(o->os))
                replace_string(&p.os, o->os);
        if (!string_empty(o->arch))
                replace_string(&p.architecture, o->arch);
        for (char **feature = o->os_features; feature && *feature; feature++)
                if (!strv_contains(p.os_features, *feature))
                        strv_append(&p.os_features, *feature);
        if (!string_empty(o->os_version))
                replace_string(&p.os_version, o->os_version);
        if (!string_empty(o->variant))
                replace_string(&p.variant, o->variant);
        return json_unbind(&platform_table, &p);
}

static int run_annotate(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct annotate *o = call->values;
        cleanup_reference struct reference r = {}, image = {};
        cleanup_free char *list = NULL, *name = NULL;
        cleanup_json json_object *entry = NULL;
        json_object *descriptor, *platform;

        if (parse_name(call->args[0], &r, &list, err) < 0)
                return error_context(err, "annotate: error parsing name for manifest list %s", call->args[0]);
        if (parse_name(call->args[1], &image, &name, err) < 0)
                return error_context(err, "annotate: error parsing name for manifest %s", call->args[1]);
        if (manifest_store_get(cli, list, name, &entry, NULL) < 0)
                return error_set(err, ERROR_NOT_FOUND, "manifest for image %s does not exist in %s",
                                 call->args[1], call->args[0]);
        descriptor = json_get(entry, "Descriptor");
        platform = annotated_platform(json_get(descriptor, "platform"), o);
        json_object_object_add(descriptor, "platform", platform);
        if (!known_combination(json_get_string(platform, "os"), json_get_string(platform, "architecture")))
                return error_set(err, ERROR_INVALID,
                                 "manifest entry for image has unsupported os/arch combination: %s/%s",
                                 o->os ? o->os : "", o->arch ? o->arch : "");
        return manifest_store_save(cli, list, name, entry, err);
}

/* ---- push ---- */

struct push {
        bool insecure, purge;
};
static const struct option push_options[] = {
        OPTION_BOOL("insecure", 0, struct push, insecure, "Allow push to an insecure registry"),
        OPTION_BOOL("purge", 'p', struct push, purge, "Remove the local manifest list after push"),
};

/* Images of other repositories come along. */
static int push_images(struct cli *cli, json_object *entries, const struct reference *to, bool insecure,
                       struct error *err)
{
        for (size_t i = 0; i < json_object_array_length(entries); i++) {
                json_object *entry = json_object_array_get_idx(entries, i);
                const char *digest = json_get_string(json_get(entry, "Descriptor"), "digest");
                cleanup_reference struct reference from = {};
                struct reference target = { to->domain, to->path, NULL, (char *)digest };
                cleanup_free char *shown = reference_format(&target);

                if (reference_parse(json_get_string(entry, "Ref"), &from, err) < 0)
                        return -1;
                if (streq(from.domain, to->domain) && streq(from.path, to->path))
                        continue;
                replace_string(&from.digest, digest);
                if (registry_copy_manifest(cli, &from, to, insecure, err) < 0)
                        return -1;
                printf("Pushed ref %s with digest: %s\n", shown, digest);
        }
        return 0;
}

static int check_platforms(json_object *entries, struct error *err)
{
        for (size_t i = 0; i < json_object_array_length(entries); i++) {
                json_object *entry = json_object_array_get_idx(entries, i),
                            *platform = json_get(json_get(entry, "Descriptor"), "platform");

                if (string_empty(json_get_string(platform, "architecture")) ||
                    string_empty(json_get_string(platform, "os")))
                        return error_set(
                            err, ERROR_INVALID,
                            "manifest %s must have an OS and Architecture to be pushed to a registry",
                            json_get_string(entry, "Ref"));
        }
        return 0;
}

static int run_push(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct push *o = call->values;
        cleanup_remote_manifest struct remote_manifest list = {};
        cleanup_reference struct reference r = {};
        cleanup_json json_object *entries = NULL;
        cleanup_free char *name = NULL;

        if (parse_name(call->args[0], &r, &name, err) < 0 ||
            manifest_store_list(cli, name, &entries, err) < 0 || check_platforms(entries, err) < 0)
                return -1;
        list.text = list_text(entries);
        if (push_images(cli, entries, &r, o->insecure, err) < 0 ||
            registry_put_manifest(cli, &r, o->insecure, list_media_type(entries), list.text, list.digest,
                                  err) < 0)
                return -1;
        puts(list.digest);
        return o->purge ? manifest_store_remove(cli, name, err) : 0;
}

/* ---- rm ---- */

static int run_rm(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_strbuf struct strbuf failures = {};

        for (char **text = call->args; *text; text++) {
                cleanup_reference struct reference r = {};
                cleanup_error struct error why = {};
                cleanup_free char *name = NULL;

                if (parse_name(*text, &r, &name, &why) < 0 || manifest_store_remove(cli, name, &why) < 0)
                        strbuf_addf(&failures, "%s%s", failures.len ? "\n" : "", error_message(&why));
        }
        return failures.len ? error_set(err, ERROR_NOT_FOUND, "%s", failures.data) : 0;
}

static const struct command inspect_command = {
        .name = "inspect",
        .usage = "[OPTIONS] [MANIFEST_LIST] MANIFEST",
        .summary = "Display an image manifest, or manifest list",
        .details = "Display an image manifest, or manifest list" EXPERIMENTAL("manifest inspect"),
        COMMAND_OPTIONS(inspect_options, struct inspect),
        .min_args = 1,
        .max_args = 2,
        .run = run_inspect,
};
static const struct command create_command = {
        .name = "create",
        .usage = "MANIFEST_LIST MANIFEST [MANIFEST...]",
        .summary = "Create a local manifest list for annotating and pushing to a registry",
        .details = "Create a local manifest list for annotating and pushing to a registry" EXPERIMENTAL(
            "manifest create"),
        COMMAND_OPTIONS(create_options, struct create),
        .min_args = 2,
        .max_args = -1,
        .run = run_create,
};
static const struct command annotate_command = {
        .name = "annotate",
        .usage = "[OPTIONS] MANIFEST_LIST MANIFEST",
        .summary = "Add additional information to a local image manifest",
        .details = "Add additional information to a local image manifest" EXPERIMENTAL("manifest annotate"),
        COMMAND_OPTIONS(annotate_options, struct annotate),
        .min_args = 2,
        .max_args = 2,
        .run = run_annotate,
};
static const struct command push_list_command = {
        .name = "push",
        .usage = "[OPTIONS] MANIFEST_LIST",
        .summary = "Push a manifest list to a repository",
        .details = "Push a manifest list to a repository" EXPERIMENTAL("manifest push"),
        COMMAND_OPTIONS(push_options, struct push),
        .min_args = 1,
        .max_args = 1,
        .run = run_push,
};
static const struct command rm_command = {
        .name = "rm",
        .usage = "MANIFEST_LIST [MANIFEST_LIST...]",
        .summary = "Delete one or more manifest lists from local storage",
        .details = "Delete one or more manifest lists from local storage" EXPERIMENTAL("manifest rm"),
        .min_args = 1,
        .max_args = -1,
        .run = run_rm,
};
static const struct command *const commands[] = { &annotate_command,  &create_command, &inspect_command,
                                                  &push_list_command, &rm_command,     NULL };
const struct command manifest_command = {
        .name = "manifest",
        .usage = "COMMAND",
        .summary = "Manage Docker image manifests and manifest lists",
        .details = "The **docker manifest** command has subcommands for managing image manifests "
                   "and\nmanifest lists. A manifest "
                   "list allows you to use one name to refer to the same image\nbuilt for multiple "
                   "architectures.\n\n"
                   "To see help for a subcommand, use:\n\n    docker manifest CMD --help\n\n"
                   "For full details on using docker manifest lists, see the registry v2 "
                   "specification." EXPERIMENTAL("manifest"),
        .commands = commands,
        .group = "Management Commands",
};
