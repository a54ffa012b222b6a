/* Where things are, written once: our programs (beside the running one first) and the default roots. */
#pragma once

#include "base/error.h"

#define PATH_DATA_ROOT "/var/lib/davit"
#define PATH_EXEC_ROOT "/run/davit"
#define PATH_SOCKET PATH_EXEC_ROOT "/davit.sock"

/* The absolute path of one of our programs: the folder of the running executable, then PATH; heap.
 * ERROR_NOT_FOUND. */
int program_find(const char *name, char **ret, struct error *err);
