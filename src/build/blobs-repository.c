/* Blobs and manifests into a repository; what it has already is not sent again. */
#include "build/blobs.h"
#include "build/build-internal.h"
#include "registry/layer-memory.h"
#include "registry/registry.h"

struct remote {
        struct blob_target target;
        struct repository *repository;
        char *domain, *path;
};

struct layer_source {
        const struct blob_target *target;
        const struct digest *diff_id;
};

static int open_layer(void *arg, struct stream **ret, struct error *err)
{
        const struct layer_source *s = arg;

        return blob_layer_stream(s->target->store, s->diff_id, &s->target->form, ret, err);
}

/* Known from an earlier push or pull, and in a form that will do. */
static int find_layer(struct remote *r, const struct digest *diff_id, struct layer_blob *blob,
                      struct error *err)
{
        struct layer_blob known[LAYER_BLOBS_MAX];
        size_t count;

        if (layer_blobs_find(r->target.store, diff_id, r->domain, r->path, known, &count, err) < 0)
                return -1;
        if (count == 0 || !streq(known[0].path, r->path) ||
            (r->target.form.force &&
             !streq(known[0].media_type, blob_layer_media_type(&r->target.form))))
                return 0;
        *blob = known[0];
        return repository_blob_exists(r->repository, &blob->digest, err);
}

static int remote_layer(struct blob_target *t, const struct digest *diff_id, struct descriptor *ret,
                        struct error *err)
{
        struct remote *r = (struct remote *)t;
        struct layer_source source = { t, diff_id };
        struct layer_blob blob = {};
        char text[DIGEST_TEXT_SIZE];
        int there = find_layer(r, diff_id, &blob, err);

        if (there < 0)
                return -1;
        if (!there) {
                if (repository_blob_upload(r->repository, open_layer, &source, &blob.digest, &blob.size, err) <
                    0)
                        return -1;
                snprintf(blob.media_type, sizeof(blob.media_type), "%s", blob_layer_media_type(&t->form));
                snprintf(blob.domain, sizeof(blob.domain), "%s", r->domain);
                snprintf(blob.path, sizeof(blob.path), "%s", r->path);
                if (layer_blob_remember(t->store, diff_id, &blob, err) < 0)
                        return -1;
        }
        digest_format(&blob.digest, text);
        *ret = (struct descriptor){ .media_type = xstrdup(blob.media_type),
                                    .digest = xstrdup(text),
                                    .size = blob.size };
        return 0;
}

static int remote_blob(struct blob_target *t, const void *data, size_t len, struct error *err)
{
        struct remote *r = (struct remote *)t;
        struct digest digest;
        int there;

        digest_of(data, len, &digest);
        there = repository_blob_exists(r->repository, &digest, err);
        if (there)
                return there < 0 ? -1 : 0;
        return repository_blob_put(r->repository, &digest, data, len, err);
}

static int remote_manifest(struct blob_target *t, const char *name, const char *media_type, const void *data,
                           size_t len, struct error *err)
{
        struct remote *r = (struct remote *)t;
        char text[DIGEST_TEXT_SIZE];
        struct digest digest;

        digest_of(data, len, &digest);
        digest_format(&digest, text);
        return repository_manifest_put(r->repository, name ?: text, media_type, data, len, err);
}

static void remote_free(struct blob_target *t)
{
        struct remote *r = (struct remote *)t;

        repository_free(r->repository);
        free(r->domain);
        free(r->path);
        free(r);
}

int build_repository_open(struct build *b, const struct reference *r, bool insecure, const char *actions,
                          struct repository **ret, struct error *err)
{
        cleanup_registry_auth struct registry_auth auth = {};

        if (registry_auth_decode(strmap_get(&b->options->auths, r->domain), &auth, err) < 0)
                return -1;
        return repository_open_origin(b->services->registries, r->domain, r->path, &auth, actions, insecure,
                                      ret, err);
}

int blob_repository_new(struct build *b, const char *name, bool insecure, const struct blob_form *form,
                        struct blob_target **ret, struct error *err)
{
        static const struct blob_target_class class = { remote_layer, remote_blob, remote_manifest,
                                                        remote_free };
        cleanup_reference struct reference reference = {};
        struct remote *r;
        struct repository *repository;

        if (reference_parse(name, &reference, err) < 0 ||
            build_repository_open(b, &reference, insecure, "pull,push", &repository, err) < 0)
                return -1;
        r = xcalloc(1, sizeof(*r));
        r->target = (struct blob_target){ &class, b->store, *form };
        r->repository = repository;
        r->domain = take_ptr(reference.domain);
        r->path = take_ptr(reference.path);
        *ret = &r->target;
        return 0;
}
