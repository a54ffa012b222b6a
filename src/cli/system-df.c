/* system df: what images, containers, volumes and the build cache take. */
#include "base/time.h"
#include "base/units.h"
#include "cli/format-help.h"
#include "cli/format.h"
#include "cli/image-list.h"
#include "cli/list.h"
#include "cli/template.h"
#include "client/client.h"

#include <stdio.h>

struct df {
        bool verbose;
        char *format;
};
static const struct option df_options[] = {
        OPTION_FORMAT(struct df, format, FORMAT_HELP_TABLE),
        OPTION_BOOL("verbose", 'v', struct df, verbose, "Show detailed information on space usage"),
};

static void set_taken(json_object *row, const char *name, char *value)
{
        json_set_string(row, name, value);
        free(value);
}

static size_t length(json_object *list)
{
        return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

/* ---- The summary ---- */

static const struct format_field summary_fields[] = {
        { "Active", "ACTIVE" }, { "Reclaimable", "RECLAIMABLE" },
        { "Size", "SIZE" },     { "TotalCount", "TOTAL" },
        { "Type", "TYPE" },
};
static const struct format_kind summary_kind = {
        "*formatter.diskUsageImagesContext",
        "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
        "",
        summary_fields,
        ARRAY_SIZE(summary_fields),
        NULL
};

struct usage {
        const char *type;
        size_t count, active;
        int64_t size, reclaimable;
        bool percent;
};

static struct usage images_usage(json_object *df)
{
        json_object *list = json_get(df, "Images");
        struct usage u = { .type = "Images",
                           .count = length(list),
                           .size = json_get_int64(df, "LayersSize", 0),
                           .percent = true };
        int64_t used = 0;

        for (size_t i = 0; i < u.count; i++) {
                json_object *image = json_object_array_get_idx(list, i);
                int64_t size = json_get_int64(image, "Size", -1),
                        shared = json_get_int64(image, "SharedSize", -1);

                if (json_get_int64(image, "Containers", 0) == 0)
                        continue;
                u.active++;
                if (size != -1 && shared != -1)
                        used += size - shared;
        }
        u.reclaimable = u.size - used;
        return u;
}

static struct usage containers_usage(json_object *df)
{
        json_object *list = json_get(df, "Containers");
        struct usage u = { .type = "Containers", .count = length(list), .percent = true };

        for (size_t i = 0; i < u.count; i++) {
                json_object *c = json_object_array_get_idx(list, i);
                const char *state = json_get_string(c, "State");
                int64_t size = json_get_int64(c, "SizeRw", 0);

                u.size += size;
                if (streq(state, "running") || streq(state, "paused") || streq(state, "restarting"))
                        u.active++;
                else
                        u.reclaimable += size;
        }
        return u;
}

static struct usage volumes_usage(json_object *df)
{
        json_object *list = json_get(df, "Volumes");
        struct usage u = { .type = "Local Volumes", .count = length(list), .percent = true };

        for (size_t i = 0; i < u.count; i++) {
                json_object *data = json_get(json_object_array_get_idx(list, i), "UsageData");
                int64_t size = json_get_int64(data, "Size", 0);

                size = MAX(size, 0);
                u.size += size;
                if (json_get_int64(data, "RefCount", 0) > 0)
                        u.active++;
                else
                        u.reclaimable += size;
        }
        return u;
}

static struct usage cache_usage(json_object *df)
{
        json_object *list = json_get(df, "BuildCache");
        struct usage u = { .type = "Build Cache", .count = length(list) };
        int64_t in_use = 0;

        for (size_t i = 0; i < u.count; i++) {
                json_object *record = json_object_array_get_idx(list, i);
                bool shared = json_get_bool(record, "Shared");
                int64_t size = json_get_int64(record, "Size", 0);

                if (!shared)
                        u.size += size;
                if (!json_get_bool(record, "InUse"))
                        continue;
                u.active++;
                if (!shared)
                        in_use += size;
        }
        u.reclaimable = u.size - in_use;
        return u;
}

static json_object *usage_row(const struct usage *u)
{
        json_object *row = json_object_new_object();
        cleanup_free char *free_text = size_format((double)u->reclaimable, 4);

        set_taken(row, "Active", string_format("%zu", u->active));
        set_taken(row, "Reclaimable",
                  u->percent && u->size > 0
                      ? string_format("%s (%lld%%)", free_text, (long long)(u->reclaimable * 100 / u->size))
                      : xstrdup(free_text));
        set_taken(row, "Size", size_format((double)u->size, 4));
        set_taken(row, "TotalCount", string_format("%zu", u->count));
        json_set_string(row, "Type", u->type);
        return row;
}

static int show_summary(json_object *df, const char *format, struct error *err)
{
        const struct usage all[] = { images_usage(df), containers_usage(df), volumes_usage(df),
                                     cache_usage(df) };
        struct format *f;

        if (format_open(&summary_kind, format, false, &f, err) < 0)
                return -1;
        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
                if (format_row(f, usage_row(&all[i]), err) < 0) {
                        format_close(f, NULL);
                        return -1;
                }
        return format_close(f, err);
}

/* ---- The details ---- */

static const struct format_field cache_fields[] = {
        { "CacheType", "CACHE TYPE" },
        { "CreatedAt", "CREATED" },
        { "CreatedSince", "CREATED" },
        { "Description", "DESCRIPTION" },
        { "ID", "CACHE ID" },
        { "InUse", "IN USE" },
        { "LastUsedAt", "LAST USED" },
        { "LastUsedSince", "LAST USED" },
        { "Parent", "PARENT" },
        { "Shared", "SHARED" },
        { "Size", "SIZE" },
        { "UsageCount", "USAGE" },
};
static const struct format_kind cache_kind = { "*formatter.buildCacheContext",
                                               "{{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{."
                                               "LastUsedSince}}\t{{.UsageCount}}\t{{.Shared}}",
                                               "{{.ID}}",
                                               cache_fields,
                                               ARRAY_SIZE(cache_fields),
                                               NULL };

/* "3 minutes ago" of an RFC 3339 text. */
static char *since(const char *text)
{
        int64_t t;

        if (!text || time_parse_rfc3339(text, &t, NULL) < 0 || t == TIME_ZERO)
                return xstrdup("");
        return format_ago(t / NSEC_PER_SEC);
}

static json_object *cache_row(json_object *record)
{
        json_object *row = json_object_new_object();
        const char *created = json_get_string(record, "CreatedAt"),
                   *used = json_get_string(record, "LastUsedAt");

        json_set_string(row, "CacheType", json_get_string(record, "Type"));
        json_set_string(row, "CreatedAt", created ? created : "");
        set_taken(row, "CreatedSince", since(created));
        json_set_string(row, "Description", json_get_string(record, "Description"));
        set_taken(row, "ID", xstrndup(json_get_string(record, "ID"), 12));
        json_set_string(row, "InUse", json_get_bool(record, "InUse") ? "true" : "false");
        json_set_string(row, "LastUsedAt", used ? used : "");
        set_taken(row, "LastUsedSince", since(used));
        json_set_string(row, "Parent", "");
        json_set_string(row, "Shared", json_get_bool(record, "Shared") ? "true" : "false");
        set_taken(row, "Size", size_format((double)json_get_int64(record, "Size", 0), 3));
        set_taken(row, "UsageCount",
                  string_format("%lld", (long long)json_get_int64(record, "UsageCount", 0)));
        return row;
}

static json_object *volume_usage_row(json_object *volume)
{
        json_object *row = volume_row(volume, true), *data = json_get(volume, "UsageData");
        int64_t size = json_get_int64(data, "Size", -1), links = json_get_int64(data, "RefCount", -1);

        set_taken(row, "Links", links < 0 ? xstrdup("N/A") : string_format("%lld", (long long)links));
        set_taken(row, "Size", size < 0 ? xstrdup("N/A") : size_format((double)size, 4));
        return row;
}

static json_object *rows_of(json_object *df, const char *member)
{
        json_object *list = json_get(df, member), *rows = json_object_new_array();

        for (size_t i = 0; i < length(list); i++) {
                json_object *source = json_object_array_get_idx(list, i);

                if (streq(member, "Images"))
                        image_rows(source, false, false, rows);
                else if (streq(member, "Containers"))
                        json_object_array_add(rows, container_row(source, false));
                else if (streq(member, "Volumes"))
                        json_object_array_add(rows, volume_usage_row(source));
                else
                        json_object_array_add(rows, cache_row(source));
        }
        return rows;
}

static const struct section {
        const char *member, *heading; /* "%s": the size of the cache */
        const struct format_kind *kind;
        const char *table;
} sections[] = {
        { "Images", "Images space usage:\n\n", &image_kind,
          "table "
          "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}"
          "\t{{.Containers}}" },
        { "Containers", "\nContainers space usage:\n\n", &container_kind,
          "table "
          "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{."
          "Names}}" },
        { "Volumes", "\nLocal Volumes space usage:\n\n", &volume_kind,
          "table {{.Name}}\t{{.Links}}\t{{.Size}}" },
        { "BuildCache", NULL, &cache_kind, "table" },
};

static int show_section(json_object *df, const struct section *s, struct error *err)
{
        cleanup_json json_object *rows = rows_of(df, s->member);
        struct format *f;

        if (s->heading) {
                fputs(s->heading, stdout);
        } else {
                const struct usage u = cache_usage(df);
                cleanup_free char *size = size_format((double)u.size, 4);

                printf("\nBuild cache usage: %s\n\n", size);
        }
        if (format_open(s->kind, s->table, false, &f, err) < 0)
                return -1;
        for (size_t i = 0; i < json_object_array_length(rows); i++)
                if (format_row(f, json_object_get(json_object_array_get_idx(rows, i)), err) < 0) {
                        format_close(f, NULL);
                        return -1;
                }
        return format_close(f, err);
}

/* Everything as one object, through a template or as JSON. */
static int show_all(json_object *df, const char *format, struct error *err)
{
        cleanup_template struct template *template = NULL;
        cleanup_json json_object *all = json_object_new_object();
        cleanup_strbuf struct strbuf out = {};
        struct template_options options = { .flags = TEMPLATE_STRUCTS,
                                            .type_name = "*formatter.diskUsageContext" };

        for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
                json_object_object_add(all, sections[i].member, rows_of(df, sections[i].member));
        if (streq(format, "json"))
                format = "{{json .}}";
        if (template_compile(format, &template, err) < 0)
                return error_context(err, "template parsing error");
        if (template_execute(template, all, &options, &out, err) < 0)
                return -1;
        puts(out.data ? out.data : "");
        return 0;
}

static int run_df(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct df *o = call->values;
        cleanup_query struct client_query q = {};
        cleanup_json json_object *df = NULL;
        struct client *client;

        client_query_init(&q, "/system/df");
        if (cli_client(cli, &client, err) < 0 || client_call(client, "GET", &q, NULL, &df, NULL, err) < 0)
                return -1;
        if (!o->verbose)
                return show_summary(df, o->format, err);
        if (!string_empty(o->format) && !streq(o->format, "table"))
                return show_all(df, o->format, err);
        for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
                if (show_section(df, &sections[i], err) < 0)
                        return -1;
        return 0;
}

const struct command system_df_command = { .name = "df",
                                           .usage = "[OPTIONS]",
                                           .summary = "Show docker disk usage",
                                           COMMAND_OPTIONS(df_options, struct df),
                                           .run = run_df };
