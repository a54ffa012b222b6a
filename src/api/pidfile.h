/* The pid file, which is also the lock that keeps a second engine off the same exec root. */
#pragma once

#include "base/error.h"

/* Locks and writes `path`; the descriptor holds the lock until the process ends. ERROR_CONFLICT when another
 * engine has it. */
int pidfile_take(const char *path, struct error *err);
/* Removes the file while the lock is still held. */
void pidfile_remove(const char *path, int fd);
