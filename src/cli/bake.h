/* `buildx bake`: build definitions out of files, resolved to targets that can be built. */
#pragma once

#include "cli/command.h"

struct bake;

/* Reads the files (HCL, or JSON by their content); those that come later go over the earlier. */
int bake_open(char *const *files, struct bake **ret, struct error *err);
void bake_free(struct bake *b);
static inline void cleanup_bake_func(struct bake **b)
{
        if (*b)
                bake_free(*b);
}
#define cleanup_bake __attribute__((cleanup(cleanup_bake_func)))

/* --set PATTERN.KEY[.NAME]=VALUE. */
int bake_override(struct bake *b, const char *text, struct error *err);
/* What the names (none: "default") stand for: {"group": {…}, "target": {NAME: {…}}}, each target with what it
 * inherits, and those that its contexts name. */
int bake_resolve(struct bake *b, char *const *names, json_object **ret, struct error *err);
/* Rows of --list: [{"name", "description"}] and [{"name", "value", "description"}]. */
int bake_list_targets(struct bake *b, json_object **ret, struct error *err);
int bake_list_variables(struct bake *b, json_object **ret, struct error *err);
