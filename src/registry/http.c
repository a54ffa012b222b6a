/* An exchange is one easy handle on a multi handle of its own (taken from the client's idle ones, which keep their
 * connections). The caller's thread drives it: http_perform() until the head is there, then each read of the body's
 * stream until there are bytes. Nothing runs when nobody reads: a full buffer pauses the transfer. */
#include "registry/http.h"
#include "registry/curl.h"
#include "base/fd.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <strings.h>

#define BUFFER_FULL (512 << 10)
#define HEADERS_MAX (256 << 10)
#define MAX_REDIRECTS 10

struct http_client {
        const struct curl_library *curl;
        char *ca_file, *certificate, *key;
        bool unverified;
        char *http_proxy, *https_proxy, *no_proxy;
        pthread_mutex_t lock;
        CURLM **idle;
        size_t n_idle;
};

struct exchange {
        struct stream stream;
        struct http_client *client;
        CURLM *multi;
        CURL *easy;
        struct curl_slist *headers;
        char *method, *url;
        struct stream *upload;
        struct strmap *head; /* until the head is there */
        size_t head_size;
        bool redirect, head_done, done, paused;
        CURLcode result;
        struct error upload_error;
        struct strbuf buffer;
        size_t taken; /* bytes at the buffer's beginning that were read already */
        char message[CURL_ERROR_SIZE];
};

/* The first file of the folder with that ending; heap or NULL. */
static char *find_file(const char *folder, const char *ending)
{
        cleanup_closedir DIR *dir = opendir(folder);
        struct dirent *entry;

        while (dir && (entry = readdir(dir)))
                if (entry->d_name[0] != '.' && string_ends_with(entry->d_name, ending))
                        return string_format("%s/%s", folder, entry->d_name);
        return NULL;
}

int http_client_new(const struct http_client_options *options, struct http_client **ret, struct error *err)
{
        const struct curl_library *curl = curl_load(err);
        struct http_client *client;

        if (!curl)
                return -1;
        client = xcalloc(1, sizeof(*client));
        client->curl = curl;
        pthread_mutex_init(&client->lock, NULL);
        client->unverified = options->unverified;
        client->http_proxy = xstrdup(options->http_proxy);
        client->https_proxy = xstrdup(options->https_proxy);
        client->no_proxy = xstrdup(options->no_proxy);
        if (options->certs_dir) {
                client->ca_file = find_file(options->certs_dir, ".crt");
                client->certificate = find_file(options->certs_dir, ".cert");
                client->key = find_file(options->certs_dir, ".key");
        }
        *ret = client;
        return 0;
}

void http_client_free(struct http_client *client)
{
        if (!client)
                return;
        for (size_t i = 0; i < client->n_idle; i++)
                client->curl->multi_cleanup(client->idle[i]);
        free(client->idle);
        free(client->ca_file);
        free(client->certificate);
        free(client->key);
        free(client->http_proxy);
        free(client->https_proxy);
        free(client->no_proxy);
        pthread_mutex_destroy(&client->lock);
        free(client);
}

static CURLM *take_multi(struct http_client *client)
{
        CURLM *multi = NULL;

        pthread_mutex_lock(&client->lock);
        if (client->n_idle)
                multi = client->idle[--client->n_idle];
        pthread_mutex_unlock(&client->lock);
        return multi ? multi : client->curl->multi_init();
}

static void give_multi(struct http_client *client, CURLM *multi)
{
        pthread_mutex_lock(&client->lock);
        ARRAY_APPEND(client->idle, client->n_idle, multi);
        pthread_mutex_unlock(&client->lock);
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
        struct exchange *x = arg;

        x->head_done = true;
        if (x->buffer.len - x->taken > BUFFER_FULL) {
                x->paused = true;
                return CURL_WRITEFUNC_PAUSE;
        }
        if (x->taken) {
                memmove(x->buffer.data, x->buffer.data + x->taken, x->buffer.len - x->taken);
                x->buffer.len -= x->taken;
                x->taken = 0;
        }
        strbuf_add(&x->buffer, data, size * count);
        return size * count;
}

/* One line of the head. A status line begins a new head (after 100 Continue, or a redirect). */
static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
        struct exchange *x = arg;
        size_t len = size * count;
        cleanup_free char *line = xstrndup(data, len);
        char *colon = strchr(line, ':');
        long status = 0;

        x->head_size += len;
        if (x->head_size > HEADERS_MAX)
                return 0;
        if (!x->head)
                return len;
        if (string_after(line, "HTTP/")) {
                strmap_deinit(x->head);
        } else if (*line == '\r' || *line == '\n') {
                x->client->curl->easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
                if (status >= 200 && !(x->redirect && status >= 300 && status < 400 && strmap_get(x->head, "location")))
                        x->head_done = true;
        } else if (colon) {
                char *value = colon + 1, *end = line + strlen(line);

                *colon = 0;
                for (char *p = line; *p; p++)
                        *p = (char)tolower((unsigned char)*p);
                value += strspn(value, " \t");
                while (end > value && isspace((unsigned char)end[-1]))
                        *--end = 0;
                if (streq(line, "www-authenticate") && strmap_get(x->head, line)) {
                        cleanup_free char *both = string_format("%s, %s", strmap_get(x->head, line), value);

                        strmap_set(x->head, line, both);
                } else {
                        strmap_set(x->head, line, value);
                }
        }
        return len;
}

static size_t on_upload(char *data, size_t size, size_t count, void *arg)
{
        struct exchange *x = arg;
        ssize_t n = stream_read(x->upload, data, size * count, x->upload_error.kind ? NULL : &x->upload_error);

        return n < 0 ? CURL_READFUNC_ABORT : (size_t)n;
}

/* The words of Go's net package for what went wrong, which Docker's users know. */
static int fail_transfer(struct exchange *x, struct error *err)
{
        long number = 0;
        char *address = NULL;
        long port = 0;
        cleanup_free char *method = xstrdup(x->method);
        cleanup_free char *reason = NULL;

        if (x->upload_error.kind != ERROR_NONE)
                return error_move(err, &x->upload_error);
        for (char *p = method + 1; *method && *p; p++)
                *p = (char)tolower((unsigned char)*p);
        x->client->curl->easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &number);
        x->client->curl->easy_getinfo(x->easy, CURLINFO_PRIMARY_IP, &address);
        x->client->curl->easy_getinfo(x->easy, CURLINFO_PRIMARY_PORT, &port);
        switch (x->result) {
        case CURLE_COULDNT_CONNECT:
                reason = number ? xstrdup(strerror((int)number)) : xstrdup("connection refused");
                *reason = (char)tolower((unsigned char)*reason);
                {
                        cleanup_free char *text = string_format("dial tcp %s:%ld: connect: %s", address && *address ? address : "", port, reason);

                        return error_set(err, ERROR_UNAVAILABLE, "%s \"%s\": %s", method, x->url, text);
                }
        case CURLE_COULDNT_RESOLVE_HOST: {
                const char *host = strstr(x->url, "://");

                host = host ? host + 3 : x->url;
                return error_set(err, ERROR_UNAVAILABLE, "%s \"%s\": dial tcp: lookup %.*s: no such host", method, x->url,
                                 (int)strcspn(host, ":/"), host);
        }
        case CURLE_TOO_MANY_REDIRECTS:
                return error_set(err, ERROR_UNAVAILABLE, "%s \"%s\": stopped after %d redirects", method, x->url, MAX_REDIRECTS);
        case CURLE_OPERATION_TIMEDOUT:
                return error_set(err, ERROR_UNAVAILABLE, "%s \"%s\": timed out: %s", method, x->url, x->message);
        default:
                return error_set(err, ERROR_UNAVAILABLE, "%s \"%s\": %s", method, x->url,
                                 *x->message ? x->message : x->client->curl->easy_strerror(x->result));
        }
}

/* Moves the transfer on; waits when there is nothing to do. */
static int pump(struct exchange *x, struct error *err)
{
        const struct curl_library *curl = x->client->curl;
        int running, left;
        CURLMsg *message;

        if (curl->multi_perform(x->multi, &running) != CURLM_OK)
                return error_set(err, ERROR_SYSTEM, "libcurl: transfer failed");
        while ((message = curl->multi_info_read(x->multi, &left)))
                if (message->msg == CURLMSG_DONE) {
                        x->done = true;
                        x->result = message->data.result;
                }
        if (!x->done && !x->head_done && curl->multi_poll(x->multi, NULL, 0, 1000, NULL) != CURLM_OK)
                return error_set(err, ERROR_SYSTEM, "libcurl: wait failed");
        return 0;
}

static ssize_t exchange_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        struct exchange *x = (struct exchange *)s;
        const struct curl_library *curl = x->client->curl;
        size_t n;

        while (x->buffer.len == x->taken && !x->done) {
                if (x->paused) {
                        x->paused = false;
                        curl->easy_pause(x->easy, CURLPAUSE_CONT);
                }
                if (pump(x, err) < 0)
                        return -1;
                if (x->buffer.len == x->taken && !x->done && curl->multi_poll(x->multi, NULL, 0, 1000, NULL) != CURLM_OK)
                        return error_set(err, ERROR_SYSTEM, "libcurl: wait failed");
        }
        n = MIN(len, x->buffer.len - x->taken);
        if (n == 0)
                return x->result == CURLE_OK ? 0 : fail_transfer(x, err);
        memcpy(buffer, x->buffer.data + x->taken, n);
        x->taken += n;
        return (ssize_t)n;
}

static void exchange_free(struct stream *s)
{
        struct exchange *x = (struct exchange *)s;
        const struct curl_library *curl = x->client->curl;

        if (x->multi && x->easy)
                curl->multi_remove_handle(x->multi, x->easy);
        if (x->easy)
                curl->easy_cleanup(x->easy);
        if (x->multi)
                give_multi(x->client, x->multi);
        curl->slist_free_all(x->headers);
        free(x->method);
        free(x->url);
        error_clear(&x->upload_error);
        strbuf_deinit(&x->buffer);
        free(x);
}

static const struct stream_class exchange_class = { exchange_read, exchange_free };

static void set_tls(struct exchange *x)
{
        const struct curl_library *curl = x->client->curl;
        const char *bundle = getenv("SSL_CERT_FILE");

        if (x->client->unverified) {
                curl->easy_setopt(x->easy, CURLOPT_SSL_VERIFYPEER, 0L);
                curl->easy_setopt(x->easy, CURLOPT_SSL_VERIFYHOST, 0L);
        }
        if (x->client->ca_file)
                curl->easy_setopt(x->easy, CURLOPT_CAINFO, x->client->ca_file);
        else if (!string_empty(bundle))
                curl->easy_setopt(x->easy, CURLOPT_CAINFO, bundle);
        if (x->client->certificate)
                curl->easy_setopt(x->easy, CURLOPT_SSLCERT, x->client->certificate);
        if (x->client->key)
                curl->easy_setopt(x->easy, CURLOPT_SSLKEY, x->client->key);
}

static void set_proxy(struct exchange *x, bool https)
{
        const struct curl_library *curl = x->client->curl;
        const char *proxy = https ? x->client->https_proxy : x->client->http_proxy;
        /* Docker reads HTTP_PROXY in both spellings; libcurl only the lower one. */
        const char *upper = https ? NULL : getenv("HTTP_PROXY");

        if (proxy)
                curl->easy_setopt(x->easy, CURLOPT_PROXY, proxy);
        else if (!string_empty(upper) && !getenv("http_proxy"))
                curl->easy_setopt(x->easy, CURLOPT_PROXY, upper);
        if (x->client->no_proxy)
                curl->easy_setopt(x->easy, CURLOPT_NOPROXY, x->client->no_proxy);
}

static void set_request(struct exchange *x, const struct http_request *request)
{
        const struct curl_library *curl = x->client->curl;
        bool https = string_after(request->url, "https://") != NULL;

        curl->easy_setopt(x->easy, CURLOPT_URL, request->url);
        curl->easy_setopt(x->easy, CURLOPT_NOSIGNAL, 1L);
        curl->easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->message);
        curl->easy_setopt(x->easy, CURLOPT_USERAGENT, "davit/" DAVIT_VERSION);
        curl->easy_setopt(x->easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl->easy_setopt(x->easy, CURLOPT_REDIR_PROTOCOLS_STR, https && !x->client->unverified ? "https" : "http,https");
        curl->easy_setopt(x->easy, CURLOPT_FOLLOWLOCATION, (long)request->redirect);
        curl->easy_setopt(x->easy, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS);
        curl->easy_setopt(x->easy, CURLOPT_CONNECTTIMEOUT, 30L);
        curl->easy_setopt(x->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl->easy_setopt(x->easy, CURLOPT_LOW_SPEED_TIME, 60L);
        curl->easy_setopt(x->easy, CURLOPT_TCP_KEEPALIVE, 1L);
        curl->easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, on_body);
        curl->easy_setopt(x->easy, CURLOPT_WRITEDATA, x);
        curl->easy_setopt(x->easy, CURLOPT_HEADERFUNCTION, on_header);
        curl->easy_setopt(x->easy, CURLOPT_HEADERDATA, x);
        if (request->body) {
                x->upload = request->body;
                curl->easy_setopt(x->easy, CURLOPT_UPLOAD, 1L);
                curl->easy_setopt(x->easy, CURLOPT_READFUNCTION, on_upload);
                curl->easy_setopt(x->easy, CURLOPT_READDATA, x);
                curl->easy_setopt(x->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_size);
        }
        if (streq(request->method, "HEAD"))
                curl->easy_setopt(x->easy, CURLOPT_NOBODY, 1L);
        else
                curl->easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, request->method);
        for (size_t i = 0; request->headers && request->headers[i]; i++)
                x->headers = curl->slist_append(x->headers, request->headers[i]);
        if (!request->body && (streq(request->method, "POST") || streq(request->method, "PUT")))
                x->headers = curl->slist_append(x->headers, "Content-Length: 0");
        /* No 1 s wait for a "100 Continue" that many registries never send. */
        x->headers = curl->slist_append(x->headers, "Expect:");
        curl->easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
        set_tls(x);
        set_proxy(x, https);
}

int http_perform(struct http_client *client, const struct http_request *request, struct http_response *ret,
                 struct error *err)
{
        struct exchange *x = xcalloc(1, sizeof(*x));
        cleanup_stream struct stream *body = &x->stream;
        struct strmap headers = {};
        char *url = NULL;

        x->stream.class = &exchange_class;
        x->client = client;
        x->method = xstrdup(request->method);
        x->url = xstrdup(request->url);
        x->head = &headers;
        x->redirect = request->redirect;
        x->multi = take_multi(client);
        x->easy = client->curl->easy_init();
        if (!x->multi || !x->easy)
                return error_set(err, ERROR_SYSTEM, "libcurl: out of memory");
        set_request(x, request);
        if (client->curl->multi_add_handle(x->multi, x->easy) != CURLM_OK)
                return error_set(err, ERROR_SYSTEM, "libcurl: cannot start a transfer");
        while (!x->head_done && !x->done)
                if (pump(x, err) < 0)
                        goto fail;
        if (x->done && x->result != CURLE_OK && !x->head_done) {
                fail_transfer(x, err);
                goto fail;
        }
        client->curl->easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &ret->status);
        client->curl->easy_getinfo(x->easy, CURLINFO_EFFECTIVE_URL, &url);
        x->head = NULL;
        ret->headers = headers;
        ret->url = xstrdup(url);
        ret->body = take_ptr(body);
        return 0;
fail:
        strmap_deinit(&headers);
        return -1;
}

void http_response_deinit(struct http_response *response)
{
        strmap_deinit(&response->headers);
        free(response->url);
        stream_free(response->body);
        *response = (struct http_response){};
}

char *url_escape(const char *text)
{
        struct strbuf b = {};

        for (; *text; text++) {
                if (isalnum((unsigned char)*text) || strchr("-_.~", *text))
                        strbuf_addc(&b, *text);
                else
                        strbuf_addf(&b, "%%%02X", (unsigned char)*text);
        }
        return strbuf_take(&b);
}
