/* SHA-256 of a short text (the folder names of contexts). The command line links no crypto library for that.
 */
#pragma once

#include <stddef.h>

void sha256_hex(const void *data, size_t len, char ret[65]);
