#include "cli/proxies.h"
#include "client/client.h"

void proxies_add(struct cli *cli, char ***env)
{
        static const struct {
                const char *member, *upper, *lower;
        } names[] = { { "httpProxy", "HTTP_PROXY", "http_proxy" },
                      { "httpsProxy", "HTTPS_PROXY", "https_proxy" },
                      { "noProxy", "NO_PROXY", "no_proxy" },
                      { "ftpProxy", "FTP_PROXY", "ftp_proxy" },
                      { "allProxy", "ALL_PROXY", "all_proxy" } };
        json_object *all = json_get(cli_config(cli), "proxies"), *proxies = NULL;
        cleanup_strv char **given = strv_copy(*env);

        if (json_object_is_type(all, json_type_object) && cli->client)
                proxies = json_get(all, cli->client->host);
        if (!proxies)
                proxies = json_get(all, "default");
        for (size_t i = 0; proxies && i < ARRAY_SIZE(names); i++) {
                const char *value = json_get_string(proxies, names[i].member);

                if (string_empty(value))
                        continue;
                if (!env_get(given, names[i].upper))
                        strv_append_take(env, string_format("%s=%s", names[i].upper, value));
                if (!env_get(given, names[i].lower))
                        strv_append_take(env, string_format("%s=%s", names[i].lower, value));
        }
}
