/* One RUN while it is prepared and run. */
#pragma once

#include "build/build-internal.h"

struct run_work {
        const struct instruction *instruction;
        char **args; /* the command as executed */
        char **env;  /* with HOME and proxies: of this run only */
        struct run_mount *mounts;
        size_t n_mounts;
        char *network;    /* "default", "none", "host" */
        bool insecure;    /* --security=insecure: all that root may do on the host */
        struct run_file { /* secrets: removed at the end */
                char *path;
        } * files;
        size_t n_secret_files;
        size_t n_files; /* numbers for folders of the step's own */
        char **lowers;  /* with the folder of mount points last */
        char *stubs;    /* that folder; NULL while there is none */
        int *locks;     /* of cache mounts */
        size_t n_locks;
        struct ssh_proxy **agents;
        size_t n_agents;
};

/* Adds the mounts of RUN --mount to the spec. Folders that they need are made below the step's own. */
int run_mounts_add(struct build *b, struct stage_state *s, struct step_tree *t, struct run_work *w,
                   struct oci_spec *spec, struct error *err);
/* Secrets that become variables. */
int run_secret_env(struct build *b, struct run_work *w, struct error *err);
/* Digests of what bind mounts show, for the key. */
int run_mounts_key(struct build *b, struct stage_state *s, struct run_work *w, struct step_key *key,
                   struct error *err);
/* The path of an ssh mount's socket in the container; heap. `index`: it is this one of the ssh mounts. */
char *run_ssh_target(const struct stage_state *s, const struct run_mount *m, size_t index);
/* A place to mount on: a folder or an empty file below the lowest layers, so that nothing gets into the new
 * one. */
int run_mount_point(struct step_tree *t, struct run_work *w, const char *path, bool folder,
                    struct error *err);
/* Appends a mount; options are NULL-terminated. */
void run_add_mount(struct oci_spec *spec, const char *destination, const char *type, const char *source,
                   const char *source_root, const char *const *options);
void run_mounts_release(struct build *b, struct run_work *w);

/* The spec of the container: Docker's defaults. */
int run_spec(struct build *b, struct stage_state *s, struct step_tree *t, struct run_work *w, const char *id,
             int netns, struct oci_spec *spec, struct error *err);
