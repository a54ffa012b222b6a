/* What the image commands share with each other and with `system prune`. */
#pragma once

#include "cli/command.h"

#include <stdio.h>

/* "Untagged: x" and "Deleted: sha256:…" of the API's list. */
void image_deletions_print(json_object *list, bool lower, FILE *out);
/* Removes unused images and prints their list; adds to *ret_freed. */
int image_prune(struct cli *cli, bool all, char *const *filters, int64_t *ret_freed, bool *ret_any,
                struct error *err);

/* Members of `image` that other files have. */
extern const struct command image_ls_command, import_command, load_command, save_command, pull_command,
    push_command;
