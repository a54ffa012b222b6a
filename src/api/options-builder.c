/* daemon.json's "builder": {"gc": {…}}. */
#include "api/options-internal.h"

#include "base/json.h"
#include "base/units.h"

#define RULES_MAX 64

static int wrong_type(const char *path, const char *key, const char *wanted, struct error *err)
{
        return error_set(err, ERROR_INVALID, "invalid JSON: %s.%s must be %s", path, key, wanted);
}

/* Limits go by these names in a rule, and behind "default" with a capital. */
static const struct {
        const char *name;
        size_t offset;
} limits[] = {
        { "keepStorage", offsetof(struct build_gc_rule, reserved_space) }, /* the old name */
        { "reservedSpace", offsetof(struct build_gc_rule, reserved_space) },
        { "maxUsedSpace", offsetof(struct build_gc_rule, max_used_space) },
        { "minFreeSpace", offsetof(struct build_gc_rule, min_free_space) },
};

/* 1 when `key` is a limit, 0 when it is not. */
static int read_limit(const char *path, const char *key, const char *name, json_object *value,
                      struct build_gc_rule *rule, struct error *err)
{
        for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
                int64_t *field = (int64_t *)((char *)rule + limits[i].offset);

                if (!name || strcasecmp(limits[i].name, name) != 0)
                        continue;
                if (!json_object_is_type(value, json_type_string))
                        return wrong_type(path, key, "a string", err);
                if (size_parse(json_object_get_string(value), field, err) < 0)
                        return error_context(err, "%s.%s", path, key);
                return 1;
        }
        return 0;
}

/* ["unused-for=24h"] or, as the API has them, {"unused-for": ["24h"]}. */
static int read_filters(const char *path, json_object *value, struct filters *ret, struct error *err)
{
        if (json_object_is_type(value, json_type_object)) {
                if (filters_parse(json_object_get_string(value), ret, err) < 0)
                        return error_context(err, "%s.filter", path);
        } else if (!json_object_is_type(value, json_type_array)) {
                return wrong_type(path, "filter", "a list of strings", err);
        }
        for (size_t i = 0; json_object_is_type(value, json_type_array) && i < json_object_array_length(value);
             i++) {
                const char *text = json_object_get_string(json_object_array_get_idx(value, i));
                const char *equals = text ? strchr(text, '=') : NULL;
                cleanup_free char *key = equals ? xstrndup(text, (size_t)(equals - text)) : NULL;

                if (!key || !*key)
                        return error_set(err, ERROR_INVALID, "%s.filter: invalid filter \"%s\"", path,
                                         text ?: "");
                filters_add(ret, key, equals + 1);
        }
        return build_filters_check(ret, err) < 0 ? error_context(err, "%s.filter", path) : 0;
}

static int read_rule(const char *path, json_object *value, struct build_gc_rule *rule, struct error *err)
{
        if (!json_object_is_type(value, json_type_object))
                return error_set(err, ERROR_INVALID, "invalid JSON: %s must be an object", path);
        json_object_object_foreach(value, key, item)
        {
                int r = read_limit(path, key, key, item, rule, err);

                if (r < 0)
                        return -1;
                if (r > 0)
                        continue;
                if (streq(key, "filter")) {
                        if (read_filters(path, item, &rule->filters, err) < 0)
                                return -1;
                } else if (!streq(key, "all")) {
                        return error_set(err, ERROR_UNSUPPORTED, "key %s.%s is not supported by davitd", path,
                                         key);
                } else if (!json_object_is_type(item, json_type_boolean)) {
                        return wrong_type(path, key, "a boolean", err);
                } else {
                        rule->all = json_object_get_boolean(item);
                }
        }
        return 0;
}

static int read_policy(json_object *value, struct build_gc *gc, struct error *err)
{
        if (!json_object_is_type(value, json_type_array))
                return wrong_type("builder.gc", "policy", "a list", err);
        if (json_object_array_length(value) > RULES_MAX)
                return error_set(err, ERROR_INVALID, "builder.gc.policy: more than %d rules", RULES_MAX);
        for (size_t i = 0; i < json_object_array_length(value); i++) {
                cleanup_free char *path = string_format("builder.gc.policy[%zu]", i);
                struct build_gc_rule rule = {};

                ARRAY_APPEND(gc->rules, gc->n_rules, rule);
                if (read_rule(path, json_object_array_get_idx(value, i), &gc->rules[i], err) < 0)
                        return -1;
        }
        return 0;
}

static int read_gc(json_object *value, struct build_gc *gc, struct error *err)
{
        if (!json_object_is_type(value, json_type_object))
                return wrong_type("builder", "gc", "an object", err);
        json_object_object_foreach(value, key, item)
        {
                int r = read_limit("builder.gc", key, string_after(key, "default"), item, &gc->defaults, err);

                if (r < 0)
                        return -1;
                if (r > 0)
                        continue;
                if (streq(key, "policy")) {
                        if (read_policy(item, gc, err) < 0)
                                return -1;
                } else if (!streq(key, "enabled")) {
                        return error_set(err, ERROR_UNSUPPORTED,
                                         "key builder.gc.%s is not supported by davitd", key);
                } else if (!json_object_is_type(item, json_type_boolean)) {
                        return wrong_type("builder.gc", key, "a boolean", err);
                } else {
                        gc->disabled = !json_object_get_boolean(item);
                }
        }
        return 0;
}

int options_read_builder(json_object *value, struct build_gc *ret, struct error *err)
{
        build_gc_deinit(ret); /* the last one of a key counts */
        if (!json_object_is_type(value, json_type_object))
                return error_set(err, ERROR_INVALID, "invalid JSON: builder must be an object");
        json_object_object_foreach(value, key, item)
        {
                if (!streq(key, "gc"))
                        return error_set(err, ERROR_UNSUPPORTED, "key builder.%s is not supported by davitd",
                                         key);
                if (read_gc(item, ret, err) < 0)
                        return -1;
        }
        return 0;
}
