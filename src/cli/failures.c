#include "cli/failures.h"
#include "base/str.h"

void failure_add(struct error *to, struct error *from)
{
        char *both;

        if (to->kind == ERROR_NONE) {
                error_move(to, from);
                return;
        }
        both = string_format("%s\n%s", error_message(to), error_message(from));
        free(to->message);
        to->message = both;
        error_clear(from);
}
