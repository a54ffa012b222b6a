/* The patterns of ${VAR#pattern} and ${VAR/pattern/…}: "*", "?", and "\" before those. Private to
 * shell-words. */
#pragma once

#include "base/error.h"

#include <stdint.h>

struct shell_pattern {
        struct shell_pattern_item {
                enum { PATTERN_RUNE, PATTERN_ANY, PATTERN_STAR } kind;
                uint32_t rune;
        } * items;
        size_t count;
};

int shell_pattern_parse(const char *text, struct shell_pattern *ret, struct error *err);
void shell_pattern_deinit(struct shell_pattern *p);
#define cleanup_shell_pattern __attribute__((cleanup(shell_pattern_deinit)))
/* Turns the pattern around, so that it matches reversed text. */
void shell_pattern_reverse(struct shell_pattern *p);
/* Matches at the beginning of `text`: the end of the longest (or shortest) match in `*ret`. */
bool shell_pattern_prefix(const struct shell_pattern *p, const uint32_t *text, size_t len, bool longest,
                          size_t *ret);
