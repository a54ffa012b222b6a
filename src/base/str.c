#include "base/str.h"

#include <errno.h>
#include <stdio.h>

char *strbuf_reserve(struct strbuf *b, size_t len)
{
        size_t need = b->len + len + 1;

        if (need > b->room) {
                b->room = MAX(need, b->room * 2);
                b->room = MAX(b->room, (size_t)64);
                b->data = xrealloc(b->data, b->room);
        }
        return b->data + b->len;
}

void strbuf_add(struct strbuf *b, const void *data, size_t len)
{
        char *end = strbuf_reserve(b, len);

        if (len)
                memcpy(end, data, len);
        b->len += len;
        b->data[b->len] = 0;
}

void strbuf_adds(struct strbuf *b, const char *s)
{
        strbuf_add(b, s, strlen(s));
}

void strbuf_addc(struct strbuf *b, char c)
{
        strbuf_add(b, &c, 1);
}

void strbuf_vaddf(struct strbuf *b, const char *format, va_list args)
{
        va_list again;
        int len;

        va_copy(again, args);
        len = vsnprintf(NULL, 0, format, again);
        va_end(again);
        if (len < 0)
                abort();
        vsnprintf(strbuf_reserve(b, (size_t)len), (size_t)len + 1, format, args);
        b->len += (size_t)len;
}

void strbuf_addf(struct strbuf *b, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        strbuf_vaddf(b, format, args);
        va_end(args);
}

void strbuf_clear(struct strbuf *b)
{
        b->len = 0;
        if (b->data)
                b->data[0] = 0;
}

char *strbuf_take(struct strbuf *b)
{
        char *data = b->data ? b->data : xstrdup("");

        *b = (struct strbuf){};
        return data;
}

void strbuf_deinit(struct strbuf *b)
{
        free(b->data);
        *b = (struct strbuf){};
}

char *string_format(const char *format, ...)
{
        va_list args;
        char *s;

        va_start(args, format);
        if (vasprintf(&s, format, args) < 0)
                abort();
        va_end(args);
        return s;
}

const char *string_after(const char *s, const char *prefix)
{
        size_t len = strlen(prefix);

        return strncmp(s, prefix, len) == 0 ? s + len : NULL;
}

bool string_ends_with(const char *s, const char *suffix)
{
        size_t len = strlen(s), want = strlen(suffix);

        return len >= want && memcmp(s + len - want, suffix, want) == 0;
}

int string_to_int64(const char *s, int64_t *ret, struct error *err)
{
        const char *digits = *s == '-' || *s == '+' ? s + 1 : s;
        char *end;
        long long value;

        errno = 0;
        value = strtoll(s, &end, 10);
        if (*digits < '0' || *digits > '9' || *end)
                return error_set(err, ERROR_INVALID, "invalid number '%.64s'", s);
        if (errno)
                return error_set(err, ERROR_INVALID, "number '%.64s' is out of range", s);
        *ret = value;
        return 0;
}

int string_to_uint64(const char *s, uint64_t *ret, struct error *err)
{
        char *end;
        unsigned long long value;

        errno = 0;
        value = strtoull(s, &end, 10);
        if (*s < '0' || *s > '9' || *end)
                return error_set(err, ERROR_INVALID, "invalid number '%.64s'", s);
        if (errno)
                return error_set(err, ERROR_INVALID, "number '%.64s' is out of range", s);
        *ret = value;
        return 0;
}

int string_to_bool(const char *s, bool *ret)
{
        static const char *const words[2][6] = {
                { "0", "f", "F", "FALSE", "false", "False" },
                { "1", "t", "T", "TRUE", "true", "True" },
        };

        for (size_t v = 0; v < 2; v++)
                for (size_t i = 0; i < 6; i++)
                        if (streq(s, words[v][i])) {
                                *ret = v;
                                return 0;
                        }
        return -1;
}

bool utf8_valid(const char *s, size_t len)
{
        const unsigned char *p = (const unsigned char *)s, *end = p + len;

        while (p < end) {
                size_t more = *p < 0x80 ? 0 : *p >= 0xc2 && *p < 0xe0 ? 1 : (*p & 0xf0) == 0xe0 ? 2 : *p >= 0xf0 && *p < 0xf5 ? 3 : 9;

                if (more > (size_t)(end - p) - 1)
                        return false;
                for (size_t i = 1; i <= more; i++)
                        if ((p[i] & 0xc0) != 0x80)
                                return false;
                if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
                    (p[0] == 0xf4 && p[1] > 0x8f))
                        return false;
                p += more + 1;
        }
        return true;
}

size_t strv_length(char *const *list)
{
        size_t n = 0;

        while (list && list[n])
                n++;
        return n;
}

void strv_append_take(char ***list, char *s)
{
        size_t n = strv_length(*list);

        /* Room for n + 1 strings and the end; grown in powers of two. */
        if (!*list || ((n + 1) & n) == 0)
                *list = xrealloc(*list, (n + 1) * 2 * sizeof(char *));
        (*list)[n] = s;
        (*list)[n + 1] = NULL;
}

void strv_append(char ***list, const char *s)
{
        strv_append_take(list, xstrdup(s));
}

void strv_extend(char ***list, char *const *other)
{
        for (size_t i = 0; other && other[i]; i++)
                strv_append(list, other[i]);
}

char **strv_new(void)
{
        return strv_with_room(0);
}

char **strv_with_room(size_t count)
{
        /* As strv_append_take() would have grown it at the most. */
        return xcalloc(2 * count + 2, sizeof(char *));
}

char **strv_copy(char *const *list)
{
        char **copy = list ? strv_with_room(strv_length(list)) : NULL;

        for (size_t i = 0; list && list[i]; i++)
                copy[i] = xstrdup(list[i]);
        return copy;
}

bool strv_contains(char *const *list, const char *s)
{
        for (; list && *list; list++)
                if (streq(*list, s))
                        return true;
        return false;
}

bool strv_equal(char *const *a, char *const *b)
{
        size_t n = strv_length(a);

        if (n != strv_length(b))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!streq(a[i], b[i]))
                        return false;
        return true;
}

char **strv_split(const char *s, char separator)
{
        char **list = NULL;

        for (;;) {
                const char *end = strchr(s, separator);

                strv_append_take(&list, end ? xstrndup(s, (size_t)(end - s)) : xstrdup(s));
                if (!end)
                        return list;
                s = end + 1;
        }
}

char *strv_join(char *const *list, const char *separator)
{
        struct strbuf b = {};

        for (size_t i = 0; list && list[i]; i++) {
                if (i)
                        strbuf_adds(&b, separator);
                strbuf_adds(&b, list[i]);
        }
        return strbuf_take(&b);
}

static int compare_strings(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(char **list)
{
        if (list)
                qsort(list, strv_length(list), sizeof(char *), compare_strings);
}

void strv_free(char **list)
{
        for (size_t i = 0; list && list[i]; i++)
                free(list[i]);
        free(list);
}

static size_t env_index(char *const *env, const char *name)
{
        size_t i = 0, len = strlen(name);

        for (; env && env[i]; i++)
                if (strncmp(env[i], name, len) == 0 && env[i][len] == '=')
                        break;
        return i;
}

const char *env_get(char *const *env, const char *name)
{
        size_t i = env_index(env, name);

        return env && env[i] ? env[i] + strlen(name) + 1 : NULL;
}

void env_set(char ***env, const char *name, const char *value)
{
        size_t i = env_index(*env, name);
        char *entry = string_format("%s=%s", name, value);

        if (*env && (*env)[i]) {
                free((*env)[i]);
                (*env)[i] = entry;
        } else {
                strv_append_take(env, entry);
        }
}

static struct strpair *strmap_find(const struct strmap *map, const char *key)
{
        for (size_t i = 0; i < map->count; i++)
                if (streq(map->pairs[i].key, key))
                        return &map->pairs[i];
        return NULL;
}

const char *strmap_get(const struct strmap *map, const char *key)
{
        struct strpair *pair = strmap_find(map, key);

        return pair ? pair->value : NULL;
}

void strmap_set(struct strmap *map, const char *key, const char *value)
{
        struct strpair *pair = strmap_find(map, key);

        map->given = true;
        if (pair)
                replace_string(&pair->value, value);
        else
                ARRAY_APPEND(map->pairs, map->count, ((struct strpair){ xstrdup(key), xstrdup(value) }));
}

bool strmap_remove(struct strmap *map, const char *key)
{
        struct strpair *pair = strmap_find(map, key);

        if (!pair)
                return false;
        free(pair->key);
        free(pair->value);
        memmove(pair, pair + 1, (size_t)(map->pairs + map->count - pair - 1) * sizeof(*pair));
        map->count--;
        return true;
}

static int compare_pairs(const void *a, const void *b)
{
        return strcmp(((const struct strpair *)a)->key, ((const struct strpair *)b)->key);
}

void strmap_sort(struct strmap *map)
{
        if (map->count)
                qsort(map->pairs, map->count, sizeof(*map->pairs), compare_pairs);
}

void strmap_copy(struct strmap *dst, const struct strmap *src)
{
        for (size_t i = 0; i < src->count; i++)
                strmap_set(dst, src->pairs[i].key, src->pairs[i].value);
        dst->given |= src->given;
}

void strmap_deinit(struct strmap *map)
{
        for (size_t i = 0; i < map->count; i++) {
                free(map->pairs[i].key);
                free(map->pairs[i].value);
        }
        free(map->pairs);
        *map = (struct strmap){};
}
