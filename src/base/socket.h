/* Unix sockets and the descriptors that travel over them. */
#pragma once

#include "base/error.h"

#include <sys/socket.h>
#include <sys/types.h>

/* Most descriptors in one message. */
#define SOCKET_MAX_FDS 250 /* the kernel takes 253 */

/* `type` is SOCK_STREAM or SOCK_SEQPACKET. Paths longer than sun_path are reached through /proc/self/fd.
 * unix_listen() replaces a socket that nobody listens on; one with a listener is an ERROR_CONFLICT. */
int unix_listen(const char *path, int type, mode_t mode, struct error *err);
int unix_connect(const char *path, int type, struct error *err);

/* Sends one message with descriptors (not consumed). Returns 0 or -1 with errno. MSG_NOSIGNAL is set. */
int socket_send(int fd, const void *data, size_t len, const int *fds, size_t n_fds);
/* Receives up to `size` bytes and up to `*n_fds` descriptors; sets `*n_fds` to what came (surplus ones are closed).
 * Returns the bytes, 0 at the end, -1 with errno (EMSGSIZE: the message was larger than `size`). */
ssize_t socket_receive(int fd, void *data, size_t size, int *fds, size_t *n_fds, int flags);
