/* An exchange while it runs: what the files of the HTTP client share. */
#pragma once

#include "registry/curl.h"
#include "registry/http.h"

#include <pthread.h>

#define HTTP_MAX_REDIRECTS 10

struct http_client {
        const struct curl_library *curl;
        char *ca_bundle; /* PEM: the system's CAs and the given ones; NULL: the system's */
        size_t ca_bundle_len;
        char *certificate, *key;
        bool unverified;
        char *http_proxy, *https_proxy, *no_proxy;
        pthread_mutex_t lock;
        CURLM **idle; /* handles without a transfer, which keep their connections */
        size_t n_idle;
};

struct exchange {
        struct stream stream;
        struct http_client *client;
        CURLM *multi;
        CURL *easy;
        struct curl_slist *headers;
        char *method, *url;
        struct stream *upload, *memory; /* `memory` is an upload of our own */
        struct strmap *head;            /* until the head is there */
        size_t head_size;
        bool redirect, head_done, done, paused;
        CURLcode result;
        struct error upload_error;
        struct strbuf buffer;
        size_t taken; /* bytes at the buffer's beginning that were read already */
        char message[CURL_ERROR_SIZE];
};

/* Sets everything but the callbacks for head and body. */
void exchange_prepare(struct exchange *x, const struct http_request *request);
/* Fills `err` from a transfer that failed. */
int exchange_failure(struct exchange *x, struct error *err);
/* Certificates and proxies of a new client. */
int http_client_configure(struct http_client *client, const struct http_client_options *options,
                          struct error *err);
