/* Substitution: $NAME, ${NAME}, ${NAME:-word} ${NAME-word} ${NAME:?word} ${NAME?word} ${NAME:+word}
 * ${NAME+word}, words nested, $$ for a dollar. Pure. */
#pragma once

#include "base/str.h"

/* Nesting deeper than this is an invalid template. */
#define TEMPLATE_DEPTH_MAX 64
/* What a template may grow to. */
#define TEMPLATE_RESULT_MAX ((size_t)4 << 20)

struct template_rules {
        /* A variable's value, or NULL; borrowed until the next call. */
        const char *(*lookup)(void *context, const char *name);
        /* Told about a variable that is not set and has no default; may be NULL. */
        void (*unset)(void *context, const char *name);
        void *context;
};

enum template_mistake {
        TEMPLATE_INVALID = 1, /* the text is no template */
        TEMPLATE_REQUIRED,    /* a variable that must be there isn't: `err` says which */
};

/* 0: the result, heap; else a template_mistake with `err` set (ERROR_INVALID). */
int template_expand(const struct template_rules *rules, const char *text, char **ret, struct error *err);

struct template_variable {
        char *name, *fallback, *presence;
        bool required;
};
/* The variables that a text names, with their words; appended to `list`. */
void template_variables(const char *text, struct template_variable **list, size_t *count);
void template_variables_free(struct template_variable *list, size_t count);
