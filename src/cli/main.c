/* davit: the command line. Called through a symlink it takes that name in what it prints (docker). */
#include "base/fd.h"
#include "cli/command.h"
#include "cli/root.h"
#include "client/client.h"
#include "cli/context.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>

static int unknown_command(const char *path, const char *name)
{
        fprintf(stderr, "%.*s: unknown command: %s %s\n", (int)strcspn(path, " "), path, path, name);
        if (strchr(path, ' '))
                fprintf(stderr, "\nUsage:  %s\n", path);
        fprintf(stderr, "\nRun '%s --help' for more information\n", path);
        return 1;
}

/* Runs a leaf with its arguments. */
static int run_leaf(struct cli *cli, const struct command *command, const char *path, char *const *argv)
{
        cleanup_error struct error err = {};
        struct invocation call;
        int r = command_parse(command, path, argv, &call);

        if (r == 0) {
                r = command->run(cli, &call, &err);
                if (r < 0) {
                        fflush(stdout);
                        /* Whoever read our output has gone: that is no news to anybody. */
                        if (err.errnum == EPIPE) {
                                r = 128 + SIGPIPE;
                        } else {
                                if (err.message)
                                        fprintf(stderr, "%s\n", err.message);
                                r = err.exit_code ? err.exit_code : 1;
                        }
                }
        } else if (r < 0) {
                r = 0;
        }
        invocation_deinit(&call);
        if (fflush(stdout) != 0 && r == 0)
                r = 1;
        return r;
}

/* Follows the names of commands down to one that runs. */
static int dispatch(struct cli *cli, const struct command *parent, const char *path, char *const *argv)
{
        const struct command *command;
        cleanup_free char *next = NULL;

        if (!*argv || streq(*argv, "--help") || streq(*argv, "-h")) {
                command_help(parent, path, stdout);
                return 0;
        }
        if (**argv == '-') {
                const char *flag = *argv;

                if (flag[1] == '-')
                        fprintf(stderr, "unknown flag: %.*s\n", (int)strcspn(flag, "="), flag);
                else
                        fprintf(stderr, "unknown shorthand flag: '%c' in %s\n", flag[1], flag);
                fprintf(stderr, "\nUsage:  %s\n\nRun '%s --help' for more information\n", path, path);
                return 125;
        }
        command = command_find(parent, *argv);
        if (!command)
                return unknown_command(path, *argv);
        next = string_format("%s %s", path, command->name);
        return command->commands && !command->options_first &&
                       (!command->run || (argv[1] && command_find(command, argv[1])))
                   ? dispatch(cli, command, next, argv + 1)
                   : run_leaf(cli, command, next, argv + 1);
}

static int print_help_for(const char *program, char *const *names)
{
        const struct command *command = &root_command;
        struct strbuf path = {};

        strbuf_adds(&path, program);
        for (; *names; names++) {
                command = command_find(command, *names);
                if (!command) {
                        fprintf(stderr, "unknown help topic: %s\n", *names);
                        strbuf_deinit(&path);
                        return 1;
                }
                strbuf_addf(&path, " %s", command->name);
        }
        command_help(command, path.data, stdout);
        strbuf_deinit(&path);
        return 0;
}

static char *default_config_dir(void)
{
        const char *given = getenv("DOCKER_CONFIG"), *home = getenv("HOME");

        return string_empty(given) ? string_format("%s/.docker", home ? home : "/root") : xstrdup(given);
}

static int check_globals(const struct global_options *o)
{
        static const char *const levels[] = { "debug", "info",  "warn",  "warning",
                                              "error", "fatal", "panic", "trace" };
        bool known = !o->log_level;

        for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
                known = known || streq(o->log_level, levels[i]);
        if (!known)
                fprintf(stderr, "Unable to parse logging level: %s\n", o->log_level);
        else if (o->tls || o->tlsverify || o->tlscacert || o->tlscert || o->tlskey)
                fprintf(stderr, "--tls flags: TLS connections are not supported yet\n");
        else
                return 0;
        return 1;
}

static int run(const char *program, char *const *argv)
{
        struct cli cli = { .program = program };
        struct global_options *o;
        struct invocation call;
        int r = command_parse(&root_command, program, argv, &call);

        o = call.values;
        cli.config_dir = string_empty(o ? o->config : NULL) ? default_config_dir() : xstrdup(o->config);
        if (r == 0) {
                cli.host = xstrdup(o->host);
                cli.context = xstrdup(o->context);
                cli.debug = o->debug;
                if (o->version) {
                        printf("%s version %s, build %s\n", streq(program, "docker") ? "Docker" : "davit",
                               DAVIT_VERSION, "davit");
                } else if (check_globals(o) != 0) {
                        r = 1;
                } else if (call.args[0] && streq(call.args[0], "help")) {
                        r = print_help_for(program, call.args + 1);
                } else {
                        r = dispatch(&cli, &root_command, program, call.args);
                }
        } else if (r < 0) {
                r = 0;
        }
        invocation_deinit(&call);
        client_free(cli.client);
        json_object_put(cli.config);
        free(cli.host);
        free(cli.context);
        free(cli.config_dir);
        return r;
}

int main(int argc, char **argv)
{
        const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
        const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "davit";

        setlocale(LC_CTYPE, "C.UTF-8");
        signal(SIGPIPE, SIG_IGN);
        /* Lines on stdout and stderr keep their order where both go to one place. */
        setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
        return run(streq(name, "docker") ? "docker" : "davit", argc > 0 ? argv + 1 : (char *[]){ NULL });
}
