/* Each connection is a process of its own: `ssh HOST … system dial-stdio`, which carries bytes between its standard
 * streams and the engine there. Keys, jump hosts and shared connections (ControlMaster) are ssh's business. */
#include "client/ssh.h"
#include "base/fd.h"
#include "base/socket.h"
#include "base/spawn.h"

#include <ctype.h>
#include <stdio.h>

static int invalid(const char *why, struct error *err)
{
        return error_set(err, ERROR_INVALID,
                         "Failed to initialize: ssh host connection is not valid: invalid SSH URL: %s", why);
}

static int parse_authority(const char *text, struct ssh_host *h, struct error *err)
{
        const char *at = strrchr(text, '@'), *colon;
        bool bracketed;

        if (at) {
                if (memchr(text, ':', (size_t)(at - text)))
                        return invalid("plain-text password is not supported", err);
                h->user = at > text ? xstrndup(text, (size_t)(at - text)) : NULL;
                text = at + 1;
        }
        bracketed = *text == '[' && strchr(text, ']');
        colon = bracketed ? strchr(strchr(text, ']'), ':') : strrchr(text, ':');
        if (colon) {
                if (!colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1))
                        return invalid("invalid port", err);
                h->port = xstrdup(colon + 1);
        }
        h->host = xstrndup(text + bracketed, (colon ? (size_t)(colon - text) : strlen(text)) - 2 * (size_t)bracketed);
        if (!*h->host)
                return invalid("hostname is empty", err);
        for (const char *p = h->host; *p; p++)
                if (iscntrl((unsigned char)*p) || *p == ' ' || (p == h->host && *p == '-'))
                        return invalid("invalid host name", err);
        return 0;
}

int ssh_host_parse(const char *url, struct ssh_host *ret, struct error *err)
{
        cleanup_ssh_host struct ssh_host h = {};
        const char *rest = string_after(url, "ssh://");
        cleanup_free char *authority = NULL;

        if (!rest)
                return invalid("expected scheme ssh", err);
        if (strchr(rest, '?'))
                return invalid("query parameters are not allowed", err);
        if (strchr(rest, '#'))
                return invalid("fragments are not allowed", err);
        authority = xstrndup(rest, strcspn(rest, "/"));
        if (parse_authority(authority, &h, err) < 0)
                return -1;
        rest += strlen(authority);
        if (*rest && rest[1]) {
                /* It goes through the shell there, between quotes. */
                if (strpbrk(rest, "'\n"))
                        return invalid("invalid socket path", err);
                h.socket = xstrdup(rest);
        }
        *ret = h;
        h = (struct ssh_host){};
        return 0;
}

void ssh_host_deinit(struct ssh_host *h)
{
        free(h->user);
        free(h->host);
        free(h->port);
        free(h->socket);
        *h = (struct ssh_host){};
}

/* What the shell there runs: davit where there is one, else docker. */
static char *remote_command(const struct ssh_host *h)
{
        cleanup_free char *host = h->socket ? string_format(" --host 'unix://%s'", h->socket) : xstrdup("");

        return string_format("if command -v davit >/dev/null 2>&1; then exec davit%s system dial-stdio; else exec docker%s "
                             "system dial-stdio; fi",
                             host, host);
}

int ssh_connect(const char *url, struct error *err)
{
        cleanup_ssh_host struct ssh_host h = {};
        cleanup_strv char **argv = NULL;
        cleanup_free char *command = NULL;
        int pair[2], fds[3], r;
        pid_t pid;

        if (ssh_host_parse(url, &h, err) < 0)
                return -1;
        command = remote_command(&h);
        strv_append(&argv, "ssh");
        if (h.user) {
                strv_append(&argv, "-l");
                strv_append(&argv, h.user);
        }
        if (h.port) {
                strv_append(&argv, "-p");
                strv_append(&argv, h.port);
        }
        strv_append(&argv, "-o");
        strv_append(&argv, "ConnectTimeout=30");
        strv_append(&argv, "-T");
        strv_append(&argv, "--");
        strv_append(&argv, h.host);
        strv_append(&argv, command);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return error_errno(err, "socketpair");
        fds[0] = fds[1] = pair[1];
        fds[2] = STDERR_FILENO;
        r = spawn(&(struct spawn_options){ .program = "ssh", .argv = argv, .fds = fds, .n_fds = 3 }, &pid, NULL,
                  err);
        close(pair[1]);
        if (r < 0) {
                close(pair[0]);
                return error_context(err, "connect to %s", url);
        }
        return pair[0];
}
