/* Work that is done side by side, each piece when those before it are done. */
#pragma once

#include "base/error.h"

struct task {
        int (*run)(void *arg, struct error *err);
        void *arg;
        size_t *after; /* indices of the tasks that come before; heap, freed by tasks_run() */
        size_t n_after;
};

/* Runs all of them, at most `limit` at a time (0 or less: any number), in threads of their own. After a
 * failure nothing more is begun; the first failure is the result once those that run have ended. */
int tasks_run(struct task *tasks, size_t count, int limit, struct error *err);
