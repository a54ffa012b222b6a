/* SHA-256, streaming, on OpenSSL's EVP. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

struct hash;

struct hash *hash_new(void);
void hash_add(struct hash *h, const void *data, size_t len);
/* Ends the computation; the object can only be freed after. */
void hash_finish(struct hash *h, uint8_t ret[SHA256_SIZE]);
void hash_free(struct hash *h);
static inline void cleanup_hash_func(struct hash **h)
{
        hash_free(*h);
}
#define cleanup_hash __attribute__((cleanup(cleanup_hash_func)))

/* Of one piece of memory. */
void hash_data(const void *data, size_t len, uint8_t ret[SHA256_SIZE]);
