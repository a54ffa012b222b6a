/* How deletions look: in an overlay's upper directory (character device 0:0, attribute on folders) and in a
 * layer's tar (names that begin with .wh.; OCI image spec, "Representing Changes"). */
#pragma once

#include <stdbool.h>

#define OVERLAY_TAR_PREFIX ".wh."
#define OVERLAY_TAR_META ".wh..wh."
#define OVERLAY_TAR_OPAQUE ".wh..wh..opq"

bool overlay_is_opaque(int fd);
/* Sets the mark; returns 0 or -1 with errno. */
int overlay_set_opaque(int fd);
/* Makes a whiteout `name`; returns 0 or -1 with errno. */
int overlay_whiteout(int dirfd, const char *name);
bool overlay_is_whiteout(int dirfd, const char *name);
