/* `buildx` and `builder`: their commands, and builder instances.
 *
 * An instance is a file of buildx in the configuration's folder (buildx/instances/NAME). Whatever driver it
 * names, a build by it is done by davit's engine: there is one builder here, and all instances are names for
 * it. */
#pragma once

#include "cli/command.h"

#define BUILDX_BUILDER_OPTION(type)                                                                          \
        OPTION_STRING("builder", 0, type, builder, "Override the configured builder instance")
#define BUILDX_TIMEOUT_OPTION(type)                                                                          \
        OPTION_ROW("timeout", 0, OPTION_KIND_DURATION, type, timeout, "duration",                            \
                   "Override the default timeout for loading builder status", "20s", .hidden = true)

extern const struct command build_command, buildx_bake_command, buildx_create_command, buildx_du_command,
    buildx_history_command, buildx_inspect_command, buildx_ls_command, buildx_prune_command,
    buildx_rm_command, buildx_stop_command, buildx_use_command, buildx_version_command;

/* ---- buildx-instance.c ---- */
struct buildx_node {
        char *name, *endpoint;
        char **platforms, **flags;
        struct strmap driver_options;
};
struct buildx_instance {
        char *name, *driver;
        struct buildx_node *nodes;
        size_t n_nodes;
        bool dynamic;          /* a context's own builder, driver "docker": there is no file */
        int64_t last_activity; /* seconds; 0: never */
};
void buildx_instance_deinit(struct buildx_instance *i);
#define cleanup_buildx_instance __attribute__((cleanup(buildx_instance_deinit)))

/* By name; NULL or "" is the current one ($BUILDX_BUILDER, `buildx use`). "no builder "x" found". `ret` may
 * be NULL. */
int buildx_select(struct cli *cli, const char *name, struct buildx_instance *ret, struct error *err);
/* The current one's name; heap. */
char *buildx_current(struct cli *cli);
/* NULL or "": the context's own again. */
int buildx_set_current(struct cli *cli, const char *name, bool global, struct error *err);
/* All of them: the files, sorted, then the contexts' own. */
int buildx_list(struct cli *cli, struct buildx_instance **ret, size_t *ret_count, struct error *err);
void buildx_list_free(struct buildx_instance *list, size_t count);
/* 1 with the instance, 0: there is no such file. */
int buildx_load(struct cli *cli, const char *name, struct buildx_instance *ret, struct error *err);
int buildx_save(struct cli *cli, const struct buildx_instance *instance, struct error *err);
int buildx_remove(struct cli *cli, const char *name, struct error *err);
/* The endpoint that DOCKER_HOST or the context names: what buildx calls the current key. */
char *buildx_endpoint(struct cli *cli);
