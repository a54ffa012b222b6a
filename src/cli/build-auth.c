/* The credentials that a build may need: of every registry that we know some for, and of those that it names.
 */
#include "cli/build.h"
#include "cli/credentials.h"
#include "oci/reference.h"

/* config.json's key for a registry: "https://index.docker.io/v1/", "localhost:5000", "https://host/v2/". */
static char *key_domain(const char *key)
{
        const char *host = string_after(key, "https://") ?: string_after(key, "http://") ?: key;
        cleanup_free char *domain = xstrndup(host, strcspn(host, "/"));

        return streq(domain, "index.docker.io") ? xstrdup("docker.io") : take_ptr(domain);
}

static void add_domain(char ***domains, const char *domain)
{
        if (!strv_contains(*domains, domain))
                strv_append(domains, domain);
}

static void add_keys(char ***domains, json_object *registries)
{
        json_object_object_foreach(registries, key, value)
        {
                cleanup_free char *domain = key_domain(key);

                (void)value;
                add_domain(domains, domain);
        }
}

static void add_name(char ***domains, const char *name)
{
        cleanup_reference struct reference r = {};

        if (name && reference_parse(name, &r, NULL) == 0)
                add_domain(domains, r.domain);
}

static void add_entries(char ***domains, const struct build_entry *entries, size_t count,
                        const char *attribute)
{
        for (size_t i = 0; i < count; i++)
                add_name(domains, strmap_get(&entries[i].attributes, attribute));
}

int build_auths(struct cli *cli, struct build_options *o, struct error *err)
{
        json_object *config = cli_config(cli), *auths = json_get(config, "auths"),
                    *helpers = json_get(config, "credHelpers");
        bool store = !string_empty(json_get_string(config, "credsStore"));
        cleanup_strv char **domains = strv_new();

        if (!auths && !helpers && !store)
                return 0;
        if (auths)
                add_keys(&domains, auths);
        if (helpers)
                add_keys(&domains, helpers);
        if (store) {
                add_domain(&domains, "docker.io");
                for (char **tag = o->tags; tag && *tag; tag++)
                        add_name(&domains, *tag);
                add_entries(&domains, o->outputs, o->n_outputs, "name");
                add_entries(&domains, o->cache_from, o->n_cache_from, "ref");
                add_entries(&domains, o->cache_to, o->n_cache_to, "ref");
        }
        for (char **domain = domains; *domain; domain++) {
                cleanup_free char *header = NULL;

                if (credentials_header(cli, *domain, &header, err) < 0)
                        return error_context(err, "failed to build");
                strmap_set(&o->auths, *domain, string_after(header, "X-Registry-Auth: ") ?: "");
        }
        return 0;
}
