/* WWW-Authenticate: what a registry wants to see (RFC 9110 section 11.6.1, RFC 6750). Pure. */
#pragma once

#include "base/str.h"

enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };

struct challenge {
        enum challenge_scheme scheme;
        char *realm, *service, *scope; /* NULL when absent */
};

/* The best challenge of a header (Bearer before Basic); CHALLENGE_NONE when it has none that we know. */
void challenge_parse(const char *header, struct challenge *ret);
void challenge_deinit(struct challenge *c);
