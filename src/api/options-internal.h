/* Parts of daemon.json that are read on their own. */
#pragma once

#include "api/options.h"

#include <json-c/json.h>

/* ---- options-builder.c ---- */
int options_read_builder(json_object *value, struct build_gc *ret, struct error *err);
