#include "base/error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static char *format_message(const char *format, va_list args)
{
        char *message;

        if (vasprintf(&message, format, args) < 0)
                abort();
        return message;
}

int error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
        va_list args;

        if (!err)
                return -1;
        assert(err->kind == ERROR_NONE);
        va_start(args, format);
        err->message = format_message(format, args);
        va_end(args);
        err->kind = kind;
        err->errnum = 0;
        return -1;
}

void error_number_text(int errnum, char ret[ERROR_TEXT_MAX])
{
        const char *text = strerrordesc_np(errnum);

        if (!text) {
                snprintf(ret, ERROR_TEXT_MAX, "errno %d", errnum);
                return;
        }
        snprintf(ret, ERROR_TEXT_MAX, "%s", text);
        if (ret[0] >= 'A' && ret[0] <= 'Z' && ret[1] >= 'a' && ret[1] <= 'z')
                ret[0] = (char)(ret[0] + 'a' - 'A');
}

static int set_errnum(struct error *err, int errnum, const char *format, va_list args)
{
        cleanup_free char *what = NULL;
        char text[ERROR_TEXT_MAX];

        if (!err)
                return -1;
        assert(err->kind == ERROR_NONE);
        error_number_text(errnum, text);
        what = format_message(format, args);
        if (asprintf(&err->message, "%s: %s", what, text) < 0)
                abort();
        err->kind = ERROR_SYSTEM;
        err->errnum = errnum;
        return -1;
}

int error_errno(struct error *err, const char *format, ...)
{
        int errnum = errno;
        va_list args;

        va_start(args, format);
        set_errnum(err, errnum, format, args);
        va_end(args);
        errno = errnum;
        return -1;
}

int error_errnum(struct error *err, int errnum, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        set_errnum(err, errnum, format, args);
        va_end(args);
        return -1;
}

int error_context(struct error *err, const char *format, ...)
{
        cleanup_free char *context = NULL;
        char *message;
        va_list args;

        if (!err)
                return -1;
        assert(err->kind != ERROR_NONE);
        va_start(args, format);
        context = format_message(format, args);
        va_end(args);
        if (asprintf(&message, "%s: %s", context, err->message) < 0)
                abort();
        free(err->message);
        err->message = message;
        return -1;
}

int error_move(struct error *to, struct error *from)
{
        if (!to) {
                error_clear(from);
                return -1;
        }
        assert(to->kind == ERROR_NONE);
        *to = *from;
        *from = (struct error){};
        return -1;
}

void error_clear(struct error *err)
{
        free(err->message);
        *err = (struct error){};
}

const char *error_message(const struct error *err)
{
        return err->message ? err->message : "";
}
