/* `command: "sh -c 'x y'"`: words, quotes and escapes as the reference splits them; no shell is involved.
 * Pure. */
#pragma once

#include "base/str.h"

/* What stands behind an unquoted ; & | < > is dropped. ERROR_INVALID "invalid command line string". */
int words_split(const char *text, char ***ret, struct error *err);
