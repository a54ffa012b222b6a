#include "cli/pull.h"
#include "client/client.h"
#include "oci/reference.h"

#include <stdio.h>

static int show(struct client_stream *s, FILE *file, struct error *err)
{
        cleanup_strbuf struct strbuf pending = {};
        json_object *message = NULL;
        int r;

        while ((r = client_stream_json(s, &pending, &message, err)) > 0) {
                cleanup_json json_object *owned = message;
                const char *failure = json_get_string(owned, "error"), *status = json_get_string(owned, "status"), *id = json_get_string(owned, "id");

                if (failure)
                        return error_set(err, ERROR_SYSTEM, "%s", failure);
                if (file && status && !json_get(json_get(owned, "progressDetail"), "current"))
                        fprintf(file, "%s%s%s\n", id ? id : "", id ? ": " : "", status);
        }
        return r;
}

int pull_image(struct cli *cli, const char *text, const char *platform, void *file, struct error *err)
{
        cleanup_reference struct reference r = {};
        cleanup_client_stream struct client_stream *s = NULL;
        cleanup_query struct client_query q;
        cleanup_free char *name = NULL;
        struct client *client;

        if (reference_parse(text, &r, err) < 0)
                return -1;
        reference_default_tag(&r);
        name = reference_familiar_name(&r);
        client_query_init(&q, "/images/create");
        client_query_add(&q, "fromImage", name);
        client_query_add(&q, "tag", r.digest ? r.digest : r.tag);
        client_query_add(&q, "platform", string_empty(platform) ? NULL : platform);
        if (cli_client(cli, &client, err) < 0 || client_stream_call(client, "POST", &q, NULL, &s, err) < 0)
                return -1;
        return show(s, file, err);
}
