/* The plain format of progress, on standard error: lines that begin with the number of what they belong to.
 */
#include "cli/build.h"

#include <stdio.h>

struct shown_vertex {
        int number;
        char *name;
        bool ended, failed;
        struct strbuf line; /* unfinished */
        double line_time;
        struct strbuf logs; /* what it wrote, for the end */
};

struct build_printer {
        bool quiet;
        struct shown_vertex *list;
        size_t count;
};

struct build_printer *build_printer_new(bool quiet)
{
        struct build_printer *p = xcalloc(1, sizeof(*p));

        p->quiet = quiet;
        if (!quiet)
                fputs("#0 building with \"default\" instance using davit driver\n\n", stderr);
        return p;
}

void build_printer_free(struct build_printer *p)
{
        if (!p)
                return;
        for (size_t i = 0; i < p->count; i++) {
                free(p->list[i].name);
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

static void end_line(struct build_printer *p, struct shown_vertex *v)
{
        if (!p->quiet)
                fprintf(stderr, "#%d %.3f %s\n", v->number, v->line_time, v->line.data ? v->line.data : "");
        strbuf_addf(&v->logs, "%.3f %s\n", v->line_time, v->line.data ? v->line.data : "");
        strbuf_clear(&v->line);
}

static void add_log(struct build_printer *p, struct shown_vertex *v, const char *text, double time)
{
        for (; *text; text++) {
                if (v->line.len == 0)
                        v->line_time = time;
                if (*text == '\n')
                        end_line(p, v);
                else
                        strbuf_addc(&v->line, *text);
        }
}

static void end(struct build_printer *p, struct shown_vertex *v, const char *how)
{
        if (v->line.len)
                end_line(p, v);
        v->ended = true;
        if (!p->quiet)
                fprintf(stderr, "#%d %s\n\n", v->number, how);
}

void build_printer_event(struct build_printer *p, json_object *event)
{
        int number = (int)json_get_int64(event, "vertex", 0);
        const char *name = json_get_string(event, "name"), *log = json_get_string(event, "log"),
                   *status = json_get_string(event, "status"), *error = json_get_string(event, "error");
        struct shown_vertex *v = find(p, number);
        json_object *seconds;

        if (name) {
                struct shown_vertex new = { .number = number, .name = xstrdup(name) };

                ARRAY_APPEND(p->list, p->count, new);
                if (!p->quiet)
                        fprintf(stderr, "#%d %s\n", number, name);
        } else if (!v) {
                return; /* the classic builder's steps */
        } else if (log) {
                add_log(p, v, log, json_object_get_double(json_get(event, "time")));
        } else if (status && !p->quiet) {
                fprintf(stderr, "#%d %s\n", number, status);
        } else if (error) {
                cleanup_free char *how = string_format("ERROR: %s", error);

                v->failed = true;
                if (v->line.len)
                        end_line(p, v);
                if (!p->quiet)
                        fprintf(stderr, "#%d %s\n", number, how);
        } else if (json_get_bool(event, "cached")) {
                end(p, v, "CACHED");
        } else if ((seconds = json_get(event, "done"))) {
                cleanup_free char *how = string_format("DONE %.1fs", json_object_get_double(seconds));

                end(p, v, how);
        }
}

void build_printer_failures(struct build_printer *p)
{
        for (size_t i = 0; i < p->count && !p->quiet; i++)
                if (p->list[i].failed)
                        fprintf(stderr, "------\n > %s:\n%s------\n", p->list[i].name,
                                p->list[i].logs.data ? p->list[i].logs.data : "");
}
