/* HCL's expressions: a recursive descent that evaluates while it reads. What is not to be evaluated (the
 * other branch of a condition) is read with `skip` set. */
#include "cli/hcl-evaluation.h"

#include <ctype.h>
#include <math.h>

#define DEEP 100
#define STEPS_MAX 1000000 /* expressions in one evaluation: `for` in `for` multiplies */

static int template_until(struct hcl_evaluation *e, const char *end, bool escapes, json_object **ret,
                          struct error *err);

int hcl_unexpected(const struct hcl_evaluation *e, struct error *err)
{
        return error_set(err, ERROR_INVALID, "invalid expression at \"%.20s\"", e->at);
}

void hcl_blanks(struct hcl_evaluation *e)
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

bool hcl_take(struct hcl_evaluation *e, const char *token)
{
        hcl_blanks(e);
        if (strncmp(e->at, token, strlen(token)) != 0)
                return false;
        e->at += strlen(token);
        return true;
}

int hcl_need(struct hcl_evaluation *e, const char *token, struct error *err)
{
        return hcl_take(e, token) ? 0 : hcl_unexpected(e, err);
}

size_t hcl_name_length(const char *s)
{
        size_t len = 0;

        if (!isalpha((unsigned char)*s) && *s != '_')
                return 0;
        while (isalnum((unsigned char)s[len]) || s[len] == '_' || s[len] == '-')
                len++;
        return len;
}

bool hcl_take_word(struct hcl_evaluation *e, const char *word)
{
        hcl_blanks(e);
        if (hcl_name_length(e->at) != strlen(word) || strncmp(e->at, word, strlen(word)) != 0)
                return false;
        e->at += strlen(word);
        return true;
}

/* ---- Names and calls ---- */

static int call(struct hcl_evaluation *e, const char *name, json_object **ret, struct error *err)
{
        cleanup_json json_object *list = json_object_new_array();
        cleanup_free json_object **args = NULL;
        size_t count;
        int r;

        e->brackets++;
        r = hcl_list_items(e, ")", list, err);
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

static int variable(struct hcl_evaluation *e, const char *name, json_object **ret, struct error *err)
{
        int r;

        if (e->skip)
                return 0;
        for (const struct hcl_local *l = e->locals; l; l = l->outer)
                if (strlen(name) == l->len && strncmp(name, l->name, l->len) == 0) {
                        *ret = json_object_get(l->value);
                        return 0;
                }
        r = e->scope->variable ? e->scope->variable(e->scope->arg, name, ret, err) : 0;
        return r > 0   ? 0
               : r < 0 ? -1
                       : error_set(err, ERROR_INVALID, "there is no variable named \"%s\"", name);
}

static int named(struct hcl_evaluation *e, json_object **ret, struct error *err)
{
        size_t len = hcl_name_length(e->at);
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

static json_object *number_value(double value)
{
        return value == floor(value) && fabs(value) < 1e15 ? json_object_new_int64((int64_t)value)
                                                           : json_object_new_double(value);
}

static int number(struct hcl_evaluation *e, json_object **ret, struct error *err)
{
        char *end;
        double value = strtod(e->at, &end);

        if (end == e->at || !isfinite(value))
                return hcl_unexpected(e, err);
        e->at = end;
        *ret = number_value(value);
        return 0;
}

/* <<EOF, <<-EOF: lines up to the mark, a template. */
static int heredoc(struct hcl_evaluation *e, json_object **ret, struct error *err)
{
        bool indented = e->at[2] == '-';
        const char *mark = e->at + 2 + indented, *line;
        size_t len = hcl_name_length(mark), indent = SIZE_MAX;
        cleanup_strbuf struct strbuf text = {};
        struct hcl_evaluation inner = *e;
        int r;

        strbuf_adds(&text, "");
        line = mark + strcspn(mark, "\n");
        for (;;) {
                if (*line != '\n')
                        return hcl_unexpected(e, err);
                line++;
                if (strncmp(line + strspn(line, " \t"), mark, len) == 0 &&
                    !hcl_name_length(line + strspn(line, " \t") + len))
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

static int primary(struct hcl_evaluation *e, json_object **ret, struct error *err)
{
        int r;

        hcl_blanks(e);
        switch (*e->at) {
        case '"':
                e->at++;
                return template_until(e, "\"", true, ret, err);
        case '(':
                e->at++;
                e->brackets++;
                r = hcl_expression(e, ret, err) < 0 ? -1 : hcl_need(e, ")", err);
                e->brackets--;
                return r;
        case '[':
        case '{':
                return hcl_collection(e, *e->at++ == '{', ret, err);
        case '<':
                return e->at[1] == '<' ? heredoc(e, ret, err) : hcl_unexpected(e, err);
        }
        if (isdigit((unsigned char)*e->at))
                return number(e, ret, err);
        return hcl_name_length(e->at) ? named(e, ret, err) : hcl_unexpected(e, err);
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

static int postfix(struct hcl_evaluation *e, json_object **ret, struct error *err)
{
        cleanup_json json_object *value = NULL;

        if (primary(e, &value, err) < 0)
                return -1;
        while (*e->at == '[' || (*e->at == '.' && e->at[1] != '.')) {
                cleanup_json json_object *key = NULL;
                json_object *next = NULL;

                if (*e->at++ == '[') {
                        e->brackets++;
                        if (hcl_expression(e, &key, err) < 0 || hcl_need(e, "]", err) < 0)
                                return -1;
                        e->brackets--;
                } else {
                        size_t len = hcl_name_length(e->at) ?: strspn(e->at, "0123456789");

                        if (!len)
                                return hcl_unexpected(e, err);
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

static int unary(struct hcl_evaluation *e, json_object **ret, struct error *err)
{
        cleanup_json json_object *value = NULL;
        double number_;

        if (hcl_take(e, "!")) {
                if (unary(e, &value, err) < 0)
                        return -1;
                *ret = json_object_new_boolean(!json_object_get_boolean(value));
                return 0;
        }
        hcl_blanks(e);
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

static int binary(struct hcl_evaluation *e, int rank, json_object **ret, struct error *err)
{
        cleanup_json json_object *left = NULL;

        if (unary(e, &left, err) < 0)
                return -1;
        for (;;) {
                cleanup_json json_object *right = NULL;
                json_object *result = NULL;
                const struct operator* op = NULL;

                hcl_blanks(e);
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

static int conditional(struct hcl_evaluation *e, json_object **ret, struct error *err)
{
        cleanup_json json_object *condition = NULL, *yes = NULL, *no = NULL;
        bool skip = e->skip, chosen;
        int r;

        if (binary(e, 1, &condition, err) < 0)
                return -1;
        if (!hcl_take(e, "?")) {
                *ret = take_ptr(condition);
                return 0;
        }
        chosen = json_object_get_boolean(condition);
        e->skip = skip || !chosen;
        r = hcl_expression(e, &yes, err) < 0 ? -1 : hcl_need(e, ":", err);
        e->skip = skip || chosen;
        if (r == 0)
                r = hcl_expression(e, &no, err);
        e->skip = skip;
        if (r < 0)
                return -1;
        *ret = chosen ? take_ptr(yes) : take_ptr(no);
        return 0;
}

int hcl_expression(struct hcl_evaluation *e, json_object **ret, struct error *err)
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

static void add_escape(struct hcl_evaluation *e, struct strbuf *out)
{
        static const char names[] = "nrt", values[] = "\n\r\t";
        const char *known = strchr(names, *e->at);

        strbuf_addc(out, known ? values[known - names] : *e->at);
        e->at++;
}

/* "${…}": its value goes into the text; alone it is the value. */
static int interpolate(struct hcl_evaluation *e, json_object **ret, struct error *err)
{
        int r;

        e->at += 2;
        e->brackets++;
        hcl_take(e, "~");
        r = hcl_expression(e, ret, err);
        if (r == 0) {
                hcl_take(e, "~");
                r = hcl_need(e, "}", err);
        }
        e->brackets--;
        return r;
}

static int template_until(struct hcl_evaluation *e, const char *end, bool escapes, json_object **ret,
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
        struct hcl_evaluation e = { .at = text, .scope = scope };
        cleanup_json json_object *value = NULL;

        if (hcl_expression(&e, &value, err) < 0)
                return -1;
        e.brackets = 1;
        hcl_blanks(&e);
        if (*e.at)
                return hcl_unexpected(&e, err);
        *ret = take_ptr(value);
        return 0;
}

int hcl_template(const char *text, const struct hcl_scope *scope, json_object **ret, struct error *err)
{
        struct hcl_evaluation e = { .at = text, .scope = scope };

        return template_until(&e, "", false, ret, err);
}
