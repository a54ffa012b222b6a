/* docker, image, registry: the image in the engine's store, by its names, and in registries. */
#include "build/export-internal.h"
#include "registry/transfer.h"

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

/* ---- Registries ---- */

/* Did somebody ask for what a plain push does not do? */
static bool wants_own_form(const struct export *x)
{
        static const char *const names[] = { "compression",    "compression-level", "force-compression",
                                             "oci-mediatypes", "push-by-digest",    "registry.insecure" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (*export_attribute(x, names[i]))
                        return true;
        for (size_t i = 0; i < x->entry->attributes.count; i++)
                if (string_after(x->entry->attributes.pairs[i].key, "annotation"))
                        return true;
        return x->count > 1;
}

/* As `docker push` does: the image is in the store by this name. */
static int push_stored(struct export *x, const struct reference *r, struct error *err)
{
        cleanup_registry_auth struct registry_auth auth = {};
        cleanup_free char *name = reference_familiar_name(r);
        struct transfer t = { .store = x->b->store,
                              .settings = x->b->services->registries,
                              .auth = &auth,
                              .domain = r->domain,
                              .path = r->path,
                              .name = name };

        if (registry_auth_decode(strmap_get(&x->b->options->auths, r->domain), &auth, err) < 0)
                return -1;
        return transfer_push(&t, r->tag, NULL, err);
}

static int push_own_form(struct export *x, const char *name, const struct reference *r, struct error *err)
{
        cleanup_blob_target struct blob_target *t = NULL;
        struct descriptor image = {};
        struct blob_form form;
        bool by_digest, insecure;

        if (export_form(x, false, &form, err) < 0 ||
            export_flag(x, "push-by-digest", false, &by_digest, err) < 0 ||
            export_flag(x, "registry.insecure", false, &insecure, err) < 0 ||
            blob_repository_new(x->b, name, insecure, &form, &t, err) < 0 ||
            export_manifest(x, t, by_digest ? NULL : r->tag, &image, err) < 0)
                return -1;
        json_set_string(x->result->metadata, "containerimage.digest", image.digest);
        json_object_object_add(x->result->metadata, "containerimage.descriptor",
                               json_unbind(&descriptor_table, &image));
        json_free_fields(&descriptor_table, &image);
        return 0;
}

static int push_name(struct export *x, const char *name, bool stored, struct error *err)
{
        cleanup_reference struct reference r = {};
        cleanup_free char *full = NULL;
        struct error failure = {};
        struct vertex v;
        int result;

        if (reference_parse(name, &r, err) < 0)
                return -1;
        reference_default_tag(&r);
        full = reference_familiar(&r);
        vertex_begin(x->b, &v, "pushing %s with docker", full);
        result = stored && !wants_own_form(x) ? push_stored(x, &r, &failure)
                                              : push_own_form(x, name, &r, &failure);
        if (result < 0) {
                error_context(&failure, "failed to push %s", full);
                vertex_failed(x->b, &v, &failure);
                return error_move(err, &failure);
        }
        vertex_done(x->b, &v);
        return 0;
}

int export_image(struct export *x, struct error *err)
{
        cleanup_strv char **names = export_names(x);
        bool push, store;

        if (export_flag(x, "push", streq(x->entry->type, "registry"), &push, err) < 0 ||
            export_flag(x, "store", x->count == 1, &store, err) < 0)
                return -1;
        if (push && !names)
                return error_set(err, ERROR_INVALID, "tag is needed when pushing to registry");
        if (x->count == 1 && store && store_image(x, names, err) < 0)
                return -1;
        for (char **name = names; push && name && *name; name++)
                if (push_name(x, *name, store && x->count == 1, err) < 0)
                        return -1;
        return 0;
}
