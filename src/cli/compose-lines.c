#include "base/stream.h"
#include "base/time.h"

#include <stdio.h>

#include "cli/compose-lines.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <unistd.h>

struct compose_lines {
        struct compose_lines_options options;
        pthread_mutex_t lock;
        char **names;
        size_t width;
};

struct compose_lines *compose_lines_new(const struct compose_lines_options *options)
{
        struct compose_lines *l = xcalloc(1, sizeof(*l));

        l->options = *options;
        l->names = strv_new();
        pthread_mutex_init(&l->lock, NULL);
        return l;
}

void compose_lines_free(struct compose_lines *l)
{
        if (!l)
                return;
        strv_free(l->names);
        pthread_mutex_destroy(&l->lock);
        free(l);
}

bool compose_lines_colour(const struct cli *cli, bool no_colour)
{
        const struct compose_settings *s = compose_settings(cli);

        if (no_colour || streq(s->ansi, "never"))
                return false;
        return streq(s->ansi, "always") || (isatty(STDOUT_FILENO) && string_empty(getenv("NO_COLOR")));
}

void compose_lines_register(struct compose_lines *l, const char *name)
{
        pthread_mutex_lock(&l->lock);
        if (!strv_contains(l->names, name))
                strv_append(&l->names, name);
        l->width = MAX(l->width, strlen(name));
        pthread_mutex_unlock(&l->lock);
}

static const char *colour_of(const struct compose_lines *l, const char *name)
{
        static const char *const colours[] = { "\033[36m", "\033[33m", "\033[32m", "\033[35m", "\033[34m",
                                               "\033[96m", "\033[93m", "\033[92m", "\033[95m", "\033[94m" };
        size_t index = 0;

        while (l->names[index] && !streq(l->names[index], name))
                index++;
        return colours[index % ARRAY_SIZE(colours)];
}

void compose_lines_print(struct compose_lines *l, const char *name, FILE *out, const char *line)
{
        char stamp[TIME_RFC3339_MAX] = "";

        pthread_mutex_lock(&l->lock);
        if (l->options.timestamps)
                time_format_rfc3339fixed(time_now(), stamp);
        if (l->options.prefix)
                fprintf(out, "%s%-*s | %s", l->options.colour ? colour_of(l, name) : "", (int)l->width + 1,
                        name, l->options.colour ? "\033[0m" : "");
        fprintf(out, "%s%s%s\n", stamp, *stamp ? " " : "", line);
        fflush(out);
        pthread_mutex_unlock(&l->lock);
}

void compose_lines_status(struct compose_lines *l, const char *name, const char *text)
{
        pthread_mutex_lock(&l->lock);
        printf("%s%s%s %s\n", l->options.colour ? colour_of(l, name) : "", name,
               l->options.colour ? "\033[0m" : "", text);
        fflush(stdout);
        pthread_mutex_unlock(&l->lock);
}

static void add_output(struct compose_lines *l, const char *name, FILE *out, struct strbuf *pending,
                       const char *data, size_t len)
{
        char *newline, *start;

        strbuf_add(pending, data, len);
        start = pending->data;
        while (start && (newline = memchr(start, '\n', pending->len - (size_t)(start - pending->data)))) {
                *newline = 0;
                if (newline > start && newline[-1] == '\r')
                        newline[-1] = 0;
                compose_lines_print(l, name, out, start);
                start = newline + 1;
        }
        if (start && start != pending->data) {
                pending->len -= (size_t)(start - pending->data);
                memmove(pending->data, start, pending->len);
        }
}

static void end_output(struct compose_lines *l, const char *name, FILE *out, struct strbuf *pending)
{
        if (pending->len)
                add_output(l, name, out, pending, "\n", 1);
}

int compose_lines_follow(struct compose_lines *l, const char *name, struct stream *s, bool framed, FILE *out,
                         FILE *errors, struct error *err)
{
        struct strbuf pending[2] = {};
        FILE *const files[] = { out, errors };
        char buffer[32768];
        int r = 0;

        for (;;) {
                unsigned char header[8] = { 1 };
                uint32_t left = sizeof(buffer);
                ssize_t n = framed ? stream_read_full(s, header, sizeof(header), err)
                                   : stream_read(s, buffer, sizeof(buffer), err);
                size_t which;

                if (n <= 0 || (framed && n < (ssize_t)sizeof(header))) {
                        r = n < 0 ? -1 : 0;
                        break;
                }
                which = header[0] == 2;
                if (!framed) {
                        add_output(l, name, files[which], &pending[which], buffer, (size_t)n);
                        continue;
                }
                memcpy(&left, header + 4, sizeof(left));
                for (left = ntohl(left); left; left -= (uint32_t)n) {
                        n = stream_read(s, buffer, MIN(sizeof(buffer), (size_t)left), err);
                        if (n <= 0)
                                break;
                        add_output(l, name, files[which], &pending[which], buffer, (size_t)n);
                }
        }
        end_output(l, name, out, &pending[0]);
        end_output(l, name, errors, &pending[1]);
        strbuf_deinit(&pending[0]);
        strbuf_deinit(&pending[1]);
        return r;
}
