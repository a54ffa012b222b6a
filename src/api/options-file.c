/* daemon.json: the same options as the flags, in JSON's types, with dockerd's complaints. */
#include "api/options-internal.h"

#include "base/fd.h"
#include "base/json.h"

static int wrong_type(const char *key, const char *wanted, struct error *err)
{
        return error_set(err, ERROR_INVALID, "invalid JSON: %s must be %s", key, wanted);
}

static int file_list(const struct option *o, json_object *value, struct daemon_options *d, struct error *err)
{
        if (!json_object_is_type(value, json_type_array))
                return wrong_type(option_key(o), "a list", err);
        for (size_t i = 0; i < json_object_array_length(value); i++) {
                json_object *item = json_object_array_get_idx(value, i);
                cleanup_free char *text = NULL;

                if (o->type == OPTION_POOLS)
                        text = string_format("base=%s,size=%d", json_get_string(item, "base") ?: "",
                                             (int)json_get_int64(item, "size", 0));
                else if (!json_object_is_type(item, json_type_string))
                        return wrong_type(option_key(o), "a list of strings", err);
                if (option_set(o, d, text ? text : json_object_get_string(item), err) < 0)
                        return error_context(err, "%s", option_key(o));
        }
        return 0;
}

/* default-ulimits is {"nofile": {"Name": "nofile", "Hard": 64, "Soft": 64}} in the file. */
static int file_ulimits(json_object *value, struct daemon_options *d, struct error *err)
{
        if (!json_object_is_type(value, json_type_object))
                return wrong_type("default-ulimits", "an object", err);
        json_object_object_foreach(value, name, limit)
        {
                int64_t soft = json_get_int64(limit, "Soft", 0), hard = json_get_int64(limit, "Hard", soft);

                strv_append_take(&d->default_ulimits,
                                 string_format("%s=%lld:%lld", name, (long long)soft, (long long)hard));
        }
        return 0;
}

/* "proxies": {"http-proxy": …, "https-proxy": …, "no-proxy": …}; a flag counts more. */
static int file_proxies(json_object *value, struct daemon_options *d, struct error *err)
{
        if (!json_object_is_type(value, json_type_object))
                return wrong_type("proxies", "an object", err);
        json_object_object_foreach(value, name, proxy)
        {
                const struct option *o =
                    string_ends_with(name, "-proxy") ? option_by_flag(name, strlen(name)) : NULL;
                char **field =
                    o && o->type == OPTION_STRING ? (char **)(void *)((char *)d + o->offset) : NULL;

                if (!field)
                        return error_set(
                            err, ERROR_INVALID,
                            "the following directives don't match any configuration option: proxies.%s",
                            name);
                if (!json_object_is_type(proxy, json_type_string))
                        return wrong_type(name, "a string", err);
                if (!*field)
                        *field = xstrdup(json_object_get_string(proxy));
        }
        return 0;
}

static int file_map(const struct option *o, json_object *value, struct daemon_options *d, struct error *err)
{
        struct strmap *map = (struct strmap *)((char *)d + o->offset);

        if (!json_object_is_type(value, json_type_object))
                return wrong_type(option_key(o), "an object", err);
        json_object_object_foreach(value, name, item)
        {
                if (!json_object_is_type(item, json_type_string))
                        return wrong_type(option_key(o), "an object of strings", err);
                strmap_set(map, name, json_object_get_string(item));
        }
        return 0;
}

static int file_value(const struct option *o, json_object *value, struct daemon_options *d, struct error *err)
{
        static const struct {
                json_type type;
                const char *name;
        } wanted[] = {
                [OPTION_BOOL] = { json_type_boolean, "a boolean" },
                [OPTION_NOT] = { json_type_boolean, "a boolean" },
                [OPTION_STRING] = { json_type_string, "a string" },
                [OPTION_INT] = { json_type_int, "a number" },
                [OPTION_BYTES] = { json_type_string, "a string" },
        };

        if (streq(o->flag, "default-ulimit"))
                return file_ulimits(value, d, err);
        if (o->type == OPTION_PROXIES)
                return file_proxies(value, d, err);
        if (o->type == OPTION_LIST || o->type == OPTION_POOLS)
                return file_list(o, value, d, err);
        if (o->type == OPTION_MAP)
                return file_map(o, value, d, err);
        if (!json_object_is_type(value, wanted[o->type].type))
                return wrong_type(option_key(o), wanted[o->type].name, err);
        if (option_set(o, d, json_object_get_string(value), err) < 0)
                return error_context(err, "%s", option_key(o));
        return 0;
}

/* A flag's value as Go prints it in the complaint. */
static char *show_flag(const struct option *o, const struct daemon_options *d)
{
        const void *field = (const char *)d + o->offset;
        cleanup_free char *list = NULL;

        switch (o->type) {
        case OPTION_BOOL:
        case OPTION_NOT:
                return xstrdup(*(const bool *)field ^ (o->type == OPTION_NOT) ? "true" : "false");
        case OPTION_INT:
        case OPTION_BYTES:
                return string_format("%lld", (long long)*(const int64_t *)field);
        case OPTION_LIST:
        case OPTION_POOLS:
                list = strv_join(*(char *const *const *)field, " ");
                return string_format("[%s]", list);
        case OPTION_STRING:
                return xstrdup(*(char *const *)field);
        default:
                return xstrdup("…");
        }
}

static char *show_file(json_object *value)
{
        struct strbuf b = {};

        if (!json_object_is_type(value, json_type_array))
                return xstrdup(value ? json_object_get_string(value) : "null");
        strbuf_addc(&b, '[');
        for (size_t i = 0; i < json_object_array_length(value); i++)
                strbuf_addf(&b, "%s%s", i ? " " : "",
                            json_object_get_string(json_object_array_get_idx(value, i)));
        strbuf_addc(&b, ']');
        return strbuf_take(&b);
}

/* dockerd's two complaints, each with all names at once. */
static int check_keys(json_object *tree, const struct daemon_options *d, char *const *given,
                      struct error *err)
{
        cleanup_strbuf struct strbuf unknown = {}, both = {};

        json_object_object_foreach(tree, key, value)
        {
                const struct option *o = option_by_key(key);

                if (!o) {
                        strbuf_addf(&unknown, "%s%s", unknown.len ? ", " : "", key);
                } else if (strv_contains(given, o->flag)) {
                        cleanup_free char *flag = show_flag(o, d), *file = show_file(value);

                        strbuf_addf(&both, "%s%s: (from flag: %s, from file: %s)", both.len ? ", " : "", key,
                                    flag, file);
                }
        }
        if (unknown.len)
                return error_set(err, ERROR_INVALID,
                                 "the following directives don't match any configuration option: %s",
                                 unknown.data);
        if (both.len)
                return error_set(
                    err, ERROR_INVALID,
                    "the following directives are specified both as a flag and in the configuration file: %s",
                    both.data);
        return 0;
}

/* As option_accepts(): a text, a boolean, or an object of which each member is. */
static bool file_accepted(const struct option *o, json_object *value)
{
        if (!json_object_is_type(value, json_type_object))
                return option_accepts(o, json_object_get_string(value));
        json_object_object_foreach(value, name, member)
        {
                cleanup_free char *pair = string_format("%s=%s", name, json_object_get_string(member));

                if (!option_accepts(o, pair))
                        return false;
        }
        return true;
}

int daemon_options_parse_file(struct daemon_options *d, char *const *given, const char *text, size_t len,
                              struct error *err)
{
        cleanup_json json_object *tree = NULL;

        if (json_parse_text(text, len, &tree, err) < 0)
                return -1;
        if (!json_object_is_type(tree, json_type_object))
                return error_set(err, ERROR_INVALID, "invalid JSON: want an object");
        if (check_keys(tree, d, given, err) < 0)
                return -1;
        json_object_object_foreach(tree, key, value)
        {
                const struct option *o = option_by_key(key);

                if (!o)
                        continue; /* check_keys() has refused it */
                if (o->type == OPTION_REFUSED && file_accepted(o, value))
                        continue;
                if (streq(o->flag, "builder")) {
                        if (options_read_builder(value, &d->build_gc, err) < 0)
                                return -1;
                        continue;
                }
                if (o->type == OPTION_REFUSED)
                        return option_refuse(o, "key", key, err);
                if (file_value(o, value, d, err) < 0)
                        return -1;
        }
        return 0;
}

int daemon_options_read_file(struct daemon_options *d, char *const *given, struct error *err)
{
        const char *path = d->config_file ? d->config_file : DAEMON_JSON;
        cleanup_free char *text = NULL;
        cleanup_error struct error inner = {};
        size_t len;

        if (!d->config_file && access(path, F_OK) < 0)
                return 0;
        if (file_read(AT_FDCWD, path, DAEMON_JSON_MAX, &text, &len, &inner) < 0 ||
            (len > 0 && daemon_options_parse_file(d, given, text, len, &inner) < 0))
                return error_set(err, inner.kind, "unable to configure the daemon with file %s: %s", path,
                                 error_message(&inner));
        return 0;
}
