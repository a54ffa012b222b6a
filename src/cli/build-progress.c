/* Progress on standard error: the plain format, lines that begin with the number of what they belong to; or
 * rawjson, BuildKit's messages, one a line.
 *
 * In the plain format one vertex is current: what it says is printed at once. What others say meanwhile waits
 * until the current one ends, falls silent or has had its time. */
#include "cli/build.h"

#include "base/base64.h"
#include "base/sha256.h"
#include "base/time.h"

#include <stdio.h>

#define SILENCE_MAX (1 * NSEC_PER_SEC) /* of the current vertex, while another has something to say */
#define TURN_MAX (5 * NSEC_PER_SEC)

struct shown_vertex {
        int number;
        char *name;
        char *why; /* it ran: for --explain */
        bool cached;
        char *end; /* how it ended; NULL: it goes on */
        bool failed;
        struct strbuf line; /* unfinished */
        double line_time;
        char **waiting;     /* lines that were not printed yet */
        struct strbuf logs; /* what it wrote, for the end */
        char digest[72];    /* of rawjson */
        char started[TIME_RFC3339_MAX];
};

struct build_printer {
        bool quiet, raw;
        struct shown_vertex *list;
        size_t count;
        int current;         /* 0: none */
        int64_t turn, spoke; /* when the current one began and last said something */
};

struct build_printer *build_printer_new(bool quiet, bool raw)
{
        struct build_printer *p = xcalloc(1, sizeof(*p));

        p->quiet = quiet || raw;
        p->raw = raw;
        quiet = p->quiet;
        if (!quiet)
                fputs("#0 building with \"default\" instance using davit driver\n", stderr);
        return p;
}

void build_printer_free(struct build_printer *p)
{
        if (!p)
                return;
        for (size_t i = 0; i < p->count; i++) {
                free(p->list[i].name);
                free(p->list[i].end);
                free(p->list[i].why);
                strv_free(p->list[i].waiting);
                strbuf_deinit(&p->list[i].line);
                strbuf_deinit(&p->list[i].logs);
        }
        free(p->list);
        free(p);
}

static struct shown_vertex *find(struct build_printer *p, int number)
{
        for (size_t i = p->count; i > 0; i--)
                if (p->list[i - 1].number == number)
                        return &p->list[i - 1];
        return NULL;
}

/* Makes it the current one. */
static void begin_turn(struct build_printer *p, struct shown_vertex *v)
{
        const struct shown_vertex *before = find(p, p->current);

        if (before)
                fprintf(stderr, "#%d ...\n", before->number);
        fprintf(stderr, "\n#%d %s\n", v->number, v->name);
        p->current = v->number;
        p->turn = p->spoke = time_monotonic();
}

static bool may_speak(const struct build_printer *p, const struct shown_vertex *v)
{
        int64_t now = time_monotonic();

        return p->current == 0 || p->current == v->number || v->end || now - p->spoke > SILENCE_MAX ||
               now - p->turn > TURN_MAX;
}

/* Prints what waits, when it is its turn. */
static void speak(struct build_printer *p, struct shown_vertex *v)
{
        if (p->quiet)
                strv_free(take_ptr(v->waiting));
        if (p->quiet || !may_speak(p, v))
                return;
        if (p->current != v->number)
                begin_turn(p, v);
        for (char **line = v->waiting; line && *line; line++)
                fprintf(stderr, "#%d %s\n", v->number, *line);
        strv_free(take_ptr(v->waiting));
        p->spoke = time_monotonic();
        if (!v->end)
                return;
        fprintf(stderr, "#%d %s\n", v->number, v->end);
        p->current = 0;
}

static void end_line(struct shown_vertex *v)
{
        char *line = string_format("%.3f %s", v->line_time, v->line.data ? v->line.data : "");

        strbuf_addf(&v->logs, "%s\n", line);
        strv_append_take(&v->waiting, line);
        strbuf_clear(&v->line);
}

static void add_log(struct shown_vertex *v, const char *text, double time)
{
        for (; *text; text++) {
                if (v->line.len == 0)
                        v->line_time = time;
                if (*text == '\n')
                        end_line(v);
                else
                        strbuf_addc(&v->line, *text);
        }
}

/* Takes `how`. */
static void end(struct shown_vertex *v, char *how)
{
        if (v->line.len)
                end_line(v);
        v->end = how;
}

/* ---- rawjson ---- */

/* {"KIND":[ITEM]} */
static void print_raw(const char *kind, json_object *item)
{
        cleanup_json json_object *message = json_object_new_object();
        json_object *list = json_object_new_array();
        cleanup_free char *text = NULL;

        json_object_array_add(list, item);
        json_object_object_add(message, kind, list);
        text = json_format(message);
        fprintf(stderr, "%s\n", text);
}

static json_object *raw_vertex(const struct shown_vertex *v)
{
        json_object *o = json_object_new_object();

        json_set_string(o, "digest", v->digest);
        json_set_string(o, "name", v->name);
        json_set_string(o, "started", v->started);
        return o;
}

static void print_raw_text(const struct shown_vertex *v, const char *log, const char *status, const char *now)
{
        json_object *o = json_object_new_object();

        if (log) {
                cleanup_free char *data = base64_encode(log, strlen(log), false);

                json_set_string(o, "vertex", v->digest);
                json_object_object_add(o, "stream", json_object_new_int(1));
                json_set_string(o, "data", data);
        } else {
                json_set_string(o, "id", status);
                json_set_string(o, "vertex", v->digest);
                json_object_object_add(o, "current", json_object_new_int(0));
                json_set_string(o, "started", v->started);
        }
        json_set_string(o, "timestamp", now);
        print_raw(log ? "logs" : "statuses", o);
}

static void raw_event(struct shown_vertex *v, json_object *event)
{
        const char *log = json_get_string(event, "log"), *status = json_get_string(event, "status"),
                   *error = json_get_string(event, "error");
        char now[TIME_RFC3339_MAX];
        json_object *o;

        time_format_rfc3339nano(time_now(), now);
        if (log || status) {
                print_raw_text(v, log, status, now);
                return;
        }
        if (json_get_string(event, "name")) {
                cleanup_free char *id = string_format("%d %s", v->number, v->name);
                char hex[65];

                sha256_hex(id, strlen(id), hex);
                snprintf(v->digest, sizeof(v->digest), "sha256:%s", hex);
                memcpy(v->started, now, sizeof(now));
                print_raw("vertexes", raw_vertex(v));
                return;
        }
        o = raw_vertex(v);
        json_set_string(o, "completed", now);
        if (json_get_bool(event, "cached"))
                json_object_object_add(o, "cached", json_object_new_boolean(true));
        if (error)
                json_set_string(o, "error", error);
        print_raw("vertexes", o);
}

void build_printer_event(struct build_printer *p, json_object *event)
{
        int number = (int)json_get_int64(event, "vertex", 0);
        const char *name = json_get_string(event, "name"), *log = json_get_string(event, "log"),
                   *status = json_get_string(event, "status"), *error = json_get_string(event, "error"),
                   *why = json_get_string(event, "explain");
        struct shown_vertex *v = find(p, number);
        json_object *seconds;

        if (name) {
                struct shown_vertex new = { .number = number, .name = xstrdup(name) };

                ARRAY_APPEND(p->list, p->count, new);
                v = &p->list[p->count - 1];
                if (p->raw)
                        raw_event(v, event);
                if (p->current || p->raw)
                        return;
        } else if (!v || v->end) {
                return; /* the classic builder's steps */
        } else if (log) {
                add_log(v, log, json_object_get_double(json_get(event, "time")));
        } else if (status) {
                strv_append(&v->waiting, status);
        } else if (why) {
                v->why = xstrdup(why);
                return;
        } else if (error) {
                v->failed = true;
                end(v, string_format("ERROR: %s", error));
        } else if (json_get_bool(event, "cancelled")) {
                end(v, xstrdup("CANCELED"));
        } else if (json_get_bool(event, "cached")) {
                v->cached = true;
                end(v, xstrdup("CACHED"));
        } else if ((seconds = json_get(event, "done"))) {
                end(v, string_format("DONE %.1fs", json_object_get_double(seconds)));
        }
        if (p->raw)
                raw_event(v, event);
        else
                speak(p, v);
}

void build_printer_failures(struct build_printer *p)
{
        for (size_t i = 0; i < p->count && !p->quiet; i++)
                if (p->list[i].failed)
                        fprintf(stderr, "------\n > %s:\n%s------\n", p->list[i].name,
                                p->list[i].logs.data ? p->list[i].logs.data : "");
}

void build_printer_explain(const struct build_printer *p)
{
        fputs("\nWhy each step ran:\n", stderr);
        for (size_t i = 0; i < p->count; i++) {
                const struct shown_vertex *v = &p->list[i];

                if (v->why)
                        fprintf(stderr, " #%d %s\n      ran, because %s\n", v->number, v->name, v->why);
                else if (v->cached)
                        fprintf(stderr, " #%d %s\n      cached: nothing that it depends on changed\n",
                                v->number, v->name);
        }
}
