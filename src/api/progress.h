/* A stream of progress messages that begins with the first of them: what fails before has a status of its
 * own. */
#pragma once

#include "api/response.h"

struct progress {
        struct response *res;
        struct sink *sink;
};

/* An image_progress: `arg` is the struct progress. */
int progress_message(void *arg, json_object *message, struct error *err);
/* Ends the answer: `r` is what the work returned. A failure after the first message becomes the stream's last
 * one. */
int progress_end(struct progress *p, int r, struct error *err);
