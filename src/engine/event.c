/* The event log.
 *
 * Everybody publishes under one mutex into a ring, which also queues what the database has not got yet: a
 * thread of its own writes that away, so that no start or stop waits for a disk. Sequence numbers are given
 * under the mutex; a subscriber that wants the past takes, in one critical section, the ring and its place in
 * the live stream, and reads what is older than the ring from the database afterwards: nothing is seen twice
 * or missed. */
#include "engine/event-internal.h"

#include "base/json.h"
#include "base/log.h"
#include "base/time.h"
#include "store/database.h"

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS events (sequence INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
    " type TEXT NOT NULL, action TEXT NOT NULL, id TEXT NOT NULL, attributes TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS events_time ON events (time)";

/* ---- Events ---- */

struct event *event_new(const char *type, const char *action, const char *id, const struct strmap *attributes)
{
        struct event *e = xcalloc(1, sizeof(*e));

        e->type = xstrdup(type);
        e->action = xstrdup(action);
        e->id = xstrdup(id ? id : "");
        if (attributes)
                strmap_copy(&e->attributes, attributes);
        strmap_sort(&e->attributes);
        e->references = 1;
        return e;
}

static const struct event *event_hold(struct event *e)
{
        __atomic_add_fetch(&e->references, 1, __ATOMIC_RELAXED);
        return e;
}

void event_release(const struct event *event)
{
        struct event *e = (struct event *)event;

        if (!e || __atomic_sub_fetch(&e->references, 1, __ATOMIC_ACQ_REL) > 0)
                return;
        free(e->type);
        free(e->action);
        free(e->id);
        strmap_deinit(&e->attributes);
        free(e);
}

static json_object *attributes_tree(const struct event *e)
{
        json_object *tree = json_object_new_object();

        for (size_t i = 0; i < e->attributes.count; i++)
                json_set_string(tree, e->attributes.pairs[i].key, e->attributes.pairs[i].value);
        return tree;
}

char *event_format(const struct event *e)
{
        cleanup_json json_object *tree = json_object_new_object();
        json_object *actor = json_object_new_object();

        /* Containers and images keep the fields of the first API versions. */
        if (streq(e->type, "container") || streq(e->type, "image")) {
                json_set_string(tree, "status", e->action);
                if (*e->id)
                        json_set_string(tree, "id", e->id);
                if (streq(e->type, "container") && strmap_get(&e->attributes, "image"))
                        json_set_string(tree, "from", strmap_get(&e->attributes, "image"));
        }
        json_set_string(tree, "Type", e->type);
        json_set_string(tree, "Action", e->action);
        json_set_string(actor, "ID", e->id);
        json_object_object_add(actor, "Attributes", attributes_tree(e));
        json_object_object_add(tree, "Actor", actor);
        json_set_string(tree, "scope", "local");
        json_object_object_add(tree, "time", json_object_new_int64(e->time / NSEC_PER_SEC));
        json_object_object_add(tree, "timeNano", json_object_new_int64(e->time));
        return json_format(tree);
}

/* ---- The database ---- */

static int write_event(struct database *db, int64_t sequence, const struct event *e, struct error *err)
{
        cleanup_json json_object *tree = attributes_tree(e);
        cleanup_free char *attributes = json_format(tree);

        return database_run(db, err, "INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?, ?)", "iissss",
                            sequence, e->time, e->type, e->action, e->id, attributes);
}

/* One statement each: a transaction would span what others write to the one connection meanwhile. */
static void write_batch(struct event_log *log, struct event **events, size_t count, int64_t first)
{
        cleanup_error struct error err = {};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < count; i++)
                r = write_event(log->db, first + (int64_t)i, events[i], &err);
        if (r >= 0 && (first + (int64_t)count) / EVENT_TRIM != first / EVENT_TRIM)
                r = database_run(log->db, &err, "DELETE FROM events WHERE sequence < ?", "i",
                                 first + (int64_t)count - EVENT_KEPT);
        if (r < 0)
                log_warn("events: %s", error_message(&err));
}

/* Drops from the ring what nobody needs any more. */
static void ring_trim(struct event_log *log)
{
        size_t drop = 0;

        while (log->count - drop > EVENT_RING &&
               (log->first + (int64_t)drop < log->unwritten || log->count - drop > EVENT_KEPT))
                event_release(log->ring[drop++]);
        if (drop == 0)
                return;
        log->count -= drop;
        log->first += (int64_t)drop;
        memmove(log->ring, log->ring + drop, log->count * sizeof(*log->ring));
}

static void *writer_thread(void *arg)
{
        struct event_log *log = arg;

        pthread_mutex_lock(&log->lock);
        for (;;) {
                int64_t next = log->first + (int64_t)log->count, from;
                struct event **batch;
                size_t count;

                if (log->unwritten >= next && log->stopping)
                        break;
                if (log->unwritten >= next) {
                        pthread_cond_wait(&log->published, &log->lock);
                        continue;
                }
                from = MAX(log->unwritten, log->first);
                count = (size_t)(next - from);
                batch = xcalloc(count, sizeof(*batch));
                for (size_t i = 0; i < count; i++)
                        batch[i] = (struct event *)event_hold(log->ring[from - log->first + (int64_t)i]);
                pthread_mutex_unlock(&log->lock);
                write_batch(log, batch, count, from);
                for (size_t i = 0; i < count; i++)
                        event_release(batch[i]);
                free(batch);
                pthread_mutex_lock(&log->lock);
                log->unwritten = next;
                ring_trim(log);
        }
        pthread_mutex_unlock(&log->lock);
        return NULL;
}

static int read_last(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        (void)err;
        *(int64_t *)arg = sqlite3_column_int64(stmt, 0) + 1;
        return 0;
}

int event_log_new(struct database *db, struct event_log **ret, struct error *err)
{
        struct event_log *log;
        pthread_attr_t attributes;
        int64_t first = 1;
        int r;

        if (db && (database_exec(db, schema, err) < 0 ||
                   database_query(db, read_last, &first, err, "SELECT ifnull(max(sequence), 0) FROM events",
                                  "") < 0))
                return error_context(err, "events");
        log = xcalloc(1, sizeof(*log));
        log->db = db;
        log->first = log->unwritten = first;
        pthread_mutex_init(&log->lock, NULL);
        pthread_cond_init(&log->published, NULL);
        if (db) {
                pthread_attr_init(&attributes);
                pthread_attr_setstacksize(&attributes, 256 << 10);
                r = pthread_create(&log->writer, &attributes, writer_thread, log);
                pthread_attr_destroy(&attributes);
                if (r != 0) {
                        log->db = NULL;
                        event_log_free(log);
                        return error_errnum(err, r, "events: pthread_create");
                }
        }
        *ret = log;
        return 0;
}

void event_log_free(struct event_log *log)
{
        if (!log)
                return;
        if (log->db) {
                pthread_mutex_lock(&log->lock);
                log->stopping = true;
                pthread_cond_signal(&log->published);
                pthread_mutex_unlock(&log->lock);
                pthread_join(log->writer, NULL);
        }
        for (size_t i = 0; i < log->count; i++)
                event_release(log->ring[i]);
        free(log->ring);
        pthread_mutex_destroy(&log->lock);
        pthread_cond_destroy(&log->published);
        free(log);
}

void event_log_publish(struct event_log *log, const char *type, const char *action, const char *id,
                       const struct strmap *attributes)
{
        struct event *e = event_new(type, action, id, attributes);

        pthread_mutex_lock(&log->lock);
        e->time = time_now();
        ARRAY_APPEND(log->ring, log->count, e);
        for (struct event_subscription *s = log->subscriptions; s; s = s->next)
                event_deliver(s, e);
        if (log->db)
                pthread_cond_signal(&log->published);
        else
                log->unwritten = log->first + (int64_t)log->count;
        ring_trim(log);
        pthread_mutex_unlock(&log->lock);
}
