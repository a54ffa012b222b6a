/* /etc/hosts of a container: made at its start; afterwards lines come and go with networks and links, and
 * what somebody added in the container stays. */
#include "engine/network-internal.h"

#include "base/fd.h"

#define HOST_FILE_MAX (1 << 20)

static const char hosts_head[] = "127.0.0.1\tlocalhost\n"
                                 "::1\tlocalhost ip6-localhost ip6-loopback\n"
                                 "fe00::\tip6-localnet\n"
                                 "ff00::\tip6-mcastprefix\n"
                                 "ff02::1\tip6-allnodes\n"
                                 "ff02::2\tip6-allrouters\n";

int network_extra_host_split(const char *text, char **ret_name, char **ret_address, struct error *err)
{
        const char *colon = strchr(text, ':');
        size_t len;

        if (!colon || colon == text)
                return error_set(err, ERROR_INVALID, "bad format for add-host: \"%s\"", text);
        *ret_name = xstrndup(text, (size_t)(colon - text));
        len = strlen(colon + 1);
        *ret_address = len > 2 && colon[1] == '[' && colon[len] == ']' ? xstrndup(colon + 2, len - 2)
                                                                       : xstrdup(colon + 1);
        return 0;
}

/* host-gateway: what --host-gateway-ip says, else the default bridge's own addresses. */
static void add_host_gateway(struct networks *nets, const char *name, struct strbuf *b)
{
        const struct network_record *bridge = network_find_exact(nets, "bridge");
        char text[IP_TEXT_SIZE];

        for (char **ip = nets->host_gateway_ips; ip && *ip; ip++)
                strbuf_addf(b, "%s\t%s\n", *ip, name);
        if (strv_length(nets->host_gateway_ips) > 0 || !bridge)
                return;
        for (size_t i = 0; i < bridge->n_subnets; i++)
                strbuf_addf(b, "%s\t%s\n", ip_address_format(&bridge->ranges[i].gateway, text), name);
}

static void add_extra_hosts(struct networks *nets, const struct host_config *host, struct strbuf *b)
{
        for (char **e = host->extra_hosts; e && *e; e++) {
                cleanup_free char *name = NULL, *address = NULL;

                if (network_extra_host_split(*e, &name, &address, NULL) < 0)
                        continue;
                if (streq(address, "host-gateway"))
                        add_host_gateway(nets, name, b);
                else
                        strbuf_addf(b, "%s\t%s\n", address, name);
        }
}

/* "web.example.org web", "web". */
static char *own_names(const struct container_config *config)
{
        const char *host = config->hostname, *domain = config->domainname;
        const char *dot = strchr(host, '.');

        if (!string_empty(domain))
                return string_format("%s.%s %.*s", host, domain, (int)strcspn(host, "."), host);
        if (dot)
                return string_format("%s %.*s", host, (int)(dot - host), host);
        return xstrdup(host);
}

static void add_own_lines(const struct endpoint *e, const char *names, struct strbuf *b)
{
        if (!string_empty(e->settings.ip_address))
                strbuf_addf(b, "%s\t%s\n", e->settings.ip_address, names);
        if (!string_empty(e->settings.global_ipv6_address))
                strbuf_addf(b, "%s\t%s\n", e->settings.global_ipv6_address, names);
}

/* ---- The whole file ---- */

char *network_hosts_make(struct networks *nets, struct network_member_state *m,
                         const struct network_member *member)
{
        struct strbuf b = { 0 };
        cleanup_free char *text = NULL, *names = NULL;
        size_t len;

        if (streq(member->host->network_mode, "host") &&
            file_read(AT_FDCWD, "/etc/hosts", HOST_FILE_MAX, &text, &len, NULL) == 0) {
                strbuf_adds(&b, text);
                if (len > 0 && text[len - 1] != '\n')
                        strbuf_addc(&b, '\n');
        } else {
                strbuf_adds(&b, hosts_head);
        }
        add_extra_hosts(nets, member->host, &b);
        network_links_hosts(nets, m, member, &b);
        if (string_empty(member->config->hostname))
                return strbuf_take(&b);
        names = own_names(member->config);
        for (size_t i = 0; i < m->n_endpoints; i++)
                add_own_lines(&m->endpoints[i], names, &b);
        return strbuf_take(&b);
}

/* ---- Changes while it runs ---- */

int network_file_write(int dirfd, const char *name, const char *text, struct error *err)
{
        cleanup_close int fd =
            openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

        if (fd < 0 || fchmod(fd, 0644) < 0 || fd_write_all(fd, text, strlen(text)) < 0)
                return error_errno(err, "write %s", name);
        return 0;
}

/* Replaces the file; `drop` says which lines go. `added` comes where the first of them was, else at the end.
 */
static int edit(const char *container_dir, bool (*drop)(const char *line, const void *arg), const void *arg,
                const char *added, struct error *err)
{
        cleanup_close int dir = directory_open(AT_FDCWD, container_dir, err);
        cleanup_free char *old = NULL;
        cleanup_strbuf struct strbuf text = { 0 };
        cleanup_strv char **lines = NULL;
        size_t len;

        if (dir < 0 || file_read(dir, "hosts", HOST_FILE_MAX, &old, &len, err) < 0)
                return -1;
        lines = strv_split(old, '\n');
        for (char **line = lines; *line && (line[1] || **line); line++) {
                if (!drop(*line, arg)) {
                        strbuf_addf(&text, "%s\n", *line);
                } else {
                        strbuf_adds(&text, added);
                        added = "";
                }
        }
        strbuf_adds(&text, added);
        return network_file_write(dir, "hosts", text.data ? text.data : "", err);
}

static bool is_among(const char *line, const void *arg)
{
        char *const *lines = arg;

        return *line && strv_contains((char **)lines, line);
}

int network_hosts_endpoint(const struct network_member *member, const struct endpoint *e, bool add,
                           struct error *err)
{
        cleanup_free char *names = NULL;
        cleanup_strbuf struct strbuf own = { 0 };
        cleanup_strv char **lines = NULL;

        if (string_empty(member->config->hostname))
                return 0;
        names = own_names(member->config);
        add_own_lines(e, names, &own);
        if (own.len == 0)
                return 0;
        lines = strv_split(own.data, '\n');
        return edit(member->dir, is_among, lines, add ? own.data : "", err);
}

static bool names_are(const char *line, const void *arg)
{
        const char *tab = strchr(line, '\t');

        return tab && streq(tab + 1, arg);
}

int network_hosts_link(const char *container_dir, const char *address, const char *names, struct error *err)
{
        cleanup_free char *line = string_format("%s\t%s\n", address, names);

        return edit(container_dir, names_are, names, line, err);
}
