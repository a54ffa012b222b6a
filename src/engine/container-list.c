/* GET /containers/json: filters, order, and the words of STATUS. */
#include "engine/container-internal.h"
#include "base/fd.h"
#include "store/image-store.h"

#include <ctype.h>
#include <inttypes.h>
#include <sys/stat.h>

static const char *const accepted_filters[] = { "ancestor",  "before",  "exited", "id",
                                                "isolation", "label",   "name",   "status",
                                                "health",    "since",   "volume", "network",
                                                "is-task",   "publish", "expose", NULL };
static const char *const statuses[] = { STATUS_CREATED, STATUS_RUNNING, STATUS_PAUSED, STATUS_RESTARTING,
                                        "removing",     STATUS_EXITED,  STATUS_DEAD,   NULL };
static const char *const healths[] = { "none", "starting", "healthy", "unhealthy", NULL };

struct listing {
        struct engine *engine;
        const struct container_list_options *options;
        const struct filters *filters;
        int64_t before, since; /* creation times; TIME_ZERO: none */
        char **ancestors;      /* image ids */
        int is_task;
};

/* ---- Sizes ---- */

static void add_tree_size(int folder, const char *path, int64_t *total, int depth)
{
        cleanup_closedir DIR *dir = NULL;
        struct dirent *entry;

        if (depth > 256 || directory_list(folder, path, &dir, NULL) < 0)
                return;
        while ((entry = readdir(dir))) {
                struct stat st;

                if (streq(entry->d_name, ".") || streq(entry->d_name, "..") ||
                    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                if (S_ISDIR(st.st_mode))
                        add_tree_size(dirfd(dir), entry->d_name, total, depth + 1);
                else if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
                        *total += st.st_size;
        }
}

void container_sizes(struct engine *engine, struct container *c, int64_t *ret_rw, int64_t *ret_root)
{
        cleanup_image struct image *image = NULL;
        struct digest id;
        int64_t rw = 0;

        add_tree_size(c->dirfd, "upper", &rw, 0);
        if (ret_rw)
                *ret_rw = rw;
        if (ret_root)
                *ret_root = rw + (digest_parse(c->image_id, &id, NULL) == 0 &&
                                          image_get(engine->store, &id, &image, NULL) == 0
                                      ? image->size
                                      : 0);
}

/* ---- Words ---- */

char *container_status_text(const struct container *c)
{
        const struct container_state *s = &c->state;
        int64_t now = time_now();
        bool restarting = streq(s->status, STATUS_RESTARTING), up = container_state_is_up(s) && !restarting;
        int64_t since = up ? s->started_at : s->finished_at; /* negative: never */
        cleanup_free char *age = duration_human(since > 0 ? now - since : 0), *health = NULL;

        if (restarting)
                return string_format("Restarting (%d) %s ago", s->exit_code, age);
        if (up) {
                if (streq(s->status, STATUS_PAUSED))
                        return string_format("Up %s (Paused)", age);
                if (s->health)
                        health =
                            string_format(" (%s%s)", streq(s->health->status, "starting") ? "health: " : "",
                                          s->health->status);
                return string_format("Up %s%s", age, health ? health : "");
        }
        if (c->removing)
                return xstrdup("Removal In Progress");
        if (streq(s->status, STATUS_DEAD))
                return xstrdup("Dead");
        if (s->started_at == TIME_ZERO)
                return xstrdup("Created");
        return s->finished_at == TIME_ZERO ? xstrdup("")
                                           : string_format("Exited (%d) %s ago", s->exit_code, age);
}

/* Arguments joined as Docker does: those with spaces in single quotes. */
static char *command_text(const struct container *c)
{
        struct strbuf b = {};

        strbuf_adds(&b, c->path);
        for (size_t i = 0; c->args && c->args[i]; i++)
                strbuf_addf(&b, strchr(c->args[i], ' ') ? " '%s'" : " %s", c->args[i]);
        return strbuf_take(&b);
}

/* ---- Filters ---- */

static int check_values(const struct filters *f, const char *key, const char *const *allowed,
                        const char *what, struct error *err)
{
        char *const *values = filters_get(f, key);

        for (; values && *values; values++) {
                cleanup_free char *list = NULL;
                bool known = false;

                for (size_t i = 0; allowed[i]; i++)
                        known |= streq(allowed[i], *values);
                if (known)
                        continue;
                list = strv_join((char *const *)allowed, ", ");
                return error_set(err, ERROR_INVALID,
                                 "invalid filter '%s=%s': invalid value for %s (%s): must be one of %s", key,
                                 *values, what, *values, list);
        }
        return 0;
}

/* The creation time of the container that `key` names; of several the last counts. */
static int reference_time(struct engine *engine, const struct filters *f, const char *key, int64_t *ret,
                          struct error *err)
{
        char *const *values = filters_get(f, key);

        *ret = TIME_ZERO;
        for (; values && *values; values++) {
                cleanup_container struct container *c = NULL;

                if (container_find(engine, *values, &c, err) < 0)
                        return -1;
                *ret = c->created;
        }
        return 0;
}

static int check_exited(const struct filters *f, struct error *err)
{
        char *const *values = filters_get(f, "exited");
        int64_t number;

        for (; values && *values; values++)
                if (string_to_int64(*values, &number, NULL) < 0)
                        return error_set(err, ERROR_INVALID,
                                         "invalid filter 'exited=%s': strconv.Atoi: parsing \"%s\": invalid "
                                         "syntax",
                                         *values, *values);
        return 0;
}

static int check_port_number(const char *text, const char *what, const char *whole, struct error *err)
{
        int64_t number = 0;
        bool digits = *text && strspn(text, "0123456789") == strlen(text);

        if (digits && string_to_int64(text, &number, NULL) == 0 && number <= UINT16_MAX)
                return 0;
        return error_set(err, ERROR_INVALID,
                         "error while looking up for %s %s: strconv.ParseUint: parsing \"%s\": %s", what,
                         whole, text, digits ? "value out of range" : "invalid syntax");
}

/* "80", "80/tcp", "1000-9000/udp" */
static int check_ports(const struct filters *f, const char *what, struct error *err)
{
        char *const *values = filters_get(f, what);

        for (; values && *values; values++) {
                cleanup_free char *first = xstrndup(*values, strcspn(*values, "/"));
                char *dash = strchr(first, '-');

                if (dash)
                        *dash++ = 0;
                if (check_port_number(first, what, *values, err) < 0 ||
                    (dash && check_port_number(dash, what, *values, err) < 0))
                        return -1;
        }
        return 0;
}

static int prepare(struct listing *l, struct error *err)
{
        const struct filters *f = l->filters;
        char *const *names;
        bool is_task;

        if (filters_check(f, accepted_filters, err) < 0 || check_exited(f, err) < 0 ||
            check_ports(f, "publish", err) < 0 || check_ports(f, "expose", err) < 0 ||
            check_values(f, "status", statuses, "state", err) < 0 ||
            check_values(f, "health", healths, "health", err) < 0 ||
            filters_get_bool(f, "is-task", false, &is_task, err) < 0 ||
            reference_time(l->engine, f, "before", &l->before, err) < 0 ||
            reference_time(l->engine, f, "since", &l->since, err) < 0)
                return -1;
        l->is_task = filters_get(f, "is-task") && is_task;
        for (names = filters_get(f, "ancestor"); names && *names; names++) {
                cleanup_image struct image *image = NULL;

                if (!l->ancestors)
                        l->ancestors = strv_new();
                if (image_resolve(l->engine->store, *names, &image, NULL) == 0)
                        strv_append(&l->ancestors, image->id_text);
        }
        return 0;
}

static bool matches_name(const struct container *c, const struct filters *f)
{
        cleanup_free char *slashed = string_format("/%s", c->name);

        return filters_match_regex(f, "name", c->name) || filters_match_regex(f, "name", slashed);
}

/* "8080", "8080/tcp", "1000-9000/udp" against "80/tcp". */
static bool port_in(const char *wanted, const char *port)
{
        const char *protocol = strchr(wanted, '/'), *own = strchr(port, '/'), *dash = strchr(wanted, '-');
        long first = strtol(wanted, NULL, 10), last = dash ? strtol(dash + 1, NULL, 10) : first,
             number = strtol(port, NULL, 10);

        return number >= first && number <= last && streq(protocol ? protocol : "/tcp", own ? own : "/tcp");
}

static bool matches_exposed(const struct container *c, char *const *wanted)
{
        for (; wanted && *wanted; wanted++) {
                for (size_t i = 0; c->config.exposed_ports && c->config.exposed_ports[i]; i++)
                        if (port_in(*wanted, c->config.exposed_ports[i]))
                                return true;
                for (size_t i = 0; i < c->host.n_port_bindings; i++)
                        if (port_in(*wanted, c->host.port_bindings[i].port))
                                return true;
        }
        return false;
}

/* Published are the host's ports. */
static bool matches_published(const struct network_settings *settings, char *const *wanted)
{
        for (size_t i = 0; i < settings->n_ports; i++)
                for (size_t b = 0; b < settings->ports[i].count; b++) {
                        const char *protocol = strchr(settings->ports[i].port, '/');
                        cleanup_free char *port = string_format(
                            "%s%s", settings->ports[i].bindings[b].host_port, protocol ? protocol : "/tcp");

                        for (char *const *w = wanted; w && *w; w++)
                                if (port_in(*w, port))
                                        return true;
                }
        return false;
}

static bool matches_volume(const struct container *c, const struct filters *f)
{
        if (!filters_get(f, "volume"))
                return true;
        for (size_t i = 0; i < c->mounts.count; i++) {
                const struct mount_point *m = &c->mounts.items[i];

                if (filters_match(f, "volume", m->destination) ||
                    (!string_empty(m->name) && filters_match(f, "volume", m->name)) ||
                    (streq(m->type, "bind") && filters_match(f, "volume", m->source)))
                        return true;
        }
        return false;
}

static bool matches_network(const struct network_settings *settings, const struct filters *f)
{
        if (!filters_get(f, "network"))
                return true;
        for (size_t i = 0; i < settings->n_networks; i++)
                if (filters_match(f, "network", settings->networks[i].name) ||
                    filters_match(f, "network", settings->networks[i].settings.network_id))
                        return true;
        return false;
}

static bool matches_exited(const struct container *c, const struct filters *f)
{
        cleanup_free char *code = string_format("%d", c->state.exit_code);

        return !filters_get(f, "exited") ||
               (c->state.started_at != TIME_ZERO && !container_state_is_up(&c->state) &&
                filters_match(f, "exited", code));
}

static bool matches(struct listing *l, const struct container *c, const struct network_settings *settings)
{
        const struct filters *f = l->filters;
        const char *status = c->removing ? "removing" : c->state.status;

        if (!matches_name(c, f) || !filters_match_prefix(f, "id", c->id) ||
            !filters_match_labels(f, "label", &c->config.labels) || !filters_match(f, "status", status) ||
            !matches_exited(c, f) || !matches_volume(c, f) || !matches_network(settings, f) ||
            !filters_match(f, "health", c->state.health ? c->state.health->status : "none"))
                return false;
        if ((l->before != TIME_ZERO && c->created >= l->before) ||
            (l->since != TIME_ZERO && c->created <= l->since) || l->is_task)
                return false;
        if (l->ancestors && !strv_contains(l->ancestors, c->image_id))
                return false;
        if (filters_get(f, "expose") && !matches_exposed(c, filters_get(f, "expose")))
                return false;
        return !filters_get(f, "publish") || matches_published(settings, filters_get(f, "publish"));
}

int container_until_filter(const struct filters *filters, int64_t *ret, struct error *err)
{
        char *const *values = filters_get(filters, "until");
        int64_t age, seconds;

        *ret = TIME_ZERO;
        if (!values || !*values)
                return 0;
        if (values[1])
                return error_set(err, ERROR_INVALID, "more than one until filter specified");
        if (duration_parse(*values, &age, NULL) == 0)
                *ret = time_now() - age;
        else if (time_parse_rfc3339(*values, ret, NULL) < 0) {
                if (string_to_int64(*values, &seconds, NULL) < 0)
                        return error_set(err, ERROR_INVALID,
                                         "failed to parse value as time or duration: \"%s\"", *values);
                *ret = seconds * NSEC_PER_SEC;
        }
        return 0;
}

/* ---- Rows ---- */

static void add_port(json_object *out, const char *ip, const char *port, const char *public)
{
        json_object *entry = json_object_new_object();
        const char *slash = strchr(port, '/');

        if (ip)
                json_set_string(entry, "IP", ip);
        json_object_object_add(entry, "PrivatePort", json_object_new_int(atoi(port)));
        if (public)
                json_object_object_add(entry, "PublicPort", json_object_new_int(atoi(public)));
        json_set_string(entry, "Type", slash ? slash + 1 : "tcp");
        json_object_array_add(out, entry);
}

static json_object *ports_json(const struct network_settings *settings)
{
        json_object *out = json_object_new_array();

        for (size_t i = 0; i < settings->n_ports; i++) {
                const struct port_map_entry *p = &settings->ports[i];

                if (!p->count)
                        add_port(out, NULL, p->port, NULL);
                for (size_t b = 0; b < p->count; b++)
                        add_port(out, p->bindings[b].host_ip, p->port, p->bindings[b].host_port);
        }
        return out;
}

static json_object *networks_json(const struct network_settings *settings)
{
        json_object *out = json_object_new_object(), *networks = json_object_new_object();

        for (size_t i = 0; i < settings->n_networks; i++)
                json_object_object_add(
                    networks, settings->networks[i].name,
                    json_unbind(&endpoint_settings_table, &settings->networks[i].settings));
        json_object_object_add(out, "Networks", networks);
        return out;
}

/* The name that was used, or the id once that name is another image's. */
static const char *image_name(struct engine *engine, const struct container *c)
{
        cleanup_image struct image *image = NULL;

        if (image_resolve(engine->store, c->config.image, &image, NULL) < 0 ||
            !streq(image->id_text, c->image_id))
                return c->image_id;
        return c->config.image;
}

static json_object *row(struct listing *l, struct container *c, const struct network_settings *settings)
{
        json_object *out = json_object_new_object(), *names = json_object_new_array(),
                    *host = json_object_new_object(), *labels = json_object_new_object();
        cleanup_free char *name = string_format("/%s", c->name), *command = command_text(c),
                          *status = container_status_text(c);
        cleanup_strmap struct strmap sorted = {};
        int64_t rw, root;

        json_object_array_add(names, json_object_new_string(name));
        strmap_copy(&sorted, &c->config.labels);
        strmap_sort(&sorted);
        for (size_t i = 0; i < sorted.count; i++)
                json_set_string(labels, sorted.pairs[i].key, sorted.pairs[i].value);
        json_set_string(host, "NetworkMode", c->host.network_mode);
        if (c->host.annotations.count) {
                json_object *annotations = json_object_new_object();

                for (size_t i = 0; i < c->host.annotations.count; i++)
                        json_set_string(annotations, c->host.annotations.pairs[i].key,
                                        c->host.annotations.pairs[i].value);
                json_object_object_add(host, "Annotations", annotations);
        }
        json_set_string(out, "Id", c->id);
        json_object_object_add(out, "Names", names);
        json_set_string(out, "Image", image_name(l->engine, c));
        json_set_string(out, "ImageID", c->image_id);
        json_set_string(out, "Command", command);
        json_object_object_add(out, "Created", json_object_new_int64(c->created / NSEC_PER_SEC));
        json_object_object_add(out, "Ports", ports_json(settings));
        if (l->options->size) {
                container_sizes(l->engine, c, &rw, &root);
                if (rw)
                        json_object_object_add(out, "SizeRw", json_object_new_int64(rw));
                json_object_object_add(out, "SizeRootFs", json_object_new_int64(root));
        }
        json_object_object_add(out, "Labels", labels);
        json_set_string(out, "State", c->removing ? "removing" : c->state.status);
        json_set_string(out, "Status", status);
        json_object_object_add(out, "HostConfig", host);
        json_object_object_add(out, "NetworkSettings", networks_json(settings));
        json_object_object_add(out, "Mounts", container_mounts_json(c));
        return out;
}

static int newest_first(const void *a, const void *b)
{
        const struct container *x = *(struct container *const *)a, *y = *(struct container *const *)b;

        return x->created < y->created ? 1 : x->created > y->created ? -1 : 0;
}

/* Of what state are shown without --all? Filters of state and a limit imply it. */
static bool shows_all(const struct listing *l)
{
        return l->options->all || l->options->limit > 0 || filters_get(l->filters, "status") ||
               filters_get(l->filters, "exited") || l->before != TIME_ZERO || l->since != TIME_ZERO;
}

static int add_rows(struct listing *l, struct container **list, size_t count, json_object *out,
                    struct error *err)
{
        int shown = 0;

        for (size_t i = 0; i < count && (l->options->limit <= 0 || shown < l->options->limit); i++) {
                struct network_settings settings = {};
                cleanup_free char *dir = NULL;
                struct network_member member;
                int r;

                if (!shows_all(l) && !container_is_running(list[i]))
                        continue;
                member = container_member(l->engine, list[i], &dir);
                r = network_container_settings(l->engine->networks, &member, &settings, err);
                if (r == 0) {
                        json_object *one = NULL;

                        pthread_mutex_lock(&list[i]->lock);
                        if (matches(l, list[i], &settings))
                                one = row(l, list[i], &settings);
                        pthread_mutex_unlock(&list[i]->lock);
                        if (one) {
                                container_link_names(l->engine, list[i],
                                                     json_object_object_get(one, "Names"));
                                json_object_array_add(out, one);
                                shown++;
                        }
                }
                json_free_fields(&network_settings_table, &settings);
                if (r < 0)
                        return -1;
        }
        return 0;
}

int engine_container_list(struct engine *engine, const struct container_list_options *options,
                          json_object **ret, struct error *err)
{
        static const struct filters none = {};
        struct listing l = { engine,    options,   options->filters ? options->filters : &none,
                             TIME_ZERO, TIME_ZERO, NULL,
                             0 };
        cleanup_json json_object *out = json_object_new_array();
        struct container **list;
        size_t count;
        int r = prepare(&l, err);

        if (r == 0) {
                container_list_all(engine, &list, &count);
                if (count)
                        qsort(list, count, sizeof(*list), newest_first);
                r = add_rows(&l, list, count, out, err);
                container_list_drop(list, count);
        }
        strv_free(l.ancestors);
        if (r < 0)
                return -1;
        *ret = take_ptr(out);
        return 0;
}

void engine_container_counts(struct engine *engine, struct container_counts *ret)
{
        struct container **list;
        size_t count;

        *ret = (struct container_counts){};
        container_list_all(engine, &list, &count);
        for (size_t i = 0; i < count; i++) {
                pthread_mutex_lock(&list[i]->lock);
                ret->all++;
                if (streq(list[i]->state.status, STATUS_PAUSED))
                        ret->paused++;
                else if (container_state_is_up(&list[i]->state))
                        ret->running++;
                else
                        ret->stopped++;
                pthread_mutex_unlock(&list[i]->lock);
        }
        container_list_drop(list, count);
}
