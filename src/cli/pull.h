/* Fetching an image through the engine, with its progress shown. */
#pragma once

#include "cli/command.h"

/* `file` (a FILE *, NULL: quiet) gets the progress. Errors as the engine says them. */
int pull_image(struct cli *cli, const char *reference, const char *platform, void *file, struct error *err);
