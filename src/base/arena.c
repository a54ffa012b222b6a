#include "base/arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CHUNK_SIZE ((size_t)64 << 10)

struct arena_chunk {
        struct arena_chunk *next;
        max_align_t data[];
};

void *arena_alloc(struct arena *arena, size_t size)
{
        void *p;

        if (size > SIZE_MAX / 2)
                abort();
        size = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
        if (size > arena->room - arena->used) {
                size_t room = MAX(size, CHUNK_SIZE);
                struct arena_chunk *chunk = xmalloc(sizeof(*chunk) + room);

                chunk->next = arena->chunks;
                arena->chunks = chunk;
                arena->used = 0;
                arena->room = room;
        }
        p = (char *)arena->chunks->data + arena->used;
        arena->used += size;
        return memset(p, 0, size);
}

char *arena_strndup(struct arena *arena, const char *s, size_t len)
{
        return memcpy(arena_alloc(arena, len + 1), s, len);
}

char *arena_strdup(struct arena *arena, const char *s)
{
        return arena_strndup(arena, s, strlen(s));
}

char *arena_format(struct arena *arena, const char *format, ...)
{
        cleanup_free char *text = NULL;
        va_list args;
        int len;

        va_start(args, format);
        len = vasprintf(&text, format, args);
        va_end(args);
        if (len < 0)
                abort();
        return arena_strndup(arena, text, (size_t)len);
}

void arena_deinit(struct arena *arena)
{
        struct arena_chunk *next;

        for (struct arena_chunk *chunk = arena->chunks; chunk; chunk = next) {
                next = chunk->next;
                free(chunk);
        }
        *arena = (struct arena){};
}
