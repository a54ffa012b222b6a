/* One loading of a project: what all its passes share. The passes run over trees (node.h); which of them does
 * what at which attribute is said once, in rules.c. */
#pragma once

#include "compose/environment.h"
#include "compose/load.h"
#include "compose/node.h"
#include "compose/yaml.h"

/* Where a secret's value stands in the tree: no attribute, so that it is never printed. */
#define SECRET_CONTENT "x-#value"

struct loader;
struct rule_node;

/* Where files of the moment are looked for: the project's directory, or that of an included one. */
struct scope {
        const char *dir; /* absolute */
        const char
            *prefix; /* what relative paths inside the files get: `dir`, or its way from the parent's */
        const struct environment *env; /* for substitution */
        const char *const *files;      /* that are being included, outermost first; NULL-terminated */
};

struct loader {
        const struct compose_options *options;
        struct arena arena;
        const struct rule_node *rules;
        struct scope scope;
        size_t nodes;     /* made from YAML so far */
        char **versioned; /* files that were told about `version` */
        struct error *err;
        struct node place;                    /* where the first mistake is; line 0: nowhere */
        const char *keys[YAML_DEPTH_MAX + 8]; /* the path of the node at hand */
        size_t depth;
        char *mistake_path; /* heap */
        bool no_interpolate, no_extends, no_include, no_validation;
};

/* ---- The path of the node at hand ---- */

void loader_push(struct loader *l, const char *key);
void loader_pop(struct loader *l);
/* "services.web.ports.[]"; arena. */
const char *loader_path(struct loader *l);

/* Sets the error (unless one is set: then only the place, when there is none yet). Returns -1. `at` may be
 * NULL. */
int mistake(struct loader *l, const struct node *at, const char *format, ...) PRINTF_FORMAT(3, 4);
/* For an error that a callee has set. Returns -1. */
int mistake_at(struct loader *l, const struct node *at);
/* What the YAML of `file` says wrong, in the reference's words. Returns -1. */
int yaml_mistake(struct loader *l, const struct node *at, const char *file, const struct error *why);
void loader_warn(struct loader *l, const char *format, ...) PRINTF_FORMAT(2, 3);
/* Go's name of a value's type, for its sentences. */
const char *node_type_name(const struct node *node);

/* ---- Rules ---- */

enum rule_pass { PASS_CANONICAL, PASS_DEFAULTS, PASS_CHECK, PASS_RESOLVE, N_PASSES };
enum rule_cast { CAST_NONE, CAST_INT, CAST_FLOAT, CAST_FLOAT32, CAST_BOOL };

/* Changes or checks the node; goes into its children itself by rules_walk_children() where that is wanted. */
typedef int (*rule_visit)(struct loader *l, const struct rule_node *at, struct node **node);
/* Merges `over` into `base` (both of them may be taken apart). */
typedef int (*rule_merge)(struct loader *l, const struct rule_node *at, struct node *base, struct node *over,
                          struct node **ret);
/* What makes an entry of a sequence one of its kind; arena or borrowed. NULL: nothing, it stays. */
typedef int (*rule_unique)(struct loader *l, const struct node *entry, const char **ret);

struct rule {
        const char *path; /* "*" is any key and any place of a sequence */
        enum rule_cast cast;
        rule_merge merge;
        rule_unique unique;
        rule_visit visit[N_PASSES];
};

const struct rule_node *rules_new(struct arena *arena);
/* What is below a node's child; NULL: no rule there. */
const struct rule_node *rules_child(const struct rule_node *at, const char *key);
const struct rule *rules_here(const struct rule_node *at);
int rules_walk(struct loader *l, enum rule_pass pass, const struct rule_node *at, struct node **node);
int rules_walk_children(struct loader *l, enum rule_pass pass, const struct rule_node *at, struct node *node);

/* ---- Passes ---- */

int interpolate(struct loader *l, struct node *root);
/* A text outside of the tree (the project's name). Heap. */
int interpolate_text(struct loader *l, const char *path, const char *text, char **ret);
/* "1", "yes", … as the casts of `path`'s rules do; false: no boolean. */
bool cast_bool(struct loader *l, const char *text, bool *ret);

int merge_trees(struct loader *l, struct node *base, struct node *over, struct node **ret);
int merge_service(struct loader *l, struct node *base, struct node *over, struct node **ret);
int remove_duplicates(struct loader *l, struct node *root);
/* Drops what a document marks from the trees before it; `keys_before` are the keys that lead to `root`. */
void apply_marks(const struct yaml_mark *marks, size_t count, struct node *root,
                 const char *const *keys_before, size_t n_before);
int validate_schema(struct loader *l, const struct node *root, const char *file);
int omit_empty(struct loader *l, struct node *root);
int apply_extends(struct loader *l, struct node *root, const char *file,
                  const struct yaml_document *document);
int apply_include(struct loader *l, struct node *root, const char *file);
int normalize(struct loader *l, struct node *root, const char *project_name);

/* Reads one file and merges it into `*root`. `text` NULL: from the disk. */
int load_file(struct loader *l, const char *file, const char *text, size_t len, struct node **root,
              struct yaml_document *ret_last);
/* Files of the loader's scope to one tree with defaults, checked, with resolved paths. `texts` may be NULL.
 */
int load_files(struct loader *l, char *const *files, char *const *texts, struct node **ret);
void resolve_environment(struct loader *l, struct node *root);
int check_consistency(struct compose_project *project, struct error *err);
/* Binds a canonical tree to the zeroed project. */
int bind_project(struct loader *l, const struct node *root, struct compose_project *project);

/* ---- Visits of the passes, for the table of rules ---- */

#define DECLARE_VISIT(name) int name(struct loader *l, const struct rule_node *at, struct node **node)
DECLARE_VISIT(canonical_service);
DECLARE_VISIT(canonical_build);
DECLARE_VISIT(canonical_depends_on);
DECLARE_VISIT(canonical_device);
DECLARE_VISIT(canonical_env_file);
DECLARE_VISIT(canonical_extends);
DECLARE_VISIT(canonical_external);
DECLARE_VISIT(canonical_gpus);
DECLARE_VISIT(canonical_key_value);
DECLARE_VISIT(canonical_list);
DECLARE_VISIT(canonical_list_to_map);
DECLARE_VISIT(canonical_mount);
DECLARE_VISIT(canonical_ports);
DECLARE_VISIT(canonical_reference);
DECLARE_VISIT(canonical_ssh);
DECLARE_VISIT(canonical_text);
DECLARE_VISIT(canonical_ulimit);
DECLARE_VISIT(default_build);
DECLARE_VISIT(default_device_request);
DECLARE_VISIT(default_port);
DECLARE_VISIT(default_secret);
DECLARE_VISIT(check_config);
DECLARE_VISIT(check_device_request);
DECLARE_VISIT(check_port);
DECLARE_VISIT(check_secret);
DECLARE_VISIT(check_volume);
DECLARE_VISIT(check_watch_path);
DECLARE_VISIT(resolve_context);
DECLARE_VISIT(resolve_mount);
DECLARE_VISIT(resolve_path);
DECLARE_VISIT(resolve_path_or_windows);
DECLARE_VISIT(resolve_volume_options);
DECLARE_VISIT(resolve_watch_path);

#define DECLARE_MERGE(name)                                                                                  \
        int name(struct loader *l, const struct rule_node *at, struct node *base, struct node *over,         \
                 struct node **ret)
DECLARE_MERGE(merge_build);
DECLARE_MERGE(merge_depends_on);
DECLARE_MERGE(merge_extra_hosts);
DECLARE_MERGE(merge_ipam);
DECLARE_MERGE(merge_logging);
DECLARE_MERGE(merge_named);
DECLARE_MERGE(merge_override);
DECLARE_MERGE(merge_sequence);

#define DECLARE_UNIQUE(name) int name(struct loader *l, const struct node *entry, const char **ret)
DECLARE_UNIQUE(unique_config);
DECLARE_UNIQUE(unique_device);
DECLARE_UNIQUE(unique_env_file);
DECLARE_UNIQUE(unique_expose);
DECLARE_UNIQUE(unique_key);
DECLARE_UNIQUE(unique_mount);
DECLARE_UNIQUE(unique_port);
DECLARE_UNIQUE(unique_secret);
