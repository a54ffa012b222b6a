#include "cli/format.h"
#include "base/time.h"
#include "cli/template.h"

#include <stdio.h>
#include <time.h>
#include <wchar.h>

#define COLUMN_MIN 10
#define COLUMN_PAD 3

struct format {
        const struct format_kind *kind;
        struct template *template;
        char *text;
        bool table, json;
        struct strbuf out;
};

static int unescape(const char *text, struct strbuf *out)
{
        /* "\t" and "\n" written as two characters are what people mean. */
        for (; *text; text++) {
                if (text[0] == '\\' && (text[1] == 't' || text[1] == 'n')) {
                        strbuf_addc(out, text[1] == 't' ? '\t' : '\n');
                        text++;
                } else {
                        strbuf_addc(out, *text);
                }
        }
        return 0;
}

/* ps looks into its template before it asks for containers, and says so in words of its own. */
static int complain(const struct format *f, const struct error *why, struct error *err)
{
        bool ps = streq(f->kind->type_name, CONTAINER_CONTEXT);

        return error_set(err, ERROR_INVALID, "%s: %s",
                         ps ? "failed to execute template" : "template parsing error", error_message(why));
}

static int add_header(struct format *f, struct error *err)
{
        cleanup_json json_object *header = json_object_new_object();
        struct template_options options = { .flags = TEMPLATE_STRUCTS | TEMPLATE_HEADER,
                                            .type_name = f->kind->type_name,
                                            .method = f->kind->method };
        cleanup_error struct error why = {};

        for (size_t i = 0; i < f->kind->n_fields; i++)
                json_set_string(header, f->kind->fields[i].name, f->kind->fields[i].header);
        options.context = header;
        /* A template that goes into the values finds nothing to go into in a header. */
        if (template_execute(f->template, header, &options, &f->out, &why) < 0 &&
            strstr(error_message(&why), "can't evaluate field"))
                return complain(f, &why, err);
        strbuf_addc(&f->out, '\n');
        return 0;
}

int format_open(const struct format_kind *kind, const char *format, bool quiet, struct format **ret,
                struct error *err)
{
        struct format *f = xcalloc(1, sizeof(*f));
        cleanup_strbuf struct strbuf text = {};
        const char *own = format ? string_after(format, "table") : NULL;

        f->kind = kind;
        if (string_empty(format) || (own && (!*own || *own == ' '))) {
                own = own ? own + strspn(own, " ") : "";
                if (quiet && !*own) {
                        strbuf_adds(&text, kind->quiet);
                } else {
                        f->table = true;
                        unescape(*own ? own : kind->default_table, &text);
                }
        } else if (streq(format, "json")) {
                f->json = true;
        } else if (streq(format, "raw") && kind->raw) {
                strbuf_adds(&text, kind->raw);
        } else {
                unescape(format, &text);
        }
        f->text = strbuf_take(&text);
        if (!f->json) {
                cleanup_error struct error why = {};

                if (template_compile(f->text, &f->template, &why) < 0) {
                        error_set(err, ERROR_INVALID, "failed to parse template: %s", error_message(&why));
                        format_close(f, NULL);
                        return -1;
                }
        }
        *ret = f;
        return 0;
}

bool format_uses(const struct format *f, const char *field)
{
        cleanup_free char *dotted = string_format(".%s", field);

        return f->json || strstr(f->text, dotted) || strstr(f->text, "json .}");
}

int format_row(struct format *f, json_object *row, struct error *err)
{
        struct template_options options = { .flags = TEMPLATE_STRUCTS,
                                            .type_name = f->kind->type_name,
                                            .method = f->kind->method,
                                            .context = row };
        cleanup_json json_object *owned = row;
        cleanup_error struct error why = {};

        if (f->json) {
                cleanup_free char *line = json_format(row);

                strbuf_addf(&f->out, "%s\n", line);
                return 0;
        }
        if (f->table && !f->out.len && add_header(f, err) < 0)
                return -1;
        if (template_execute(f->template, row, &options, &f->out, &why) < 0)
                return complain(f, &why, err);
        strbuf_addc(&f->out, '\n');
        return 0;
}

int format_close(struct format *f, struct error *err)
{
        int r = 0;

        if (f->template && f->table && !f->out.len && err)
                r = add_header(f, err);
        if (r == 0 && f->out.len) {
                if (f->table)
                        table_print(f->out.data, COLUMN_MIN, stdout);
                else
                        fputs(f->out.data, stdout);
        }
        template_free(f->template);
        strbuf_deinit(&f->out);
        free(f->text);
        free(f);
        return r;
}

/* ---- Tables ---- */

static size_t text_width(const char *text, size_t len)
{
        size_t width = 0;

        for (size_t i = 0; i < len; i++)
                width += (text[i] & 0xc0) != 0x80;
        return width;
}

/* A cell that ends with a tab belongs to a column; a column is a run of consecutive lines that have such a
 * cell there. */
struct cell {
        const char *text;
        size_t len;
        bool tabbed;
};
struct line {
        struct cell *cells;
        size_t n_cells;
};

static size_t column_width(const struct line *lines, size_t count, size_t row, size_t column, size_t least)
{
        size_t first = row, last = row, widest = 0;

        while (first > 0 && lines[first - 1].n_cells > column && lines[first - 1].cells[column].tabbed)
                first--;
        while (last + 1 < count && lines[last + 1].n_cells > column && lines[last + 1].cells[column].tabbed)
                last++;
        for (size_t i = first; i <= last; i++)
                widest = MAX(widest, text_width(lines[i].cells[column].text, lines[i].cells[column].len) +
                                         COLUMN_PAD);
        return MAX(widest, least);
}

void table_print(const char *text, size_t least, void *file)
{
        struct line *lines = NULL;
        size_t count = 0;

        while (*text) {
                struct line line = {};
                const char *end = text + strcspn(text, "\n");

                for (const char *p = text;;) {
                        size_t len = strcspn(p, "\t\n");
                        struct cell cell = { p, len, p[len] == '\t' };

                        ARRAY_APPEND(line.cells, line.n_cells, cell);
                        if (!cell.tabbed)
                                break;
                        p += len + 1;
                }
                ARRAY_APPEND(lines, count, line);
                text = *end ? end + 1 : end;
        }
        for (size_t i = 0; i < count; i++) {
                for (size_t c = 0; c < lines[i].n_cells; c++) {
                        const struct cell *cell = &lines[i].cells[c];
                        size_t width = cell->tabbed ? column_width(lines, count, i, c, least) : 0,
                               own = text_width(cell->text, cell->len);

                        fprintf(file, "%.*s", (int)cell->len, cell->text);
                        if (cell->tabbed)
                                fprintf(file, "%*s", (int)(width - own), "");
                }
                fputc('\n', file);
        }
        for (size_t i = 0; i < count; i++)
                free(lines[i].cells);
        free(lines);
}

/* ---- Words ---- */

char *format_short_id(const char *id, bool full)
{
        const char *hex = id ? string_after(id, "sha256:") : NULL;

        if (full)
                return xstrdup(id ? id : "");
        hex = hex ? hex : id ? id : "";
        return xstrndup(hex, 12);
}

char *format_ellipsis(const char *text, size_t most)
{
        size_t at = 0, characters = 0;

        if (text_width(text, strlen(text)) <= most)
                return xstrdup(text);
        for (; text[at]; at++) {
                if ((text[at] & 0xc0) != 0x80 && characters++ == most - 1)
                        break;
        }
        return string_format("%.*s\xe2\x80\xa6", (int)at, text);
}

char *format_ago(int64_t seconds)
{
        cleanup_free char *age = duration_human(time_now() - seconds * NSEC_PER_SEC);

        return string_format("%s ago", age);
}

char *format_labels(json_object *labels)
{
        struct strbuf b = {};
        struct lh_entry *entry;

        if (json_object_is_type(labels, json_type_object))
                lh_foreach (json_object_get_object(labels), entry)
                        strbuf_addf(&b, "%s%s=%s", b.len ? "," : "", (const char *)lh_entry_k(entry),
                                    json_object_get_string(lh_entry_v(entry)));
        return strbuf_take(&b);
}

char *format_local_time(int64_t seconds)
{
        time_t when = (time_t)seconds;
        struct tm tm;
        char text[80];

        localtime_r(&when, &tm);
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z %Z", &tm);
        return xstrdup(text);
}
