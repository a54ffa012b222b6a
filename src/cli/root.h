/* The options before the command. */
#pragma once

#include "cli/command.h"

struct global_options {
        char *config, *context, *host, *log_level, *tlscacert, *tlscert, *tlskey;
        bool debug, tls, tlsverify, version;
};
