/* UTF-8 and the few questions about characters that Go's unicode package answers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_ERROR 0xFFFD /* stands for bytes that are no character, as in Go */

/* The character at `s`; its length (at least 1 unless `len` is 0) in the result. Invalid bytes give UTF8_ERROR, 1. */
size_t utf8_decode(const char *s, size_t len, uint32_t *ret);
/* Bytes written (1 to 4). */
size_t utf8_encode(uint32_t rune, char out[4]);

bool rune_is_space(uint32_t rune);
bool rune_is_letter(uint32_t rune);
bool rune_is_digit(uint32_t rune);
