/* What happened: published once by whoever does it, kept in a ring in memory and in the database (so that
 * `--since` reaches back over a restart of the engine), and streamed to subscribers. */
#pragma once

#include "base/filters.h"
#include "base/str.h"

#include <stdint.h>

struct engine;
struct database;
struct event_log;

/* Events that the ring holds, as in Docker, and the most that a slow subscriber may lag behind. */
#define EVENT_RING 256
#define EVENT_KEPT 10000 /* in the database */

/* Shared and counted; never changed once published. */
struct event {
        int64_t time;
        char *type;   /* "container", "image", "volume", "network", "daemon", "builder" */
        char *action; /* "start", "exec_create: sh", … */
        char *id;     /* the actor's */
        struct strmap attributes;
        unsigned references;
};

/* `db` may be NULL (unit tests). The engine keeps the result as engine->events. */
int event_log_new(struct database *db, struct event_log **ret, struct error *err);
void event_log_free(struct event_log *log); /* NULL is fine */

/* Attributes as Docker has them (a container's: image, name, its labels and what the action adds); copied;
 * NULL for none. Never fails: an event that the database cannot take is still told to those who listen. */
void event_publish(struct engine *engine, const char *type, const char *action, const char *id,
                   const struct strmap *attributes);
void event_log_publish(struct event_log *log, const char *type, const char *action, const char *id,
                       const struct strmap *attributes);

/* ---- Listening ---- */

struct event_subscription;
/* Gets first what is kept since `since` (INT64_MAX: nothing), then what comes. Filters: type, event,
 * container, image, volume, network, daemon, label, scope, plugin, service, node, secret, config; unknown
 * ones match everything. */
struct event_subscription *event_subscribe(struct event_log *log, const struct filters *filters,
                                           int64_t since, int64_t until);
void event_unsubscribe(struct event_subscription *s); /* NULL is fine */
/* Waits for the next event. Returns 1 with one (release it), 0 when `until` is reached or `cancel_fd` (-1:
 * none) hangs up, -1 when the subscriber was too slow and lost events. */
int event_next(struct event_subscription *s, int cancel_fd, const struct event **ret, struct error *err);
void event_release(const struct event *event);
/* Those who listen now (`docker info`: NEventsListener). */
unsigned event_listeners(const struct event_log *log);

/* Docker's JSON line, without the line feed; heap. */
char *event_format(const struct event *event);
