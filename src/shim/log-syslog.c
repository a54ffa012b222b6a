/* syslog: RFC 3164 (also as the local /dev/log takes it) and RFC 5424, over unix sockets, udp and tcp. */
#include "shim/log-driver.h"
#include "shim/log-socket.h"

#include "base/fd.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

enum format { FORMAT_UNIX, FORMAT_3164, FORMAT_5424, FORMAT_5424_MICRO };

struct log_sink {
        int fd;
        int facility;
        enum format format;
        bool stream;       /* messages end in a newline */
        struct log_options options;
        char *tag, *hostname;
        char *address;
};

static const char *const facilities[] = { "kern",   "user",   "mail",   "daemon", "auth",   "syslog", "lpr",    "news",
                                          "uucp",   "cron",   "authpriv", "ftp",  NULL,     NULL,     NULL,     NULL,
                                          "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7" };

static int facility_parse(const char *text, int *ret, struct error *err)
{
        cleanup_error struct error ignored = { 0 };
        int64_t number;

        if (string_empty(text)) {
                *ret = 3; /* daemon */
                return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(facilities); i++) {
                if (streq(facilities[i], text)) {
                        *ret = (int)i;
                        return 0;
                }
        }
        if (string_to_int64(text, &number, &ignored) == 0 && number >= 0 && number <= 23) {
                *ret = (int)number;
                return 0;
        }
        return error_set(err, ERROR_INVALID, "invalid syslog facility");
}

static int format_parse(const char *text, bool local, enum format *ret, struct error *err)
{
        static const struct {
                const char *name;
                enum format format;
        } formats[] = {
                { "rfc3164", FORMAT_3164 },
                { "rfc5424", FORMAT_5424 },
                { "rfc5424micro", FORMAT_5424_MICRO },
        };

        if (string_empty(text)) {
                *ret = local ? FORMAT_UNIX : FORMAT_3164;
                return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
                if (streq(formats[i].name, text)) {
                        *ret = formats[i].format;
                        return 0;
                }
        }
        return error_set(err, ERROR_INVALID, "Invalid syslog format");
}

static int connect_unix(const char *path, int type, struct error *err)
{
        cleanup_close int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (strlen(path) >= sizeof(address.sun_path))
                return error_set(err, ERROR_INVALID, "syslog: the socket's path is too long");
        memcpy(address.sun_path, path, strlen(path) + 1);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return error_errno(err, "syslog: %s", path);
        return take_fd(fd);
}

static int connect_local(struct error *err)
{
        static const char *const paths[] = { "/dev/log", "/var/run/syslog", "/var/run/log" };

        for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
                cleanup_error struct error ignored = { 0 };
                int fd = connect_unix(paths[i], SOCK_DGRAM, &ignored);

                if (fd >= 0)
                        return fd;
        }
        return error_set(err, ERROR_UNAVAILABLE, "Unix syslog delivery error");
}

/* "host:port", "[v6]:port"; the port may be missing. */
static int connect_inet(const char *where, int type, struct error *err)
{
        cleanup_free char *host = xstrdup(where);
        char *begin = host, *port = strrchr(host, ':'), *close_bracket = strrchr(host, ']');
        struct addrinfo hints = { .ai_socktype = type }, *found, *a;
        int fd = -1, r;

        if (port && (!close_bracket || port > close_bracket))
                *port++ = '\0';
        else
                port = (char *)"514";
        if (*begin == '[' && close_bracket) {
                begin++;
                *close_bracket = '\0';
        }
        r = getaddrinfo(begin, port, &hints, &found);
        if (r != 0)
                return error_set(err, ERROR_UNAVAILABLE, "syslog: %s: %s", where, gai_strerror(r));
        for (a = found; a && fd < 0; a = a->ai_next) {
                fd = socket(a->ai_family, type | SOCK_CLOEXEC, 0);
                if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0)
                        close(take_fd(fd));
        }
        r = errno;
        freeaddrinfo(found);
        return fd < 0 ? error_errnum(err, r, "syslog: %s", where) : fd;
}

static int address_open(struct log_sink *sink, struct error *err)
{
        const char *where;

        if (string_empty(sink->address))
                return connect_local(err);
        if ((where = string_after(sink->address, "unixgram://")))
                return connect_unix(where, SOCK_DGRAM, err);
        if ((where = string_after(sink->address, "unix://"))) {
                sink->stream = true;
                return connect_unix(where, SOCK_STREAM, err);
        }
        if ((where = string_after(sink->address, "udp://")))
                return connect_inet(where, SOCK_DGRAM, err);
        if ((where = string_after(sink->address, "tcp://"))) {
                sink->stream = true;
                return connect_inet(where, SOCK_STREAM, err);
        }
        if (string_after(sink->address, "tcp+tls://"))
                return error_set(err, ERROR_UNSUPPORTED, "syslog-address: tcp+tls is not supported by davit");
        return error_set(err, ERROR_INVALID,
                         "syslog-address should be in form proto://address, got %s", sink->address);
}

static int address_connect(struct log_sink *sink, struct error *err)
{
        int fd = address_open(sink, err);

        if (fd >= 0)
                log_socket_prepare(fd, &sink->options);
        return fd;
}

static void syslog_close(struct log_sink *sink)
{
        if (sink->fd >= 0)
                close(sink->fd);
        free(sink->tag);
        free(sink->hostname);
        free(sink->address);
        free(sink);
}

static int sink_fill(struct log_sink *sink, const struct shim_config *config, struct error *err)
{
        const struct strmap *options = &config->log_options;
        bool local = !string_after(sink->address ? sink->address : "", "udp://") &&
                     !string_after(sink->address ? sink->address : "", "tcp://");

        if (facility_parse(strmap_get(options, "syslog-facility"), &sink->facility, err) < 0 ||
            format_parse(strmap_get(options, "syslog-format"), local, &sink->format, err) < 0)
                return -1;
        sink->fd = address_connect(sink, err);
        return sink->fd < 0 ? -1 : 0;
}

static int syslog_open(const struct shim_config *config, const struct log_options *options, struct log_sink **ret,
                       struct error *err)
{
        struct log_sink *sink = xcalloc(1, sizeof(*sink));
        char hostname[256] = "localhost";

        gethostname(hostname, sizeof(hostname) - 1);
        sink->fd = -1;
        sink->options = *options;
        sink->hostname = xstrdup(hostname);
        sink->tag = string_empty(config->log_tag) ? xstrndup(config->id, 12) : xstrdup(config->log_tag);
        sink->address = xstrdup(strmap_get(&config->log_options, "syslog-address"));
        if (sink_fill(sink, config, err) < 0) {
                syslog_close(sink);
                return -1;
        }
        *ret = sink;
        return 0;
}

static void add_head(struct log_sink *sink, const struct log_record *record, struct strbuf *out)
{
        int priority = sink->facility * 8 + (record->stream == LOG_STDERR ? 3 : 6);
        time_t seconds = (time_t)(record->time / NSEC_PER_SEC);
        long micro = (long)(record->time % NSEC_PER_SEC / 1000);
        char when[64], zone[16];
        struct tm tm;

        localtime_r(&seconds, &tm);
        switch (sink->format) {
        case FORMAT_UNIX:
                strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
                strbuf_addf(out, "<%d>%s %s[%d]: ", priority, when, sink->tag, (int)getpid());
                break;
        case FORMAT_3164:
                strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
                strbuf_addf(out, "<%d>%s %s %s[%d]: ", priority, when, sink->hostname, sink->tag, (int)getpid());
                break;
        default:
                gmtime_r(&seconds, &tm);
                strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
                zone[0] = '\0';
                if (sink->format == FORMAT_5424_MICRO)
                        snprintf(zone, sizeof(zone), ".%06ld", micro);
                strbuf_addf(out, "<%d>1 %s%sZ %s %s %d %s - ", priority, when, zone, sink->hostname, sink->tag,
                            (int)getpid(), sink->tag);
                break;
        }
}

static int send_message(struct log_sink *sink, const struct strbuf *message, struct error *err)
{
        return log_socket_send(sink->fd, sink->options.non_blocking, message->data, message->len, err) < 0
                   ? error_context(err, "syslog")
                   : 0;
}

/* A broken connection is made anew, once for each message. */
static int syslog_write(struct log_sink *sink, const struct log_record *record, struct error *err)
{
        cleanup_error struct error first = { 0 };
        cleanup_strbuf struct strbuf message = { 0 };
        int again;

        add_head(sink, record, &message);
        strbuf_add(&message, record->data, record->len);
        if (sink->stream)
                strbuf_addc(&message, '\n');
        if (send_message(sink, &message, &first) == 0)
                return 0;
        if (first.errnum == EAGAIN)
                return error_move(err, &first);
        again = address_connect(sink, err);
        if (again < 0)
                return -1;
        close(sink->fd);
        sink->fd = again;
        return send_message(sink, &message, err);
}

static int syslog_flush(struct log_sink *sink, struct error *err)
{
        (void)sink;
        (void)err;
        return 0;
}

const struct log_sink_ops log_syslog_ops = { syslog_open, syslog_write, syslog_flush, syslog_close };
