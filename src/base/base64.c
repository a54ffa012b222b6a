#include "base/base64.h"
#include "base/str.h"

static const char alphabets[2][65] = {
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

char *base64_encode(const void *data, size_t len, bool url)
{
        const unsigned char *in = data;
        const char *alphabet = alphabets[url];
        struct strbuf b = {};

        for (size_t i = 0; i < len; i += 3) {
                unsigned v = (unsigned)in[i] << 16 | (i + 1 < len ? (unsigned)in[i + 1] << 8 : 0) |
                             (i + 2 < len ? in[i + 2] : 0u);

                strbuf_addc(&b, alphabet[v >> 18]);
                strbuf_addc(&b, alphabet[v >> 12 & 63]);
                strbuf_addc(&b, i + 1 < len ? alphabet[v >> 6 & 63] : '=');
                strbuf_addc(&b, i + 2 < len ? alphabet[v & 63] : '=');
        }
        return strbuf_take(&b);
}

static int value_of(char c)
{
        for (size_t i = 0; i < 2; i++) {
                const char *at = c ? strchr(alphabets[i], c) : NULL;

                if (at)
                        return (int)(at - alphabets[i]);
        }
        return -1;
}

int base64_decode(const char *text, char **ret, size_t *ret_len, struct error *err)
{
        cleanup_strbuf struct strbuf b = {};
        unsigned bits = 0;
        int have = 0;

        for (; *text && *text != '='; text++) {
                int v = value_of(*text);

                if (v < 0)
                        return error_set(err, ERROR_INVALID, "illegal base64 data");
                bits = (bits << 6 | (unsigned)v) & 0xffffff;
                have += 6;
                if (have >= 8) {
                        have -= 8;
                        strbuf_addc(&b, (char)(bits >> have));
                }
        }
        *ret_len = b.len;
        *ret = strbuf_take(&b);
        return 0;
}
