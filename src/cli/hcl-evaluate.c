/* HCL's expressions: a recursive descent that evaluates while it reads. What is not to be evaluated (the
 * other branch of a condition) is read with `skip` set. */
#include "cli/hcl.h"

#include <ctype.h>
#include <math.h>

#define DEEP 100
#define STEPS_MAX 1000000 /* expressions in one evaluation: `for` in `for` multiplies */

struct evaluation {
        const char *at;
        const struct hcl_scope *scope;
        int depth, brackets; /* within brackets a line's end means nothing */
        int steps;
        bool skip;
        struct local { /* of `for` */
                const char *name;
                size_t len;
                json_object *value;
                const struct local *outer;
        } const *locals;
};

static int expression(struct evaluation *e, json_object **ret, struct error *err);
static int template_until(struct evaluation *e, const char *end, bool escapes, json_object **ret,
                          struct error *err);

static int unexpected(const struct evaluation *e, struct error *err)
{
        return error_set(err, ERROR_INVALID, "invalid expression at \"%.20s\"", e->at);
}

static void blanks(struct evaluation *e)
{
        for (;;) {
                if (*e->at == ' ' || *e->at == '\t' || *e->at == '\r' || (*e->at == '\n' && e->brackets))
                        e->at++;
                else if (*e->at == '#' || (*e->at == '/' && e->at[1] == '/'))
                        e->at += strcspn(e->at, "\n");
                else if (*e->at == '/' && e->at[1] == '*' && strstr(e->at, "*/"))
                        e->at = strstr(e->at, "*/") + 2;
                else
                        return;
        }
}

static bool take(struct evaluation *e, const char *token)
{
        blanks(e);
        if (strncmp(e->at, token, strlen(token)) != 0)
                return false;
        e->at += strlen(token);
        return true;
}

static int need(struct evaluation *e, const char *token, struct error *err)
{
        return take(e, token) ? 0 : unexpected(e, err);
}

static size_t name_length(const char *s)
{
        size_t len = 0;

        if (!isalpha((unsigned char)*s) && *s != '_')
                return 0;
        while (isalnum((unsigned char)s[len]) || s[len] == '_' || s[len] == '-')
                len++;
        return len;
}

static bool take_word(struct evaluation *e, const char *word)
{
        blanks(e);
        if (name_length(e->at) != strlen(word) || strncmp(e->at, word, strlen(word)) != 0)
                return false;
        e->at += strlen(word);
        return true;
}

/* ---- Collections ---- */

static int list_items(struct evaluation *e, const char *end, json_object *list, struct error *err)
{
        while (!take(e, end)) {
                json_object *item = NULL;

                if (expression(e, &item, err) < 0)
                        return -1;
                json_object_array_add(list, item);
                if (!take(e, ",")) {
                        if (take(e, "..."))
                                return need(e, end, err); /* f(list...): the caller spreads it */
                        return need(e, end, err);
                }
        }
        return 0;
}

struct for_clause {
        const char *key, *value; /* names; key NULL */
        size_t key_len, value_len;
};

/* "for k, v in COLLECTION :" */
static int for_head(struct evaluation *e, struct for_clause *c, json_object **ret, struct error *err)
{
        blanks(e);
        *c = (struct for_clause){ .value = e->at, .value_len = name_length(e->at) };
        e->at += c->value_len;
        if (take(e, ",")) {
                blanks(e);
                c->key = c->value;
                c->key_len = c->value_len;
                c->value = e->at;
                c->value_len = name_length(e->at);
                e->at += c->value_len;
        }
        if (!c->value_len || !take_word(e, "in"))
                return unexpected(e, err);
        return expression(e, ret, err) < 0 ? -1 : need(e, ":", err);
}

/* One turn: the result of "EXPR [if COND]" or "KEY => VALUE [if COND]". */
static int for_turn(struct evaluation *e, bool object, json_object *out, struct error *err)
{
        cleanup_json json_object *key = NULL, *value = NULL, *condition = NULL;
        cleanup_free char *name = NULL;

        if (expression(e, object ? &key : &value, err) < 0 ||
            (object && (need(e, "=>", err) < 0 || expression(e, &value, err) < 0)))
                return -1;
        if (take_word(e, "if")) {
                if (expression(e, &condition, err) < 0)
                        return -1;
                if (!e->skip && !json_object_get_boolean(condition))
                        return 0;
        }
        if (e->skip)
                return 0;
        if (!object)
                return json_object_array_add(out, json_object_get(value)) < 0 ? -1 : 0;
        if (hcl_text(key, &name, err) < 0)
                return -1;
        json_object_object_add(out, name, json_object_get(value));
        return 0;
}

static int for_each(struct evaluation *e, const struct for_clause *c, json_object *key, json_object *value,
                    bool object, json_object *out, struct error *err)
{
        const struct local *outer = e->locals;
        struct local k = { c->key, c->key_len, key, outer },
                     v = { c->value, c->value_len, value, c->key ? &k : outer };
        int r;

        e->locals = &v;
        r = for_turn(e, object, out, err);
        e->locals = outer;
        return r;
}

static int for_expression(struct evaluation *e, bool object, json_object **ret, struct error *err)
{
        cleanup_json json_object *over = NULL,
                                 *out = object ? json_object_new_object() : json_object_new_array();
        struct for_clause c;
        const char *body;
        bool skip = e->skip;

        if (for_head(e, &c, &over, err) < 0)
                return -1;
        body = e->at;
        /* Once without evaluation, to find the end. */
        e->skip = true;
        if (for_each(e, &c, NULL, NULL, object, out, err) < 0 || need(e, object ? "}" : "]", err) < 0)
                return -1;
        e->skip = skip;
        if (!skip) {
                const char *end = e->at;

                if (json_object_is_type(over, json_type_array)) {
                        for (size_t i = 0; i < json_object_array_length(over); i++) {
                                cleanup_json json_object *key = json_object_new_int64((int64_t)i);

                                e->at = body;
                                if (for_each(e, &c, key, json_object_array_get_idx(over, i), object, out,
                                             err) < 0)
                                        return -1;
                        }
                } else if (json_object_is_type(over, json_type_object)) {
                        json_object_object_foreach(over, name, value)
                        {
                                cleanup_json json_object *key = json_object_new_string(name);

                                e->at = body;
                                if (for_each(e, &c, key, value, object, out, err) < 0)
                                        return -1;
                        }
                } else {
                        return error_set(err, ERROR_INVALID, "for needs a list or an object");
                }
                e->at = end;
        }
        *ret = take_ptr(out);
        return 0;
}

static int object_key(struct evaluation *e, char **ret, struct error *err)
{
        cleanup_json json_object *key = NULL;
        size_t len;

        blanks(e);
        len = name_length(e->at);
        if (len) {
                *ret = xstrndup(e->at, len);
                e->at += len;
                return 0;
        }
        if (expression(e, &key, err) < 0)
                return -1;
        if (e->skip) {
                *ret = xstrdup("");
                return 0;
        }
        return hcl_text(key, ret, err);
}

static int object_items(struct evaluation *e, json_object *object, struct error *err)
{
        while (!take(e, "}")) {
                cleanup_free char *key = NULL;
                json_object *value = NULL;

                if (object_key(e, &key, err) < 0)
                        return -1;
                if (!take(e, "=") && !take(e, ":"))
                        return unexpected(e, err);
                /* An item ends at its line's end. */
                if (expression(e, &value, err) < 0)
                        return -1;
                json_object_object_add(object, key, value);
                take(e, ",");
        }
        return 0;
}

static int collection(struct evaluation *e, bool object, json_object **ret, struct error *err)
{
        cleanup_json json_object *out = NULL;
        int r;

        e->brackets++;
        if (take_word(e, "for")) {
                r = for_expression(e, object, ret, err);
        } else {
                out = object ? json_object_new_object() : json_object_new_array();
                r = object ? object_items(e, out, err) : list_items(e, "]", out, err);
                if (r == 0)
                        *ret = take_ptr(out);
        }
        e->brackets--;
        return r;
}

/* ---- Names and calls ---- */

static int call(struct evaluation *e, const char *name, json_object **ret, struct error *err)
{
        cleanup_json json_object *list = json_object_new_array();
        cleanup_free json_object **args = NULL;
        size_t count;
        int r;

        e->brackets++;
        r = list_items(e, ")", list, err);
        e->brackets--;
        if (r < 0 || e->skip)
                return r;
        count = json_object_array_length(list);
        args = xcalloc(count + 1, sizeof(*args));
        for (size_t i = 0; i < count; i++)
                args[i] = json_object_array_get_idx(list, i);
        r = e->scope->call ? e->scope->call(e->scope->arg, name, args, count, ret, err) : 0;
        if (r == 0)
                r = hcl_standard_call(name, args, count, ret, err);
        return r > 0   ? 0
               : r < 0 ? -1
                       : error_set(err, ERROR_INVALID, "there is no function named \"%s\"", name);
}

static int variable(struct evaluation *e, const char *name, json_object **ret, struct error *err)
{
        int r;

        if (e->skip)
                return 0;
        for (const struct local *l = e->locals; l; l = l->outer)
                if (strlen(name) == l->len && strncmp(name, l->name, l->len) == 0) {
                        *ret = json_object_get(l->value);
                        return 0;
                }
        r = e->scope->variable ? e->scope->variable(e->scope->arg, name, ret, err) : 0;
        return r > 0   ? 0
               : r < 0 ? -1
                       : error_set(err, ERROR_INVALID, "there is no variable named \"%s\"", name);
}

static int named(struct evaluation *e, json_object **ret, struct error *err)
{
        size_t len = name_length(e->at);
        cleanup_free char *name = xstrndup(e->at, len);

        e->at += len;
        if (streq(name, "true") || streq(name, "false")) {
                *ret = json_object_new_boolean(*name == 't');
                return 0;
        }
        if (streq(name, "null"))
                return 0;
        return *e->at == '(' ? (e->at++, call(e, name, ret, err)) : variable(e, name, ret, err);
}

static int number(struct evaluation *e, json_object **ret, struct error *err)
{
        char *end;
        double value = strtod(e->at, &end);

        if (end == e->at || !isfinite(value))
                return unexpected(e, err);
        e->at = end;
        *ret = value == floor(value) && fabs(value) < 1e15 ? json_object_new_int64((int64_t)value)
                                                           : json_object_new_double(value);
        return 0;
}

/* <<EOF, <<-EOF: lines up to the mark, a template. */
static int heredoc(struct evaluation *e, json_object **ret, struct error *err)
{
        bool indented = e->at[2] == '-';
        const char *mark = e->at + 2 + indented, *line;
        size_t len = name_length(mark), indent = SIZE_MAX;
        cleanup_strbuf struct strbuf text = {};
        struct evaluation inner = *e;
        int r;

        strbuf_adds(&text, "");
        line = mark + strcspn(mark, "\n");
        for (;;) {
                if (*line != '\n')
                        return unexpected(e, err);
                line++;
                if (strncmp(line + strspn(line, " \t"), mark, len) == 0 &&
                    !name_length(line + strspn(line, " \t") + len))
                        break;
                if (line[strspn(line, " \t")] != '\n')
                        indent = MIN(indent, strspn(line, " \t"));
                line += strcspn(line, "\n");
        }
        for (const char *s = mark + strcspn(mark, "\n") + 1; s < line; s += strcspn(s, "\n") + 1) {
                size_t skip = indented ? MIN(indent, strspn(s, " \t")) : 0;

                strbuf_add(&text, s + skip, strcspn(s, "\n") - skip);
                strbuf_addc(&text, '\n');
        }
        inner.at = text.data;
        r = template_until(&inner, "", false, ret, err);
        e->at = line + strspn(line, " \t") + len;
        return r;
}

static int primary(struct evaluation *e, json_object **ret, struct error *err)
{
        int r;

        blanks(e);
        switch (*e->at) {
        case '"':
                e->at++;
                return template_until(e, "\"", true, ret, err);
        case '(':
                e->at++;
                e->brackets++;
                r = expression(e, ret, err) < 0 ? -1 : need(e, ")", err);
                e->brackets--;
                return r;
        case '[':
        case '{':
                return collection(e, *e->at++ == '{', ret, err);
        case '<':
                return e->at[1] == '<' ? heredoc(e, ret, err) : unexpected(e, err);
        }
        if (isdigit((unsigned char)*e->at))
                return number(e, ret, err);
        return name_length(e->at) ? named(e, ret, err) : unexpected(e, err);
}

static int element(json_object *of, json_object *key, json_object **ret, struct error *err)
{
        json_object *found = NULL;

        if (json_object_is_type(of, json_type_array)) {
                int64_t i = json_object_get_int64(key);

                if (i < 0 || (size_t)i >= json_object_array_length(of))
                        return error_set(err, ERROR_INVALID, "there is no element %lld", (long long)i);
                found = json_object_array_get_idx(of, (size_t)i);
        } else if (!json_object_is_type(of, json_type_object) ||
                   !json_object_object_get_ex(of, json_object_get_string(key), &found)) {
                return error_set(err, ERROR_INVALID, "there is no attribute \"%s\"",
                                 json_object_get_string(key));
        }
        *ret = json_object_get(found);
        return 0;
}

static int postfix(struct evaluation *e, json_object **ret, struct error *err)
{
        cleanup_json json_object *value = NULL;

        if (primary(e, &value, err) < 0)
                return -1;
        while (*e->at == '[' || (*e->at == '.' && e->at[1] != '.')) {
                cleanup_json json_object *key = NULL;
                json_object *next = NULL;

                if (*e->at++ == '[') {
                        e->brackets++;
                        if (expression(e, &key, err) < 0 || need(e, "]", err) < 0)
                                return -1;
                        e->brackets--;
                } else {
                        size_t len = name_length(e->at) ?: strspn(e->at, "0123456789");

                        if (!len)
                                return unexpected(e, err);
                        key = json_object_new_string_len(e->at, (int)len);
                        e->at += len;
                }
                if (!e->skip && element(value, key, &next, err) < 0)
                        return -1;
                json_object_put(value);
                value = next;
        }
        *ret = take_ptr(value);
        return 0;
}

/* ---- Operators ---- */

static int as_number(json_object *value, double *ret, struct error *err)
{
        if (json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double) ||
            json_object_is_type(value, json_type_string)) {
                char *end;
                const char *text = json_object_get_string(value);

                *ret = strtod(text, &end);
                if (*text && !*end && isfinite(*ret))
                        return 0;
        }
        return error_set(err, ERROR_INVALID, "a number is required");
}

static json_object *number_value(double value)
{
        return value == floor(value) && fabs(value) < 1e15 ? json_object_new_int64((int64_t)value)
                                                           : json_object_new_double(value);
}

static int unary(struct evaluation *e, json_object **ret, struct error *err)
{
        cleanup_json json_object *value = NULL;
        double number_;

        if (take(e, "!")) {
                if (unary(e, &value, err) < 0)
                        return -1;
                *ret = json_object_new_boolean(!json_object_get_boolean(value));
                return 0;
        }
        blanks(e);
        if (*e->at == '-') {
                e->at++;
                if (unary(e, &value, err) < 0)
                        return -1;
                if (e->skip)
                        return 0;
                if (as_number(value, &number_, err) < 0)
                        return -1;
                *ret = number_value(-number_);
                return 0;
        }
        return postfix(e, ret, err);
}

static const struct operator
{
        const char *text;
        int rank;
}
operators[] = { { "||", 1 }, { "&&", 2 }, { "==", 3 }, { "!=", 3 }, { "<=", 4 }, { ">=", 4 }, { "<", 4 },
                { ">", 4 },  { "+", 5 },  { "-", 5 },  { "*", 6 },  { "/", 6 },  { "%", 6 } };

static int apply(const char *op, json_object *a, json_object *b, json_object **ret, struct error *err)
{
        double x, y;

        if (streq(op, "==") || streq(op, "!=")) {
                *ret = json_object_new_boolean(hcl_equal(a, b) == (*op == '='));
                return 0;
        }
        if (*op == '|' || *op == '&') {
                bool p = json_object_get_boolean(a), q = json_object_get_boolean(b);

                *ret = json_object_new_boolean(*op == '|' ? p || q : p && q);
                return 0;
        }
        if (as_number(a, &x, err) < 0 || as_number(b, &y, err) < 0)
                return -1;
        if ((*op == '/' || *op == '%') && y == 0)
                return error_set(err, ERROR_INVALID, "division by zero");
        switch (*op) {
        case '<':
        case '>':
                *ret =
                    json_object_new_boolean(*op == '<' ? (op[1] ? x <= y : x < y) : (op[1] ? x >= y : x > y));
                return 0;
        default:
                *ret = number_value(*op == '+'   ? x + y
                                    : *op == '-' ? x - y
                                    : *op == '*' ? x * y
                                    : *op == '/' ? x / y
                                                 : fmod(x, y));
                return 0;
        }
}

static int binary(struct evaluation *e, int rank, json_object **ret, struct error *err)
{
        cleanup_json json_object *left = NULL;

        if (unary(e, &left, err) < 0)
                return -1;
        for (;;) {
                cleanup_json json_object *right = NULL;
                json_object *result = NULL;
                const struct operator* op = NULL;

                blanks(e);
                for (size_t i = 0; i < ARRAY_SIZE(operators) && !op; i++)
                        if (strncmp(e->at, operators[i].text, strlen(operators[i].text)) == 0)
                                op = &operators[i];
                if (!op || op->rank < rank)
                        break;
                e->at += strlen(op->text);
                if (binary(e, op->rank + 1, &right, err) < 0 ||
                    (!e->skip && apply(op->text, left, right, &result, err) < 0))
                        return -1;
                json_object_put(left);
                left = result;
        }
        *ret = take_ptr(left);
        return 0;
}

static int conditional(struct evaluation *e, json_object **ret, struct error *err)
{
        cleanup_json json_object *condition = NULL, *yes = NULL, *no = NULL;
        bool skip = e->skip, chosen;
        int r;

        if (binary(e, 1, &condition, err) < 0)
                return -1;
        if (!take(e, "?")) {
                *ret = take_ptr(condition);
                return 0;
        }
        chosen = json_object_get_boolean(condition);
        e->skip = skip || !chosen;
        r = expression(e, &yes, err) < 0 ? -1 : need(e, ":", err);
        e->skip = skip || chosen;
        if (r == 0)
                r = expression(e, &no, err);
        e->skip = skip;
        if (r < 0)
                return -1;
        *ret = chosen ? take_ptr(yes) : take_ptr(no);
        return 0;
}

static int expression(struct evaluation *e, json_object **ret, struct error *err)
{
        int r;

        if (e->depth >= DEEP)
                return error_set(err, ERROR_INVALID, "the expression is nested too deep");
        if (e->steps++ >= STEPS_MAX)
                return error_set(err, ERROR_INVALID, "the expression has too much to evaluate");
        e->depth++;
        r = conditional(e, ret, err);
        e->depth--;
        return r;
}

/* ---- Templates ---- */

static void add_escape(struct evaluation *e, struct strbuf *out)
{
        static const char names[] = "nrt", values[] = "\n\r\t";
        const char *known = strchr(names, *e->at);

        strbuf_addc(out, known ? values[known - names] : *e->at);
        e->at++;
}

/* "${…}": its value goes into the text; alone it is the value. */
static int interpolate(struct evaluation *e, json_object **ret, struct error *err)
{
        int r;

        e->at += 2;
        e->brackets++;
        take(e, "~");
        r = expression(e, ret, err);
        if (r == 0) {
                take(e, "~");
                r = need(e, "}", err);
        }
        e->brackets--;
        return r;
}

static int template_until(struct evaluation *e, const char *end, bool escapes, json_object **ret,
                          struct error *err)
{
        cleanup_strbuf struct strbuf out = {};
        cleanup_json json_object *alone = NULL;
        size_t parts = 0;

        strbuf_adds(&out, "");
        while (*e->at && *e->at != *end) {
                if ((*e->at == '$' || *e->at == '%') && e->at[1] == *e->at && e->at[2] == '{') {
                        strbuf_add(&out, e->at + 1, 2);
                        e->at += 3;
                        parts += 2;
                } else if (*e->at == '%' && e->at[1] == '{') {
                        return error_set(err, ERROR_UNSUPPORTED,
                                         "template directives are not supported by davit");
                } else if (*e->at == '$' && e->at[1] == '{') {
                        cleanup_json json_object *value = NULL;
                        cleanup_free char *text = NULL;

                        if (interpolate(e, &value, err) < 0)
                                return -1;
                        if (!parts++ && *e->at == *end) {
                                alone = take_ptr(value);
                                break;
                        }
                        if (!e->skip && hcl_text(value, &text, err) < 0)
                                return -1;
                        strbuf_adds(&out, text ?: "");
                } else if (escapes && *e->at == '\\' && e->at[1]) {
                        e->at++;
                        parts++;
                        add_escape(e, &out);
                } else {
                        strbuf_addc(&out, *e->at++);
                        parts++;
                }
        }
        if (*end && *e->at++ != *end)
                return error_set(err, ERROR_INVALID, "an unfinished string");
        *ret = alone ? take_ptr(alone) : json_object_new_string(out.data);
        return 0;
}

int hcl_evaluate(const char *text, const struct hcl_scope *scope, json_object **ret, struct error *err)
{
        struct evaluation e = { .at = text, .scope = scope };
        cleanup_json json_object *value = NULL;

        if (expression(&e, &value, err) < 0)
                return -1;
        e.brackets = 1;
        blanks(&e);
        if (*e.at)
                return unexpected(&e, err);
        *ret = take_ptr(value);
        return 0;
}

int hcl_template(const char *text, const struct hcl_scope *scope, json_object **ret, struct error *err)
{
        struct evaluation e = { .at = text, .scope = scope };

        return template_until(&e, "", false, ret, err);
}
