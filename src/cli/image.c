/* rmi, tag, history, image inspect, image prune, and the tree of `image`. */
#include "base/time.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/each.h"
#include "cli/failures.h"
#include "cli/format-help.h"
#include "cli/format.h"
#include "cli/image.h"
#include "cli/inspect.h"
#include "cli/platform-option.h"
#include "client/client.h"
#include "oci/digest.h"
#include "oci/reference.h"

#include <stdio.h>
#include <time.h>

#define COMMENT_SHOWN 45

/* ---- rmi ---- */

struct rmi {
        bool force, no_prune;
        char **platform;
};
static const struct option rmi_options[] = {
        OPTION_BOOL("force", 'f', struct rmi, force, "Force removal of the image"),
        OPTION_BOOL("no-prune", 0, struct rmi, no_prune, "Do not delete untagged parents"),
        OPTION_ROW("platform", 0, OPTION_KIND_STRINGS, struct rmi, platform, "strings",
                   "Remove only the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., "
                   "\"linux/amd64\")"),
};

void image_deletions_print(json_object *list, bool lower, FILE *out)
{
        for (size_t i = 0; list && i < json_object_array_length(list); i++) {
                json_object *entry = json_object_array_get_idx(list, i);
                const char *deleted = json_get_string(entry, "Deleted"),
                           *untagged = json_get_string(entry, "Untagged");

                if (!string_empty(deleted))
                        fprintf(out, "%s: %s\n", lower ? "deleted" : "Deleted", deleted);
                else
                        fprintf(out, "%s: %s\n", lower ? "untagged" : "Untagged", untagged ? untagged : "");
        }
}

static int remove_one(struct cli *cli, const struct rmi *o, const char *name, struct error *err)
{
        cleanup_query struct client_query q = {};
        cleanup_json json_object *list = NULL;
        struct client *client;

        client_query_init(&q, "/images/%s", name);
        client_query_add_bool(&q, "force", o->force);
        client_query_add_bool(&q, "noprune", o->no_prune);
        for (char **p = o->platform; p && *p; p++)
                if (platform_option_add(&q, "platforms", *p, err) < 0)
                        return -1;
        if (cli_client(cli, &client, err) < 0 ||
            client_call(client, "DELETE", &q, NULL, &list, NULL, err) < 0)
                return -1;
        image_deletions_print(list, false, stdout);
        return 0;
}

static int run_rmi(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct rmi *o = call->values;
        cleanup_error struct error failures = {};
        bool fatal = false;

        for (char *const *name = call->args; *name; name++) {
                cleanup_error struct error why = {};

                if (remove_one(cli, o, *name, &why) == 0)
                        continue;
                fatal = fatal || !o->force || !error_is(&why, ERROR_NOT_FOUND);
                failure_add(&failures, &why);
        }
        fflush(stdout);
        if (failures.kind && !fatal)
                fprintf(stderr, "%s\n", error_message(&failures));
        return fatal ? error_move(err, &failures) : 0;
}

/* ---- tag ---- */

static bool is_digest(const char *text)
{
        struct digest d;

        return digest_parse(text, &d, NULL) == 0;
}

static int run_tag(struct cli *cli, struct invocation *call, struct error *err)
{
        const char *source = call->args[0], *target = call->args[1];
        cleanup_reference struct reference from = {}, to = {};
        cleanup_query struct client_query q = {};
        cleanup_free char *name = NULL;
        struct client *client;

        if (!reference_is_id(source) && !is_digest(source) && reference_parse(source, &from, err) < 0)
                return error_context(err, "Error parsing reference: \"%s\" is not a valid repository/tag",
                                     source);
        if (reference_parse(target, &to, err) < 0)
                return error_context(err, "Error parsing reference: \"%s\" is not a valid repository/tag",
                                     target);
        if (to.digest)
                return error_set(err, ERROR_INVALID, "refusing to create a tag with a digest reference");
        reference_default_tag(&to);
        name = reference_familiar_name(&to);
        client_query_init(&q, "/images/%s/tag", source);
        client_query_add(&q, "repo", name);
        client_query_add(&q, "tag", to.tag);
        return cli_client(cli, &client, err) < 0 ? -1
                                                 : client_call(client, "POST", &q, NULL, NULL, NULL, err);
}

/* ---- history ---- */

struct history {
        bool human, no_trunc, quiet;
        char *format, *platform;
};
static const struct option history_options[] = {
        OPTION_FORMAT(struct history, format, FORMAT_HELP_TABLE),
        OPTION_BOOL("human", 'H', struct history, human, "Print sizes and dates in human readable format",
                    "true"),
        OPTION_BOOL("no-trunc", 0, struct history, no_trunc, "Don't truncate output"),
        OPTION_STRING("platform", 0, struct history, platform,
                      "Show history for the given platform. Formatted as \"os[/arch[/variant]]\" (e.g., "
                      "\"linux/amd64\")"),
        OPTION_BOOL("quiet", 'q', struct history, quiet, "Only show image IDs"),
};
static const struct format_field history_fields[] = {
        { "Comment", "COMMENT" },
        { "CreatedAt", "CREATED AT" },
        { "CreatedBy", "CREATED BY" },
        { "CreatedSince", "CREATED" },
        { "ID", "IMAGE" },
        { "Size", "SIZE" },
};
static const struct format_kind history_kinds[] = {
        { "*image.historyContext", "{{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
          "{{.ID}}", history_fields, ARRAY_SIZE(history_fields), NULL },
        { "*image.historyContext", "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
          "{{.ID}}", history_fields, ARRAY_SIZE(history_fields), NULL },
};

/* RFC 3339 in local time. */
static char *local_rfc3339(int64_t seconds)
{
        time_t when = (time_t)seconds;
        struct tm tm;
        char text[40], zone[8];

        localtime_r(&when, &tm);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
        strftime(zone, sizeof(zone), "%z", &tm);
        return tm.tm_gmtoff ? string_format("%s%.3s:%s", text, zone, zone + 3) : string_format("%sZ", text);
}

static void set_taken(json_object *row, const char *name, char *value)
{
        json_set_string(row, name, value);
        free(value);
}

static char *without_tabs(const char *text)
{
        char *copy = xstrdup(text ? text : "");

        for (char *p = copy; *p; p++)
                if (*p == '\t')
                        *p = ' ';
        return copy;
}

static json_object *history_row(json_object *entry, const struct history *o, bool human)
{
        json_object *row = json_object_new_object();
        int64_t created = json_get_int64(entry, "Created", 0), size = json_get_int64(entry, "Size", 0);
        cleanup_free char *by = without_tabs(json_get_string(entry, "CreatedBy"));
        const char *comment = json_get_string(entry, "Comment");

        json_set_string(row, "Comment", comment ? comment : "");
        set_taken(row, "CreatedAt", local_rfc3339(created));
        set_taken(row, "CreatedBy", o->no_trunc ? xstrdup(by) : format_ellipsis(by, COMMENT_SHOWN));
        set_taken(row, "CreatedSince",
                  !human         ? local_rfc3339(created)
                  : created <= 0 ? xstrdup("N/A")
                                 : format_ago(created));
        set_taken(row, "ID", format_short_id(json_get_string(entry, "Id"), o->no_trunc));
        set_taken(row, "Size", human ? size_format((double)size, 3) : string_format("%lld", (long long)size));
        return row;
}

static int run_history(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct history *o = call->values;
        bool human = o->human || !option_given(call, "human");
        cleanup_query struct client_query q = {};
        cleanup_json json_object *list = NULL;
        struct client *client;
        struct format *f;

        client_query_init(&q, "/images/%s/history", call->args[0]);
        if (platform_option_add(&q, "platform", o->platform, err) < 0)
                return -1;
        if (cli_client(cli, &client, err) < 0 || client_call(client, "GET", &q, NULL, &list, NULL, err) < 0)
                return -1;
        if (format_open(&history_kinds[human], o->format, o->quiet, &f, err) < 0)
                return -1;
        for (size_t i = 0; list && i < json_object_array_length(list); i++)
                if (format_row(f, history_row(json_object_array_get_idx(list, i), o, human), err) < 0) {
                        format_close(f, NULL);
                        return -1;
                }
        return format_close(f, err);
}

/* ---- image inspect ---- */

struct image_inspect {
        char *format, *platform;
};
static const struct option inspect_options[] = {
        OPTION_STRING("format", 'f', struct image_inspect, format, FORMAT_HELP_INSPECT),
        OPTION_STRING("platform", 0, struct image_inspect, platform,
                      "Inspect a specific platform of the multi-platform image.\nIf the image or the server "
                      "is not multi-platform capable, the "
                      "command will error out if the platform does not match.\n'os[/arch[/variant]]': "
                      "Explicit platform (eg. linux/amd64)"),
};

static int get_image(struct cli *cli, struct invocation *call, const char *name, json_object **ret,
                     struct error *err)
{
        cleanup_query struct client_query q = {};
        struct client *client;

        client_query_init(&q, "/images/%s/json", name);
        if (platform_option_add(&q, "platform", ((struct image_inspect *)call->values)->platform, err) < 0)
                return -1;
        return cli_client(cli, &client, err) < 0 ? -1 : client_call(client, "GET", &q, NULL, ret, NULL, err);
}

static int run_inspect(struct cli *cli, struct invocation *call, struct error *err)
{
        return inspect_objects(cli, call, ((struct image_inspect *)call->values)->format, get_image, err);
}

/* ---- image prune ---- */

struct image_prune {
        bool all, force;
        char **filter;
};
static const struct option prune_options[] = {
        OPTION_BOOL("all", 'a', struct image_prune, all, "Remove all unused images, not just dangling ones"),
        OPTION_ROW("filter", 0, OPTION_KIND_LIST, struct image_prune, filter, "filter",
                   "Provide filter values (e.g. \"until=<timestamp>\")", NULL, option_check_filter),
        OPTION_BOOL("force", 'f', struct image_prune, force, "Do not prompt for confirmation"),
};

int image_prune(struct cli *cli, bool all, char *const *filters, int64_t *ret_freed, bool *ret_any,
                struct error *err)
{
        cleanup_strv char **with = strv_copy(filters);
        cleanup_query struct client_query q = {};
        cleanup_json json_object *answer = NULL;
        cleanup_free char *text = NULL;
        struct client *client;
        json_object *list;

        strv_append(&with, all ? "dangling=false" : "dangling=true");
        text = filters_text(with);
        client_query_init(&q, "/images/prune");
        client_query_add(&q, "filters", text);
        if (cli_client(cli, &client, err) < 0 ||
            client_call(client, "POST", &q, NULL, &answer, NULL, err) < 0)
                return -1;
        list = json_get(answer, "ImagesDeleted");
        *ret_any = list && json_object_array_length(list) > 0;
        *ret_freed += json_get_int64(answer, "SpaceReclaimed", 0);
        if (*ret_any) {
                puts("Deleted Images:");
                image_deletions_print(list, true, stdout);
                putchar('\n');
        }
        return 0;
}

static int run_prune(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct image_prune *o = call->values;
        cleanup_free char *freed_text = NULL;
        int64_t freed = 0;
        bool any;

        if (!o->force && !confirm(o->all ? "WARNING! This will remove all images without at least one "
                                           "container associated to them."
                                         : "WARNING! This will remove all dangling images."))
                return 0;
        if (image_prune(cli, o->all, o->filter, &freed, &any, err) < 0)
                return -1;
        freed_text = size_format((double)freed, 4);
        printf("Total reclaimed space: %s\n", freed_text);
        return 0;
}

/* ---- Commands ---- */

#define RM_COMMAND                                                                                           \
        .usage = "[OPTIONS] IMAGE [IMAGE...]", .summary = "Remove one or more images",                       \
        .aliases = "image rm, image remove, rmi", COMMAND_OPTIONS(rmi_options, struct rmi), .min_args = 1,   \
        .max_args = -1, .run = run_rmi

const struct command rmi_command = { .name = "rmi", .group = "Commands", RM_COMMAND };
static const struct command image_rm_command = { .name = "rm", .also = "remove", RM_COMMAND };
const struct command tag_command = { .name = "tag",
                                     .group = "Commands",
                                     .usage = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
                                     .summary = "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
                                     .aliases = "image tag, tag",
                                     .options_first = true,
                                     .min_args = 2,
                                     .max_args = 2,
                                     .run = run_tag };
const struct command history_command = { .name = "history",
                                         .group = "Commands",
                                         .usage = "[OPTIONS] IMAGE",
                                         .summary = "Show the history of an image",
                                         .aliases = "image history, history",
                                         COMMAND_OPTIONS(history_options, struct history),
                                         .min_args = 1,
                                         .max_args = 1,
                                         .run = run_history };
static const struct command image_inspect_command = {
        .name = "inspect",
        .usage = "[OPTIONS] IMAGE [IMAGE...]",
        .summary = "Display detailed information on one or more images",
        COMMAND_OPTIONS(inspect_options, struct image_inspect),
        .min_args = 1,
        .max_args = -1,
        .run = run_inspect
};
static const struct command image_prune_command = { .name = "prune",
                                                    .usage = "[OPTIONS]",
                                                    .summary = "Remove unused images",
                                                    COMMAND_OPTIONS(prune_options, struct image_prune),
                                                    .run = run_prune };

extern const struct command build_command;
static const struct command *const image_commands[] = {
        &build_command, &history_command,  &import_command,      &image_inspect_command,
        &load_command,  &image_ls_command, &image_prune_command, &pull_command,
        &push_command,  &image_rm_command, &save_command,        &tag_command,
        NULL,
};
const struct command image_command = { .name = "image",
                                       .usage = "COMMAND",
                                       .summary = "Manage images",
                                       .commands = image_commands,
                                       .group = "Management Commands" };
