/* /etc/hostname and /etc/resolv.conf of a container, in CONTAINER_DIR; /etc/hosts is made in network-hosts.c.
 */
#include "engine/network-internal.h"

#include "base/fd.h"
#include "base/hash.h"

#include <errno.h>
#include <sys/utsname.h>

#define HOST_FILE_MAX (1 << 20)
#define RESOLVED_STUB "127.0.0.53"
#define RESOLVED_FILE "/run/systemd/resolve/resolv.conf"
#define EMBEDDED_SERVER "127.0.0.11"

/* ---- Checks at creation ---- */

int network_files_check(const struct host_config *host, struct error *err)
{
        struct ip_address a;

        for (char **e = host->extra_hosts; e && *e; e++) {
                cleanup_free char *name = NULL, *address = NULL;

                if (network_extra_host_split(*e, &name, &address, err) < 0)
                        return -1;
                if (!streq(address, "host-gateway") && ip_address_parse(address, &a) < 0)
                        return error_set(err, ERROR_INVALID, "invalid IP address in add-host: \"%s\"",
                                         address);
                if (strpbrk(name, " \t\r\n"))
                        return error_set(err, ERROR_INVALID, "bad format for add-host: \"%s\"", *e);
        }
        for (char **d = host->dns; d && *d; d++)
                if (ip_address_parse(*d, &a) < 0)
                        return error_set(err, ERROR_INVALID, "invalid nameserver address: %s", *d);
        for (char **s = host->dns_search; s && *s; s++)
                if (strpbrk(*s, " \t\r\n"))
                        return error_set(err, ERROR_INVALID, "invalid search domain: %s", *s);
        for (char **o = host->dns_options; o && *o; o++)
                if (strpbrk(*o, " \t\r\n"))
                        return error_set(err, ERROR_INVALID, "invalid DNS option: %s", *o);
        return 0;
}

/* ---- resolv.conf ---- */

struct resolv_conf {
        char **servers, **search, **options;
};

static void resolv_conf_deinit(struct resolv_conf *r)
{
        strv_free(r->servers);
        strv_free(r->search);
        strv_free(r->options);
}

/* The words of a line behind its keyword. */
static char **line_words(const char *line)
{
        char **words = strv_new();

        while (*line) {
                size_t space = strspn(line, " \t\r"), len;

                line += space;
                len = strcspn(line, " \t\r");
                if (len > 0)
                        strv_append_take(&words, xstrndup(line, len));
                line += len;
        }
        return words;
}

static void parse_line(const char *line, struct resolv_conf *ret)
{
        cleanup_strv char **words = line_words(line);

        if (!words[0] || words[0][0] == '#' || words[0][0] == ';')
                return;
        if (streq(words[0], "nameserver") && words[1]) {
                strv_append(&ret->servers, words[1]);
        } else if (streq(words[0], "search") || streq(words[0], "domain")) {
                strv_free(ret->search);
                ret->search = strv_copy(words + 1);
        } else if (streq(words[0], "options")) {
                strv_extend(&ret->options, words + 1);
        }
}

static void parse_host(const char *text, struct resolv_conf *ret)
{
        cleanup_strv char **lines = strv_split(text, '\n');

        for (char **line = lines; *line; line++)
                parse_line(*line, ret);
}

/* Servers that a container can't reach are left out: the host's loopback. */
static void choose_servers(const struct resolv_conf_request *q, const struct resolv_conf *host, char ***ret)
{
        static const char *const fallback[] = { "8.8.8.8", "8.8.4.4" };
        static const char *const fallback6[] = { "2001:4860:4860::8888", "2001:4860:4860::8844" };

        if (strv_length(q->dns) > 0) {
                strv_extend(ret, q->dns);
                return;
        }
        for (char **s = host->servers; s && *s; s++) {
                struct ip_address a;

                if (q->keep_loopback || (ip_address_parse(*s, &a) == 0 && !ip_address_is_loopback(&a)))
                        strv_append(ret, *s);
        }
        if (strv_length(*ret) > 0)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(fallback); i++)
                strv_append(ret, fallback[i]);
        for (size_t i = 0; q->ipv6 && i < ARRAY_SIZE(fallback6); i++)
                strv_append(ret, fallback6[i]);
}

static void add_list(struct strbuf *b, const char *keyword, char *const *list)
{
        cleanup_free char *joined = NULL;

        if (strv_length(list) == 0)
                return;
        joined = strv_join(list, " ");
        strbuf_addf(b, "%s %s\n", keyword, joined);
}

static bool has_ndots(char *const *options)
{
        for (; options && *options; options++)
                if (string_after(*options, "ndots:"))
                        return true;
        return false;
}

char *resolv_conf_make(const struct resolv_conf_request *q)
{
        struct resolv_conf host = { 0 };
        cleanup_strv char **servers = NULL, **outer = NULL, **options = NULL;
        char *const *search;
        struct strbuf b = { 0 };

        parse_host(q->host_text, &host);
        choose_servers(q, &host, &outer);
        if (q->internal)
                strv_append(&servers, EMBEDDED_SERVER);
        else
                strv_extend(&servers, outer);
        search = strv_length(q->search) > 0 ? q->search : host.search;
        if (strv_length(search) == 1 && streq(search[0], "."))
                search = NULL;
        strv_extend(&options, strv_length(q->options) > 0 ? q->options : host.options);
        if (q->internal && !has_ndots(options))
                strv_append(&options, "ndots:0");
        strbuf_adds(&b,
                    "# Generated by davit. It may be edited: a changed file is left alone from then on.\n\n");
        for (char **s = servers; s && *s; s++)
                strbuf_addf(&b, "nameserver %s\n", *s);
        add_list(&b, "search", search);
        add_list(&b, "options", options);
        strbuf_addf(&b, "\n# Based on the host's file %s\n", q->host_path);
        resolv_conf_deinit(&host);
        return strbuf_take(&b);
}

/* The host's file: systemd-resolved's stub is no server for others, but it keeps the real ones in a file of
 * its own. */
static char *read_host_file(const char **ret_path)
{
        cleanup_free char *text = NULL;
        struct resolv_conf host = { 0 };
        size_t len;
        bool stub;

        *ret_path = "/etc/resolv.conf";
        if (file_read(AT_FDCWD, *ret_path, HOST_FILE_MAX, &text, &len, NULL) < 0)
                return xstrdup("");
        parse_host(text, &host);
        stub = strv_length(host.servers) == 1 && streq(host.servers[0], RESOLVED_STUB);
        resolv_conf_deinit(&host);
        if (stub) {
                char *real = NULL;

                if (file_read(AT_FDCWD, RESOLVED_FILE, HOST_FILE_MAX, &real, &len, NULL) == 0) {
                        *ret_path = RESOLVED_FILE;
                        return real;
                }
        }
        return take_ptr(text);
}

char **network_host_servers(struct networks *nets, const struct host_config *host)
{
        struct resolv_conf_request q = { .dns = host && strv_length(host->dns) > 0 ? host->dns : nets->dns,
                                         .keep_loopback = true };
        cleanup_free char *text = NULL;
        struct resolv_conf found = { 0 };
        char **servers = NULL;
        size_t len;

        if (file_read(AT_FDCWD, "/etc/resolv.conf", HOST_FILE_MAX, &text, &len, NULL) == 0)
                parse_host(text, &found);
        choose_servers(&q, &found, &servers);
        resolv_conf_deinit(&found);
        return servers;
}

static char *make_resolv_conf(struct networks *nets, struct network_member_state *m,
                              const struct network_member *member)
{
        const struct host_config *host = member->host;
        struct resolv_conf_request q = {
                .dns = strv_length(host->dns) > 0 ? host->dns : nets->dns,
                .search = strv_length(host->dns_search) > 0 ? host->dns_search : nets->dns_search,
                .options = strv_length(host->dns_options) > 0 ? host->dns_options : nets->dns_options,
                .keep_loopback = streq(host->network_mode, "host"),
        };
        cleanup_free char *text = read_host_file(&q.host_path);

        q.host_text = text;
        for (size_t i = 0; i < m->n_endpoints; i++) {
                const struct network_record *r = network_find_exact(nets, m->endpoints[i].network);

                q.internal = q.internal || (r && !r->predefined);
                q.ipv6 = q.ipv6 || ip_given(&m->endpoints[i].addresses[1]);
        }
        return resolv_conf_make(&q);
}

/* ---- Writing ---- */

static char *digest_text(const char *text)
{
        uint8_t digest[SHA256_SIZE];
        struct strbuf b = { 0 };

        hash_data(text, strlen(text), digest);
        for (size_t i = 0; i < sizeof(digest); i++)
                strbuf_addf(&b, "%02x", digest[i]);
        return strbuf_take(&b);
}

/* resolv.conf is only replaced while nobody has edited it: its digest lies beside it. */
static int write_resolv_conf(int dirfd, const char *text, struct error *err)
{
        cleanup_free char *old = NULL, *mark = NULL, *old_digest = NULL, *digest = digest_text(text);
        size_t len;

        if (file_read(dirfd, "resolv.conf", HOST_FILE_MAX, &old, &len, NULL) == 0 &&
            file_read(dirfd, "resolv.conf.hash", 256, &mark, &len, NULL) == 0) {
                old_digest = digest_text(old);
                if (!streq(old_digest, mark))
                        return 0;
                if (streq(old, text))
                        return 0;
        }
        return network_file_write(dirfd, "resolv.conf", text, err) < 0
                   ? -1
                   : network_file_write(dirfd, "resolv.conf.hash", digest, err);
}

int network_resolv_conf_write(struct networks *nets, struct network_member_state *m,
                              const struct network_member *member, struct error *err)
{
        cleanup_close int dir = directory_open(AT_FDCWD, member->dir, err);
        cleanup_free char *text = dir < 0 ? NULL : make_resolv_conf(nets, m, member);

        return dir < 0 ? -1 : write_resolv_conf(dir, text, err);
}

int network_files_write(struct networks *nets, struct network_member_state *m,
                        const struct network_member *member, struct error *err)
{
        cleanup_close int dir = directory_open(AT_FDCWD, member->dir, err);
        cleanup_free char *hosts = NULL, *resolv = NULL, *hostname = NULL;
        struct utsname uts;

        if (dir < 0)
                return -1;
        hosts = network_hosts_make(nets, m, member);
        resolv = make_resolv_conf(nets, m, member);
        if (string_empty(member->config->hostname) && uname(&uts) == 0)
                hostname = string_format("%s\n", uts.nodename);
        else
                hostname = string_format("%s\n", member->config->hostname);
        if (network_file_write(dir, "hosts", hosts, err) < 0 ||
            network_file_write(dir, "hostname", hostname, err) < 0 || write_resolv_conf(dir, resolv, err) < 0)
                return error_context(err, "%s", member->dir);
        return 0;
}
