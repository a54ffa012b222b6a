#include "cli/pairs.h"
#include "base/json.h"

json_object *pairs_json(char *const *pairs)
{
        json_object *map = json_object_new_object();

        for (; pairs && *pairs; pairs++) {
                const char *equals = strchr(*pairs, '=');
                cleanup_free char *name =
                    equals ? xstrndup(*pairs, (size_t)(equals - *pairs)) : xstrdup(*pairs);

                json_set_string(map, name, equals ? equals + 1 : "");
        }
        return map;
}
