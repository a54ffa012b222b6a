/* The syntax tree of a template and what its parser, its interpreter and its functions share. */
#pragma once

#include "cli/template.h"

#include <stdbool.h>

enum node_kind {
        NODE_TEXT,   /* text */
        NODE_ACTION, /* pipe */
        NODE_IF,     /* pipe, body, otherwise */
        NODE_WITH,
        NODE_RANGE,
        NODE_TEMPLATE, /* text (the name), pipe or NULL */
        NODE_BREAK,
        NODE_CONTINUE,
        NODE_PIPE,    /* names (declared variables), assign, children (commands) */
        NODE_COMMAND, /* children (operands) */
        NODE_DOT,
        NODE_NIL,
        NODE_FIELD,    /* names; of the dot */
        NODE_VARIABLE, /* text ("$x"), names */
        NODE_CHAIN,    /* body (a parenthesised pipe), names */
        NODE_FUNCTION, /* text */
        NODE_LITERAL,  /* literal */
};

struct node {
        enum node_kind kind;
        size_t start, end; /* span in the template's text */
        struct node *next; /* the sibling in a list */
        struct node *pipe, *body, *otherwise, *children;
        char *text;
        char **names;
        json_object *literal;
        bool assign;
};

struct definition {
        char *name;
        struct node *body;
};

struct template
{
        char *text;
        struct node *body;
        struct definition *definitions;
        size_t n_definitions;
        struct node **nodes; /* every node, for the destructor */
        size_t n_nodes;
};

/* A value while a template runs: a JSON value and the member name it came from (tells maps from structs). */
struct value {
        json_object *json; /* a reference */
        const char *member;
        bool missing; /* prints as <no value> */
};

static inline void value_drop(struct value *value)
{
        json_object_put(value->json);
        value->json = NULL;
}
#define cleanup_value __attribute__((cleanup(value_drop)))

bool template_function_exists(const char *name);
/* Calls a function; `ret` is a new value. On failure `err` has the message without position. */
int template_function_call(const char *name, unsigned flags, const struct value *args, size_t n_args,
                           struct value *ret, struct error *err);

bool value_truth(const struct value *value);
/* As Go's fmt prints it with %v. */
void value_print(struct strbuf *out, const struct value *value);
/* Is a member of that name a map (and not a struct) in Docker's types? */
/* The name that the JSON has for a member that Docker's type calls otherwise; NULL: the same. */
const char *value_alias(const char *member);
/* A member that may be left out of the JSON; *ret is its zero value. */
bool value_optional(const char *member, struct value *ret);
/* The member's name as the tables of kinds know it. */
const char *value_member_of(const char *parent, const char *name);
bool value_member_is_map(const char *member);

/* What the value prints as; heap. */
char *value_text(const struct value *value);
void value_set_string(struct value *ret, const char *s, size_t len);
void value_set_taken(struct value *ret, struct strbuf *b); /* empties the buffer */
void value_set_bool(struct value *ret, bool value);
/* "string", "int64", … as Go names the type. */
const char *value_type_name(json_object *in);
int template_printf(const struct value *args, size_t n_args, struct value *ret, struct error *err);
