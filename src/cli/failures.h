/* Commands that go on with their next argument when one failed: what went wrong is said at the end, a line
 * each. */
#pragma once

#include "base/error.h"

/* Moves `from` behind what `to` already says; `from` is unset after. */
void failure_add(struct error *to, struct error *from);
