/* Rows of containers and volumes, for the lists and for `system df -v`. */
#pragma once

#include "cli/format.h"

extern const struct format_kind container_kind, volume_kind;
json_object *container_row(json_object *container, bool full);
json_object *volume_row(json_object *volume, bool full);
