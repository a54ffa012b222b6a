/* What the log and its subscribers share. */
#pragma once

#include "engine/event.h"

#include <pthread.h>
#include <stdbool.h>

#define EVENT_TRIM 1000          /* how many events pass between two trims of the table */
#define EVENT_LAG_MAX (64 << 10) /* events that a subscriber may lag behind */

struct event_log {
        struct database *db;
        pthread_mutex_t lock;
        pthread_cond_t published;
        struct event **ring; /* the last ones, oldest first; grown by ARRAY_APPEND, trimmed by ring_trim() */
        size_t count;
        int64_t first;     /* sequence number of ring[0] */
        int64_t unwritten; /* the first that the database has not got */
        struct event_subscription *subscriptions;
        unsigned listeners;
        pthread_t writer;
        bool stopping;
};

struct event_subscription {
        struct event_log *log;
        struct filters filters; /* a copy */
        int64_t since, until;
        int wake_fd;
        struct event **queue; /* held; taken from `taken`; under the log's lock */
        size_t count, taken;
        bool lost;
        struct event_subscription *previous, *next;
};

struct event *event_new(const char *type, const char *action, const char *id,
                        const struct strmap *attributes);
/* Queues a published event for a subscriber whose filters let it through. The log's lock is held. */
void event_deliver(struct event_subscription *s, struct event *e);
bool event_matches(const struct event *e, const struct filters *filters);
