/* A producer in a thread of its own, and the ring of blocks between it and the reader.
 *
 * Theory of operation. The ring has SLOTS blocks. `filled` counts blocks handed to the reader, `emptied`
 * those it gave back; the producer owns block filled % SLOTS, the reader block emptied % SLOTS. Both counters
 * change under the lock, the blocks' bytes only by their owner. `ended` says that nothing follows; `error` is
 * set before it. */
#include "base/stream.h"

#include <pthread.h>
#include <signal.h>

#define SLOTS 4
#define SLOT_SIZE (256 << 10)

struct ring {
        struct stream stream;
        struct sink sink;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        pthread_t thread;
        bool started, ended, abandoned;
        unsigned filled, emptied;
        struct error error;
        struct slot {
                char *data;
                size_t len;
        } slots[SLOTS];
        size_t fill;     /* bytes in the producer's block */
        size_t position; /* of the reader in its block */
        int (*produce)(void *arg, struct sink *out, struct error *err);
        void (*release)(void *arg);
        void *arg;
};

static struct ring *ring_of_sink(struct sink *s)
{
        return (struct ring *)(void *)((char *)s - offsetof(struct ring, sink));
}

/* Hands the producer's block over and waits for a free one. */
static int ring_flush(struct ring *r, struct error *err)
{
        bool abandoned;

        pthread_mutex_lock(&r->lock);
        r->slots[r->filled % SLOTS].len = r->fill;
        r->filled++;
        r->fill = 0;
        pthread_cond_broadcast(&r->changed);
        while (r->filled - r->emptied == SLOTS && !r->abandoned)
                pthread_cond_wait(&r->changed, &r->lock);
        abandoned = r->abandoned;
        pthread_mutex_unlock(&r->lock);
        return abandoned ? error_set(err, ERROR_CANCELLED, "the reader went away") : 0;
}

static int ring_write(struct sink *s, const void *data, size_t len, struct error *err)
{
        struct ring *r = ring_of_sink(s);

        while (len) {
                struct slot *slot = &r->slots[r->filled % SLOTS];
                size_t n = MIN(len, SLOT_SIZE - r->fill);

                if (!slot->data)
                        slot->data = xmalloc(SLOT_SIZE);
                memcpy(slot->data + r->fill, data, n);
                r->fill += n;
                data = (const char *)data + n;
                len -= n;
                if (r->fill == SLOT_SIZE && ring_flush(r, err) < 0)
                        return -1;
        }
        return 0;
}

static void *ring_thread(void *arg)
{
        struct ring *r = arg;
        struct error error = {};

        if (r->produce(r->arg, &r->sink, &error) == 0 && r->fill)
                ring_flush(r, &error);
        pthread_mutex_lock(&r->lock);
        r->error = error;
        r->ended = true;
        pthread_cond_broadcast(&r->changed);
        pthread_mutex_unlock(&r->lock);
        return NULL;
}

/* Signals stay with the threads that expect them. */
static int ring_start(struct ring *r, struct error *err)
{
        sigset_t all, old;
        int failed;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        failed = pthread_create(&r->thread, NULL, ring_thread, r);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (failed)
                return error_errnum(err, failed, "start a thread");
        r->started = true;
        return 0;
}

/* Waits for a block. 1: there is one, 0: the end, -1: the producer failed. */
static int ring_wait(struct ring *r, struct error *err)
{
        int result = 1;

        pthread_mutex_lock(&r->lock);
        while (r->filled == r->emptied && !r->ended)
                pthread_cond_wait(&r->changed, &r->lock);
        if (r->filled == r->emptied) {
                result = 0;
                if (r->error.kind != ERROR_NONE)
                        result = error_move(err, &r->error);
        }
        pthread_mutex_unlock(&r->lock);
        return result;
}

static ssize_t ring_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        struct ring *r = (struct ring *)s;
        struct slot *slot;
        int there;

        if (!r->started && ring_start(r, err) < 0)
                return -1;
        there = r->position ? 1 : ring_wait(r, err);
        if (there <= 0)
                return there;
        slot = &r->slots[r->emptied % SLOTS];
        len = MIN(len, slot->len - r->position);
        memcpy(buffer, slot->data + r->position, len);
        r->position += len;
        if (r->position == slot->len) {
                pthread_mutex_lock(&r->lock);
                r->position = 0;
                r->emptied++;
                pthread_cond_broadcast(&r->changed);
                pthread_mutex_unlock(&r->lock);
        }
        return (ssize_t)len;
}

static void ring_free(struct stream *s)
{
        struct ring *r = (struct ring *)s;

        if (r->started) {
                pthread_mutex_lock(&r->lock);
                r->abandoned = true;
                pthread_cond_broadcast(&r->changed);
                pthread_mutex_unlock(&r->lock);
                pthread_join(r->thread, NULL);
        }
        if (r->release)
                r->release(r->arg);
        error_clear(&r->error);
        for (size_t i = 0; i < SLOTS; i++)
                free(r->slots[i].data);
        pthread_cond_destroy(&r->changed);
        pthread_mutex_destroy(&r->lock);
        free(r);
}

struct stream *stream_new_producer(int (*produce)(void *arg, struct sink *out, struct error *err),
                                   void (*release)(void *arg), void *arg)
{
        static const struct stream_class stream_class = { ring_read, ring_free };
        static const struct sink_class sink_class = { ring_write, NULL };
        struct ring *r = xcalloc(1, sizeof(*r));

        r->stream.class = &stream_class;
        r->sink.class = &sink_class;
        pthread_mutex_init(&r->lock, NULL);
        pthread_cond_init(&r->changed, NULL);
        r->produce = produce;
        r->release = release;
        r->arg = arg;
        return &r->stream;
}

static int copy_stream(void *arg, struct sink *out, struct error *err)
{
        return stream_copy(arg, out, NULL, err);
}

struct stream *stream_new_threaded(struct stream *inner)
{
        return stream_new_producer(copy_stream, NULL, inner);
}
