/* `up` in the foreground: output of the containers until they end, or are told to. */
#pragma once

#include "cli/compose-session.h"

struct compose_foreground_options {
        char **attach; /* services whose output is shown; NULL: all */
        char **no_attach;
        bool abort_on_exit, abort_on_failure;
        const char *exit_code_from; /* a service */
        bool no_colour, no_prefix, timestamps;
        int64_t timeout; /* of stopping; -1: the containers' own */
};
/* Starts the containers and follows them. The exit status, or -1. Signals must be blocked before. */
int compose_foreground(struct compose_session *s, struct compose_containers *containers,
                       const struct compose_foreground_options *o, struct error *err);
/* SIGINT and SIGTERM are ours, in threads that begin after. */
void compose_foreground_block_signals(void);
