/* Strings: a growing buffer, NULL-terminated lists of heap strings, and small questions. */
#pragma once

#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/* A growing byte buffer; `data` is always NUL-terminated once anything was added. Zero-initialise. */
struct strbuf {
        char *data;
        size_t len, room;
};

void strbuf_add(struct strbuf *b, const void *data, size_t len);
void strbuf_adds(struct strbuf *b, const char *s);
void strbuf_addc(struct strbuf *b, char c);
void strbuf_addf(struct strbuf *b, const char *format, ...) PRINTF_FORMAT(2, 3);
void strbuf_vaddf(struct strbuf *b, const char *format, va_list args) PRINTF_FORMAT(2, 0);
/* At least `len` writable bytes after data + len; returns data + len. */
char *strbuf_reserve(struct strbuf *b, size_t len);
void strbuf_clear(struct strbuf *b);  /* length 0, keeps the room */
char *strbuf_take(struct strbuf *b);  /* the string ("" when empty), owned by the caller; the buffer is empty after */
void strbuf_deinit(struct strbuf *b);
#define cleanup_strbuf __attribute__((cleanup(strbuf_deinit)))

char *string_format(const char *format, ...) PRINTF_FORMAT(1, 2);

static inline bool streq(const char *a, const char *b)
{
        return a == b || (a && b && strcmp(a, b) == 0);
}
static inline bool string_empty(const char *s)
{
        return !s || !*s;
}
/* What stands behind the prefix, or NULL. */
const char *string_after(const char *s, const char *prefix);
bool string_ends_with(const char *s, const char *suffix);
/* Decimal, whole string, no sign unless signed; ERROR_INVALID otherwise. */
int string_to_int64(const char *s, int64_t *ret, struct error *err);
int string_to_uint64(const char *s, uint64_t *ret, struct error *err);
/* Go's strconv.ParseBool: 1 t T TRUE true True 0 f F FALSE false False. Returns -1 for anything else. */
int string_to_bool(const char *s, bool *ret);
bool utf8_valid(const char *s, size_t len);

/* Lists: `char **`, NULL-terminated; NULL means "none given", a list whose first entry is NULL means "given, empty". */
size_t strv_length(char *const *list);
void strv_append(char ***list, const char *s);      /* copies */
void strv_append_take(char ***list, char *s);       /* takes ownership */
void strv_extend(char ***list, char *const *other); /* copies all of `other` */
char **strv_copy(char *const *list);                /* NULL gives NULL */
char **strv_new(void);                              /* given, empty */
/* Given, empty, all NULL: up to `count` entries may be set directly (appending counts the list each time). */
char **strv_with_room(size_t count);
bool strv_contains(char *const *list, const char *s);
bool strv_equal(char *const *a, char *const *b);
char **strv_split(const char *s, char separator);   /* "" gives one empty string, as Go's strings.Split */
char *strv_join(char *const *list, const char *separator);
void strv_sort(char **list);
void strv_free(char **list);
static inline void cleanup_strv_func(char ***list)
{
        strv_free(*list);
}
#define cleanup_strv __attribute__((cleanup(cleanup_strv_func)))
/* The value of NAME in a list of NAME=value, or NULL. */
const char *env_get(char *const *env, const char *name);
/* Sets NAME=value in such a list in place, or appends it. */
void env_set(char ***env, const char *name, const char *value);

/* Ordered string pairs (labels, options). Small: look-up is linear up to what JSON caps allow. Zero-initialise. */
struct strmap {
        struct strpair {
                char *key, *value;
        } *pairs;
        size_t count;
        bool given; /* {} as opposed to null */
};

const char *strmap_get(const struct strmap *map, const char *key); /* NULL when absent */
void strmap_set(struct strmap *map, const char *key, const char *value);
bool strmap_remove(struct strmap *map, const char *key);
void strmap_sort(struct strmap *map); /* by key: Go's JSON prints maps so */
void strmap_copy(struct strmap *dst, const struct strmap *src);
void strmap_deinit(struct strmap *map);
#define cleanup_strmap __attribute__((cleanup(strmap_deinit)))
