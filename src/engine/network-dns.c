/* The files from which shims answer names (network/dns.h): EXEC_ROOT/networks. */
#include "engine/network-internal.h"

#include "base/fd.h"
#include "base/log.h"

#include <errno.h>

static int open_folder(struct networks *nets, const char *name, struct error *err)
{
        cleanup_free char *path = string_format("%s/networks/%s", nets->exec_root, name);

        if (directory_make(AT_FDCWD, path, 0755, err) < 0)
                return -1;
        return directory_open(AT_FDCWD, path, err);
}

static int write_in(struct networks *nets, const char *folder, const char *name, const struct strbuf *text,
                    struct error *err)
{
        cleanup_close int dir = open_folder(nets, folder, err);

        return dir < 0 ? -1 : file_replace(dir, name, text->data, text->len, 0644, false, err);
}

static bool has_names(struct networks *nets, const struct endpoint *e)
{
        const struct network_record *r =
            e->attached ? network_find_exact(nets, e->settings.network_id) : NULL;

        return r && !r->predefined;
}

static int write_endpoint(struct networks *nets, const struct network_member_state *m,
                          const struct endpoint *e, struct error *err)
{
        cleanup_strbuf struct strbuf text = { 0 };
        char address[IP_TEXT_SIZE];

        for (int i = 0; i < 2; i++)
                if (ip_given(&e->addresses[i]))
                        strbuf_addf(&text, "address %s\n", ip_address_format(&e->addresses[i], address));
        for (char **n = e->settings.dns_names; n && *n; n++)
                strbuf_addf(&text, "name %s\n", *n);
        return write_in(nets, e->settings.network_id, m->id, &text, err);
}

bool member_has_names(struct networks *nets, const struct network_member_state *m)
{
        for (size_t i = 0; i < m->n_endpoints; i++) {
                const struct network_record *r = network_find_exact(nets, m->endpoints[i].network);

                if (r && !r->predefined)
                        return true;
        }
        return false;
}

bool dns_files_there(struct networks *nets, const struct network_member_state *m)
{
        cleanup_free char *path = string_format("%s/networks/resolver/%s", nets->exec_root, m->id);

        return access(path, F_OK) == 0;
}

/* Names by which this container alone knows others of the network: links "NAME:ALIAS". */
static void add_links(const struct endpoint *e, struct strbuf *text)
{
        for (char **l = e->settings.links; l && *l; l++) {
                const char *colon = strchr(*l, ':');
                const char *alias = colon ? colon + 1 : *l;

                strbuf_addf(text, "link %s %s %.*s\n", e->settings.network_id, alias,
                            (int)(colon ? (size_t)(colon - *l) : strlen(*l)), *l);
        }
}

int dns_files_write(struct networks *nets, struct network_member_state *m, const struct host_config *host,
                    struct error *err)
{
        cleanup_strbuf struct strbuf text = { 0 };
        char *const *servers = host && strv_length(host->dns) > 0 ? host->dns : nets->dns;
        bool any = false, external = false;

        for (size_t i = 0; i < m->n_endpoints; i++) {
                const struct endpoint *e = &m->endpoints[i];
                const struct network_record *r = network_find_exact(nets, e->network);

                external = external || (r && !r->internal);
                if (!has_names(nets, e))
                        continue;
                any = true;
                strbuf_addf(&text, "network %s %s\n", e->settings.network_id, e->network);
                add_links(e, &text);
                if (write_endpoint(nets, m, e, err) < 0)
                        return -1;
        }
        if (!any)
                return 0;
        for (char *const *s = servers; s && *s; s++)
                strbuf_addf(&text, "server %s\n", *s);
        if (!external)
                strbuf_adds(&text, "external no\n");
        return write_in(nets, "resolver", m->id, &text, err);
}

void dns_files_rename(struct networks *nets, struct network_member_state *m)
{
        for (size_t i = 0; i < m->n_endpoints; i++)
                if (has_names(nets, &m->endpoints[i]))
                        write_endpoint(nets, m, &m->endpoints[i], NULL);
}

static void remove_file(struct networks *nets, const char *folder, const char *name)
{
        cleanup_free char *path = string_format("%s/networks/%s/%s", nets->exec_root, folder, name);

        if (unlink(path) < 0 && errno != ENOENT)
                log_warn("remove %s: %s", path, strerror(errno));
}

void dns_files_remove_endpoint(struct networks *nets, const struct network_member_state *m,
                               const struct endpoint *e)
{
        if (has_names(nets, e))
                remove_file(nets, e->settings.network_id, m->id);
}

void dns_files_remove(struct networks *nets, const struct network_member_state *m)
{
        remove_file(nets, "resolver", m->id);
}

void dns_files_remove_network(struct networks *nets, const struct network_record *r)
{
        cleanup_free char *path = string_format("%s/networks/%s", nets->exec_root, r->id);

        tree_remove(AT_FDCWD, path, NULL);
}

void dns_files_leave(struct networks *nets, const struct network_member_state *m, const char *network_id)
{
        cleanup_free char *path = string_format("%s/networks/resolver/%s", nets->exec_root, m->id),
                          *old = NULL;
        cleanup_free char *left = string_format("network %s ", network_id),
                          *link = string_format("link %s ", network_id);
        cleanup_strbuf struct strbuf text = { 0 };
        cleanup_strv char **lines = NULL;
        size_t len;

        if (file_read(AT_FDCWD, path, 65536, &old, &len, NULL) < 0)
                return;
        lines = strv_split(old, '\n');
        for (char **line = lines; *line; line++)
                if (**line && !string_after(*line, left) && !string_after(*line, link))
                        strbuf_addf(&text, "%s\n", *line);
        if (text.len > 0)
                write_in(nets, "resolver", m->id, &text, NULL);
}
