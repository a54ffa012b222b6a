#include "build/graph.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

size_t graph_add(struct graph *g)
{
        struct graph_node node = { .state = GRAPH_READY };

        ARRAY_APPEND(g->nodes, g->count, node);
        g->ready++;
        return g->count - 1;
}

void graph_depend(struct graph *g, size_t node, size_t on)
{
        struct graph_node *n = &g->nodes[node], *before = &g->nodes[on];

        assert(on < node && before->state <= GRAPH_READY);
        ARRAY_APPEND(before->next, before->n_next, node);
        if (n->waits++ == 0) {
                n->state = GRAPH_WAITING;
                g->ready--;
        }
}

bool graph_take(struct graph *g, size_t *ret)
{
        if (g->ready == 0)
                return false;
        while (g->nodes[g->first].state != GRAPH_READY)
                g->first++;
        *ret = g->first;
        g->nodes[*ret].state = GRAPH_RUNNING;
        g->ready--;
        g->running++;
        return true;
}

void graph_done(struct graph *g, size_t node)
{
        struct graph_node *n = &g->nodes[node];

        assert(n->state == GRAPH_RUNNING);
        n->state = GRAPH_DONE;
        g->running--;
        for (size_t i = 0; i < n->n_next; i++) {
                struct graph_node *after = &g->nodes[n->next[i]];

                if (--after->waits || after->state != GRAPH_WAITING)
                        continue;
                after->state = GRAPH_READY;
                g->ready++;
                if (n->next[i] < g->first)
                        g->first = n->next[i];
        }
}

void graph_failed(struct graph *g, size_t node)
{
        assert(g->nodes[node].state == GRAPH_RUNNING);
        g->nodes[node].state = GRAPH_FAILED;
        g->running--;
        graph_stop(g);
}

void graph_stop(struct graph *g)
{
        for (size_t i = 0; i < g->count && !g->stopped; i++)
                if (g->nodes[i].state <= GRAPH_READY)
                        g->nodes[i].state = GRAPH_DROPPED;
        g->ready = 0;
        g->stopped = true;
}

bool graph_ended(const struct graph *g)
{
        return g->running == 0 && g->ready == 0;
}

void graph_deinit(struct graph *g)
{
        for (size_t i = 0; i < g->count; i++)
                free(g->nodes[i].next);
        free(g->nodes);
        *g = (struct graph){};
}
