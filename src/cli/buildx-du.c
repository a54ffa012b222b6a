/* `buildx du`, `builder prune`: what the build cache holds, and its end. */
#include "base/time.h"
#include "base/units.h"
#include "cli/buildx.h"
#include "cli/each.h"
#include "cli/format.h"
#include "client/client.h"

#include <stdio.h>

static char *record_size(json_object *record)
{
        return size_format((double)json_get_int64(record, "Size", 0), 4);
}

/* "2 minutes ago"; NULL when it is not known. */
static char *record_last_used(json_object *record)
{
        int64_t when;

        if (time_parse_rfc3339(json_get_string(record, "LastUsedAt") ?: "", &when, NULL) < 0)
                return NULL;
        return format_ago(when / NSEC_PER_SEC);
}

/* "2026-11-28 17:44:38.64933 +0000 UTC" */
static char *record_created(json_object *record)
{
        const char *text = json_get_string(record, "CreatedAt") ?: "";
        size_t date = strcspn(text, "T");

        if (!text[date])
                return xstrdup(text);
        return string_format("%.*s %.*s +0000 UTC", (int)date, text, (int)strcspn(text + date + 1, "Z+"),
                             text + date + 1);
}

/* ---- du ---- */

static const struct format_field fields[] = {
        { "ID", "ID" },
        { "Parents", "PARENTS" },
        { "CreatedAt", "CREATED AT" },
        { "Mutable", "MUTABLE" },
        { "Reclaimable", "RECLAIMABLE" },
        { "Shared", "SHARED" },
        { "Size", "SIZE" },
        { "Description", "DESCRIPTION" },
        { "UsageCount", "USAGE COUNT" },
        { "LastUsedAt", "LAST ACCESSED" },
        { "Type", "TYPE" },
};
static const struct format_kind record_kind = {
        .type_name = "*commands.diskusageContext",
        .default_table = "{{.ID}}\t{{.Reclaimable}}\t{{.Size}}\t{{.LastUsedAt}}",
        .fields = fields,
        .n_fields = ARRAY_SIZE(fields),
};

/* Tables mark what is mutable and what is shared. */
static json_object *record_row(json_object *record, bool table)
{
        json_object *row = json_object_new_object();
        bool mutable = json_get_bool(record, "Mutable"), shared = json_get_bool(record, "Shared");
        cleanup_free char *created = record_created(record), *used = record_last_used(record),
                          *plain = record_size(record),
                          *size = string_format("%s%s", plain, table && shared ? "*" : ""),
                          *id = string_format("%s%s", json_get_string(record, "ID"),
                                              table && mutable ? "*" : "");

        json_set_string(row, "CreatedAt", created);
        json_set_string(row, "Description", json_get_string(record, "Description"));
        json_set_string(row, "ID", id);
        json_set_string(row, "LastUsedAt", used ?: "");
        json_object_object_add(row, "Mutable", json_object_new_boolean(mutable));
        json_object_object_add(row, "Parents", table ? json_object_new_array() : NULL);
        json_object_object_add(row, "Reclaimable", json_object_new_boolean(!json_get_bool(record, "InUse")));
        json_object_object_add(row, "Shared", json_object_new_boolean(shared));
        json_set_string(row, "Size", size);
        json_set_string(row, "Type", json_get_string(record, "Type"));
        json_object_object_add(row, "UsageCount",
                               json_object_new_int64(json_get_int64(record, "UsageCount", 0)));
        return row;
}

static void print_record(json_object *record)
{
        cleanup_free char *created = record_created(record), *used = record_last_used(record),
                          *size = record_size(record);

        printf("ID:           %s\n", json_get_string(record, "ID"));
        printf("Created at:   %s\n", created);
        printf("Mutable:      %s\n", json_get_bool(record, "Mutable") ? "true" : "false");
        printf("Reclaimable:  %s\n", json_get_bool(record, "InUse") ? "false" : "true");
        printf("Shared:       %s\n", json_get_bool(record, "Shared") ? "true" : "false");
        printf("Size:         %s\n", size);
        printf("Description:  %s\n", json_get_string(record, "Description"));
        printf("Usage count:  %d\n", (int)json_get_int64(record, "UsageCount", 0));
        if (used)
                printf("Last used:    %s\n", used);
        printf("Type:         %s\n\n", json_get_string(record, "Type"));
}

static void print_sizes(json_object *list)
{
        int64_t shared = 0, reclaimable = 0, total = 0;

        for (size_t i = 0; i < json_object_array_length(list); i++) {
                json_object *record = json_object_array_get_idx(list, i);
                int64_t size = json_get_int64(record, "Size", 0);

                total += size;
                shared += json_get_bool(record, "Shared") ? size : 0;
                reclaimable += json_get_bool(record, "InUse") ? 0 : size;
        }
        {
                cleanup_free char *a = size_format((double)shared, 4),
                                  *b = size_format((double)(total - shared), 4),
                                  *c = size_format((double)reclaimable, 4),
                                  *d = size_format((double)total, 4);

                if (shared)
                        printf("Shared:\t\t%s\nPrivate:\t%s\n", a, b);
                printf("Reclaimable:\t%s\nTotal:\t\t%s\n", c, d);
        }
}

/* As buildx lists them: small ones first. */
static int compare_records(const void *a, const void *b)
{
        json_object *x = *(json_object *const *)a, *y = *(json_object *const *)b;
        int64_t p = json_get_int64(x, "Size", 0), q = json_get_int64(y, "Size", 0);

        return p != q ? (p < q ? -1 : 1) : strcmp(json_get_string(x, "ID"), json_get_string(y, "ID"));
}

struct du {
        char *builder, *format;
        char **filter;
        int64_t timeout;
        bool verbose;
};
static const struct option du_options[] = {
        BUILDX_BUILDER_OPTION(struct du),
        OPTION_ROW("filter", 0, OPTION_KIND_LIST, struct du, filter, "filter", "Provide filter values", NULL,
                   option_check_filter),
        OPTION_FORMAT(struct du, format, "Format the output"),
        BUILDX_TIMEOUT_OPTION(struct du),
        OPTION_BOOL("verbose", 0, struct du, verbose, "Shorthand for \"--format=pretty\""),
};

static int print_du(const struct du *o, json_object *list, struct error *err)
{
        bool pretty = o->verbose || streq(o->format, "pretty"),
             table = !o->format || string_after(o->format, "table");
        struct format *format = NULL;
        int r = 0;

        if (!pretty && format_open(&record_kind, o->format, false, &format, err) < 0)
                return -1;
        for (size_t i = 0; i < json_object_array_length(list) && r == 0; i++) {
                json_object *record = json_object_array_get_idx(list, i);

                if (pretty)
                        print_record(record);
                else
                        r = format_row(format, record_row(record, table), err);
        }
        if (format)
                r = format_close(format, r < 0 ? NULL : err) < 0 ? -1 : r;
        if (r == 0 && !o->filter && (pretty || table))
                print_sizes(list);
        return r;
}

static int run_du(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct du *o = call->values;
        cleanup_free char *filters = filters_text(o->filter);
        cleanup_query struct client_query q = {};
        cleanup_json json_object *list = NULL;
        struct client *client;

        if (o->verbose && o->format)
                return error_set(err, ERROR_INVALID, "ERROR: --format and --verbose cannot be used together");
        client_query_init(&q, "/davit/build/usage");
        client_query_add(&q, "filters", filters);
        if (buildx_select(cli, o->builder, NULL, err) < 0 || cli_client(cli, &client, err) < 0 ||
            client_call(client, "GET", &q, NULL, &list, NULL, err) < 0)
                return error_context(err, "ERROR");
        json_object_array_sort(list, compare_records);
        return print_du(o, list, err) < 0 ? error_context(err, "ERROR") : 0;
}

const struct command buildx_du_command = {
        .name = "du",
        .summary = "Disk usage",
        COMMAND_OPTIONS(du_options, struct du),
        .run = run_du,
};

/* ---- prune ---- */

struct prune {
        char *builder;
        bool all, force, verbose;
        char **filter;
        int64_t max_used, min_free, reserved, keep_storage, timeout;
};
static const struct option prune_options[] = {
        OPTION_BOOL("all", 'a', struct prune, all, "Include internal/frontend images"),
        BUILDX_BUILDER_OPTION(struct prune),
        OPTION_ROW("filter", 0, OPTION_KIND_LIST, struct prune, filter, "filter", "Provide filter values",
                   NULL, option_check_filter),
        OPTION_BOOL("force", 'f', struct prune, force, "Do not prompt for confirmation"),
        OPTION_ROW("keep-storage", 0, OPTION_KIND_BYTES, struct prune, keep_storage, "bytes",
                   "Amount of disk space to keep for cache", .hidden = true),
        OPTION_ROW("max-used-space", 0, OPTION_KIND_BYTES, struct prune, max_used, "bytes",
                   "Maximum amount of disk space allowed to keep for cache"),
        OPTION_ROW("min-free-space", 0, OPTION_KIND_BYTES, struct prune, min_free, "bytes",
                   "Target amount of free disk space after pruning"),
        OPTION_ROW("reserved-space", 0, OPTION_KIND_BYTES, struct prune, reserved, "bytes",
                   "Amount of disk space always allowed to keep for cache"),
        BUILDX_TIMEOUT_OPTION(struct prune),
        OPTION_BOOL("verbose", 0, struct prune, verbose, "Provide a more verbose output"),
};

static void print_pruned(json_object *list, bool verbose)
{
        if (!verbose && json_object_array_length(list))
                printf("ID\t\t\t\t\t\tRECLAIMABLE\tSIZE\t\tLAST ACCESSED\n");
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                json_object *record = json_object_array_get_idx(list, i);
                bool mutable = json_get_bool(record, "Mutable");
                cleanup_free char *created = record_created(record), *used = record_last_used(record),
                                  *size = record_size(record),
                                  *id = string_format("%s%s", json_get_string(record, "ID"),
                                                      mutable ? "*" : "");

                if (!verbose) {
                        printf("%-40s\ttrue \t%-10s\t%s\n", id, size, used ?: "");
                        continue;
                }
                printf("ID:\t\t%s\nCreated at:\t%s\nMutable:\t%s\nReclaimable:\ttrue\nShared:\t\tfalse\n"
                       "Size:\t\t%s\nDescription:\t%s\nUsage count:\t%d\n",
                       json_get_string(record, "ID"), created, mutable ? "true" : "false", size,
                       json_get_string(record, "Description"), (int)json_get_int64(record, "UsageCount", 0));
                if (used)
                        printf("Last used:\t%s\n", used);
                putchar('\n');
        }
}

static int prune(struct cli *cli, const struct prune *o, json_object **ret, struct error *err)
{
        cleanup_free char *filters = filters_text(o->filter);
        cleanup_query struct client_query q = {};
        struct client *client;

        client_query_init(&q, "/build/prune");
        client_query_add(&q, "filters", filters);
        client_query_add_bool(&q, "all", o->all);
        client_query_add_int(&q, "reserved-space", o->reserved ? o->reserved : o->keep_storage);
        client_query_add_int(&q, "max-used-space", o->max_used);
        client_query_add_int(&q, "min-free-space", o->min_free);
        return cli_client(cli, &client, err) < 0 ? -1 : client_call(client, "POST", &q, NULL, ret, NULL, err);
}

static int run_prune(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct prune *o = call->values;
        cleanup_json json_object *report = NULL;
        cleanup_free char *total = NULL;

        if (option_given(call, "keep-storage"))
                fputs("Flag --keep-storage has been deprecated, keep-storage flag has been changed to "
                      "reserved-space\n",
                      stderr);
        if (!o->force &&
            !ask(o->all ? "WARNING! This will remove all build cache. Are you sure you want to continue?"
                        : "WARNING! This will remove all dangling build cache. Are you sure you want to "
                          "continue?"))
                return 0;
        if (buildx_select(cli, o->builder, NULL, err) < 0 || prune(cli, o, &report, err) < 0)
                return error_context(err, "ERROR");
        print_pruned(json_get(report, "Records"), o->verbose);
        total = size_format((double)json_get_int64(report, "SpaceReclaimed", 0), 4);
        printf("Total:\t%s\n", total);
        return 0;
}

const struct command buildx_prune_command = {
        .name = "prune",
        .summary = "Remove build cache",
        COMMAND_OPTIONS(prune_options, struct prune),
        .run = run_prune,
};
