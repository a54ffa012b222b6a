/* The HTTP server: a thread per connection, blocking code (design part 12).
 *
 * A connection's thread reads a request, calls the route's handler and goes on until the peer closes, so an
 * idle client costs a stack that is hardly touched. A client that goes away while its handler waits is
 * noticed by whoever waits: handlers give request_cancel_fd() to what they wait in. server_stop() ends all of
 * it: listeners first, then the reading half of every connection, which both idle readers and waiting
 * handlers see. */
#pragma once

#include "base/error.h"

struct engine;
struct server;

int server_new(struct engine *engine, struct server **ret, struct error *err);
/* Takes over a listening socket. */
void server_add_listener(struct server *server, int fd);
/* Accepts until `stop_fd` becomes readable (signals: the caller's to look at), -1 on failure. May be called
 * again. */
int server_run(struct server *server, int stop_fd, struct error *err);
/* Closes the listeners, cancels what waits and gives what works `grace_ms` to finish. Returns the connections
 * that are left: while there are any, engine and server must stay (exit the process instead). */
unsigned server_stop(struct server *server, int grace_ms);
void server_free(struct server *server); /* only when server_stop() returned 0 */
