/* The graph of a build: order, failures, and running it with threads. */
#include "build/solve.h"
#include "suite.h"

#include <pthread.h>
#include <unistd.h>

SUITE(graph);

TEST(ready_in_order)
{
        struct graph g = {};
        size_t a = graph_add(&g), b = graph_add(&g), c = graph_add(&g), node;

        graph_depend(&g, c, a);
        graph_depend(&g, c, b);
        graph_depend(&g, c, b); /* twice is as good as once */
        ck_assert(graph_take(&g, &node) && node == a);
        ck_assert(graph_take(&g, &node) && node == b);
        ck_assert(!graph_take(&g, &node));
        graph_done(&g, b);
        ck_assert(!graph_take(&g, &node));
        ck_assert(!graph_ended(&g));
        graph_done(&g, a);
        ck_assert(graph_take(&g, &node) && node == c);
        graph_done(&g, c);
        ck_assert(graph_ended(&g));
        graph_deinit(&g);
}

/* What becomes ready late, but is low, is taken before what is higher. */
TEST(lowest_first)
{
        struct graph g = {};
        size_t a = graph_add(&g), b = graph_add(&g), node;

        graph_depend(&g, b, a);
        graph_add(&g);
        graph_add(&g);
        ck_assert(graph_take(&g, &node) && node == a);
        ck_assert(graph_take(&g, &node) && node == 2);
        graph_done(&g, a);
        ck_assert(graph_take(&g, &node) && node == b);
        ck_assert(graph_take(&g, &node) && node == 3);
        graph_deinit(&g);
}

TEST(failure_drops_the_rest)
{
        struct graph g = {};
        size_t a = graph_add(&g), b = graph_add(&g), c = graph_add(&g), node;

        graph_depend(&g, c, b);
        ck_assert(graph_take(&g, &node) && graph_take(&g, &node));
        graph_failed(&g, a);
        ck_assert(!graph_ended(&g)); /* b runs */
        graph_done(&g, b);
        ck_assert(graph_ended(&g));
        ck_assert_int_eq(g.nodes[a].state, GRAPH_FAILED);
        ck_assert_int_eq(g.nodes[b].state, GRAPH_DONE);
        ck_assert_int_eq(g.nodes[c].state, GRAPH_DROPPED);
        ck_assert(!graph_take(&g, &node));
        graph_deinit(&g);
}

/* ---- With threads ---- */

#define WIDTH 8
#define DEPTH 50

struct play {
        pthread_mutex_t lock;
        int running, most;
        bool done[WIDTH * DEPTH + 1];
        bool early; /* a node ran before one that it waits for */
        int ran, failures;
        size_t failing; /* SIZE_MAX: none */
};

/* Node i of a column waits for node i - WIDTH. */
static int play_node(void *arg, size_t node, struct error *err)
{
        struct play *p = arg;

        pthread_mutex_lock(&p->lock);
        p->early |= node >= WIDTH && !p->done[node - WIDTH];
        p->running++;
        p->ran++;
        p->most = MAX(p->most, p->running);
        pthread_mutex_unlock(&p->lock);
        usleep(node % 7 * 20);
        pthread_mutex_lock(&p->lock);
        p->running--;
        p->done[node] = true;
        pthread_mutex_unlock(&p->lock);
        return node >= p->failing ? error_set(err, ERROR_INVALID, "node %zu", node) : 0;
}

static void play_failed(void *arg, size_t node)
{
        struct play *p = arg;

        (void)node;
        p->failures++;
}

static void make_columns(struct graph *g)
{
        for (size_t i = 0; i < WIDTH * DEPTH; i++) {
                graph_add(g);
                if (i >= WIDTH)
                        graph_depend(g, i, i - WIDTH);
        }
}

TEST(threads)
{
        struct play p = { .lock = PTHREAD_MUTEX_INITIALIZER, .failing = SIZE_MAX };
        struct solve_work work = { .workers = 4, .run = play_node, .failed = play_failed, .arg = &p };
        struct graph g = {};
        struct error err = {};

        make_columns(&g);
        ck_assert_int_eq(solve(&g, &work, &err), 0);
        ck_assert_int_eq(p.ran, WIDTH * DEPTH);
        ck_assert(!p.early);
        ck_assert_int_le(p.most, 4);
        ck_assert_int_gt(p.most, 1);
        ck_assert_int_eq(p.failures, 0);
        graph_deinit(&g);
}

TEST(one_worker_keeps_the_order)
{
        struct play p = { .lock = PTHREAD_MUTEX_INITIALIZER, .failing = SIZE_MAX };
        struct solve_work work = { .workers = 1, .run = play_node, .arg = &p };
        struct graph g = {};

        make_columns(&g);
        ck_assert_int_eq(solve(&g, &work, NULL), 0);
        ck_assert_int_eq(p.most, 1);
        ck_assert_int_eq(p.ran, WIDTH * DEPTH);
        graph_deinit(&g);
}

/* All from the 100th on fail: one error is told, and few run any more. */
TEST(first_failure)
{
        struct play p = { .lock = PTHREAD_MUTEX_INITIALIZER, .failing = 100 };
        struct solve_work work = { .workers = 4, .run = play_node, .failed = play_failed, .arg = &p };
        struct graph g = {};
        struct error err = {};

        make_columns(&g);
        ck_assert_int_eq(solve(&g, &work, &err), -1);
        ck_assert_int_eq(p.failures, 1);
        ck_assert_int_eq(strncmp(error_message(&err), "node 1", 6), 0);
        ck_assert_int_lt(p.ran, 150);
        ck_assert(graph_ended(&g));
        error_clear(&err);
        graph_deinit(&g);
}

TEST(nothing_to_do)
{
        struct graph g = {};
        struct solve_work work = { .workers = 4 };

        ck_assert_int_eq(solve(&g, &work, NULL), 0);
        graph_deinit(&g);
}
