#include "cli/exec.h"
#include "cli/container-flags.h"
#include "cli/stream.h"
#include "client/client.h"

#include <stdio.h>
#include <unistd.h>

static const struct option exec_options[] = {
        OPTION_BOOL("detach", 'd', struct exec_flags, detach, "Detached mode: run command in the background"),
        OPTION_STRING("detach-keys", 0, struct exec_flags, detach_keys,
                      "Override the key sequence for detaching a container"),
        OPTION_LIST("env", 'e', struct exec_flags, env, "Set environment variables", NULL, check_env),
        OPTION_LIST("env-file", 0, struct exec_flags, env_file, "Read in a file of environment variables"),
        OPTION_BOOL("interactive", 'i', struct exec_flags, interactive,
                    "Keep STDIN open even if not attached"),
        OPTION_BOOL("privileged", 0, struct exec_flags, privileged,
                    "Give extended privileges to the command"),
        OPTION_BOOL("tty", 't', struct exec_flags, tty, "Allocate a pseudo-TTY"),
        OPTION_STRING("user", 'u', struct exec_flags, user,
                      "Username or UID (format: \"<name|uid>[:<group|gid>]\")"),
        OPTION_STRING("workdir", 'w', struct exec_flags, workdir, "Working directory inside the container"),
};

static json_object *strings(char *const *list)
{
        json_object *out = json_object_new_array();

        for (; list && *list; list++)
                json_object_array_add(out, json_object_new_string(*list));
        return out;
}

static json_object *console_size(void)
{
        int height, width;
        json_object *out;

        if (!terminal_size(&height, &width))
                return NULL;
        out = json_object_new_array();
        json_object_array_add(out, json_object_new_int(height));
        json_object_array_add(out, json_object_new_int(width));
        return out;
}

static int make_request(const struct exec_flags *f, char *const *command, json_object **ret,
                        struct error *err)
{
        cleanup_strv char **env = NULL;
        json_object *out;

        for (size_t i = 0; f->env_file && f->env_file[i]; i++)
                if (env_file_read(f->env_file[i], true, &env, err) < 0)
                        return -1;
        for (size_t i = 0; f->env && f->env[i]; i++)
                env_add(&env, f->env[i]);
        out = json_object_new_object();
        json_set_string(out, "User", f->user ? f->user : "");
        json_object_object_add(out, "Privileged", json_object_new_boolean(f->privileged));
        json_object_object_add(out, "Tty", json_object_new_boolean(f->tty));
        if (f->tty)
                json_object_object_add(out, "ConsoleSize", console_size());
        json_object_object_add(out, "AttachStdin", json_object_new_boolean(!f->detach && f->interactive));
        json_object_object_add(out, "AttachStderr", json_object_new_boolean(!f->detach));
        json_object_object_add(out, "AttachStdout", json_object_new_boolean(!f->detach));
        json_set_string(out, "DetachKeys", f->detach_keys ? f->detach_keys : "");
        json_object_object_add(out, "Env", env ? strings(env) : NULL);
        json_set_string(out, "WorkingDir", f->workdir ? f->workdir : "");
        json_object_object_add(out, "Cmd", strings(command));
        *ret = out;
        return 0;
}

static int create(struct client *client, const struct exec_flags *f, const char *container,
                  char *const *command, char **ret_id, struct error *err)
{
        cleanup_json json_object *body = NULL, *answer = NULL;
        cleanup_query struct client_query q = {};

        client_query_init(&q, "/containers/%s/exec", container);
        if (make_request(f, command, &body, err) < 0 ||
            client_call(client, "POST", &q, body, &answer, NULL, err) < 0)
                return -1;
        *ret_id = xstrdup(json_get_string(answer, "Id"));
        return *ret_id ? 0 : error_set(err, ERROR_INVALID, "exec ID empty");
}

static json_object *start_body(const struct exec_flags *f)
{
        json_object *body = json_object_new_object();

        json_object_object_add(body, "Detach", json_object_new_boolean(f->detach));
        json_object_object_add(body, "Tty", json_object_new_boolean(f->tty));
        if (f->tty && !f->detach)
                json_object_object_add(body, "ConsoleSize", console_size());
        return body;
}

static int exit_code(struct client *client, const char *id, struct error *err)
{
        cleanup_json json_object *answer = NULL;
        cleanup_query struct client_query q = {};

        client_query_init(&q, "/exec/%s/json", id);
        if (client_call(client, "GET", &q, NULL, &answer, NULL, err) < 0)
                return -1;
        return (int)json_get_int64(answer, "ExitCode", 0);
}

static int run_streams(struct client *client, const struct exec_flags *f, const char *id, struct error *err)
{
        struct stream_options o = { .use_stdin = f->interactive,
                                    .use_stdout = true,
                                    .use_stderr = true,
                                    .tty = f->tty,
                                    .detach_keys = f->detach_keys };
        cleanup_json json_object *body = start_body(f);
        cleanup_free char *resize = string_format("/exec/%s/resize", id);
        struct client_hijack h = { .fd = -1 };
        struct terminal *terminal = NULL;
        cleanup_query struct client_query q = {};
        int r = -1;

        client_query_init(&q, "/exec/%s/start", id);
        if (f->tty && f->interactive && terminal_raw(&terminal, err) < 0)
                return -1;
        if (client_hijack_open(client, "POST", &q, body, &h, err) == 0) {
                if (f->tty && isatty(STDIN_FILENO))
                        resize_follow(client, resize);
                r = stream_run(&h, &o, err);
        }
        client_hijack_deinit(&h);
        terminal_restore(terminal);
        return r;
}

int exec_in_container(struct cli *cli, const struct exec_flags *f, const char *container,
                      char *const *command, struct error *err)
{
        cleanup_free char *id = NULL;
        cleanup_json json_object *body = start_body(f);
        struct client *client;
        int r;

        if (f->tty && f->interactive && !f->detach && !isatty(STDIN_FILENO))
                return error_set(err, ERROR_INVALID, "the input device is not a TTY");
        if (cli_client(cli, &client, err) < 0 || create(client, f, container, command, &id, err) < 0)
                return -1;
        if (f->detach) {
                cleanup_query struct client_query q = {};

                client_query_init(&q, "/exec/%s/start", id);
                return client_call(client, "POST", &q, body, NULL, NULL, err);
        }
        if (f->tty)
                signals_block();
        r = run_streams(client, f, id, err);
        if (r < 0)
                return -1;
        if (r > 0)
                return error_set(err, ERROR_CANCELLED, "read escape sequence");
        if (f->tty)
                signals_unblock();
        return exit_code(client, id, err);
}

static int run_exec(struct cli *cli, struct invocation *call, struct error *err)
{
        return exec_in_container(cli, call->values, call->args[0], call->args + 1, err);
}

const struct command exec_command = { .name = "exec",
                                      .group = "Common Commands",
                                      .usage = "[OPTIONS] CONTAINER COMMAND [ARG...]",
                                      .summary = "Execute a command in a running container",
                                      .aliases = "container exec, exec",
                                      COMMAND_OPTIONS(exec_options, struct exec_flags),
                                      .min_args = 2,
                                      .max_args = -1,
                                      .options_first = true,
                                      .run = run_exec };
