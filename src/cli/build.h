/* `davit build`: its parts. */
#pragma once

#include "build/options.h"
#include "cli/command.h"

struct build_flags {
        char **add_host, **allow, **annotation, **attest, **build_arg, **build_context, **cache_from,
            **cache_to, **label, **no_cache_filter, **output, **platform, **secret, **ssh, **tag, **ulimit;
        char *builder, *call, *cgroup_parent, *file, *iidfile, *metadata_file, *network, *progress,
            *provenance, *sbom, *target;
        bool check, explain, load, no_cache, pull, push, quiet;
        bool rm, force_rm, compress, squash; /* of the classic builder */
        int64_t shm_size;
        const char *dockerfile_text; /* in the place of a file (bake) */
};

/* ---- build.c ---- */
/* Builds; prints what there is to print. `ret_id` is the image's ("" when none was stored), heap; `ret_metadata` may be
 * NULL. 0, an exit status, or -1. */
int build_with_flags(struct cli *cli, struct build_flags *f, const char *context, char **ret_id,
                     json_object **ret_metadata, struct error *err);

/* What the engine gets: options and the descriptors of contexts (the caller's). */
struct build_upload {
        struct build_options options;
        int fds[16];
        size_t n_fds;
        struct build_agent { /* of ssh keys */
                char *folder;
                int leash; /* it ends when this is closed */
                pid_t pid;
        } * agents;
        size_t n_agents;
};
void build_upload_deinit(struct build_upload *u);
#define cleanup_build_upload __attribute__((cleanup(build_upload_deinit)))

/* Flags and the context's argument → upload. Messages are Docker's, with "failed to build: " where it has it.
 */
int build_prepare(const struct build_flags *flags, const char *context, struct build_upload *ret,
                  struct error *err);

/* ---- build-context.c: the argument and --build-context. ---- */
int build_contexts(const struct build_flags *f, const char *context, struct build_upload *u,
                   struct error *err);

/* ---- build-ssh.c ---- */
int build_ssh(const struct build_flags *f, struct build_upload *u, struct error *err);
void build_agent_stop(struct build_agent *a);

/* ---- build-entry.c ---- */
/* Fields ("type=local", "dest=out") put apart. "invalid value …" */
int build_entry_parse(char *const *fields, struct build_entry *ret, struct error *err);
int build_cache_entry(const char *text, struct build_entry *ret, struct error *err);
void build_entry_deinit(struct build_entry *e);

/* ---- build-output.c ---- */
/* --output, --push, --load and --annotation; one entry at least. */
int build_outputs(const struct build_flags *f, struct build_options *o, struct error *err);
/* --cache-from, --cache-to. */
int build_caches(const struct build_flags *f, struct build_options *o, struct error *err);
/* Where the bytes of outputs go, one for each, and for each cache behind them: a file, a folder that a tar is
 * unpacked into, or nowhere. Close them also after a failure. */
struct build_receiver;
int build_receivers_open(struct build_options *o, struct build_receiver **ret, struct error *err);
int build_receiver_data(struct build_receiver *list, size_t index, const void *data, size_t len,
                        struct error *err);
int build_receivers_close(struct build_receiver *list, size_t count, struct error *err);

/* ---- build-auth.c ---- */
int build_auths(struct cli *cli, struct build_options *o, struct error *err);

/* ---- build-upload.c ---- */
/* Sends the options and the contexts on the upgraded connection: as descriptors, or as streams. */
int build_upload_send(int fd, const struct build_upload *u, struct error *err);

/* --call=targets, outline: printed from the Dockerfile's text. */
int build_call(const char *call, const struct build_options *options, struct error *err);

/* Prints the builder's events: plain, as BuildKit's JSON messages (`raw`), or not at all. */
struct build_printer;
struct build_printer *build_printer_new(bool quiet, bool raw);
void build_printer_event(struct build_printer *p, json_object *event);
/* What failed: its last lines. */
void build_printer_failures(struct build_printer *p);
/* --explain: each step with the reason why it ran. */
void build_printer_explain(const struct build_printer *p);
void build_printer_free(struct build_printer *p);
