/* A container with our terminal as its own. */
#pragma once

#include "cli/stream.h"

struct attached {
        const char *id;
        struct stream_options streams;
        bool start;   /* it doesn't run yet */
        bool removed; /* it goes away at its end: wait for that */
        bool proxy;   /* our signals are its signals */
};
/* Attaches, waits, starts, copies. The container's exit status; 0 when it was left by the detach keys; or -1.
 * Signals must be blocked before (signals_block()). */
int container_attached(struct client *client, const struct attached *a, struct error *err);
