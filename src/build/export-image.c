/* docker, image, registry: the image in the engine's store, by its names, and in registries. */
#include "build/export-internal.h"

/* A name that the image has already is not written again. */
static int tag_image(struct build *b, const char *tag, const struct image *before, struct error *err)
{
        struct reference r = {};
        cleanup_free char *familiar = NULL;

        if (reference_parse(tag, &r, err) < 0)
                return -1;
        reference_default_tag(&r);
        familiar = reference_familiar(&r);
        reference_deinit(&r);
        if (strv_contains(before->tags, familiar))
                return 0;
        return image_tag(b->store, tag, &b->image_id, NULL, err);
}

/* *ret_before is the image when it was there already. */
static int write_image(struct build *b, char *const *names, struct image **ret_before, struct error *err)
{
        struct digest id;

        *ret_before = NULL;
        if (image_get(b->store, &b->image_id, ret_before, NULL) == 0)
                return 0;
        return image_create_named(b->store, b->config_text, strlen(b->config_text), NULL, names, NULL, &id,
                                  err);
}

static int store_image(struct export *x, char *const *names, struct error *err)
{
        cleanup_image struct image *before = NULL;
        struct build *b = x->b;
        char id[DIGEST_TEXT_SIZE];
        struct vertex v;

        vertex_begin(b, &v, "exporting to image");
        vertex_status(b, &v, "exporting layers 0.0s done");
        if (write_image(b, names, &before, err) < 0)
                return vertex_failed(b, &v, err);
        digest_format(&b->image_id, id);
        vertex_status(b, &v, "writing image %s done", id);
        for (char *const *name = names; name && *name; name++) {
                cleanup_free char *shown = export_shown_name(*name);

                /* A new image was made with its names. */
                if (before && tag_image(b, *name, before, err) < 0)
                        return vertex_failed(b, &v, err);
                vertex_status(b, &v, "naming to %s done", shown);
        }
        vertex_done(b, &v);
        x->result->id = b->image_id;
        strv_free(x->result->names);
        x->result->names = strv_copy(names);
        json_set_string(x->result->metadata, "containerimage.config.digest", id);
        json_set_string(x->result->metadata, "containerimage.digest", id);
        return 0;
}

int export_image(struct export *x, struct error *err)
{
        cleanup_strv char **names = export_names(x);

        return store_image(x, names, err);
}
