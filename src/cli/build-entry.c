/* Fields of --output, --cache-from, --cache-to: "type=local,dest=out". Pure. */
#include "cli/build.h"
#include "cli/container-grammar.h"

void build_entry_deinit(struct build_entry *e)
{
        free(e->type);
        strmap_deinit(&e->attributes);
        *e = (struct build_entry){};
}

int build_entry_parse(char *const *fields, struct build_entry *ret, struct error *err)
{
        struct build_entry e = {};

        for (; *fields; fields++) {
                const char *equals = strchr(*fields, '=');
                cleanup_free char *name = equals ? xstrndup(*fields, (size_t)(equals - *fields)) : NULL;

                if (!equals) {
                        build_entry_deinit(&e);
                        return error_set(err, ERROR_INVALID, "invalid value %s", *fields);
                }
                for (char *c = name; *c; c++)
                        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 'a' - 'A') : *c;
                if (streq(name, "type"))
                        replace_string(&e.type, equals + 1);
                else
                        strmap_set(&e.attributes, name, equals + 1);
        }
        *ret = e;
        return 0;
}

/* Of --cache-from and --cache-to: a name alone is an image in a registry. */
int build_cache_entry(const char *text, struct build_entry *ret, struct error *err)
{
        static const char *const missing[] = { "gha", "s3", "azblob" };
        cleanup_strv char **fields = NULL;

        if (grammar_split_csv(text, &fields, err) < 0)
                return -1;
        if (!fields[1] && !strchr(fields[0], '=')) {
                ret->type = xstrdup("registry");
                strmap_set(&ret->attributes, "ref", fields[0]);
                return 0;
        }
        if (build_entry_parse(fields, ret, err) < 0)
                return -1;
        for (size_t i = 0; i < ARRAY_SIZE(missing); i++)
                if (streq(ret->type, missing[i]))
                        return error_set(err, ERROR_UNSUPPORTED,
                                         "failed to build: cache type %s is not supported by davit",
                                         ret->type);
        if (string_empty(ret->type))
                return error_set(err, ERROR_INVALID, "type required form> \"%s\"", text);
        return 0;
}
