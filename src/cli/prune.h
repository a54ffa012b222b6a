/* What the prune commands share: each removes its kind, prints what it removed and adds to what was freed. */
#pragma once

#include "cli/command.h"

struct prune {
        const char *path;    /* "/volumes/prune" */
        const char *heading; /* "Deleted Volumes:" */
        const char *list;    /* the answer's member with the names */
};
extern const struct prune prune_containers, prune_networks, prune_volumes, prune_build_cache;
/* `filters` as given by --filter; `parameter` (may be NULL) is set to 1. Prints the list with a blank line
 * behind it. Adds to *ret_freed. */
int prune_run(struct cli *cli, const struct prune *kind, char *const *filters, const char *parameter,
              int64_t *ret_freed, struct error *err);
void prune_print_total(int64_t freed);
