/* Starting our own engine when nobody listens on its socket. */
#pragma once

#include "base/error.h"

/* Returns a connection to the engine at `socket`. Several callers at once start one engine: the first takes a
 * lock, binds the socket and hands it to davitd, so that connections queue from then on and nobody waits for
 * a time. */
int client_start_engine(const char *socket, struct error *err);
