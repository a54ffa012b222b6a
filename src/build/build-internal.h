/* A build while it runs; what the builder's files share. */
#pragma once

#include "build/build.h"
#include "build/dockerfile-internal.h"
#include "build/dockerignore.h"
#include "build/shell-words.h"
#include "oci/image.h"
#include "oci/reference.h"
#include "store/image-store.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>

#define BUILD_DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#define BUILD_ID_BYTES 6

/* A folder that files are read from: the context, or a further one. */
struct build_context {
        char *name;                  /* of a further one, else NULL */
        const char *url;             /* where a further one is to be fetched from; NULL: it is here */
        bool layout;                 /* holds an image: build_layout_load() */
        int fd;                      /* -1: there is none */
        struct path_matcher *ignore; /* NULL: nothing is */
        char *tmp_name;              /* the store's tmp folder that it was unpacked into, else NULL */
        bool announced;              /* its vertex was shown */
        bool text_only;              /* the URL was a Dockerfile */
};

struct source_tree;

/* What a step's key is made of: explain.c. */
struct step_parts {
        struct strbuf text;
        struct step_tree_part {
                struct source_tree *tree;
                char *path;
        } * trees;
        size_t n_trees;
};

/* Belongs to the node of the graph that is at work on the stage; others read it when its last one is done. */
struct stage_state {
        const struct stage *stage;
        size_t number;
        /* The plan: */
        bool needed, stacked, ordered;
        struct stage_need {
                const struct instruction *reader; /* NULL: FROM */
                struct stage_state *stage;
                struct dockerfile_location where;
        } * needs; /* stages that it reads */
        size_t n_needs, placed;
        size_t last_node;
        /* The work: */
        const struct instruction *at;     /* NULL: FROM */
        struct dockerfile_location where; /* of `at` */
        struct step_parts parts;          /* of the key made last */
        char *before;                     /* the step that ran last, as it was shown; NULL: none did */
        struct image_config image;
        struct digest *diff_ids;
        size_t n_diff_ids;
        char **env;                    /* the image's with ARGs over it: what RUN and expansion see */
        struct instruction_pair *args; /* declared ARGs in order, for the history */
        size_t n_args;
        bool cmd_set, workdir_set;
        int64_t epoch; /* SOURCE_DATE_EPOCH in ns; -1: none */
        bool no_cache;
        int64_t created;              /* of the newest layer */
        int index, total;             /* of steps that are shown */
        struct instruction *triggers; /* ONBUILD of the base image */
        size_t n_triggers;
        char *base;                 /* FROM, expanded */
        struct platform platform;   /* what it is built for */
        struct stage_state *parent; /* base is a stage */
        struct image *base_image;   /* base is an image */
        struct build_context *base_context; /* base is a further context */
};

/* A line of the progress. */
struct vertex {
        int number;
        int64_t start;
};

struct cache_record {
        struct digest layer;
        int64_t created;
};

struct build {
        /* Written before anything runs side by side: */
        const struct build_services *services;
        const struct build_request *request;
        const struct build_options *options;
        const char *platform; /* what it is built for; NULL: this machine's */
        struct store *store;
        struct dockerfile file;
        char *text, *filename; /* the Dockerfile */
        struct build_context context, *more;
        size_t n_more;
        const int *ssh; /* agents' sockets, as the options name them; borrowed */
        char **global_args;                  /* platform arguments and ARGs before FROM: NAME=value */
        char **default_args;                 /* the same without --build-arg's values */
        struct stage_state *stages, **order; /* the needed ones, each behind what it needs */
        size_t n_stages, n_order;
        struct stage_state *target; /* the result, once it is solved */
        char *config_text;          /* of the image that it is */
        struct digest image_id;
        int steps;     /* of the classic builder */
        int64_t epoch; /* as a stage has it */
        int cancel_fd; /* readable when the build is to end */
        struct build_watch *watch;
        char id[2 * BUILD_ID_BYTES + 1];
        struct dockerfile_location where; /* of the instruction that failed */
        atomic_bool cancelled;

        pthread_mutex_t telling;  /* events come one by one: */
        int vertices, step;       /* `step`: of the classic builder */
        pthread_mutex_t emptying; /* cache mounts, by --no-cache */

        pthread_mutex_t lock; /* over all that follows */
        char *state;          /* kept of a failure: build:ID#STEP */
        struct digest *holds; /* on layers, until the build ends */
        size_t n_holds;
        struct stage_image {
                char *name, *written;
                struct dockerfile_location where; /* who wants it first */
                struct image *image;              /* NULL: not loaded yet */
        } * images;
        size_t n_images;
        struct build_import *imports; /* --cache-from; not changed while steps run */
        size_t n_imports;
        struct performed_step {
                struct digest key;
                struct vertex vertex;
                struct cache_record record;
                bool ended, done; /* its end was told; `record` is there */
        } * performed;
        size_t n_performed;
        char **once;      /* what is done once a build: build_once() */
        char **used_keys; /* of records whose use is to be noted */
        struct build_warning {
                const char *rule;
                char *text, *url;
                size_t number; /* in the order of coming up */
                struct dockerfile_location where;
        } * warnings;
        size_t n_warnings;
};

/* ---- build.c ---- */
void build_hold(struct build *b, const struct digest *layer);
/* True for the first who asks with that name. */
bool build_once(struct build *b, const char *name);

/* ---- cancel.c ---- */
int build_cancel_open(struct build *b, struct error *err);
void build_cancel_close(struct build *b);
/* What runs of the build ends soon, with an ERROR_CANCELLED. */
void build_cancel(struct build *b);
bool build_cancelled(struct build *b);
/* -1 with ERROR_CANCELLED when it was. */
int build_check_cancelled(struct build *b, struct error *err);
/* Waits; -1 with ERROR_CANCELLED when the build was cancelled. */
int build_pause(struct build *b, int milliseconds, struct error *err);

/* ---- inflight.c ---- */
/* So many steps run at once at most. */
size_t build_steps_max(void);

/* ---- progress.c ---- */
void vertex_begin(struct build *b, struct vertex *ret, const char *format, ...) PRINTF_FORMAT(3, 4);
void vertex_log(struct build *b, const struct vertex *v, const char *text, size_t len);
void vertex_status(struct build *b, const struct vertex *v, const char *format, ...) PRINTF_FORMAT(3, 4);
void vertex_explain(struct build *b, const struct vertex *v, const char *text);
void vertex_cached(struct build *b, const struct vertex *v);
void vertex_done(struct build *b, const struct vertex *v);
/* Tells and returns -1: for `return vertex_failed(…)`. */
int vertex_failed(struct build *b, const struct vertex *v, const struct error *err);
void build_tell_step(struct build *b, const char *text);
/* The Dockerfile's lines around `where`, marked as Docker does; heap, NULL when `where` is unknown. */
char *source_excerpt(const char *filename, const char *text, struct dockerfile_location where);

/* ---- export.c ---- */
/* Gives what was solved, once for each platform, to every output. */
int build_export(struct build *builds, size_t count, struct build_result *ret, struct error *err);

struct cache_record;

/* ---- cache-import.c ---- */
void build_imports_open(struct build *b);
void build_imports_close(struct build *b);
/* As build_cache_find(), in imported caches; what is found there is here from then on. `what` is for `du`. */
int build_import_find(struct build *b, const struct digest *key, const char *what, struct cache_record *ret,
                      struct error *err);

/* ---- blobs-repository.c ---- */
/* With the build's credentials; the registry itself and no mirror. */
struct repository;
int build_repository_open(struct build *b, const struct reference *r, bool insecure, const char *actions,
                          struct repository **ret, struct error *err);

/* ---- check.c ---- */
/* Adds a warning unless the Dockerfile says to skip the rule. */
void build_warn(struct build *b, const char *rule, int start, int end, const char *format, ...)
    PRINTF_FORMAT(5, 6);
/* ---- check-rules.c ---- */
/* The rules that need the text alone. */
void build_check(struct build *b);
/* An error when there are warnings and the Dockerfile says that they are errors. */
int build_warnings_fail(struct build *b, struct error *err);
/* By line: [{rule, text, url, line, source}]. */
json_object *build_warnings_json(struct build *b);
void build_warnings_deinit(struct build *b);

/* ---- cache.c ---- */
/* 1 when found (then the layer is held: the caller's hold), 0. */
int build_cache_find(struct build *b, const struct digest *key, struct cache_record *ret, struct error *err);
/* Notes the use of what was found, at the end of a build. */
int build_cache_used(struct build *b, struct error *err);
/* `s` is the stage whose key was made last; NULL: the record comes from elsewhere. */
int build_cache_store(struct build *b, const struct stage_state *s, const struct digest *key,
                      const struct cache_record *record, const char *what, struct error *err);
int build_cache_forget(struct store *store, const char *key, struct error *err);

/* ---- cache-usage.c ---- */
#define BUILD_MOUNTS "build-mounts" /* the folders of cache mounts, below the store's */
/* Notes the use of a cache mount; `what` says which, for people. */
int build_mount_used(struct build *b, const char *name, const char *what, struct error *err);

/* ---- cache.c ---- */
/* The digest of a regular file's bytes, remembered by device, inode, size, mtime and ctime. */
int build_file_digest(struct build *b, int fd, const struct stat *st, struct digest *ret, struct error *err);

/* ---- context.c ---- */
int build_contexts_open(struct build *b, struct error *err);
void build_context_close(struct build *b, struct build_context *c);
/* "[internal] load build context" is shown once. */
void build_context_announce(struct build *b, struct build_context *c);
/* The further context of that name, fetched if need be; *ret is NULL for none. */
int build_context_find(struct build *b, const char *name, struct build_context **ret, struct error *err);
/* The folder of an image layout. */
struct build_context *build_context_layout(struct build *b, const char *name);
/* Is the path (clean, relative) left out by .dockerignore? */
int build_context_ignores(struct build_context *c, const char *path, bool *ret, struct error *err);

/* ---- plan.c ---- */
/* Names, bases, dependencies, images. */
int build_plan(struct build *b, struct stage_state **ret_target, struct error *err);
/* Every needed stage to its end. */
int build_solve(struct build *b, struct error *err);

/* ---- layout.c ---- */
/* The image of an OCI layout, "PATH[:TAG][@DIGEST]", whose folder is `root`; its layers are held. The caller's. */
int build_layout_load(struct build *b, int root, const char *reference, struct image **ret, struct error *err);

/* ---- stage.c ---- */
/* The last one of that name among the first `before`, NULL. */
struct stage_state *build_stage_named(struct build *b, const char *name, size_t before);
int build_stage_begin(struct build *b, struct stage_state *s, struct error *err);
/* What --from=NAME means to a stage: a stage, a context, or else (both NULL) an image. */
int build_from_find(struct build *b, const struct stage_state *s, const char *from,
                    struct stage_state **ret_stage, struct build_context **ret_context, struct error *err);
/* As build_from_find(), with the image. */
int build_from_resolve(struct build *b, const struct stage_state *s, const char *from,
                       struct stage_state **ret_stage, struct build_context **ret_context,
                       struct image **ret_image, struct error *err);

/* ---- base-image.c ---- */
/* "busybox" → "docker.io/library/busybox:latest"; heap. */
char *build_image_name(const char *name);
/* Notes that `name` is to be loaded by build_images_load(); `where` is what fails if it cannot be. */
void build_image_want(struct build *b, const char *name, struct dockerfile_location where);
int build_images_load(struct build *b, struct error *err);
/* `name` as it was written; fetched when it is not there. The build owns the result. */
int build_image_find(struct build *b, const char *name, struct image **ret, struct error *err);

struct step_tree;

/* ---- instruct.c ---- */
/* Applies one instruction to a stage. */
int build_instruct(struct build *b, struct stage_state *s, const struct instruction *i, struct error *err);
int build_expand(struct build *b, const struct stage_state *s, const char *text, char **ret,
                 struct error *err);
/* "[base 2/3] " */
char *build_step_prefix(struct stage_state *s, const struct build *b);
/* The displayed text of an instruction: variables expanded, name in capitals; heap. */
char *build_step_text(struct build *b, struct stage_state *s, const char *original);
void build_history(struct stage_state *s, bool layer, char *created_by);
void build_add_layer(struct build *b, struct stage_state *s, const struct cache_record *record);
/* PATH relative to the working directory, clean; heap. Keeps a slash at the end with `keep_slash`. */
char *build_absolute(const struct stage_state *s, const char *path, bool keep_slash);

/* ---- perform.c ---- */
/* A step that gives a layer: looked up by its key, else executed into `tree` (whose upper folder becomes the
 * layer). */
struct build_work {
        char *text; /* as it is shown, with its prefix; taken over */
        char *what; /* as `du` shows its layer; NULL: the text */
        bool fresh; /* not from the cache */
        int (*execute)(struct build *b, struct stage_state *s, struct step_tree *tree, const struct vertex *v,
                       void *arg, struct error *err);
        void *arg;
};
int build_perform(struct build *b, struct stage_state *s, const struct digest *key, struct build_work *work,
                  struct error *err);

/* ---- key.c ---- */
struct step_key {
        struct hash *hash;
        struct step_parts *parts; /* the stage's */
};
void step_key_begin(struct step_key *k, struct stage_state *s, const char *kind);
/* A folder's digest, with its files for whoever asks what changed; takes the tree. */
void step_key_tree(struct step_key *k, const char *path, struct source_tree *tree);
void step_key_add(struct step_key *k, const char *name, const char *value);
void step_key_list(struct step_key *k, const char *name, char *const *list);
void step_key_finish(struct step_key *k, struct digest *ret);

/* ---- explain.c ---- */
void step_parts_clear(struct step_parts *p);
void step_parts_add(struct step_parts *p, const char *name, const char *value);
void step_parts_take(struct step_parts *p, const char *path, struct source_tree *tree);
void step_parts_format(const struct step_parts *p, struct strbuf *out);
/* What stays the same of an instruction while what it depends on changes. */
void step_origin(const struct build *b, const struct stage_state *s, char ret[DIGEST_HEX_SIZE]);
/* Why the step at work has to run: "app.py changed, ARG V changed from 1 to 2"; heap. */
char *build_explain(struct build *b, const struct stage_state *s);

/* ---- tree.c ---- */
/* A step's folder below tmp/ with upper/, work/ and, on demand, a writable overlay over the stage's layers.
 */
struct step_tree {
        char *name; /* below the store's tmp/ */
        char *path; /* absolute */
        int dirfd;
        int root; /* the overlay, not mounted anywhere; -1 */
};
#define STEP_TREE_NONE ((struct step_tree){ .dirfd = -1, .root = -1 })
int step_tree_open(struct build *b, struct step_tree *ret, struct error *err);
int step_tree_mount(struct build *b, const struct stage_state *s, struct step_tree *t, struct error *err);
/* The upper folder becomes a layer, with a hold that the build keeps. */
int step_tree_commit(struct build *b, struct step_tree *t, struct cache_record *ret, struct error *err);
void step_tree_close(struct build *b, struct step_tree *t);
/* A read-only look at a stack of layers. */
int build_view(struct build *b, const struct digest *diff_ids, size_t count, struct error *err);

/* ---- copy-tree.c ---- */
struct copy_rules {
        bool keep_owner; /* of the source (stages, images), unless chown */
        bool chown;
        uint32_t uid, gid;
        const char *chmod; /* octal or symbolic, checked; NULL: the source's */
        struct path_matcher *ignore;  /* against paths relative to the source's root */
        struct path_matcher *exclude; /* against paths relative to the copied folder */
        struct path_matcher *include; /* the same; NULL: everything is */
};
/* Is an entry left out? `source` and `inner` are its paths below the source's root, and below the copied
 * folder. */
int copy_leaves_out(const struct copy_rules *rules, const char *source, const char *inner, bool *ret,
                    struct error *err);
/* Can something be copied that lies in a folder which is left out? */
bool copy_may_come_back(const struct copy_rules *rules);
/* Copies `source` (inside of source_root) to `dest` (inside of dest_root) with the rules of COPY. `dest` ends
 * with a slash to be a folder in any case. */
int copy_tree(int source_root, const char *source, int dest_root, const char *dest, struct copy_rules *rules,
              struct error *err);
/* mkdir -p: what is made is as told. */
struct copy_folder {
        uint32_t uid, gid;
        mode_t mode;
        int64_t mtime;
};
int copy_make_directory(int root, const char *path, const struct copy_folder *as, struct error *err);
/* Checks "755", "u=rwX,go=rX"; ERROR_INVALID with Docker's sentence. */
int chmod_check(const char *text, struct error *err);
mode_t chmod_apply(const char *text, mode_t mode);
/* The mode of a folder that is made for a destination: an octal one counts for it, too. `text` may be NULL. */
mode_t chmod_directory(const char *text);

/* ---- source.c ---- */
/* Where COPY reads: a folder or a stack of layers. */
struct copy_source {
        int root;
        struct build_context *context; /* NULL: layers */
        struct digest chain;           /* of the layers */
};
/* The paths (relative, clean) that a source pattern stands for, wildcards resolved; appended. One that is not
 * there or ignored is an ERROR_INVALID with Docker's sentence; a wildcard may match nothing. */
int source_resolve(const struct copy_source *from, const char *pattern, char ***ret, struct error *err);
/* Adds names, types, modes, link targets and bytes of `path` and all below it that the rules let through. */
int source_digest(struct build *b, const struct copy_source *from, const char *path,
                  const struct copy_rules *rules, struct step_key *key, struct error *err);

/* Does the file begin as a tar does, compressed or not? */
bool source_is_archive(int root, const char *path);

/* ---- secret.c ---- */
/* The secret of that name: 1, or 0 when it was not given. */
int build_secret_find(const struct build *b, const char *id, char **ret, size_t *ret_len, struct error *err);
/* The secret named `prefix` and `host`, if it was given and is one line of text; heap. */
char *build_secret_text(const struct build *b, const char *prefix, const char *host);

/* ---- copy.c ---- */
int build_copy(struct build *b, struct stage_state *s, const struct instruction *i, struct error *err);
int build_workdir(struct build *b, struct stage_state *s, const char *path, struct error *err);

/* ---- run.c ---- */
/* Is the client's consent there for what the RUN asks for? */
int build_run_allowed(const struct build *b, const struct instruction *i, struct error *err);
int build_run_instruction(struct build *b, struct stage_state *s, const struct instruction *i,
                          struct error *err);

/* ---- step.c ---- */
/* What the process of one RUN is told in DIR/step.json. */
struct step_request {
        char *id;
        char **lowers;
        char *upper, *work, *seccomp;
        bool has_netns;
};
extern const struct json_table step_request_table;
struct step_output {
        void (*write)(void *arg, const char *text, size_t len);
        void *arg;
};
/* Runs DIR/config.json as DIR/step.json says and waits; `cancel_fd` readable ends it. The exit code, or an
 * error of the start. */
int step_process_run(const char *program, const char *dir, int netns, int cancel_fd,
                     const struct step_output *output, int *ret_code, struct error *err);
