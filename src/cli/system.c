/* system prune, events, and the tree of `system`. */
#include "base/time.h"
#include "cli/each.h"
#include "cli/format-help.h"
#include "cli/image.h"
#include "cli/prune.h"
#include "cli/template.h"
#include "cli/timestamp.h"
#include "client/client.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#define EXIT_BAD_TEMPLATE 64

/* ---- prune ---- */

struct system_prune {
        bool all, force, volumes;
        char **filter;
};
static const struct option prune_options[] = {
        OPTION_BOOL("all", 'a', struct system_prune, all, "Remove all unused images not just dangling ones"),
        OPTION_ROW("filter", 0, OPTION_KIND_LIST, struct system_prune, filter, "filter",
                   "Provide filter values (e.g. \"label=<key>=<value>\")", NULL, option_check_filter),
        OPTION_BOOL("force", 'f', struct system_prune, force, "Do not prompt for confirmation"),
        OPTION_BOOL("volumes", 0, struct system_prune, volumes, "Prune anonymous volumes"),
};

static bool confirm_prune(const struct system_prune *o)
{
        cleanup_strbuf struct strbuf text = {};
        cleanup_strv char **filters = strv_copy(o->filter);

        strbuf_adds(&text, "WARNING! This will remove:\n  - all stopped containers\n  - all networks not "
                           "used by at least one container\n");
        if (o->volumes)
                strbuf_adds(&text, "  - all anonymous volumes not used by at least one container\n");
        strbuf_adds(
            &text,
            o->all ? "  - all images without at least one container associated to them\n  - all build cache\n"
                   : "  - all dangling images\n  - unused build cache\n");
        if (filters) {
                strv_sort(filters);
                strbuf_adds(&text, "\n  Items to be pruned will be filtered with:\n");
                for (char **f = filters; *f; f++)
                        strbuf_addf(&text, "  - %s\n", *f);
        }
        return confirm(text.data);
}

static int run_prune(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct system_prune *o = call->values;
        int64_t freed = 0;
        bool any;

        for (char **f = o->filter; o->volumes && f && *f; f++)
                if (string_after(*f, "until="))
                        return error_set(err, ERROR_INVALID,
                                         "ERROR: The \"until\" filter is not supported with \"--volumes\"");
        if (!o->force && !confirm_prune(o))
                return 0;
        if (prune_run(cli, &prune_containers, o->filter, NULL, &freed, err) < 0 ||
            prune_run(cli, &prune_networks, o->filter, NULL, &freed, err) < 0 ||
            (o->volumes && prune_run(cli, &prune_volumes, o->filter, NULL, &freed, err) < 0) ||
            image_prune(cli, o->all, o->filter, &freed, &any, err) < 0 ||
            prune_run(cli, &prune_build_cache, o->filter, o->all ? "all" : NULL, &freed, err) < 0)
                return -1;
        prune_print_total(freed);
        return 0;
}

/* ---- events ---- */

struct events {
        char **filter;
        char *format, *since, *until;
};
static const struct option events_options[] = {
        OPTION_FILTER(struct events, filter, "Filter output based on conditions provided"),
        OPTION_FORMAT(struct events, format, FORMAT_HELP_INSPECT),
        OPTION_STRING("since", 0, struct events, since, "Show all events created since timestamp"),
        OPTION_STRING("until", 0, struct events, until, "Stream events until this timestamp"),
};

/* "2026-01-02T15:04:05.000000000Z " in local time. */
static void add_time(struct strbuf *b, int64_t t)
{
        time_t seconds = (time_t)(t / NSEC_PER_SEC);
        struct tm tm;
        char text[40], zone[8];

        localtime_r(&seconds, &tm);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
        strftime(zone, sizeof(zone), "%z", &tm);
        strbuf_addf(b, "%s.%09d", text, (int)(t % NSEC_PER_SEC));
        if (tm.tm_gmtoff)
                strbuf_addf(b, "%.3s:%s ", zone, zone + 3);
        else
                strbuf_adds(b, "Z ");
}

static void add_plain(struct strbuf *b, json_object *event)
{
        json_object *actor = json_get(event, "Actor"), *attributes = json_get(actor, "Attributes");
        const char *type = json_get_string(event, "Type"), *action = json_get_string(event, "Action"),
                   *id = json_get_string(actor, "ID");
        int64_t nanoseconds = json_get_int64(event, "timeNano", 0),
                seconds = json_get_int64(event, "time", 0);
        cleanup_strv char **pairs = NULL;
        struct lh_entry *entry;

        if (nanoseconds || seconds)
                add_time(b, nanoseconds ? nanoseconds : seconds * NSEC_PER_SEC);
        strbuf_addf(b, "%s %s %s", type ? type : "", action ? action : "", id ? id : "");
        if (json_object_is_type(attributes, json_type_object))
                lh_foreach (json_object_get_object(attributes), entry)
                        strv_append_take(
                            &pairs, string_format("%s=%s", (const char *)lh_entry_k(entry),
                                                  json_object_get_string((json_object *)lh_entry_v(entry))));
        if (pairs) {
                cleanup_free char *joined = NULL;

                strv_sort(pairs);
                joined = strv_join(pairs, ", ");
                strbuf_addf(b, " (%s)", joined);
        }
}

static int show_event(json_object *event, const struct template *template, bool json, struct error *err)
{
        struct template_options options = { .flags = TEMPLATE_STRUCTS, .type_name = "*events.Message" };
        cleanup_strbuf struct strbuf line = {};

        if (json) {
                cleanup_free char *text = json_format(event);

                strbuf_adds(&line, text);
        } else if (!template) {
                add_plain(&line, event);
        } else if (template_execute(template, event, &options, &line, err) < 0) {
                return error_context(err, "Error parsing format");
        }
        strbuf_addc(&line, '\n');
        fputs(line.data, stdout);
        return fflush(stdout) != 0 || ferror(stdout) ? error_errnum(err, EPIPE, "write") : 0;
}

static int run_events(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct events *o = call->values;
        bool json = streq(o->format, "json");
        cleanup_template struct template *template = NULL;
        cleanup_free char *filters = filters_text(o->filter), *since = NULL, *until = NULL;
        cleanup_client_stream struct client_stream *s = NULL;
        cleanup_query struct client_query q = {};
        cleanup_strbuf struct strbuf pending = {};
        struct client *client;
        int r;

        if (!string_empty(o->format) && !json && template_compile(o->format, &template, err) < 0) {
                error_context(err, "Error parsing format");
                err->exit_code = EXIT_BAD_TEMPLATE;
                return -1;
        }
        if ((!string_empty(o->since) && timestamp_parse(o->since, time_now(), &since, err) < 0) ||
            (!string_empty(o->until) && timestamp_parse(o->until, time_now(), &until, err) < 0))
                return -1;
        client_query_init(&q, "/events");
        client_query_add(&q, "since", since);
        client_query_add(&q, "until", until);
        client_query_add(&q, "filters", filters);
        if (cli_client(cli, &client, err) < 0 ||
            client_stream_open(client, "GET", &q, NULL, NULL, NULL, &s, err) < 0)
                return -1;
        do {
                cleanup_json json_object *event = NULL;

                r = client_stream_json(s, &pending, &event, err);
                if (r > 0 && show_event(event, template, json, err) < 0)
                        return -1;
        } while (r > 0);
        return r;
}

const struct command events_command = { .name = "events",
                                        .group = "Commands",
                                        .usage = "[OPTIONS]",
                                        .summary = "Get real time events from the server",
                                        .aliases = "system events, events",
                                        COMMAND_OPTIONS(events_options, struct events),
                                        .run = run_events };
static const struct command system_prune_command = { .name = "prune",
                                                     .usage = "[OPTIONS]",
                                                     .summary = "Remove unused data",
                                                     COMMAND_OPTIONS(prune_options, struct system_prune),
                                                     .run = run_prune };
extern const struct command system_df_command, system_dial_stdio_command, info_command;
static const struct command *const system_commands[] = { &system_df_command,    &system_dial_stdio_command,
                                                         &events_command,       &info_command,
                                                         &system_prune_command, NULL };
const struct command system_command = { .name = "system",
                                        .usage = "COMMAND",
                                        .summary = "Manage Docker",
                                        .commands = system_commands,
                                        .group = "Management Commands" };
