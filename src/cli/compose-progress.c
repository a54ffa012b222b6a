#include "cli/compose-progress.h"
#include "base/time.h"
#include "cli/compose.h"
#include "cli/stream.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

struct line {
        char *id, *text, *status;
        enum compose_event_kind kind;
        int64_t begun, ended;
};

struct compose_progress {
        enum { PROGRESS_PLAIN, PROGRESS_TTY, PROGRESS_JSON, PROGRESS_QUIET } mode;
        FILE *out;
        char *title;
        bool dry_run, colour;
        pthread_mutex_t lock;
        struct line *lines;
        size_t count, drawn;
};

struct compose_progress *compose_progress_new(const struct cli *cli, const char *title)
{
        const struct compose_settings *s = compose_settings(cli);
        const char *to_stdout = getenv("COMPOSE_STATUS_STDOUT");
        struct compose_progress *p = xcalloc(1, sizeof(*p));
        bool on = false, terminal;

        if (to_stdout)
                string_to_bool(to_stdout, &on);
        p->out = on ? stdout : stderr;
        terminal = isatty(fileno(p->out));
        p->title = xstrdup(title);
        p->dry_run = s->dry_run;
        pthread_mutex_init(&p->lock, NULL);
        p->colour = (terminal && !streq(s->ansi, "never") && string_empty(getenv("NO_COLOR"))) ||
                    streq(s->ansi, "always");
        if (streq(s->progress, "json"))
                p->mode = PROGRESS_JSON;
        else if (streq(s->progress, "quiet") || streq(s->progress, "none"))
                p->mode = PROGRESS_QUIET;
        else if (streq(s->progress, "tty") ||
                 (!streq(s->progress, "plain") && terminal && !streq(s->ansi, "never") && !p->dry_run))
                p->mode = PROGRESS_TTY;
        return p;
}

bool compose_progress_talks(const struct compose_progress *p)
{
        return p->mode == PROGRESS_PLAIN || p->mode == PROGRESS_TTY;
}

void compose_progress_end(struct compose_progress *p)
{
        pthread_mutex_lock(&p->lock);
        for (size_t i = 0; i < p->count; i++) {
                free(p->lines[i].id);
                free(p->lines[i].text);
                free(p->lines[i].status);
        }
        free(p->lines);
        p->lines = NULL;
        p->count = p->drawn = 0;
        pthread_mutex_unlock(&p->lock);
}

void compose_progress_free(struct compose_progress *p)
{
        if (!p)
                return;
        compose_progress_end(p);
        pthread_mutex_destroy(&p->lock);
        free(p->title);
        free(p);
}

static void print_json(struct compose_progress *p, const struct compose_event *event)
{
        cleanup_json json_object *out = json_object_new_object();
        cleanup_free char *text = NULL;

        if (p->dry_run)
                json_object_object_add(out, "dry-run", json_object_new_boolean(true));
        json_set_string(out, "id", event->id);
        if (*event->text)
                json_set_string(out, "text", event->text);
        if (*event->status)
                json_set_string(out, "status", event->status);
        text = json_format(out);
        fprintf(p->out, "%s\n", text);
}

/* ---- On a terminal ---- */

static struct line *line_of(struct compose_progress *p, const struct compose_event *event)
{
        struct line new = { .id = xstrdup(event->id), .begun = time_monotonic() };

        for (size_t i = 0; i < p->count; i++)
                if (streq(p->lines[i].id, event->id)) {
                        free(new.id);
                        return &p->lines[i];
                }
        ARRAY_APPEND(p->lines, p->count, new);
        return &p->lines[p->count - 1];
}

static void draw_line(struct compose_progress *p, const struct line *l, int id_width, int width)
{
        static const struct {
                const char *mark, *colour;
        } kinds[] = {
                [COMPOSE_EVENT_WORKING] = { "⠿", "\033[34m" },
                [COMPOSE_EVENT_DONE] = { "✔", "\033[32m" },
                [COMPOSE_EVENT_WARNING] = { "!", "\033[33m" },
                [COMPOSE_EVENT_ERROR] = { "✘", "\033[31m" },
        };
        double seconds = (double)((l->ended ? l->ended : time_monotonic()) - l->begun) / 1e9;
        cleanup_free char *said =
            string_format("%s%s%s", l->text, *l->text && *l->status ? " " : "", l->status);
        int room = MAX(width - id_width - 15, 8);

        fprintf(p->out, " %s%s%s %-*s  %s%-*.*s%s %5.1fs\033[K\n", p->colour ? kinds[l->kind].colour : "",
                kinds[l->kind].mark, p->colour ? "\033[0m" : "", id_width, l->id,
                p->colour ? kinds[l->kind].colour : "", MIN(room, 24), room, said, p->colour ? "\033[0m" : "",
                seconds);
}

/* The last lines, as many as the terminal shows. */
static void draw(struct compose_progress *p)
{
        int height = 24, width = 80, id_width = 0;
        size_t done = 0, first;

        (void)terminal_size(&height, &width);
        for (size_t i = 0; i < p->count; i++) {
                done += p->lines[i].kind != COMPOSE_EVENT_WORKING;
                id_width = MAX(id_width, (int)strlen(p->lines[i].id));
        }
        first = p->count > (size_t)MAX(height - 2, 1) ? p->count - (size_t)MAX(height - 2, 1) : 0;
        if (p->drawn)
                fprintf(p->out, "\033[%zuA", p->drawn);
        fprintf(p->out, "\r[+] %s %zu/%zu\033[K\n", p->title, done, p->count);
        for (size_t i = first; i < p->count; i++)
                draw_line(p, &p->lines[i], id_width, width);
        p->drawn = p->count - first + 1;
}

void compose_progress_event(struct compose_progress *p, const struct compose_event *event)
{
        pthread_mutex_lock(&p->lock);
        if (p->mode == PROGRESS_PLAIN) {
                fprintf(p->out, "%s %s %s %s\n", p->dry_run ? " DRY-RUN MODE - " : "", event->id, event->text,
                        event->status);
        } else if (p->mode == PROGRESS_JSON) {
                print_json(p, event);
        } else if (p->mode == PROGRESS_TTY) {
                struct line *l = line_of(p, event);

                replace_string(&l->text, event->text);
                replace_string(&l->status, event->status);
                l->kind = event->kind;
                l->ended = event->kind == COMPOSE_EVENT_WORKING ? 0 : time_monotonic();
                draw(p);
        }
        fflush(p->out);
        pthread_mutex_unlock(&p->lock);
}
