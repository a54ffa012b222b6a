#include "cli/stream.h"
#include "base/detach-keys.h"
#include "base/fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

struct terminal {
        struct termios before;
};

int terminal_raw(struct terminal **ret, struct error *err)
{
        struct terminal *t;
        struct termios raw;

        *ret = NULL;
        if (!isatty(STDIN_FILENO))
                return 0;
        t = xcalloc(1, sizeof(*t));
        if (tcgetattr(STDIN_FILENO, &t->before) < 0) {
                free(t);
                return error_errno(err, "terminal");
        }
        raw = t->before;
        cfmakeraw(&raw);
        if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0) {
                free(t);
                return error_errno(err, "terminal");
        }
        *ret = t;
        return 0;
}

void terminal_restore(struct terminal *t)
{
        if (!t)
                return;
        tcsetattr(STDIN_FILENO, TCSANOW, &t->before);
        free(t);
}

bool terminal_size(int *height, int *width)
{
        struct winsize size;

        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row)
                return false;
        *height = size.ws_row;
        *width = size.ws_col;
        return true;
}

/* ---- Copying ---- */

#define INPUT_ROOM 65536

struct copy {
        struct client_hijack *h;
        const struct stream_options *options;
        bool input_open, detached;
        bool input_ended; /* ours; the engine is told when all of it is sent */
        char input[INPUT_ROOM];
        size_t input_len, input_sent;
        struct detach_keys keys;
        uint8_t header[8];
        size_t header_len;
        uint32_t left; /* of the current frame */
};

static int write_out(struct copy *c, int stream, const char *data, size_t len, struct error *err)
{
        if ((stream == 2 && !c->options->use_stderr) || (stream != 2 && !c->options->use_stdout))
                return 0;
        if (fd_write_all(stream == 2 ? STDERR_FILENO : STDOUT_FILENO, data, len) < 0)
                return error_errno(err, "write");
        return 0;
}

/* Takes frames apart; a frame may come in any number of pieces. */
static int consume(struct copy *c, const char *data, size_t len, struct error *err)
{
        if (!c->h->framed)
                return write_out(c, 1, data, len, err);
        while (len) {
                size_t n;

                if (c->left == 0) {
                        n = MIN(len, sizeof(c->header) - c->header_len);
                        memcpy(c->header + c->header_len, data, n);
                        c->header_len += n;
                        data += n;
                        len -= n;
                        if (c->header_len < sizeof(c->header))
                                return 0;
                        c->header_len = 0;
                        memcpy(&c->left, c->header + 4, sizeof(c->left));
                        c->left = ntohl(c->left);
                        continue;
                }
                n = MIN(len, (size_t)c->left);
                /* Frame 3 carries an error of the engine's. */
                if (write_out(c, c->header[0] >= 2 ? 2 : 1, data, n, err) < 0)
                        return -1;
                c->left -= (uint32_t)n;
                data += n;
                len -= n;
        }
        return 0;
}

static int read_engine(struct copy *c, bool *ended, struct error *err)
{
        char buffer[65536];
        ssize_t n = read(c->h->fd, buffer, sizeof(buffer));

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return 0;
        if (n <= 0) {
                *ended = true;
                return 0;
        }
        return consume(c, buffer, (size_t)n, err);
}

static void close_input(struct copy *c)
{
        c->input_open = false;
        shutdown(c->h->fd, SHUT_WR);
}

/* Sends what the socket takes now. Output is read meanwhile: waiting here for a container that itself waits
 * for us to read would be the end of both. */
static void send_input(struct copy *c)
{
        while (c->input_sent < c->input_len) {
                ssize_t n = send(c->h->fd, c->input + c->input_sent, c->input_len - c->input_sent,
                                 MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return;
                if (n < 0) {
                        close_input(c);
                        return;
                }
                c->input_sent += (size_t)n;
        }
        c->input_len = c->input_sent = 0;
        if (c->input_ended)
                close_input(c);
}

static void read_input(struct copy *c)
{
        char buffer[INPUT_ROOM - DETACH_KEYS_MAX];
        ssize_t n = read(STDIN_FILENO, buffer, sizeof(buffer));

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return;
        if (n <= 0) {
                c->input_ended = true;
        } else if (c->options->tty) {
                c->detached = detach_keys_filter(&c->keys, (const unsigned char *)buffer, (size_t)n,
                                                 (unsigned char *)c->input, &c->input_len);
        } else {
                memcpy(c->input, buffer, (size_t)n);
                c->input_len = (size_t)n;
        }
        send_input(c);
}

int stream_run(struct client_hijack *h, const struct stream_options *options, struct error *err)
{
        struct copy c = { .h = h, .options = options, .input_open = options->use_stdin };
        bool ended = false;

        if (detach_keys_parse(options->detach_keys, &c.keys, err) < 0)
                return -1;
        if (h->early_len && consume(&c, h->early, h->early_len, err) < 0)
                return -1;
        if (!options->use_stdin)
                shutdown(h->fd, SHUT_WR);
        while (!ended && !c.detached && (c.input_open || options->use_stdout || options->use_stderr)) {
                bool pending = c.input_open && c.input_len > 0;
                struct pollfd fds[2] = { { .fd = h->fd, .events = (short)(POLLIN | (pending ? POLLOUT : 0)) },
                                         { .fd = c.input_open && !pending ? STDIN_FILENO : -1,
                                           .events = POLLIN } };

                if (poll(fds, 2, -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return error_errno(err, "poll");
                }
                if (fds[1].revents)
                        read_input(&c);
                if (fds[0].revents & POLLOUT)
                        send_input(&c);
                if (fds[0].revents & ~POLLOUT && read_engine(&c, &ended, err) < 0)
                        return -1;
        }
        return c.detached;
}

/* ---- Window and signals ---- */

struct follower {
        struct client *client;
        char *path;
};

static sigset_t forwarded_signals(void)
{
        static const int kept[] = { SIGCHLD, SIGPIPE, SIGURG,  SIGWINCH, SIGSEGV, SIGBUS,  SIGILL, SIGFPE,
                                    SIGABRT, SIGSTOP, SIGKILL, SIGTSTP,  SIGTTIN, SIGTTOU, SIGCONT };
        sigset_t set;

        sigfillset(&set);
        for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
                sigdelset(&set, kept[i]);
        return set;
}

void signals_block(void)
{
        sigset_t set = forwarded_signals();

        sigaddset(&set, SIGWINCH);
        pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void signals_unblock(void)
{
        sigset_t set = forwarded_signals();

        sigaddset(&set, SIGWINCH);
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void send_size(struct follower *f)
{
        cleanup_query struct client_query q = {};
        int height, width;

        if (!terminal_size(&height, &width))
                return;
        client_query_init(&q, "/");
        strbuf_clear(&q.text);
        strbuf_adds(&q.text, f->path);
        client_query_add_int(&q, "h", height);
        client_query_add_int(&q, "w", width);
        (void)client_call(f->client, "POST", &q, NULL, NULL, NULL, NULL);
}

static void *follow_size(void *arg)
{
        struct follower *f = arg;
        sigset_t set;
        int signal;

        sigemptyset(&set);
        sigaddset(&set, SIGWINCH);
        for (;;) {
                send_size(f);
                if (sigwait(&set, &signal) != 0)
                        return NULL;
        }
}

static void start_follower(void *(*run)(void *), struct client *client, const char *path)
{
        struct follower *f = xcalloc(1, sizeof(*f));
        pthread_t thread;

        f->client = client;
        f->path = xstrdup(path);
        if (pthread_create(&thread, NULL, run, f) == 0)
                pthread_detach(thread);
}

void resize_follow(struct client *client, const char *path)
{
        start_follower(follow_size, client, path);
}

static void *forward(void *arg)
{
        struct follower *f = arg;
        sigset_t set = forwarded_signals();
        int signal;

        while (sigwait(&set, &signal) == 0) {
                cleanup_query struct client_query q = {};

                client_query_init(&q, "/containers/%s/kill", f->path);
                client_query_add_int(&q, "signal", signal);
                (void)client_call(f->client, "POST", &q, NULL, NULL, NULL, NULL);
        }
        return NULL;
}

void signals_forward(struct client *client, const char *container)
{
        start_follower(forward, client, container);
}
