/* Hosts as they stand in URLs and settings. Pure. */
#pragma once

#include "base/str.h"

/* "[::1]:5000" → "::1" and "5000"; no port: NULL. Heap. */
void host_split(const char *text, char **ret_name, char **ret_port);
/* Is the address `name` (no DNS) in `cidr` ("10.0.0.0/8", "::1")? */
bool address_in(const char *name, const char *cidr);
/* localhost and the loopback addresses. */
bool host_is_loopback(const char *name);
