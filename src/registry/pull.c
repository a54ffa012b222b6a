/* Pull: manifest → config → layers in parallel; each a single pass socket → hash → decompress → hash → layer. The image
 * record and its names are written last. */
#include "registry/transfer-internal.h"

#include <inttypes.h>

/* Progress of a download is told after this many bytes more. */
#define TELL_EVERY (512 << 10)

struct pull {
        struct repository *repository;
        struct manifest manifest;
        struct image_config config;
        char *config_text;
        size_t config_len;
        struct digest *held; /* layers to release */
        size_t n_held;
};

static void pull_deinit(const struct transfer *t, struct pull *p)
{
        for (size_t i = 0; i < p->n_held; i++)
                layer_release(t->store, &p->held[i]);
        free(p->held);
        manifest_deinit(&p->manifest);
        image_config_deinit(&p->config);
        free(p->config_text);
}

/* A download on its way into the store: tells progress as it passes. */
struct telling_stream {
        struct stream stream;
        struct stream *inner;
        struct transfer_run *run;
        const char *id;
        int64_t at, told, total;
};

static ssize_t telling_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        struct telling_stream *t = (struct telling_stream *)s;
        ssize_t n = stream_read(t->inner, buffer, len, err);

        if (n < 0)
                return -1;
        t->at += n;
        if (t->at - t->told >= TELL_EVERY) {
                t->told = t->at;
                if (transfer_tell(t->run, t->id, "Downloading", t->at, t->total, err) < 0)
                        return -1;
        }
        return n;
}

static const struct stream_class telling_class = { telling_read, NULL };

static int pull_layer(struct transfer_run *run, size_t index, struct error *err)
{
        struct pull *p = run->context;
        const struct transfer *t = run->t;
        const struct descriptor *d = &p->manifest.layers[index];
        cleanup_stream struct stream *blob = NULL, *ahead = NULL;
        struct telling_stream telling = { { &telling_class }, NULL, run, NULL, 0, 0, d->size };
        struct layer_blob known = { .size = d->size };
        struct digest diff_id;
        struct layer layer;
        char id[TRANSFER_ID_SIZE];

        transfer_short_id(d->digest, id);
        if (digest_parse(d->digest, &known.digest, err) < 0 || digest_parse(p->config.diff_ids[index], &diff_id, err) < 0)
                return -1;
        if (layer_get(t->store, &diff_id, &layer, NULL) == 0) {
                if (transfer_tell(run, id, "Already exists", -1, 0, err) < 0) {
                        layer_release(t->store, &diff_id);
                        return -1;
                }
        } else {
                if (transfer_tell(run, id, "Pulling fs layer", -1, 0, err) < 0 ||
                    repository_blob(p->repository, &known.digest, d->size, d->urls, &blob, err) < 0)
                        return -1;
                telling.inner = blob;
                telling.id = id;
                ahead = stream_new_threaded(&telling.stream);
                if (layer_apply(t->store, ahead, &diff_id, &layer, err) < 0)
                        return error_context(err, "layer %s", d->digest);
        }
        pthread_mutex_lock(&run->lock);
        ARRAY_APPEND(p->held, p->n_held, diff_id);
        pthread_mutex_unlock(&run->lock);
        /* A trailing rest would escape the digest otherwise. */
        if (ahead && stream_drain(ahead, err) < 0)
                return error_context(err, "layer %s", d->digest);
        if (blob && (transfer_tell(run, id, "Verifying Checksum", -1, 0, err) < 0 ||
                     transfer_tell(run, id, "Download complete", -1, 0, err) < 0 ||
                     transfer_tell(run, id, "Pull complete", -1, 0, err) < 0))
                return -1;
        snprintf(known.media_type, sizeof(known.media_type), "%s", d->media_type ? d->media_type : "");
        snprintf(known.domain, sizeof(known.domain), "%s", t->domain);
        snprintf(known.path, sizeof(known.path), "%s", t->path);
        return layer_blob_remember(t->store, &diff_id, &known, err);
}

static int pull_config(struct pull *p, struct error *err)
{
        cleanup_stream struct stream *blob = NULL;
        struct digest digest;

        if (digest_parse(p->manifest.config.digest, &digest, err) < 0 ||
            repository_blob(p->repository, &digest, -1, NULL, &blob, err) < 0 ||
            stream_read_all(blob, IMAGE_CONFIG_MAX, &p->config_text, &p->config_len, err) < 0 ||
            image_config_parse(p->config_text, p->config_len, &p->config, err) < 0)
                return error_context(err, "image config %s", p->manifest.config.digest ? p->manifest.config.digest : "");
        if (strv_length(p->config.diff_ids) != p->manifest.n_layers)
                return error_set(err, ERROR_INVALID, "the image's manifest has %zu layers, its config %zu", p->manifest.n_layers,
                                 strv_length(p->config.diff_ids));
        return 0;
}

/* The manifest that suits the platform, out of an index if there is one. */
static int choose_manifest(struct pull *p, struct registry_manifest *m, const struct platform *platform, struct error *err)
{
        bool list = streq(m->media_type, MEDIA_OCI_INDEX) || streq(m->media_type, MEDIA_DOCKER_LIST);
        cleanup_image_index struct image_index index = {};
        cleanup_platform struct platform host = {};
        cleanup_registry_manifest struct registry_manifest chosen = {};
        const struct descriptor *descriptor;

        if (strstr(m->media_type, "manifest.v1+prettyjws") || streq(m->media_type, "application/vnd.docker.distribution.manifest.v1+json"))
                return error_set(err, ERROR_INVALID, "the image has a manifest of schema 1, which is no longer supported");
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

                return error_set(err, ERROR_NOT_FOUND, "no matching manifest for %s in the manifest list entries", text);
        }
        if (repository_manifest(p->repository, descriptor->digest, &chosen, err) < 0)
                return -1;
        return manifest_parse(chosen.text, chosen.len, &p->manifest, err);
}

/* Is the image that `name` has now the one that the registry has under this digest? Sets its id. */
static bool is_current(const struct transfer *t, const char *name, const struct digest *digest, const struct platform *platform, struct digest *ret_id)
{
        cleanup_image struct image *image = NULL;
        char text[DIGEST_TEXT_SIZE];
        cleanup_free char *by_digest = NULL;
        struct platform have;

        digest_format(digest, text);
        by_digest = string_format("%s@%s", t->name, text);
        if (image_resolve(t->store, name, &image, NULL) < 0 || !strv_contains(image->digests, by_digest))
                return false;
        have = (struct platform){ .architecture = image->config.architecture, .os = image->config.os, .variant = image->config.variant };
        if (platform && !platform_match(platform, &have, false))
                return false;
        *ret_id = image->id;
        return true;
}

static int fetch(const struct transfer *t, struct pull *p, struct registry_manifest *m, const struct platform *platform,
                 const char *tag, struct digest *ret_before, struct digest *ret_id, struct error *err)
{
        struct digest replaced[2] = {};
        char text[DIGEST_TEXT_SIZE];
        cleanup_strv char **names = NULL;

        if (choose_manifest(p, m, platform, err) < 0 || pull_config(p, err) < 0 ||
            transfer_run_all(t, p->manifest.n_layers, pull_layer, p, err) < 0)
                return -1;
        digest_format(&m->digest, text);
        strv_append_take(&names, string_format("%s@%s", t->name, text));
        if (tag)
                strv_append(&names, tag);
        if (image_create_named(t->store, p->config_text, p->config_len, NULL, names, replaced, ret_id, err) < 0)
                return -1;
        *ret_before = replaced[1];
        return 0;
}

/* The sentence that Docker's users know for a missing manifest. */
static int missing(const struct transfer *t, const char *reference, struct error *why, struct error *err)
{
        const char *separator = strchr(reference, ':') ? "@" : ":";

        if (error_is(why, ERROR_NOT_FOUND))
                error_context(why, "manifest for %s%s%s not found", t->name, separator, reference);
        else if (error_is(why, ERROR_FORBIDDEN) || (error_is(why, ERROR_UNAUTHORIZED) && streq(t->domain, REGISTRY_HUB_DOMAIN)))
                error_context(why, "pull access denied for %s, repository does not exist or may require 'docker login'", t->name);
        return error_move(err, why);
}

static int pull_from(const struct transfer *t, struct repository *repository, const char *reference,
                     const struct platform *platform, struct digest *ret_id, struct error *err)
{
        bool tagged = !strchr(reference, ':');
        cleanup_free char *name = string_format("%s%s%s", t->name, tagged ? ":" : "@", reference);
        cleanup_registry_manifest struct registry_manifest head = {}, m = {};
        struct pull p = { .repository = repository };
        cleanup_error struct error why = {};
        char text[DIGEST_TEXT_SIZE];
        struct digest before = {};
        bool current = false;
        int r;

        if (tagged && repository_manifest_head(repository, reference, &head, &why) < 0) {
                if (error_is(&why, ERROR_UNAUTHORIZED) || error_is(&why, ERROR_UNAVAILABLE))
                        return missing(t, reference, &why, err);
                error_clear(&why);
        }
        if (head.media_type)
                current = is_current(t, name, &head.digest, platform, ret_id);
        m.digest = head.digest;
        if (!current && repository_manifest(repository, reference, &m, &why) < 0)
                return missing(t, reference, &why, err);
        if (transfer_say(t, reference, err, "Pulling from %s", t->path) < 0)
                return -1;
        if (!current) {
                r = fetch(t, &p, &m, platform, tagged ? name : NULL, &before, ret_id, err);
                pull_deinit(t, &p);
                if (r < 0)
                        return -1;
        }
        digest_format(&m.digest, text);
        current |= digest_equal(&before, ret_id);
        return transfer_say(t, NULL, err, "Digest: %s", text) < 0 ? -1 : current;
}

/* Tries the mirrors, then the registry itself; `body` returns as pull_from(). */
static int with_endpoints(const struct transfer *t, int (*body)(const struct transfer *, struct repository *, void *, struct error *),
                          void *arg, struct error *err)
{
        struct registry_endpoint *endpoints;
        size_t count;
        int r = -1;

        registry_endpoints(t->settings, t->domain, &endpoints, &count);
        for (size_t i = 0; i < count && r < 0; i++) {
                cleanup_repository struct repository *repository = NULL;
                cleanup_error struct error why = {};

                if (repository_open(t->settings, &endpoints[i], t->path, endpoints[i].mirror ? NULL : t->auth, "pull", &repository, &why) == 0)
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
        return transfer_say(t, NULL, err, "Status: %s for %s%s%s", current ? "Image is up to date" : "Downloaded newer image", t->name,
                            separator, reference);
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
        return transfer_say(t, NULL, err, "Status: %s for %s", current ? "Image is up to date" : "Downloaded newer image", t->name);
}
