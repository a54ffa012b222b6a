/* Runs a graph's nodes side by side. */
#pragma once

#include "base/error.h"
#include "build/graph.h"

struct solve_work {
        size_t workers; /* at most so many nodes at once, at least 1 */
        /* One node, from any thread. The first failure stops the graph and is what solve() gives. */
        int (*run)(void *arg, size_t node, struct error *err);
        /* Told once of the first failure, so that what runs ends soon. */
        void (*failed)(void *arg, size_t node);
        void *arg;
};

/* Until nothing runs any more. The caller's thread works, too; others come when there is more to do. */
int solve(struct graph *g, const struct solve_work *work, struct error *err);
