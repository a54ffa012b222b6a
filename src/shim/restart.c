#include "shim/restart.h"

int restart_policy_kind(const char *name)
{
        static const char *const names[] = {
                [RESTART_NO] = "no",
                [RESTART_ALWAYS] = "always",
                [RESTART_UNLESS_STOPPED] = "unless-stopped",
                [RESTART_ON_FAILURE] = "on-failure",
        };

        if (string_empty(name))
                return RESTART_NO;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (streq(names[i], name))
                        return (int)i;
        return -1;
}

static bool wants_restart(const struct restart_policy *policy, int count, int exit_code)
{
        switch (restart_policy_kind(policy->name)) {
        case RESTART_ALWAYS:
        case RESTART_UNLESS_STOPPED:
                return true;
        case RESTART_ON_FAILURE:
                return exit_code != 0 &&
                       (policy->maximum_retry_count <= 0 || count < policy->maximum_retry_count);
        default:
                return false;
        }
}

bool restart_decide(struct restart_machine *machine, const struct restart_policy *policy, int exit_code, bool manual,
                    int64_t ran_for, int64_t *ret_delay)
{
        int64_t delay = machine->delay;

        if (manual || !wants_restart(policy, machine->count, exit_code))
                return false;
        if (ran_for >= RESTART_STEADY)
                delay = 0;
        delay = delay == 0 ? RESTART_DELAY_MIN : MIN(delay * 2, RESTART_DELAY_MAX);
        machine->delay = delay;
        machine->count++;
        *ret_delay = delay;
        return true;
}
