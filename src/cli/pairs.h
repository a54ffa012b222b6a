/* NAME=VALUE pairs of options as JSON. */
#pragma once

#include <json-c/json.h>

/* {"name": "value"}; a name alone has "". */
json_object *pairs_json(char *const *pairs);
