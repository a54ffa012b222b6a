/* Walks the syntax tree over a JSON value. Errors carry the place as Go prints it. */
#include "cli/template-internal.h"
#include "base/json.h"

#include <ctype.h>

/* Templates that call themselves end here. */
#define MAX_CALLS 1000

enum flow { FLOW_NEXT, FLOW_BREAK, FLOW_CONTINUE, FLOW_FAILED };

struct variable {
        const char *name;
        struct value value;
};

struct execution {
        const struct template *template;
        const struct template_options *options;
        json_object *data;
        struct variable *variables;
        size_t n_variables;
        struct strbuf *out;
        struct error *err;
        int calls;
};

static struct value value_copy(const struct value *value)
{
        return (struct value){ json_object_get(value->json), value->member, value->missing };
}

/* Puts the place before the message, as in `template: :1:2: executing "" at <.X>: MESSAGE`. */
static int fail_context(struct execution *e, const struct node *node, const char *message)
{
        const char *text = e->template->text;
        size_t at = node->start, line = 1, column;
        int len = (int)(node->end - node->start);

        /* Go remembers the place of the second member of a chain. */
        if ((node->kind == NODE_FIELD && strv_length(node->names) > 1))
                at += 1 + strlen(node->names[0]);
        else if (node->kind == NODE_VARIABLE && node->names)
                at += strlen(node->text);
        column = at;
        for (size_t i = 0; i < at; i++)
                if (text[i] == '\n') {
                        line++;
                        column = at - i - 1;
                }
        return error_set(e->err, ERROR_INVALID, "template: :%zu:%zu: executing \"\" at <%.*s%s>: %s", line,
                         column, len > 20 ? 20 : len, text + node->start, len > 20 ? "..." : "", message);
}

static int fail_node(struct execution *e, const struct node *node, const char *format, ...)
    PRINTF_FORMAT(3, 4);
static int fail_node(struct execution *e, const struct node *node, const char *format, ...)
{
        cleanup_strbuf struct strbuf message = {};
        va_list args;

        va_start(args, format);
        strbuf_vaddf(&message, format, args);
        va_end(args);
        return fail_context(e, node, message.data);
}

static int call_method(struct execution *e, const struct value *on, const char *name,
                       const struct value *args, size_t n_args, struct value *ret)
{
        cleanup_free json_object **list = xcalloc(n_args, sizeof(*list));
        json_object *result = NULL;

        if (on->json != e->data || !e->options->method)
                return 0;
        for (size_t i = 0; i < n_args; i++)
                list[i] = args[i].json;
        if (e->options->method(e->options->context, name, list, n_args, &result) == 0)
                return 0;
        *ret = (struct value){ .json = result };
        return 1;
}

/* Equal but for case, dots and underscores? */
static bool same_name(const char *go, const char *json)
{
        for (;; go++, json++) {
                json += strspn(json, "._");
                if (tolower((unsigned char)*go) != tolower((unsigned char)*json))
                        return false;
                if (!*go)
                        return true;
        }
}

static int oci_member(const struct value *on, const char *name, struct value *ret)
{
        struct lh_entry *entry;

        lh_foreach (json_object_get_object(on->json), entry)
                if (same_name(name, lh_entry_k(entry))) {
                        *ret =
                            (struct value){ json_object_get((json_object *)lh_entry_v(entry)), name, false };
                        return 1;
                }
        return 0;
}

static int member_of(struct execution *e, const struct node *node, const struct value *on, const char *name,
                     struct value *ret)
{
        json_object *found = NULL;

        if (json_object_is_type(on->json, json_type_object)) {
                if (json_object_object_get_ex(on->json, name, &found)) {
                        *ret = (struct value){ json_object_get(found), value_member_of(on->member, name),
                                               false };
                        return 0;
                }
                if (e->options->flags & TEMPLATE_STRUCTS && value_alias(name) &&
                    json_object_object_get_ex(on->json, value_alias(name), &found)) {
                        *ret = (struct value){ json_object_get(found), name, false };
                        return 0;
                }
                if (e->options->flags & TEMPLATE_OCI && oci_member(on, name, ret))
                        return 0;
                if (call_method(e, on, name, NULL, 0, ret))
                        return 0;
                if (e->options->flags & TEMPLATE_OCI && on->json != e->data) {
                        value_set_string(ret, "", 0); /* Go's types have it, empty */
                        return 0;
                }
                if (value_member_is_map(on->member) || !(e->options->flags & TEMPLATE_STRUCTS)) {
                        *ret = (struct value){ .missing = true };
                        return 0;
                }
                if (!e->options->type_name && value_optional(name, ret))
                        return 0;
                if (e->options->type_name && on->json == e->data)
                        return fail_node(e, node, "can't evaluate field %s in type %s", name,
                                         e->options->type_name);
                return fail_node(e, node, "map has no entry for key \"%s\"", name);
        }
        if (!on->json)
                return fail_node(e, node, "nil pointer evaluating interface {}.%s", name);
        return fail_node(e, node, "can't evaluate field %s in type %s", name,
                         json_object_is_type(on->json, json_type_string) ? "string" : "interface {}");
}

static int follow_members(struct execution *e, const struct node *node, struct value *value, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                struct value next = {};

                if (member_of(e, node, value, node->names[i], &next) < 0)
                        return -1;
                value_drop(value);
                *value = next;
        }
        return 0;
}

static struct variable *find_variable(struct execution *e, const char *name)
{
        for (size_t i = e->n_variables; i > 0; i--)
                if (streq(e->variables[i - 1].name, name))
                        return &e->variables[i - 1];
        return NULL;
}

static int evaluate_pipe(struct execution *e, const struct node *pipe, const struct value *dot,
                         struct value *ret);

/* The value that an operand's members hang on. */
static int evaluate_base(struct execution *e, const struct node *node, const struct value *dot,
                         struct value *ret)
{
        struct variable *variable;

        switch (node->kind) {
        case NODE_VARIABLE:
                variable = find_variable(e, node->text);
                if (!variable)
                        return fail_node(e, node, "undefined variable: %s", node->text);
                *ret = value_copy(&variable->value);
                return 0;
        case NODE_CHAIN:
                return evaluate_pipe(e, node->body, dot, ret);
        case NODE_PIPE:
                return evaluate_pipe(e, node, dot, ret);
        case NODE_LITERAL:
                *ret = (struct value){ .json = json_object_get(node->literal) };
                return 0;
        case NODE_NIL:
                *ret = (struct value){};
                return 0;
        default:
                *ret = value_copy(dot);
                return 0;
        }
}

static int evaluate_command(struct execution *e, const struct node *command, const struct value *dot,
                            const struct value *final, struct value *ret);

static int evaluate_operand(struct execution *e, const struct node *node, const struct value *dot,
                            struct value *ret)
{
        struct value value = {};

        if (node->kind == NODE_FUNCTION) {
                struct node command = { .kind = NODE_COMMAND, .start = node->start, .end = node->end };
                struct node alone = *node;

                alone.next = NULL;
                command.children = &alone;
                return evaluate_command(e, &command, dot, NULL, ret);
        }
        if (evaluate_base(e, node, dot, &value) < 0)
                return -1;
        if (follow_members(e, node, &value, strv_length(node->names)) < 0) {
                value_drop(&value);
                return -1;
        }
        *ret = value;
        return 0;
}

/* and, or: the operands behind the deciding one are not evaluated. */
static int evaluate_logic(struct execution *e, const struct node *command, bool stop_at,
                          const struct value *dot, const struct value *final, struct value *ret)
{
        struct value value = {};

        if (!command->children->next && !final)
                return fail_node(e, command, "wrong number of args for %s: want at least 1 got 0",
                                 command->children->text);
        for (const struct node *operand = command->children->next; operand; operand = operand->next) {
                value_drop(&value);
                if (evaluate_operand(e, operand, dot, &value) < 0)
                        return -1;
                if (value_truth(&value) == stop_at) {
                        *ret = value;
                        return 0;
                }
        }
        if (final) {
                value_drop(&value);
                value = value_copy(final);
        }
        *ret = value;
        return 0;
}

static void drop_all(struct value *values, size_t count)
{
        for (size_t i = 0; i < count; i++)
                value_drop(&values[i]);
        free(values);
}

static int call_with(struct execution *e, const struct node *command, const struct value *dot,
                     struct value *args, size_t n_args, struct value *ret)
{
        const struct node *head = command->children;
        cleanup_error struct error local = {};
        cleanup_value struct value on = {};
        size_t members = strv_length(head->names);

        if (head->kind == NODE_FUNCTION) {
                if (template_function_call(head->text, e->options->flags, args, n_args, ret, &local) == 0)
                        return 0;
                return fail_node(e, command, "%s", error_message(&local));
        }
        if (members == 0)
                return fail_node(e, head, "can't give argument to non-function %.*s",
                                 (int)(head->end - head->start), e->template->text + head->start);
        if (evaluate_base(e, head, dot, &on) < 0 || follow_members(e, head, &on, members - 1) < 0)
                return -1;
        if (call_method(e, &on, head->names[members - 1], args, n_args, ret))
                return 0;
        return fail_node(e, head, "%s has arguments but cannot be invoked as function",
                         head->names[members - 1]);
}

static int evaluate_command(struct execution *e, const struct node *command, const struct value *dot,
                            const struct value *final, struct value *ret)
{
        const struct node *head = command->children;
        struct value *args = NULL;
        size_t n_args = 0;
        int r = 0;

        if (head->kind == NODE_FUNCTION && (streq(head->text, "and") || streq(head->text, "or")))
                return evaluate_logic(e, command, *head->text == 'o', dot, final, ret);
        for (const struct node *operand = head->next; operand && r == 0; operand = operand->next) {
                struct value value = {};

                r = evaluate_operand(e, operand, dot, &value);
                if (r == 0)
                        ARRAY_APPEND(args, n_args, value);
        }
        if (r == 0 && final)
                ARRAY_APPEND(args, n_args, value_copy(final));
        if (r == 0) {
                if (head->kind == NODE_FUNCTION || n_args > 0)
                        r = call_with(e, command, dot, args, n_args, ret);
                else
                        r = evaluate_operand(e, head, dot, ret);
        }
        drop_all(args, n_args);
        return r;
}

static int evaluate_commands(struct execution *e, const struct node *pipe, const struct value *dot,
                             struct value *ret)
{
        struct value value = {};

        for (const struct node *command = pipe->children; command; command = command->next) {
                struct value next = {};
                int r = evaluate_command(e, command, dot, command == pipe->children ? NULL : &value, &next);

                value_drop(&value);
                if (r < 0)
                        return -1;
                value = next;
        }
        *ret = value;
        return 0;
}

static void set_variable(struct execution *e, const char *name, bool assign, const struct value *value)
{
        struct variable *variable = assign ? find_variable(e, name) : NULL;

        if (variable) {
                value_drop(&variable->value);
                variable->value = value_copy(value);
        } else {
                ARRAY_APPEND(e->variables, e->n_variables, ((struct variable){ name, value_copy(value) }));
        }
}

static int evaluate_pipe(struct execution *e, const struct node *pipe, const struct value *dot,
                         struct value *ret)
{
        if (evaluate_commands(e, pipe, dot, ret) < 0)
                return -1;
        for (size_t i = 0; pipe->names && pipe->names[i]; i++)
                set_variable(e, pipe->names[i], pipe->assign, ret);
        return 0;
}

static void pop_variables(struct execution *e, size_t count)
{
        while (e->n_variables > count)
                value_drop(&e->variables[--e->n_variables].value);
}

static enum flow run_list(struct execution *e, const struct node *list, const struct value *dot);

static enum flow run_condition(struct execution *e, const struct node *node, const struct value *dot)
{
        cleanup_value struct value value = {};
        size_t scope = e->n_variables;
        enum flow flow;

        if (evaluate_pipe(e, node->pipe, dot, &value) < 0)
                return FLOW_FAILED;
        if (value_truth(&value))
                flow = run_list(e, node->body, node->kind == NODE_WITH ? &value : dot);
        else
                flow = run_list(e, node->otherwise, dot);
        pop_variables(e, scope);
        return flow;
}

/* One round of a range. `index` and `element` are borrowed. */
static enum flow run_round(struct execution *e, const struct node *node, const struct value *index,
                           const struct value *element)
{
        char **names = node->pipe->names;
        size_t scope = e->n_variables, count = strv_length(names);
        enum flow flow;

        if (count == 2)
                set_variable(e, names[0], node->pipe->assign, index);
        if (count)
                set_variable(e, names[count - 1], node->pipe->assign, element);
        flow = run_list(e, node->body, element);
        pop_variables(e, scope);
        return flow;
}

static enum flow range_object(struct execution *e, const struct node *node, json_object *object,
                              size_t *rounds)
{
        cleanup_strv char **keys = NULL;
        struct lh_entry *entry;

        lh_foreach (json_object_get_object(object), entry)
                strv_append(&keys, lh_entry_k(entry));
        strv_sort(keys);
        for (; keys && keys[*rounds]; (*rounds)++) {
                cleanup_value struct value index = { .json = json_object_new_string(keys[*rounds]) };
                struct value element = { .json = json_get(object, keys[*rounds]) };
                enum flow flow = run_round(e, node, &index, &element);

                if (flow == FLOW_BREAK || flow == FLOW_FAILED)
                        return flow;
        }
        return FLOW_NEXT;
}

static enum flow range_list(struct execution *e, const struct node *node, json_object *list, size_t *rounds)
{
        bool counted = json_object_is_type(list, json_type_int);
        size_t count = counted ? (size_t)MAX(json_object_get_int64(list), 0) : json_object_array_length(list);

        for (; *rounds < count; (*rounds)++) {
                cleanup_value struct value index = { .json = json_object_new_int64((int64_t)*rounds) };
                struct value element = { .json = counted ? index.json
                                                         : json_object_array_get_idx(list, *rounds) };
                enum flow flow = run_round(e, node, &index, &element);

                if (flow == FLOW_BREAK || flow == FLOW_FAILED)
                        return flow;
        }
        return FLOW_NEXT;
}

static enum flow run_range(struct execution *e, const struct node *node, const struct value *dot)
{
        cleanup_value struct value value = {};
        size_t rounds = 0;
        enum flow flow = FLOW_NEXT;

        if (evaluate_commands(e, node->pipe, dot, &value) < 0)
                return FLOW_FAILED;
        if (json_object_is_type(value.json, json_type_object))
                flow = range_object(e, node, value.json, &rounds);
        else if (json_object_is_type(value.json, json_type_array) ||
                 json_object_is_type(value.json, json_type_int))
                flow = range_list(e, node, value.json, &rounds);
        else if (value.json) {
                cleanup_strbuf struct strbuf text = {};

                value_print(&text, &value);
                fail_node(e, node->pipe, "range can't iterate over %s", text.data ? text.data : "");
                return FLOW_FAILED;
        }
        if (flow == FLOW_FAILED)
                return flow;
        return rounds == 0 && flow == FLOW_NEXT ? run_list(e, node->otherwise, dot) : FLOW_NEXT;
}

static enum flow run_call(struct execution *e, const struct node *node, const struct value *dot)
{
        const struct node *body = NULL;
        bool found = false;
        cleanup_value struct value value = {};
        struct execution inner = *e;
        enum flow flow;

        for (size_t i = 0; i < e->template->n_definitions; i++)
                if (streq(e->template->definitions[i].name, node->text)) {
                        body = e->template->definitions[i].body;
                        found = true;
                }
        if (!found || e->calls >= MAX_CALLS) {
                fail_node(e, node,
                          found ? "exceeded maximum template depth (%s)" : "template \"%s\" not defined",
                          found ? "1000" : node->text);
                return FLOW_FAILED;
        }
        if (node->pipe && evaluate_pipe(e, node->pipe, dot, &value) < 0)
                return FLOW_FAILED;
        inner.variables = NULL;
        inner.n_variables = 0;
        inner.calls++;
        set_variable(&inner, "$", false, &value);
        flow = run_list(&inner, body, &value);
        pop_variables(&inner, 0);
        free(inner.variables);
        return flow;
}

static enum flow run_node(struct execution *e, const struct node *node, const struct value *dot)
{
        cleanup_value struct value value = {};

        switch (node->kind) {
        case NODE_TEXT:
                strbuf_adds(e->out, node->text);
                return FLOW_NEXT;
        case NODE_IF:
        case NODE_WITH:
                return run_condition(e, node, dot);
        case NODE_RANGE:
                return run_range(e, node, dot);
        case NODE_TEMPLATE:
                return run_call(e, node, dot);
        case NODE_BREAK:
                return FLOW_BREAK;
        case NODE_CONTINUE:
                return FLOW_CONTINUE;
        default:
                if (evaluate_pipe(e, node->pipe, dot, &value) < 0)
                        return FLOW_FAILED;
                if (!node->pipe->names)
                        value_print(e->out, &value);
                return FLOW_NEXT;
        }
}

static enum flow run_list(struct execution *e, const struct node *list, const struct value *dot)
{
        for (; list; list = list->next) {
                enum flow flow = run_node(e, list, dot);

                if (flow != FLOW_NEXT)
                        return flow;
        }
        return FLOW_NEXT;
}

int template_execute(const struct template *template, json_object *data,
                     const struct template_options *options, struct strbuf *out, struct error *err)
{
        static const struct template_options defaults = {};
        cleanup_error struct error local = {};
        struct value dot = { .json = data };
        struct execution e = { template, options ? options : &defaults, data, NULL, 0, out, &local, 0 };
        enum flow flow;

        set_variable(&e, "$", false, &dot);
        flow = run_list(&e, template->body, &dot);
        pop_variables(&e, 0);
        free(e.variables);
        return flow == FLOW_FAILED ? error_move(err, &local) : 0;
}
