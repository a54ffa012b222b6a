/* The Dockerfile front end: text → syntax tree (dockerfile_parse) → stages of typed instructions
 * (dockerfile_read). Pure. The language is that of docker/dockerfile:1. Variables are not expanded here: the
 * builder does it in its order. */
#pragma once

#include "base/str.h"
#include "oci/container-config.h"

#define DOCKERFILE_MAX (4 << 20)

/* ---- Syntax ---- */

struct heredoc {
        char *name;    /* the delimiter, without quotes */
        char *content; /* lines between, each with its newline */
        bool expand;   /* the delimiter was not quoted */
        bool chomp;    /* <<-: leading tabs go */
};

struct dockerfile_node {
        char *name;                    /* the instruction's name as it is written */
        char *original;                /* the whole logical line, continuations joined */
        char **flags;                  /* "--from=x" … */
        char **args;                   /* ENV and LABEL: key, value, "=" or "" for each pair */
        bool json;                     /* args came from a JSON array */
        struct dockerfile_node *child; /* of ONBUILD */
        struct heredoc *heredocs;
        size_t n_heredocs;
        char **comments;          /* right above */
        int start_line, end_line; /* from 1 */
        bool gap;                 /* a blank line between a continuation and what it continues with */
};

struct dockerfile_syntax {
        struct dockerfile_node **nodes;
        size_t n_nodes;
        char escape;          /* '\\' unless told otherwise */
        char *syntax, *check; /* parser directives; NULL when absent */
};

/* Where an error is: lines from 1, 0 when unknown. */
struct dockerfile_location {
        int start, end;
};

/* `ret_location` (may be NULL) is set on failure too. ERROR_INVALID. */
int dockerfile_parse(const char *text, size_t len, struct dockerfile_syntax *ret,
                     struct dockerfile_location *ret_location, struct error *err);
void dockerfile_syntax_deinit(struct dockerfile_syntax *s);
#define cleanup_dockerfile_syntax __attribute__((cleanup(dockerfile_syntax_deinit)))
/* The tree as s-expressions, a line per instruction; heap. */
char *dockerfile_syntax_format(const struct dockerfile_syntax *s);

/* ---- Instructions ---- */

enum instruction_type {
        INSTRUCTION_ADD,
        INSTRUCTION_ARG,
        INSTRUCTION_CMD,
        INSTRUCTION_COPY,
        INSTRUCTION_ENTRYPOINT,
        INSTRUCTION_ENV,
        INSTRUCTION_EXPOSE,
        INSTRUCTION_FROM,
        INSTRUCTION_HEALTHCHECK,
        INSTRUCTION_LABEL,
        INSTRUCTION_MAINTAINER,
        INSTRUCTION_ONBUILD,
        INSTRUCTION_RUN,
        INSTRUCTION_SHELL,
        INSTRUCTION_STOPSIGNAL,
        INSTRUCTION_USER,
        INSTRUCTION_VOLUME,
        INSTRUCTION_WORKDIR,
};

/* ENV, LABEL, ARG. */
struct instruction_pair {
        char *key;
        char *value;   /* NULL: an ARG without a default */
        bool no_delim; /* the old form `ENV key value` */
        char *doc;     /* ARG: the comment above that begins with its name; NULL when none */
};

/* A here-document: of RUN and friends in its order, of COPY and ADD as a source. */
struct instruction_file {
        char *name, *data;
        bool expand, chomp;
};

struct instruction {
        enum instruction_type type;
        char *name;     /* as it is written */
        char *original; /* the whole logical line */
        int start_line, end_line;
        bool gap;       /* as of the node */
        bool commented; /* there are comments right above */

        struct instruction_pair *pairs; /* ENV, LABEL, ARG */
        size_t n_pairs;
        /* COPY, ADD: sources; RUN, CMD, ENTRYPOINT: the command (one string for the shell, or words); EXPOSE:
         * ports, sorted; VOLUME: paths; SHELL: words. NULL: none (an empty ENTRYPOINT; a COPY of
         * here-documents only). */
        char **args;
        bool shell;  /* RUN, CMD, ENTRYPOINT: to be run by the shell */
        char *value; /* COPY, ADD: destination; WORKDIR, USER, STOPSIGNAL, MAINTAINER; ONBUILD: the
                        instruction; FROM: base */
        struct instruction_file *files;
        size_t n_files;

        /* Flags, "" or NULL when not given. */
        char *from, *chown, *chmod, *checksum; /* COPY, ADD */
        bool link, parents;
        char **exclude;
        int keep_git_dir, unpack;    /* ADD: 0, 1, -1 not given */
        char **mounts, **devices;    /* RUN, as written */
        char *network, *security;    /* RUN */
        char **flags_used;           /* RUN: sorted names */
        char *platform, *stage_name; /* FROM */
        bool described;              /* FROM: by a comment above that begins with the stage's name */
        struct health_config *health;
};

struct stage {
        struct instruction from;
        const char *name; /* lower case; "" when none; points into `from` */
        struct instruction *commands;
        size_t n_commands;
};

struct dockerfile {
        struct dockerfile_syntax syntax;
        struct instruction *meta_args; /* ARGs before the first FROM */
        size_t n_meta_args;
        struct stage *stages;
        size_t n_stages;
};

/* Everything of a Dockerfile. ERROR_INVALID with Docker's sentences; `ret_location` as above. */
int dockerfile_read(const char *text, size_t len, struct dockerfile *ret,
                    struct dockerfile_location *ret_location, struct error *err);
void dockerfile_deinit(struct dockerfile *d);
#define cleanup_dockerfile __attribute__((cleanup(dockerfile_deinit)))

/* One instruction alone: ONBUILD triggers, commit --change. */
int instruction_parse(const char *line, struct instruction *ret, struct error *err);
int instruction_from_node(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
void instruction_deinit(struct instruction *i);
#define cleanup_instruction __attribute__((cleanup(instruction_deinit)))
/* "RUN". */
const char *instruction_type_name(enum instruction_type type);

/* ---- RUN --mount ---- */

enum mount_type { MOUNT_BIND, MOUNT_CACHE, MOUNT_TMPFS, MOUNT_SECRET, MOUNT_SSH };
enum mount_sharing { MOUNT_SHARED, MOUNT_PRIVATE, MOUNT_LOCKED };

struct run_mount {
        enum mount_type type;
        char *from, *source, *target, *id, *env; /* NULL when not given */
        bool env_given;
        bool read_only, required;
        enum mount_sharing sharing;
        int64_t size;
        int64_t mode, uid, gid; /* -1 when not given */
};

/* "type=cache,target=/x". With `rules` NULL only what can be said before expansion is checked (and `ret` may
 * be NULL). */
struct shell_words;
int run_mount_parse(const char *text, const struct shell_words *rules, struct run_mount *ret,
                    struct error *err);
void run_mount_deinit(struct run_mount *m);
#define cleanup_run_mount __attribute__((cleanup(run_mount_deinit)))
