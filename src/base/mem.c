#include "base/mem.h"

#include <stdio.h>

static void *check(void *p)
{
        if (!p) {
                fputs("out of memory\n", stderr);
                abort();
        }
        return p;
}

void *xmalloc(size_t size)
{
        return check(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
        return check(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
        return check(realloc(p, size ? size : 1));
}

char *xstrdup(const char *s)
{
        return s ? check(strdup(s)) : NULL;
}

char *xstrndup(const char *s, size_t len)
{
        return s ? check(strndup(s, len)) : NULL;
}

void *xmemdup(const void *p, size_t size)
{
        void *copy = xmalloc(size);

        if (size)
                memcpy(copy, p, size);
        return copy;
}

void array_reserve(void **array, size_t count, size_t size)
{
        /* The capacity is always the power of two at or above the count, so it needs no field of its own. */
        if (count == 0 && !*array)
                *array = xmalloc(size);
        else if (count > 0 && (count & (count - 1)) == 0)
                *array = xrealloc(*array, count * 2 * size);
}

void replace_string(char **dst, const char *src)
{
        char *copy = xstrdup(src);

        free(*dst);
        *dst = copy;
}
