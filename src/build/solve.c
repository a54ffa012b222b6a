/* Theory of operation. A worker takes the lowest ready node, runs it, tells the graph, and takes the next.
 * The caller is the first worker; a further one is started when a node is ready and nobody idle. So a build
 * of one stage stays on one thread. All of the graph's events happen under the lock. */
#include "build/solve.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

struct solver {
        struct graph *graph;
        const struct solve_work *work;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        pthread_t *threads;
        size_t n_threads, idle;
        struct error failure; /* the first */
};

static void *work_along(void *arg);

/* With the lock held: somebody for each ready node, up to the bound. */
static void call_workers(struct solver *s)
{
        for (size_t i = 0; i < MIN(s->graph->ready, s->idle); i++)
                pthread_cond_signal(&s->changed);
        for (size_t missing = s->graph->ready - MIN(s->graph->ready, s->idle);
             missing > 0 && s->n_threads + 1 < s->work->workers; missing--) {
                pthread_t thread;

                if (pthread_create(&thread, NULL, work_along, s) != 0)
                        return; /* fewer do it as well */
                ARRAY_APPEND(s->threads, s->n_threads, thread);
        }
}

/* With the lock held, which is released while the node runs. */
static void run_node(struct solver *s, size_t node)
{
        struct error failure = {};
        bool first;
        int r;

        pthread_mutex_unlock(&s->lock);
        r = s->work->run(s->work->arg, node, &failure);
        pthread_mutex_lock(&s->lock);
        if (r == 0) {
                graph_done(s->graph, node);
                return;
        }
        first = s->failure.kind == ERROR_NONE;
        graph_failed(s->graph, node);
        if (first)
                error_move(&s->failure, &failure);
        else
                error_clear(&failure);
        if (first && s->work->failed)
                s->work->failed(s->work->arg, node);
}

static void work_until_end(struct solver *s)
{
        size_t node;

        pthread_mutex_lock(&s->lock);
        while (!graph_ended(s->graph)) {
                if (graph_take(s->graph, &node)) {
                        call_workers(s);
                        run_node(s, node);
                        continue;
                }
                s->idle++;
                pthread_cond_wait(&s->changed, &s->lock);
                s->idle--;
        }
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
}

static void *work_along(void *arg)
{
        work_until_end(arg);
        return NULL;
}

int solve(struct graph *g, const struct solve_work *work, struct error *err)
{
        struct solver s = { .graph = g,
                            .work = work,
                            .lock = PTHREAD_MUTEX_INITIALIZER,
                            .changed = PTHREAD_COND_INITIALIZER };

        work_until_end(&s);
        /* No thread is started any more: nothing is ready. */
        for (size_t i = 0; i < s.n_threads; i++)
                pthread_join(s.threads[i], NULL);
        free(s.threads);
        pthread_cond_destroy(&s.changed);
        pthread_mutex_destroy(&s.lock);
        return s.failure.kind ? error_move(err, &s.failure) : 0;
}
