/* The keys that leave an attached terminal: "ctrl-p,ctrl-q", "a,b", "ctrl-@" … (docs of `docker attach`). */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"
#define DETACH_KEYS_MAX 16

/* The sequence and how much of it has been typed. */
struct detach_keys {
        unsigned char keys[DETACH_KEYS_MAX];
        unsigned n_keys, matched;
};

/* NULL or "" is the default. ERROR_INVALID for an unknown key. */
int detach_keys_parse(const char *text, struct detach_keys *ret, struct error *err);
/* Filters `len` bytes of input: bytes to pass on go to `out` (room for len + DETACH_KEYS_MAX), their number to
 * `ret_len`. Returns true when the sequence is complete: what follows it is dropped. */
bool detach_keys_filter(struct detach_keys *keys, const unsigned char *in, size_t len, unsigned char *out,
                        size_t *ret_len);
