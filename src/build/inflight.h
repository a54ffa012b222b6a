/* What runs at this moment in all builds of the engine: steps by their keys, so that none runs twice at once,
 * and how many. */
#pragma once

#include "build/build-internal.h"

struct inflight;

/* Waits while somebody else runs the step of that key. 1: it came to a good end, *ret is its result. 0: it is
 * the caller's to run (the one before failed or was cancelled, or there was none), who owns *ret_own and
 * gives it to inflight_end(). -1: the build was cancelled. */
int inflight_begin(struct build *b, const struct digest *key, struct inflight **ret_own,
                   struct cache_record *ret, struct error *err);
/* `result` NULL: it failed, the next one tries. */
void inflight_end(struct inflight *own, const struct cache_record *result);

/* A place among those that run, bounded by the processors; -1 when the build was cancelled while it waited.
 */
int inflight_enter(struct build *b, struct error *err);
void inflight_leave(void);

/* Those who wait look whether their build goes on. */
void inflight_wake(void);
