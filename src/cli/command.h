/* Commands and their options as tables: parsing, --help, completion and man pages come from the same rows.
 *
 * A command's options are bound to members of one struct (zeroed before parsing, freed after the run):
 *
 *     struct rm { bool force; };
 *     static const struct option rm_options[] = { OPTION_BOOL("force", 'f', struct rm, force, "Force the
 * removal …") };
 */
#pragma once

#include "base/json.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct cli;
struct invocation;

enum option_kind {
        OPTION_KIND_BOOL,       /* bool */
        OPTION_KIND_STRING,     /* char * */
        OPTION_KIND_LIST,       /* char **: each use appends */
        OPTION_KIND_STRINGS,    /* char **: each use appends, commas separate */
        OPTION_KIND_INT,        /* int64_t */
        OPTION_KIND_UINT16,     /* int64_t, 0 to 65535 */
        OPTION_KIND_BYTES,      /* int64_t, "64m" */
        OPTION_KIND_SWAP_BYTES, /* as BYTES; -1 allowed */
        OPTION_KIND_DURATION,   /* int64_t, ns */
        OPTION_KIND_DECIMAL,    /* int64_t, billionths: "1.5" */
};

struct option {
        const char *name;
        char shorthand; /* 0: none */
        enum option_kind kind;
        size_t offset;
        const char *type; /* what --help shows behind the name: "list", "bytes"; NULL for bool */
        const char *help;
        const char *shown_default;                          /* "(default …)" in --help; NULL: none */
        int (*check)(const char *value, struct error *err); /* of each value as it is given; may be NULL */
        bool hidden;
        const char
            *implied; /* the value of a use without one ("--attach" as bool-like); NULL: a value is needed */
        const char *needs;   /* known, but "only supported on …" */
        const char *instead; /* deprecated: said at each use */
};

#define OPTION_ROW(name, shorthand, kind, type, member, shown, help, ...)                                    \
        {                                                                                                    \
                name, shorthand, kind, offsetof(type, member), shown, help __VA_OPT__(, ) __VA_ARGS__        \
        }
#define OPTION_BOOL(name, shorthand, type, member, help, ...)                                                \
        OPTION_ROW(name, shorthand, OPTION_KIND_BOOL, type, member, NULL, help __VA_OPT__(, ) __VA_ARGS__)
#define OPTION_STRING(name, shorthand, type, member, help, ...)                                              \
        OPTION_ROW(name, shorthand, OPTION_KIND_STRING, type, member, "string",                              \
                   help __VA_OPT__(, ) __VA_ARGS__)
#define OPTION_LIST(name, shorthand, type, member, help, ...)                                                \
        OPTION_ROW(name, shorthand, OPTION_KIND_LIST, type, member, "list", help __VA_OPT__(, ) __VA_ARGS__)
#define OPTION_INT(name, shorthand, type, member, help, ...)                                                 \
        OPTION_ROW(name, shorthand, OPTION_KIND_INT, type, member, "int", help __VA_OPT__(, ) __VA_ARGS__)
#define OPTION_FILTER(type, member, help)                                                                    \
        OPTION_ROW("filter", 'f', OPTION_KIND_LIST, type, member, "filter", help, NULL, option_check_filter)
#define OPTION_FORMAT(type, member, help) OPTION_STRING("format", 0, type, member, help)

/* How mistakes in a command's line are told. */
enum command_mistakes {
        COMMAND_MISTAKES_USAGE,      /* with the usage; status 125 for options */
        COMMAND_MISTAKES_LINE,       /* in one line, status 1: Compose's */
        COMMAND_MISTAKES_LINE_USAGE, /* options in one line, too few and too many arguments with the usage */
};

struct command {
        const char *name;
        const char *usage; /* behind the command's path: "[OPTIONS] CONTAINER" */
        const char *summary;
        const char *details; /* what its own help says instead of the summary; NULL: the summary */
        const char
            *aliases; /* "Aliases:" line without the program's name: "container rm, container remove, rm" */
        const struct option *options;
        size_t n_options, options_size;
        int min_args, max_args; /* max -1: any number */
        bool verbatim;          /* every word is an argument, also those with dashes */
        bool options_first;     /* what follows the first argument is no option (run, exec, create) */
        /* The exit status, or -1 with `err` (printed, status 1 unless err->exit_code). */
        int (*run)(struct cli *cli, struct invocation *call, struct error *err);
        const struct command *const *commands; /* subcommands, NULL-terminated */
        bool hidden;
        enum command_mistakes mistakes;
        const char *also;  /* other names, separated by blanks */
        const char *group; /* heading in the program's own help */
};

#define COMMAND_OPTIONS(table, type)                                                                         \
        .options = table, .n_options = ARRAY_SIZE(table), .options_size = sizeof(type)

/* One use of a command. */
struct invocation {
        const struct command *command;
        char *path;   /* "docker container rm" */
        void *values; /* the struct of its options */
        char **given; /* names of the options that were there */
        char **args;
};
bool option_given(const struct invocation *call, const char *name);

/* Parses `argv` (behind the command's name). On a mistake the message is printed with Docker's hints and the
 * exit status returned; 0: parsed; -1: help was asked for and printed. */
int command_parse(const struct command *command, const char *path, char *const *argv, struct invocation *ret);
void invocation_deinit(struct invocation *call);

/* --help, to `file` (a FILE *). */
void command_help(const struct command *command, const char *path, void *file);
/* The whole of it for man pages and completions; see completion.c. */
const struct command *command_find(const struct command *parent, const char *name);

int option_check_filter(const char *value, struct error *err);

/* What every command has. */
struct client;
struct compose_settings;
struct cli {
        const char *program; /* "davit" or "docker" */
        char *host, *context, *config_dir;
        struct client *client; /* opened by cli_client() */
        json_object *config;   /* config.json, read by cli_config() */
        bool config_read, debug;
        struct compose_settings *compose; /* while one of its commands runs */
};
int cli_client(struct cli *cli, struct client **ret, struct error *err);
/* config.json as a tree; an empty object when there is none. */
json_object *cli_config(struct cli *cli);
/* Saves it again (0600, atomically). */
int cli_config_save(struct cli *cli, struct error *err);

extern const struct command root_command;
