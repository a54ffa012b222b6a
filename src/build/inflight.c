#include "build/inflight.h"

#include <unistd.h>

/* Steps wait for disks and networks, too. */
#define STEPS_PER_PROCESSOR 4

struct inflight {
        struct inflight *next;
        struct digest key;
        size_t waiting;
        bool ended, good;
        struct cache_record result;
};

static struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct inflight *first;
        size_t running;
} steps = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

size_t build_steps_max(void)
{
        long processors = sysconf(_SC_NPROCESSORS_ONLN);

        return STEPS_PER_PROCESSOR * (size_t)MAX(processors, 1);
}

/* With the lock held. */
static struct inflight *find(const struct digest *key)
{
        struct inflight *s = steps.first;

        while (s && !digest_equal(&s->key, key))
                s = s->next;
        return s;
}

/* With the lock held: whoever is the last to look frees it. */
static void drop(struct inflight *s)
{
        if (s->ended && s->waiting == 0)
                free(s);
}

/* With the lock held: 1 good, 0 failed, -1 the build was cancelled. */
static int await(struct build *b, struct inflight *s, struct cache_record *ret)
{
        int r;

        s->waiting++;
        while (!s->ended && !build_cancelled(b))
                pthread_cond_wait(&steps.changed, &steps.lock);
        s->waiting--;
        r = build_cancelled(b) ? -1 : s->good;
        if (r > 0)
                *ret = s->result;
        drop(s);
        return r;
}

int inflight_begin(struct build *b, const struct digest *key, struct inflight **ret_own,
                   struct cache_record *ret, struct error *err)
{
        struct inflight *s;
        int r = 0;

        pthread_mutex_lock(&steps.lock);
        while (r == 0 && (s = find(key)))
                r = await(b, s, ret);
        if (r == 0) {
                s = xcalloc(1, sizeof(*s));
                s->key = *key;
                s->next = steps.first;
                steps.first = *ret_own = s;
        }
        pthread_mutex_unlock(&steps.lock);
        return r < 0 ? build_check_cancelled(b, err) : r;
}

void inflight_end(struct inflight *own, const struct cache_record *result)
{
        struct inflight **at = &steps.first;

        pthread_mutex_lock(&steps.lock);
        while (*at != own)
                at = &(*at)->next;
        *at = own->next;
        own->ended = true;
        own->good = result;
        if (result)
                own->result = *result;
        drop(own);
        pthread_cond_broadcast(&steps.changed);
        pthread_mutex_unlock(&steps.lock);
}

int inflight_enter(struct build *b, struct error *err)
{
        size_t most = build_steps_max();
        int r;

        pthread_mutex_lock(&steps.lock);
        while (steps.running >= most && !build_cancelled(b))
                pthread_cond_wait(&steps.changed, &steps.lock);
        r = build_check_cancelled(b, err);
        steps.running += r == 0;
        pthread_mutex_unlock(&steps.lock);
        return r;
}

void inflight_leave(void)
{
        pthread_mutex_lock(&steps.lock);
        steps.running--;
        pthread_cond_broadcast(&steps.changed);
        pthread_mutex_unlock(&steps.lock);
}

void inflight_wake(void)
{
        pthread_mutex_lock(&steps.lock);
        pthread_cond_broadcast(&steps.changed);
        pthread_mutex_unlock(&steps.lock);
}
