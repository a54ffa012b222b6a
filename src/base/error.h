/* Errors: filled once where they happen, given context on the way up, reported once at the top.
 *
 * Functions that can fail return 0 (or a descriptor, a count) or -1 and take a `struct error *` last.
 * Setting an error that is already set is a bug. Outputs are untouched on failure. */
#pragma once

#include "base/mem.h"

#include <stdbool.h>

enum error_kind {
        ERROR_NONE,
        ERROR_INVALID,      /* 400: the caller's input is wrong */
        ERROR_UNAUTHORIZED, /* 401 */
        ERROR_FORBIDDEN,    /* 403 */
        ERROR_NOT_FOUND,    /* 404 */
        ERROR_NOT_MODIFIED, /* 304: already in the wanted state */
        ERROR_CONFLICT,     /* 409 */
        ERROR_UNAVAILABLE,  /* 503 */
        ERROR_UNSUPPORTED,  /* 501: known, but not there (yet) */
        ERROR_CANCELLED,    /* the client went away */
        ERROR_SYSTEM,       /* 500: the kernel or our own fault */
};

struct error {
        enum error_kind kind;
        int errnum;    /* errno of an ERROR_SYSTEM, else 0 */
        int exit_code; /* what `docker run` shall exit with (126, 127), else 0 */
        char *message;
};

/* All return -1, so that `return error_set(err, …)` works. `err` may be NULL where the caller wants no text. */
int error_set(struct error *err, enum error_kind kind, const char *format, ...) PRINTF_FORMAT(3, 4);
/* What an error number means, as Docker's users read it: strerror() without the capital ("no such file or directory"). */
#define ERROR_TEXT_MAX 64
void error_number_text(int errnum, char ret[ERROR_TEXT_MAX]);
/* "FORMAT: TEXT OF errno", ERROR_SYSTEM. */
int error_errno(struct error *err, const char *format, ...) PRINTF_FORMAT(2, 3);
/* As error_errno() with an explicit error number. */
int error_errnum(struct error *err, int errnum, const char *format, ...) PRINTF_FORMAT(3, 4);
/* Puts "FORMAT: " before the message. */
int error_context(struct error *err, const char *format, ...) PRINTF_FORMAT(2, 3);

/* Moves `from` into `to` (which must be unset); returns -1. */
int error_move(struct error *to, struct error *from);
/* Makes `err` unset again. */
void error_clear(struct error *err);
static inline bool error_is(const struct error *err, enum error_kind kind)
{
        return err->kind == kind;
}
const char *error_message(const struct error *err); /* "" when unset */

#define cleanup_error __attribute__((cleanup(error_clear)))
