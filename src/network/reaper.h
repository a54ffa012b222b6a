/* Removes interfaces in the background: the kernel takes some 20 ms for one (it waits for all its CPUs), and
 * nobody has to wait for that. */
#pragma once

#include "base/error.h"

struct link_reaper;

/* Works in the network namespace of the calling thread. */
int link_reaper_new(struct link_reaper **ret, struct error *err);
/* Removes what is queued first. NULL is fine. */
void link_reaper_free(struct link_reaper *reaper);
/* The interface should be down already. One that is gone by then is no error. */
void link_reaper_add(struct link_reaper *reaper, const char *name);
/* Waits until everything that was queued is gone. */
void link_reaper_wait(struct link_reaper *reaper);
