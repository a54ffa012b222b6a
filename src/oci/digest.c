#include "oci/digest.h"

#include "base/str.h"

#include <stdio.h>

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return -1;
}

int digest_parse_hex(const char *hex, struct digest *ret, struct error *err)
{
        struct digest d;

        if (strlen(hex) != 2 * sizeof(d.bytes))
                return error_set(err, ERROR_INVALID, "invalid checksum digest length");
        for (size_t i = 0; i < sizeof(d.bytes); i++) {
                int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);

                if (high < 0 || low < 0)
                        return error_set(err, ERROR_INVALID, "invalid checksum digest format");
                d.bytes[i] = (uint8_t)(high << 4 | low);
        }
        *ret = d;
        return 0;
}

int digest_parse(const char *text, struct digest *ret, struct error *err)
{
        const char *hex = string_after(text, "sha256:");

        if (!hex && strchr(text, ':'))
                return error_set(err, ERROR_INVALID, "unsupported digest algorithm");
        if (!hex)
                return error_set(err, ERROR_INVALID, "invalid checksum digest format");
        return digest_parse_hex(hex, ret, err);
}

void digest_format_hex(const struct digest *d, char ret[DIGEST_HEX_SIZE])
{
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < sizeof(d->bytes); i++) {
                ret[2 * i] = digits[d->bytes[i] >> 4];
                ret[2 * i + 1] = digits[d->bytes[i] & 15];
        }
        ret[DIGEST_HEX_SIZE - 1] = '\0';
}

void digest_format(const struct digest *d, char ret[DIGEST_TEXT_SIZE])
{
        memcpy(ret, "sha256:", 7);
        digest_format_hex(d, ret + 7);
}

void digest_of(const void *data, size_t len, struct digest *ret)
{
        hash_data(data, len, ret->bytes);
}

int digest_compare(const struct digest *a, const struct digest *b)
{
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool digest_is_zero(const struct digest *d)
{
        static const struct digest zero;

        return digest_equal(d, &zero);
}

void digest_chain(const struct digest *diff_ids, size_t count, struct digest *ret)
{
        struct digest chain = {};

        for (size_t i = 0; i < count; i++) {
                char text[2 * DIGEST_TEXT_SIZE];

                if (i == 0) {
                        chain = diff_ids[0];
                        continue;
                }
                digest_format(&chain, text);
                text[DIGEST_TEXT_SIZE - 1] = ' ';
                digest_format(&diff_ids[i], text + DIGEST_TEXT_SIZE);
                digest_of(text, strlen(text), &chain);
        }
        *ret = chain;
}
