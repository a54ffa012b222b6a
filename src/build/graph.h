/* What waits for what: nodes with states, and the events that move them. No threads, no I/O: solve.c gives it
 * those.
 *
 *     WAITING ──all that it depends on are DONE──▶ READY ──graph_take()──▶ RUNNING ──graph_done()──▶ DONE
 *        └────────────────graph_stop()───────────────┴──▶ DROPPED             └─────graph_failed()─────▶
 * FAILED
 *
 * A failure drops all that does not run yet; what runs comes to its end by itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum graph_state {
        GRAPH_WAITING,
        GRAPH_READY,
        GRAPH_RUNNING,
        GRAPH_DONE,
        GRAPH_FAILED,
        GRAPH_DROPPED,
};

struct graph_node {
        enum graph_state state;
        size_t waits; /* for so many others */
        size_t *next; /* who waits for it */
        size_t n_next;
};

struct graph {
        struct graph_node *nodes;
        size_t count;
        size_t ready, running;
        size_t first; /* no READY node is below it */
        bool stopped;
};

/* A new node, READY as long as it depends on nothing; its number. */
size_t graph_add(struct graph *g);
/* `node` waits for `on`, which was added before it: so no circle can be. Before anything runs. */
void graph_depend(struct graph *g, size_t node, size_t on);
/* The lowest READY node begins to run; false when there is none. */
bool graph_take(struct graph *g, size_t *ret);
void graph_done(struct graph *g, size_t node);
/* Also stops the graph. */
void graph_failed(struct graph *g, size_t node);
void graph_stop(struct graph *g);
/* Nothing runs and nothing will. */
bool graph_ended(const struct graph *g);
void graph_deinit(struct graph *g);
