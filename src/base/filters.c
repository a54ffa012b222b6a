#include "base/filters.h"
#include "base/json.h"

#include <regex.h>

#define FILTERS_MAX 100
#define FILTER_VALUES_MAX 1000

static struct filter *find(const struct filters *f, const char *key)
{
        for (size_t i = 0; i < f->count; i++)
                if (streq(f->items[i].key, key))
                        return &f->items[i];
        return NULL;
}

static struct filter *find_or_add(struct filters *f, const char *key)
{
        struct filter *filter = find(f, key);

        if (filter)
                return filter;
        ARRAY_APPEND(f->items, f->count, ((struct filter){ xstrdup(key), strv_new() }));
        return &f->items[f->count - 1];
}

void filters_add(struct filters *f, const char *key, const char *value)
{
        struct filter *filter = find_or_add(f, key);

        if (!strv_contains(filter->values, value))
                strv_append(&filter->values, value);
}

static int parse_values(struct filters *f, const char *key, json_object *values, struct error *err)
{
        find_or_add(f, key);
        if (json_object_is_type(values, json_type_object) &&
            json_object_object_length(values) <= FILTER_VALUES_MAX) {
                json_object_object_foreach(values, value, wanted)
                {
                        if (!json_object_is_type(wanted, json_type_boolean))
                                return error_set(err, ERROR_INVALID, "invalid filter");
                        filters_add(f, key, value);
                }
                return 0;
        }
        if (!values)
                return 0;
        if (!json_object_is_type(values, json_type_array) ||
            json_object_array_length(values) > FILTER_VALUES_MAX)
                return error_set(err, ERROR_INVALID, "invalid filter");
        for (size_t i = 0; i < json_object_array_length(values); i++) {
                json_object *value = json_object_array_get_idx(values, i);

                if (!json_object_is_type(value, json_type_string))
                        return error_set(err, ERROR_INVALID, "invalid filter");
                filters_add(f, key, json_object_get_string(value));
        }
        return 0;
}

int filters_parse(const char *text, struct filters *ret, struct error *err)
{
        cleanup_json json_object *tree = NULL;
        struct filters filters = {};

        if (string_empty(text))
                return 0;
        if (json_parse_text(text, strlen(text), &tree, NULL) < 0 ||
            !json_object_is_type(tree, json_type_object) || json_object_object_length(tree) > FILTERS_MAX)
                return error_set(err, ERROR_INVALID, "invalid filter");
        json_object_object_foreach(tree, key, values)
        {
                if (parse_values(&filters, key, values, err) < 0) {
                        filters_deinit(&filters);
                        return -1;
                }
        }
        *ret = filters;
        return 0;
}

void filters_deinit(struct filters *f)
{
        for (size_t i = 0; i < f->count; i++) {
                free(f->items[i].key);
                strv_free(f->items[i].values);
        }
        free(f->items);
        *f = (struct filters){};
}

int filters_check(const struct filters *f, const char *const *accepted, struct error *err)
{
        for (size_t i = 0; i < f->count; i++)
                if (!strv_contains((char *const *)accepted, f->items[i].key))
                        return *f->items[i].key
                                   ? error_set(err, ERROR_INVALID, "invalid filter '%s'", f->items[i].key)
                                   : error_set(err, ERROR_INVALID, "invalid filter");
        return 0;
}

char *const *filters_get(const struct filters *f, const char *key)
{
        struct filter *filter = find(f, key);

        return filter && filter->values[0] ? filter->values : NULL;
}

bool filters_match(const struct filters *f, const char *key, const char *value)
{
        char *const *values = filters_get(f, key);

        return !values || (value && strv_contains(values, value));
}

bool filters_match_labels(const struct filters *f, const char *key, const struct strmap *labels)
{
        char *const *values = filters_get(f, key);

        for (; values && *values; values++) {
                const char *equals = strchr(*values, '=');
                cleanup_free char *name =
                    equals ? xstrndup(*values, (size_t)(equals - *values)) : xstrdup(*values);
                const char *value = strmap_get(labels, name);

                if (!value || (equals && !streq(value, equals + 1)))
                        return false;
        }
        return true;
}

bool filters_match_prefix(const struct filters *f, const char *key, const char *value)
{
        char *const *values = filters_get(f, key);

        if (!values)
                return true;
        for (; *values; values++)
                if (value && string_after(value, *values))
                        return true;
        return false;
}

bool filters_match_regex(const struct filters *f, const char *key, const char *value)
{
        char *const *values = filters_get(f, key);
        bool matched = false;

        if (!values)
                return true;
        for (; *values && !matched; values++) {
                regex_t regex;

                if (streq(*values, value))
                        return true;
                if (regcomp(&regex, *values, REG_EXTENDED | REG_NOSUB) != 0)
                        continue;
                matched = value && regexec(&regex, value, 0, NULL, 0) == 0;
                regfree(&regex);
        }
        return matched;
}

int filters_get_bool(const struct filters *f, const char *key, bool fallback, bool *ret, struct error *err)
{
        char *const *values = filters_get(f, key);
        bool yes, no;

        if (!values) {
                *ret = fallback;
                return 0;
        }
        yes = strv_contains(values, "1") || strv_contains(values, "true");
        no = strv_contains(values, "0") || strv_contains(values, "false");
        if (yes == no) {
                cleanup_free char *list = strv_join(values, " ");

                return error_set(err, ERROR_INVALID, "invalid filter '%s=[%s]'", key, list);
        }
        *ret = yes;
        return 0;
}
