/* stats: one line a container, drawn anew each second on a terminal. */
#include "base/time.h"
#include "base/units.h"
#include "cli/each.h"
#include "cli/format.h"
#include "client/client.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

struct stats {
        bool all, no_stream, no_trunc;
        char *format;
};
static const struct option stats_options[] = {
        OPTION_BOOL("all", 'a', struct stats, all, "Show all containers (default shows just running)"),
        OPTION_STRING("format", 0, struct stats, format,
                      "Format output using a custom template:\n'table':            Print output in table "
                      "format with column headers (default)\n'table TEMPLATE':   Print "
                      "output in table format using the given Go template\n'json':             Print in JSON "
                      "format\n'TEMPLATE':         Print output using the given Go "
                      "template.\nRefer to https://docs.docker.com/go/formatting/ for more information about "
                      "formatting output with templates"),
        OPTION_BOOL("no-stream", 0, struct stats, no_stream,
                    "Disable streaming stats and only pull the first result"),
        OPTION_BOOL("no-trunc", 0, struct stats, no_trunc, "Do not truncate output"),
};
static const struct format_field stats_fields[] = {
        { "BlockIO", "BLOCK I/O" }, { "CPUPerc", "CPU %" }, { "Container", "CONTAINER" },
        { "ID", "CONTAINER ID" },   { "MemPerc", "MEM %" }, { "MemUsage", "MEM USAGE / LIMIT" },
        { "Name", "NAME" },         { "NetIO", "NET I/O" }, { "PIDs", "PIDS" },
};
static const struct format_kind stats_kind = {
        "*container.statsContext",
        "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}",
        "{{.ID}}",
        stats_fields,
        ARRAY_SIZE(stats_fields),
        NULL
};

/* ---- One container's figures ---- */

struct figures {
        double cpu, memory, limit, memory_percent, rx, tx, read, written;
        int64_t pids;
};

static double number(json_object *o, const char *name)
{
        return json_object_get_double(json_get(o, name));
}

static double cpu_percent(json_object *now, json_object *before)
{
        double used = number(json_get(now, "cpu_usage"), "total_usage") -
                      number(json_get(before, "cpu_usage"), "total_usage");
        double system = number(now, "system_cpu_usage") - number(before, "system_cpu_usage"),
               cpus = number(now, "online_cpus");

        return used > 0 && system > 0 && number(before, "system_cpu_usage") > 0
                   ? used / system * (cpus > 0 ? cpus : 1) * 100
                   : 0;
}

/* The page cache that can go at any time is not counted. */
static double memory_used(json_object *memory)
{
        json_object *stats = json_get(memory, "stats");
        double usage = number(memory, "usage"),
               cache = number(stats, json_get(stats, "total_inactive_file") ? "total_inactive_file"
                                                                            : "inactive_file");

        return cache < usage ? usage - cache : usage;
}

static void add_io(json_object *blkio, struct figures *f)
{
        json_object *list = json_get(blkio, "io_service_bytes_recursive");

        for (size_t i = 0; list && i < json_object_array_length(list); i++) {
                json_object *entry = json_object_array_get_idx(list, i);
                const char *op = json_get_string(entry, "op");

                if (op && (*op == 'R' || *op == 'r'))
                        f->read += number(entry, "value");
                else if (op && (*op == 'W' || *op == 'w'))
                        f->written += number(entry, "value");
        }
}

static struct figures figures_of(json_object *sample)
{
        json_object *memory = json_get(sample, "memory_stats"), *networks = json_get(sample, "networks");
        struct figures f = {};
        struct lh_entry *entry;

        f.cpu = cpu_percent(json_get(sample, "cpu_stats"), json_get(sample, "precpu_stats"));
        f.memory = memory_used(memory);
        f.limit = number(memory, "limit");
        f.memory_percent = f.limit > 0 ? f.memory / f.limit * 100 : 0;
        f.pids = json_get_int64(json_get(sample, "pids_stats"), "current", 0);
        if (json_object_is_type(networks, json_type_object))
                lh_foreach (json_object_get_object(networks), entry) {
                        f.rx += number(lh_entry_v(entry), "rx_bytes");
                        f.tx += number(lh_entry_v(entry), "tx_bytes");
                }
        add_io(json_get(sample, "blkio_stats"), &f);
        return f;
}

static void set_pair(json_object *row, const char *name, char *a, char *b)
{
        cleanup_free char *text = string_format("%s / %s", a, b);

        json_set_string(row, name, text);
        free(a);
        free(b);
}

static void set_percent(json_object *row, const char *name, double value)
{
        cleanup_free char *text = string_format("%.2f%%", value);

        json_set_string(row, name, text);
}

static json_object *make_row(const char *container, json_object *sample, bool full)
{
        struct figures f = figures_of(sample);
        json_object *row = json_object_new_object();
        const char *name = json_get_string(sample, "name");
        cleanup_free char *id = format_short_id(json_get_string(sample, "id"), full),
                          *pids = string_format("%lld", (long long)f.pids);

        set_pair(row, "BlockIO", size_format(f.read, 3), size_format(f.written, 3));
        set_percent(row, "CPUPerc", f.cpu);
        json_set_string(row, "Container", container);
        json_set_string(row, "ID", id);
        set_percent(row, "MemPerc", f.memory_percent);
        set_pair(row, "MemUsage", size_format_binary(f.memory), size_format_binary(f.limit));
        json_set_string(row, "Name", name ? name + (*name == '/') : "--");
        set_pair(row, "NetIO", size_format(f.rx, 3), size_format(f.tx, 3));
        json_set_string(row, "PIDs", pids);
        return row;
}

/* ---- All of them ---- */

struct sampler {
        struct client *client;
        char *name;
        bool once;
        json_object *sample;
        struct error error;
        pthread_t thread;
};

static void *take_sample(void *arg)
{
        struct sampler *s = arg;
        cleanup_query struct client_query q = {};

        client_query_init(&q, "/containers/%s/stats", s->name);
        client_query_add(&q, "stream", "0");
        client_call(s->client, "GET", &q, NULL, &s->sample, NULL, &s->error);
        return NULL;
}

/* The names to show: those given, or what runs now. */
static int list_names(struct client *client, struct invocation *call, char ***ret, struct error *err)
{
        const struct stats *o = call->values;
        cleanup_json json_object *list = NULL;
        cleanup_query struct client_query q = {};

        if (call->args[0]) {
                *ret = strv_copy(call->args);
                return 0;
        }
        client_query_init(&q, "/containers/json");
        client_query_add_bool(&q, "all", o->all);
        if (client_call(client, "GET", &q, NULL, &list, NULL, err) < 0)
                return -1;
        *ret = strv_new();
        for (size_t i = 0; i < json_object_array_length(list); i++)
                strv_append_take(
                    ret, format_short_id(json_get_string(json_object_array_get_idx(list, i), "Id"), false));
        return 0;
}

/* Samples take a second each (two readings), so that they are taken side by side. */
static int show_once(struct client *client, struct invocation *call, bool given, struct error *err)
{
        const struct stats *o = call->values;
        cleanup_strv char **names = NULL;
        struct sampler *samplers;
        struct format *f;
        size_t count;
        int r = 0;

        if (list_names(client, call, &names, err) < 0 ||
            format_open(&stats_kind, o->format, false, &f, err) < 0)
                return -1;
        count = strv_length(names);
        samplers = xcalloc(count, sizeof(*samplers));
        for (size_t i = 0; i < count; i++) {
                samplers[i] = (struct sampler){ .client = client, .name = names[i] };
                if (pthread_create(&samplers[i].thread, NULL, take_sample, &samplers[i]) != 0)
                        samplers[i].thread = 0;
        }
        for (size_t i = 0; i < count; i++) {
                if (samplers[i].thread)
                        pthread_join(samplers[i].thread, NULL);
                if (r == 0 && samplers[i].error.kind && given)
                        r = error_move(err, &samplers[i].error);
                if (r == 0 && samplers[i].sample)
                        r = format_row(f, make_row(names[i], samplers[i].sample, o->no_trunc), err);
                json_object_put(samplers[i].sample);
                error_clear(&samplers[i].error);
        }
        free(samplers);
        if (r < 0) {
                format_close(f, NULL);
                return -1;
        }
        return format_close(f, err);
}

static int run_stats(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct stats *o = call->values;
        struct client *client;

        if (cli_client(cli, &client, err) < 0)
                return -1;
        if (o->no_stream)
                return show_once(client, call, call->args[0], err);
        for (;;) {
                /* Home and clear; the samples themselves take the second between two pictures. */
                if (isatty(STDOUT_FILENO))
                        printf("\033[2J\033[H");
                if (show_once(client, call, call->args[0], err) < 0)
                        return -1;
                if (fflush(stdout) != 0)
                        return 0;
        }
}

const struct command stats_command = { .name = "stats",
                                       .group = "Commands",
                                       .usage = "[OPTIONS] [CONTAINER...]",
                                       .summary =
                                           "Display a live stream of container(s) resource usage statistics",
                                       .aliases = "container stats, stats",
                                       COMMAND_OPTIONS(stats_options, struct stats),
                                       .max_args = -1,
                                       .run = run_stats };
