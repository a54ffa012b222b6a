/* Options as pflag has them: -it, -n5, -n 5, --name=x, --name x, -d=false, --; and Docker's words for
 * mistakes. */
#include "cli/command.h"
#include "base/time.h"
#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

static const struct option help_option = { .name = "help", .kind = OPTION_KIND_BOOL, .help = "Print usage" };

struct parser {
        const struct command *command;
        struct invocation *call;
        struct error *err;
        bool help;
};

bool option_given(const struct invocation *call, const char *name)
{
        return strv_contains(call->given, name);
}

static const struct option *find_option(const struct command *command, const char *name, size_t len)
{
        for (size_t i = 0; i < command->n_options; i++)
                if (strlen(command->options[i].name) == len &&
                    strncmp(command->options[i].name, name, len) == 0)
                        return &command->options[i];
        return len == 4 && strncmp(name, "help", 4) == 0 ? &help_option : NULL;
}

static const struct option *find_shorthand(const struct command *command, char c)
{
        for (size_t i = 0; i < command->n_options; i++)
                if (command->options[i].shorthand == c)
                        return &command->options[i];
        return NULL;
}

/* ---- Values ---- */

static int parse_decimal(const char *text, int64_t *ret, struct error *err)
{
        size_t plain = strspn(text, "+-.0123456789eE");
        char *end = NULL;
        double number = plain ? strtod(text, &end) : 0;

        /* A rational number: "1.5", "15e-1" or "3/2". */
        if (end && *end == '/' && isdigit((unsigned char)end[1]))
                number /= strtod(end + 1, &end);
        if (!end || *end || !(number <= 9e9 && number >= -9e9))
                return error_set(err, ERROR_INVALID, "failed to parse %s as a rational number", text);
        if (number * 1e9 != (double)(int64_t)(number * 1e9 + (number < 0 ? -0.0001 : 0.0001)) &&
            strchr(text, '.') && strlen(strchr(text, '.')) > 10)
                return error_set(err, ERROR_INVALID, "value is too precise");
        *ret = (int64_t)(number * 1e9 + 0.5);
        return 0;
}

static int parse_integer(const char *text, int64_t *ret, struct error *err)
{
        char *end;

        errno = 0;
        *ret = strtoll(text, &end, 0);
        if (!*text || *end)
                return error_set(err, ERROR_INVALID, "strconv.ParseInt: parsing \"%s\": invalid syntax",
                                 text);
        if (errno == ERANGE)
                return error_set(err, ERROR_INVALID, "strconv.ParseInt: parsing \"%s\": value out of range",
                                 text);
        return 0;
}

static int parse_uint16(const char *text, int64_t *ret, struct error *err)
{
        char *end;
        unsigned long number;

        errno = 0;
        number = isdigit((unsigned char)*text) ? strtoul(text, &end, 0) : 0;
        if (!isdigit((unsigned char)*text) || *end)
                return error_set(err, ERROR_INVALID, "strconv.ParseUint: parsing \"%s\": invalid syntax",
                                 text);
        if (errno == ERANGE || number > UINT16_MAX)
                return error_set(err, ERROR_INVALID, "strconv.ParseUint: parsing \"%s\": value out of range",
                                 text);
        *ret = (int64_t)number;
        return 0;
}

static int split_commas(const char *value, char ***list)
{
        cleanup_strv char **parts = strv_split(value, ',');

        strv_extend(list, parts);
        return 0;
}

static int store_value(const struct option *o, void *values, const char *value, struct error *err)
{
        void *p = (char *)values + o->offset;

        if (o->check && o->check(value, err) < 0)
                return -1;
        switch (o->kind) {
        case OPTION_KIND_BOOL:
                if (string_to_bool(value, p) < 0)
                        return error_set(err, ERROR_INVALID,
                                         "strconv.ParseBool: parsing \"%s\": invalid syntax", value);
                return 0;
        case OPTION_KIND_STRING:
                replace_string(p, value);
                return 0;
        case OPTION_KIND_LIST:
                strv_append(p, value);
                return 0;
        case OPTION_KIND_STRINGS:
                return split_commas(value, p);
        case OPTION_KIND_INT:
                return parse_integer(value, p, err);
        case OPTION_KIND_UINT16:
                return parse_uint16(value, p, err);
        case OPTION_KIND_BYTES:
                return size_parse(value, p, err);
        case OPTION_KIND_SWAP_BYTES:
                if (streq(value, "-1")) {
                        *(int64_t *)p = -1;
                        return 0;
                }
                return size_parse(value, p, err);
        case OPTION_KIND_DURATION:
                return duration_parse(value, p, err);
        case OPTION_KIND_DECIMAL:
                return parse_decimal(value, p, err);
        }
        return 0;
}

/* "-m, --memory" as the complaint names it. */
static char *option_title(const struct option *o)
{
        return o->shorthand ? string_format("-%c, --%s", o->shorthand, o->name)
                            : string_format("--%s", o->name);
}

static int set_option(struct parser *p, const struct option *o, const char *value)
{
        cleanup_error struct error why = {};
        cleanup_free char *title = NULL;

        if (o == &help_option) {
                p->help = true;
                return 0;
        }
        if (store_value(o, p->call->values, value, &why) < 0) {
                cleanup_strbuf struct strbuf quoted = {};

                title = option_title(o);
                json_quote(&quoted, value, strlen(value));
                return error_set(p->err, ERROR_INVALID, "invalid argument %s for \"%s\" flag: %s",
                                 quoted.data, title, error_message(&why));
        }
        if (o->instead)
                fprintf(stderr, "Flag --%s has been deprecated, %s\n", o->name, o->instead);
        if (!strv_contains(p->call->given, o->name))
                strv_append(&p->call->given, o->name);
        return 0;
}

/* ---- Arguments ---- */

/* "--name", "--name=value"; takes the next argument when the value stands there. */
static int parse_long(struct parser *p, char *const **argv)
{
        const char *text = **argv + 2, *equals = strchr(text, '=');
        size_t len = equals ? (size_t)(equals - text) : strlen(text);
        const struct option *o = find_option(p->command, text, len);

        if (!o)
                return error_set(p->err, ERROR_INVALID, "unknown flag: --%.*s", (int)len, text);
        if (equals)
                return set_option(p, o, equals + 1);
        if (o->kind == OPTION_KIND_BOOL)
                return set_option(p, o, "true");
        if (o->implied)
                return set_option(p, o, o->implied);
        if (!(*argv)[1])
                return error_set(p->err, ERROR_INVALID, "flag needs an argument: --%s", o->name);
        ++*argv;
        return set_option(p, o, **argv);
}

/* "-it", "-n5", "-n=5", "-n 5". */
static int parse_short(struct parser *p, char *const **argv)
{
        const char *all = **argv + 1;

        for (const char *c = all; *c; c++) {
                const struct option *o = find_shorthand(p->command, *c);

                if (!o && *c == 'h' && !o) {
                        p->help = true;
                        return 0;
                }
                if (!o)
                        return error_set(p->err, ERROR_INVALID, "unknown shorthand flag: '%c' in -%s", *c, c);
                if (c[1] == '=')
                        return set_option(p, o, c + 2);
                if (o->kind == OPTION_KIND_BOOL || o->implied) {
                        if (set_option(p, o, o->implied ? o->implied : "true") < 0)
                                return -1;
                        continue;
                }
                if (c[1])
                        return set_option(p, o, c + 1);
                if (!(*argv)[1])
                        return error_set(p->err, ERROR_INVALID, "flag needs an argument: '%c' in -%s", *c, c);
                ++*argv;
                return set_option(p, o, **argv);
        }
        return 0;
}

static int parse_arguments(struct parser *p, char *const *argv)
{
        if (p->command->verbatim) {
                strv_extend(&p->call->args, argv);
                return 0;
        }
        for (; *argv; argv++) {
                int r;

                if (streq(*argv, "--")) {
                        strv_extend(&p->call->args, argv + 1);
                        return 0;
                }
                if (**argv != '-' || !(*argv)[1]) {
                        strv_append(&p->call->args, *argv);
                        if (p->command->options_first) {
                                strv_extend(&p->call->args, argv + 1);
                                return 0;
                        }
                        continue;
                }
                r = (*argv)[1] == '-' ? parse_long(p, &argv) : parse_short(p, &argv);
                if (r < 0)
                        return -1;
        }
        return 0;
}

static const char *plural(int n)
{
        return n == 1 ? "argument" : "arguments";
}

/* Compose's words for them. */
static char *check_count_line(const struct invocation *call)
{
        const struct command *c = call->command;
        int n = (int)strv_length(call->args);

        if (n >= c->min_args && (c->max_args < 0 || n <= c->max_args))
                return NULL;
        if (c->max_args == 0)
                return string_format("unknown command \"%s\" for \"%s\"", call->args[0], call->path);
        if (c->min_args == c->max_args)
                return string_format("accepts %d arg(s), received %d", c->min_args, n);
        return n < c->min_args
                   ? string_format("requires at least %d arg(s), only received %d", c->min_args, n)
                   : string_format("accepts at most %d arg(s), received %d", c->max_args, n);
}

/* Docker's words for too few and too many arguments; NULL when they fit. Heap. */
static char *check_count(const struct invocation *call)
{
        const struct command *c = call->command;
        int n = (int)strv_length(call->args);

        if (n >= c->min_args && (c->max_args < 0 || n <= c->max_args))
                return NULL;
        if (c->max_args == 0)
                return string_format("'%s' accepts no arguments", call->path);
        if (c->min_args == c->max_args)
                return string_format("'%s' requires %d %s", call->path, c->min_args, plural(c->min_args));
        if (c->max_args < 0)
                return string_format("'%s' requires at least %d %s", call->path, c->min_args,
                                     plural(c->min_args));
        if (c->min_args == 0)
                return string_format("'%s' requires at most %d %s", call->path, c->max_args,
                                     plural(c->max_args));
        return string_format("'%s' requires at least %d and at most %d %s", call->path, c->min_args,
                             c->max_args, plural(c->max_args));
}

/* Tells of the first given option that this engine cannot have; 1 then. */
static int check_needs(const struct invocation *call)
{
        for (size_t i = 0; i < call->command->n_options; i++) {
                const struct option *o = &call->command->options[i];

                if (!o->needs || !option_given(call, o->name))
                        continue;
                fprintf(stderr, "\"--%s\" is only supported on a Docker daemon %s\n", o->name, o->needs);
                return 1;
        }
        return 0;
}

static const char *program_of(const char *path)
{
        static _Thread_local char name[64];

        snprintf(name, sizeof(name), "%.*s", (int)MIN(strcspn(path, " "), sizeof(name) - 1), path);
        return name;
}

int command_parse(const struct command *command, const char *path, char *const *argv, struct invocation *ret)
{
        cleanup_error struct error err = {};
        struct parser p = { command, ret, &err, false };
        cleanup_free char *complaint = NULL;

        *ret = (struct invocation){ .command = command,
                                    .path = xstrdup(path),
                                    .values = xcalloc(1, command->options_size + 1),
                                    .args = strv_new() };
        if (parse_arguments(&p, argv) < 0 && command->mistakes != COMMAND_MISTAKES_USAGE) {
                fprintf(stderr, "%s\n", error_message(&err));
                return 1;
        }
        if (error_message(&err)[0]) {
                fprintf(stderr, "%s\n\nUsage:  %s %s%s\n\nRun '%s --help' for more information\n",
                        error_message(&err), path, command->usage,
                        command == &root_command ? " [ARG...]" : "", path);
                return 125;
        }
        if (p.help) {
                command_help(command, path, stdout);
                return -1;
        }
        complaint = command->mistakes == COMMAND_MISTAKES_LINE ? check_count_line(ret) : check_count(ret);
        if (complaint && command->mistakes == COMMAND_MISTAKES_LINE) {
                fprintf(stderr, "%s\n", complaint);
                return 1;
        }
        if (complaint) {
                fprintf(stderr, "%s: %s\n\nUsage:  %s %s\n\n%s '%s --help' for more information\n",
                        program_of(path), complaint, path, command->usage,
                        command->max_args < 0 ? "See" : "Run", path);
                return 1;
        }
        return check_needs(ret);
}

void invocation_deinit(struct invocation *call)
{
        for (size_t i = 0; call->values && i < call->command->n_options; i++) {
                const struct option *o = &call->command->options[i];
                void *p = (char *)call->values + o->offset;

                /* Two rows may share a member (an old name and a new one). */
                if (o->kind == OPTION_KIND_STRING) {
                        free(*(char **)p);
                        *(char **)p = NULL;
                } else if (o->kind == OPTION_KIND_LIST || o->kind == OPTION_KIND_STRINGS) {
                        strv_free(*(char ***)p);
                        *(char ***)p = NULL;
                }
        }
        free(call->values);
        free(call->path);
        strv_free(call->given);
        strv_free(call->args);
        *call = (struct invocation){};
}

const struct command *command_find(const struct command *parent, const char *name)
{
        for (size_t i = 0; parent->commands && parent->commands[i]; i++) {
                const struct command *c = parent->commands[i];
                cleanup_strv char **others = c->also ? strv_split(c->also, ' ') : NULL;

                if (streq(c->name, name) || strv_contains(others, name))
                        return c;
        }
        return NULL;
}

int option_check_filter(const char *value, struct error *err)
{
        return *value && !strchr(value, '=')
                   ? error_set(err, ERROR_INVALID, "bad format of filter (expected name=value)")
                   : 0;
}
