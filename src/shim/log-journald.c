/* The host's journal, by its native protocol (systemd's JOURNAL_NATIVE_PROTOCOL): datagrams of FIELD=value lines; a value
 * with newlines is written as its name, a newline, its length (64 bits, little endian) and its bytes. */
#include "shim/log-driver.h"
#include "shim/log-socket.h"

#include "base/fd.h"
#include "base/socket.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <sys/un.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

struct log_sink {
        int fd;
        bool non_blocking;
        struct strbuf constant; /* the fields that all messages have */
};

static void add_field(struct strbuf *out, const char *name, const char *value, size_t len)
{
        uint64_t size = htole64(len);

        strbuf_adds(out, name);
        if (!memchr(value, '\n', len)) {
                strbuf_addc(out, '=');
        } else {
                strbuf_addc(out, '\n');
                strbuf_add(out, &size, sizeof(size));
        }
        strbuf_add(out, value, len);
        strbuf_addc(out, '\n');
}

static void add_text(struct strbuf *out, const char *name, const char *value)
{
        add_field(out, name, value ? value : "", value ? strlen(value) : 0);
}

/* Names of fields: upper-case letters, digits, underscores, not beginning with one. */
static void add_attribute(struct strbuf *out, const char *key, const char *value)
{
        cleanup_free char *name = xstrdup(key);

        for (char *p = name; *p; p++) {
                if (*p >= 'a' && *p <= 'z')
                        *p = (char)(*p - 'a' + 'A');
                else if (!((*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9')))
                        *p = '_';
        }
        if (*name && *name != '_')
                add_text(out, name, value);
}

static void add_constant(struct strbuf *out, const struct shim_config *config)
{
        const char *tag = string_empty(config->log_tag) ? config->id : config->log_tag;

        add_field(out, "CONTAINER_ID", config->id, MIN(strlen(config->id), (size_t)12));
        add_text(out, "CONTAINER_ID_FULL", config->id);
        add_text(out, "CONTAINER_NAME", config->name);
        add_text(out, "CONTAINER_TAG", tag);
        add_text(out, "IMAGE_NAME", config->image_name);
        add_text(out, "SYSLOG_IDENTIFIER", tag);
        for (size_t i = 0; i < config->log_attributes.count; i++)
                add_attribute(out, config->log_attributes.pairs[i].key, config->log_attributes.pairs[i].value);
}

static int journald_open(const struct shim_config *config, const struct log_options *options, struct log_sink **ret,
                         struct error *err)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
        cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return error_errno(err, "journal");
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return error_set(err, ERROR_UNAVAILABLE, "journald is not enabled on this host");
        *ret = xcalloc(1, sizeof(**ret));
        log_socket_prepare(fd, options);
        (*ret)->fd = take_fd(fd);
        (*ret)->non_blocking = options->non_blocking;
        add_constant(&(*ret)->constant, config);
        return 0;
}

static int journald_write(struct log_sink *sink, const struct log_record *record, struct error *err)
{
        cleanup_strbuf struct strbuf message = { 0 };
        char number[24];

        if (record->len == 0 && record->newline)
                return 0; /* the journal keeps no empty messages */
        add_field(&message, "MESSAGE", record->data, record->len);
        add_text(&message, "PRIORITY", record->stream == LOG_STDERR ? "3" : "6");
        strbuf_add(&message, sink->constant.data, sink->constant.len);
        if (record->ordinal > 0) {
                if (!record->newline)
                        add_text(&message, "CONTAINER_PARTIAL_MESSAGE", "true");
                snprintf(number, sizeof(number), "%u", record->ordinal);
                add_text(&message, "CONTAINER_PARTIAL_ORDINAL", number);
                snprintf(number, sizeof(number), "%016llx", (unsigned long long)record->partial_id);
                add_text(&message, "CONTAINER_PARTIAL_ID", number);
                add_text(&message, "CONTAINER_PARTIAL_LAST", record->newline ? "true" : "false");
        }
        return log_socket_send(sink->fd, sink->non_blocking, message.data, message.len, err) < 0 ? error_context(err, "journal") : 0;
}

static int journald_flush(struct log_sink *sink, struct error *err)
{
        (void)sink;
        (void)err;
        return 0;
}

static void journald_close(struct log_sink *sink)
{
        close(sink->fd);
        strbuf_deinit(&sink->constant);
        free(sink);
}

const struct log_sink_ops log_journald_ops = { journald_open, journald_write, journald_flush, journald_close };
