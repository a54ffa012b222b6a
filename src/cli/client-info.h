/* What `version` and `info` say of ourselves. */
#pragma once

#include "cli/command.h"

/* {"Version": …, "ApiVersion": "1.MINOR", …, "Context": …} */
json_object *client_info(struct cli *cli, int minor);
/* The name of the context in use. */
const char *context_name(struct cli *cli);
/* `text` with ".APIVersion" written as the JSON has it. Heap. */
char *api_version_names(const char *text);
