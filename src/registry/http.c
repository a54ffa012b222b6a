/* An exchange is one easy handle on a multi handle of its own (taken from the client's idle ones, which keep
 * their connections). The caller's thread drives it: http_perform() until the head is there, then each read
 * of the body's stream until there are bytes. Nothing runs when nobody reads: a full buffer pauses the
 * transfer. */
#include "registry/http-internal.h"

#include <ctype.h>

#define BUFFER_FULL (512 << 10)
#define HEADERS_MAX (256 << 10)

int http_client_new(const struct http_client_options *options, struct http_client **ret, struct error *err)
{
        const struct curl_library *curl = curl_load(err);
        struct http_client *client;

        if (!curl)
                return -1;
        client = xcalloc(1, sizeof(*client));
        client->curl = curl;
        pthread_mutex_init(&client->lock, NULL);
        if (http_client_configure(client, options, err) < 0) {
                http_client_free(client);
                return -1;
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
        free(client->ca_bundle);
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
                if (status >= 200 &&
                    !(x->redirect && status >= 300 && status < 400 && strmap_get(x->head, "location")))
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
                if (x->buffer.len == x->taken && !x->done &&
                    curl->multi_poll(x->multi, NULL, 0, 1000, NULL) != CURLM_OK)
                        return error_set(err, ERROR_SYSTEM, "libcurl: wait failed");
        }
        n = MIN(len, x->buffer.len - x->taken);
        if (n == 0)
                return x->result == CURLE_OK ? 0 : exchange_failure(x, err);
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
        stream_free(x->memory);
        free(x);
}

static const struct stream_class exchange_class = { exchange_read, exchange_free };

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
        client->curl->easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, on_body);
        client->curl->easy_setopt(x->easy, CURLOPT_WRITEDATA, x);
        client->curl->easy_setopt(x->easy, CURLOPT_HEADERFUNCTION, on_header);
        client->curl->easy_setopt(x->easy, CURLOPT_HEADERDATA, x);
        exchange_prepare(x, request);
        if (client->curl->multi_add_handle(x->multi, x->easy) != CURLM_OK)
                return error_set(err, ERROR_SYSTEM, "libcurl: cannot start a transfer");
        while (!x->head_done && !x->done)
                if (pump(x, err) < 0)
                        goto fail;
        if (x->done && x->result != CURLE_OK && !x->head_done) {
                exchange_failure(x, err);
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
