/* Build definitions: files → variables, functions, groups, targets → what is asked for.
 *
 * Theory of operation. A file's items are gathered by kind and name. A variable is the environment's, else
 * its default, evaluated when somebody asks. A target's attributes are evaluated once (for each combination
 * of its matrix), files in order; then inherited ones are put below, overrides above. */
#include "cli/bake-definition.h"

#include <fnmatch.h>

/* ---- Targets ---- */

static bool is_map(const char *attribute)
{
        return streq(attribute, "args") || streq(attribute, "labels") || streq(attribute, "contexts");
}

/* Puts an attribute over what is there: maps are merged, everything else is replaced. */
static void put_attribute(json_object *target, const char *name, json_object *value)
{
        json_object *old = json_get(target, name);

        if (!value)
                return;
        if (!is_map(name) || !json_object_is_type(old, json_type_object) ||
            !json_object_is_type(value, json_type_object)) {
                cleanup_free char *copy = json_format(value);
                json_object *own = json_object_is_type(value, json_type_object) ? json_tokener_parse(copy)
                                                                                : json_object_get(value);

                json_object_object_add(target, name, own);
                return;
        }
        json_object_object_foreach(value, key, item) json_object_object_add(old, key, json_object_get(item));
}

static int evaluate_target(struct bake *b, const char *name, json_object *own, json_object *target,
                           struct error *err)
{
        for (size_t i = 0; i < b->n_items; i++) {
                struct bake_item *item = &b->items[i];

                for (size_t n = 0;
                     n < item->n_attributes && streq(item->kind, "target") && streq(item->name, name); n++) {
                        cleanup_json json_object *value = NULL;
                        const char *attribute = item->attributes[n].name;

                        if (streq(attribute, "matrix") || streq(attribute, "name"))
                                continue;
                        if (bake_evaluate(b, &item->attributes[n].value, own, &value, err) < 0)
                                return error_context(err, "target %s: %s", name, attribute);
                        put_attribute(target, attribute, value);
                }
        }
        return 0;
}

static void add_to_group(struct bake *b, const char *group, const char *target)
{
        json_object *list = json_get(b->groups, group);

        if (!list) {
                list = json_object_new_array();
                json_object_object_add(b->groups, group, list);
        }
        json_object_array_add(list, json_object_new_string(target));
}

/* One combination of a matrix; `name` gives the target's own name. */
static int expand_one(struct bake *b, const char *name, const struct bake_value *own_name,
                      json_object *values, struct error *err)
{
        cleanup_json json_object *shown = NULL;
        json_object *target = json_object_new_object();
        cleanup_free char *text = NULL;

        if (!own_name)
                text = xstrdup(name);
        else if (bake_evaluate(b, own_name, values, &shown, err) < 0 || hcl_text(shown, &text, err) < 0) {
                json_object_put(target);
                return error_context(err, "target %s: name", name);
        }
        if (own_name)
                add_to_group(b, name, text);
        json_object_object_add(b->targets, text, target);
        return evaluate_target(b, name, values, target, err);
}

/* All combinations, the first key's values outermost. */
static int expand(struct bake *b, const char *name, const struct bake_value *own_name, json_object *matrix,
                  size_t key, json_object *values, struct error *err)
{
        size_t i = 0;

        if (key == (size_t)json_object_object_length(matrix))
                return expand_one(b, name, own_name, values, err);
        json_object_object_foreach(matrix, axis, list)
        {
                if (i++ != key)
                        continue;
                if (!json_object_is_type(list, json_type_array))
                        return error_set(err, ERROR_INVALID, "target %s: matrix.%s is no list", name, axis);
                for (size_t n = 0; n < json_object_array_length(list); n++) {
                        json_object_object_add(values, axis,
                                               json_object_get(json_object_array_get_idx(list, n)));
                        if (expand(b, name, own_name, matrix, key + 1, values, err) < 0)
                                return -1;
                }
        }
        return 0;
}

static int evaluate_item(struct bake *b, const struct bake_item *item, struct error *err)
{
        cleanup_json json_object *values = json_object_new_object(), *matrix = NULL, *members = NULL;
        bool known = false, group = streq(item->kind, "group");
        const struct bake_value *axes =
                                    group ? NULL : bake_find_value(b, "target", item->name, "matrix", &known),
                                *list =
                                    group ? bake_find_value(b, "group", item->name, "targets", &known) : NULL;

        if (group) {
                if (list && bake_evaluate(b, list, NULL, &members, err) < 0)
                        return error_context(err, "group %s", item->name);
                json_object_object_add(b->groups, item->name,
                                       json_object_is_type(members, json_type_array)
                                           ? take_ptr(members)
                                           : json_object_new_array());
                return 0;
        }
        if (!axes)
                return expand_one(b, item->name, NULL, NULL, err);
        if (bake_evaluate(b, axes, NULL, &matrix, err) < 0 || !json_object_is_type(matrix, json_type_object))
                return err->kind
                           ? -1
                           : error_set(err, ERROR_INVALID, "target %s: matrix must be an object", item->name);
        return expand(b, item->name, bake_find_value(b, "target", item->name, "name", &known), matrix, 0,
                      values, err);
}

static int evaluate_all(struct bake *b, struct error *err)
{
        cleanup_strv char **seen = strv_new();

        if (b->targets)
                return 0;
        b->targets = json_object_new_object();
        b->groups = json_object_new_object();
        for (size_t i = 0; i < b->n_items; i++) {
                cleanup_free char *id = string_format("%s %s", b->items[i].kind, b->items[i].name);

                if ((!streq(b->items[i].kind, "group") && !streq(b->items[i].kind, "target")) ||
                    strv_contains(seen, id))
                        continue;
                strv_append(&seen, id);
                if (evaluate_item(b, &b->items[i], err) < 0)
                        return -1;
        }
        return 0;
}

/* ---- Overrides ---- */

int bake_override(struct bake *b, const char *text, struct error *err)
{
        const char *equals = strchr(text, '='), *dot = strchr(text, '.');

        if (!dot || (equals && dot > equals))
                return error_set(err, ERROR_INVALID, "invalid override key %.*s, expected target.name",
                                 (int)strcspn(text, "="), text);
        strv_append(&b->overrides, text);
        return 0;
}

static json_object *override_value(const char *key, const char *value)
{
        static const char *const lists[] = {
                "tags",    "cache-from", "cache-to",        "output", "platforms", "platform",     "secret",
                "secrets", "ssh",        "no-cache-filter", "attest", "ulimits",   "entitlements", NULL
        };
        json_object *list;
        bool flag;

        if ((streq(key, "no-cache") || streq(key, "pull") || streq(key, "push") || streq(key, "load")) &&
            string_to_bool(value, &flag) == 0)
                return json_object_new_boolean(flag);
        if (!strv_contains((char *const *)lists, key))
                return json_object_new_string(value);
        list = json_object_new_array();
        if (*value)
                json_object_array_add(list, json_object_new_string(value));
        return list;
}

static void apply_override(json_object *target, const char *path, const char *value)
{
        const char *dot = strchr(path, '.');
        cleanup_free char *key = xstrndup(path, dot ? (size_t)(dot - path) : strlen(path));
        json_object *map;

        if (streq(key, "platform"))
                replace_string(&key, "platforms");
        if (!dot) {
                json_object_object_add(target, key, override_value(key, value));
                return;
        }
        map = json_get(target, key);
        if (!map) {
                map = json_object_new_object();
                json_object_object_add(target, key, map);
        }
        json_object_object_add(map, dot + 1, json_object_new_string(value));
}

static void apply_overrides(const struct bake *b, const char *name, json_object *target)
{
        cleanup_strv char **replaced = strv_new();

        for (char **o = b->overrides; o && *o; o++) {
                const char *dot = strchr(*o, '.'), *equals = strchr(*o, '=');
                cleanup_free char *pattern = xstrndup(*o, (size_t)(dot - *o)),
                                  *path = xstrndup(dot + 1,
                                                   equals ? (size_t)(equals - dot) - 1 : strlen(dot + 1));
                const char *value = equals ? equals + 1 : getenv(strrchr(path, '.') ? strrchr(path, '.') + 1 : path) ?: "";
                json_object *list = json_get(target, path);

                if (fnmatch(pattern, name, 0) != 0)
                        continue;
                /* The first one replaces a list, the next ones add to it. */
                if (strv_contains(replaced, path) && json_object_is_type(list, json_type_array))
                        json_object_array_add(list, json_object_new_string(value));
                else
                        apply_override(target, path, value);
                strv_append(&replaced, path);
        }
}

/* ---- What is asked for ---- */

struct resolution {
        struct bake *bake;
        json_object *targets; /* done */
        char **names;         /* of those that were asked for */
};

static int inherit(struct bake *b, const char *name, json_object *into, int depth, struct error *err)
{
        json_object *target = json_get(b->targets, name), *parents = json_get(target, "inherits");

        if (!target)
                return error_set(err, ERROR_NOT_FOUND, "failed to find target %s", name);
        if (depth > BAKE_DEEP)
                return error_set(err, ERROR_INVALID, "infinite loop from %s", name);
        for (size_t i = 0; parents && i < json_object_array_length(parents); i++)
                if (inherit(b, json_object_get_string(json_object_array_get_idx(parents, i)), into, depth + 1,
                            err) < 0)
                        return -1;
        json_object_object_foreach(target, key, value) if (!streq(key, "inherits"))
            put_attribute(into, key, value);
        return 0;
}

static int add_target(struct resolution *r, const char *name, struct error *err)
{
        json_object *target, *contexts;

        if (json_get(r->targets, name))
                return 0;
        target = json_object_new_object();
        json_object_object_add(r->targets, name, target);
        if (inherit(r->bake, name, target, 0, err) < 0)
                return -1;
        apply_overrides(r->bake, name, target);
        contexts = json_get(target, "contexts");
        if (!contexts)
                return 0;
        json_object_object_foreach(contexts, context, place)
        {
                const char *other = string_after(json_object_get_string(place) ?: "", "target:");

                (void)context;
                if (other && add_target(r, other, err) < 0)
                        return -1;
        }
        return 0;
}

static int add_name(struct resolution *r, const char *name, int depth, struct error *err)
{
        json_object *members = json_get(r->bake->groups, name);

        if (depth > BAKE_DEEP)
                return error_set(err, ERROR_INVALID, "infinite loop from %s", name);
        if (!members) {
                if (!strv_contains(r->names, name))
                        strv_append(&r->names, name);
                return add_target(r, name, err);
        }
        for (size_t i = 0; i < json_object_array_length(members); i++)
                if (add_name(r, json_object_get_string(json_object_array_get_idx(members, i)), depth + 1,
                             err) < 0)
                        return -1;
        return 0;
}

static json_object *group_json(char *const *names)
{
        json_object *group = json_object_new_object(), *list = json_object_new_array(),
                    *groups = json_object_new_object();

        for (; *names; names++)
                json_object_array_add(list, json_object_new_string(*names));
        json_object_object_add(group, "targets", list);
        json_object_object_add(groups, "default", group);
        return groups;
}

int bake_resolve(struct bake *b, char *const *names, json_object **ret, struct error *err)
{
        static char *const fallback[] = { (char *)"default", NULL };
        cleanup_json json_object *targets = json_object_new_object();
        struct resolution r = { b, targets, strv_new() };
        int result = evaluate_all(b, err);

        for (names = names && *names ? names : fallback; result == 0 && *names; names++)
                result = add_name(&r, *names, 0, err);
        if (result == 0) {
                json_object_object_foreach(targets, name, target)
                {
                        (void)name;
                        if (!json_get(target, "context"))
                                json_set_string(target, "context", ".");
                        if (!json_get(target, "dockerfile"))
                                json_set_string(target, "dockerfile", "Dockerfile");
                }
                *ret = json_object_new_object();
                json_object_object_add(*ret, "group", group_json(r.names));
                json_object_object_add(*ret, "target", take_ptr(targets));
        }
        strv_free(r.names);
        return result;
}

/* ---- Lists ---- */

static int compare_rows(const void *a, const void *b)
{
        return strcmp(json_get_string(*(json_object *const *)a, "name"),
                      json_get_string(*(json_object *const *)b, "name"));
}

static json_object *row_of(const char *name, const char *description)
{
        json_object *row = json_object_new_object();

        json_set_string(row, "name", name);
        json_set_string(row, "description", description ?: "");
        return row;
}

int bake_list_targets(struct bake *b, json_object **ret, struct error *err)
{
        if (evaluate_all(b, err) < 0)
                return -1;
        *ret = json_object_new_array();
        json_object_object_foreach(b->targets, name, target)
            json_object_array_add(*ret, row_of(name, json_get_string(target, "description")));
        json_object_object_foreach(b->groups, group, members)
        {
                cleanup_strv char **list = strv_new();
                cleanup_free char *joined = NULL;

                for (size_t i = 0; i < json_object_array_length(members); i++)
                        strv_append(&list, json_object_get_string(json_object_array_get_idx(members, i)));
                joined = strv_join(list, ", ");
                json_object_array_add(*ret, row_of(group, joined));
        }
        json_object_array_sort(*ret, compare_rows);
        return 0;
}

int bake_list_variables(struct bake *b, json_object **ret, struct error *err)
{
        cleanup_strv char **seen = strv_new();

        *ret = json_object_new_array();
        for (size_t i = 0; i < b->n_items; i++) {
                const char *name = b->items[i].name;
                cleanup_json json_object *value = NULL, *description = NULL;
                const struct bake_value *text;
                bool known = false;
                json_object *row;

                if (!streq(b->items[i].kind, "variable") || strv_contains(seen, name))
                        continue;
                strv_append(&seen, name);
                text = bake_find_value(b, "variable", name, "description", &known);
                if (bake_variable(b, name, &value, err) < 0 ||
                    (text && bake_evaluate(b, text, NULL, &description, err) < 0))
                        return -1;
                row = row_of(name, description ? json_object_get_string(description) : "");
                json_set_string(row, "value", value ? json_object_get_string(value) : "");
                json_object_array_add(*ret, row);
        }
        json_object_array_sort(*ret, compare_rows);
        return 0;
}
