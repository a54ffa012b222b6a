#include "engine/event.h"
#include "base/fd.h"
#include "base/time.h"
#include "store/database.h"
#include "suite.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

SUITE(event);

static void publish(struct event_log *log, const char *action, const char *name)
{
        cleanup_strmap struct strmap attributes = {};

        strmap_set(&attributes, "name", name);
        strmap_set(&attributes, "image", "busybox:1");
        event_log_publish(log, "container", action, "0123456789", &attributes);
}

/* The actions of all events until `until`, joined. */
static char *collect(struct event_log *log, const struct filters *filters, int64_t since)
{
        struct event_subscription *s = event_subscribe(log, filters, since, time_now());
        struct strbuf b = {};
        const struct event *e;

        while (event_next(s, -1, &e, NULL) > 0) {
                strbuf_addf(&b, "%s%s", b.len ? " " : "", e->action);
                event_release(e);
        }
        event_unsubscribe(s);
        return strbuf_take(&b);
}

TEST(past_and_filters)
{
        static const struct {
                const char *key, *value, *wanted;
        } cases[] = {
                { "event", "start", "start" },
                { "event", "exec_start", "exec_start: ls" },
                { "container", "web", "create start" },
                { "container", "0123", "create start exec_start: ls" },
                { "container", "nope", "" },
                { "type", "volume", "" },
                { "image", "busybox", "create start exec_start: ls" },
                { "image", "busybox:1", "create start exec_start: ls" },
                { "image", "busy", "" },
                { "label", "name=db", "exec_start: ls" },
                { "scope", "swarm", "" },
        };
        struct event_log *log;

        ck_assert_int_eq(event_log_new(NULL, &log, NULL), 0);
        publish(log, "create", "web");
        publish(log, "start", "web");
        publish(log, "exec_start: ls", "db");
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                cleanup_filters struct filters f = {};
                cleanup_free char *got = NULL;

                filters_add(&f, cases[i].key, cases[i].value);
                got = collect(log, &f, 0);
                ck_assert_msg(streq(got, cases[i].wanted), "%s=%s: %s", cases[i].key, cases[i].value, got);
        }
        cleanup_free char *nothing = collect(log, NULL, INT64_MAX);
        ck_assert_str_eq(nothing, "");
        event_log_free(log);
}

TEST(live_and_cancel)
{
        struct event_log *log;
        struct event_subscription *s;
        const struct event *e;
        int pair[2];

        ck_assert_int_eq(event_log_new(NULL, &log, NULL), 0);
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        publish(log, "before", "x");
        s = event_subscribe(log, NULL, INT64_MAX, INT64_MAX);
        ck_assert_uint_eq(event_listeners(log), 1);
        publish(log, "after", "x");
        ck_assert_int_eq(event_next(s, pair[0], &e, NULL), 1);
        ck_assert_str_eq(e->action, "after");
        event_release(e);
        close(pair[1]);
        ck_assert_int_eq(event_next(s, pair[0], &e, NULL), 0);
        close(pair[0]);
        event_unsubscribe(s);
        ck_assert_uint_eq(event_listeners(log), 0);
        event_log_free(log);
}

TEST(format)
{
        struct event_log *log;
        struct event_subscription *s;
        const struct event *e;
        cleanup_free char *text = NULL, *wanted = NULL;

        ck_assert_int_eq(event_log_new(NULL, &log, NULL), 0);
        publish(log, "start", "web");
        s = event_subscribe(log, NULL, 0, time_now());
        ck_assert_int_eq(event_next(s, -1, &e, NULL), 1);
        text = event_format(e);
        wanted = string_format(
            "{\"status\":\"start\",\"id\":\"0123456789\",\"from\":\"busybox:1\",\"Type\":\"container\","
            "\"Action\":\"start\",\"Actor\":{\"ID\":\"0123456789\",\"Attributes\":{\"image\":\"busybox:1\","
            "\"name\":\"web\"}},\"scope\":\"local\",\"time\":%lld,\"timeNano\":%lld}",
            (long long)(e->time / NSEC_PER_SEC), (long long)e->time);
        ck_assert_str_eq(text, wanted);
        event_release(e);
        event_unsubscribe(s);
        event_log_free(log);
}

static void *publisher(void *arg)
{
        for (int i = 0; i < 500; i++)
                publish(arg, "tick", "web");
        return NULL;
}

TEST(kept_over_a_restart)
{
        char path[] = "/tmp/davit-event-XXXXXX";
        cleanup_free char *file = NULL, *got = NULL;
        struct database *db;
        struct event_log *log;
        pthread_t threads[2];
        size_t count = 0;

        ck_assert_ptr_nonnull(mkdtemp(path));
        file = string_format("%s/db", path);
        ck_assert_int_eq(database_open(file, &db, NULL), 0);
        ck_assert_int_eq(event_log_new(db, &log, NULL), 0);
        for (size_t i = 0; i < 2; i++)
                pthread_create(&threads[i], NULL, publisher, log);
        for (size_t i = 0; i < 2; i++)
                pthread_join(threads[i], NULL);
        got = collect(log, NULL, 0);
        for (const char *p = got; (p = strstr(p, "tick")); p += 4)
                count++;
        ck_assert_uint_eq(count, 1000);
        event_log_free(log);
        ck_assert_int_eq(event_log_new(db, &log, NULL), 0);
        publish(log, "last", "web");
        free(got);
        got = collect(log, NULL, 0);
        ck_assert_uint_eq(strlen(got), 1000 * 5 + 4);
        ck_assert(string_ends_with(got, " last"));
        event_log_free(log);
        database_close(db);
        ck_assert_int_eq(tree_remove(AT_FDCWD, path, NULL), 0);
}
