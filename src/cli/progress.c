#include "cli/progress.h"
#include "base/time.h"
#include "base/units.h"

#include <sys/ioctl.h>
#include <unistd.h>

#define BAR_WIDTH 50
#define WIDTH_UNKNOWN 200
#define WIDTH_OF_BAR 110 /* a narrower terminal shows the numbers alone */

struct screen {
        FILE *out;
        bool terminal;
        int width;
        char **ids; /* lines that are drawn in place, from the top */
};

/* ---- Bars ---- */

static void add_times(struct strbuf *b, char c, int count)
{
        for (; count > 0; count--)
                strbuf_addc(b, c);
}

static void add_numbers(struct strbuf *b, json_object *detail, int64_t current, int64_t total)
{
        const char *units = json_get_string(detail, "units");

        if (json_get_bool(detail, "hidecounts"))
                return;
        if (string_empty(units)) {
                cleanup_free char *done = size_format((double)current, 4),
                                  *all = size_format((double)total, 4);

                if (total <= 0 || current > total)
                        strbuf_addf(b, "%8s", done);
                else
                        strbuf_addf(b, "%8s/%s", done, all);
        } else if (total <= 0 || current > total) {
                strbuf_addf(b, "%lld %s", (long long)current, units);
        } else {
                strbuf_addf(b, "%lld/%lld %s", (long long)current, (long long)total, units);
        }
}

char *progress_bar(json_object *detail, int width, int64_t now)
{
        int64_t current = json_get_int64(detail, "current", 0), total = json_get_int64(detail, "total", 0);
        int64_t start = json_get_int64(detail, "start", 0);
        struct strbuf b = {};
        int done;

        if (current <= 0 && total <= 0)
                return xstrdup("");
        if (total <= 0) {
                add_numbers(&b, detail, current, total);
                return strbuf_take(&b);
        }
        done = (int)((double)current / (double)total * 100) / 2;
        done = MIN(done, BAR_WIDTH);
        if (width > WIDTH_OF_BAR) {
                strbuf_addc(&b, '[');
                add_times(&b, '=', done);
                strbuf_addc(&b, '>');
                add_times(&b, ' ', BAR_WIDTH - done);
                strbuf_adds(&b, "] ");
        }
        add_numbers(&b, detail, current, total);
        if (current > 0 && start > 0 && done < BAR_WIDTH && width > BAR_WIDTH) {
                int64_t left = (int64_t)((double)(total - current) * (double)(now - start) / (double)current);
                cleanup_free char *text = duration_format(left * NSEC_PER_SEC);

                strbuf_addf(&b, " %s", text);
        }
        return strbuf_take(&b);
}

/* ---- Messages ---- */

static void show(const struct screen *s, json_object *message, const char *bar)
{
        const char *stream = json_get_string(message, "stream"), *status = json_get_string(message, "status");
        const char *id = json_get_string(message, "id");
        bool in_place = s->terminal && string_empty(stream) && bar;

        if (in_place)
                fputs("\033[2K\r", s->out);
        else if (!string_empty(bar))
                return;
        if (!string_empty(id))
                fprintf(s->out, "%s: ", id);
        if (in_place)
                fprintf(s->out, "%s %s\r", status ? status : "", bar);
        else if (!string_empty(stream))
                fputs(stream, s->out);
        else
                fprintf(s->out, "%s\n", status ? status : "");
}

/* The lines between the cursor and the line of `id`, which is made when it isn't there. */
static size_t line_of(struct screen *s, const char *id)
{
        size_t count = strv_length(s->ids);

        for (size_t i = 0; i < count; i++)
                if (streq(s->ids[i], id))
                        return count - i;
        strv_append(&s->ids, id);
        if (s->terminal)
                fputc('\n', s->out);
        return 1;
}

static void place(struct screen *s, json_object *message)
{
        const char *id = json_get_string(message, "id");
        json_object *detail = json_get(message, "progressDetail");
        cleanup_free char *bar = detail ? progress_bar(detail, s->width, time_now() / NSEC_PER_SEC) : NULL;
        size_t up = 0;

        if (!string_empty(id) && detail) {
                up = line_of(s, id);
                if (s->terminal)
                        fprintf(s->out, "\033[%zuA", up);
        } else {
                /* Other output has scrolled the lines away. */
                strv_free(s->ids);
                s->ids = NULL;
        }
        show(s, message, bar);
        if (s->terminal && up)
                fprintf(s->out, "\033[%zuB", up);
        fflush(s->out);
}

static int message_error(json_object *message, struct error *err)
{
        json_object *detail = json_get(message, "errorDetail");
        const char *text = json_get_string(detail, "message");

        if (string_empty(text))
                text = json_get_string(message, "error");
        if (!text)
                return 0;
        if (json_get_int64(detail, "code", 0) == 401)
                return error_set(err, ERROR_UNAUTHORIZED, "authentication is required");
        return error_set(err, ERROR_SYSTEM, "%s", text);
}

int progress_show(struct client_stream *s, FILE *out, void (*aux)(void *context, json_object *data),
                  void *context, struct error *err)
{
        struct screen screen = { .out = out, .terminal = out && isatty(fileno(out)), .width = WIDTH_UNKNOWN };
        cleanup_strbuf struct strbuf pending = {};
        struct winsize size;
        int r;

        if (screen.terminal && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
                screen.width = size.ws_col;
        for (;;) {
                cleanup_json json_object *message = NULL;
                json_object *data;

                r = client_stream_json(s, &pending, &message, err);
                if (r <= 0)
                        break;
                data = json_get(message, "aux");
                if (data) {
                        if (aux)
                                aux(context, data);
                        continue;
                }
                r = message_error(message, err);
                if (r < 0)
                        break;
                if (out)
                        place(&screen, message);
        }
        strv_free(screen.ids);
        return r;
}
