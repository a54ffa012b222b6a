/* Memory: small allocations abort the process when they fail; whatever is sized by input is capped by its reader. */
#pragma once

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define PRINTF_FORMAT(fmt, args) __attribute__((format(printf, fmt, args)))

/* Never NULL. xcalloc() zeroes. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);              /* NULL gives NULL */
char *xstrndup(const char *s, size_t len); /* NULL gives NULL */
void *xmemdup(const void *p, size_t size);

/* Makes room for `count + 1` elements in `*array` (grows by doubling); used through ARRAY_APPEND. */
void array_reserve(void **array, size_t count, size_t size);
/* Appends `value` to a heap array kept as pointer + count; the room is derived from the count alone. */
#define ARRAY_APPEND(array, count, value)                                                                            \
        do {                                                                                                         \
                array_reserve((void **)&(array), (count), sizeof(*(array)));                                         \
                (array)[(count)++] = (value);                                                                        \
        } while (0)

/* Takes the pointer out of a variable, so that its cleanup attribute does nothing. */
#define take_ptr(p)                                                                                                  \
        ({                                                                                                           \
                __typeof__(p) *_pp = &(p);                                                                           \
                __typeof__(p) _taken = *_pp;                                                                         \
                *_pp = NULL;                                                                                         \
                _taken;                                                                                              \
        })

/* Defines the function that `__attribute__((cleanup))` calls for a variable of pointer type `type`. */
#define DEFINE_CLEANUP(type, name, destroy)                                                                          \
        static inline void name(type *p)                                                                             \
        {                                                                                                            \
                if (*p)                                                                                              \
                        destroy(*p);                                                                                 \
        }

static inline void cleanup_free_func(void *p)
{
        free(*(void **)p);
}
#define cleanup_free __attribute__((cleanup(cleanup_free_func)))

/* Replaces the heap string in `*dst` by a copy of `src`. */
void replace_string(char **dst, const char *src);
