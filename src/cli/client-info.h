/* What `version` and `info` say of ourselves. */
#pragma once

#include "cli/command.h"

/* {"Version": …, "ApiVersion": "1.MINOR", …, "Context": …} */
json_object *client_info(struct cli *cli, int minor);
/* The name of the context in use. */
const char *context_name(struct cli *cli);
