/* The lists: ps, images, volume ls, network ls. */
#include "base/json.h"
#include "base/time.h"
#include "base/units.h"
#include "cli/each.h"
#include "cli/format.h"
#include "cli/list.h"
#include "client/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define FORMAT_HELP                                                                                          \
        "Format output using a custom template:\n'table':            Print output in table format with "     \
        "column headers (default)\n"                                                                         \
        "'table TEMPLATE':   Print output in table format using the given Go template\n'json':             " \
        "Print in JSON format\n"                                                                             \
        "'TEMPLATE':         Print output using the given Go template.\n"                                    \
        "Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with " \
        "templates"

/* The template that config.json may set (psFormat, imagesFormat …). */
static const char *configured(struct cli *cli, const char *given, bool quiet, const char *key)
{
        const char *value = given || quiet ? NULL : json_get_string(cli_config(cli), key);

        return given ? given : value;
}

static int label_of(void *row, const char *name, json_object *const *args, size_t n_args, json_object **ret)
{
        /* The object that the row was made from; the header has none and shows the label's name. */
        json_object *source = json_object_get_userdata(row);
        const char *label, *value;

        if (!streq(name, "Label") || n_args != 1)
                return 0;
        label = json_object_get_string(args[0]);
        value = source ? json_get_string(json_get(source, "Labels"), label) : label;
        *ret = json_object_new_string(value ? value : "");
        return 1;
}

/* ---- ps ---- */

struct ps {
        bool all, latest, no_trunc, quiet, size;
        char **filter;
        char *format;
        int64_t last;
};
static const struct option ps_options[] = {
        OPTION_BOOL("all", 'a', struct ps, all, "Show all containers (default shows just running)"),
        OPTION_FILTER(struct ps, filter, "Filter output based on conditions provided"),
        OPTION_FORMAT(struct ps, format, FORMAT_HELP),
        OPTION_INT("last", 'n', struct ps, last, "Show n last created containers (includes all states)",
                   "-1"),
        OPTION_BOOL("latest", 'l', struct ps, latest,
                    "Show the latest created container (includes all states)"),
        OPTION_BOOL("no-trunc", 0, struct ps, no_trunc, "Don't truncate output"),
        OPTION_BOOL("quiet", 'q', struct ps, quiet, "Only display container IDs"),
        OPTION_BOOL("size", 's', struct ps, size, "Display total file sizes"),
};

static const struct format_field ps_fields[] = {
        { "Command", "COMMAND" }, { "CreatedAt", "CREATED AT" }, { "ID", "CONTAINER ID" },
        { "Image", "IMAGE" },     { "Labels", "LABELS" },        { "LocalVolumes", "LOCAL VOLUMES" },
        { "Mounts", "MOUNTS" },   { "Names", "NAMES" },          { "Networks", "NETWORKS" },
        { "Ports", "PORTS" },     { "RunningFor", "CREATED" },   { "Size", "SIZE" },
        { "State", "STATE" },     { "Status", "STATUS" },        { "Platform", "PLATFORM" },
};
#define PS_RAW                                                                                               \
        "container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\ncreated_at: {{.CreatedAt}}\n"      \
        "state: {{- pad .State 1 0}}\nstatus: {{- pad .Status 1 0}}\nnames: {{.Names}}\n"                    \
        "labels: {{- pad .Labels 1 0}}\nports: {{- pad .Ports 1 0}}\n"
const struct format_kind container_kind = {
        CONTAINER_CONTEXT,
        "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}",
        "{{.ID}}",
        ps_fields,
        ARRAY_SIZE(ps_fields),
        label_of,
        PS_RAW
};
static const struct format_kind ps_size_kind = {
        CONTAINER_CONTEXT,
        "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}\t{{.Size}}",
        "{{.ID}}",
        ps_fields,
        ARRAY_SIZE(ps_fields),
        label_of,
        PS_RAW "size: {{.Size}}\n"
};

struct port_row {
        const char *ip, *type;
        int private, public;
};

static int compare_ports(const void *a, const void *b)
{
        const struct port_row *x = a, *y = b;
        int r;

        if (x->private != y->private)
                return x->private - y->private;
        r = strcmp(x->ip, y->ip);
        if (r)
                return r;
        return x->public != y->public ? x->public - y->public : strcmp(x->type, y->type);
}

/* Neighbouring ports of one address and protocol, published as themselves (or not at all). */
struct port_group {
        const char *ip, *type;
        int first, last;
};

static void add_address(struct strbuf *b, const char *ip)
{
        bool v6 = strchr(ip, ':') != NULL;

        strbuf_addf(b, "%s%s%s%s:", b->len ? ", " : "", v6 ? "[" : "", ip, v6 ? "]" : "");
}

static void add_port_group(struct strbuf *b, const struct port_group *g)
{
        cleanup_free char *ports =
            g->first == g->last ? string_format("%d", g->first) : string_format("%d-%d", g->first, g->last);

        if (*g->ip) {
                add_address(b, g->ip);
                strbuf_addf(b, "%s->%s/%s", ports, ports, g->type);
        } else {
                strbuf_addf(b, "%s%s/%s", b->len ? ", " : "", ports, g->type);
        }
}

/* The order is Docker's: groups that end before their last member comes, then each address's and protocol's
 * last group, then ports that are published as others. */
static char *port_groups_text(const struct port_row *rows, size_t count)
{
        cleanup_free struct port_group *groups = xcalloc(count, sizeof(*groups));
        cleanup_strbuf struct strbuf mapped = {};
        struct strbuf b = {};
        size_t n = 0;

        for (size_t i = 0; i < count; i++) {
                const struct port_row *r = &rows[i];
                size_t g = 0;

                if (*r->ip && r->public != r->private) {
                        add_address(&mapped, r->ip);
                        strbuf_addf(&mapped, "%d->%d/%s", r->public, r->private, r->type);
                        continue;
                }
                while (g < n && (!streq(groups[g].ip, r->ip) || !streq(groups[g].type, r->type)))
                        g++;
                if (g < n && r->private == groups[g].last + 1) {
                        groups[g].last = r->private;
                        continue;
                }
                if (g < n)
                        add_port_group(&b, &groups[g]);
                else
                        n++;
                groups[g] = (struct port_group){ r->ip, r->type, r->private, r->private };
        }
        for (size_t g = 0; g < n; g++)
                add_port_group(&b, &groups[g]);
        if (mapped.len)
                strbuf_addf(&b, "%s%s", b.len ? ", " : "", mapped.data);
        return strbuf_take(&b);
}

static char *ports_text(json_object *ports)
{
        size_t count = ports ? json_object_array_length(ports) : 0;
        cleanup_free struct port_row *rows = xcalloc(count, sizeof(*rows));

        for (size_t i = 0; i < count; i++) {
                json_object *p = json_object_array_get_idx(ports, i);
                const char *ip = json_get_string(p, "IP"), *type = json_get_string(p, "Type");

                rows[i] = (struct port_row){ ip ? ip : "", type ? type : "tcp",
                                             (int)json_get_int64(p, "PrivatePort", 0),
                                             (int)json_get_int64(p, "PublicPort", 0) };
        }
        if (count)
                qsort(rows, count, sizeof(*rows), compare_ports);
        return port_groups_text(rows, count);
}

static char *mounts_text(json_object *mounts, bool full, int *ret_local)
{
        struct strbuf b = {};

        *ret_local = 0;
        for (size_t i = 0; mounts && i < json_object_array_length(mounts); i++) {
                json_object *m = json_object_array_get_idx(mounts, i);
                const char *name = json_get_string(m, "Name"), *source = json_get_string(m, "Source");
                cleanup_free char *shown =
                    full ? xstrdup(string_empty(name) ? source : name)
                         : format_ellipsis(string_empty(name) ? source ? source : "" : name, 15);

                *ret_local += streq(json_get_string(m, "Driver"), "local");
                strbuf_addf(&b, "%s%s", b.len ? "," : "", shown ? shown : "");
        }
        return strbuf_take(&b);
}

/* Without full ids a name comes without those of legacy links. */
static char *names_text(json_object *names, bool full)
{
        struct strbuf b = {};

        for (size_t i = 0; names && i < json_object_array_length(names); i++) {
                const char *name = json_object_get_string(json_object_array_get_idx(names, i));

                name += *name == '/';
                if (full || !strchr(name, '/'))
                        strbuf_addf(&b, "%s%s", b.len ? "," : "", name);
        }
        return strbuf_take(&b);
}

static char *network_names(json_object *settings)
{
        json_object *networks = json_get(settings, "Networks");
        cleanup_strv char **names = NULL;
        struct lh_entry *entry;

        if (json_object_is_type(networks, json_type_object))
                lh_foreach (json_object_get_object(networks), entry)
                        strv_append(&names, lh_entry_k(entry));
        strv_sort(names);
        return strv_join(names, ",");
}

static char *size_text(json_object *c)
{
        cleanup_free char *rw = size_format((double)json_get_int64(c, "SizeRw", 0), 3),
                          *root = size_format((double)json_get_int64(c, "SizeRootFs", 0), 3);

        return json_get_int64(c, "SizeRootFs", 0) > 0 ? string_format("%s (virtual %s)", rw, root)
                                                      : xstrdup(rw);
}

static void set_taken(json_object *row, const char *name, char *value)
{
        json_set_string(row, name, value ? value : "");
        free(value);
}

static char *image_text(json_object *c, bool full)
{
        const char *image = json_get_string(c, "Image");

        if (string_empty(image))
                return xstrdup("<no image>");
        return !full && streq(image, json_get_string(c, "ImageID")) ? format_short_id(image, false)
                                                                    : xstrdup(image);
}

json_object *container_row(json_object *c, bool full)
{
        json_object *row = json_object_new_object();
        const char *command = json_get_string(c, "Command");
        cleanup_free char *shown = full ? xstrdup(command) : format_ellipsis(command ? command : "", 20);
        cleanup_strbuf struct strbuf quoted = {};
        int local;
        char *mounts = mounts_text(json_get(c, "Mounts"), full, &local);

        json_quote(&quoted, shown ? shown : "", shown ? strlen(shown) : 0);
        json_set_string(row, "Command", quoted.data);
        set_taken(row, "CreatedAt", format_local_time(json_get_int64(c, "Created", 0)));
        set_taken(row, "ID", format_short_id(json_get_string(c, "Id"), full));
        set_taken(row, "Image", image_text(c, full));
        set_taken(row, "Labels", format_labels(json_get(c, "Labels")));
        set_taken(row, "LocalVolumes", string_format("%d", local));
        set_taken(row, "Mounts", mounts);
        set_taken(row, "Names", names_text(json_get(c, "Names"), full));
        set_taken(row, "Networks", network_names(json_get(c, "NetworkSettings")));
        json_object_object_add(row, "Platform", NULL);
        set_taken(row, "Ports", ports_text(json_get(c, "Ports")));
        set_taken(row, "RunningFor", format_ago(json_get_int64(c, "Created", 0)));
        set_taken(row, "Size", size_text(c));
        json_set_string(row, "State", json_get_string(c, "State"));
        json_set_string(row, "Status", json_get_string(c, "Status"));
        return row;
}

static int show_rows(struct format *f, json_object *list, bool full,
                     json_object *(*make)(json_object *, bool), struct error *err)
{
        for (size_t i = 0; list && i < json_object_array_length(list); i++) {
                json_object *source = json_object_array_get_idx(list, i), *row = make(source, full);

                json_object_set_userdata(row, source, NULL);
                if (format_row(f, row, err) < 0) {
                        format_close(f, NULL);
                        return -1;
                }
        }
        return format_close(f, err);
}

static int run_ps(struct cli *cli, struct invocation *call, struct error *err)
{
        struct ps *o = call->values;
        const char *format = configured(cli, o->format, o->quiet, "psFormat");
        cleanup_free char *filters = filters_text(o->filter);
        cleanup_query struct client_query q = {};
        cleanup_json json_object *list = NULL;
        struct client *client;
        struct format *f;

        if (o->quiet && !string_empty(o->format)) {
                fputs("WARNING: Ignoring custom format, because both --format and --quiet are set.\n",
                      stderr);
                format = NULL;
        }
        if (format_open(o->size ? &ps_size_kind : &container_kind, format, o->quiet, &f, err) < 0)
                return -1;
        client_query_init(&q, "/containers/json");
        client_query_add_bool(&q, "all", o->all || o->latest || (option_given(call, "last") && o->last > 0));
        if (o->latest || (option_given(call, "last") && o->last > 0))
                client_query_add_int(&q, "limit", o->latest ? 1 : o->last);
        client_query_add_bool(&q, "size", o->size || (format && !o->quiet && format_uses(f, "Size")));
        client_query_add(&q, "filters", filters);
        if (cli_client(cli, &client, err) < 0 || client_call(client, "GET", &q, NULL, &list, NULL, err) < 0) {
                format_close(f, NULL);
                return -1;
        }
        return show_rows(f, list, o->no_trunc, container_row, err);
}

/* ---- volume ls ---- */

struct volume_ls {
        char **filter;
        char *format;
        bool quiet;
};
static const struct option volume_ls_options[] = {
        OPTION_FILTER(struct volume_ls, filter, "Provide filter values (e.g. \"dangling=true\")"),
        OPTION_FORMAT(struct volume_ls, format, FORMAT_HELP),
        OPTION_BOOL("quiet", 'q', struct volume_ls, quiet, "Only display volume names"),
};
static const struct format_field volume_fields[] = {
        { "Availability", "AVAILABILITY" },
        { "Driver", "DRIVER" },
        { "Group", "GROUP" },
        { "Labels", "LABELS" },
        { "Links", "LINKS" },
        { "Mountpoint", "MOUNTPOINT" },
        { "Name", "VOLUME NAME" },
        { "Scope", "SCOPE" },
        { "Size", "SIZE" },
        { "Status", "STATUS" },
};
const struct format_kind volume_kind = { "*formatter.volumeContext",
                                         "{{.Driver}}\t{{.Name}}",
                                         "{{.Name}}",
                                         volume_fields,
                                         ARRAY_SIZE(volume_fields),
                                         label_of,
                                         "name: {{.Name}}\ndriver: {{.Driver}}\n" };

json_object *volume_row(json_object *v, bool full)
{
        json_object *row = json_object_new_object();

        (void)full;
        json_set_string(row, "Availability", "N/A");
        json_set_string(row, "Driver", json_get_string(v, "Driver"));
        json_set_string(row, "Group", "N/A");
        set_taken(row, "Labels", format_labels(json_get(v, "Labels")));
        json_set_string(row, "Links", "N/A");
        json_set_string(row, "Mountpoint", json_get_string(v, "Mountpoint"));
        json_set_string(row, "Name", json_get_string(v, "Name"));
        json_set_string(row, "Scope", json_get_string(v, "Scope"));
        json_set_string(row, "Size", "N/A");
        json_set_string(row, "Status", "N/A");
        return row;
}

static int compare_volume_names(const void *a, const void *b)
{
        return strcmp(json_get_string(*(json_object *const *)a, "Name"),
                      json_get_string(*(json_object *const *)b, "Name"));
}

static int run_volume_ls(struct cli *cli, struct invocation *call, struct error *err)
{
        struct volume_ls *o = call->values;
        cleanup_free char *filters = filters_text(o->filter);
        cleanup_query struct client_query q = {};
        cleanup_json json_object *answer = NULL;
        json_object *list;
        struct client *client;
        struct format *f;

        if (format_open(&volume_kind, configured(cli, o->format, o->quiet, "volumesFormat"), o->quiet, &f,
                        err) < 0)
                return -1;
        client_query_init(&q, "/volumes");
        client_query_add(&q, "filters", filters);
        if (cli_client(cli, &client, err) < 0 ||
            client_call(client, "GET", &q, NULL, &answer, NULL, err) < 0) {
                format_close(f, NULL);
                return -1;
        }
        list = json_get(answer, "Volumes");
        if (list)
                json_object_array_sort(list, compare_volume_names);
        return show_rows(f, list, true, volume_row, err);
}

/* ---- network ls ---- */

struct network_ls {
        char **filter;
        char *format;
        bool no_trunc, quiet;
};
static const struct option network_ls_options[] = {
        OPTION_FILTER(struct network_ls, filter, "Provide filter values (e.g. \"driver=bridge\")"),
        OPTION_FORMAT(struct network_ls, format, FORMAT_HELP),
        OPTION_BOOL("no-trunc", 0, struct network_ls, no_trunc, "Do not truncate the output"),
        OPTION_BOOL("quiet", 'q', struct network_ls, quiet, "Only display network IDs"),
};
static const struct format_field network_fields[] = {
        { "CreatedAt", "CREATED AT" },
        { "Driver", "DRIVER" },
        { "ID", "NETWORK ID" },
        { "IPv4", "IPV4" },
        { "IPv6", "IPV6" },
        { "Internal", "INTERNAL" },
        { "Labels", "LABELS" },
        { "Name", "NAME" },
        { "Scope", "SCOPE" },
};
static const struct format_kind network_kind = {
        "*network.networkContext",
        "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
        "{{.ID}}",
        network_fields,
        ARRAY_SIZE(network_fields),
        label_of,
        "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n"
};

/* "2026-01-02T03:04:05.1Z" → Go's default text of a time. */
static char *go_time(const char *text)
{
        int64_t t;
        time_t seconds;
        struct tm tm;
        char out[64];

        if (!text || time_parse_rfc3339(text, &t, NULL) < 0)
                return xstrdup("");
        seconds = t / NSEC_PER_SEC;
        gmtime_r(&seconds, &tm);
        strftime(out, sizeof(out), "%Y-%m-%d %H:%M:%S", &tm);
        return t % NSEC_PER_SEC ? string_format("%s.%09d +0000 UTC", out, (int)(t % NSEC_PER_SEC))
                                : string_format("%s +0000 UTC", out);
}

static json_object *network_row(json_object *n, bool full)
{
        json_object *row = json_object_new_object(), *v4 = json_get(n, "EnableIPv4");

        set_taken(row, "CreatedAt", go_time(json_get_string(n, "Created")));
        json_set_string(row, "Driver", json_get_string(n, "Driver"));
        set_taken(row, "ID", format_short_id(json_get_string(n, "Id"), full));
        json_set_string(row, "IPv4", !v4 || json_object_get_boolean(v4) ? "true" : "false");
        json_set_string(row, "IPv6", json_get_bool(n, "EnableIPv6") ? "true" : "false");
        json_set_string(row, "Internal", json_get_bool(n, "Internal") ? "true" : "false");
        set_taken(row, "Labels", format_labels(json_get(n, "Labels")));
        json_set_string(row, "Name", json_get_string(n, "Name"));
        json_set_string(row, "Scope", json_get_string(n, "Scope"));
        return row;
}

static int run_network_ls(struct cli *cli, struct invocation *call, struct error *err)
{
        struct network_ls *o = call->values;
        cleanup_free char *filters = filters_text(o->filter);
        cleanup_query struct client_query q = {};
        cleanup_json json_object *list = NULL;
        struct client *client;
        struct format *f;

        if (format_open(&network_kind, configured(cli, o->format, o->quiet, "networksFormat"), o->quiet, &f,
                        err) < 0)
                return -1;
        client_query_init(&q, "/networks");
        client_query_add(&q, "filters", filters);
        if (cli_client(cli, &client, err) < 0 || client_call(client, "GET", &q, NULL, &list, NULL, err) < 0) {
                format_close(f, NULL);
                return -1;
        }
        json_object_array_sort(list, compare_volume_names);
        return show_rows(f, list, o->no_trunc, network_row, err);
}

const struct command ps_command = { .name = "ps",
                                    .usage = "[OPTIONS]",
                                    .summary = "List containers",
                                    .aliases = "container ls, container list, container ps, ps",
                                    COMMAND_OPTIONS(ps_options, struct ps),
                                    .run = run_ps,
                                    .group = "Common Commands" };
const struct command container_ls_command = { .name = "ls",
                                              .usage = "[OPTIONS]",
                                              .summary = "List containers",
                                              .also = "list ps",
                                              .aliases = "container ls, container list, container ps, ps",
                                              COMMAND_OPTIONS(ps_options, struct ps),
                                              .run = run_ps };
const struct command volume_ls_command = { .name = "ls",
                                           .usage = "[OPTIONS]",
                                           .summary = "List volumes",
                                           .also = "list",
                                           .aliases = "volume ls, volume list",
                                           COMMAND_OPTIONS(volume_ls_options, struct volume_ls),
                                           .run = run_volume_ls };
const struct command network_ls_command = { .name = "ls",
                                            .usage = "[OPTIONS]",
                                            .summary = "List networks",
                                            .also = "list",
                                            .aliases = "network ls, network list",
                                            COMMAND_OPTIONS(network_ls_options, struct network_ls),
                                            .run = run_network_ls };
