/* Messages to a log service over a connected socket, with Docker's two modes of delivery. */
#pragma once

#include "shim/log-options.h"

/* mode=non-blocking: the socket's send buffer becomes the ring of max-buffer-size bytes. */
void log_socket_prepare(int fd, const struct log_options *options);
/* A whole message. When there is no room, blocking mode waits up to a second for the receiver; non-blocking mode drops the message
 * (never a part of it), as Docker drops the newest. Both are an error with errnum EAGAIN; others mean that the receiver is gone. */
int log_socket_send(int fd, bool non_blocking, const char *data, size_t len, struct error *err);
