/* WebSockets (RFC 6455), the server's side: only what attach/ws needs. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum websocket_opcode {
        WEBSOCKET_CONTINUATION = 0,
        WEBSOCKET_TEXT = 1,
        WEBSOCKET_BINARY = 2,
        WEBSOCKET_CLOSE = 8,
        WEBSOCKET_PING = 9,
        WEBSOCKET_PONG = 10,
};
#define WEBSOCKET_CONTROL_MAX 125

/* A decoder of what a client sends, fed bytes as they come. Zero-initialise. */
struct websocket_decoder {
        uint8_t header[14];
        size_t have;
        bool in_payload;
        uint8_t mask[4];
        size_t masked;
        uint64_t left;
        unsigned opcode;
        char control[WEBSOCKET_CONTROL_MAX];
        size_t control_len;
};
/* What came of some bytes: a part of a data frame as it is (pointing into the input, which is unmasked in
 * place), or a whole control frame. */
struct websocket_piece {
        unsigned opcode;
        const char *data;
        size_t len;
};
/* Takes bytes of `in` (*ret_used of them). 1 with a piece, 0 when all was taken without one, -1 for what a
 * client must not send. */
int websocket_decode(struct websocket_decoder *d, char *in, size_t len, size_t *ret_used,
                     struct websocket_piece *ret, struct error *err);
/* Adds a frame's header; `len` bytes of payload follow, unmasked. */
void websocket_header(struct strbuf *b, unsigned opcode, size_t len);
/* The value of Sec-WebSocket-Accept; heap. */
char *websocket_accept_key(const char *key);
