/* login, logout. */
#include "cli/command.h"
#include "cli/credentials.h"
#include "client/client.h"

#include <ctype.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#define SECRET_MAX (64 << 10)

struct login {
        char *password, *username;
        bool password_stdin;
};
static const struct option login_options[] = {
        OPTION_STRING("password", 'p', struct login, password, "Password or Personal Access Token (PAT)"),
        OPTION_BOOL("password-stdin", 0, struct login, password_stdin,
                    "Take the Password or Personal Access Token (PAT) from stdin"),
        OPTION_STRING("username", 'u', struct login, username, "Username"),
};

/* "https://host/path" → "host"; the hub has its own name. */
static char *server_of(const char *text)
{
        const char *scheme = text ? strstr(text, "://") : NULL;
        const char *host = scheme ? scheme + 3 : text;

        if (string_empty(text) || streq(text, "docker.io") || streq(text, "index.docker.io") ||
            streq(text, REGISTRY_HUB))
                return xstrdup(REGISTRY_HUB);
        return xstrndup(host, strcspn(host, "/"));
}

static int read_secret(char **ret, struct error *err)
{
        cleanup_stream struct stream *in = stream_new_fd(dup(STDIN_FILENO));
        size_t len;

        if (stream_read_all(in, SECRET_MAX, ret, &len, err) < 0)
                return -1;
        while (len && ((*ret)[len - 1] == '\n' || (*ret)[len - 1] == '\r'))
                (*ret)[--len] = 0;
        return 0;
}

/* Asks on the terminal. */
static char *ask(const char *question, bool secret)
{
        struct termios before, hidden;
        char line[4096] = "";

        fputs(question, stdout);
        fflush(stdout);
        tcgetattr(STDIN_FILENO, &before);
        hidden = before;
        if (secret)
                hidden.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSANOW, &hidden);
        if (!fgets(line, sizeof(line), stdin))
                *line = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
        if (secret)
                putchar('\n');
        line[strcspn(line, "\r\n")] = 0;
        return xstrdup(line);
}

/* Asks the engine whether the registry takes them. An identity token in the answer replaces the password. */
static int try_login(struct cli *cli, struct credentials *c, char **ret_status, struct error *err)
{
        cleanup_json json_object *body = json_object_new_object(), *answer = NULL;
        cleanup_query struct client_query q = {};
        struct client *client;
        const char *token, *status;

        json_set_string(body, "username", c->username ? c->username : "");
        json_set_string(body, "password", c->password ? c->password : "");
        json_set_string(body, "serveraddress", c->server);
        if (!string_empty(c->identity_token))
                json_set_string(body, "identitytoken", c->identity_token);
        client_query_init(&q, "/auth");
        if (cli_client(cli, &client, err) < 0 ||
            client_call(client, "POST", &q, body, &answer, NULL, err) < 0)
                return -1;
        token = json_get_string(answer, "IdentityToken");
        if (!string_empty(token)) {
                replace_string(&c->password, "");
                replace_string(&c->identity_token, token);
        }
        status = json_get_string(answer, "Status");
        *ret_status = xstrdup(status ? status : "");
        return 0;
}

static int finish(struct cli *cli, const struct credentials *c, const char *status, struct error *err)
{
        bool plain, first;
        cleanup_credentials struct credentials had = {};

        if (credentials_get(cli, c->server, &had, NULL) < 0)
                error_clear(err);
        first = !streq(had.password, c->password) || !streq(had.username, c->username);
        if (credentials_store(cli, c, &plain, err) < 0)
                return error_context(err, "Error saving credentials");
        if (plain && first)
                fprintf(stderr,
                        "\nWARNING! Your credentials are stored unencrypted in '%s/config.json'.\nConfigure "
                        "a credential helper to remove this "
                        "warning. See\nhttps://docs.docker.com/go/credential-store/\n\n",
                        cli->config_dir);
        if (*status)
                puts(status);
        return 0;
}

/* Tries what is stored; 0: done, 1: ask. */
static int with_stored(struct cli *cli, const char *server, struct error *err)
{
        cleanup_credentials struct credentials c = {};
        cleanup_error struct error why = {};
        cleanup_free char *status = NULL;

        if (credentials_get(cli, server, &c, err) < 0)
                return -1;
        if (string_empty(c.username) && string_empty(c.identity_token))
                return 1;
        printf("Authenticating with existing credentials...%s%s%s\n\n Info -> To login with a different "
               "account, run 'docker logout' followed by "
               "'docker login'\n\n",
               string_empty(c.username) ? "" : " [Username: ", string_empty(c.username) ? "" : c.username,
               string_empty(c.username) ? "" : "]");
        fflush(stdout);
        if (try_login(cli, &c, &status, &why) < 0) {
                if (!error_is(&why, ERROR_UNAUTHORIZED))
                        return error_move(err, &why);
                printf("Login did not succeed, error: %s\n", error_message(&why));
                return 1;
        }
        return finish(cli, &c, status, err);
}

static int check_login(const struct login *o, struct invocation *call, struct error *err)
{
        if (option_given(call, "password") && string_empty(o->password))
                return error_set(err, ERROR_INVALID, "password is empty");
        if (o->password_stdin && o->password)
                return error_set(err, ERROR_INVALID,
                                 "conflicting options: cannot specify both --password and --password-stdin");
        if (o->password_stdin && string_empty(o->username))
                return error_set(err, ERROR_INVALID,
                                 "the --password-stdin option requires --username to be set");
        return 0;
}

static int run_login(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct login *o = call->values;
        cleanup_credentials struct credentials c = {};
        cleanup_free char *status = NULL;

        if (check_login(o, call, err) < 0)
                return -1;
        c.server = server_of(call->args[0]);
        c.username = xstrdup(o->username);
        c.password = xstrdup(o->password);
        if (o->password)
                fprintf(stderr, "WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
        if (o->password_stdin && read_secret(&c.password, err) < 0)
                return -1;
        if (string_empty(c.username) && string_empty(c.password)) {
                int r = with_stored(cli, c.server, err);

                if (r <= 0)
                        return r;
        }
        if ((string_empty(c.username) || string_empty(c.password)) && !isatty(STDIN_FILENO))
                return error_set(err, ERROR_INVALID,
                                 "Error: Cannot perform an interactive login from a non TTY device");
        if (string_empty(c.username)) {
                free(c.username);
                c.username = ask("Username: ", false);
                if (!*c.username)
                        return error_set(err, ERROR_INVALID, "username is required");
        }
        if (string_empty(c.password)) {
                free(c.password);
                c.password = ask("Password: ", true);
                if (!*c.password)
                        return error_set(err, ERROR_INVALID, "password is required");
        }
        return try_login(cli, &c, &status, err) < 0 ? -1 : finish(cli, &c, status, err);
}

static int run_logout(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_free char *server = server_of(call->args[0]);
        cleanup_error struct error why = {};

        printf("Removing login credentials for %s\n", server);
        fflush(stdout);
        if (credentials_erase(cli, server, &why) < 0) {
                fprintf(stderr, "WARNING: could not erase credentials:\n%s: %s\n", server,
                        error_message(&why));
                return error_set(err, ERROR_SYSTEM, "could not erase credentials");
        }
        return 0;
}

const struct command login_command = {
        .name = "login",
        .usage = "[OPTIONS] [SERVER]",
        .group = "Common Commands",
        .summary = "Authenticate to a registry",
        .details = "Authenticate to a registry.\nDefaults to Docker Hub if no server is specified.",
        COMMAND_OPTIONS(login_options, struct login),
        .max_args = 1,
        .run = run_login
};
const struct command logout_command = {
        .name = "logout",
        .usage = "[SERVER]",
        .group = "Common Commands",
        .summary = "Log out from a registry",
        .details =
            "Log out from a registry.\nIf no server is specified, the default is defined by the daemon.",
        .max_args = 1,
        .run = run_logout
};
