/* Text to syntax tree: one recursive descent over the characters; text outside {{ }} becomes NODE_TEXT. */
#include "cli/template-internal.h"

#include <ctype.h>

/* Nesting deeper than this is a mistake or an attack. */
#define MAX_DEPTH 100

struct parser {
        struct template *template;
        const char *text;
        size_t at;
        int depth;
        char **variables; /* names in scope, "$" first */
        struct error *err;
};

static int fail_at(struct parser *p, size_t where, const char *format, ...) PRINTF_FORMAT(3, 4);
static int fail_at(struct parser *p, size_t where, const char *format, ...)
{
        cleanup_strbuf struct strbuf message = {};
        int line = 1;
        va_list args;

        for (size_t i = 0; i < where; i++)
                line += p->text[i] == '\n';
        va_start(args, format);
        strbuf_vaddf(&message, format, args);
        va_end(args);
        return error_set(p->err, ERROR_INVALID, "template: :%d: %s", line, message.data);
}

static struct node *node_new(struct parser *p, enum node_kind kind, size_t start)
{
        struct node *node = xcalloc(1, sizeof(*node));

        node->kind = kind;
        node->start = start;
        ARRAY_APPEND(p->template->nodes, p->template->n_nodes, node);
        return node;
}

static bool at_text(const struct parser *p, const char *s)
{
        return strncmp(p->text + p->at, s, strlen(s)) == 0;
}

static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_space(struct parser *p)
{
        while (is_space(p->text[p->at]))
                p->at++;
}

/* "}}", or " -}}". Does not consume. */
static bool at_close(struct parser *p)
{
        size_t at = p->at;

        if (at_text(p, "}}"))
                return true;
        return p->text[at] == '-' && p->text[at + 1] == '}' && p->text[at + 2] == '}' && at > 0 &&
               is_space(p->text[at - 1]);
}

/* Consumes the end of an action and, after a trim marker, the white space of the text behind it. */
static int parse_close(struct parser *p)
{
        skip_space(p);
        if (!p->text[p->at])
                return fail_at(p, p->at, "unclosed action");
        if (!at_close(p))
                return fail_at(p, p->at, "unexpected \"%.20s\" in operand", p->text + p->at);
        if (p->text[p->at] == '-') {
                p->at += 3;
                skip_space(p);
        } else {
                p->at += 2;
        }
        return 0;
}

static bool is_word(char c)
{
        return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static char *take_word(struct parser *p)
{
        size_t start = p->at;

        while (is_word(p->text[p->at]))
                p->at++;
        return xstrndup(p->text + start, p->at - start);
}

static int add_utf8(struct strbuf *b, unsigned long rune)
{
        if (rune < 0x80) {
                strbuf_addc(b, (char)rune);
        } else if (rune < 0x800) {
                strbuf_addf(b, "%c%c", (int)(0xc0 | rune >> 6), (int)(0x80 | (rune & 0x3f)));
        } else if (rune < 0x10000) {
                strbuf_addf(b, "%c%c%c", (int)(0xe0 | rune >> 12), (int)(0x80 | (rune >> 6 & 0x3f)),
                            (int)(0x80 | (rune & 0x3f)));
        } else if (rune < 0x110000) {
                strbuf_addf(b, "%c%c%c%c", (int)(0xf0 | rune >> 18), (int)(0x80 | (rune >> 12 & 0x3f)),
                            (int)(0x80 | (rune >> 6 & 0x3f)), (int)(0x80 | (rune & 0x3f)));
        } else {
                return -1;
        }
        return 0;
}

/* The value of one escape behind a backslash (Go's string literals). */
static int parse_escape(struct parser *p, struct strbuf *b)
{
        static const char letters[] = "abfnrtv\\\"'", values[] = "\a\b\f\n\r\t\v\\\"'";
        char c = p->text[p->at++];
        const char *found = c ? strchr(letters, c) : NULL;
        int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : c >= '0' && c <= '7' ? 3 : 0;
        int base = c >= '0' && c <= '7' ? 8 : 16;
        char number[9] = "";

        if (found) {
                strbuf_addc(b, values[found - letters]);
                return 0;
        }
        if (!digits)
                return -1;
        if (base == 8)
                p->at--;
        for (int i = 0; i < digits; i++) {
                number[i] = p->text[p->at++];
                if (!(base == 8 ? number[i] >= '0' && number[i] <= '7' : isxdigit((unsigned char)number[i])))
                        return -1;
        }
        if (c == 'u' || c == 'U')
                return add_utf8(b, strtoul(number, NULL, base));
        strbuf_addc(b, (char)strtoul(number, NULL, base));
        return 0;
}

static int parse_string(struct parser *p, json_object **ret)
{
        cleanup_strbuf struct strbuf b = {};
        size_t start = p->at;
        char quote = p->text[p->at++];

        for (;;) {
                char c = p->text[p->at++];

                if (!c || (c == '\n' && quote != '`')) {
                        p->at--;
                        return fail_at(p, start,
                                       quote == '\''  ? "unterminated character constant"
                                       : quote == '`' ? "unterminated raw quoted string"
                                                      : "unterminated quoted string");
                }
                if (c == quote)
                        break;
                if (c != '\\' || quote == '`')
                        strbuf_addc(&b, c);
                else if (parse_escape(p, &b) < 0)
                        return fail_at(p, start, "invalid syntax");
        }
        if (quote == '\'')
                *ret = json_object_new_int(b.len ? (unsigned char)b.data[0] : 0);
        else
                *ret = json_object_new_string_len(b.data ? b.data : "", (int)b.len);
        return 0;
}

static int parse_number(struct parser *p, json_object **ret)
{
        size_t start = p->at;
        cleanup_free char *text = NULL;
        char *end;
        long long integer;
        double number;

        while (is_word(p->text[p->at]) || strchr("+-.", p->text[p->at])) {
                if (!p->text[p->at])
                        break;
                p->at++;
        }
        text = xstrndup(p->text + start, p->at - start);
        integer = strtoll(text, &end, 0);
        if (!*end) {
                *ret = json_object_new_int64(integer);
                return 0;
        }
        number = strtod(text, &end);
        if (*end)
                return fail_at(p, start, "bad number syntax: \"%s\"", text);
        *ret = json_object_new_double(number);
        return 0;
}

/* .A.B directly behind an operand. */
static void parse_members(struct parser *p, struct node *node)
{
        while (p->text[p->at] == '.' && is_word(p->text[p->at + 1])) {
                p->at++;
                strv_append_take(&node->names, take_word(p));
        }
        node->end = p->at;
}

static struct node *parse_pipe(struct parser *p);

static struct node *parse_parenthesis(struct parser *p)
{
        size_t start = p->at++;
        struct node *pipe, *chain;

        if (++p->depth > MAX_DEPTH) {
                fail_at(p, start, "nested too deeply");
                return NULL;
        }
        pipe = parse_pipe(p);
        p->depth--;
        if (!pipe)
                return NULL;
        skip_space(p);
        if (p->text[p->at] != ')') {
                fail_at(p, start,
                        p->text[p->at] ? "unexpected \"%.1s\" in parenthesized pipeline"
                                       : "unclosed left paren%.0s",
                        p->text + p->at);
                return NULL;
        }
        p->at++;
        if (p->text[p->at] != '.')
                return pipe;
        chain = node_new(p, NODE_CHAIN, start);
        chain->body = pipe;
        parse_members(p, chain);
        return chain;
}

static struct node *parse_variable(struct parser *p)
{
        struct node *node = node_new(p, NODE_VARIABLE, p->at);

        p->at++;
        while (is_word(p->text[p->at]))
                p->at++;
        node->text = xstrndup(p->text + node->start, p->at - node->start);
        parse_members(p, node);
        return node;
}

static struct node *parse_word(struct parser *p)
{
        struct node *node = node_new(p, NODE_FUNCTION, p->at);
        cleanup_free char *word = take_word(p);

        node->end = p->at;
        if (streq(word, "true") || streq(word, "false")) {
                node->kind = NODE_LITERAL;
                node->literal = json_object_new_boolean(*word == 't');
        } else if (streq(word, "nil")) {
                node->kind = NODE_NIL;
        } else if (template_function_exists(word)) {
                node->text = take_ptr(word);
        } else {
                fail_at(p, node->start, "function \"%s\" not defined", word);
                return NULL;
        }
        return node;
}

/* One operand, or NULL without an error at the end of a command. */
static struct node *parse_operand(struct parser *p)
{
        char c = p->text[p->at], next = c ? p->text[p->at + 1] : 0;
        struct node *node;

        if (c == '(')
                return parse_parenthesis(p);
        if (c == '$')
                return parse_variable(p);
        if (c == '.' && !isdigit((unsigned char)next)) {
                node = node_new(p, is_word(next) ? NODE_FIELD : NODE_DOT, p->at);
                if (node->kind == NODE_DOT)
                        p->at++;
                parse_members(p, node);
                return node;
        }
        if (c == '"' || c == '`' || c == '\'' || isdigit((unsigned char)c) ||
            ((c == '-' || c == '+' || c == '.') && isdigit((unsigned char)next))) {
                int r;

                node = node_new(p, NODE_LITERAL, p->at);
                r = c == '"' || c == '`' || c == '\'' ? parse_string(p, &node->literal)
                                                      : parse_number(p, &node->literal);
                node->end = p->at;
                return r < 0 ? NULL : node;
        }
        if (is_word(c))
                return parse_word(p);
        return NULL;
}

static struct node *parse_command(struct parser *p)
{
        struct node *command = node_new(p, NODE_COMMAND, p->at), **tail = &command->children;

        for (;;) {
                struct node *operand;

                skip_space(p);
                if (at_close(p) || p->text[p->at] == '|' || p->text[p->at] == ')')
                        break;
                if (!p->text[p->at]) {
                        fail_at(p, p->at, "unclosed action");
                        return NULL;
                }
                operand = parse_operand(p);
                if (!operand) {
                        if (p->err->kind == ERROR_NONE)
                                fail_at(p, p->at, "unexpected %.1s in operand", p->text + p->at);
                        return NULL;
                }
                *tail = operand;
                tail = &operand->next;
                command->end = p->at;
                if (p->text[p->at] && !is_space(p->text[p->at]) && !strchr("|)}", p->text[p->at])) {
                        fail_at(p, p->at, "unexpected \"%.1s\" in operand", p->text + p->at);
                        return NULL;
                }
        }
        if (!command->children) {
                fail_at(p, p->at, "missing value for command");
                return NULL;
        }
        return command;
}

/* "$x :=", "$x =", "$i, $e :=" before a pipeline. Leaves the position alone when there is none. */
static int parse_declaration(struct parser *p, struct node *pipe)
{
        size_t start = p->at;
        cleanup_strv char **names = NULL;

        while (p->text[p->at] == '$') {
                size_t word = p->at++;

                while (is_word(p->text[p->at]))
                        p->at++;
                strv_append_take(&names, xstrndup(p->text + word, p->at - word));
                skip_space(p);
                if (p->text[p->at] == ',' && strv_length(names) == 1) {
                        p->at++;
                        skip_space(p);
                        continue;
                }
                if (at_text(p, ":=") || (p->text[p->at] == '=' && p->text[p->at + 1] != '=')) {
                        pipe->assign = p->text[p->at] == '=';
                        p->at += pipe->assign ? 1 : 2;
                        for (size_t i = 0; names[i]; i++) {
                                if (pipe->assign && !strv_contains(p->variables, names[i]))
                                        return fail_at(p, start, "undefined variable \"%s\"", names[i]);
                                if (!pipe->assign)
                                        strv_append(&p->variables, names[i]);
                        }
                        pipe->names = take_ptr(names);
                        return 0;
                }
                break;
        }
        p->at = start;
        return 0;
}

static int check_variables(struct parser *p, const struct node *command)
{
        for (const struct node *operand = command->children; operand; operand = operand->next)
                if (operand->kind == NODE_VARIABLE && !strv_contains(p->variables, operand->text))
                        return fail_at(p, operand->start, "undefined variable \"%s\"", operand->text);
        return 0;
}

static struct node *parse_pipe(struct parser *p)
{
        struct node *pipe, **tail;

        skip_space(p);
        pipe = node_new(p, NODE_PIPE, p->at);
        tail = &pipe->children;
        if (parse_declaration(p, pipe) < 0)
                return NULL;
        for (;;) {
                struct node *command = parse_command(p);

                if (!command || check_variables(p, command) < 0)
                        return NULL;
                *tail = command;
                tail = &command->next;
                pipe->end = command->end;
                skip_space(p);
                if (p->text[p->at] != '|')
                        return pipe;
                p->at++;
        }
}

/* What a list of nodes ended with. */
enum ending { END_OF_TEXT, END_ELSE, END_END, END_FAILED };

static enum ending parse_list(struct parser *p, struct node **tail, bool inside);

/* Is the keyword next, as a whole word? Consumes it. */
static bool take_keyword(struct parser *p, const char *keyword)
{
        size_t len = strlen(keyword);

        if (!at_text(p, keyword) || is_word(p->text[p->at + len]))
                return false;
        p->at += len;
        return true;
}

/* if, with and range, from behind the keyword to their end. */
static int parse_control(struct parser *p, struct node *node)
{
        size_t scope = strv_length(p->variables);
        enum ending ending;

        if (++p->depth > MAX_DEPTH)
                return fail_at(p, node->start, "nested too deeply");
        node->pipe = parse_pipe(p);
        if (!node->pipe || parse_close(p) < 0)
                return -1;
        node->end = p->at;
        ending = parse_list(p, &node->body, true);
        if (ending == END_ELSE) {
                struct node *chained = NULL;

                skip_space(p);
                if (node->kind == NODE_IF && take_keyword(p, "if"))
                        chained = node_new(p, NODE_IF, p->at);
                else if (node->kind == NODE_WITH && take_keyword(p, "with"))
                        chained = node_new(p, NODE_WITH, p->at);
                if (chained) {
                        node->otherwise = chained;
                        if (parse_control(p, chained) < 0)
                                return -1;
                        ending = END_END;
                } else {
                        if (parse_close(p) < 0)
                                return -1;
                        ending = parse_list(p, &node->otherwise, true);
                        if (ending == END_ELSE)
                                return fail_at(p, p->at, "expected end; found {{else}}");
                }
        }
        p->depth--;
        while (strv_length(p->variables) > scope) {
                size_t last = strv_length(p->variables) - 1;

                free(p->variables[last]);
                p->variables[last] = NULL;
        }
        if (ending == END_OF_TEXT)
                return fail_at(p, p->at, "unexpected EOF");
        return ending == END_FAILED ? -1 : 0;
}

static int parse_name(struct parser *p, char **ret)
{
        json_object *name = NULL;

        skip_space(p);
        if (p->text[p->at] != '"' && p->text[p->at] != '`')
                return fail_at(p, p->at, "unexpected \"%.10s\" in template clause", p->text + p->at);
        if (parse_string(p, &name) < 0)
                return -1;
        *ret = xstrdup(json_object_get_string(name));
        json_object_put(name);
        return 0;
}

/* {{define "name"}} and {{block "name" pipe}}; a block leaves `node` to call it. */
static int parse_define(struct parser *p, struct node *block)
{
        struct definition definition = {};
        enum ending ending;

        if (parse_name(p, &definition.name) < 0)
                return -1;
        if (block) {
                block->text = xstrdup(definition.name);
                block->pipe = parse_pipe(p);
        }
        if ((block && !block->pipe) || parse_close(p) < 0) {
                free(definition.name);
                return -1;
        }
        ARRAY_APPEND(p->template->definitions, p->template->n_definitions, definition);
        {
                size_t index = p->template->n_definitions - 1;
                struct node *body = NULL;

                ending = parse_list(p, &body, true);
                p->template->definitions[index].body = body;
        }
        if (ending == END_FAILED)
                return -1;
        return ending == END_END ? 0 : fail_at(p, p->at, "unexpected {{else}} or EOF in definition");
}

static int parse_call(struct parser *p, struct node *node)
{
        if (parse_name(p, &node->text) < 0)
                return -1;
        skip_space(p);
        if (!at_close(p)) {
                node->pipe = parse_pipe(p);
                if (!node->pipe)
                        return -1;
        }
        node->end = p->at;
        return parse_close(p);
}

/* One action from behind "{{". Sets `*ret` to its node, or to NULL when it leaves none. */
static enum ending parse_action(struct parser *p, struct node **ret)
{
        static const struct {
                const char *keyword;
                enum node_kind kind;
        } controls[] = { { "if", NODE_IF }, { "with", NODE_WITH }, { "range", NODE_RANGE } };
        struct node *node = node_new(p, NODE_ACTION, p->at);

        *ret = NULL;
        for (size_t i = 0; i < ARRAY_SIZE(controls); i++)
                if (take_keyword(p, controls[i].keyword)) {
                        node->kind = controls[i].kind;
                        *ret = node;
                        return parse_control(p, node) < 0 ? END_FAILED : END_OF_TEXT;
                }
        if (take_keyword(p, "end"))
                return parse_close(p) < 0 ? END_FAILED : END_END;
        if (take_keyword(p, "else"))
                return END_ELSE;
        if (take_keyword(p, "define"))
                return parse_define(p, NULL) < 0 ? END_FAILED : END_OF_TEXT;
        *ret = node;
        if (take_keyword(p, "block")) {
                node->kind = NODE_TEMPLATE;
                return parse_define(p, node) < 0 ? END_FAILED : END_OF_TEXT;
        }
        if (take_keyword(p, "template")) {
                node->kind = NODE_TEMPLATE;
                return parse_call(p, node) < 0 ? END_FAILED : END_OF_TEXT;
        }
        if (take_keyword(p, "break") || take_keyword(p, "continue")) {
                node->kind = p->text[p->at - 1] == 'k' ? NODE_BREAK : NODE_CONTINUE;
                return parse_close(p) < 0 ? END_FAILED : END_OF_TEXT;
        }
        node->pipe = parse_pipe(p);
        if (!node->pipe || parse_close(p) < 0)
                return END_FAILED;
        node->end = p->at;
        return END_OF_TEXT;
}

/* {{/ * … * /}}, from behind "{{" and a trim marker. */
static int parse_comment(struct parser *p)
{
        const char *end = strstr(p->text + p->at + 2, "*/");

        if (!end)
                return fail_at(p, p->at, "unclosed comment");
        p->at = (size_t)(end - p->text) + 2;
        skip_space(p);
        if (!at_close(p))
                return fail_at(p, p->at, "comment ends before closing delimiter");
        return parse_close(p);
}

/* Nodes up to the end of the text, or with `inside` to the {{end}} or {{else}} that belongs to the caller. */
static enum ending parse_list(struct parser *p, struct node **tail, bool inside)
{
        for (;;) {
                const char *open = strstr(p->text + p->at, "{{");
                size_t start = p->at, stop = open ? (size_t)(open - p->text) : strlen(p->text);
                bool trim = open && open[2] == '-' && is_space(open[3]);
                struct node *node;
                enum ending ending;

                p->at = open ? stop + 2 : stop;
                while (trim && stop > start && is_space(p->text[stop - 1]))
                        stop--;
                if (stop > start) {
                        node = node_new(p, NODE_TEXT, start);
                        node->text = xstrndup(p->text + start, stop - start);
                        *tail = node;
                        tail = &node->next;
                }
                if (!open)
                        return inside ? (fail_at(p, p->at, "unexpected EOF"), END_FAILED) : END_OF_TEXT;
                if (trim)
                        p->at += 2;
                skip_space(p);
                if (at_text(p, "/*")) {
                        if (parse_comment(p) < 0)
                                return END_FAILED;
                        continue;
                }
                ending = parse_action(p, &node);
                if (ending == END_FAILED)
                        return ending;
                if (ending != END_OF_TEXT) {
                        if (inside)
                                return ending;
                        fail_at(p, p->at, "unexpected {{%s}}", ending == END_END ? "end" : "else");
                        return END_FAILED;
                }
                if (node) {
                        *tail = node;
                        tail = &node->next;
                }
        }
}

int template_compile(const char *text, struct template **ret, struct error *err)
{
        cleanup_template struct template *template = xcalloc(1, sizeof(*template));
        cleanup_error struct error local = {};
        cleanup_strv char **variables = NULL;
        struct parser p = { .template = template, .err = &local };
        enum ending ending;

        strv_append(&variables, "$");
        template->text = xstrdup(text);
        p.text = template->text;
        p.variables = take_ptr(variables);
        ending = parse_list(&p, &template->body, false);
        strv_free(p.variables);
        if (ending == END_FAILED)
                return error_move(err, &local);
        *ret = take_ptr(template);
        return 0;
}

void template_free(struct template *template)
{
        if (!template)
                return;
        for (size_t i = 0; i < template->n_nodes; i++) {
                free(template->nodes[i]->text);
                strv_free(template->nodes[i]->names);
                json_object_put(template->nodes[i]->literal);
                free(template->nodes[i]);
        }
        for (size_t i = 0; i < template->n_definitions; i++)
                free(template->definitions[i].name);
        free(template->definitions);
        free(template->nodes);
        free(template->text);
        free(template);
}
