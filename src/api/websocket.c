#include "api/websocket.h"

#include <openssl/evp.h>

#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/* How many bytes the header has, as far as its first two tell. */
static size_t header_size(const uint8_t *header)
{
        unsigned len = header[1] & 0x7f;

        return 2 + (len == 126 ? 2 : len == 127 ? 8 : 0) + 4;
}

static int header_complete(struct websocket_decoder *d, struct error *err)
{
        unsigned len = d->header[1] & 0x7f;
        size_t length_bytes = len == 126 ? 2 : len == 127 ? 8 : 0;

        d->opcode = d->header[0] & 0x0f;
        if (d->header[0] & 0x70)
                return error_set(err, ERROR_INVALID, "websocket: reserved bits are set");
        if (!(d->header[1] & 0x80))
                return error_set(err, ERROR_INVALID, "websocket: a client's frames must be masked");
        if ((d->opcode > WEBSOCKET_BINARY && d->opcode < WEBSOCKET_CLOSE) || d->opcode > WEBSOCKET_PONG)
                return error_set(err, ERROR_INVALID, "websocket: unknown opcode %u", d->opcode);
        d->left = length_bytes ? 0 : len;
        for (size_t i = 0; i < length_bytes; i++)
                d->left = d->left << 8 | d->header[2 + i];
        if (d->opcode >= WEBSOCKET_CLOSE && (d->left > WEBSOCKET_CONTROL_MAX || !(d->header[0] & 0x80)))
                return error_set(err, ERROR_INVALID, "websocket: a control frame is too long or in pieces");
        if (d->left > INT64_MAX)
                return error_set(err, ERROR_INVALID, "websocket: a frame is too long");
        memcpy(d->mask, d->header + 2 + length_bytes, 4);
        d->masked = d->control_len = d->have = 0;
        d->in_payload = true;
        return 0;
}

int websocket_decode(struct websocket_decoder *d, char *in, size_t len, size_t *ret_used,
                     struct websocket_piece *ret, struct error *err)
{
        size_t used = 0, n;

        while (!d->in_payload) {
                if (used == len) {
                        *ret_used = used;
                        return 0;
                }
                d->header[d->have++] = (uint8_t)in[used++];
                if (d->have >= 2 && d->have == header_size(d->header) && header_complete(d, err) < 0)
                        return -1;
        }
        n = MIN(d->left, len - used);
        for (size_t i = 0; i < n; i++)
                in[used + i] ^= (char)d->mask[d->masked++ & 3];
        *ret = (struct websocket_piece){ d->opcode, in + used, n };
        used += n;
        d->left -= n;
        *ret_used = used;
        d->in_payload = d->left > 0;
        if (d->opcode < WEBSOCKET_CLOSE)
                return n > 0 || !d->in_payload ? 1 : 0;
        memcpy(d->control + d->control_len, ret->data, n);
        d->control_len += n;
        ret->data = d->control;
        ret->len = d->control_len;
        return !d->in_payload;
}

void websocket_header(struct strbuf *b, unsigned opcode, size_t len)
{
        size_t bytes = len < 126 ? 0 : len <= UINT16_MAX ? 2 : 8;

        strbuf_addc(b, (char)(0x80 | opcode));
        strbuf_addc(b, (char)(bytes == 0 ? len : bytes == 2 ? 126 : 127));
        for (size_t i = bytes; i > 0; i--)
                strbuf_addc(b, (char)(len >> (8 * (i - 1)) & 0xff));
}

char *websocket_accept_key(const char *key)
{
        cleanup_free char *text = string_format("%s" ACCEPT_GUID, key);
        unsigned char hash[EVP_MAX_MD_SIZE];
        unsigned int len = 0;
        char *out = xcalloc(1, 64);

        EVP_Digest(text, strlen(text), hash, &len, EVP_sha1(), NULL);
        EVP_EncodeBlock((unsigned char *)out, hash, (int)len);
        return out;
}
