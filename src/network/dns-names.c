/* The endpoint files, read again when their folder has changed (davitd replaces files by rename, which
 * changes it). */
#include "network/dns.h"

#include "base/fd.h"
#include "network/resolv-conf.h"

#include <string.h>
#include <strings.h>

#define FILE_MAX 65536

static void endpoint_deinit(struct dns_endpoint *e)
{
        free(e->container);
        strv_free(e->names);
}

static void network_clear(struct dns_network *n)
{
        for (size_t i = 0; i < n->n_endpoints; i++)
                endpoint_deinit(&n->endpoints[i]);
        free(n->endpoints);
        n->endpoints = NULL;
        n->n_endpoints = 0;
        n->changed = (struct timespec){ 0 };
}

static void networks_clear(struct dns_view *view)
{
        for (size_t i = 0; i < view->n_networks; i++) {
                network_clear(&view->networks[i]);
                strmap_deinit(&view->networks[i].links);
                free(view->networks[i].id);
                free(view->networks[i].name);
        }
        free(view->networks);
        view->networks = NULL;
        view->n_networks = 0;
        strv_free(view->servers);
        view->servers = NULL;
        view->host_changed = (struct timespec){ 0 };
        view->no_external = false;
}

void dns_view_deinit(struct dns_view *view)
{
        networks_clear(view);
        if (view->dirfd >= 0)
                close(view->dirfd);
        free(view->id);
        *view = (struct dns_view){ .dirfd = -1 };
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
        return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* The time to remember for what was just read: none when it is so fresh that a second change could have the
 * same. */
static struct timespec settled(const struct timespec *changed)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        if (now.tv_sec - changed->tv_sec > 1)
                return *changed;
        return (struct timespec){ 0 };
}

static char **read_lines(int dirfd, const char *name)
{
        cleanup_free char *text = NULL;
        size_t len;

        return file_read(dirfd, name, FILE_MAX, &text, &len, NULL) < 0 ? NULL : strv_split(text, '\n');
}

/* ---- The container's own file ---- */

static void add_network(struct dns_view *view, const char *text)
{
        const char *space = strchr(text, ' ');
        struct dns_network n = { 0 };

        if (!space)
                return;
        n.id = xstrndup(text, (size_t)(space - text));
        n.name = xstrdup(space + 1);
        if (strchr(n.id, '/') || n.id[0] == '.') {
                free(n.id);
                free(n.name);
                return;
        }
        ARRAY_APPEND(view->networks, view->n_networks, n);
}

/* "NETWORK_ID ALIAS NAME", behind the network's own line */
static void add_link(struct dns_view *view, const char *text)
{
        cleanup_strv char **words = strv_split(text, ' ');

        if (strv_length(words) != 3)
                return;
        for (size_t i = 0; i < view->n_networks; i++)
                if (streq(view->networks[i].id, words[0]))
                        strmap_set(&view->networks[i].links, words[1], words[2]);
}

static void read_resolver(struct dns_view *view)
{
        cleanup_free char *path = string_format("resolver/%s", view->id);
        cleanup_strv char **lines = NULL;
        struct stat st;

        if (fstatat(view->dirfd, path, &st, 0) < 0 || same_time(&st.st_mtim, &view->changed))
                return;
        lines = read_lines(view->dirfd, path);
        if (!lines)
                return;
        networks_clear(view);
        for (char **line = lines; *line; line++) {
                const char *value;

                if ((value = string_after(*line, "network ")))
                        add_network(view, value);
                else if ((value = string_after(*line, "server ")))
                        strv_append(&view->servers, value);
                else if ((value = string_after(*line, "link ")))
                        add_link(view, value);
                else if (streq(*line, "external no"))
                        view->no_external = true;
        }
        view->host_servers = !view->servers;
        view->changed = settled(&st.st_mtim);
}

/* ---- Outer servers ---- */

/* The host's loopback servers count: they are asked from there. */
char *const *dns_view_servers(struct dns_view *view)
{
        cleanup_free char *text = NULL;
        struct resolv_conf conf = { 0 };
        struct stat st = { 0 };
        size_t len;

        if (!view->host_servers)
                return view->servers;
        if (stat(RESOLV_CONF_PATH, &st) == 0 && view->servers && same_time(&st.st_mtim, &view->host_changed))
                return view->servers;
        if (file_read(AT_FDCWD, RESOLV_CONF_PATH, RESOLV_CONF_MAX, &text, &len, NULL) == 0)
                resolv_conf_parse(text, &conf);
        strv_free(view->servers);
        view->servers = take_ptr(conf.servers);
        if (!view->servers)
                resolv_conf_fallback(false, &view->servers);
        resolv_conf_deinit(&conf);
        view->host_changed = settled(&st.st_mtim);
        return view->servers;
}

/* ---- Endpoints ---- */

static void read_endpoint(int dirfd, const char *name, struct dns_network *n)
{
        cleanup_strv char **lines = read_lines(dirfd, name);
        struct dns_endpoint e = { .container = xstrdup(name) };

        for (char **line = lines; line && *line; line++) {
                const char *value;

                if ((value = string_after(*line, "name ")))
                        strv_append(&e.names, value);
                else if ((value = string_after(*line, "address ")) &&
                         e.n_addresses < ARRAY_SIZE(e.addresses) &&
                         ip_address_parse(value, &e.addresses[e.n_addresses]) == 0)
                        e.n_addresses++;
        }
        ARRAY_APPEND(n->endpoints, n->n_endpoints, e);
}

static void read_network(struct dns_view *view, struct dns_network *n)
{
        cleanup_closedir DIR *dir = NULL;
        const struct dirent *entry;
        struct stat st;

        if (fstatat(view->dirfd, n->id, &st, 0) < 0) {
                network_clear(n);
                return;
        }
        if (same_time(&st.st_mtim, &n->changed) || directory_list(view->dirfd, n->id, &dir, NULL) < 0)
                return;
        network_clear(n);
        while ((entry = readdir(dir)))
                if (entry->d_name[0] != '.')
                        read_endpoint(dirfd(dir), entry->d_name, n);
        n->changed = settled(&st.st_mtim);
}

void dns_view_refresh(struct dns_view *view)
{
        read_resolver(view);
        for (size_t i = 0; i < view->n_networks; i++)
                read_network(view, &view->networks[i]);
}

/* ---- Looking up ---- */

static bool has_name(const struct dns_endpoint *e, const char *name, size_t len)
{
        for (char **n = e->names; n && *n; n++)
                if (strlen(*n) == len && strncasecmp(*n, name, len) == 0)
                        return true;
        return false;
}

struct found {
        struct ip_address *items;
        size_t count;
        bool known;
};

static void find_in(const struct dns_network *n, const char *name, size_t len, int family, struct found *f)
{
        for (size_t i = 0; i < n->n_endpoints; i++) {
                const struct dns_endpoint *e = &n->endpoints[i];

                if (!has_name(e, name, len))
                        continue;
                f->known = true;
                for (size_t k = 0; k < e->n_addresses; k++)
                        if (family == AF_UNSPEC || e->addresses[k].family == family)
                                ARRAY_APPEND(f->items, f->count, e->addresses[k]);
        }
}

static void rotate(struct found *f, unsigned turn)
{
        size_t by = f->count > 1 ? turn % f->count : 0;

        for (; by > 0; by--) {
                struct ip_address first = f->items[0];

                memmove(f->items, f->items + 1, (f->count - 1) * sizeof(first));
                f->items[f->count - 1] = first;
        }
}

static const char *linked_name(const struct dns_network *n, const char *name)
{
        for (size_t i = 0; i < n->links.count; i++)
                if (strcasecmp(n->links.pairs[i].key, name) == 0)
                        return n->links.pairs[i].value;
        return name;
}

int dns_view_find(struct dns_view *view, const char *name, int family, struct ip_address **ret,
                  size_t *ret_count)
{
        struct found f = { 0 };
        size_t len = strlen(name);

        for (size_t i = 0; i < view->n_networks; i++) {
                size_t suffix = strlen(view->networks[i].name);

                const char *target = linked_name(&view->networks[i], name);

                find_in(&view->networks[i], target, strlen(target), family, &f);
                /* NAME.NETWORK */
                if (!f.known && len > suffix + 1 && name[len - suffix - 1] == '.' &&
                    strcasecmp(name + len - suffix, view->networks[i].name) == 0)
                        find_in(&view->networks[i], name, len - suffix - 1, family, &f);
        }
        rotate(&f, view->turn++);
        *ret = f.items;
        *ret_count = f.count;
        return f.known;
}

char *dns_view_reverse(const struct dns_view *view, const struct ip_address *address)
{
        for (size_t i = 0; i < view->n_networks; i++) {
                const struct dns_network *n = &view->networks[i];

                for (size_t k = 0; k < n->n_endpoints; k++)
                        for (size_t a = 0; a < n->endpoints[k].n_addresses; a++)
                                if (n->endpoints[k].names &&
                                    ip_address_compare(&n->endpoints[k].addresses[a], address) == 0)
                                        return string_format("%s.%s", n->endpoints[k].names[0], n->name);
        }
        return NULL;
}
