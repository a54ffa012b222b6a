/* The values of a build definition: variables (the environment's, else the default's), functions. */
#include "cli/bake-definition.h"

/* Names in an expression: of a function's parameters or a matrix first. */
struct names {
        struct bake *bake;
        json_object *own;
};

static int find_variable(void *arg, const char *name, json_object **ret, struct error *err);
static int call_function(void *arg, const char *name, json_object *const *args, size_t n, json_object **ret,
                         struct error *err);

/* Every string of the tree as a template. */
static int evaluate_json(json_object *in, const struct hcl_scope *scope, json_object **ret, struct error *err)
{
        if (json_object_is_type(in, json_type_string))
                return hcl_template(json_object_get_string(in), scope, ret, err);
        if (json_object_is_type(in, json_type_array)) {
                cleanup_json json_object *out = json_object_new_array();

                for (size_t i = 0; i < json_object_array_length(in); i++) {
                        json_object *item = NULL;

                        if (evaluate_json(json_object_array_get_idx(in, i), scope, &item, err) < 0)
                                return -1;
                        json_object_array_add(out, item);
                }
                *ret = take_ptr(out);
                return 0;
        }
        if (json_object_is_type(in, json_type_object)) {
                cleanup_json json_object *out = json_object_new_object();

                json_object_object_foreach(in, key, value)
                {
                        json_object *item = NULL;

                        if (evaluate_json(value, scope, &item, err) < 0)
                                return -1;
                        json_object_object_add(out, key, item);
                }
                *ret = take_ptr(out);
                return 0;
        }
        *ret = json_object_get(in);
        return 0;
}

int bake_evaluate(struct bake *b, const struct bake_value *value, json_object *own, json_object **ret,
                  struct error *err)
{
        struct names names = { b, own };
        struct hcl_scope scope = { find_variable, call_function, &names };
        int r;

        if (b->depth >= BAKE_DEEP)
                return error_set(err, ERROR_INVALID,
                                 "variables or functions refer to each other in a circle");
        b->depth++;
        r = value->text ? hcl_evaluate(value->text, &scope, ret, err)
                        : evaluate_json(value->json, &scope, ret, err);
        b->depth--;
        return r;
}

const struct bake_value *bake_find_value(struct bake *b, const char *kind, const char *name,
                                         const char *attribute, bool *ret_item)
{
        const struct bake_value *found = NULL;

        for (size_t i = 0; i < b->n_items; i++) {
                struct bake_item *item = &b->items[i];

                if (!streq(item->kind, kind) || !streq(item->name, name))
                        continue;
                *ret_item = true;
                for (size_t n = 0; n < item->n_attributes; n++)
                        if (streq(item->attributes[n].name, attribute))
                                found = &item->attributes[n].value;
        }
        return found;
}

/* An environment's text takes the default's type. */
static json_object *as_type_of(const char *text, json_object *like)
{
        bool flag;
        int64_t number;

        if (json_object_is_type(like, json_type_boolean) && string_to_bool(text, &flag) == 0)
                return json_object_new_boolean(flag);
        if (json_object_is_type(like, json_type_int) && string_to_int64(text, &number, NULL) == 0)
                return json_object_new_int64(number);
        return json_object_new_string(text);
}

int bake_variable(struct bake *b, const char *name, json_object **ret, struct error *err)
{
        const char *environment = getenv(name);
        cleanup_json json_object *value = NULL;
        bool known = false;
        const struct bake_value *fallback = bake_find_value(b, "variable", name, "default", &known);

        if (!known)
                return 0;
        if (fallback && bake_evaluate(b, fallback, NULL, &value, err) < 0)
                return error_context(err, "variable %s", name);
        *ret = environment ? as_type_of(environment, value)
               : fallback  ? take_ptr(value)
                           : json_object_new_string("");
        return 1;
}

static int find_variable(void *arg, const char *name, json_object **ret, struct error *err)
{
        struct names *n = arg;
        json_object *own;
        int found;

        if (n->own && json_object_object_get_ex(n->own, name, &own)) {
                *ret = json_object_get(own);
                return 1;
        }
        found = bake_variable(n->bake, name, ret, err);
        if (found || !streq(name, "BAKE_LOCAL_PLATFORM"))
                return found;
        *ret = json_object_new_string("linux/amd64");
        return 1;
}

/* "[a, b]" of a function's params: names, not values. */
static char **parameter_names(const struct bake_value *params)
{
        char **list = strv_new();

        if (params && params->json)
                for (size_t i = 0; json_object_is_type(params->json, json_type_array) &&
                                   i < json_object_array_length(params->json);
                     i++)
                        strv_append(&list,
                                    json_object_get_string(json_object_array_get_idx(params->json, i)));
        for (const char *s = params && params->text ? params->text : ""; *s;) {
                size_t skip = strspn(s, "[], \t\r\n\""), len;

                s += skip;
                len = strcspn(s, "[], \t\r\n\"");
                if (len)
                        strv_append_take(&list, xstrndup(s, len));
                s += len;
        }
        return list;
}

static int call_function(void *arg, const char *name, json_object *const *args, size_t n, json_object **ret,
                         struct error *err)
{
        struct bake *b = ((struct names *)arg)->bake;
        bool known = false;
        const struct bake_value *result = bake_find_value(b, "function", name, "result", &known);
        cleanup_strv char **params = parameter_names(bake_find_value(b, "function", name, "params", &known)),
                          **more = parameter_names(
                              bake_find_value(b, "function", name, "variadic_params", &known));
        cleanup_json json_object *own = json_object_new_object(), *rest = json_object_new_array();

        if (!result)
                return 0;
        if (n < strv_length(params) || (n > strv_length(params) && !*more))
                return error_set(err, ERROR_INVALID, "%s: wrong number of arguments", name);
        for (size_t i = 0; i < n; i++)
                if (i < strv_length(params))
                        json_object_object_add(own, params[i], json_object_get(args[i]));
                else
                        json_object_array_add(rest, json_object_get(args[i]));
        if (*more)
                json_object_object_add(own, *more, take_ptr(rest));
        return bake_evaluate(b, result, own, ret, err) < 0 ? error_context(err, "%s", name) : 1;
}
