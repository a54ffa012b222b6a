/* Waiting for a process in the foreground: its terminal is joined to ours, signals that we get are handed on.
 */
#pragma once

#include "base/error.h"

#include <sys/types.h>

/* Until the process `pidfd` (our child) ends; it is reaped. `master` is its terminal or -1. Its exit code,
 * 128 + signal. */
int console_relay(int pidfd, int master, pid_t pid, struct error *err);
