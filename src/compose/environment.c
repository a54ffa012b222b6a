#include "compose/environment.h"

/* Where `name` is, or would be: the map is kept sorted. */
static size_t place_of(const struct environment *env, const char *name, bool *ret_found)
{
        size_t low = 0, high = env->map.count;

        while (low < high) {
                size_t middle = (low + high) / 2;
                int order = strcmp(env->map.pairs[middle].key, name);

                if (order == 0) {
                        *ret_found = true;
                        return middle;
                }
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret_found = false;
        return low;
}

void environment_set(struct environment *env, const char *name, const char *value)
{
        bool found;
        size_t i = place_of(env, name, &found);

        if (found) {
                replace_string(&env->map.pairs[i].value, value);
                return;
        }
        ARRAY_APPEND(env->map.pairs, env->map.count, ((struct strpair){}));
        memmove(&env->map.pairs[i + 1], &env->map.pairs[i],
                (env->map.count - 1 - i) * sizeof(*env->map.pairs));
        env->map.pairs[i] = (struct strpair){ xstrdup(name), xstrdup(value) };
}

const char *environment_get(const struct environment *env, const char *name)
{
        bool found;
        size_t i = place_of(env, name, &found);

        return found ? env->map.pairs[i].value : NULL;
}

void environment_merge(struct environment *env, const struct strmap *other)
{
        for (size_t i = 0; i < other->count; i++)
                if (!environment_get(env, other->pairs[i].key))
                        environment_set(env, other->pairs[i].key, other->pairs[i].value);
}

void environment_merge_list(struct environment *env, char *const *list)
{
        for (; list && *list; list++) {
                const char *equals = strchr(*list, '=');
                cleanup_free char *name = equals ? xstrndup(*list, (size_t)(equals - *list)) : NULL;

                if (name && *name && !environment_get(env, name))
                        environment_set(env, name, equals + 1);
        }
}

char **environment_list(const struct environment *env)
{
        char **list = strv_with_room(env->map.count);

        for (size_t i = 0; i < env->map.count; i++)
                list[i] = string_format("%s=%s", env->map.pairs[i].key, env->map.pairs[i].value);
        return list;
}

void environment_copy(struct environment *dst, const struct environment *src)
{
        for (size_t i = 0; i < src->map.count; i++)
                ARRAY_APPEND(
                    dst->map.pairs, dst->map.count,
                    ((struct strpair){ xstrdup(src->map.pairs[i].key), xstrdup(src->map.pairs[i].value) }));
}

void environment_deinit(struct environment *env)
{
        strmap_deinit(&env->map);
}
