/* Contexts: named engines in CONFIG_DIR/contexts (context.c also has the commands). */
#pragma once

#include "cli/command.h"

/* The host to speak to: -H, --context, DOCKER_HOST, DOCKER_CONTEXT, the current context, else NULL (our own engine). Heap. */
int context_host(struct cli *cli, char **ret, struct error *err);
