/* What registries say in headers and token answers. Pure. */
#pragma once

#include "base/str.h"

enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };

struct challenge {
        enum challenge_scheme scheme;
        char *realm, *service, *scope; /* NULL when absent */
};

/* WWW-Authenticate (RFC 9110 section 11.6.1, RFC 6750): the best challenge of a header (Bearer before Basic);
 * CHALLENGE_NONE when it has none that we know. */
void challenge_parse(const char *header, struct challenge *ret);
void challenge_deinit(struct challenge *c);

/* Link (RFC 8288): the target with rel="next", heap; NULL when there is none. */
char *registry_link_next(const char *header);
/* Content-Range: "bytes 5-9/10" → 5; -1 when it is no range of bytes. */
int content_range_start(const char *header, int64_t *ret);
/* Range of an upload: "0-9" → 9; -1 when it is none. */
int upload_range_end(const char *header, int64_t *ret);
/* The answer of a token service. ERROR_INVALID. */
struct token_answer {
        char *token, *refresh_token;
        int64_t life; /* seconds, at least TOKEN_LIFE_MIN */
};
#define TOKEN_LIFE_MIN 60
int token_answer_parse(const char *text, size_t len, struct token_answer *ret, struct error *err);
void token_answer_deinit(struct token_answer *a);
#define cleanup_token_answer __attribute__((cleanup(token_answer_deinit)))
