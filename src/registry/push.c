/* Push: layers in parallel - skipped when the registry has them, mounted from another repository when it has
 * them there, else compressed and sent in one pass - then the config, then the manifest, which makes the
 * image visible. */
#include "registry/transfer-internal.h"
#include "base/gzip.h"

#include <inttypes.h>

struct push {
        struct repository *repository;
        const struct image *image;
        struct descriptor *layers; /* for the manifest, as they get known */
};

/* A layer's tar on its way through gzip. */
struct layer_stream {
        struct stream stream;
        struct stream *tar, *gzip;
        struct telling_stream telling; /* between them */
};

static ssize_t layer_stream_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        return stream_read(((struct layer_stream *)s)->gzip, buffer, len, err);
}

static void layer_stream_free(struct stream *s)
{
        struct layer_stream *l = (struct layer_stream *)s;

        stream_free(l->gzip);
        stream_free(l->tar);
        free(l);
}

static const struct stream_class layer_stream_class = { layer_stream_read, layer_stream_free };

struct layer_source {
        struct transfer_run *run;
        const struct digest *diff_id;
        const char *id;
        int64_t total;
};

static int open_layer(void *arg, struct stream **ret, struct error *err)
{
        const struct layer_source *source = arg;
        struct layer_stream *l = xcalloc(1, sizeof(*l));

        if (layer_tar_stream(source->run->t->store, source->diff_id, &l->tar, err) < 0) {
                free(l);
                return -1;
        }
        transfer_progress_stream(&l->telling, l->tar, source->run, source->id, "Pushing", source->total);
        l->gzip = stream_new_gzip(&l->telling.stream);
        l->stream.class = &layer_stream_class;
        *ret = &l->stream;
        return 0;
}

/* Is this blob there already, or can it be taken from a neighbour? Sets what to say, NULL when not. */
static int reuse_blob(struct push *p, const struct layer_blob *blob, const char *path, char **ret_status,
                      struct error *err)
{
        int r = repository_blob_exists(p->repository, &blob->digest, err);

        if (r > 0)
                *ret_status = xstrdup("Layer already exists");
        if (r != 0 || streq(blob->path, path))
                return r;
        r = repository_blob_mount(p->repository, &blob->digest, blob->path, err);
        if (r > 0)
                *ret_status = string_format("Mounted from %s", blob->path);
        return r;
}

static int reuse_layer(struct transfer_run *run, const struct digest *diff_id, struct layer_blob *blob,
                       char **ret_status, struct error *err)
{
        const struct transfer *t = run->t;
        struct layer_blob known[LAYER_BLOBS_MAX];
        size_t count;
        int r = layer_blobs_find(t->store, diff_id, t->domain, t->path, known, &count, err);

        for (size_t i = 0; r == 0 && i < count; i++) {
                r = reuse_blob(run->context, &known[i], t->path, ret_status, err);
                if (r > 0)
                        *blob = known[i];
        }
        return r < 0 ? -1 : 0;
}

static int upload_layer(struct transfer_run *run, const struct digest *diff_id, const char *id,
                        struct layer_blob *blob, struct error *err)
{
        const struct push *p = run->context;
        struct layer_source source = { run, diff_id, id, 0 };
        struct layer layer;

        if (layer_get(run->t->store, diff_id, &layer, err) < 0)
                return -1;
        layer_release(run->t->store, diff_id); /* the image pins it */
        source.total = layer.tar_size;
        snprintf(blob->media_type, sizeof(blob->media_type), "%s", MEDIA_DOCKER_LAYER_GZIP);
        return repository_blob_upload(p->repository, open_layer, &source, &blob->digest, &blob->size, err);
}

/* A layer that may only be had from its own URLs is named, not sent. 1: it is one. */
static int push_foreign(struct transfer_run *run, size_t index, const char *id, struct error *err)
{
        struct push *p = run->context;
        int r = layer_foreign_find(run->t->store, &p->image->diff_ids[index], &p->layers[index], err);

        return r > 0 && transfer_tell(run, id, "Skipped foreign layer", -1, 0, err) < 0 ? -1 : r;
}

static int push_layer(struct transfer_run *run, size_t index, struct error *err)
{
        struct push *p = run->context;
        const struct transfer *t = run->t;
        const struct digest *diff_id = &p->image->diff_ids[index];
        struct layer_blob blob = {};
        cleanup_free char *status = NULL;
        char text[DIGEST_TEXT_SIZE], id[TRANSFER_ID_SIZE];
        int r;

        digest_format(diff_id, text);
        transfer_short_id(text, id);
        r = push_foreign(run, index, id, err);
        if (r != 0)
                return r < 0 ? -1 : 0;
        if (reuse_layer(run, diff_id, &blob, &status, err) < 0)
                return -1;
        if (!status && upload_layer(run, diff_id, id, &blob, err) < 0)
                return -1;
        snprintf(blob.domain, sizeof(blob.domain), "%s", t->domain);
        snprintf(blob.path, sizeof(blob.path), "%s", t->path);
        if (layer_blob_remember(t->store, diff_id, &blob, err) < 0)
                return -1;
        digest_format(&blob.digest, text);
        p->layers[index] = (struct descriptor){ .media_type = xstrdup(blob.media_type),
                                                .digest = xstrdup(text),
                                                .size = blob.size };
        return transfer_tell(run, id, status ? status : "Pushed", -1, 0, err);
}

static int push_config(struct push *p, struct error *err)
{
        int there = repository_blob_exists(p->repository, &p->image->id, err);

        if (there != 0)
                return there < 0 ? -1 : 0;
        return repository_blob_put(p->repository, &p->image->id, p->image->config_text, p->image->config_len,
                                   err);
}

/* Docker's schema 2 - or OCI's, when a layer has one of its types that the other does not know. Takes the
 * layers. */
static char *make_manifest(struct push *p, const char **ret_type)
{
        bool oci = false;
        struct manifest m = { .schema_version = 2 };
        char *text;

        for (size_t i = 0; i < p->image->n_diff_ids; i++)
                oci |= string_after(p->layers[i].media_type, "application/vnd.oci.image.") != NULL;
        *ret_type = oci ? MEDIA_OCI_MANIFEST : MEDIA_DOCKER_MANIFEST;
        m.media_type = xstrdup(*ret_type);
        m.config = (struct descriptor){ .media_type = xstrdup(oci ? MEDIA_OCI_CONFIG : MEDIA_DOCKER_CONFIG),
                                        .digest = xstrdup(p->image->id_text),
                                        .size = (int64_t)p->image->config_len };
        for (size_t i = 0; oci && i < p->image->n_diff_ids; i++)
                if (streq(p->layers[i].media_type, MEDIA_DOCKER_LAYER_GZIP))
                        replace_string(&p->layers[i].media_type, MEDIA_OCI_LAYER_GZIP);
        m.layers = take_ptr(p->layers);
        m.n_layers = p->image->n_diff_ids;
        text = manifest_format(&m);
        manifest_deinit(&m);
        return text;
}

static int send_aux(const struct transfer *t, const char *tag, const char *digest, size_t size,
                    struct error *err)
{
        cleanup_json json_object *message = json_object_new_object();
        json_object *aux = json_object_new_object();

        json_set_string(aux, "Tag", tag);
        json_set_string(aux, "Digest", digest);
        json_object_object_add(aux, "Size", json_object_new_int64((int64_t)size));
        json_object_object_add(message, "progressDetail", json_object_new_object());
        json_object_object_add(message, "aux", aux);
        return t->progress ? t->progress(t->arg, message, err) : 0;
}

static int prepare(const struct transfer *t, const struct push *p, struct error *err)
{
        size_t uploads = transfer_uploads(t);

        for (size_t i = p->image->n_diff_ids, n = 1; i > 0; i--, n++) {
                char diff[DIGEST_TEXT_SIZE], id[TRANSFER_ID_SIZE];

                digest_format(&p->image->diff_ids[i - 1], diff);
                transfer_short_id(diff, id);
                if (transfer_state(t, id, "Preparing", err) < 0 ||
                    (n > uploads && transfer_state(t, id, "Waiting", err) < 0))
                        return -1;
        }
        return 0;
}

static int push_image(const struct transfer *t, struct push *p, const char *tag, struct error *err)
{
        cleanup_free char *manifest = NULL, *name = NULL;
        char text[DIGEST_TEXT_SIZE];
        struct digest digest;
        const char *type;

        if (prepare(t, p, err) < 0 ||
            transfer_run_all(t, transfer_uploads(t), p->image->n_diff_ids, push_layer, p, err) < 0 ||
            push_config(p, err) < 0)
                return -1;
        manifest = make_manifest(p, &type);
        digest_of(manifest, strlen(manifest), &digest);
        digest_format(&digest, text);
        if (repository_manifest_put(p->repository, tag, type, manifest, strlen(manifest), err) < 0)
                return -1;
        name = string_format("%s@%s", t->name, text);
        if (image_tag(t->store, name, &p->image->id, NULL, err) < 0 ||
            transfer_say(t, NULL, err, "%s: digest: %s size: %zu", tag, text, strlen(manifest)) < 0)
                return -1;
        return send_aux(t, tag, text, strlen(manifest), err);
}

static void layers_free(struct push *p)
{
        for (size_t i = 0; p->layers && i < p->image->n_diff_ids; i++)
                json_free_fields(&descriptor_table, &p->layers[i]);
        free(p->layers);
}

int transfer_push(const struct transfer *t, const char *tag, const struct platform *platform,
                  struct error *err)
{
        cleanup_free char *name = string_format("%s:%s", t->name, tag);
        cleanup_repository struct repository *repository = NULL;
        cleanup_image struct image *image = NULL;
        struct push p = {};
        int r;

        if (image_resolve(t->store, name, &image, NULL) < 0)
                return error_set(err, ERROR_NOT_FOUND, "tag does not exist: %s", name);
        if (platform &&
            !platform_suits(platform, &(struct platform){ image->config.architecture, image->config.os,
                                                          image->config.variant, NULL, NULL })) {
                cleanup_free char *wanted = platform_format(platform);

                return error_set(err, ERROR_NOT_FOUND,
                                 "image with reference %s does not provide the specified platform (%s)", name,
                                 wanted);
        }
        if (repository_open_origin(t->settings, t->domain, t->path, t->auth, "pull,push", false, &repository,
                                   err) < 0)
                return -1;
        p = (struct push){ repository, image, xcalloc(image->n_diff_ids + 1, sizeof(*p.layers)) };
        r = push_image(t, &p, tag, err);
        layers_free(&p);
        return r;
}
