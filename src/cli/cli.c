/* What every command has: the engine's client and the client's configuration. */
#include "base/fd.h"
#include "cli/command.h"
#include "cli/context.h"
#include "client/client.h"

#include <stdio.h>

#define CONFIG_MAX (4 << 20)

int cli_client(struct cli *cli, struct client **ret, struct error *err)
{
        if (!cli->client) {
                cleanup_free char *host = NULL;
                json_object *headers = NULL;
                struct lh_entry *entry;

                if (context_host(cli, &host, err) < 0 || client_open(host, &cli->client, err) < 0)
                        return -1;
                headers = json_get(cli_config(cli), "HttpHeaders");
                if (json_object_is_type(headers, json_type_object))
                        lh_foreach (json_object_get_object(headers), entry)
                                strv_append_take(&cli->client->headers,
                                                 string_format("%s: %s", (const char *)lh_entry_k(entry),
                                                               json_object_get_string(lh_entry_v(entry))));
        }
        *ret = cli->client;
        return 0;
}

static const char *bare_complaint(const struct error *err)
{
        const char *said = error_message(err), *bare = string_after(said, "invalid JSON: ");

        return bare ? bare : said;
}

json_object *cli_config(struct cli *cli)
{
        cleanup_free char *path = string_format("%s/config.json", cli->config_dir), *text = NULL;
        cleanup_error struct error err = {};
        size_t len;

        if (cli->config_read)
                return cli->config;
        cli->config_read = true;
        if (file_read(AT_FDCWD, path, CONFIG_MAX, &text, &len, NULL) == 0 && len > 0 &&
            json_parse_text(text, len, &cli->config, &err) < 0)
                fprintf(stderr, "WARNING: Error parsing config file (%s): %s\n", path, bare_complaint(&err));
        if (!json_object_is_type(cli->config, json_type_object))
                cli->config = json_object_new_object();
        return cli->config;
}

int cli_config_save(struct cli *cli, struct error *err)
{
        cleanup_free char *text = json_format_pretty(cli_config(cli), 1), *tabbed = NULL,
                          *path = string_format("%s/config.json", cli->config_dir);
        struct strbuf b = {};

        /* Docker indents this file by tabs. */
        for (const char *p = text; *p; p++) {
                strbuf_addc(&b, *p);
                if (*p == '\n')
                        while (p[1] == ' ') {
                                strbuf_addc(&b, '\t');
                                p++;
                        }
        }
        tabbed = strbuf_take(&b);
        if (directory_make(AT_FDCWD, cli->config_dir, 0700, err) < 0)
                return -1;
        return file_replace(AT_FDCWD, path, tabbed, strlen(tabbed), 0600, true, err);
}
