/* POST /images/create?fromSrc=: a tar becomes an image of one layer. */
#include "engine/image-internal.h"

#include "registry/http.h"

#define ANSWER_SHOWN 4096

static int make_config(const struct image_import_options *o, const struct layer *layer,
                       struct image_config *c, struct error *err)
{
        cleanup_platform struct platform platform = {};
        char diff_id[DIGEST_TEXT_SIZE];
        struct image_history history;

        if (string_empty(o->platform))
                platform_host(&platform);
        else if (platform_parse(o->platform, &platform, err) < 0)
                return -1;
        if (changes_apply(o->changes, &c->config, err) < 0)
                return -1;
        c->created = time_now();
        c->os = take_ptr(platform.os);
        c->architecture = take_ptr(platform.architecture);
        c->variant = take_ptr(platform.variant);
        c->comment =
            string_empty(o->message) ? string_format("Imported from %s", o->source) : xstrdup(o->message);
        c->rootfs_type = xstrdup("layers");
        digest_format(&layer->diff_id, diff_id);
        strv_append(&c->diff_ids, diff_id);
        history = (struct image_history){ .created = c->created, .comment = c->comment };
        image_config_add_history(c, &history);
        return 0;
}

static void tell_id(const struct digest *id, image_progress progress, void *arg)
{
        cleanup_json json_object *message = json_object_new_object();
        char text[DIGEST_TEXT_SIZE];

        digest_format(id, text);
        json_set_string(message, "status", text);
        progress(arg, message, NULL);
}

static int import_layer(struct engine *engine, const struct layer *layer,
                        const struct image_import_options *options, const char *name, struct digest *ret_id,
                        struct error *err)
{
        cleanup_image_config struct image_config config = {};

        if (make_config(options, layer, &config, err) < 0 ||
            image_create_config(engine->store, &config, NULL, name, ret_id, err) < 0)
                return -1;
        if (name)
                image_event_id(engine, ret_id, "tag", name);
        image_event_id(engine, ret_id, "import", NULL);
        return 0;
}

/* What can be wrong with the request is looked at before the tar. */
static int check_options(const struct image_import_options *options, char **ret_name, struct error *err)
{
        cleanup_image_config struct image_config config = {};
        struct layer none = {};

        if (image_reference(options->repo, options->tag, ret_name, err) < 0)
                return -1;
        return make_config(options, &none, &config, err);
}

static int import_tar(struct engine *engine, struct stream *tar, const struct image_import_options *options,
                      const char *name, struct digest *ret_id, struct error *err)
{
        struct layer layer;
        int r;

        if (layer_apply(engine->store, tar, NULL, &layer, err) < 0)
                return error_context(err, "Error processing tar file");
        r = import_layer(engine, &layer, options, name, ret_id, err);
        layer_release(engine->store, &layer.diff_id);
        return r;
}

/* ---- From a URL ---- */

static int tell(image_progress progress, void *arg, struct error *err, const char *status, const char *of)
{
        cleanup_json json_object *message = json_object_new_object();
        cleanup_free char *text = string_format("%s%s", status, of);

        json_set_string(message, "status", text);
        return progress ? progress(arg, message, err) : 0;
}

static int fetch_failed(struct http_response *response, const char *url, struct error *err)
{
        cleanup_free char *text = NULL;
        size_t len;

        if (stream_read_all(response->body, ANSWER_SHOWN, &text, &len, NULL) < 0)
                text = xstrdup("");
        return error_set(err, ERROR_SYSTEM, "failed to GET %s with status %ld: %s", url, response->status,
                         text);
}

/* What was sent is passed on as it comes; a server that is silent for long is given up. */
static int import_url(struct engine *engine, struct http_client *client, const char *url,
                      const struct image_import_options *options, const char *name, image_progress progress,
                      void *arg, struct digest *ret_id, struct error *err)
{
        struct http_request request = { .method = "GET", .url = url, .redirect = true };
        cleanup_http_response struct http_response response = {};
        cleanup_free char *shown = url_public(url);

        if (http_perform(client, &request, &response, err) < 0)
                return registry_failure(err);
        if (response.status >= 400)
                return fetch_failed(&response, shown, err);
        if (tell(progress, arg, err, "Downloading from ", shown) < 0)
                return -1;
        return import_tar(engine, response.body, options, name, ret_id, err) < 0 ? registry_failure(err) : 0;
}

static int import_source(struct engine *engine, const struct image_import_options *options, const char *name,
                         image_progress progress, void *arg, struct digest *ret_id, struct error *err)
{
        const struct registry_settings *settings = &engine->options->registries;
        const struct http_client_options http = { .http_proxy = settings->http_proxy,
                                                  .https_proxy = settings->https_proxy,
                                                  .no_proxy = settings->no_proxy };
        cleanup_free char *url = strstr(options->source, "://") ? xstrdup(options->source)
                                                                : string_format("http://%s", options->source);
        struct http_client *client;
        int r;

        if (http_client_new(&http, &client, err) < 0)
                return -1;
        r = import_url(engine, client, url, options, name, progress, arg, ret_id, err);
        http_client_free(client);
        return r;
}

int engine_image_import(struct engine *engine, struct stream *tar, const struct image_import_options *options,
                        image_progress progress, void *arg, struct digest *ret_id, struct error *err)
{
        cleanup_free char *name = NULL;
        int r;

        if (check_options(options, &name, err) < 0)
                return -1;
        r = tar ? import_tar(engine, tar, options, name, ret_id, err)
                : import_source(engine, options, name, progress, arg, ret_id, err);
        if (r < 0)
                return -1;
        if (progress)
                tell_id(ret_id, progress, arg);
        return 0;
}
