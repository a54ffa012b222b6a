#include "cli/registry-call.h"

#include "cli/credentials.h"
#include "base/sha256.h"
#include "client/client.h"
#include "oci/image.h"

#include <stdio.h>

#define ENGINE_PREFIX "Error response from daemon: "

void remote_manifest_deinit(struct remote_manifest *m)
{
        free(m->text);
        free(m->media_type);
        *m = (struct remote_manifest){};
}

bool media_type_is_index(const char *media_type)
{
        return streq(media_type, MEDIA_OCI_INDEX) || streq(media_type, MEDIA_DOCKER_LIST);
}

/* What a registry says is not the engine's complaint. */
static int plain_error(struct error *err)
{
        const char *plain = err && err->message ? string_after(err->message, ENGINE_PREFIX) : NULL;

        if (plain) {
                char *copy = xstrdup(plain);

                free(err->message);
                err->message = copy;
        }
        return -1;
}

static int call(struct cli *cli, const char *method, struct client_query *q, const struct reference *r,
                bool insecure, char *const *more_headers, struct stream *upload, const char *type,
                struct client_stream **ret, struct error *err)
{
        cleanup_free char *name = reference_format(r), *auth = NULL;
        cleanup_strv char **headers = strv_copy(more_headers);
        struct client *client;

        client_query_add(q, "reference", name);
        client_query_add_bool(q, "insecure", insecure);
        if (credentials_header(cli, r->domain, &auth, err) < 0)
                return -1;
        strv_append(&headers, auth);
        if (cli_client(cli, &client, err) < 0 ||
            client_stream_open(client, method, q, headers, upload, type, ret, err) < 0)
                return plain_error(err);
        return 0;
}

int registry_get_manifest(struct cli *cli, const struct reference *r, bool insecure,
                          struct remote_manifest *ret, struct error *err)
{
        cleanup_client_stream struct client_stream *answer = NULL;
        cleanup_query struct client_query q = {};
        char hex[65];

        client_query_init(&q, "/davit/registry/manifest");
        if (call(cli, "GET", &q, r, insecure, NULL, NULL, NULL, &answer, err) < 0 ||
            stream_read_all(&answer->body.stream, IMAGE_MANIFEST_MAX, &ret->text, &ret->len, err) < 0)
                return -1;
        ret->media_type = xstrdup(answer->content_type ? answer->content_type : "");
        sha256_hex(ret->text, ret->len, hex);
        snprintf(ret->digest, sizeof(ret->digest), "sha256:%s", hex);
        return 0;
}

int registry_get_config(struct cli *cli, const struct reference *r, bool insecure,
                        const struct remote_manifest *m, json_object **ret, struct error *err)
{
        cleanup_client_stream struct client_stream *answer = NULL;
        cleanup_query struct client_query q = {};
        cleanup_json json_object *tree = NULL;
        cleanup_free char *text = NULL;
        size_t len;

        if (json_parse_text(m->text, m->len, &tree, err) < 0)
                return error_context(err, "%s", m->digest);
        client_query_init(&q, "/davit/registry/blob");
        client_query_add(&q, "digest", json_get_string(json_get(tree, "config"), "digest"));
        if (call(cli, "GET", &q, r, insecure, NULL, NULL, NULL, &answer, err) < 0 ||
            stream_read_all(&answer->body.stream, IMAGE_CONFIG_MAX, &text, &len, err) < 0)
                return -1;
        return json_parse_text(text, len, ret, err) < 0 ? error_context(err, "config of %s", m->digest) : 0;
}

int registry_put_manifest(struct cli *cli, const struct reference *r, bool insecure, const char *media_type,
                          const char *text, char ret_digest[72], struct error *err)
{
        cleanup_client_stream struct client_stream *answer = NULL;
        cleanup_stream struct stream *body = stream_new_memory(text, strlen(text));
        cleanup_query struct client_query q = {};

        char hex[65];

        client_query_init(&q, "/davit/registry/manifest");
        if (call(cli, "PUT", &q, r, insecure, NULL, body, media_type, &answer, err) < 0)
                return -1;
        sha256_hex(text, strlen(text), hex);
        snprintf(ret_digest, 72, "sha256:%s", hex);
        return 0;
}

int registry_copy_manifest(struct cli *cli, const struct reference *from, const struct reference *to,
                           bool insecure, struct error *err)
{
        cleanup_client_stream struct client_stream *answer = NULL;
        cleanup_query struct client_query q = {};
        cleanup_free char *auth = NULL, *source_auth = NULL, *name = reference_format(from);
        char *headers[2] = {};

        if (credentials_header(cli, from->domain, &auth, err) < 0)
                return -1;
        source_auth = string_format("X-Source-Auth%s", strchr(auth, ':'));
        headers[0] = source_auth;
        client_query_init(&q, "/davit/registry/copy");
        client_query_add(&q, "from", name);
        return call(cli, "POST", &q, to, insecure, headers, NULL, NULL, &answer, err);
}

json_object *config_platform(json_object *config)
{
        static const char *const names[] = { "architecture", "os", "os.version", "os.features", "variant" };
        json_object *platform = json_object_new_object();

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                json_object *value = json_get(config, names[i]);

                if (value &&
                    !(json_object_is_type(value, json_type_string) && !*json_object_get_string(value)))
                        json_object_object_add(platform, names[i], json_object_get(value));
        }
        return platform;
}
