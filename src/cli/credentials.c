#include "cli/credentials.h"
#include "base/base64.h"
#include "base/spawn.h"
#include "base/time.h"

#define HELPER_OUTPUT_MAX (64 << 10)
#define HELPER_TIMEOUT (30 * NSEC_PER_SEC)

void credentials_deinit(struct credentials *c)
{
        free(c->server);
        free(c->username);
        free(c->password);
        free(c->identity_token);
        *c = (struct credentials){};
}

const char *registry_key(const char *domain)
{
        return streq(domain, "docker.io") || streq(domain, "index.docker.io") ? REGISTRY_HUB : domain;
}

/* ---- Helper programs ---- */

/* The helper that keeps this server's credentials, or NULL. */
static const char *helper_for(struct cli *cli, const char *server)
{
        const char *own = json_get_string(json_get(cli_config(cli), "credHelpers"), server);

        return string_empty(own) ? json_get_string(cli_config(cli), "credsStore") : own;
}

/* docker-credential-NAME VERB with `input` at its standard input. */
static int run_helper(const char *name, const char *verb, const char *input, struct strbuf *output,
                      struct error *err)
{
        cleanup_free char *program = string_format("docker-credential-%s", name);
        char *argv[] = { program, (char *)verb, NULL };
        cleanup_strbuf struct strbuf errors = {};
        int code;

        if (spawn_capture(&(struct spawn_options){ .program = program, .argv = argv }, input, strlen(input),
                          HELPER_OUTPUT_MAX, HELPER_TIMEOUT, output, &errors, &code, err) < 0)
                return error_context(err, "error getting credentials - err");
        if (code == 0)
                return 0;
        if (output->data && strstr(output->data, "credentials not found"))
                return error_set(err, ERROR_NOT_FOUND, "credentials not found in native keychain");
        return error_set(err, ERROR_SYSTEM, "%s %s: %s", program, verb,
                         output->len   ? output->data
                         : errors.data ? errors.data
                                       : "failed");
}

static int get_from_helper(const char *helper, const char *server, struct credentials *ret, struct error *err)
{
        cleanup_strbuf struct strbuf output = {};
        cleanup_json json_object *tree = NULL;
        cleanup_error struct error why = {};
        const char *user;

        if (run_helper(helper, "get", server, &output, &why) < 0)
                return error_is(&why, ERROR_NOT_FOUND) ? 0 : error_move(err, &why);
        if (json_parse_text(output.data ? output.data : "", output.len, &tree, err) < 0)
                return error_context(err, "docker-credential-%s", helper);
        user = json_get_string(tree, "Username");
        if (streq(user, "<token>"))
                ret->identity_token = xstrdup(json_get_string(tree, "Secret"));
        else {
                ret->username = xstrdup(user);
                ret->password = xstrdup(json_get_string(tree, "Secret"));
        }
        return 0;
}

/* ---- config.json ---- */

/* "https://host/v1/" and "host" mean the same server. */
static char *host_of(const char *server)
{
        const char *scheme = strstr(server, "://");
        const char *host = scheme ? scheme + 3 : server;

        return xstrndup(host, strcspn(host, "/"));
}

static json_object *find_entry(struct cli *cli, const char *server)
{
        json_object *auths = json_get(cli_config(cli), "auths");
        cleanup_free char *host = host_of(server);
        struct lh_entry *entry;

        if (!json_object_is_type(auths, json_type_object))
                return NULL;
        if (json_get(auths, server))
                return json_get(auths, server);
        lh_foreach (json_object_get_object(auths), entry) {
                cleanup_free char *other = host_of(lh_entry_k(entry));

                if (streq(host, other))
                        return (json_object *)lh_entry_v(entry);
        }
        return NULL;
}

int credentials_get(struct cli *cli, const char *server, struct credentials *ret, struct error *err)
{
        const char *helper = helper_for(cli, server), *auth;
        json_object *entry;

        ret->server = xstrdup(server);
        if (!string_empty(helper))
                return get_from_helper(helper, server, ret, err);
        entry = find_entry(cli, server);
        if (!entry)
                return 0;
        ret->username = xstrdup(json_get_string(entry, "username"));
        ret->password = xstrdup(json_get_string(entry, "password"));
        ret->identity_token = xstrdup(json_get_string(entry, "identitytoken"));
        auth = json_get_string(entry, "auth");
        if (!string_empty(auth)) {
                cleanup_free char *text = NULL;
                size_t len;
                char *colon;

                if (base64_decode(auth, &text, &len, err) < 0)
                        return error_context(err, "credentials of %s", server);
                colon = strchr(text, ':');
                if (!colon)
                        return error_set(err, ERROR_INVALID, "invalid auth configuration file");
                *colon = 0;
                replace_string(&ret->username, text);
                replace_string(&ret->password, colon + 1);
        }
        return 0;
}

static json_object *auths_of(struct cli *cli)
{
        json_object *auths = json_get(cli_config(cli), "auths");

        if (!json_object_is_type(auths, json_type_object)) {
                auths = json_object_new_object();
                json_object_object_add(cli_config(cli), "auths", auths);
        }
        return auths;
}

int credentials_store(struct cli *cli, const struct credentials *c, bool *ret_plain, struct error *err)
{
        const char *helper = helper_for(cli, c->server);
        json_object *entry = json_object_new_object();
        cleanup_free char *pair = string_format("%s:%s", c->username ? c->username : "",
                                                c->password ? c->password : ""),
                          *auth = NULL;

        if (ret_plain)
                *ret_plain = string_empty(helper);
        if (!string_empty(helper)) {
                cleanup_json json_object *tree = entry;
                cleanup_strbuf struct strbuf output = {};
                cleanup_free char *text = NULL;
                bool token = !string_empty(c->identity_token);

                json_set_string(tree, "ServerURL", c->server);
                json_set_string(tree, "Username", token ? "<token>" : c->username);
                json_set_string(tree, "Secret", token ? c->identity_token : c->password);
                text = json_format(tree);
                if (run_helper(helper, "store", text, &output, err) < 0)
                        return -1;
                json_object_object_add(auths_of(cli), c->server, json_object_new_object());
                return cli_config_save(cli, err);
        }
        auth = base64_encode(pair, strlen(pair), false);
        json_set_string(entry, "auth", auth);
        if (!string_empty(c->identity_token))
                json_set_string(entry, "identitytoken", c->identity_token);
        json_object_object_add(auths_of(cli), c->server, entry);
        return cli_config_save(cli, err);
}

int credentials_erase(struct cli *cli, const char *server, struct error *err)
{
        const char *helper = helper_for(cli, server);
        cleanup_strbuf struct strbuf output = {};
        cleanup_error struct error why = {};
        json_object *auths = json_get(cli_config(cli), "auths");

        if (!string_empty(helper) && run_helper(helper, "erase", server, &output, &why) < 0 &&
            !error_is(&why, ERROR_NOT_FOUND))
                return error_move(err, &why);
        if (!json_object_is_type(auths, json_type_object) || !json_get(auths, server))
                return 0;
        json_object_object_del(auths, server);
        return cli_config_save(cli, err);
}

int credentials_header(struct cli *cli, const char *domain, char **ret, struct error *err)
{
        cleanup_credentials struct credentials c = {};
        cleanup_json json_object *tree = json_object_new_object();
        cleanup_free char *text = NULL, *encoded = NULL;

        if (credentials_get(cli, registry_key(domain), &c, err) < 0)
                return -1;
        if (!string_empty(c.username))
                json_set_string(tree, "username", c.username);
        if (!string_empty(c.password))
                json_set_string(tree, "password", c.password);
        if (!string_empty(c.identity_token))
                json_set_string(tree, "identitytoken", c.identity_token);
        if (json_object_object_length(tree) > 0)
                json_set_string(tree, "serveraddress", c.server);
        text = json_format(tree);
        encoded = base64_encode(text, strlen(text), true);
        *ret = string_format("X-Registry-Auth: %s", encoded);
        return 0;
}
