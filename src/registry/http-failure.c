/* The words of Go's net packages for what went wrong, which Docker's users know. */
#include "registry/http-internal.h"
#include "registry/address.h"

#include <errno.h>

static int unreachable(struct exchange *x, const char *what, struct error *err)
{
        const struct curl_library *curl = x->client->curl;
        char reason[ERROR_TEXT_MAX];
        char *address = NULL;
        long number = 0, port = 0;

        curl->easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &number);
        curl->easy_getinfo(x->easy, CURLINFO_PRIMARY_IP, &address);
        curl->easy_getinfo(x->easy, CURLINFO_PRIMARY_PORT, &port);
        error_number_text(number ? (int)number : ECONNREFUSED, reason);
        error_set(err, ERROR_UNAVAILABLE, "%s: dial tcp %s%s%s:%ld: connect: %s", what,
                  address && strchr(address, ':') ? "[" : "", address ? address : "",
                  address && strchr(address, ':') ? "]" : "", port, reason);
        if (err)
                err->errnum = number ? (int)number : ECONNREFUSED;
        return -1;
}

static int unknown_host(const struct exchange *x, const char *what, struct error *err)
{
        cleanup_free char *origin = url_origin(x->url), *host = NULL, *port = NULL;

        host_split(origin ? strstr(origin, "://") + 3 : x->url, &host, &port);
        error_set(err, ERROR_UNAVAILABLE, "%s: dial tcp: lookup %s: no such host", what, host);
        if (err)
                err->errnum = EHOSTUNREACH;
        return -1;
}

/* Certificates don't get better by trying again. */
static int untrusted(const struct exchange *x, const char *what, struct error *err)
{
        const char *known =
            strstr(x->message, "self-signed") || strstr(x->message, "unable to get local issuer")
                ? "x509: certificate signed by unknown authority"
                : x->message;

        error_set(err, ERROR_UNAVAILABLE, "%s: tls: failed to verify certificate: %s", what, known);
        if (err)
                err->errnum = EPROTO;
        return -1;
}

int exchange_failure(struct exchange *x, struct error *err)
{
        cleanup_free char *url = url_public(x->url);
        cleanup_free char *what = string_format("%s \"%s\"", x->method, url);
        const char *reason = *x->message ? x->message : x->client->curl->easy_strerror(x->result);

        if (x->upload_error.kind != ERROR_NONE)
                return error_move(err, &x->upload_error);
        for (char *p = what + 1; *p != ' '; p++)
                *p = (char)(*p | 0x20);
        switch (x->result) {
        case CURLE_COULDNT_CONNECT:
                return unreachable(x, what, err);
        case CURLE_COULDNT_RESOLVE_HOST:
                return unknown_host(x, what, err);
        case CURLE_PEER_FAILED_VERIFICATION:
                return untrusted(x, what, err);
        case CURLE_TOO_MANY_REDIRECTS:
                return error_set(err, ERROR_INVALID, "%s: stopped after %d redirects", what,
                                 HTTP_MAX_REDIRECTS);
        case CURLE_OPERATION_TIMEDOUT:
                return error_set(err, ERROR_UNAVAILABLE, "%s: timed out: %s", what, reason);
        case CURLE_GOT_NOTHING:
                return error_set(err, ERROR_UNAVAILABLE, "%s: EOF", what);
        case CURLE_PARTIAL_FILE:
                return error_set(err, ERROR_UNAVAILABLE, "%s: unexpected EOF", what);
        case CURLE_RECV_ERROR:
        case CURLE_SEND_ERROR:
                return error_set(err, ERROR_UNAVAILABLE, "%s: %s", what,
                                 strstr(reason, "reset by peer") ? "connection reset by peer" : reason);
        case CURLE_SSL_CONNECT_ERROR:
                return error_set(err, ERROR_UNAVAILABLE, "%s: %s", what,
                                 strstr(reason, "wrong version number")
                                     ? "http: server gave HTTP response to HTTPS client"
                                     : reason);
        default:
                return error_set(err, ERROR_UNAVAILABLE, "%s: %s", what, reason);
        }
}
