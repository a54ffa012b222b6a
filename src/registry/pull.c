/* Pull: manifest → config → layers in parallel; each a single pass socket → hash → decompress → hash → layer.
 * The image record and its names are written last. */
#include "registry/repository-internal.h"
#include "registry/transfer-internal.h"

struct pull {
        const struct transfer *t;
        struct repository *repository;
        struct manifest manifest;
        struct image_config config;
        char *config_text;
        size_t config_len;
        struct digest *diff_ids; /* of the manifest's layers */
        bool *held;              /* those that are there, and kept from being collected */
};

static void pull_deinit(struct pull *p)
{
        for (size_t i = 0; p->held && i < p->manifest.n_layers; i++)
                if (p->held[i])
                        layer_release(p->t->store, &p->diff_ids[i]);
        free(p->held);
        free(p->diff_ids);
        manifest_deinit(&p->manifest);
        image_config_deinit(&p->config);
        free(p->config_text);
}
#define cleanup_pull __attribute__((cleanup(pull_deinit)))

/* ---- One layer ---- */

/* One download of the layer, into the store. ERROR_INVALID with *ret_damaged when the bytes were not those of
 * its digest. Somebody else may be making the layer meanwhile: then nothing is read at all. */
static int apply_blob(struct transfer_run *run, size_t index, const char *id, bool *ret_damaged,
                      struct error *err)
{
        struct pull *p = run->context;
        const struct descriptor *d = &p->manifest.layers[index];
        cleanup_stream struct stream *blob = NULL, *ahead = NULL;
        struct telling_stream telling;
        struct digest digest;
        struct layer layer;
        int r;

        if (digest_parse(d->digest, &digest, err) < 0)
                return -1;
        blob = repository_blob(p->repository, &digest, d->size, d->urls);
        transfer_progress_stream(&telling, blob, run, id, "Downloading", d->size);
        ahead = stream_new_threaded(&telling.stream);
        r = layer_apply(run->t->store, ahead, &p->diff_ids[index], &layer, err);
        stream_free(take_ptr(ahead));
        p->held[index] = r == 0;
        if (r == 0)
                /* What stands behind the tar would escape the digest otherwise. */
                return telling.at ? repository_blob_verify(blob, err) : 0;
        if (error_is(err, ERROR_INVALID)) {
                cleanup_error struct error verdict = {};

                *ret_damaged =
                    repository_blob_verify(blob, &verdict) < 0 && error_is(&verdict, ERROR_INVALID);
                if (*ret_damaged) {
                        error_clear(err);
                        return error_move(err, &verdict);
                }
        }
        return -1;
}

/* Bytes that were damaged on their way may be whole the second time. */
static int download_layer(struct transfer_run *run, size_t index, const char *id, struct error *err)
{
        struct pull *p = run->context;

        for (int attempt = 1;; attempt++) {
                cleanup_error struct error why = {};
                bool damaged = false;

                if (apply_blob(run, index, id, &damaged, &why) == 0)
                        return 0;
                if (p->held[index])
                        layer_release(run->t->store, &p->diff_ids[index]);
                p->held[index] = false;
                if (!damaged || attempt > 1) {
                        error_context(&why, "layer %s", p->manifest.layers[index].digest);
                        return error_move(err, &why);
                }
                registry_back_off(attempt);
        }
}

static int remember_layer(const struct pull *p, size_t index, struct error *err)
{
        const struct descriptor *d = &p->manifest.layers[index];
        const struct transfer *t = p->t;
        struct layer_blob known = { .size = d->size };

        if (d->urls && *d->urls)
                return layer_foreign_remember(t->store, &p->diff_ids[index], d, err);
        if (digest_parse(d->digest, &known.digest, err) < 0)
                return -1;
        snprintf(known.media_type, sizeof(known.media_type), "%s", d->media_type ? d->media_type : "");
        snprintf(known.domain, sizeof(known.domain), "%s", t->domain);
        snprintf(known.path, sizeof(known.path), "%s", t->path);
        return layer_blob_remember(t->store, &p->diff_ids[index], &known, err);
}

static int pull_layer(struct transfer_run *run, size_t index, struct error *err)
{
        static const char *const done[] = { "Verifying Checksum", "Download complete", "Pull complete" };
        struct pull *p = run->context;
        char id[TRANSFER_ID_SIZE];

        transfer_short_id(p->manifest.layers[index].digest, id);
        if (!p->held[index]) {
                if (download_layer(run, index, id, err) < 0)
                        return -1;
                for (size_t i = 0; i < ARRAY_SIZE(done); i++)
                        if (transfer_tell(run, id, done[i], -1, 0, err) < 0)
                                return -1;
        }
        return remember_layer(p, index, err);
}

/* ---- The image ---- */

static int check_layers(struct pull *p, struct error *err)
{
        size_t count = strv_length(p->config.diff_ids);

        if (count != p->manifest.n_layers)
                return error_set(err, ERROR_INVALID, "the image's manifest has %zu layers, its config %zu",
                                 p->manifest.n_layers, count);
        p->diff_ids = xcalloc(count + 1, sizeof(*p->diff_ids));
        p->held = xcalloc(count + 1, sizeof(*p->held));
        for (size_t i = 0; i < count; i++)
                if (digest_parse(p->config.diff_ids[i], &p->diff_ids[i], err) < 0)
                        return -1;
        return 0;
}

/* The config: of the image that is here already, else the registry's. */
static int get_config(struct pull *p, bool *ret_here, struct error *err)
{
        cleanup_image struct image *here = NULL;
        cleanup_stream struct stream *blob = NULL;
        struct digest digest;

        if (digest_parse(p->manifest.config.digest, &digest, err) < 0)
                return -1;
        *ret_here = image_get(p->t->store, &digest, &here, NULL) == 0;
        if (*ret_here) {
                p->config_text = xmemdup(here->config_text, here->config_len + 1);
                p->config_len = here->config_len;
        } else {
                blob = repository_blob(p->repository, &digest, -1, NULL);
                if (stream_read_all(blob, IMAGE_CONFIG_MAX, &p->config_text, &p->config_len, err) < 0)
                        return error_context(err, "image config %s", p->manifest.config.digest);
        }
        if (image_config_parse(p->config_text, p->config_len, &p->config, err) < 0)
                return error_context(err, "image config %s", p->manifest.config.digest);
        return check_layers(p, err);
}

/* Holds the layers that are there, and says of each what will become of it - nothing of an image that is here
 * whole. */
static int begin_layers(struct pull *p, bool here, struct error *err)
{
        size_t count = p->manifest.n_layers, parallel = transfer_downloads(p->t), missing = 0;
        struct layer layer;
        int r = 0;

        for (size_t i = 0; i < count; i++) {
                p->held[i] = layer_get(p->t->store, &p->diff_ids[i], &layer, NULL) == 0;
                missing += !p->held[i];
        }
        if (here && !missing)
                return 0;
        for (size_t i = 0, waiting = 0; i < count && r == 0; i++) {
                char id[TRANSFER_ID_SIZE];

                transfer_short_id(p->manifest.layers[i].digest, id);
                r = transfer_state(p->t, id, p->held[i] ? "Already exists" : "Pulling fs layer", err);
                if (r == 0 && !p->held[i] && ++waiting > parallel)
                        r = transfer_state(p->t, id, "Waiting", err);
        }
        return r;
}

/* The manifest that suits the platform, out of an index if there is one. */
static int choose_manifest(struct pull *p, struct registry_manifest *m, const struct platform *platform,
                           struct error *err)
{
        bool list = streq(m->media_type, MEDIA_OCI_INDEX) || streq(m->media_type, MEDIA_DOCKER_LIST);
        cleanup_image_index struct image_index index = {};
        cleanup_platform struct platform host = {};
        cleanup_registry_manifest struct registry_manifest chosen = {};
        const struct descriptor *descriptor;

        if (streq(m->media_type, MEDIA_DOCKER_SCHEMA1) || streq(m->media_type, MEDIA_DOCKER_SCHEMA1_SIGNED))
                return error_set(err, ERROR_INVALID,
                                 "Docker Image Format v1 and Docker Image manifest version 2, schema 1 "
                                 "support has been removed. "
                                 "Suggest the author to upgrade the image to the OCI Format or Docker Image "
                                 "manifest v2, schema 2. "
                                 "More information at https://docs.docker.com/go/deprecated-image-specs/");
        if (!list)
                return manifest_parse(m->text, m->len, &p->manifest, err);
        if (image_index_parse(m->text, m->len, &index, err) < 0)
                return -1;
        if (!platform) {
                platform_host(&host);
                platform = &host;
        }
        descriptor = image_index_select(&index, platform, false);
        if (!descriptor) {
                cleanup_free char *text = platform_format(platform);

                return error_set(err, ERROR_NOT_FOUND,
                                 "no matching manifest for %s in the manifest list entries", text);
        }
        if (repository_manifest(p->repository, descriptor->digest, &chosen, err) < 0)
                return -1;
        return manifest_parse(chosen.text, chosen.len, &p->manifest, err);
}

/* Is the image that `name` has now the one that the registry has under this digest? Sets its id. Which of an
 * index's images was asked for, only the index tells. */
static bool is_current(const struct transfer *t, const char *name, const struct registry_manifest *head,
                       const struct platform *platform, struct digest *ret_id)
{
        bool list = streq(head->media_type, MEDIA_OCI_INDEX) || streq(head->media_type, MEDIA_DOCKER_LIST);
        cleanup_image struct image *image = NULL;
        cleanup_platform struct platform host = {};
        char text[DIGEST_TEXT_SIZE];
        cleanup_free char *by_digest = NULL;
        struct platform have;

        digest_format(&head->digest, text);
        by_digest = string_format("%s@%s", t->name, text);
        if ((list && platform) || image_resolve(t->store, name, &image, NULL) < 0 ||
            !strv_contains(image->digests, by_digest))
                return false;
        platform_host(&host);
        have = (struct platform){ .architecture = image->config.architecture,
                                  .os = image->config.os,
                                  .variant = image->config.variant };
        if (list && !platform_suits(&host, &have))
                return false;
        *ret_id = image->id;
        return true;
}

static int fetch(struct pull *p, struct registry_manifest *m, const struct platform *platform,
                 const char *tag, bool *ret_current, struct digest *ret_id, struct error *err)
{
        struct digest replaced[2] = {};
        const struct transfer *t = p->t;
        char text[DIGEST_TEXT_SIZE];
        cleanup_strv char **names = NULL;
        bool here;

        if (choose_manifest(p, m, platform, err) < 0 || get_config(p, &here, err) < 0 ||
            begin_layers(p, here, err) < 0 ||
            transfer_run_all(t, transfer_downloads(t), p->manifest.n_layers, pull_layer, p, err) < 0)
                return -1;
        digest_format(&m->digest, text);
        strv_append_take(&names, string_format("%s@%s", t->name, text));
        if (tag)
                strv_append(&names, tag);
        if (image_create_named(t->store, p->config_text, p->config_len, NULL, names, replaced, ret_id, err) <
            0)
                return -1;
        *ret_current = digest_equal(&replaced[tag ? 1 : 0], ret_id);
        return 0;
}

/* The sentence that Docker's users know for a missing manifest. */
static int missing(const struct transfer *t, const char *reference, struct error *why, struct error *err)
{
        const char *separator = strchr(reference, ':') ? "@" : ":";

        if (error_is(why, ERROR_NOT_FOUND))
                error_context(why, "manifest for %s%s%s not found", t->name, separator, reference);
        else if (error_is(why, ERROR_FORBIDDEN) ||
                 (error_is(why, ERROR_UNAUTHORIZED) && streq(t->domain, REGISTRY_HUB_DOMAIN)))
                error_context(
                    why, "pull access denied for %s, repository does not exist or may require 'docker login'",
                    t->name);
        return error_move(err, why);
}

/* The manifest's digest and type, without the manifest. Registries that don't know HEAD are asked by GET. */
static int look_at(const struct transfer *t, struct repository *repository, const char *reference,
                   struct registry_manifest *ret, struct error *err)
{
        cleanup_error struct error why = {};

        if (repository_manifest_head(repository, reference, ret, &why) == 0 ||
            error_is(&why, ERROR_NOT_FOUND) || error_is(&why, ERROR_UNSUPPORTED) ||
            error_is(&why, ERROR_INVALID))
                return 0;
        return missing(t, reference, &why, err);
}

/* "docker.io/library/busybox@sha256:…" for a digest, else the tag. */
static char *shown_reference(const struct transfer *t, const char *reference)
{
        return strchr(reference, ':') ? string_format("%s/%s@%s", t->domain, t->path, reference)
                                      : xstrdup(reference);
}

static int pull_from(const struct transfer *t, struct repository *repository, const char *reference,
                     const struct platform *platform, struct digest *ret_id, struct error *err)
{
        bool tagged = !strchr(reference, ':'), current = false;
        cleanup_free char *name = string_format("%s%s%s", t->name, tagged ? ":" : "@", reference);
        cleanup_free char *shown = shown_reference(t, reference);
        cleanup_registry_manifest struct registry_manifest head = {}, m = {};
        cleanup_pull struct pull p = { .t = t, .repository = repository };
        cleanup_error struct error why = {};
        char text[DIGEST_TEXT_SIZE];

        if (tagged && look_at(t, repository, reference, &head, err) < 0)
                return -1;
        if (head.media_type)
                current = is_current(t, name, &head, platform, ret_id);
        m.digest = head.digest;
        if (!current && repository_manifest(repository, reference, &m, &why) < 0)
                return missing(t, reference, &why, err);
        if (transfer_say(t, shown, err, "Pulling from %s", t->path) < 0)
                return -1;
        if (!current && fetch(&p, &m, platform, tagged ? name : NULL, &current, ret_id, err) < 0)
                return -1;
        digest_format(&m.digest, text);
        return transfer_say(t, NULL, err, "Digest: %s", text) < 0 ? -1 : current;
}

/* Tries the mirrors, then the registry itself; `body` returns as pull_from(). */
static int with_endpoints(const struct transfer *t,
                          int (*body)(const struct transfer *, struct repository *, void *, struct error *),
                          void *arg, struct error *err)
{
        struct registry_endpoint *endpoints;
        size_t count;
        int r = -1;

        if (registry_endpoints(t->settings, t->domain, &endpoints, &count, err) < 0)
                return -1;
        for (size_t i = 0; i < count && r < 0; i++) {
                cleanup_repository struct repository *repository = NULL;
                cleanup_error struct error why = {};

                if (repository_open(t->settings, &endpoints[i], t->path, endpoints[i].mirror ? NULL : t->auth,
                                    "pull", &repository, &why) == 0)
                        r = body(t, repository, arg, &why);
                if (r < 0 && (i + 1 == count || error_is(&why, ERROR_CANCELLED))) {
                        error_move(err, &why);
                        break;
                }
        }
        registry_endpoints_free(endpoints, count);
        return r;
}

struct one {
        const char *reference;
        const struct platform *platform;
        struct digest *ret_id;
};

static int pull_one(const struct transfer *t, struct repository *repository, void *arg, struct error *err)
{
        struct one *one = arg;

        return pull_from(t, repository, one->reference, one->platform, one->ret_id, err);
}

int transfer_pull(const struct transfer *t, const char *reference, const struct platform *platform,
                  struct digest *ret_id, struct error *err)
{
        struct one one = { reference, platform, ret_id };
        int current = with_endpoints(t, pull_one, &one, err);
        const char *separator = strchr(reference, ':') ? "@" : ":";

        if (current < 0)
                return -1;
        return transfer_say(t, NULL, err, "Status: %s for %s%s%s",
                            current ? "Image is up to date" : "Downloaded newer image", t->name, separator,
                            reference);
}

static int pull_tags(const struct transfer *t, struct repository *repository, void *arg, struct error *err)
{
        const struct platform *platform = arg;
        cleanup_strv char **tags = NULL;
        cleanup_error struct error why = {};
        bool current = true;

        if (repository_tags(repository, &tags, &why) < 0) {
                if (error_is(&why, ERROR_NOT_FOUND))
                        error_context(&why, "repository %s not found", t->name);
                return error_move(err, &why);
        }
        strv_sort(tags);
        for (size_t i = 0; tags[i]; i++) {
                struct digest id;
                int r = pull_from(t, repository, tags[i], platform, &id, err);

                if (r < 0)
                        return -1;
                current &= r > 0;
        }
        return current;
}

int transfer_pull_all(const struct transfer *t, const struct platform *platform, struct error *err)
{
        int current = with_endpoints(t, pull_tags, (void *)platform, err);

        if (current < 0)
                return -1;
        return transfer_say(t, NULL, err, "Status: %s for %s",
                            current ? "Image is up to date" : "Downloaded newer image", t->name);
}
