/* The terminal's side of attach, run, start and exec: raw mode, copying both ways, window size, signals. */
#pragma once

#include "base/error.h"
#include "client/client.h"

#include <stdbool.h>

struct stream_options {
        bool use_stdin, use_stdout, use_stderr;
        bool tty;                /* the container's: raw bytes both ways */
        const char *detach_keys; /* with a terminal: leave when they are typed; NULL: the default */
};

struct terminal; /* our own, in raw mode */
/* Puts standard input into raw mode if `tty` and it is a terminal; *ret may be NULL. */
int terminal_raw(struct terminal **ret, struct error *err);
void terminal_restore(struct terminal *t); /* NULL is fine */
bool terminal_size(int *height, int *width);

/* Copies until the engine ends the stream (0), or the detach keys were typed (1). Without any output asked
 * for it ends when the input has been sent. */
int stream_run(struct client_hijack *h, const struct stream_options *options, struct error *err);

/* Tells the engine of window changes: POST path?h=…&w=…, at once and on each SIGWINCH, from a thread. */
void resize_follow(struct client *client, const char *path);
/* Sends signals that we get on to the container, from a thread. All but SIGCHLD, SIGPIPE, SIGURG and
 * SIGWINCH. */
void signals_forward(struct client *client, const char *container);
/* Blocks the signals above for all threads that start later; call before the first thread. */
void signals_block(void);
void signals_unblock(void);
