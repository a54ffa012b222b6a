/* Which process is it? A number is used again; number and start time together are not. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Start time of a process in clock ticks since the boot, 0 if there is no such process. */
uint64_t process_start_time(pid_t pid);
/* Is it this very process, and no zombie? */
bool process_is_alive(pid_t pid, uint64_t start);
