/* Contexts: named engines in CONFIG_DIR/contexts (context.c also has the commands). */
#pragma once

#include "cli/command.h"

/* The host to speak to: -H, --context, DOCKER_HOST, DOCKER_CONTEXT, the current context, else NULL (our own
 * engine). Heap. */
int context_host(struct cli *cli, char **ret, struct error *err);

/* meta.json of a context; heap. ERROR_NOT_FOUND. */
int context_meta_text(struct cli *cli, const char *name, char **ret, struct error *err);
/* Stores a new one; its name is checked. ERROR_CONFLICT if it is there. */
int context_add(struct cli *cli, const char *name, json_object *meta, struct error *err);
extern const struct command context_export_command, context_import_command;
