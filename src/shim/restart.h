/* Restart policies: a pure machine. */
#pragma once

#include "shim/config.h"
#include "base/time.h"

#include <stdbool.h>

#define RESTART_DELAY_MIN (100 * NSEC_PER_MSEC)
#define RESTART_DELAY_MAX (60 * NSEC_PER_SEC)
#define RESTART_STEADY (10 * NSEC_PER_SEC) /* a run of that length forgets the delays before it */

struct restart_machine {
        int64_t delay; /* before the last restart; 0: none yet */
        int count;     /* restarts so far */
};

enum restart_policy_kind { RESTART_NO, RESTART_ALWAYS, RESTART_UNLESS_STOPPED, RESTART_ON_FAILURE };

/* "" is "no"; -1 for an unknown name. */
int restart_policy_kind(const char *name);

/* A run has ended. True: another follows in `ret_delay` ns, and it is counted. `manual`: somebody asked for the end. */
bool restart_decide(struct restart_machine *machine, const struct restart_policy *policy, int exit_code, bool manual,
                    int64_t ran_for, int64_t *ret_delay);
