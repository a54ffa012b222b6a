/* Engines of other hosts through the ssh program: "ssh://[USER@]HOST[:PORT][/SOCKET]". */
#pragma once

#include "base/error.h"

struct ssh_host {
        char *user, *host, *port; /* NULL: ssh's own configuration decides */
        char *socket;             /* the engine's socket there; NULL: its default */
};

/* ERROR_INVALID with Docker's words for what is no such host. */
int ssh_host_parse(const char *url, struct ssh_host *ret, struct error *err);
void ssh_host_deinit(struct ssh_host *host);
#define cleanup_ssh_host __attribute__((cleanup(ssh_host_deinit)))

/* A connection: a socket whose other end is `system dial-stdio` on that host. */
int ssh_connect(const char *url, struct error *err);
