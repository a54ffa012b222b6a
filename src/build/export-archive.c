/* oci, and docker with a destination: the image as an archive for the client. */
#include "build/export-internal.h"

/* One entry of index.json for each name. */
static int finish(struct export *x, struct blob_target *t, const struct descriptor *image, char *const *names,
                  struct error *err)
{
        struct image_index index = {};
        size_t i = 0;
        int r;

        do {
                struct descriptor d = {};
                cleanup_reference struct reference named = {};

                d.media_type = xstrdup(image->media_type);
                d.digest = xstrdup(image->digest);
                d.size = image->size;
                export_annotations(x, "index-descriptor", NULL, &d.annotations);
                if (names && names[i] && reference_parse(names[i], &named, NULL) == 0) {
                        cleanup_free char *full = NULL;

                        reference_default_tag(&named);
                        full = reference_format(&named);
                        strmap_set(&d.annotations, "io.containerd.image.name", full);
                        strmap_set(&d.annotations, "org.opencontainers.image.ref.name", named.tag ?: "");
                }
                ARRAY_APPEND(index.manifests, index.n_manifests, d);
        } while (names && names[i] && names[++i]);
        r = blob_layout_finish(t, index.manifests, index.n_manifests, err);
        image_index_deinit(&index);
        return r;
}

/* Docker's own list of images, for `docker load` of all ages. */
static int add_docker_list(struct export *x, struct blob_target *t, char *const *names, struct error *err)
{
        cleanup_json json_object *list = json_object_new_array();
        json_object *entry = json_object_new_object(), *tags = json_object_new_array(),
                    *layers = json_object_new_array();
        cleanup_free char *text = NULL, *config = NULL;
        char hex[DIGEST_HEX_SIZE];

        digest_format_hex(&x->b->image_id, hex);
        config = string_format("blobs/sha256/%s", hex);
        json_object_array_add(list, entry);
        json_set_string(entry, "Config", config);
        for (; names && *names; names++) {
                cleanup_reference struct reference r = {};

                if (reference_parse(*names, &r, NULL) < 0)
                        continue;
                reference_default_tag(&r);
                {
                        cleanup_free char *familiar = reference_familiar(&r);

                        json_object_array_add(tags, json_object_new_string(familiar));
                }
        }
        json_object_object_add(entry, "RepoTags", tags);
        for (size_t i = 0; i < x->b->target->n_diff_ids; i++) {
                cleanup_free char *path = NULL;

                digest_format_hex(&x->b->target->diff_ids[i], hex);
                path = string_format("blobs/sha256/%s", hex);
                json_object_array_add(layers, json_object_new_string(path));
        }
        json_object_object_add(entry, "Layers", layers);
        text = json_format(list);
        return blob_layout_file(t, "manifest.json", text, strlen(text), err);
}

static int write_archive(struct export *x, bool docker, struct descriptor *image, struct error *err)
{
        cleanup_strv char **names = export_names(x);
        cleanup_sink struct sink *sink = export_sink(x);
        cleanup_blob_target struct blob_target *t = NULL;
        struct blob_form form;

        if (export_form(x, true, &form, err) < 0)
                return -1;
        /* Docker's archive has plain layers, named by their diff ids. */
        if (docker)
                form.compression = COMPRESSION_NONE;
        t = blob_layout_new(x->b->store, &form, sink);
        if (export_manifest(x, t, NULL, image, err) < 0 ||
            (docker && add_docker_list(x, t, names, err) < 0) || finish(x, t, image, names, err) < 0)
                return -1;
        return export_sink_finish(sink, err);
}

int export_archive(struct export *x, struct error *err)
{
        bool docker = streq(x->entry->type, "docker");
        struct descriptor image = {};
        struct error failure = {};
        char id[DIGEST_TEXT_SIZE];
        struct vertex v;
        int r;

        vertex_begin(x->b, &v, "exporting to %s image format", docker ? "docker" : "oci");
        r = write_archive(x, docker, &image, &failure);
        if (r < 0) {
                vertex_failed(x->b, &v, &failure);
                error_move(err, &failure);
        } else {
                vertex_status(x->b, &v, "exporting manifest %s done", image.digest);
                digest_format(&x->b->image_id, id);
                if (x->count == 1)
                        json_set_string(x->result->metadata, "containerimage.config.digest", id);
                json_set_string(x->result->metadata, "containerimage.digest", image.digest);
                json_object_object_add(x->result->metadata, "containerimage.descriptor",
                                       json_unbind(&descriptor_table, &image));
                vertex_done(x->b, &v);
        }
        json_free_fields(&descriptor_table, &image);
        return r;
}
