/* One client of a process's streams: a connected socket that was handed over. Private to streams.c. */
#pragma once

#include "shim/streams.h"

struct attachment {
        struct attachment *next;
        struct streams *streams; /* NULL: it lingers */
        struct linger_list *linger;
        int fd;
        struct loop_source source;
        bool use_stdin, use_stdout, use_stderr;
        bool framed;
        bool has_keys;
        bool closing; /* ends when `out` is empty */
        bool failed;  /* its socket takes nothing any more */
        struct detach_keys keys;
        struct strbuf out;
        size_t sent; /* of `out` */
        struct log_reader *replay;
};

/* Queues output of a stream and sends what the socket takes. Never frees: a client whose socket failed is `failed`. */
void attachment_output(struct attachment *client, enum log_stream stream, const char *data, size_t len);
/* No more will come. Frees it at once when nothing waits. */
void attachment_close(struct attachment *client);
/* After a change of what the streams want. */
void attachment_update(struct attachment *client);
/* As attachment_update(), also for one that left the loop because its peer had gone. */
void attachment_resume(struct attachment *client);
/* Ready for the loop. */
int attachment_start(struct attachment *client, struct error *err);
/* Bytes that wait. */
size_t attachment_waiting(const struct attachment *client);
/* Removes it from its list, closes, frees. */
void attachment_free(struct attachment *client);
