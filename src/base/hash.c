#include "base/hash.h"

#include "base/mem.h"

#include <openssl/evp.h>

struct hash {
        EVP_MD_CTX *context;
};

struct hash *hash_new(void)
{
        struct hash *h = xcalloc(1, sizeof(*h));

        h->context = EVP_MD_CTX_new();
        if (!h->context || EVP_DigestInit_ex(h->context, EVP_sha256(), NULL) != 1)
                abort();
        return h;
}

void hash_add(struct hash *h, const void *data, size_t len)
{
        if (EVP_DigestUpdate(h->context, data, len) != 1)
                abort();
}

void hash_finish(struct hash *h, uint8_t ret[SHA256_SIZE])
{
        if (EVP_DigestFinal_ex(h->context, ret, NULL) != 1)
                abort();
}

void hash_free(struct hash *h)
{
        if (!h)
                return;
        EVP_MD_CTX_free(h->context);
        free(h);
}

void hash_data(const void *data, size_t len, uint8_t ret[SHA256_SIZE])
{
        cleanup_hash struct hash *h = hash_new();

        hash_add(h, data, len);
        hash_finish(h, ret);
}
