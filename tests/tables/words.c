#include "tables.h"

#include "build/shell-words.h"
#include "oci/reference.h"

/* The rules of a question; the caller frees the list. */
static char **environment(json_object *q)
{
        json_object *env = json_get(q, "env");
        char **list = strv_new();

        for (size_t i = 0; env && i < json_object_array_length(env); i++)
                strv_append(&list, json_object_get_string(json_object_array_get_idx(env, i)));
        return list;
}

static struct shell_words rules_of(json_object *q, char **env)
{
        const char *escape = json_get_string(q, "escape");

        return (
            struct shell_words){ .escape = escape ? *escape : '\\', .lookup = shell_lookup_env, .arg = env };
}

int table_word(json_object *q, json_object **ret, struct error *err)
{
        cleanup_strv char **env = environment(q);
        cleanup_free char *word = NULL;
        struct shell_words rules = rules_of(q, env);

        if (shell_expand(&rules, json_get_string(q, "text"), &word, err) < 0)
                return -1;
        *ret = json_object_new_string(word);
        return 0;
}

int table_words(json_object *q, json_object **ret, struct error *err)
{
        cleanup_strv char **env = environment(q), **words = NULL;
        struct shell_words rules = rules_of(q, env);

        if (shell_split(&rules, json_get_string(q, "text"), &words, err) < 0)
                return -1;
        *ret = *words ? json_strings(words) : NULL;
        return 0;
}

int table_reference(json_object *q, json_object **ret, struct error *err)
{
        cleanup_reference struct reference r = {};
        cleanup_free char *canonical = NULL, *familiar = NULL;
        char *names[3] = {};

        if (reference_parse(json_get_string(q, "text"), &r, err) < 0)
                return -1;
        names[1] = familiar = reference_familiar(&r);
        reference_default_tag(&r);
        names[0] = canonical = reference_format(&r);
        *ret = json_strings(names);
        return 0;
}
