/* Linux capabilities: one table of names and numbers, Docker's defaults, sets as bit masks. */
#pragma once

#include "base/error.h"

#include <stdint.h>

/* The number of "CAP_CHOWN" or "chown" in any case; -1 when unknown. */
int caps_number(const char *name);
/* "CAP_CHOWN", or NULL. */
const char *caps_name(int number);
/* The highest capability that both this table and the running kernel know. */
int caps_last(void);
static inline uint64_t caps_bit(int number)
{
        return UINT64_C(1) << number;
}
/* All that the kernel knows. */
uint64_t caps_all(void);
/* Those that this process may hand on: its bounding set. */
uint64_t caps_bounding(void);

/* The 14 that Docker grants, as a mask, and as sorted-by-Docker names (NULL-terminated). */
uint64_t caps_docker_defaults(void);
extern const char *const caps_docker_default_names[];

/* A list of names to a mask; unknown ones are an ERROR_INVALID `unknown capability: "X"`. */
int caps_from_names(char *const *names, uint64_t *ret, struct error *err);
/* A mask to heap names in numeric order. */
char **caps_to_names(uint64_t mask);
