/* HCL's lists, objects and `for`. */
#include "cli/hcl-evaluation.h"

int hcl_list_items(struct hcl_evaluation *e, const char *end, json_object *list, struct error *err)
{
        while (!hcl_take(e, end)) {
                json_object *item = NULL;

                if (hcl_expression(e, &item, err) < 0)
                        return -1;
                json_object_array_add(list, item);
                if (!hcl_take(e, ",")) {
                        if (hcl_take(e, "..."))
                                return hcl_need(e, end, err); /* f(list...): the caller spreads it */
                        return hcl_need(e, end, err);
                }
        }
        return 0;
}

struct for_clause {
        const char *key, *value; /* names; key NULL */
        size_t key_len, value_len;
};

/* "for k, v in COLLECTION :" */
static int for_head(struct hcl_evaluation *e, struct for_clause *c, json_object **ret, struct error *err)
{
        hcl_blanks(e);
        *c = (struct for_clause){ .value = e->at, .value_len = hcl_name_length(e->at) };
        e->at += c->value_len;
        if (hcl_take(e, ",")) {
                hcl_blanks(e);
                c->key = c->value;
                c->key_len = c->value_len;
                c->value = e->at;
                c->value_len = hcl_name_length(e->at);
                e->at += c->value_len;
        }
        if (!c->value_len || !hcl_take_word(e, "in"))
                return hcl_unexpected(e, err);
        return hcl_expression(e, ret, err) < 0 ? -1 : hcl_need(e, ":", err);
}

/* One turn: the result of "EXPR [if COND]" or "KEY => VALUE [if COND]". */
static int for_turn(struct hcl_evaluation *e, bool object, json_object *out, struct error *err)
{
        cleanup_json json_object *key = NULL, *value = NULL, *condition = NULL;
        cleanup_free char *name = NULL;

        if (hcl_expression(e, object ? &key : &value, err) < 0 ||
            (object && (hcl_need(e, "=>", err) < 0 || hcl_expression(e, &value, err) < 0)))
                return -1;
        if (hcl_take_word(e, "if")) {
                if (hcl_expression(e, &condition, err) < 0)
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

static int for_each(struct hcl_evaluation *e, const struct for_clause *c, json_object *key,
                    json_object *value, bool object, json_object *out, struct error *err)
{
        const struct hcl_local *outer = e->locals;
        struct hcl_local k = { c->key, c->key_len, key, outer },
                         v = { c->value, c->value_len, value, c->key ? &k : outer };
        int r;

        e->locals = &v;
        r = for_turn(e, object, out, err);
        e->locals = outer;
        return r;
}

static int for_expression(struct hcl_evaluation *e, bool object, json_object **ret, struct error *err)
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
        if (for_each(e, &c, NULL, NULL, object, out, err) < 0 || hcl_need(e, object ? "}" : "]", err) < 0)
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

static int object_key(struct hcl_evaluation *e, char **ret, struct error *err)
{
        cleanup_json json_object *key = NULL;
        size_t len;

        hcl_blanks(e);
        len = hcl_name_length(e->at);
        if (len) {
                *ret = xstrndup(e->at, len);
                e->at += len;
                return 0;
        }
        if (hcl_expression(e, &key, err) < 0)
                return -1;
        if (e->skip) {
                *ret = xstrdup("");
                return 0;
        }
        return hcl_text(key, ret, err);
}

static int object_items(struct hcl_evaluation *e, json_object *object, struct error *err)
{
        while (!hcl_take(e, "}")) {
                cleanup_free char *key = NULL;
                json_object *value = NULL;

                if (object_key(e, &key, err) < 0)
                        return -1;
                if (!hcl_take(e, "=") && !hcl_take(e, ":"))
                        return hcl_unexpected(e, err);
                /* An item ends at its line's end. */
                if (hcl_expression(e, &value, err) < 0)
                        return -1;
                json_object_object_add(object, key, value);
                hcl_take(e, ",");
        }
        return 0;
}

int hcl_collection(struct hcl_evaluation *e, bool object, json_object **ret, struct error *err)
{
        cleanup_json json_object *out = NULL;
        int r;

        e->brackets++;
        if (hcl_take_word(e, "for")) {
                r = for_expression(e, object, ret, err);
        } else {
                out = object ? json_object_new_object() : json_object_new_array();
                r = object ? object_items(e, out, err) : hcl_list_items(e, "]", out, err);
                if (r == 0)
                        *ret = take_ptr(out);
        }
        e->brackets--;
        return r;
}
