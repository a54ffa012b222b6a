/* Rows of images, for `images` and `system df -v`. */
#pragma once

#include "cli/format.h"

extern const struct format_kind image_kind;
/* The rows that one image of the API makes: one for each of its names, or one without. Appended to `rows` (an
 * array). `digests`: names by digest get rows of their own digest; `full`: ids are not cut. */
void image_rows(json_object *image, bool digests, bool full, json_object *rows);
