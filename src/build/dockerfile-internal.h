/* Between the files of the Dockerfile front end. */
#pragma once

#include "build/dockerfile.h"

/* How the rest of an instruction's line is read into arguments. `escape` is the Dockerfile's. */
typedef int (*argument_reader)(const char *rest, char escape, struct dockerfile_node *node,
                               struct error *err);

/* One row per instruction. */
struct instruction_kind {
        const char *name; /* upper case */
        argument_reader read;
        /* Reads the node into the typed form; `type` and the names are set already. */
        int (*parse)(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
};
/* By name without case; NULL for none. The index in the table is the enum instruction_type. */
const struct instruction_kind *instruction_kind_find(const char *name, enum instruction_type *ret_type);

/* One logical line without here-documents. */
int dockerfile_node_read(const char *line, char escape, struct dockerfile_node **ret, struct error *err);
void dockerfile_node_free(struct dockerfile_node *node);

/* Flags and the rest of what follows an instruction's name: "--a=b --c rest". */
void dockerfile_split_flags(const char *text, char ***ret_flags, char **ret_rest);

int read_words_or_pairs(const char *rest, char escape, struct dockerfile_node *node,
                        struct error *err); /* ARG */
int read_env(const char *rest, char escape, struct dockerfile_node *node, struct error *err);
int read_label(const char *rest, char escape, struct dockerfile_node *node, struct error *err);
int read_string(const char *rest, char escape, struct dockerfile_node *node, struct error *err);
int read_strings(const char *rest, char escape, struct dockerfile_node *node, struct error *err);
int read_json_or_string(const char *rest, char escape, struct dockerfile_node *node, struct error *err);
int read_json_or_strings(const char *rest, char escape, struct dockerfile_node *node, struct error *err);
int read_health(const char *rest, char escape, struct dockerfile_node *node, struct error *err);
int read_sub_instruction(const char *rest, char escape, struct dockerfile_node *node, struct error *err);

/* "<<EOF", "<<-'EOF'": 1 when `word` is one (then `ret` has its name), 0, -1. */
int heredoc_parse(const char *word, struct heredoc *ret, struct error *err);
void heredoc_deinit(struct heredoc *h);
/* Drops the tabs at the beginning of each line; heap. */
char *heredoc_chomp(const char *content);

/* ---- Flags of instructions ---- */

enum flag_type { FLAG_STRING, FLAG_STRINGS, FLAG_BOOL };
struct instruction_flag {
        const char *name;
        enum flag_type type;
        void *value; /* char **, char ***, int * (-1 stays when not given) */
};
/* ERROR_INVALID "unknown flag: --x", …. Names that were given are appended to `*ret_used` (may be NULL). */
int instruction_flags_parse(char *const *given, const struct instruction_flag *flags, size_t count,
                            char ***ret_used, struct error *err);

/* " (did you mean X?)" for the option nearest to `word`, or ""; heap. */
char *did_you_mean(const char *word, const char *const *options, size_t count, bool with_case);
