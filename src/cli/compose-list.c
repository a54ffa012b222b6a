/* compose images, ls, volumes, port, top. */
#include "base/units.h"
#include "base/time.h"
#include "cli/compose-session.h"
#include "cli/each.h"
#include "cli/format.h"
#include "cli/list.h"

#include <stdio.h>

struct listing {
        bool all, dry_run, quiet;
        char **filter;
        char *format, *protocol;
        int64_t index;
};

/* ---- images ---- */

static const struct option images_options[] = {
        COMPOSE_DRY_RUN(struct listing),
        OPTION_STRING("format", 0, struct listing, format, "Format the output. Values: [table | json]",
                      "\"table\""),
        OPTION_BOOL("quiet", 'q', struct listing, quiet, "Only display IDs"),
};

static void split_name(const char *name, char **ret_repository, char **ret_tag)
{
        const char *slash = strrchr(name, '/'), *colon = strrchr(slash ? slash : name, ':');

        *ret_repository = xstrndup(name, colon ? (size_t)(colon - name) : strlen(name));
        *ret_tag = xstrdup(colon ? colon + 1 : "latest");
}

/* What the engine knows of a container's image. */
static json_object *image_row(struct compose_session *s, const struct compose_container *c, struct error *err)
{
        const char *id = json_get_string(c->summary, "ImageID"), *name = json_get_string(c->summary, "Image");
        cleanup_json json_object *image = NULL;
        cleanup_query struct client_query q = {};
        cleanup_free char *repository = NULL, *tag = NULL, *platform = NULL;
        const char *variant;
        json_object *row;

        client_query_init(&q, "/images/%s/json", id ? id : "");
        if (client_call(s->engine.client, "GET", &q, NULL, &image, NULL, err) < 0)
                return NULL;
        split_name(name ? name : "", &repository, &tag);
        variant = json_get_string(image, "Variant");
        platform =
            string_format("%s/%s%s%s", json_get_string(image, "Os"), json_get_string(image, "Architecture"),
                          string_empty(variant) ? "" : "/", string_empty(variant) ? "" : variant);
        row = json_object_new_object();
        json_set_string(row, "ID", id);
        json_set_string(row, "ContainerName", c->name);
        json_set_string(row, "Repository", repository);
        json_set_string(row, "Tag", tag);
        json_set_string(row, "Platform", platform);
        json_object_object_add(row, "Size", json_object_new_int64(json_get_int64(image, "Size", 0)));
        json_set_string(row, "Created", json_get_string(image, "Created"));
        json_set_string(row, "LastTagTime", json_get_string(json_get(image, "Metadata"), "LastTagTime"));
        return row;
}

static void add_image_line(struct strbuf *out, json_object *row)
{
        const char *id = json_get_string(row, "ID"), *created = json_get_string(row, "Created");
        cleanup_free char *size = size_format((double)json_get_int64(row, "Size", 0), 3),
                          *shown = format_short_id(id, false), *age = NULL;
        int64_t t = 0;

        if (created && time_parse_rfc3339(created, &t, NULL) == 0)
                age = format_ago(t / NSEC_PER_SEC);
        strbuf_addf(out, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", json_get_string(row, "ContainerName"),
                    json_get_string(row, "Repository"), json_get_string(row, "Tag"),
                    json_get_string(row, "Platform"), shown, size, age ? age : "N/A");
}

static void print_images(const struct listing *o, json_object *rows)
{
        cleanup_strbuf struct strbuf out = {};
        cleanup_strv char **ids = strv_new();

        strbuf_adds(&out, "CONTAINER\tREPOSITORY\tTAG\tPLATFORM\tIMAGE ID\tSIZE\tCREATED\n");
        for (size_t i = 0; i < json_object_array_length(rows); i++) {
                json_object *row = json_object_array_get_idx(rows, i);
                const char *id = json_get_string(row, "ID"),
                           *digits = id ? string_after(id, "sha256:") : NULL;

                add_image_line(&out, row);
                if (!strv_contains(ids, digits ? digits : ""))
                        strv_append(&ids, digits ? digits : "");
        }
        if (o->quiet) {
                for (char **id = ids; *id; id++)
                        printf("%s\n", *id);
        } else if (streq(o->format, "json")) {
                cleanup_free char *text = json_format(rows);

                printf("%s\n", text);
        } else {
                table_print(out.data, 20, stdout);
        }
}

static int run_images(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        cleanup_json json_object *rows = json_object_new_array();

        if (compose_session_open(cli, call->args, COMPOSE_NEED_PROJECT, "", &s, err) < 0 ||
            compose_containers_list(&s.engine, s.name, COMPOSE_NO_ONEOFFS, true, &containers, err) < 0)
                return -1;
        compose_containers_keep(&containers, call->args);
        for (size_t i = 0; i < containers.count; i++) {
                json_object *row = image_row(&s, containers.list[i], err);

                if (!row)
                        return -1;
                json_object_array_add(rows, row);
        }
        print_images(call->values, rows);
        return 0;
}

const struct command compose_images_command = { .name = "images",
                                                .usage = "[OPTIONS] [SERVICE...]",
                                                .summary = "List images used by the created containers",
                                                COMPOSE_COMMAND_OPTIONS(images_options, struct listing),
                                                .max_args = -1,
                                                .run = run_images };

/* ---- ls ---- */

static const struct option ls_options[] = {
        OPTION_BOOL("all", 'a', struct listing, all, "Show all stopped Compose projects"),
        COMPOSE_DRY_RUN(struct listing),
        OPTION_ROW("filter", 0, OPTION_KIND_LIST, struct listing, filter, "filter",
                   "Filter output based on conditions provided", NULL, option_check_filter),
        OPTION_STRING("format", 0, struct listing, format, "Format the output. Values: [table | json]",
                      "\"table\""),
        OPTION_BOOL("quiet", 'q', struct listing, quiet, "Only display project names"),
};

struct stack {
        char *name, *files;
        char **states; /* one for each container */
};

static struct stack *stack_of(struct stack **list, size_t *count, const char *name)
{
        struct stack new = { .name = xstrdup(name) };

        for (size_t i = 0; i < *count; i++)
                if (streq((*list)[i].name, name)) {
                        free(new.name);
                        return &(*list)[i];
                }
        ARRAY_APPEND(*list, *count, new);
        return &(*list)[*count - 1];
}

/* "exited(1), running(2)" */
static char *states_text(struct stack *s)
{
        cleanup_strbuf struct strbuf b = {};

        strv_sort(s->states);
        for (char **p = s->states; p && *p;) {
                size_t n = 1;

                while (p[n] && streq(p[n], *p))
                        n++;
                strbuf_addf(&b, "%s%s(%zu)", b.len ? ", " : "", *p, n);
                p += n;
        }
        return strbuf_take(&b);
}

static bool name_matches(char *const *filters, const char *name)
{
        bool any = false, match = false;

        for (; filters && *filters; filters++) {
                const char *wanted = string_after(*filters, "name=");

                any = true;
                match |= wanted && strstr(name, wanted);
        }
        return !any || match;
}

static int compare_stacks(const void *a, const void *b)
{
        return strcmp(((const struct stack *)a)->name, ((const struct stack *)b)->name);
}

static int list_stacks(struct client *client, bool all, struct stack **ret, size_t *ret_count,
                       struct error *err)
{
        cleanup_json json_object *answer = NULL;
        cleanup_query struct client_query q = {};

        client_query_init(&q, "/containers/json");
        client_query_add_bool(&q, "all", all);
        client_query_add(&q, "filters", "{\"label\":[\"" LABEL_PROJECT "\",\"" LABEL_CONFIG_HASH "\"]}");
        if (client_call(client, "GET", &q, NULL, &answer, NULL, err) < 0)
                return -1;
        for (size_t i = 0;
             json_object_is_type(answer, json_type_array) && i < json_object_array_length(answer); i++) {
                json_object *one = json_object_array_get_idx(answer, i), *labels = json_get(one, "Labels");
                const char *name = json_get_string(labels, LABEL_PROJECT),
                           *files = json_get_string(labels, LABEL_CONFIG_FILES),
                           *state = json_get_string(one, "State");
                struct stack *s;

                if (!name || !state)
                        continue;
                s = stack_of(ret, ret_count, name);
                strv_append(&s->states, state);
                if (!s->files)
                        s->files = xstrdup(files ? files : "N/A");
        }
        if (*ret_count)
                qsort(*ret, *ret_count, sizeof(**ret), compare_stacks);
        return 0;
}

static void print_stacks(const struct listing *o, struct stack *list, size_t count)
{
        cleanup_json json_object *rows = json_object_new_array();
        cleanup_strbuf struct strbuf out = {};

        strbuf_adds(&out, "NAME\tSTATUS\tCONFIG FILES\n");
        for (size_t i = 0; i < count; i++) {
                cleanup_free char *states = states_text(&list[i]);
                json_object *row;

                if (!name_matches(o->filter, list[i].name))
                        continue;
                row = json_object_new_object();
                json_set_string(row, "Name", list[i].name);
                json_set_string(row, "Status", states);
                json_set_string(row, "ConfigFiles", list[i].files);
                json_object_array_add(rows, row);
                strbuf_addf(&out, "%s\t%s\t%s\n", list[i].name, states, list[i].files);
                if (o->quiet)
                        printf("%s\n", list[i].name);
        }
        if (!o->quiet && streq(o->format, "json")) {
                cleanup_free char *text = json_format(rows);

                printf("%s\n", text);
        } else if (!o->quiet) {
                table_print(out.data, 20, stdout);
        }
}

static int run_ls(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct listing *o = call->values;
        struct stack *list = NULL;
        struct client *client;
        size_t count = 0;
        int r;

        for (char **f = o->filter; f && *f; f++)
                if (!string_after(*f, "name="))
                        return error_set(err, ERROR_INVALID, "invalid filter '%.*s'", (int)strcspn(*f, "="),
                                         *f);
        if (cli_client(cli, &client, err) < 0)
                return -1;
        r = list_stacks(client, o->all, &list, &count, err);
        if (r == 0)
                print_stacks(o, list, count);
        for (size_t i = 0; i < count; i++) {
                free(list[i].name);
                free(list[i].files);
                strv_free(list[i].states);
        }
        free(list);
        return r;
}

const struct command compose_ls_command = { .name = "ls",
                                            .usage = "[OPTIONS]",
                                            .summary = "List running compose projects",
                                            COMPOSE_COMMAND_OPTIONS(ls_options, struct listing),
                                            .run = run_ls };

/* ---- volumes ---- */

static const struct option volumes_options[] = {
        COMPOSE_DRY_RUN(struct listing),
        OPTION_STRING(
            "format", 0, struct listing, format,
            "Format output using a custom template:\n'table':            Print output in table format "
            "with column headers (default)\n'table TEMPLATE':   Print output in table format using the "
            "given Go template\n'json':             Print in JSON format\n'TEMPLATE':         Print "
            "output using the given Go template.\nRefer to https://docs.docker.com/go/formatting/ for "
            "more information about formatting output with templates",
            "\"table\""),
        OPTION_BOOL("quiet", 'q', struct listing, quiet, "Only display volume names"),
};

static bool is_mounted(const struct compose_containers *containers, const char *name)
{
        for (size_t i = 0; i < containers->count; i++) {
                json_object *mounts = json_get(containers->list[i]->summary, "Mounts");

                for (size_t k = 0;
                     json_object_is_type(mounts, json_type_array) && k < json_object_array_length(mounts);
                     k++)
                        if (streq(json_get_string(json_object_array_get_idx(mounts, k), "Name"), name))
                                return true;
        }
        return false;
}

static int run_volumes(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct listing *o = call->values;
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        cleanup_json json_object *answer = NULL;
        cleanup_query struct client_query q = {};
        cleanup_free char *filters = NULL;
        json_object *list;
        struct format *f;

        if (compose_session_open(cli, call->args, COMPOSE_NEED_PROJECT, "", &s, err) < 0 ||
            compose_containers_list(&s.engine, s.name, COMPOSE_NO_ONEOFFS, true, &containers, err) < 0)
                return -1;
        compose_containers_keep(&containers, call->args);
        filters = string_format("{\"label\":[\"" LABEL_PROJECT "=%s\"]}", s.name);
        client_query_init(&q, "/volumes");
        client_query_add(&q, "filters", filters);
        if (client_call(s.engine.client, "GET", &q, NULL, &answer, NULL, err) < 0 ||
            format_open(&volume_kind, o->format, o->quiet, &f, err) < 0)
                return -1;
        list = json_get(answer, "Volumes");
        for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
             i++) {
                json_object *one = json_object_array_get_idx(list, i);

                if (*call->args && !is_mounted(&containers, json_get_string(one, "Name")))
                        continue;
                if (format_row(f, volume_row(json_object_get(one), false), err) < 0) {
                        format_close(f, NULL);
                        return -1;
                }
        }
        return format_close(f, err);
}

const struct command compose_volumes_command = { .name = "volumes",
                                                 .usage = "[OPTIONS] [SERVICE...]",
                                                 .summary = "List volumes",
                                                 COMPOSE_COMMAND_OPTIONS(volumes_options, struct listing),
                                                 .max_args = -1,
                                                 .run = run_volumes };

/* ---- port ---- */

static const struct option port_options[] = {
        COMPOSE_DRY_RUN(struct listing),
        OPTION_INT("index", 0, struct listing, index,
                   "Index of the container if service has multiple replicas"),
        OPTION_STRING("protocol", 0, struct listing, protocol, "tcp or udp", "\"tcp\""),
};

static int run_port(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct listing *o = call->values;
        const char *protocol = o->protocol ? o->protocol : "tcp";
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        cleanup_strbuf struct strbuf known = {};
        struct compose_container *c;
        json_object *ports;
        int64_t port;

        if (string_to_int64(call->args[1], &port, NULL) < 0)
                return error_set(err, ERROR_INVALID, "strconv.ParseUint: parsing \"%s\": invalid syntax",
                                 call->args[1]);
        if (compose_session_open(cli, NULL, COMPOSE_NEED_NAME, "", &s, err) < 0 ||
            compose_session_container(&s, call->args[0], o->index, false, &containers, &c, err) < 0)
                return -1;
        ports = json_get(c->summary, "Ports");
        for (size_t i = 0; json_object_is_type(ports, json_type_array) && i < json_object_array_length(ports);
             i++) {
                json_object *one = json_object_array_get_idx(ports, i);
                const char *ip = json_get_string(one, "IP"), *type = json_get_string(one, "Type");
                long long private = (long long)json_get_int64(one, "PrivatePort", 0),
                          public = (long long)json_get_int64(one, "PublicPort", 0);

                if (private == port && streq(type, protocol) && public) {
                        printf(strchr(ip ? ip : "", ':') ? "[%s]:%lld\n" : "%s:%lld\n", ip ? ip : "", public);
                        return 0;
                }
                strbuf_addf(&known, "%s%lld/%s", known.len ? ", " : "", private, type ? type : "tcp");
        }
        return error_set(err, ERROR_NOT_FOUND, "no port %lld/%s for container %s: %s", (long long)port,
                         protocol, c->name, known.data ? known.data : "");
}

const struct command compose_port_command = { .name = "port",
                                              .usage = "[OPTIONS] SERVICE PRIVATE_PORT",
                                              .summary = "Print the public port for a port binding",
                                              COMPOSE_COMMAND_OPTIONS(port_options, struct listing),
                                              .min_args = 2,
                                              .max_args = -1,
                                              .run = run_port };

/* ---- top ---- */

static const struct option top_options[] = { COMPOSE_DRY_RUN(struct listing) };

static void add_words(struct strbuf *out, json_object *words)
{
        for (size_t i = 0; json_object_is_type(words, json_type_array) && i < json_object_array_length(words);
             i++)
                strbuf_addf(out, "\t%s", json_object_get_string(json_object_array_get_idx(words, i)));
        strbuf_addc(out, '\n');
}

static int run_top(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_compose_session struct compose_session s = {};
        cleanup_compose_containers struct compose_containers containers = {};
        cleanup_strbuf struct strbuf out = {};

        if (compose_session_open(cli, call->args, COMPOSE_NEED_PROJECT, "", &s, err) < 0 ||
            compose_containers_list(&s.engine, s.name, COMPOSE_NO_ONEOFFS, false, &containers, err) < 0)
                return -1;
        compose_containers_keep(&containers, call->args);
        for (size_t i = 0; i < containers.count; i++) {
                const struct compose_container *c = containers.list[i];
                cleanup_json json_object *answer = NULL;
                cleanup_query struct client_query q = {};
                json_object *processes;

                client_query_init(&q, "/containers/%s/top", c->id);
                if (client_call(s.engine.client, "GET", &q, NULL, &answer, NULL, err) < 0)
                        return -1;
                if (!out.len) {
                        strbuf_adds(&out, "SERVICE\t#");
                        add_words(&out, json_get(answer, "Titles"));
                }
                processes = json_get(answer, "Processes");
                for (size_t k = 0; json_object_is_type(processes, json_type_array) &&
                                   k < json_object_array_length(processes);
                     k++) {
                        strbuf_addf(&out, "%s\t%d", c->service, c->number);
                        add_words(&out, json_object_array_get_idx(processes, k));
                }
        }
        if (out.len)
                table_print(out.data, 4, stdout);
        return 0;
}

const struct command compose_top_command = { .name = "top",
                                             .usage = "[SERVICES...]",
                                             .summary = "Display the running processes",
                                             COMPOSE_COMMAND_OPTIONS(top_options, struct listing),
                                             .max_args = -1,
                                             .run = run_top };
