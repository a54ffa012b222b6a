/* The proxies of config.json, as variables of containers. */
#pragma once

#include "cli/command.h"

/* Adds NAME=value to `env` unless it has that name. Call it once the client is open. */
void proxies_add(struct cli *cli, char ***env);
