/* What pull, push, load and import say while they work: a stream of JSON messages, shown as lines or, on a
 * terminal, as bars that are drawn in place. */
#pragma once

#include "client/client.h"

#include <stdio.h>

/* Shows all of the stream on `out` (NULL: nothing is shown). An error in the stream is the result. `aux` (may
 * be NULL) gets the messages that carry data and no text. */
int progress_show(struct client_stream *s, FILE *out, void (*aux)(void *context, json_object *data),
                  void *context, struct error *err);
/* "[====>   ]  12kB/40kB" for a terminal of that width; heap, "" when there is nothing to show. `now` in
 * seconds. */
char *progress_bar(json_object *detail, int width, int64_t now);
