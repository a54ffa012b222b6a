/* Secrets: bytes by a name, never in a layer, a key or a log. */
#include "build/build-internal.h"

#include "base/base64.h"

int build_secret_find(const struct build *b, const char *id, char **ret, size_t *ret_len, struct error *err)
{
        for (size_t i = 0; i < b->options->n_secrets; i++) {
                const struct build_secret *s = &b->options->secrets[i];

                if (streq(s->id, id))
                        return base64_decode(s->value ? s->value : "", ret, ret_len, err) < 0
                                   ? error_context(err, "secret %s", id)
                                   : 1;
        }
        return 0;
}

char *build_secret_text(const struct build *b, const char *prefix, const char *host)
{
        cleanup_free char *id = string_format("%s%s", prefix, host);
        char *value = NULL;
        size_t len = 0;

        if (build_secret_find(b, id, &value, &len, NULL) <= 0)
                return NULL;
        if (strlen(value) == len && !strpbrk(value, "\r\n"))
                return value;
        explicit_bzero(value, len);
        free(value);
        return NULL;
}
