/* images */
#include "cli/image-list.h"
#include "base/time.h"
#include "base/units.h"
#include "cli/each.h"
#include "cli/format-help.h"
#include "client/client.h"
#include "oci/reference.h"

#include <stdio.h>

#define NONE "<none>"

static const struct format_field fields[] = {
        { "Containers", "CONTAINERS" },
        { "CreatedAt", "CREATED AT" },
        { "CreatedSince", "CREATED" },
        { "Digest", "DIGEST" },
        { "ID", "IMAGE ID" },
        { "Repository", "REPOSITORY" },
        { "SharedSize", "SHARED SIZE" },
        { "Size", "SIZE" },
        { "Tag", "TAG" },
        { "UniqueSize", "UNIQUE SIZE" },
        { "VirtualSize", "VIRTUAL SIZE" },
};
const struct format_kind image_kind = { "*formatter.imageContext",
                                        "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{if .CreatedSince "
                                        "}}{{.CreatedSince}}{{else}}N/A{{end}}\t{{.Size}}",
                                        "{{.ID}}",
                                        fields,
                                        ARRAY_SIZE(fields),
                                        NULL,
                                        "repository: {{ .Repository }}\ntag: {{.Tag}}\nimage_id: "
                                        "{{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n" };
static const struct format_kind image_digest_kind = {
        "*formatter.imageContext",
        "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{if .CreatedSince "
        "}}{{.CreatedSince}}{{else}}N/A{{end}}\t{{.Size}}",
        "{{.ID}}",
        fields,
        ARRAY_SIZE(fields),
        NULL,
        "repository: {{ .Repository }}\ntag: {{.Tag}}\ndigest: {{.Digest}}\nimage_id: {{.ID}}\ncreated_at: "
        "{{.CreatedAt}}\nvirtual_size: {{.Size}}\n"
};

static void set_taken(json_object *row, const char *name, char *value)
{
        json_set_string(row, name, value);
        free(value);
}

static char *known_size(int64_t size)
{
        return size < 0 ? xstrdup("N/A") : size_format((double)size, 3);
}

static json_object *image_row(json_object *image, const char *repository, const char *tag, const char *digest,
                              bool full)
{
        json_object *row = json_object_new_object();
        int64_t containers = json_get_int64(image, "Containers", -1),
                shared = json_get_int64(image, "SharedSize", -1);
        int64_t size = json_get_int64(image, "Size", 0), created = json_get_int64(image, "Created", 0);

        set_taken(row, "Containers",
                  containers < 0 ? xstrdup("N/A") : string_format("%lld", (long long)containers));
        set_taken(row, "CreatedAt", format_local_time(created));
        set_taken(row, "CreatedSince", format_ago(created));
        json_set_string(row, "Digest", digest);
        set_taken(row, "ID", format_short_id(json_get_string(image, "Id"), full));
        json_set_string(row, "Repository", repository);
        set_taken(row, "SharedSize", shared < 0 ? xstrdup("N/A") : size_format((double)shared, 4));
        set_taken(row, "Size", known_size(size));
        json_set_string(row, "Tag", tag);
        set_taken(row, "UniqueSize", shared < 0 ? xstrdup("N/A") : size_format((double)(size - shared), 4));
        set_taken(row, "VirtualSize", size_format((double)size, 4));
        return row;
}

/* The digests (NULL-terminated) that the image has in this repository; taken ones are marked by an empty
 * string. */
static char **digests_of(char **names, const char *repository)
{
        char **digests = NULL;

        for (; names && *names; names++) {
                cleanup_reference struct reference r = {};
                cleanup_free char *name = NULL;

                if (!**names || reference_parse(*names, &r, NULL) < 0 || !r.digest)
                        continue;
                name = reference_familiar_name(&r);
                if (!streq(name, repository))
                        continue;
                strv_append(&digests, r.digest);
                **names = 0;
        }
        return digests;
}

static char **names_of(json_object *image, const char *member, const char *none)
{
        json_object *list = json_get(image, member);
        char **names = NULL;

        for (size_t i = 0; list && i < json_object_array_length(list); i++) {
                const char *name = json_object_get_string(json_object_array_get_idx(list, i));

                if (!streq(name, none))
                        strv_append(&names, name);
        }
        return names;
}

static void add_tag_rows(json_object *image, const char *repository, char **tags, char **found, bool full,
                         json_object *rows)
{
        for (; tags && *tags; tags++) {
                if (!found || !*found)
                        json_object_array_add(rows, image_row(image, repository, *tags, NONE, full));
                for (char **d = found; d && *d; d++)
                        json_object_array_add(rows, image_row(image, repository, *tags, *d, full));
        }
}

/* All tags of the repository of names[0]; those names are emptied. */
static char **tags_beside(char **names, char **ret_repository)
{
        char **tags = NULL;

        *ret_repository = NULL;
        for (; *names; names++) {
                cleanup_reference struct reference r = {};
                cleanup_free char *repository = NULL;

                if (!**names || reference_parse(*names, &r, NULL) < 0 || !r.tag)
                        continue;
                repository = reference_familiar_name(&r);
                if (*ret_repository && !streq(*ret_repository, repository))
                        continue;
                if (!*ret_repository)
                        *ret_repository = xstrdup(repository);
                strv_append(&tags, r.tag);
                **names = 0;
        }
        return tags;
}

void image_rows(json_object *image, bool digests, bool full, json_object *rows)
{
        cleanup_strv char **tagged = names_of(image, "RepoTags", NONE ":" NONE);
        cleanup_strv char **by_digest = names_of(image, "RepoDigests", NONE "@" NONE);

        if (!tagged && !by_digest) {
                json_object_array_add(rows, image_row(image, NONE, NONE, NONE, full));
                return;
        }
        for (char **name = tagged; name && *name; name++) {
                cleanup_free char *repository = NULL;
                cleanup_strv char **tags = tags_beside(name, &repository), **found = NULL;

                found = repository ? digests_of(by_digest, repository) : NULL;
                add_tag_rows(image, repository, tags, digests ? found : NULL, full, rows);
        }
        for (char **name = by_digest; name && *name; name++) {
                cleanup_reference struct reference r = {};
                cleanup_free char *repository = NULL;
                cleanup_strv char **found = NULL;

                if (!**name || reference_parse(*name, &r, NULL) < 0)
                        continue;
                repository = reference_familiar_name(&r);
                found = digests_of(by_digest, repository);
                if (!digests)
                        json_object_array_add(rows, image_row(image, repository, NONE, "", full));
                for (char **d = found; digests && d && *d; d++)
                        json_object_array_add(rows, image_row(image, repository, NONE, *d, full));
        }
}

/* ---- The command ---- */

struct images {
        bool all, digests, no_trunc, quiet, tree;
        char **filter;
        char *format;
};
static const struct option options[] = {
        OPTION_BOOL("all", 'a', struct images, all, "Show all images (default hides intermediate images)"),
        OPTION_BOOL("digests", 0, struct images, digests, "Show digests"),
        OPTION_FILTER(struct images, filter, "Filter output based on conditions provided"),
        OPTION_FORMAT(struct images, format, FORMAT_HELP_TABLE),
        OPTION_BOOL("no-trunc", 0, struct images, no_trunc, "Don't truncate output"),
        OPTION_BOOL("quiet", 'q', struct images, quiet, "Only show image IDs"),
        OPTION_BOOL("tree", 0, struct images, tree, "List multi-platform images as a tree (EXPERIMENTAL)"),
};

static int show(struct format *f, json_object *list, const struct images *o, bool digests, struct error *err)
{
        for (size_t i = 0; list && i < json_object_array_length(list); i++) {
                cleanup_json json_object *rows = json_object_new_array();

                image_rows(json_object_array_get_idx(list, i), digests, o->no_trunc, rows);
                for (size_t j = 0; j < json_object_array_length(rows); j++)
                        if (format_row(f, json_object_get(json_object_array_get_idx(rows, j)), err) < 0) {
                                format_close(f, NULL);
                                return -1;
                        }
        }
        return format_close(f, err);
}

static int run(struct cli *cli, struct invocation *call, struct error *err)
{
        struct images *o = call->values;
        const char *format =
            o->format || o->quiet ? o->format : json_get_string(cli_config(cli), "imagesFormat");
        cleanup_free char *filters = NULL, *reference = NULL;
        cleanup_query struct client_query q = {};
        cleanup_json json_object *list = NULL;
        struct client *client;
        struct format *f;

        if (o->tree)
                return error_set(err, ERROR_UNSUPPORTED, "--tree: images are not shown as trees yet");
        if (format_open(o->digests ? &image_digest_kind : &image_kind, format, o->quiet, &f, err) < 0)
                return -1;
        if (call->args[0]) {
                reference = string_format("reference=%s", call->args[0]);
                strv_append(&o->filter, reference);
        }
        filters = filters_text(o->filter);
        client_query_init(&q, "/images/json");
        client_query_add_bool(&q, "all", o->all);
        client_query_add(&q, "filters", filters);
        if (cli_client(cli, &client, err) < 0 || client_call(client, "GET", &q, NULL, &list, NULL, err) < 0) {
                format_close(f, NULL);
                return -1;
        }
        return show(f, list, o, o->digests || (format && format_uses(f, "Digest")), err);
}

const struct command images_command = { .name = "images",
                                        .usage = "[OPTIONS] [REPOSITORY[:TAG]]",
                                        .summary = "List images",
                                        .aliases = "image ls, image list, images",
                                        COMMAND_OPTIONS(options, struct images),
                                        .max_args = 1,
                                        .run = run,
                                        .group = "Common Commands" };
const struct command image_ls_command = { .name = "ls",
                                          .also = "list",
                                          .usage = "[OPTIONS] [REPOSITORY[:TAG]]",
                                          .summary = "List images",
                                          .aliases = "image ls, image list, images",
                                          COMMAND_OPTIONS(options, struct images),
                                          .max_args = 1,
                                          .run = run };
