/* Go's text/template over JSON trees, with the functions that Docker adds (json, split, join, title, lower,
 * upper, pad, truncate). Source of the grammar and of the errors: https://pkg.go.dev/text/template.
 *
 * The data is a json_object tree. Docker runs these templates over Go structs, which differ from maps in what
 * a missing member means: TEMPLATE_STRUCTS makes it an error, except below members that are maps in Docker's
 * types (Labels, …). */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <json-c/json.h>

struct template;

enum {
        TEMPLATE_STRUCTS = 1 << 0, /* a missing member is an error and not "<no value>" */
        TEMPLATE_HEADER = 1 << 1,  /* runs over column titles: json, upper, … leave them as they are */
        TEMPLATE_OCI =
            1 << 2, /* the data is OCI's JSON, whose names differ from those of Go's types by case, dots and
                     * underscores (MediaType: mediaType); json prints indented, as with buildx */
};

struct template_options {
        unsigned flags;
        const char *type_name; /* in "can't evaluate field X in type …"; NULL: "map has no entry for key" */
        /* Called for `.Name ARG…` on the top-level value when it has no such member or has arguments. Returns
         * 1 with a new reference, 0 when there is no such method. NULL: none. */
        int (*method)(void *context, const char *name, json_object *const *args, size_t n_args,
                      json_object **ret);
        void *context;
};

/* ERROR_INVALID "template: :LINE: …" on bad syntax. */
int template_compile(const char *text, struct template **ret, struct error *err);
/* Appends the result. ERROR_INVALID "template: :LINE:COLUMN: executing "" at <…>: …"; what was printed before
 * the error stays in `out`, as with Go. */
int template_execute(const struct template *template, json_object *data,
                     const struct template_options *options, struct strbuf *out, struct error *err);
void template_free(struct template *template);
DEFINE_CLEANUP(struct template *, cleanup_template_func, template_free)
#define cleanup_template __attribute__((cleanup(cleanup_template_func)))
