/* POST /images/create?fromSrc=: a tar becomes an image of one layer. */
#include "engine/image-internal.h"

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

int engine_image_import(struct engine *engine, struct stream *tar, const struct image_import_options *options,
                        image_progress progress, void *arg, struct digest *ret_id, struct error *err)
{
        cleanup_free char *name = NULL;
        struct layer layer;
        int r;

        if (check_options(options, &name, err) < 0)
                return -1;
        if (layer_apply(engine->store, tar, NULL, &layer, err) < 0)
                return error_context(err, "Error processing tar file");
        r = import_layer(engine, &layer, options, name, ret_id, err);
        layer_release(engine->store, &layer.diff_id);
        if (r < 0)
                return -1;
        if (progress)
                tell_id(ret_id, progress, arg);
        return 0;
}
