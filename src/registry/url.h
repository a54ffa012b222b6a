/* The parts of http and https URLs that registries hand out. Pure. */
#pragma once

#include "base/str.h"

/* RFC 3986 percent-encoding of everything but unreserved characters; heap. */
char *url_escape(const char *text);
/* "https://host:5000/a?b" → "https://host:5000" (heap), user information dropped; NULL when it is no http
 * URL. */
char *url_origin(const char *url);
/* What a Location or Link header means, seen from `base` (RFC 3986 section 5, without dot segments); heap. */
char *url_resolve(const char *base, const char *target);
/* Without user information, and with the values of all parameters but those that registries' own protocol
 * knows replaced: upload states and signed URLs let their bearer in. Heap. */
char *url_public(const char *url);
