#include "compose/tasks.h"

#include <pthread.h>

struct running {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct task *tasks;
        bool *begun, *done;
        size_t count, n_begun, n_running;
        int limit;
        struct error failure;
};

static bool is_ready(const struct running *r, size_t i)
{
        if (r->begun[i])
                return false;
        for (size_t k = 0; k < r->tasks[i].n_after; k++)
                if (!r->done[r->tasks[i].after[k]])
                        return false;
        return true;
}

/* The next one to begin, once there is one; `count` when nothing is left to begin. With the lock held. */
static size_t take_next(struct running *r)
{
        for (;;) {
                if (r->failure.kind || r->n_begun == r->count)
                        return r->count;
                for (size_t i = 0; i < r->count; i++)
                        if (is_ready(r, i)) {
                                r->begun[i] = true;
                                r->n_begun++;
                                return i;
                        }
                /* Nothing runs that something could wait for: a circle, which loading refuses. */
                if (r->n_running == 0)
                        return r->count;
                pthread_cond_wait(&r->changed, &r->lock);
        }
}

static void *work(void *arg)
{
        struct running *r = arg;
        size_t i;

        pthread_mutex_lock(&r->lock);
        while ((i = take_next(r)) < r->count) {
                struct error why = {};
                int result;

                r->n_running++;
                pthread_mutex_unlock(&r->lock);
                result = r->tasks[i].run(r->tasks[i].arg, &why);
                pthread_mutex_lock(&r->lock);
                r->n_running--;
                r->done[i] = true;
                if (result < 0 && !r->failure.kind)
                        r->failure = why;
                else
                        error_clear(&why);
                pthread_cond_broadcast(&r->changed);
        }
        pthread_cond_broadcast(&r->changed);
        pthread_mutex_unlock(&r->lock);
        return NULL;
}

int tasks_run(struct task *tasks, size_t count, int limit, struct error *err)
{
        struct running r = { .lock = PTHREAD_MUTEX_INITIALIZER,
                             .changed = PTHREAD_COND_INITIALIZER,
                             .tasks = tasks,
                             .count = count,
                             .begun = xcalloc(count + 1, sizeof(bool)),
                             .done = xcalloc(count + 1, sizeof(bool)) };
        size_t wanted = limit > 0 ? MIN((size_t)limit, count) : count, n_threads = 0;
        pthread_t *threads = xcalloc(wanted + 1, sizeof(*threads));

        /* The caller's thread works, too. */
        while (n_threads + 1 < wanted && pthread_create(&threads[n_threads], NULL, work, &r) == 0)
                n_threads++;
        work(&r);
        for (size_t i = 0; i < n_threads; i++)
                pthread_join(threads[i], NULL);
        for (size_t i = 0; i < count; i++)
                free(tasks[i].after);
        free(threads);
        free(r.begun);
        free(r.done);
        return r.failure.kind ? error_move(err, &r.failure) : 0;
}
