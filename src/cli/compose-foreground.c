/* A thread for each container reads what it says until it ends for good; one waits for signals; stopping is
 * done by a thread of its own, so that a second Ctrl+C can kill. The main thread starts the containers and
 * waits until nothing is left that is followed. */
#include "cli/compose-foreground.h"
#include "cli/compose-lines.h"
#include "base/time.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

struct foreground;
struct watched {
        struct foreground *f;
        struct compose_container *container;
        struct client_hijack hijack;
        bool attached, begun;
        pthread_t thread;
};

struct foreground {
        struct compose_session *s;
        const struct compose_foreground_options *o;
        struct compose_containers *containers;
        struct compose_lines *lines;
        struct watched *list;
        size_t count;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        size_t alive;
        bool stopping, stopped, interrupted, ended;
        int exit_code;
        bool has_exit_code;
        pthread_t stopper, signaller;
        struct error stop_error;
};

/* ---- Stopping ---- */

static void *stop_all(void *arg)
{
        struct foreground *f = arg;
        struct compose_stop options = { .timeout = f->o->timeout };

        compose_session_show(f->s, true);
        (void)compose_stop(&f->s->engine, f->containers, &options, &f->stop_error);
        pthread_mutex_lock(&f->lock);
        f->stopped = true;
        pthread_cond_broadcast(&f->changed);
        pthread_mutex_unlock(&f->lock);
        return NULL;
}

/* With the lock held. */
static void begin_stop(struct foreground *f)
{
        if (f->stopping)
                return;
        f->stopping = true;
        if (pthread_create(&f->stopper, NULL, stop_all, f) != 0)
                f->stopping = false;
}

static int kill_one(struct compose_engine *e, struct compose_container *c, void *context, struct error *err)
{
        cleanup_query struct client_query q = {};

        (void)context, (void)err;
        client_query_init(&q, "/containers/%s/kill", c->id);
        compose_report_container(e, COMPOSE_EVENT_WORKING, c->name, "Killing");
        if (compose_change(e, "POST", &q, NULL, NULL, NULL) == 0)
                compose_report_container(e, COMPOSE_EVENT_DONE, c->name, "Killed");
        return 0;
}

static void *wait_signals(void *arg)
{
        struct foreground *f = arg;
        sigset_t set;
        int number;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        while (sigwait(&set, &number) == 0) {
                bool again;

                pthread_mutex_lock(&f->lock);
                if (f->ended) {
                        pthread_mutex_unlock(&f->lock);
                        return NULL;
                }
                again = f->interrupted || f->stopping;
                f->interrupted = true;
                if (!again) {
                        fprintf(stderr, "Gracefully Stopping... press Ctrl+C again to force\n");
                        begin_stop(f);
                }
                pthread_cond_broadcast(&f->changed);
                pthread_mutex_unlock(&f->lock);
                if (again)
                        (void)compose_each_container(&f->s->engine, f->containers, kill_one, NULL, NULL);
        }
        return NULL;
}

void compose_foreground_block_signals(void)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* ---- A container ---- */

static const char *shown_name(const struct foreground *f, const struct compose_container *c)
{
        return compose_container_short_name(c, f->s->name);
}

struct hijack_stream {
        struct stream stream;
        struct client_hijack *h;
};

static ssize_t hijack_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        struct client_hijack *h = ((struct hijack_stream *)s)->h;
        ssize_t n;

        if (h->early_len) {
                n = (ssize_t)MIN(len, h->early_len);
                memcpy(buffer, h->early, (size_t)n);
                memmove(h->early, h->early + n, h->early_len - (size_t)n);
                h->early_len -= (size_t)n;
                return n;
        }
        n = read(h->fd, buffer, len);
        return n < 0 ? error_errno(err, "read") : n;
}

static int attach(struct foreground *f, struct watched *w, struct error *err)
{
        cleanup_query struct client_query q = {};

        client_query_init(&q, "/containers/%s/attach", w->container->id);
        client_query_add(&q, "stdout", "1");
        client_query_add(&q, "stderr", "1");
        client_query_add(&q, "stream", "1");
        if (client_hijack_open(f->s->engine.client, "POST", &q, NULL, &w->hijack, err) < 0)
                return -1;
        w->attached = true;
        return 0;
}

static void follow_attached(struct foreground *f, struct watched *w)
{
        static const struct stream_class class = { .read = hijack_read };
        struct hijack_stream s = { { &class }, &w->hijack };

        (void)compose_lines_follow(f->lines, shown_name(f, w->container), &s.stream, w->hijack.framed, stdout,
                                   stderr, NULL);
        client_hijack_deinit(&w->hijack);
        w->attached = false;
}

/* What it has said since the moment when it ended: of a container that was restarted. */
static void follow_log(struct foreground *f, struct watched *w, const char *since)
{
        cleanup_client_stream struct client_stream *s = NULL;
        cleanup_query struct client_query q = {};
        cleanup_free char *seconds = NULL;
        int64_t t;

        if (time_parse_rfc3339(since, &t, NULL) < 0)
                return;
        seconds = string_format("%lld.%09lld", (long long)(t / NSEC_PER_SEC), (long long)(t % NSEC_PER_SEC));
        client_query_init(&q, "/containers/%s/logs", w->container->id);
        client_query_add(&q, "stdout", "1");
        client_query_add(&q, "stderr", "1");
        client_query_add(&q, "follow", "1");
        client_query_add(&q, "since", seconds);
        if (client_stream_call(f->s->engine.client, "GET", &q, NULL, &s, NULL) == 0)
                (void)compose_lines_follow(f->lines, shown_name(f, w->container), &s->body.stream,
                                           !streq(s->content_type, "application/vnd.docker.raw-stream"),
                                           stdout, stderr, NULL);
}

static void wait_end(struct foreground *f, const struct watched *w)
{
        cleanup_query struct client_query q = {};

        client_query_init(&q, "/containers/%s/wait", w->container->id);
        (void)client_call(f->s->engine.client, "POST", &q, NULL, NULL, NULL, NULL);
}

static void pause_briefly(void)
{
        struct timespec t = { .tv_nsec = 50 * NSEC_PER_MSEC };

        nanosleep(&t, NULL);
}

/* Tells that it ended. Its new life's beginning is waited for: 1 when there is one. */
static int ended_or_restarted(struct foreground *f, const struct watched *w, int *ret_code, char **ret_since)
{
        bool told = false;

        for (;; pause_briefly()) {
                cleanup_json json_object *inspected = NULL;
                json_object *state;
                const char *status;

                if (compose_container_inspect(&f->s->engine, w->container->id, &inspected, NULL) < 0)
                        return 0;
                state = json_get(inspected, "State");
                status = json_get_string(state, "Status");
                *ret_code = (int)json_get_int64(state, "ExitCode", 0);
                if (streq(status, "restarting") && !told) {
                        cleanup_free char *text =
                            string_format("exited with code %d (restarting)", *ret_code);

                        told = true;
                        compose_lines_status(f->lines, shown_name(f, w->container), text);
                }
                replace_string(ret_since, json_get_string(state, "FinishedAt"));
                if (streq(status, "running"))
                        return 1;
                if (!streq(status, "restarting"))
                        return 0;
        }
}

static void note_exit(struct foreground *f, const struct watched *w, int code)
{
        const struct compose_foreground_options *o = f->o;

        pthread_mutex_lock(&f->lock);
        f->alive--;
        if (o->exit_code_from ? streq(w->container->service, o->exit_code_from)
                              : !f->stopping && (o->abort_on_exit || code != 0)) {
                if (!f->has_exit_code)
                        f->exit_code = code;
                f->has_exit_code = true;
        }
        if (!f->stopping && (o->abort_on_exit || (o->abort_on_failure && code != 0))) {
                fprintf(stderr, "Aborting on container exit...\n");
                begin_stop(f);
        }
        pthread_cond_broadcast(&f->changed);
        pthread_mutex_unlock(&f->lock);
}

static void *watch(void *arg)
{
        struct watched *w = arg;
        struct foreground *f = w->f;
        cleanup_free char *since = NULL, *text = NULL;
        int code = 0;

        if (w->attached)
                follow_attached(f, w);
        wait_end(f, w);
        while (ended_or_restarted(f, w, &code, &since) > 0) {
                follow_log(f, w, since);
                wait_end(f, w);
        }
        text = string_format("exited with code %d", code);
        compose_lines_status(f->lines, shown_name(f, w->container), text);
        note_exit(f, w, code);
        return NULL;
}

static bool is_followed(const struct compose_foreground_options *o, const struct compose_service *service)
{
        if (!service || strv_contains(o->no_attach, service->name))
                return false;
        if (o->attach)
                return strv_contains(o->attach, service->name);
        return !service->attach || *service->attach;
}

/* Called for each container just before it is started. */
static void begin_watching(void *context, struct compose_container *c)
{
        struct foreground *f = context;

        for (size_t i = 0; i < f->count; i++) {
                struct watched *w = &f->list[i];

                if (w->container != c || w->begun || attach(f, w, NULL) < 0)
                        continue;
                pthread_mutex_lock(&f->lock);
                w->begun = pthread_create(&w->thread, NULL, watch, w) == 0;
                f->alive += w->begun;
                pthread_mutex_unlock(&f->lock);
        }
}

/* ---- All of it ---- */

static void choose(struct foreground *f)
{
        cleanup_strbuf struct strbuf names = {};

        for (size_t i = 0; i < f->containers->count; i++) {
                struct compose_container *c = f->containers->list[i];
                struct watched w = { .f = f, .container = c, .hijack = { .fd = -1 } };

                if (!is_followed(f->o, compose_project_service(f->s->project, c->service)))
                        continue;
                strbuf_addf(&names, "%s%s", names.len ? ", " : "", shown_name(f, c));
                compose_lines_register(f->lines, shown_name(f, c));
                ARRAY_APPEND(f->list, f->count, w);
        }
        printf("Attaching to %s\n", names.data ? names.data : "");
        fflush(stdout);
}

static int compare_containers(const void *a, const void *b)
{
        return strcmp((*(struct compose_container *const *)a)->name,
                      (*(struct compose_container *const *)b)->name);
}

static int finish(struct foreground *f, struct error *failure, struct error *err)
{
        pthread_mutex_lock(&f->lock);
        if (failure->kind)
                begin_stop(f);
        while (f->alive > 0 || (f->stopping && !f->stopped))
                pthread_cond_wait(&f->changed, &f->lock);
        f->ended = true;
        pthread_mutex_unlock(&f->lock);
        pthread_kill(f->signaller, SIGTERM);
        pthread_join(f->signaller, NULL);
        if (f->stopping)
                pthread_join(f->stopper, NULL);
        for (size_t i = 0; i < f->count; i++)
                if (f->list[i].begun)
                        pthread_join(f->list[i].thread, NULL);
        if (f->interrupted) {
                error_clear(failure);
                return 130;
        }
        if (failure->kind)
                return error_move(err, failure);
        if (f->stop_error.kind)
                return error_move(err, &f->stop_error);
        return f->stopping || f->o->exit_code_from ? f->exit_code : 0;
}

int compose_foreground(struct compose_session *s, struct compose_containers *containers,
                       const struct compose_foreground_options *o, struct error *err)
{
        struct foreground f = { .s = s, .o = o, .containers = containers };
        struct compose_lines_options lines = { .colour = compose_lines_colour(s->cli, o->no_colour),
                                               .prefix = !o->no_prefix,
                                               .timestamps = o->timestamps };
        struct compose_start start = { .before = begin_watching, .context = &f };
        struct error failure = {};
        int r;

        pthread_mutex_init(&f.lock, NULL);
        pthread_cond_init(&f.changed, NULL);
        f.lines = compose_lines_new(&lines);
        if (containers->count)
                qsort(containers->list, containers->count, sizeof(*containers->list), compare_containers);
        choose(&f);
        if (pthread_create(&f.signaller, NULL, wait_signals, &f) != 0)
                return error_set(err, ERROR_SYSTEM, "cannot create a thread");
        compose_session_show(s, false);
        for (size_t i = 0; i < containers->count; i++)
                if (compose_container_runs(containers->list[i]))
                        begin_watching(&f, containers->list[i]);
        (void)compose_start(&s->engine, containers, &start, &failure);
        r = finish(&f, &failure, err);
        free(f.list);
        compose_lines_free(f.lines);
        error_clear(&f.stop_error);
        return r;
}
