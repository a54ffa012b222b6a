/* man: manual pages in troff, one for each command, from the tables. `make install` calls it. */
#include "base/fd.h"
#include "cli/command.h"

#include <ctype.h>
#include <stdio.h>

/* Text with what troff would take for its own made harmless. */
static void add_text(struct strbuf *b, const char *text)
{
        bool line_start = true;

        for (; *text; text++) {
                if (line_start && (*text == '.' || *text == '\''))
                        strbuf_adds(b, "\\&");
                if (*text == '\\')
                        strbuf_adds(b, "\\e");
                else if (*text == '-')
                        strbuf_adds(b, "\\-");
                else if (*text == '\n')
                        strbuf_adds(b, "\n.br\n");
                else
                        strbuf_addc(b, *text);
                line_start = *text == '\n';
        }
}

static void add_option(struct strbuf *b, const struct option *o)
{
        strbuf_adds(b, ".TP\n");
        if (o->shorthand)
                strbuf_addf(b, "\\fB\\-%c\\fR, ", o->shorthand);
        strbuf_adds(b, "\\fB\\-\\-");
        add_text(b, o->name);
        strbuf_adds(b, "\\fR");
        if (o->type)
                strbuf_addf(b, " \\fI%s\\fR", o->type);
        strbuf_addc(b, '\n');
        add_text(b, o->help);
        if (o->shown_default) {
                strbuf_adds(b, " (default ");
                add_text(b, o->shown_default);
                strbuf_addc(b, ')');
        }
        strbuf_addc(b, '\n');
}

static void add_commands(struct strbuf *b, const struct command *command, const char *page)
{
        strbuf_adds(b, ".SH COMMANDS\n");
        for (size_t i = 0; command->commands[i]; i++) {
                const struct command *c = command->commands[i];

                if (c->hidden)
                        continue;
                strbuf_adds(b, ".TP\n\\fB");
                add_text(b, page);
                strbuf_adds(b, "\\-");
                add_text(b, c->name);
                strbuf_adds(b, "\\fR(1)\n");
                add_text(b, c->summary);
                strbuf_addc(b, '\n');
        }
}

static bool has_options(const struct command *command)
{
        for (size_t i = 0; i < command->n_options; i++)
                if (!command->options[i].hidden)
                        return true;
        return false;
}

/* `page`: "davit-container-rm"; `path`: "davit container rm". */
static char *make_page(const struct command *command, const char *page, const char *path)
{
        cleanup_free char *title = xstrdup(page);
        struct strbuf b = {};

        for (char *p = title; *p; p++)
                *p = (char)toupper((unsigned char)*p);
        strbuf_addf(&b, ".TH \"%s\" \"1\" \"\" \"davit %s\" \"davit\"\n.SH NAME\n", title, DAVIT_VERSION);
        add_text(&b, page);
        strbuf_adds(&b, " \\- ");
        add_text(&b, command->summary);
        strbuf_adds(&b, "\n.SH SYNOPSIS\n\\fB");
        add_text(&b, path);
        strbuf_adds(&b, "\\fR ");
        add_text(&b, command->usage);
        strbuf_addc(&b, '\n');
        if (command->details) {
                strbuf_adds(&b, ".SH DESCRIPTION\n");
                add_text(&b, command->details);
                strbuf_addc(&b, '\n');
        }
        if (has_options(command))
                strbuf_adds(&b, ".SH OPTIONS\n");
        for (size_t i = 0; i < command->n_options; i++)
                if (!command->options[i].hidden)
                        add_option(&b, &command->options[i]);
        if (command->commands)
                add_commands(&b, command, page);
        return strbuf_take(&b);
}

static int write_pages(int dirfd, const struct command *command, const char *page, const char *path,
                       struct error *err)
{
        cleanup_free char *text = make_page(command, page, path), *file = string_format("%s.1", page);

        if (file_replace(dirfd, file, text, strlen(text), 0644, false, err) < 0)
                return -1;
        for (size_t i = 0; command->commands && command->commands[i]; i++) {
                const struct command *c = command->commands[i];
                cleanup_free char *its_page = string_format("%s-%s", page, c->name),
                                  *its_path = string_format("%s %s", path, c->name);

                if (!c->hidden && write_pages(dirfd, c, its_page, its_path, err) < 0)
                        return -1;
        }
        return 0;
}

static int run_man(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_close int dirfd = directory_open(AT_FDCWD, call->args[0], err);

        return dirfd < 0 ? -1 : write_pages(dirfd, &root_command, cli->program, cli->program, err);
}

const struct command man_command = { .name = "man",
                                     .usage = "FOLDER",
                                     .summary = "Write the manual pages into a folder",
                                     .hidden = true,
                                     .min_args = 1,
                                     .max_args = 1,
                                     .run = run_man };
