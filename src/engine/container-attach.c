/* Streams: attach, logs, resize. An attach ends in the shim; one to a container that does not run waits for
 * its start. */
#include "engine/container-internal.h"
#include "base/fd.h"
#include "base/stream.h"
#include "base/detach-keys.h"
#include "shim/log-options.h"
#include "shim/log-reader.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

int engine_container_attach_check(struct engine *engine, const char *reference, bool *ret_tty,
                                  struct error *err)
{
        cleanup_container struct container *c = NULL;
        int r = 0;

        if (container_find(engine, reference, &c, err) < 0)
                return -1;
        pthread_mutex_lock(&c->lock);
        if (streq(c->state.status, STATUS_PAUSED))
                r = error_set(err, ERROR_CONFLICT,
                              "container %s is paused, unpause the container before attach", reference);
        else if (streq(c->state.status, STATUS_RESTARTING))
                r = error_set(err, ERROR_CONFLICT,
                              "container %s is restarting, wait until the container is running", reference);
        *ret_tty = c->config.tty;
        pthread_mutex_unlock(&c->lock);
        return r;
}

/* The log so far, for logs=1 on a container that has no shim. */
static int replay(struct engine *engine, const char *reference, const struct container_attach_options *o,
                  int client, struct error *err)
{
        struct container_logs_options options = { .use_stdout = o->use_stdout,
                                                  .use_stderr = o->use_stderr,
                                                  .since = TIME_ZERO,
                                                  .until = TIME_ZERO,
                                                  .tail = -1 };
        struct container_logs *logs = NULL;
        struct sink *out = sink_new_fd(client);
        bool tty;
        int r = engine_container_logs_open(engine, reference, &options, &logs, &tty, err);

        if (r == 0)
                r = engine_container_logs_write(logs, out, -1, err);
        engine_container_logs_close(logs);
        sink_free(out);
        return r;
}

static void keep_for_start(struct container *c, const struct shim_attach_options *options, int client,
                           const void *early, size_t early_len)
{
        struct pending_attach a = { .client = dup(client), .options = *options };

        a.detach_keys = xstrdup(options->detach_keys);
        a.early = early_len ? xmemdup(early, early_len) : NULL;
        a.early_len = early_len;
        if (a.client >= 0)
                ARRAY_APPEND(c->attaches, c->n_attaches, a);
}

int engine_container_attach(struct engine *engine, const char *reference,
                            const struct container_attach_options *o, int client, const void *early,
                            size_t early_len, struct error *err)
{
        cleanup_container struct container *c = NULL;
        struct shim_attach_options options = { o->use_stdin, o->use_stdout, o->use_stderr, o->logs,
                                               o->detach_keys };
        cleanup_close int shim = -1;
        bool up;

        if (container_find(engine, reference, &c, err) < 0)
                return -1;
        if (!o->stream)
                return o->logs ? replay(engine, reference, o, client, err) : 0;
        pthread_mutex_lock(&c->lock);
        up = container_state_is_up(&c->state);
        if (!up) {
                if (!o->use_stdin || !c->config.open_stdin)
                        options.use_stdin = false;
                keep_for_start(c, &options, client, early, early_len);
        }
        pthread_mutex_unlock(&c->lock);
        container_event(engine, c, "attach", NULL);
        if (!up)
                return 0;
        shim = container_shim(engine, c, err);
        if (shim < 0 || shim_attach(shim, &options, client, early, early_len, err) < 0)
                return container_shim_failed(c, err);
        return 0;
}

int engine_container_resize(struct engine *engine, const char *reference, int height, int width,
                            struct error *err)
{
        cleanup_container struct container *c = NULL;
        cleanup_strmap struct strmap extra = {};
        cleanup_free char *h = string_format("%d", height), *w = string_format("%d", width);
        cleanup_close int shim = -1;

        if (container_find(engine, reference, &c, err) < 0)
                return -1;
        shim = container_shim(engine, c, err);
        if (shim < 0 || shim_resize(shim, height, width, err) < 0)
                return container_shim_failed(c, err);
        strmap_set(&extra, "height", h);
        strmap_set(&extra, "width", w);
        container_event(engine, c, "resize", &extra);
        return 0;
}

/* ---- Logs ---- */

struct container_logs {
        struct container *c;
        struct container_logs_options options;
        struct log_reader *reader;
        bool tty;
};

int engine_container_logs_open(struct engine *engine, const char *reference,
                               const struct container_logs_options *options, struct container_logs **ret,
                               bool *ret_tty, struct error *err)
{
        cleanup_container struct container *c = NULL;
        struct log_read_options read = { .tail = options->tail,
                                         .since = options->since,
                                         .until = options->until,
                                         .use_stdout = options->use_stdout,
                                         .use_stderr = options->use_stderr,
                                         .follow = options->follow };
        struct log_reader *reader;
        struct container_logs *logs;

        if (container_find(engine, reference, &c, err) < 0)
                return -1;
        if (!options->use_stdout && !options->use_stderr)
                return error_set(err, ERROR_INVALID, "Bad parameters: you must choose at least one stream");
        if (!log_driver_is_readable(c->host.log_config.type))
                return error_set(err, ERROR_INVALID, "configured logging driver does not support reading");
        read.driver = c->host.log_config.type;
        read.path = c->log_path;
        if (log_reader_open(&read, &reader, err) < 0)
                return -1;
        logs = xcalloc(1, sizeof(*logs));
        logs->options = *options;
        logs->reader = reader;
        *ret_tty = logs->tty = c->config.tty;
        logs->c = take_ptr(c);
        *ret = logs;
        return 0;
}

static int write_message(struct container_logs *logs, struct sink *out, const struct log_message *message,
                         struct error *err)
{
        cleanup_strbuf struct strbuf line = {};

        if (!logs->tty)
                strbuf_add(&line, (char[8]){ (char)message->stream }, 8);
        log_message_prefix(message, logs->options.timestamps, logs->options.details, &line);
        strbuf_add(&line, message->data, message->len);
        if (!logs->tty) {
                uint32_t size = htonl((uint32_t)(line.len - 8));

                memcpy(line.data + 4, &size, sizeof(size));
        }
        return sink_write(out, line.data, line.len, err);
}

/* All that is there now. */
static int write_available(struct container_logs *logs, struct sink *out, struct error *err)
{
        struct log_message message;
        int r;

        while ((r = log_reader_next(logs->reader, &message, err)) > 0)
                if (write_message(logs, out, &message, err) < 0)
                        return -1;
        return r;
}

/* A thread that turns the end of the container into a readable descriptor. */
struct end_watch {
        struct container *c;
        int fd;
        bool stop;
        pthread_t thread;
};

static void *end_thread(void *arg)
{
        struct end_watch *watch = arg;
        uint64_t one = 1;

        pthread_mutex_lock(&watch->c->lock);
        while (!watch->stop && !watch->c->removed && container_state_is_up(&watch->c->state))
                pthread_cond_wait(&watch->c->changed, &watch->c->lock);
        pthread_mutex_unlock(&watch->c->lock);
        if (write(watch->fd, &one, sizeof(one)) != sizeof(one))
                return NULL;
        return NULL;
}

static int follow(struct container_logs *logs, struct sink *out, int cancel_fd, struct error *err)
{
        struct end_watch watch = { .c = logs->c, .fd = eventfd(0, EFD_CLOEXEC) };
        int fds[2] = { watch.fd, cancel_fd }, r = 0, woken = -1;

        if (watch.fd < 0 || pthread_create(&watch.thread, NULL, end_thread, &watch) != 0) {
                if (watch.fd >= 0)
                        close(watch.fd);
                return error_set(err, ERROR_SYSTEM, "cannot follow the log");
        }
        while (woken < 0) {
                r = write_available(logs, out, err);
                if (r < 0 || log_reader_is_done(logs->reader))
                        break;
                woken = log_reader_wait(logs->reader, fds, cancel_fd >= 0 ? 2 : 1, err);
                if (woken == -2) {
                        r = -1;
                        break;
                }
        }
        if (r == 0 && woken == 0)
                r = write_available(logs, out, err);
        pthread_mutex_lock(&logs->c->lock);
        watch.stop = true;
        pthread_cond_broadcast(&logs->c->changed);
        pthread_mutex_unlock(&logs->c->lock);
        pthread_join(watch.thread, NULL);
        close(watch.fd);
        return r;
}

int engine_container_logs_write(struct container_logs *logs, struct sink *out, int cancel_fd,
                                struct error *err)
{
        return logs->options.follow && container_is_running(logs->c) ? follow(logs, out, cancel_fd, err)
                                                                     : write_available(logs, out, err);
}

void engine_container_logs_close(struct container_logs *logs)
{
        if (!logs)
                return;
        log_reader_close(logs->reader);
        container_drop(logs->c);
        free(logs);
}
