/* A look into a stack of layers: a read-only overlay that is mounted nowhere, only held by a descriptor. */
#pragma once

#include "base/error.h"

/* `lowers` are absolute folders, topmost first; `upper` (may be NULL) lies over them. Returns a descriptor of
 * the root (O_PATH-like, for open_in_root()); closing it ends the mount. */
int layers_view(char *const *lowers, const char *upper, struct error *err);
