/* The sockets davitd listens on: unix:// paths, and those that systemd hands over (fd://). */
#pragma once

#include "base/error.h"

struct listeners {
        int *fds;
        size_t count;
        char **paths; /* of sockets that we made: removed at the end */
};

/* Opens all hosts ("unix:///path", "fd://", "fd://3"). Sockets get mode 0660 and belong to `group`; NULL:
 * "docker" or "davit", whichever exists. On failure nothing stays open. */
int listeners_open(char *const *hosts, const char *group, struct listeners *ret, struct error *err);
/* Removes the paths and forgets the descriptors, which the server owns. */
void listeners_deinit(struct listeners *l);

/* Tells systemd that we are ready (sd_notify(3)); nothing without NOTIFY_SOCKET. */
void notify_ready(void);
