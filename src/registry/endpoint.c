/* Where a registry may be reached: mirrors, Docker Hub's own host, and which hosts may be insecure. */
#include "registry/address.h"
#include "registry/hosts-file.h"
#include "registry/repository-internal.h"
#include "base/fd.h"

#define HUB_HOST "registry-1.docker.io"
#define CERTS_DIR "/etc/docker/certs.d"
#define BASE "/v2"

char *registry_certs_folder(const struct registry_settings *settings, const char *host)
{
        return string_format("%s/%s", settings->certs_dir ? settings->certs_dir : CERTS_DIR, host);
}

static bool host_is_insecure(const struct registry_settings *settings, const char *host)
{
        cleanup_free char *name = NULL, *port = NULL;

        host_split(host, &name, &port);
        if (host_is_loopback(name))
                return true;
        for (size_t i = 0; settings->insecure && settings->insecure[i]; i++)
                if (streq(settings->insecure[i], host) || streq(settings->insecure[i], name) ||
                    (strchr(settings->insecure[i], '/') && address_in(name, settings->insecure[i])))
                        return true;
        return false;
}

/* An endpoint out of a URL, or of a bare host. */
static struct registry_endpoint endpoint_of(const struct registry_settings *settings, const char *url)
{
        const char *plain = string_after(url, "http://");
        const char *host = plain                           ? plain
                           : string_after(url, "https://") ? string_after(url, "https://")
                                                           : url;
        struct registry_endpoint e = { .plain = plain != NULL };

        e.host = xstrndup(host, strcspn(host, "/?#"));
        e.base = xstrdup(BASE);
        e.insecure = plain || host_is_insecure(settings, e.host);
        return e;
}

/* Files of a hosts file are meant relative to its folder. */
static char *file_beside(const char *folder, const char *file)
{
        return *file == '/' ? xstrdup(file) : string_format("%s/%s", folder, file);
}

static struct registry_endpoint endpoint_of_entry(const struct registry_settings *settings,
                                                  const char *folder, const struct hosts_entry *h)
{
        struct registry_endpoint e = endpoint_of(settings, h->url);
        const char *scheme = strstr(h->url, "://"), *path = strchr(scheme ? scheme + 3 : h->url, '/');

        e.mirror = true;
        e.insecure |= h->skip_verify;
        if (h->override_path && path) {
                free(e.base);
                e.base = xstrdup(path);
                for (size_t len = strlen(path); len && path[len - 1] == '/'; len--)
                        e.base[len - 1] = 0;
        }
        for (char **file = h->ca_files; file && *file; file++)
                strv_append_take(&e.ca_files, file_beside(folder, *file));
        if (h->certificate)
                e.certificate = file_beside(folder, h->certificate);
        if (h->key)
                e.key = file_beside(folder, h->key);
        e.headers = strv_copy(h->headers);
        return e;
}

/* The domain's hosts file, else that of "_default": 1 there is one, 0, -1. */
static int read_hosts_file(const struct registry_settings *settings, const char *domain, char **ret_folder,
                           struct hosts_file *ret, struct error *err)
{
        const char *names[] = { domain, "_default" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                cleanup_free char *folder = registry_certs_folder(settings, names[i]);
                cleanup_free char *path = string_format("%s/hosts.toml", folder), *text = NULL;
                size_t len;

                if (access(path, F_OK) < 0)
                        continue;
                if (file_read(AT_FDCWD, path, HOSTS_FILE_MAX, &text, &len, err) < 0 ||
                    hosts_file_parse(text, len, ret, err) < 0)
                        return error_context(err, "%s", path);
                *ret_folder = take_ptr(folder);
                return 1;
        }
        return 0;
}

int registry_endpoints(const struct registry_settings *settings, const char *domain,
                       struct registry_endpoint **ret, size_t *ret_count, struct error *err)
{
        bool hub = streq(domain, REGISTRY_HUB_DOMAIN);
        cleanup_hosts_file struct hosts_file file = {};
        cleanup_free char *folder = NULL;
        struct registry_endpoint *list = NULL;
        size_t count = 0;

        if (read_hosts_file(settings, domain, &folder, &file, err) < 0)
                return -1;
        for (size_t i = 0; i < file.count; i++)
                if (file.hosts[i].pull && file.hosts[i].resolve)
                        ARRAY_APPEND(list, count, endpoint_of_entry(settings, folder, &file.hosts[i]));
        for (size_t i = 0; hub && settings->mirrors && settings->mirrors[i]; i++) {
                struct registry_endpoint mirror = endpoint_of(settings, settings->mirrors[i]);

                mirror.mirror = true;
                ARRAY_APPEND(list, count, mirror);
        }
        ARRAY_APPEND(list, count, endpoint_of(settings, file.server ? file.server : hub ? HUB_HOST : domain));
        *ret = list;
        *ret_count = count;
        return 0;
}

void registry_endpoints_free(struct registry_endpoint *endpoints, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                free(endpoints[i].host);
                free(endpoints[i].base);
                strv_free(endpoints[i].ca_files);
                free(endpoints[i].certificate);
                free(endpoints[i].key);
                strv_free(endpoints[i].headers);
        }
        free(endpoints);
}
