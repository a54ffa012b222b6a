#include "shim/streams.h"

#include "base/fd.h"
#include "base/log.h"
#include "shim/attachment.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define OUTPUT_BLOCK 16384

void streams_init(struct streams *streams, struct loop *loop, struct linger_list *linger)
{
        *streams = (struct streams){
                .loop = loop,
                .linger = linger,
                .in = -1,
                .out = -1,
                .err = -1,
                .in_source.fd = -1,
                .out_source.fd = -1,
                .err_source.fd = -1,
        };
}

static void close_end(struct streams *streams, struct loop_source *source, int *fd)
{
        loop_remove(streams->loop, source);
        if (*fd >= 0)
                close(take_fd(*fd));
}

int streams_make_pipes(struct streams *streams, const bool want[3], int child[3], struct error *err)
{
        int *ours[3] = { &streams->in, &streams->out, &streams->err };

        child[0] = child[1] = child[2] = -1;
        for (int i = 0; i < 3; i++) {
                int pair[2];

                if (!want[i])
                        continue;
                if (pipe2(pair, O_CLOEXEC) < 0) {
                        error_errno(err, "pipe");
                        for (int j = 0; j < i; j++) {
                                if (child[j] >= 0)
                                        close(take_fd(child[j]));
                                if (*ours[j] >= 0)
                                        close(take_fd(*ours[j]));
                        }
                        return -1;
                }
                child[i] = pair[i == 0 ? 0 : 1];
                *ours[i] = pair[i == 0 ? 1 : 0];
                fd_set_nonblocking(*ours[i], true);
        }
        return 0;
}

int streams_take_console(struct streams *streams, int master, bool want_stdin, struct error *err)
{
        streams->tty = true;
        streams->out = master;
        fd_set_nonblocking(master, true);
        if (want_stdin) {
                streams->in = fcntl(master, F_DUPFD_CLOEXEC, 0);
                if (streams->in < 0)
                        return error_errno(err, "console");
        }
        return 0;
}

/* --- output --- */

static void sweep(struct streams *streams)
{
        struct attachment *next;

        for (struct attachment *client = streams->clients; client; client = next) {
                next = client->next;
                if (client->failed)
                        attachment_free(client);
        }
}

static void distribute(struct streams *streams, enum log_stream stream, const char *data, size_t len)
{
        if (streams->log) {
                cleanup_error struct error failure = { 0 };

                log_writer_data(streams->log, stream, data, len);
                if (log_writer_flush(streams->log, &failure) < 0)
                        log_warn("%s: lines are lost", error_message(&failure));
        }
        if (streams->capture && streams->capture->len < streams->capture_max)
                strbuf_add(streams->capture, data, MIN(len, streams->capture_max - streams->capture->len));
        for (struct attachment *client = streams->clients; client; client = client->next)
                attachment_output(client, stream, data, len);
        sweep(streams);
        streams_check_stall(streams);
}

/* 1: there was something, 0: nothing now, -1: the end. */
static int read_output(struct streams *streams, enum log_stream stream)
{
        static char block[OUTPUT_BLOCK];
        int fd = stream == LOG_STDERR ? streams->err : streams->out;
        ssize_t n;

        if (fd < 0)
                return -1;
        n = read(fd, block, sizeof(block));
        if (n > 0) {
                distribute(streams, stream, block, (size_t)n);
                return 1;
        }
        /* A pty whose last user has gone reads EIO, and works again when somebody opens it. */
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        return -1;
}

static void output_ready(struct streams *streams, enum log_stream stream)
{
        if (read_output(streams, stream) >= 0)
                return;
        if (stream == LOG_STDERR)
                close_end(streams, &streams->err_source, &streams->err);
        else if (streams->tty)
                loop_remove(streams->loop, &streams->out_source); /* the master stays: it can be resized */
        else
                close_end(streams, &streams->out_source, &streams->out);
        if (streams->log)
                log_writer_end(streams->log, stream);
}

static void out_ready(uint32_t events, void *data)
{
        (void)events;
        output_ready(data, LOG_STDOUT);
}

static void err_ready(uint32_t events, void *data)
{
        (void)events;
        output_ready(data, LOG_STDERR);
}

void streams_check_stall(struct streams *streams)
{
        size_t most = 0;
        bool stalled;

        for (struct attachment *client = streams->clients; client; client = client->next)
                most = MAX(most, attachment_waiting(client));
        stalled = most > (streams->stalled ? ATTACHMENT_BUFFER_MAX / 2 : ATTACHMENT_BUFFER_MAX);
        if (stalled == streams->stalled)
                return;
        streams->stalled = stalled;
        /* A source without events still reports a hang-up, over and over: it leaves the loop instead. */
        if (stalled) {
                loop_remove(streams->loop, &streams->out_source);
                loop_remove(streams->loop, &streams->err_source);
        } else if (streams->open) {
                if (streams->out >= 0)
                        loop_add(streams->loop, &streams->out_source, streams->out, EPOLLIN, out_ready, streams, NULL);
                if (streams->err >= 0)
                        loop_add(streams->loop, &streams->err_source, streams->err, EPOLLIN, err_ready, streams, NULL);
        }
}

/* --- input --- */

static void update_clients(struct streams *streams)
{
        struct attachment *next;

        for (struct attachment *client = streams->clients; client; client = next) {
                next = client->next;
                attachment_resume(client);
        }
}

static void input_close(struct streams *streams)
{
        close_end(streams, &streams->in_source, &streams->in);
        strbuf_deinit(&streams->input);
}

static void input_flush(struct streams *streams)
{
        size_t done = 0;

        while (streams->in >= 0 && done < streams->input.len) {
                ssize_t n = write(streams->in, streams->input.data + done, streams->input.len - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0) { /* nobody reads it any more */
                        input_close(streams);
                        return;
                }
                done += (size_t)n;
        }
        if (done == streams->input.len) {
                strbuf_deinit(&streams->input);
                loop_remove(streams->loop, &streams->in_source);
                if (streams->input_ends)
                        input_close(streams);
                return;
        }
        memmove(streams->input.data, streams->input.data + done, streams->input.len - done);
        streams->input.len -= done;
}

static void in_ready(uint32_t events, void *data)
{
        struct streams *streams = data;

        (void)events;
        input_flush(streams);
        update_clients(streams);
}

void streams_input(struct streams *streams, const char *data, size_t len)
{
        if (streams->open && streams->in < 0)
                return;
        strbuf_add(&streams->input, data, len);
        if (!streams->open)
                return;
        input_flush(streams);
        if (streams->input.len > 0 && streams->in_source.fd < 0) {
                loop_add(streams->loop, &streams->in_source, streams->in, EPOLLOUT, in_ready, streams, NULL);
                update_clients(streams);
        }
}

bool streams_wants_input(const struct streams *streams)
{
        return streams->open && streams->in >= 0 && streams->input.len == 0;
}

void streams_input_ended(struct streams *streams, struct attachment *client)
{
        if (streams->stdin_once && !streams->tty) {
                streams->input_ends = true;
                if (streams->open && streams->input.len == 0)
                        input_close(streams);
                if (client->use_stdout || client->use_stderr)
                        attachment_update(client);
                else
                        attachment_close(client);
                return;
        }
        /* As Docker: the end of such a client's input ends its output, too. */
        attachment_close(client);
}

/* --- life --- */

int streams_run(struct streams *streams, struct error *err)
{
        streams->open = true;
        if (streams->out >= 0 &&
            loop_add(streams->loop, &streams->out_source, streams->out, EPOLLIN, out_ready, streams, err) < 0)
                return -1;
        if (streams->err >= 0 &&
            loop_add(streams->loop, &streams->err_source, streams->err, EPOLLIN, err_ready, streams, err) < 0)
                return -1;
        if (streams->in < 0)
                strbuf_deinit(&streams->input);
        streams_input(streams, "", 0);
        if (streams->input_ends && streams->input.len == 0)
                input_close(streams);
        update_clients(streams);
        return 0;
}

void streams_drain(struct streams *streams)
{
        for (int stream = LOG_STDOUT; stream <= LOG_STDERR; stream++)
                while (read_output(streams, (enum log_stream)stream) > 0)
                        ;
        if (streams->log) {
                log_writer_end(streams->log, LOG_STDOUT);
                log_writer_end(streams->log, LOG_STDERR);
                log_writer_flush(streams->log, NULL);
        }
}

void streams_finish(struct streams *streams)
{
        streams_drain(streams);
        streams->open = false;
        streams->stalled = false;
        input_close(streams);
        close_end(streams, &streams->out_source, &streams->out);
        close_end(streams, &streams->err_source, &streams->err);
        streams->input_ends = false;
        while (streams->clients)
                attachment_close(streams->clients);
}

int streams_attach(struct streams *streams, const struct attach_options *options, int fd, struct strbuf *pending,
                   struct error *err)
{
        struct attachment *client = xcalloc(1, sizeof(*client));

        client->fd = fd;
        client->source.fd = -1;
        client->linger = streams->linger;
        client->framed = !streams->tty;
        client->use_stdin = options->use_stdin;
        client->use_stdout = options->use_stdout;
        client->use_stderr = options->use_stderr && !streams->tty;
        client->has_keys = streams->tty && options->use_stdin;
        if ((client->has_keys && detach_keys_parse(options->detach_keys, &client->keys, err) < 0) ||
            (options->replay && log_reader_open(options->replay, &client->replay, err) < 0) ||
            attachment_start(client, err) < 0) {
                log_reader_close(client->replay);
                free(client);
                return -1;
        }
        client->streams = streams;
        client->next = streams->clients;
        streams->clients = client;
        if (pending && pending->len > 0 && client->use_stdin)
                streams_input(streams, pending->data, pending->len);
        attachment_update(client);
        return 0;
}
