/* Fields of --output, --cache-from, --cache-to: "type=local,dest=out". Pure. */
#include "cli/build.h"

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
