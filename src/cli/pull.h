/* Pulling an image, for `pull` and for run and create where it is missing. */
#pragma once

#include "cli/command.h"

#include <stdio.h>

/* POST /images/create for a normalised reference with its tag or digest (NULL tag with `all`: all tags). The
 * progress goes to `out` (NULL: nowhere). */
struct reference;
int image_pull(struct cli *cli, const struct reference *r, bool all, const char *platform, FILE *out,
               struct error *err);
/* The same for a reference as the user wrote it, with the default tag where it has none. */
int pull_image(struct cli *cli, const char *reference, const char *platform, void *file, struct error *err);
/* Pushing one, likewise. */
int push_image(struct cli *cli, const char *reference, void *file, struct error *err);
