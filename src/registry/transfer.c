#include "registry/transfer-internal.h"

#define DEFAULT_DOWNLOADS 3
#define DEFAULT_UPLOADS 5
#define MAX_PARALLEL 64
/* Progress is told after this many bytes more. */
#define TELL_EVERY (512 << 10)

void transfer_short_id(const char *digest, char ret[TRANSFER_ID_SIZE])
{
        const char *hex = string_after(digest, "sha256:");

        snprintf(ret, TRANSFER_ID_SIZE, "%.12s", hex ? hex : digest);
}

static int send_message(const struct transfer *t, const char *id, const char *status, int64_t current,
                        int64_t total, struct error *err)
{
        cleanup_json json_object *message = json_object_new_object();

        if (!t->progress)
                return 0;
        json_set_string(message, "status", status);
        if (total >= 0) {
                json_object *detail = json_object_new_object();

                if (current >= 0) {
                        json_object_object_add(detail, "current", json_object_new_int64(current));
                        json_object_object_add(detail, "total", json_object_new_int64(total));
                }
                json_object_object_add(message, "progressDetail", detail);
        }
        if (id)
                json_set_string(message, "id", id);
        return t->progress(t->arg, message, err);
}

int transfer_tell(struct transfer_run *run, const char *id, const char *status, int64_t current,
                  int64_t total, struct error *err)
{
        int r;

        pthread_mutex_lock(&run->lock);
        if (run->error.kind != ERROR_NONE)
                r = error_set(err, ERROR_CANCELLED, "cancelled");
        else
                r = send_message(run->t, id, status, current, total, err);
        pthread_mutex_unlock(&run->lock);
        return r;
}

int transfer_say(const struct transfer *t, const char *id, struct error *err, const char *format, ...)
{
        cleanup_strbuf struct strbuf text = {};
        va_list args;

        va_start(args, format);
        strbuf_vaddf(&text, format, args);
        va_end(args);
        return send_message(t, id, text.data, -1, -1, err);
}

int transfer_state(const struct transfer *t, const char *id, const char *status, struct error *err)
{
        return send_message(t, id, status, -1, 0, err);
}

static ssize_t telling_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        struct telling_stream *t = (struct telling_stream *)s;
        ssize_t n = stream_read(t->inner, buffer, len, err);

        if (n < 0)
                return -1;
        t->at += n;
        if (t->at - t->told >= TELL_EVERY) {
                t->told = t->at;
                if (transfer_tell(t->run, t->id, t->status, t->at, t->total, err) < 0)
                        return -1;
        }
        return n;
}

void transfer_progress_stream(struct telling_stream *t, struct stream *inner, struct transfer_run *run,
                              const char *id, const char *status, int64_t total)
{
        static const struct stream_class class = { telling_read, NULL };

        *t = (struct telling_stream){
                .stream = { &class }, .inner = inner, .run = run, .id = id, .status = status, .total = total
        };
}

size_t transfer_downloads(const struct transfer *t)
{
        return t->settings->downloads > 0 ? (size_t)t->settings->downloads : DEFAULT_DOWNLOADS;
}

size_t transfer_uploads(const struct transfer *t)
{
        return t->settings->uploads > 0 ? (size_t)t->settings->uploads : DEFAULT_UPLOADS;
}

static void *run_thread(void *arg)
{
        struct transfer_run *run = arg;

        for (;;) {
                cleanup_error struct error local = {};
                size_t index;
                bool stop;

                pthread_mutex_lock(&run->lock);
                stop = run->error.kind != ERROR_NONE || run->next >= run->count;
                index = run->next;
                run->next += !stop;
                pthread_mutex_unlock(&run->lock);
                if (stop)
                        return NULL;
                if (run->work(run, index, &local) == 0)
                        continue;
                pthread_mutex_lock(&run->lock);
                if (run->error.kind == ERROR_NONE)
                        error_move(&run->error, &local);
                pthread_mutex_unlock(&run->lock);
        }
}

int transfer_run_all(const struct transfer *t, size_t parallel, size_t count,
                     int (*work)(struct transfer_run *, size_t, struct error *), void *context,
                     struct error *err)
{
        struct transfer_run run = { .t = t, .count = count, .work = work, .context = context };
        size_t want = MIN(count, MIN(parallel, (size_t)MAX_PARALLEL));
        pthread_t threads[MAX_PARALLEL];
        size_t started = 0;

        pthread_mutex_init(&run.lock, NULL);
        /* The caller's thread works too. */
        while (started + 1 < want && pthread_create(&threads[started], NULL, run_thread, &run) == 0)
                started++;
        run_thread(&run);
        for (size_t i = 0; i < started; i++)
                pthread_join(threads[i], NULL);
        pthread_mutex_destroy(&run.lock);
        return run.error.kind == ERROR_NONE ? 0 : error_move(err, &run.error);
}

int transfer_prepare(struct store *store, struct error *err)
{
        return layer_memory_prepare(store, err);
}
