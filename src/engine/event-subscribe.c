#include "engine/event-internal.h"

#include "base/fd.h"
#include "base/json.h"
#include "base/time.h"
#include "store/database.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/* ---- Filters ---- */

static bool match_action(const struct event *e, const struct filters *filters)
{
        const char *colon = strchr(e->action, ':');
        cleanup_free char *plain = colon ? xstrndup(e->action, (size_t)(colon - e->action)) : NULL;

        /* "exec_start: ls" is found as such and as "exec_start". */
        return filters_match(filters, "event", e->action) ||
               (plain && filters_match(filters, "event", plain));
}

/* An actor by id or name, or the beginning of one. */
static bool match_actor(const struct event *e, const struct filters *filters, const char *key)
{
        return filters_match_prefix(filters, key, e->id) ||
               filters_match_prefix(filters, key, strmap_get(&e->attributes, "name"));
}

static bool match_image(const struct event *e, const struct filters *filters)
{
        const char *name = strmap_get(&e->attributes, streq(e->type, "image") ? "name" : "image");
        const char *slash = name ? strrchr(name, '/') : NULL,
                   *colon = name ? strchr(slash ? slash : name, ':') : NULL;
        cleanup_free char *untagged = colon ? xstrndup(name, (size_t)(colon - name)) : NULL;

        return filters_match(filters, "image", e->id) || filters_match(filters, "image", name) ||
               filters_match(filters, "image", untagged);
}

bool event_matches(const struct event *e, const struct filters *filters)
{
        static const char *const actors[] = { "container", "daemon",  "plugin", "volume", "network",
                                              "node",      "service", "secret", "config" };

        if (!match_action(e, filters) || !filters_match(filters, "type", e->type) ||
            !filters_match(filters, "scope", "local") || !match_image(e, filters) ||
            !filters_match_labels(filters, "label", &e->attributes))
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(actors); i++)
                if (!match_actor(e, filters, actors[i]))
                        return false;
        return true;
}

/* ---- Delivery ---- */

static void queue_event(struct event_subscription *s, struct event *e)
{
        __atomic_add_fetch(&e->references, 1, __ATOMIC_RELAXED);
        ARRAY_APPEND(s->queue, s->count, e);
}

static bool wanted(const struct event_subscription *s, const struct event *e)
{
        return e->time >= s->since && e->time <= s->until && event_matches(e, &s->filters);
}

void event_deliver(struct event_subscription *s, struct event *e)
{
        uint64_t one = 1;

        if (e->time > s->until || !event_matches(e, &s->filters))
                return;
        if (s->count - s->taken >= EVENT_LAG_MAX)
                s->lost = true;
        else
                queue_event(s, e);
        (void)!write(s->wake_fd, &one, sizeof(one));
}

static int read_row(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct event_subscription *s = arg;
        const char *attributes = (const char *)sqlite3_column_text(stmt, 4);
        cleanup_json json_object *tree = NULL;
        struct event *e =
            event_new((const char *)sqlite3_column_text(stmt, 1), (const char *)sqlite3_column_text(stmt, 2),
                      (const char *)sqlite3_column_text(stmt, 3), NULL);

        (void)err;
        e->time = sqlite3_column_int64(stmt, 0);
        if (attributes && json_parse_text(attributes, strlen(attributes), &tree, NULL) == 0 &&
            json_object_is_type(tree, json_type_object)) {
                json_object_object_foreach(tree, key, value)
                    strmap_set(&e->attributes, key, json_object_get_string(value));
        }
        if (wanted(s, e))
                queue_event(s, e);
        event_release(e);
        return 0;
}

/* What is older than the ring goes before it. */
static void read_history(struct event_subscription *s, int64_t before)
{
        struct event_subscription old = { .filters = s->filters, .since = s->since, .until = s->until };

        database_query(
            s->log->db, read_row, &old, NULL,
            "SELECT time, type, action, id, attributes FROM events WHERE sequence < ? AND time >= ? AND"
            " time <= ? ORDER BY sequence",
            "iii", before, s->since, s->until);
        if (old.count == 0)
                return;
        pthread_mutex_lock(&s->log->lock);
        for (size_t i = 0; i < s->count; i++)
                ARRAY_APPEND(old.queue, old.count, s->queue[i]);
        free(s->queue);
        s->queue = old.queue;
        s->count = old.count;
        pthread_mutex_unlock(&s->log->lock);
}

struct event_subscription *event_subscribe(struct event_log *log, const struct filters *filters,
                                           int64_t since, int64_t until)
{
        struct event_subscription *s = xcalloc(1, sizeof(*s));
        bool older;
        int64_t first;

        *s = (struct event_subscription){ .log = log, .since = since, .until = until };
        s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        for (size_t i = 0; filters && i < filters->count; i++)
                for (char *const *value = filters->items[i].values; *value; value++)
                        filters_add(&s->filters, filters->items[i].key, *value);
        pthread_mutex_lock(&log->lock);
        for (size_t i = 0; i < log->count; i++)
                if (wanted(s, log->ring[i]))
                        queue_event(s, log->ring[i]);
        older = log->count == 0 || since <= log->ring[0]->time;
        first = log->first;
        s->next = log->subscriptions;
        if (s->next)
                s->next->previous = s;
        log->subscriptions = s;
        log->listeners++;
        pthread_mutex_unlock(&log->lock);
        if (log->db && older && since != INT64_MAX)
                read_history(s, first);
        return s;
}

void event_unsubscribe(struct event_subscription *s)
{
        if (!s)
                return;
        pthread_mutex_lock(&s->log->lock);
        *(s->previous ? &s->previous->next : &s->log->subscriptions) = s->next;
        if (s->next)
                s->next->previous = s->previous;
        s->log->listeners--;
        pthread_mutex_unlock(&s->log->lock);
        while (s->taken < s->count)
                event_release(s->queue[s->taken++]);
        free(s->queue);
        filters_deinit(&s->filters);
        if (s->wake_fd >= 0)
                close(s->wake_fd);
        free(s);
}

unsigned event_listeners(const struct event_log *log)
{
        struct event_log *l = (struct event_log *)log;
        unsigned n;

        pthread_mutex_lock(&l->lock);
        n = l->listeners;
        pthread_mutex_unlock(&l->lock);
        return n;
}

/* 1 with an event, 0 without, -1 when some were lost. */
static int take(struct event_subscription *s, const struct event **ret, struct error *err)
{
        bool lost;

        pthread_mutex_lock(&s->log->lock);
        *ret = s->taken < s->count ? s->queue[s->taken++] : NULL;
        if (s->taken == s->count)
                s->taken = s->count = 0;
        lost = s->lost;
        pthread_mutex_unlock(&s->log->lock);
        if (*ret)
                return 1;
        return lost ? error_set(err, ERROR_SYSTEM, "events were lost: the client reads too slowly") : 0;
}

/* Milliseconds until `until`, 0 when it has passed, -1 for never. */
static int time_left(int64_t until)
{
        int64_t left = until == INT64_MAX ? 0 : until - time_now();

        if (until == INT64_MAX)
                return -1;
        return left <= 0 ? 0 : (int)MIN((left + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC, (int64_t)INT32_MAX);
}

int event_next(struct event_subscription *s, int cancel_fd, const struct event **ret, struct error *err)
{
        for (;;) {
                struct pollfd polls[] = {
                        { .fd = s->wake_fd, .events = POLLIN },
                        { .fd = cancel_fd, .events = POLLRDHUP },
                };
                int left = time_left(s->until), r = take(s, ret, err);
                uint64_t drop;

                if (r != 0)
                        return r;
                if (left == 0)
                        return 0;
                r = poll(polls, ARRAY_SIZE(polls), left);
                if (r < 0 && errno != EINTR)
                        return error_errno(err, "poll");
                if (r > 0 && polls[1].revents)
                        return 0;
                if (r > 0 && polls[0].revents)
                        (void)!read(s->wake_fd, &drop, sizeof(drop));
        }
}
