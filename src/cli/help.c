/* --help, laid out as Docker's: options in a column, their texts wrapped to the terminal. */
#include "cli/command.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEFAULT_WIDTH 80

static size_t terminal_width(void)
{
        struct winsize size;

        return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : DEFAULT_WIDTH;
}

/* How much of the text comes before the next break, as pflag wraps: at white space before column `width`,
 * `SLOP` further when that takes all of it; a line end in the text breaks as well. */
#define SLOP 5
#define ROOM_MIN 24

static size_t break_at(const char *text, size_t width)
{
        size_t len = strlen(text), at = 0, line_end = 0;

        if (width + SLOP > len)
                return len;
        for (size_t i = 0; i < width; i++) {
                if (text[i] == ' ' || text[i] == '\n')
                        at = i;
                if (text[i] == '\n')
                        line_end = i;
        }
        if (!at)
                return len;
        return line_end ? line_end : at;
}

/* Continues lines at column `indent`. */
static void print_wrapped(FILE *f, const char *text, size_t indent, size_t width)
{
        size_t room = width > indent + ROOM_MIN ? width - indent - SLOP : 0;

        for (;;) {
                size_t n = room ? break_at(text, room) : strlen(text);

                for (const char *p = text; p < text + n; p++) {
                        fputc(*p, f);
                        if (*p == '\n')
                                fprintf(f, "%*s", (int)indent, "");
                }
                fputc('\n', f);
                text += n;
                if (!*text)
                        return;
                text++;
                fprintf(f, "%*s", (int)indent, "");
        }
}

static char *left_side(const struct option *o)
{
        struct strbuf b = {};

        if (o->shorthand)
                strbuf_addf(&b, "  -%c, --%s", o->shorthand, o->name);
        else
                strbuf_addf(&b, "      --%s", o->name);
        if (o->type)
                strbuf_addf(&b, " %s", o->type);
        return strbuf_take(&b);
}

static int compare_options(const void *a, const void *b)
{
        return strcmp((*(const struct option *const *)a)->name, (*(const struct option *const *)b)->name);
}

static void print_options(FILE *f, const struct command *command, const char *heading)
{
        cleanup_free const struct option **sorted = xcalloc(command->n_options + 1, sizeof(*sorted));
        size_t count = 0, widest = 0, width = terminal_width() - 1;

        for (size_t i = 0; i < command->n_options; i++)
                if (!command->options[i].hidden) {
                        cleanup_free char *left = left_side(&command->options[i]);

                        sorted[count++] = &command->options[i];
                        widest = MAX(widest, strlen(left));
                }
        if (!count)
                return;
        qsort(sorted, count, sizeof(*sorted), compare_options);
        fprintf(f, "\n%s:\n", heading);
        for (size_t i = 0; i < count; i++) {
                cleanup_free char *left = left_side(sorted[i]), *text = NULL;

                text = sorted[i]->shown_default
                           ? string_format("%s (default %s)", sorted[i]->help, sorted[i]->shown_default)
                           : xstrdup(sorted[i]->help);
                fprintf(f, "%-*s   ", (int)widest, left);
                print_wrapped(f, text, widest + 3, width);
        }
}

static void print_commands(FILE *f, const struct command *command, const char *group, const char *heading)
{
        size_t widest = 0;
        bool any = false;

        for (size_t i = 0; command->commands && command->commands[i]; i++)
                if (!command->commands[i]->hidden)
                        widest = MAX(widest, strlen(command->commands[i]->name));
        for (size_t i = 0; command->commands && command->commands[i]; i++) {
                const struct command *c = command->commands[i];

                if (c->hidden || (group && !streq(c->group, group)))
                        continue;
                if (!any)
                        fprintf(f, "\n%s:\n", heading);
                any = true;
                fprintf(f, "  %-*s %s\n", (int)MAX(widest, (size_t)11), c->name, c->summary);
        }
}

static void print_aliases(FILE *f, const struct command *command, const char *path)
{
        cleanup_strv char **names = command->aliases ? strv_split(command->aliases, ',') : NULL;
        int program = (int)strcspn(path, " ");

        if (!names)
                return;
        fprintf(f, "\nAliases:\n  ");
        for (size_t i = 0; names[i]; i++)
                fprintf(f, "%s%.*s %s", i ? ", " : "", program, path, names[i] + strspn(names[i], " "));
        fprintf(f, "\n");
}

void command_help(const struct command *command, const char *path, void *file)
{
        static const char *const groups[] = { "Common Commands", "Management Commands", "Commands" };
        FILE *f = file;

        fprintf(f, "Usage:  %s%s%s\n\n%s\n", path, *command->usage ? " " : "", command->usage,
                command->details ? command->details : command->summary);
        print_aliases(f, command, path);
        if (command == &root_command) {
                for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
                        print_commands(f, command, groups[i], groups[i]);
                print_options(f, command, "Global Options");
                fprintf(f, "\nRun '%s COMMAND --help' for more information on a command.\n", path);
                return;
        }
        print_options(f, command, "Options");
        print_commands(f, command, NULL, "Commands");
        if (command->commands)
                fprintf(f, "\nRun '%s COMMAND --help' for more information on a command.\n", path);
}
