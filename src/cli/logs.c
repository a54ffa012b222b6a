/* logs: since and until are sent as instants; what is relative is taken from now. */
#include "base/fd.h"
#include "base/time.h"
#include "cli/stream.h"
#include "cli/command.h"
#include "cli/timestamp.h"
#include "client/client.h"

#include <arpa/inet.h>

struct logs {
        bool details, follow, timestamps;
        char *since, *tail, *until;
};
static const struct option logs_options[] = {
        OPTION_BOOL("details", 0, struct logs, details, "Show extra details provided to logs"),
        OPTION_BOOL("follow", 'f', struct logs, follow, "Follow log output"),
        OPTION_STRING("since", 0, struct logs, since,
                      "Show logs since timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" "
                      "for 42 minutes)"),
        OPTION_STRING("tail", 'n', struct logs, tail, "Number of lines to show from the end of the logs",
                      "\"all\""),
        OPTION_BOOL("timestamps", 't', struct logs, timestamps, "Show timestamps"),
        OPTION_STRING("until", 0, struct logs, until,
                      "Show logs before a timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. "
                      "\"42m\" for 42 minutes)"),
};

static int copy_raw(struct stream *s, struct error *err)
{
        char buffer[65536];
        ssize_t n;

        while ((n = stream_read(s, buffer, sizeof(buffer), err)) > 0)
                if (fd_write_all(STDOUT_FILENO, buffer, (size_t)n) < 0)
                        return error_errno(err, "write");
        return (int)n;
}

static int copy_frames(struct stream *s, struct error *err)
{
        for (;;) {
                unsigned char header[8];
                uint32_t left;
                ssize_t n = stream_read_full(s, header, sizeof(header), err);

                if (n <= 0)
                        return (int)n;
                if (n < (ssize_t)sizeof(header))
                        return error_set(err, ERROR_INVALID, "unexpected EOF");
                memcpy(&left, header + 4, sizeof(left));
                for (left = ntohl(left); left;) {
                        char buffer[65536];

                        n = stream_read(s, buffer, MIN(sizeof(buffer), (size_t)left), err);
                        if (n <= 0)
                                return n < 0 ? -1 : error_set(err, ERROR_INVALID, "unexpected EOF");
                        if (fd_write_all(header[0] == 2 ? STDERR_FILENO : STDOUT_FILENO, buffer, (size_t)n) <
                            0)
                                return error_errno(err, "write");
                        left -= (uint32_t)n;
                }
        }
}

/* An option that was not given stays absent. */
static int timestamp_parse_option(const char *text, int64_t now, char **ret, struct error *err)
{
        return string_empty(text) ? 0 : timestamp_parse(text, now, ret, err);
}

static int run_logs(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct logs *o = call->values;
        cleanup_client_stream struct client_stream *s = NULL;
        cleanup_query struct client_query q = {};
        cleanup_free char *since = NULL, *until = NULL;
        int64_t now = time_now();
        struct client *client;

        if (timestamp_parse_option(o->since, now, &since, err) < 0)
                return error_context(err, "invalid value for \"since\"");
        if (timestamp_parse_option(o->until, now, &until, err) < 0)
                return error_context(err, "invalid value for \"until\"");
        client_query_init(&q, "/containers/%s/logs", call->args[0]);
        client_query_add_bool(&q, "details", o->details);
        client_query_add_bool(&q, "follow", o->follow);
        client_query_add(&q, "since", since);
        client_query_add(&q, "stderr", "1");
        client_query_add(&q, "stdout", "1");
        client_query_add(&q, "tail", o->tail ? o->tail : "all");
        client_query_add_bool(&q, "timestamps", o->timestamps);
        client_query_add(&q, "until", until);
        if (cli_client(cli, &client, err) < 0 || client_stream_call(client, "GET", &q, NULL, &s, err) < 0)
                return -1;
        return streq(s->content_type, "application/vnd.docker.raw-stream")
                   ? copy_raw(&s->body.stream, err)
                   : copy_frames(&s->body.stream, err);
}

const struct command logs_command = { .name = "logs",
                                      .group = "Commands",
                                      .usage = "[OPTIONS] CONTAINER",
                                      .summary = "Fetch the logs of a container",
                                      .aliases = "container logs, logs",
                                      COMMAND_OPTIONS(logs_options, struct logs),
                                      .min_args = 1,
                                      .max_args = 1,
                                      .run = run_logs };
