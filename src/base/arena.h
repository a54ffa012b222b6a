/* Memory that is dropped whole: trees of parsed things. Nothing in it is freed alone. Zero-initialise. */
#pragma once

#include "base/mem.h"

struct arena_chunk;
struct arena {
        struct arena_chunk *chunks;
        size_t used, room; /* of the newest chunk */
};

void *arena_alloc(struct arena *arena, size_t size); /* zeroed, aligned for anything */
char *arena_strdup(struct arena *arena, const char *s);
char *arena_strndup(struct arena *arena, const char *s, size_t len);
char *arena_format(struct arena *arena, const char *format, ...) PRINTF_FORMAT(2, 3);
void arena_deinit(struct arena *arena);
#define cleanup_arena __attribute__((cleanup(arena_deinit)))
