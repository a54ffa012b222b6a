/* `inspect` in all its forms: objects are looked up one after another, shown together, and what was not there
 * is said at the end. */
#pragma once

#include "cli/command.h"

/* Fetches one object; *ret is a new reference. */
typedef int (*inspect_function)(struct cli *cli, struct invocation *call, const char *name, json_object **ret,
                                struct error *err);
int inspect_objects(struct cli *cli, struct invocation *call, const char *format, inspect_function get,
                    struct error *err);
