#include "cli/command.h"
#include "suite.h"

#include <fcntl.h>
#include <unistd.h>

SUITE(command);

struct values {
        bool all, detach, interactive, tty;
        char **env, **names;
        char *name, *attach;
        int64_t count, memory, wait, cpus;
};

static const struct option options[] = {
        OPTION_BOOL("all", 'a', struct values, all, "All"),
        OPTION_STRING("attach", 0, struct values, attach, "Attach", NULL, NULL, false, "yes"),
        OPTION_ROW("cpus", 0, OPTION_KIND_DECIMAL, struct values, cpus, "decimal", "CPUs"),
        OPTION_BOOL("detach", 'd', struct values, detach, "Detach"),
        OPTION_LIST("env", 'e', struct values, env, "Environment"),
        OPTION_BOOL("interactive", 'i', struct values, interactive, "Interactive"),
        OPTION_ROW("memory", 'm', OPTION_KIND_BYTES, struct values, memory, "bytes", "Memory"),
        OPTION_STRING("name", 0, struct values, name, "Name"),
        OPTION_ROW("names", 0, OPTION_KIND_STRINGS, struct values, names, "strings", "Names"),
        OPTION_INT("count", 'n', struct values, count, "Count"),
        OPTION_BOOL("tty", 't', struct values, tty, "Terminal"),
        OPTION_ROW("wait", 'w', OPTION_KIND_DURATION, struct values, wait, "duration", "Wait"),
};
static const struct command mixed = { .name = "mixed",
                                      .usage = "[OPTIONS]",
                                      .summary = "x",
                                      COMMAND_OPTIONS(options, struct values),
                                      .max_args = -1 };
static const struct command first = { .name = "first",
                                      .usage = "[OPTIONS]",
                                      .summary = "x",
                                      COMMAND_OPTIONS(options, struct values),
                                      .max_args = -1,
                                      .options_first = true };
static const struct command one = { .name = "one",
                                    .usage = "X",
                                    .summary = "x",
                                    COMMAND_OPTIONS(options, struct values),
                                    .min_args = 1,
                                    .max_args = 1 };

/* Complaints go to standard error; tests keep quiet. */
static int parse(const struct command *command, const char *const *argv, struct invocation *ret)
{
        int saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC), r;

        dup2(null, STDERR_FILENO);
        r = command_parse(command, "docker test", (char *const *)argv, ret);
        dup2(saved, STDERR_FILENO);
        close(saved);
        close(null);
        return r;
}
#define PARSE(command, call, ...)                                                                            \
        parse(&(command), (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL }, &(call))

TEST(bundles)
{
        struct invocation call;
        struct values *v;

        ck_assert_int_eq(PARSE(mixed, call, "-itd", "a", "-n5", "-e", "A=1", "-eB=2", "b"), 0);
        v = call.values;
        ck_assert(v->interactive && v->tty && v->detach && !v->all);
        ck_assert_int_eq(v->count, 5);
        ck_assert_str_eq(v->env[0], "A=1");
        ck_assert_str_eq(v->env[1], "B=2");
        ck_assert_ptr_null(v->env[2]);
        ck_assert_str_eq(call.args[0], "a");
        ck_assert_str_eq(call.args[1], "b");
        ck_assert(option_given(&call, "env") && !option_given(&call, "all"));
        invocation_deinit(&call);
}

TEST(values_behind_equals_signs)
{
        struct invocation call;
        struct values *v;

        ck_assert_int_eq(PARSE(mixed, call, "--name=x=y", "-d=false", "--all=true", "-n=7", "--memory", "64m",
                               "--wait=1.5s", "--cpus", "0.25"),
                         0);
        v = call.values;
        ck_assert_str_eq(v->name, "x=y");
        ck_assert(!v->detach && v->all);
        ck_assert_int_eq(v->count, 7);
        ck_assert_int_eq(v->memory, 64 << 20);
        ck_assert_int_eq(v->wait, INT64_C(1500000000));
        ck_assert_int_eq(v->cpus, 250000000);
        ck_assert(option_given(&call, "detach"));
        invocation_deinit(&call);
}

TEST(lists_with_commas)
{
        struct invocation call;
        struct values *v;

        ck_assert_int_eq(PARSE(mixed, call, "--names", "a,b", "--names=c", "--env", "a,b"), 0);
        v = call.values;
        ck_assert_str_eq(v->names[1], "b");
        ck_assert_str_eq(v->names[2], "c");
        ck_assert_str_eq(v->env[0], "a,b");
        invocation_deinit(&call);
}

TEST(what_follows_the_first_argument)
{
        struct invocation call;

        ck_assert_int_eq(PARSE(first, call, "-t", "image", "-d", "--nosuch"), 0);
        ck_assert(((struct values *)call.values)->tty && !((struct values *)call.values)->detach);
        ck_assert_str_eq(call.args[1], "-d");
        ck_assert_str_eq(call.args[2], "--nosuch");
        invocation_deinit(&call);
        ck_assert_int_eq(PARSE(mixed, call, "a", "--", "-d", "--"), 0);
        ck_assert_str_eq(call.args[1], "-d");
        ck_assert_str_eq(call.args[2], "--");
        invocation_deinit(&call);
        ck_assert_int_eq(PARSE(mixed, call, "-", ""), 0);
        ck_assert_str_eq(call.args[0], "-");
        ck_assert_str_eq(call.args[1], "");
        invocation_deinit(&call);
}

TEST(implied_values)
{
        struct invocation call;

        ck_assert_int_eq(PARSE(mixed, call, "--attach", "x"), 0);
        ck_assert_str_eq(((struct values *)call.values)->attach, "yes");
        ck_assert_str_eq(call.args[0], "x");
        invocation_deinit(&call);
}

TEST(mistakes)
{
        static const char *const bad[][2] = { { "--nosuch" },
                                              { "-z" },
                                              { "--name" },
                                              { "-n" },
                                              { "-n", "x" },
                                              { "--all=maybe" },
                                              { "-m", "5x" },
                                              { "--wait=5" },
                                              { "--cpus", "a" },
                                              { "-dz" },
                                              { "--cpus", "0.12345678901" } };
        struct invocation call;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                const char *const argv[] = { bad[i][0], bad[i][1], NULL };

                ck_assert_msg(parse(&mixed, argv, &call) == 125, "%s %s", bad[i][0],
                              bad[i][1] ? bad[i][1] : "");
                invocation_deinit(&call);
        }
        ck_assert_int_eq(PARSE(one, call), 1);
        invocation_deinit(&call);
        ck_assert_int_eq(PARSE(one, call, "a", "b"), 1);
        invocation_deinit(&call);
        ck_assert_int_eq(PARSE(one, call, "a"), 0);
        invocation_deinit(&call);
}
