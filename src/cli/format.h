/* --format and tables: rows of fields, printed as Docker's formatter does - a table with its headers, a Go
 * template for each row, or JSON.
 *
 * A row is a JSON object with all fields of its kind ("ID", "Names", …) as strings. */
#pragma once

#include "cli/command.h"

struct format_field {
        const char *name;   /* "ID" */
        const char *header; /* "CONTAINER ID" */
};

#define CONTAINER_CONTEXT "*formatter.ContainerContext"

struct format_kind {
        const char *type_name;     /* "*formatter.ContainerContext" in complaints */
        const char *default_table; /* "{{.ID}}\t{{.Image}}…" */
        const char *quiet;         /* "{{.ID}}" */
        const struct format_field *fields;
        size_t n_fields;
        /* As template_options.method; gets the row. May be NULL. */
        int (*method)(void *row, const char *name, json_object *const *args, size_t n_args,
                      json_object **ret);
        const char *raw; /* what "raw" stands for; NULL: nothing */
};

struct format;
/* `format`: NULL, "" or "table": the default table; "table TEMPLATE", "json", or a template. `quiet` wins
 * over the default table only. */
int format_open(const struct format_kind *kind, const char *format, bool quiet, struct format **ret,
                struct error *err);
/* Does the output use this field? (Sizes are only asked for when they are shown.) */
bool format_uses(const struct format *f, const char *field);
/* Takes the row over. */
int format_row(struct format *f, json_object *row, struct error *err);
/* Prints the table. Frees in any case. */
int format_close(struct format *f, struct error *err);

/* Columns separated by tabs, at least `least` wide, aligned as Go's tabwriter with 3 blanks between. */
void table_print(const char *text, size_t least, void *file);

/* ---- Words in rows ---- */
char *format_short_id(const char *id, bool full);     /* 12 digits without "sha256:" */
char *format_ellipsis(const char *text, size_t most); /* "sleep 10…"; counts characters */
char *format_ago(int64_t seconds);                    /* "3 minutes ago" */
char *format_labels(json_object *labels);             /* "a=b,c=d" */
/* "2026-01-02 15:04:05 +0000 UTC" in local time. */
char *format_local_time(int64_t seconds);
