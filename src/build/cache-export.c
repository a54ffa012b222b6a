/* --cache-to: the layers of this build's steps with their keys, inside of the image, in a registry, or in a folder of
 * the client's. */
#include "build/cache-format.h"
#include "build/export-internal.h"

#include "base/base64.h"
#include "base/time.h"

static bool in_image(const struct build *b, const struct digest *layer, size_t *ret_index)
{
        for (size_t i = 0; i < b->target->n_diff_ids; i++)
                if (digest_equal(&b->target->diff_ids[i], layer)) {
                        *ret_index = i;
                        return true;
                }
        return false;
}

static void add_entry(struct cache_entry_list *l, const struct performed_step *step, size_t layer)
{
        struct cache_entry e = { .key = step->key, .layer = layer, .created = step->record.created };

        ARRAY_APPEND(l->items, l->count, e);
}

/* ---- Inside of the image ---- */

bool build_cache_inline(const struct build_options *o)
{
        for (size_t i = 0; i < o->n_cache_to; i++)
                if (streq(o->cache_to[i].type, "inline"))
                        return true;
        return false;
}

char *build_cache_inline_text(struct build *b)
{
        cleanup_cache_entry_list struct cache_entry_list list = {};
        cleanup_json json_object *records = NULL;
        cleanup_free char *text = NULL;
        size_t index;

        for (size_t i = 0; i < b->n_performed; i++)
                if (b->performed[i].done && in_image(b, &b->performed[i].record.layer, &index))
                        add_entry(&list, &b->performed[i], index);
        records = cache_entries_json(&list);
        text = json_format(records);
        return base64_encode(text, strlen(text), false);
}

/* ---- As an image of its own ---- */

struct cache_image {
        struct digest *layers; /* diff ids, each once */
        size_t n_layers;
        struct cache_entry_list entries;
};

static size_t layer_number(struct cache_image *c, const struct digest *layer)
{
        for (size_t i = 0; i < c->n_layers; i++)
                if (digest_equal(&c->layers[i], layer))
                        return i;
        ARRAY_APPEND(c->layers, c->n_layers, *layer);
        return c->n_layers - 1;
}

static void gather(const struct export *x, bool all, struct cache_image *ret)
{
        for (size_t n = 0; n < x->count; n++)
                for (size_t i = 0; i < x->builds[n].n_performed; i++) {
                        const struct performed_step *step = &x->builds[n].performed[i];
                        size_t index;

                        if (step->done && (all || in_image(&x->builds[n], &step->record.layer, &index)))
                                add_entry(&ret->entries, step, layer_number(ret, &step->record.layer));
                }
}

static json_object *layer_json(const struct descriptor *d, const struct digest *diff_id)
{
        json_object *o = json_object_new_object(), *annotations = json_object_new_object();
        char text[DIGEST_TEXT_SIZE];

        digest_format(diff_id, text);
        json_set_string(o, "blob", d->digest);
        json_object_object_add(o, "parent", json_object_new_int(-1));
        json_set_string(annotations, "mediaType", d->media_type);
        json_set_string(annotations, "diffID", text);
        json_object_object_add(annotations, "size", json_object_new_int64(d->size));
        json_object_object_add(o, "annotations", annotations);
        return o;
}

/* With image-manifest=false an index lists the blobs, as BuildKit did before. */
static int put_manifest(struct blob_target *t, bool image, struct manifest *m, const char *tag,
                        struct descriptor *ret, struct error *err)
{
        struct image_index index = { .schema_version = 2,
                                     .media_type = (char *)(t->form.docker ? MEDIA_DOCKER_LIST : MEDIA_OCI_INDEX) };
        cleanup_free char *text = NULL;
        int r;

        if (image) {
                text = manifest_format(m);
                return blob_manifest(t, tag, m->media_type, text, strlen(text), ret, err);
        }
        for (size_t i = 0; i <= m->n_layers; i++)
                ARRAY_APPEND(index.manifests, index.n_manifests, i < m->n_layers ? m->layers[i] : m->config);
        text = image_index_format(&index);
        r = blob_manifest(t, tag, index.media_type, text, strlen(text), ret, err);
        free(index.manifests);
        return r;
}

static int put_cache(struct export *x, const struct cache_image *c, struct blob_target *t, const char *tag,
                     struct descriptor *ret, struct error *err)
{
        cleanup_manifest struct manifest m = {
                .schema_version = 2,
                .media_type = xstrdup(t->form.docker ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST)
        };
        cleanup_json json_object *config = json_object_new_object();
        json_object *layers = json_object_new_array();
        cleanup_free char *text = NULL;
        bool image;

        if (export_flag(x, "image-manifest", true, &image, err) < 0)
                return -1;
        for (size_t i = 0; i < c->n_layers; i++) {
                struct descriptor d = {};

                if (blob_layer(t, &c->layers[i], &d, err) < 0)
                        return -1;
                ARRAY_APPEND(m.layers, m.n_layers, d);
                json_object_array_add(layers, layer_json(&d, &c->layers[i]));
        }
        json_object_object_add(config, "layers", layers);
        json_object_object_add(config, "records", cache_entries_json(&c->entries));
        text = json_format(config);
        if (blob_add(t, CACHE_CONFIG_MEDIA_TYPE, text, strlen(text), &m.config, err) < 0)
                return -1;
        return put_manifest(t, image, &m, tag, ret, err);
}

static int to_registry(struct export *x, const struct cache_image *c, const struct blob_form *form, struct error *err)
{
        cleanup_blob_target struct blob_target *t = NULL;
        cleanup_reference struct reference r = {};
        const char *name = export_attribute(x, "ref");
        struct descriptor d = {};
        bool insecure;

        if (reference_parse(name, &r, err) < 0)
                return error_context(err, "ref \"%s\"", name);
        reference_default_tag(&r);
        if (export_flag(x, "registry.insecure", false, &insecure, err) < 0 ||
            blob_repository_new(x->b, name, insecure, form, &t, err) < 0 ||
            put_cache(x, c, t, r.tag, &d, err) < 0)
                return -1;
        json_free_fields(&descriptor_table, &d);
        return 0;
}

static int to_client(struct export *x, const struct cache_image *c, const struct blob_form *form, struct error *err)
{
        const char *tag = export_attribute(x, "tag");
        cleanup_sink struct sink *sink = export_sink(x);
        cleanup_blob_target struct blob_target *t = blob_layout_new(x->b->store, form, sink);
        struct descriptor d = {};
        int r;

        if (put_cache(x, c, t, NULL, &d, err) < 0)
                return -1;
        strmap_set(&d.annotations, "org.opencontainers.image.ref.name", *tag ? tag : "latest");
        r = blob_layout_finish(t, &d, 1, err);
        json_free_fields(&descriptor_table, &d);
        return r < 0 ? -1 : export_sink_finish(sink, err);
}

static int export_cache(struct export *x, struct error *err)
{
        const char *mode = export_attribute(x, "mode");
        struct cache_image c = {};
        struct blob_form form;
        int r;

        if (*mode && !streq(mode, "min") && !streq(mode, "max"))
                return error_set(err, ERROR_INVALID, "invalid cache export mode: %s", mode);
        if (export_form(x, true, &form, err) < 0)
                return -1;
        gather(x, streq(mode, "max"), &c);
        r = streq(x->entry->type, "registry") ? to_registry(x, &c, &form, err) : to_client(x, &c, &form, err);
        cache_entry_list_deinit(&c.entries);
        free(c.layers);
        return r;
}

static int run_export(struct export *x, struct error *err)
{
        struct error failure = {};
        struct vertex v;
        bool ignore;

        if (export_flag(x, "ignore-error", false, &ignore, err) < 0)
                return -1;
        vertex_begin(x->b, &v, "exporting cache to %s", streq(x->entry->type, "local") ? "client directory" : "registry");
        if (export_cache(x, &failure) == 0) {
                vertex_done(x->b, &v);
                return 0;
        }
        error_context(&failure, "error writing cache");
        vertex_failed(x->b, &v, &failure);
        if (!ignore)
                return error_move(err, &failure);
        error_clear(&failure);
        return 0;
}

int build_cache_export(struct export *x, struct error *err)
{
        const struct build_options *o = x->b->options;

        for (size_t i = 0; i < o->n_cache_to; i++) {
                struct export own = *x;

                own.entry = &o->cache_to[i];
                own.index = o->n_outputs + i;
                if (streq(own.entry->type, "inline"))
                        continue;
                if (!streq(own.entry->type, "registry") && !streq(own.entry->type, "local"))
                        return error_set(err, ERROR_UNSUPPORTED, "cache export type %s is not supported by davit",
                                         own.entry->type);
                if (run_export(&own, err) < 0)
                        return -1;
        }
        return 0;
}
