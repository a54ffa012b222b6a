/* The three streams of one process - the container's or an exec's - and the clients attached to them.
 *
 * Output is read in blocks; each goes to the log first, then to every client that wants it, through a buffer of the
 * client's own. A client whose buffer is full stops the reading, as with Docker, until it has taken half of it or has
 * gone. Input of all clients goes through one small buffer; while it waits for the process no client is read. */
#pragma once

#include "base/detach-keys.h"
#include "shim/log-driver.h"
#include "shim/loop.h"

/* What a slow client may hold back. */
#define ATTACHMENT_BUFFER_MAX (1 << 20)

struct attachment;

/* A client that has been told everything but has not taken it all yet lives on here when its process has ended. */
struct linger_list {
        struct loop *loop;
        struct attachment *first;
        void (*empty)(void *data); /* the last one has gone */
        void *data;
};

struct streams {
        struct loop *loop;
        struct linger_list *linger;
        struct log_writer *log;   /* NULL: none */
        struct strbuf *capture;   /* NULL: none; the first `capture_max` bytes of both outputs */
        size_t capture_max;
        bool tty;
        bool stdin_once;          /* the first client's end of input is the process's */
        bool open;                /* the process runs */
        int in, out, err;         /* our ends; with a tty `out` is the pty's master, `in` a copy of it */
        struct loop_source in_source, out_source, err_source;
        struct strbuf input;      /* not yet taken by the process */
        bool input_ends;          /* close `in` when `input` is empty */
        bool stalled;             /* some client's buffer is full */
        struct attachment *clients;
        void (*detached)(void *data); /* a client left by its detach keys */
        void *data;
};

void streams_init(struct streams *streams, struct loop *loop, struct linger_list *linger);

/* Makes what the process shall get as 0, 1, 2 (-1: /dev/null); the caller closes those. Only with `want[i]` there is a
 * pipe. For processes without a tty. */
int streams_make_pipes(struct streams *streams, const bool want[3], int child[3], struct error *err);
/* Takes the pty's master over. */
int streams_take_console(struct streams *streams, int master, bool want_stdin, struct error *err);
/* The process runs: reading begins. */
int streams_run(struct streams *streams, struct error *err);
/* It has ended: reads what is left of its output. */
void streams_drain(struct streams *streams);
/* As well, ends the log's lines, and lets the clients go as soon as they have everything. */
void streams_finish(struct streams *streams);

struct attach_options {
        bool use_stdin, use_stdout, use_stderr;
        const char *detach_keys;
        const struct log_read_options *replay; /* NULL: none */
};
/* Takes `fd` over. `pending`: input that was read already. */
int streams_attach(struct streams *streams, const struct attach_options *options, int fd, struct strbuf *pending,
                   struct error *err);

/* For attachment.c. */
void streams_input(struct streams *streams, const char *data, size_t len);
bool streams_wants_input(const struct streams *streams);
void streams_input_ended(struct streams *streams, struct attachment *client);
void streams_check_stall(struct streams *streams);
