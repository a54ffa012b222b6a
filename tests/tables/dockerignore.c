#include "tables.h"

#include "build/dockerignore.h"

static int match(json_object *q, bool level, json_object **ret, struct error *err)
{
        json_object *patterns = json_get(q, "patterns");
        const char *path = json_get_string(q, "path");
        cleanup_path_matcher struct path_matcher *m = NULL;
        cleanup_strv char **list = strv_new();
        bool hit;

        for (size_t i = 0; i < json_object_array_length(patterns); i++)
                strv_append(&list, json_object_get_string(json_object_array_get_idx(patterns, i)));
        if (path_matcher_new(list, &m, err) < 0 ||
            (level ? path_matcher_match_level : path_matcher_match)(m, path, &hit, err) < 0)
                return -1;
        *ret = json_object_new_boolean(hit);
        return 0;
}

int table_match(json_object *q, json_object **ret, struct error *err)
{
        return match(q, false, ret, err);
}

int table_match_one(json_object *q, json_object **ret, struct error *err)
{
        return match(q, true, ret, err);
}

int table_ignore(json_object *q, json_object **ret, struct error *err)
{
        const char *text = json_get_string(q, "text");
        cleanup_strv char **list = dockerignore_parse(text, strlen(text));

        (void)err;
        *ret = *list ? json_strings(list) : NULL;
        return 0;
}
