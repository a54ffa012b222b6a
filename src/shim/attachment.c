#include "shim/attachment.h"

#include "base/fd.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define INPUT_BLOCK 16384
/* How much of the log is put into a client's buffer at a time. */
#define REPLAY_BLOCK 65536

size_t attachment_waiting(const struct attachment *client)
{
        return client->out.len - client->sent;
}

static void send_waiting(struct attachment *client)
{
        while (!client->failed && client->sent < client->out.len) {
                ssize_t n = send(client->fd, client->out.data + client->sent, client->out.len - client->sent,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
                        return;
                if (n < 0)
                        client->failed = true;
                else
                        client->sent += (size_t)n;
        }
        strbuf_deinit(&client->out);
        client->sent = 0;
}

static void queue(struct attachment *client, enum log_stream stream, const char *data, size_t len)
{
        if (client->sent > 0) {
                memmove(client->out.data, client->out.data + client->sent, attachment_waiting(client));
                client->out.len -= client->sent;
                client->sent = 0;
        }
        if (client->framed) {
                char head[8] = { (char)stream,      0,                 0,                0,
                                 (char)(len >> 24), (char)(len >> 16), (char)(len >> 8), (char)len };

                strbuf_add(&client->out, head, sizeof(head));
        }
        strbuf_add(&client->out, data, len);
}

/* Puts the next part of the log into the buffer; at its end the client goes live. */
static void replay_more(struct attachment *client)
{
        cleanup_error struct error ignored = { 0 };
        struct log_message message;

        while (client->replay && attachment_waiting(client) < REPLAY_BLOCK) {
                if (log_reader_next(client->replay, &message, &ignored) > 0) {
                        queue(client, message.stream, message.data, message.len);
                        continue;
                }
                log_reader_close(client->replay);
                client->replay = NULL;
                if (client->streams && client->streams->log) {
                        const char *rest;
                        size_t len;

                        for (int s = LOG_STDOUT; s <= LOG_STDERR; s++)
                                if ((s == LOG_STDOUT ? client->use_stdout : client->use_stderr) &&
                                    (len = log_writer_rest(client->streams->log, (enum log_stream)s, &rest)) > 0)
                                        queue(client, (enum log_stream)s, rest, len);
                }
        }
}

void attachment_update(struct attachment *client)
{
        uint32_t events = 0;

        if (client->use_stdin && client->streams && streams_wants_input(client->streams))
                events |= EPOLLIN;
        if (attachment_waiting(client) > 0 || client->replay)
                events |= EPOLLOUT;
        loop_set_events(client->linger->loop, &client->source, events);
}

void attachment_output(struct attachment *client, enum log_stream stream, const char *data, size_t len)
{
        bool wanted = stream == LOG_STDERR ? client->use_stderr : client->use_stdout;

        /* A client that is shown the log first will find this there. */
        if (client->failed || !wanted || client->replay)
                return;
        queue(client, stream, data, len);
        send_waiting(client);
        attachment_update(client);
}

static void unlink_from(struct attachment **list, struct attachment *client)
{
        for (struct attachment **p = list; *p; p = &(*p)->next) {
                if (*p == client) {
                        *p = client->next;
                        return;
                }
        }
}

void attachment_free(struct attachment *client)
{
        struct linger_list *linger = client->linger;
        struct streams *streams = client->streams;
        bool last;
        char rest[4096];

        unlink_from(streams ? &streams->clients : &linger->first, client);
        last = !streams && !linger->first;
        loop_remove(linger->loop, &client->source);
        /* Unread input at close() would reset the connection under output that the peer has not read yet. */
        shutdown(client->fd, SHUT_RDWR);
        while (recv(client->fd, rest, sizeof(rest), MSG_DONTWAIT) > 0)
                ;
        close(client->fd);
        log_reader_close(client->replay);
        strbuf_deinit(&client->out);
        free(client);
        if (streams)
                streams_check_stall(streams);
        if (last && linger->empty)
                linger->empty(linger->data);
}

void attachment_close(struct attachment *client)
{
        struct linger_list *linger = client->linger;

        client->closing = true;
        client->use_stdin = false;
        replay_more(client);
        send_waiting(client);
        if (client->failed || (attachment_waiting(client) == 0 && !client->replay)) {
                attachment_free(client);
                return;
        }
        if (client->streams) {
                struct streams *streams = client->streams;

                unlink_from(&streams->clients, client);
                client->streams = NULL;
                client->next = linger->first;
                linger->first = client;
                streams_check_stall(streams);
        }
        attachment_update(client);
}

/* The client left by its keys, or its input has ended. */
static void input_read(struct attachment *client)
{
        unsigned char in[INPUT_BLOCK], out[INPUT_BLOCK + DETACH_KEYS_MAX];
        struct streams *streams = client->streams;
        ssize_t n = recv(client->fd, in, sizeof(in), MSG_DONTWAIT);
        size_t len = (size_t)n;
        bool leaves = false;

        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
                return;
        if (n <= 0) {
                client->use_stdin = false;
                streams_input_ended(streams, client);
                return;
        }
        if (client->has_keys) {
                leaves = detach_keys_filter(&client->keys, in, (size_t)n, out, &len);
                streams_input(streams, (char *)out, len);
        } else {
                streams_input(streams, (char *)in, len);
        }
        if (leaves) {
                attachment_close(client);
                if (streams->detached)
                        streams->detached(streams->data);
        }
}

static void ready(uint32_t events, void *data)
{
        struct attachment *client = data;
        struct streams *streams = client->streams;

        if (events & (EPOLLOUT | EPOLLERR)) {
                send_waiting(client);
                replay_more(client);
                send_waiting(client);
                if (client->failed || (client->closing && attachment_waiting(client) == 0 && !client->replay)) {
                        attachment_free(client);
                        return;
                }
                attachment_update(client);
                if (streams)
                        streams_check_stall(streams);
        }
        /* What a client sent before it went away still counts, unless nobody can take it now. */
        if (client->use_stdin && streams && streams_wants_input(streams) && (events & (EPOLLIN | EPOLLHUP))) {
                input_read(client);
                return;
        }
        if (!(events & EPOLLHUP))
                attachment_update(client);
        else if (client->use_stdin && streams && (!streams->open || streams->in >= 0))
                loop_remove(client->linger->loop, &client->source); /* until its input is wanted, without spinning */
        else
                attachment_free(client);
}

int attachment_start(struct attachment *client, struct error *err)
{
        return loop_add(client->linger->loop, &client->source, client->fd, EPOLLOUT, ready, client, err);
}

void attachment_resume(struct attachment *client)
{
        cleanup_error struct error ignored = { 0 };

        if (client->source.fd < 0 && attachment_start(client, &ignored) < 0)
                client->failed = true;
        attachment_update(client);
}
