#include "build/build-internal.h"

#include "base/time.h"

static void tell_locked(struct build *b, json_object *event)
{
        b->request->progress(b->request->arg, event);
        json_object_put(event);
}

static void tell(struct build *b, json_object *event)
{
        pthread_mutex_lock(&b->telling);
        tell_locked(b, event);
        pthread_mutex_unlock(&b->telling);
}

static json_object *event_of(const struct vertex *v)
{
        json_object *event = json_object_new_object();

        json_object_object_add(event, "vertex", json_object_new_int(v->number));
        return event;
}

static double elapsed(const struct vertex *v)
{
        return (double)(time_monotonic() - v->start) / 1e9;
}

void vertex_begin(struct build *b, struct vertex *ret, const char *format, ...)
{
        cleanup_strbuf struct strbuf name = {};
        json_object *event;
        va_list args;

        va_start(args, format);
        strbuf_vaddf(&name, format, args);
        va_end(args);
        pthread_mutex_lock(&b->telling);
        *ret = (struct vertex){ ++b->vertices, time_monotonic() };
        event = event_of(ret);
        json_set_string(event, "name", name.data);
        tell_locked(b, event);
        pthread_mutex_unlock(&b->telling);
}

void vertex_log(struct build *b, const struct vertex *v, const char *text, size_t len)
{
        json_object *event = event_of(v);
        cleanup_strbuf struct strbuf clean = {};

        /* JSON is UTF-8: what is none is passed on byte by byte as Latin-1. */
        if (utf8_valid(text, len))
                strbuf_add(&clean, text, len);
        else
                for (size_t i = 0; i < len; i++) {
                        unsigned char c = (unsigned char)text[i];

                        if (c >= 0x80)
                                strbuf_addc(&clean, (char)(0xC0 | c >> 6));
                        strbuf_addc(&clean, (char)(c < 0x80 ? c : 0x80 | (c & 0x3F)));
                }
        json_object_object_add(event, "log",
                               json_object_new_string_len(clean.data ? clean.data : "", (int)clean.len));
        json_object_object_add(event, "time", json_object_new_double(elapsed(v)));
        tell(b, event);
}

void vertex_status(struct build *b, const struct vertex *v, const char *format, ...)
{
        cleanup_strbuf struct strbuf text = {};
        json_object *event = event_of(v);
        va_list args;

        va_start(args, format);
        strbuf_vaddf(&text, format, args);
        va_end(args);
        json_set_string(event, "status", text.data);
        tell(b, event);
}

void vertex_explain(struct build *b, const struct vertex *v, const char *text)
{
        json_object *event = event_of(v);

        json_set_string(event, "explain", text);
        tell(b, event);
}

void vertex_cached(struct build *b, const struct vertex *v)
{
        json_object *event = event_of(v);

        json_object_object_add(event, "cached", json_object_new_boolean(true));
        tell(b, event);
}

void vertex_done(struct build *b, const struct vertex *v)
{
        json_object *event = event_of(v);

        json_object_object_add(event, "done", json_object_new_double(elapsed(v)));
        tell(b, event);
}

int vertex_failed(struct build *b, const struct vertex *v, const struct error *err)
{
        json_object *event = event_of(v);

        if (error_is(err, ERROR_CANCELLED))
                json_object_object_add(event, "cancelled", json_object_new_boolean(true));
        else
                json_set_string(event, "error", error_message(err));
        tell(b, event);
        return -1;
}

void build_tell_step(struct build *b, const char *text)
{
        json_object *event = json_object_new_object();

        pthread_mutex_lock(&b->telling);
        json_object_object_add(event, "step", json_object_new_int(++b->step));
        json_object_object_add(event, "steps", json_object_new_int(b->steps));
        json_set_string(event, "text", text);
        tell_locked(b, event);
        pthread_mutex_unlock(&b->telling);
}

static int count_lines(const char *text)
{
        int n = 1;

        for (; *text; text++)
                n += *text == '\n';
        return n;
}

char *source_excerpt(const char *filename, const char *text, struct dockerfile_location where)
{
        int lines = count_lines(text), start = where.start, end = MIN(where.end, lines), pad, around = 0,
            number = 0;
        struct strbuf out = {};

        if (start < 1 || start > lines || end < start)
                return NULL;
        /* A single line shows more around it; what one side lacks, the other gets. */
        pad = end == start ? 4 : 2;
        for (; around < pad; around++) {
                if (start > 1) {
                        start--;
                        around++;
                }
                if (end != lines) {
                        end++;
                        around++;
                }
        }
        strbuf_addf(&out, "%s:%d\n--------------------\n", filename, where.start);
        for (const char *line = text; number < end; line += strcspn(line, "\n"), line += *line == '\n') {
                bool marked = ++number >= where.start && number <= where.end;

                if (number >= start)
                        strbuf_addf(&out, " %3d | %s %.*s\n", number, marked ? ">>>" : "   ",
                                    (int)strcspn(line, "\n"), line);
        }
        strbuf_adds(&out, "--------------------\n");
        return strbuf_take(&out);
}
