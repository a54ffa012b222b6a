/* A socket for one RUN behind which the client's ssh agent answers. */
#pragma once

#include "base/error.h"

#include <sys/types.h>

struct ssh_proxy;
/* Listens at `path`; each connection is passed on to the agent, whose socket `agent` is open with O_PATH. */
int ssh_proxy_new(const char *path, int agent, uid_t uid, gid_t gid, mode_t mode, struct ssh_proxy **ret,
                  struct error *err);
/* Ends it with all of its connections. NULL is fine. */
void ssh_proxy_free(struct ssh_proxy *p);
