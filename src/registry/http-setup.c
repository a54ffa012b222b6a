/* What a request looks like to libcurl: limits, certificates, proxies, headers. */
#include "registry/http-internal.h"
#include "base/fd.h"
#include "registry/proxy.h"

#include <errno.h>

#define CONNECT_TIMEOUT 30L
/* Fewer than so many bytes a second for so long: the peer is gone. */
#define STALL_SPEED 16L
#define STALL_TIME 30L
#define DOCUMENT_TIME 120L
#define CA_FILE_MAX (4 << 20)
#define SYSTEM_CAS "/etc/ssl/certs/ca-certificates.crt"

/* ---- Certificates ---- */

static const char *system_cas(void)
{
        const char *file = getenv("SSL_CERT_FILE");

        return string_empty(file) ? SYSTEM_CAS : file;
}

static int add_cas(struct strbuf *bundle, const char *path, struct error *err)
{
        cleanup_free char *text = NULL;
        size_t len;

        if (file_read(AT_FDCWD, path, CA_FILE_MAX, &text, &len, err) < 0)
                return error_context(err, "CA certificates %s", path);
        strbuf_add(bundle, text, len);
        strbuf_addc(bundle, '\n');
        return 0;
}

/* "client.cert" and "client.key" of the folder, the first pair that is there. */
static int find_pair(struct http_client *client, const char *folder, const char *name, struct error *err)
{
        cleanup_free char *key =
            string_format("%s/%.*s.key", folder, (int)(strlen(name) - strlen(".cert")), name);

        if (client->certificate)
                return 0;
        if (access(key, F_OK) < 0)
                return error_set(
                    err, ERROR_INVALID,
                    "missing key %s for client certificate %s. CA certificates must use the extension .crt",
                    strrchr(key, '/') + 1, name);
        client->certificate = string_format("%s/%s", folder, name);
        client->key = take_ptr(key);
        return 0;
}

static int read_folder(struct http_client *client, const char *folder, struct strbuf *cas, struct error *err)
{
        cleanup_closedir DIR *dir = opendir(folder);
        struct dirent *entry;

        while (dir && (entry = readdir(dir))) {
                cleanup_free char *path = string_format("%s/%s", folder, entry->d_name);

                if (string_ends_with(entry->d_name, ".crt") && add_cas(cas, path, err) < 0)
                        return -1;
                if (string_ends_with(entry->d_name, ".cert") &&
                    find_pair(client, folder, entry->d_name, err) < 0)
                        return -1;
        }
        return 0;
}

int http_client_configure(struct http_client *client, const struct http_client_options *options,
                          struct error *err)
{
        cleanup_strbuf struct strbuf cas = {};

        client->unverified = options->unverified;
        client->http_proxy = xstrdup(options->http_proxy);
        client->https_proxy = xstrdup(options->https_proxy);
        client->no_proxy = xstrdup(options->no_proxy);
        client->certificate = xstrdup(options->certificate);
        client->key = xstrdup(options->key);
        if (options->certs_dir && read_folder(client, options->certs_dir, &cas, err) < 0)
                return -1;
        for (char *const *file = options->ca_files; file && *file; file++)
                if (add_cas(&cas, *file, err) < 0)
                        return -1;
        if (cas.len == 0)
                return 0;
        if (access(system_cas(), R_OK) == 0 && add_cas(&cas, system_cas(), err) < 0)
                return -1;
        client->ca_bundle_len = cas.len;
        client->ca_bundle = strbuf_take(&cas);
        return 0;
}

static void set_tls(struct exchange *x)
{
        const struct curl_library *curl = x->client->curl;
        struct curl_blob bundle = { x->client->ca_bundle, x->client->ca_bundle_len, CURL_BLOB_NOCOPY };

        if (x->client->unverified) {
                curl->easy_setopt(x->easy, CURLOPT_SSL_VERIFYPEER, 0L);
                curl->easy_setopt(x->easy, CURLOPT_SSL_VERIFYHOST, 0L);
        }
        if (x->client->ca_bundle)
                curl->easy_setopt(x->easy, CURLOPT_CAINFO_BLOB, &bundle);
        else
                curl->easy_setopt(x->easy, CURLOPT_CAINFO, system_cas());
        if (x->client->certificate) {
                curl->easy_setopt(x->easy, CURLOPT_SSLCERT, x->client->certificate);
                curl->easy_setopt(x->easy, CURLOPT_SSLKEY,
                                  x->client->key ? x->client->key : x->client->certificate);
        }
}

/* libcurl's own reading of the environment is turned off: dockerd's rules differ. */
static void set_proxy(struct exchange *x, const char *url)
{
        const struct proxy_settings settings = { x->client->http_proxy, x->client->https_proxy,
                                                 x->client->no_proxy };
        cleanup_free char *proxy = proxy_for(&settings, url);

        x->client->curl->easy_setopt(x->easy, CURLOPT_PROXY, proxy ? proxy : "");
        x->client->curl->easy_setopt(x->easy, CURLOPT_NOPROXY, "");
}

/* ---- The request ---- */

static size_t on_upload(char *data, size_t size, size_t count, void *arg)
{
        struct exchange *x = arg;
        ssize_t n =
            stream_read(x->upload, data, size * count, x->upload_error.kind ? NULL : &x->upload_error);

        return n < 0 ? CURL_READFUNC_ABORT : (size_t)n;
}

static void set_body(struct exchange *x, const struct http_request *request)
{
        const struct curl_library *curl = x->client->curl;

        if (request->data)
                x->memory = stream_new_memory(request->data, request->data_len);
        x->upload = request->data ? x->memory : request->body;
        if (x->upload) {
                int64_t size = request->data ? (int64_t)request->data_len : request->body_size;

                curl->easy_setopt(x->easy, CURLOPT_UPLOAD, 1L);
                curl->easy_setopt(x->easy, CURLOPT_READFUNCTION, on_upload);
                curl->easy_setopt(x->easy, CURLOPT_READDATA, x);
                curl->easy_setopt(x->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
                curl->easy_setopt(x->easy, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
        }
        if (streq(request->method, "HEAD"))
                curl->easy_setopt(x->easy, CURLOPT_NOBODY, 1L);
        else
                curl->easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_headers(struct exchange *x, const struct http_request *request)
{
        const struct curl_library *curl = x->client->curl;

        for (size_t i = 0; request->headers && request->headers[i]; i++)
                x->headers = curl->slist_append(x->headers, request->headers[i]);
        if (!x->upload && (streq(request->method, "POST") || streq(request->method, "PUT")))
                x->headers = curl->slist_append(x->headers, "Content-Length: 0");
        /* No 1 s wait for a "100 Continue" that many registries never send. */
        x->headers = curl->slist_append(x->headers, "Expect:");
        curl->easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
}

void exchange_prepare(struct exchange *x, const struct http_request *request)
{
        const struct curl_library *curl = x->client->curl;
        bool secure = string_after(request->url, "https://") && !x->client->unverified;

        curl->easy_setopt(x->easy, CURLOPT_URL, request->url);
        curl->easy_setopt(x->easy, CURLOPT_NOSIGNAL, 1L);
        curl->easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->message);
        curl->easy_setopt(x->easy, CURLOPT_USERAGENT, "davit/" DAVIT_VERSION);
        curl->easy_setopt(x->easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl->easy_setopt(x->easy, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
        curl->easy_setopt(x->easy, CURLOPT_FOLLOWLOCATION, (long)request->redirect);
        curl->easy_setopt(x->easy, CURLOPT_MAXREDIRS, (long)HTTP_MAX_REDIRECTS);
        curl->easy_setopt(x->easy, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT);
        curl->easy_setopt(x->easy, CURLOPT_LOW_SPEED_LIMIT, STALL_SPEED);
        curl->easy_setopt(x->easy, CURLOPT_LOW_SPEED_TIME, STALL_TIME);
        if (request->document)
                curl->easy_setopt(x->easy, CURLOPT_TIMEOUT, DOCUMENT_TIME);
        curl->easy_setopt(x->easy, CURLOPT_TCP_KEEPALIVE, 1L);
        curl->easy_setopt(x->easy, CURLOPT_BUFFERSIZE, 256L << 10);
        /* One connection for each transfer: layers shall not share one's window. */
        curl->easy_setopt(x->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        set_body(x, request);
        set_headers(x, request);
        set_tls(x);
        set_proxy(x, request->url);
}
