/* Push: layers in parallel - skipped when the registry has them, mounted from another repository when it has them there,
 * else compressed and sent in one pass - then the config, then the manifest, which makes the image visible. */
#include "registry/transfer-internal.h"
#include "base/gzip.h"

#include <inttypes.h>

struct push {
        struct repository *repository;
        const struct image *image;
        struct layer_blob *blobs; /* of the image's layers */
};

/* A layer's tar on its way through gzip. */
struct layer_stream {
        struct stream stream;
        struct stream *tar, *gzip;
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
        struct store *store;
        const struct digest *diff_id;
};

static int open_layer(void *arg, struct stream **ret, struct error *err)
{
        const struct layer_source *source = arg;
        struct layer_stream *l = xcalloc(1, sizeof(*l));

        if (layer_tar_stream(source->store, source->diff_id, &l->tar, err) < 0) {
                free(l);
                return -1;
        }
        l->gzip = stream_new_gzip(l->tar);
        l->stream.class = &layer_stream_class;
        *ret = &l->stream;
        return 0;
}

/* Is the layer there already, or can it be taken from a neighbour? Sets what to say, NULL when it must be sent. */
static int reuse_layer(struct transfer_run *run, const struct digest *diff_id, struct layer_blob *blob, char **ret_status, struct error *err)
{
        struct push *p = run->context;
        const struct transfer *t = run->t;
        int known = layer_blob_find(t->store, diff_id, t->domain, t->path, blob, err), r;

        if (known <= 0)
                return known;
        r = repository_blob_exists(p->repository, &blob->digest, NULL, err);
        if (r < 0)
                return -1;
        if (r > 0) {
                *ret_status = xstrdup("Layer already exists");
                return 0;
        }
        if (streq(blob->path, t->path))
                return 0;
        r = repository_blob_mount(p->repository, &blob->digest, blob->path, err);
        if (r > 0)
                *ret_status = string_format("Mounted from %s", blob->path);
        return r < 0 ? -1 : 0;
}

static int push_layer(struct transfer_run *run, size_t index, struct error *err)
{
        struct push *p = run->context;
        const struct transfer *t = run->t;
        const struct digest *diff_id = &p->image->diff_ids[index];
        struct layer_blob *blob = &p->blobs[index];
        struct layer_source source = { t->store, diff_id };
        cleanup_free char *status = NULL;
        char text[DIGEST_TEXT_SIZE], id[TRANSFER_ID_SIZE];

        digest_format(diff_id, text);
        transfer_short_id(text, id);
        if (reuse_layer(run, diff_id, blob, &status, err) < 0)
                return -1;
        if (!status) {
                if (transfer_tell(run, id, "Pushing", -1, 0, err) < 0 ||
                    repository_blob_upload(p->repository, open_layer, &source, NULL, &blob->digest, &blob->size, err) < 0)
                        return -1;
                snprintf(blob->media_type, sizeof(blob->media_type), "%s", MEDIA_DOCKER_LAYER_GZIP);
                status = xstrdup("Pushed");
        }
        snprintf(blob->domain, sizeof(blob->domain), "%s", t->domain);
        snprintf(blob->path, sizeof(blob->path), "%s", t->path);
        if (layer_blob_remember(t->store, diff_id, blob, err) < 0)
                return -1;
        return transfer_tell(run, id, status, -1, 0, err);
}

static int open_config(void *arg, struct stream **ret, struct error *err)
{
        const struct image *image = arg;

        (void)err;
        *ret = stream_new_memory(image->config_text, image->config_len);
        return 0;
}

static int push_config(struct push *p, struct error *err)
{
        struct digest digest;
        int64_t size;
        int there = repository_blob_exists(p->repository, &p->image->id, NULL, err);

        if (there != 0)
                return there < 0 ? -1 : 0;
        return repository_blob_upload(p->repository, open_config, (void *)p->image, &p->image->id, &digest, &size, err);
}

/* Docker's schema 2, with the OCI types where a layer came with one of those. */
static char *make_manifest(const struct push *p)
{
        struct manifest m = { .schema_version = 2, .media_type = xstrdup(MEDIA_DOCKER_MANIFEST) };
        char *text;

        m.config = (struct descriptor){ .media_type = xstrdup(MEDIA_DOCKER_CONFIG), .digest = xstrdup(p->image->id_text),
                                        .size = (int64_t)p->image->config_len };
        for (size_t i = 0; i < p->image->n_diff_ids; i++) {
                char digest[DIGEST_TEXT_SIZE];

                digest_format(&p->blobs[i].digest, digest);
                ARRAY_APPEND(m.layers, m.n_layers, ((struct descriptor){ .media_type = xstrdup(p->blobs[i].media_type),
                                                                         .digest = xstrdup(digest), .size = p->blobs[i].size }));
        }
        text = manifest_format(&m);
        manifest_deinit(&m);
        return text;
}

static int send_aux(const struct transfer *t, const char *tag, const char *digest, size_t size, struct error *err)
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

static int push_image(const struct transfer *t, struct push *p, const char *tag, struct error *err)
{
        cleanup_free char *manifest = NULL, *name = NULL;
        char text[DIGEST_TEXT_SIZE];
        struct digest digest;

        for (size_t i = p->image->n_diff_ids; i > 0; i--) {
                char diff[DIGEST_TEXT_SIZE], id[TRANSFER_ID_SIZE];

                digest_format(&p->image->diff_ids[i - 1], diff);
                transfer_short_id(diff, id);
                if (transfer_say(t, id, err, "Preparing") < 0)
                        return -1;
        }
        if (transfer_run_all(t, p->image->n_diff_ids, push_layer, p, err) < 0 || push_config(p, err) < 0)
                return -1;
        manifest = make_manifest(p);
        digest_of(manifest, strlen(manifest), &digest);
        digest_format(&digest, text);
        if (repository_manifest_put(p->repository, tag, MEDIA_DOCKER_MANIFEST, manifest, strlen(manifest), err) < 0)
                return -1;
        name = string_format("%s@%s", t->name, text);
        if (image_tag(t->store, name, &p->image->id, NULL, err) < 0 ||
            transfer_say(t, NULL, err, "%s: digest: %s size: %zu", tag, text, strlen(manifest)) < 0)
                return -1;
        return send_aux(t, tag, text, strlen(manifest), err);
}

int transfer_push(const struct transfer *t, const char *tag, struct error *err)
{
        cleanup_free char *name = string_format("%s:%s", t->name, tag);
        cleanup_repository struct repository *repository = NULL;
        cleanup_image struct image *image = NULL;
        cleanup_free struct layer_blob *blobs = NULL;
        struct registry_endpoint *endpoints;
        struct push p = {};
        size_t count;
        int r;

        if (image_resolve(t->store, name, &image, NULL) < 0)
                return error_set(err, ERROR_NOT_FOUND, "tag does not exist: %s", name);
        registry_endpoints(t->settings, t->domain, &endpoints, &count);
        r = repository_open(t->settings, &endpoints[count - 1], t->path, t->auth, "pull,push", &repository, err);
        registry_endpoints_free(endpoints, count);
        if (r < 0)
                return -1;
        blobs = xcalloc(image->n_diff_ids, sizeof(*blobs));
        p = (struct push){ repository, image, blobs };
        return push_image(t, &p, tag, err);
}
