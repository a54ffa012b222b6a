/* --cache-from: where the layers of steps that nobody did here may be. Manifests are read before the build, a layer's
 * blob when a step asks for it. Whatever is wrong with such a cache, the build goes on without it. */
#include "build/cache-format.h"
#include "build/build-internal.h"
#include "registry/registry.h"
#include "store/layer.h"

#include "base/base64.h"

struct build_import {
        char *name;
        struct repository *repository; /* or */
        int folder;                    /* an OCI layout's, or -1: the layers are in the store */
        struct import_layer {
                struct digest diff_id, blob;
                int64_t size;
        } * layers;
        size_t n_layers;
        struct cache_entry_list entries;
};

void build_imports_close(struct build *b)
{
        for (size_t i = 0; i < b->n_imports; i++) {
                struct build_import *m = &b->imports[i];

                repository_free(m->repository);
                if (m->folder >= 0)
                        close(m->folder);
                free(m->name);
                free(m->layers);
                cache_entry_list_deinit(&m->entries);
        }
        free(b->imports);
        b->imports = NULL;
        b->n_imports = 0;
}

/* ---- Reading ---- */

static int open_blob(struct build_import *m, const struct digest *digest, int64_t size, struct stream **ret,
                     struct error *err)
{
        char hex[DIGEST_HEX_SIZE];
        cleanup_free char *path = NULL;
        int fd;

        if (m->repository) {
                *ret = repository_blob(m->repository, digest, size, NULL);
                return 0;
        }
        digest_format_hex(digest, hex);
        path = string_format("blobs/sha256/%s", hex);
        fd = open_in_root(m->folder, path, O_RDONLY | O_NONBLOCK, 0, err);
        if (fd < 0)
                return -1;
        *ret = stream_new_fd(fd);
        return 0;
}

static int read_blob(struct build_import *m, const char *digest_text, int64_t size, size_t max, char **ret,
                     size_t *ret_len, struct error *err)
{
        cleanup_stream struct stream *in = NULL;
        struct digest digest, found;

        if (digest_parse(digest_text, &digest, err) < 0 || open_blob(m, &digest, size, &in, err) < 0 ||
            stream_read_all(in, max, ret, ret_len, err) < 0)
                return -1;
        digest_of(*ret, *ret_len, &found);
        return digest_equal(&digest, &found) ? 0 : error_set(err, ERROR_INVALID, "%s: wrong bytes", digest_text);
}

static int add_layer(struct build_import *m, const char *diff_id, const char *blob, int64_t size, struct error *err)
{
        struct import_layer l = { .size = size };

        if (digest_parse(diff_id ?: "", &l.diff_id, err) < 0 || digest_parse(blob ?: "", &l.blob, err) < 0)
                return error_context(err, "cache layer");
        ARRAY_APPEND(m->layers, m->n_layers, l);
        return 0;
}

/* {"layers": […], "records": […]}, the config of a cache of its own. */
static int read_cache_config(struct build_import *m, const struct descriptor *config, struct error *err)
{
        cleanup_free char *text = NULL;
        cleanup_json json_object *tree = NULL;
        json_object *layers;
        size_t len;

        if (read_blob(m, config->digest, config->size, CACHE_CONFIG_MAX, &text, &len, err) < 0 ||
            json_parse_text(text, len, &tree, err) < 0)
                return -1;
        layers = json_get(tree, "layers");
        for (size_t i = 0; layers && i < json_object_array_length(layers); i++) {
                json_object *l = json_object_array_get_idx(layers, i), *a = json_get(l, "annotations");

                if (add_layer(m, json_get_string(a, "diffID"), json_get_string(l, "blob"), json_get_int64(a, "size", -1),
                              err) < 0)
                        return -1;
        }
        return cache_entries_parse(json_get(tree, "records"), m->n_layers, &m->entries, err);
}

static int read_inline(struct build_import *m, const struct image_config *config, struct error *err)
{
        cleanup_free char *text = NULL;
        cleanup_json json_object *records = NULL;
        size_t len;

        if (string_empty(config->build_cache))
                return 0;
        if (base64_decode(config->build_cache, &text, &len, err) < 0 || json_parse_text(text, len, &records, err) < 0)
                return error_context(err, "inline cache");
        return cache_entries_parse(records, m->n_layers, &m->entries, err);
}

/* An image that has its cache inside. */
static int read_image(struct build_import *m, const struct manifest *manifest, struct error *err)
{
        cleanup_image_config struct image_config config = {};
        cleanup_free char *text = NULL;
        size_t len;

        if (read_blob(m, manifest->config.digest, manifest->config.size, IMAGE_CONFIG_MAX, &text, &len, err) < 0 ||
            image_config_parse(text, len, &config, err) < 0)
                return -1;
        if (strv_length(config.diff_ids) != manifest->n_layers)
                return error_set(err, ERROR_INVALID, "manifest and config disagree about the layers");
        for (size_t i = 0; i < manifest->n_layers; i++)
                if (add_layer(m, config.diff_ids[i], manifest->layers[i].digest, manifest->layers[i].size, err) < 0)
                        return -1;
        return read_inline(m, &config, err);
}

static int read_manifest(struct build_import *m, const char *text, size_t len, struct error *err)
{
        cleanup_manifest struct manifest manifest = {};

        if (manifest_parse(text, len, &manifest, err) < 0)
                return -1;
        return streq(manifest.config.media_type, CACHE_CONFIG_MEDIA_TYPE)
                   ? read_cache_config(m, &manifest.config, err)
                   : read_image(m, &manifest, err);
}

static bool is_index(const char *text, size_t len)
{
        cleanup_json json_object *tree = NULL;

        return json_parse_text(text, len, &tree, NULL) == 0 && json_get(tree, "manifests");
}

static int read_by_digest(struct build_import *m, const char *digest, char **ret, size_t *ret_len, struct error *err)
{
        struct registry_manifest found = {};

        if (!m->repository)
                return read_blob(m, digest, -1, IMAGE_MANIFEST_MAX, ret, ret_len, err);
        if (repository_manifest(m->repository, digest, &found, err) < 0)
                return -1;
        *ret = take_ptr(found.text);
        *ret_len = found.len;
        registry_manifest_deinit(&found);
        return 0;
}

/* An index: of a cache's blobs, or of platforms. */
static int read_any(struct build_import *m, const char *text, size_t len, struct error *err)
{
        cleanup_image_index struct image_index index = {};
        cleanup_platform struct platform host = {};
        cleanup_free char *manifest = NULL;
        const struct descriptor *chosen;
        size_t manifest_len;

        if (!is_index(text, len))
                return read_manifest(m, text, len, err);
        if (image_index_parse(text, len, &index, err) < 0)
                return -1;
        for (size_t i = 0; i < index.n_manifests; i++)
                if (streq(index.manifests[i].media_type, CACHE_CONFIG_MEDIA_TYPE))
                        return read_cache_config(m, &index.manifests[i], err);
        platform_host(&host);
        chosen = image_index_select(&index, &host, false);
        if (!chosen)
                return error_set(err, ERROR_NOT_FOUND, "no cache for this platform");
        return read_by_digest(m, chosen->digest, &manifest, &manifest_len, err) < 0
                   ? -1
                   : read_manifest(m, manifest, manifest_len, err);
}

/* ---- The places ---- */

/* An image that is here, with its cache inside: its layers are here as well. */
static int open_stored(struct build *b, struct build_import *m, struct error *err)
{
        cleanup_image struct image *image = NULL;

        if (image_resolve(b->store, m->name, &image, NULL) < 0 || string_empty(image->config.build_cache))
                return 0;
        for (size_t i = 0; i < image->n_diff_ids; i++)
                if (add_layer(m, image->config.diff_ids[i], image->config.diff_ids[i], -1, err) < 0)
                        return -1;
        return read_inline(m, &image->config, err);
}

static int open_registry(struct build *b, const struct build_entry *e, struct build_import *m, struct error *err)
{
        cleanup_reference struct reference r = {};
        cleanup_registry_manifest struct registry_manifest found = {};
        bool insecure = false;

        m->name = xstrdup(strmap_get(&e->attributes, "ref") ?: "");
        if (reference_parse(m->name, &r, err) < 0)
                return -1;
        reference_default_tag(&r);
        if (open_stored(b, m, err) < 0 || m->entries.count)
                return m->entries.count ? 0 : -1;
        string_to_bool(strmap_get(&e->attributes, "registry.insecure") ?: "", &insecure);
        if (build_repository_open(b, &r, insecure, "pull", &m->repository, err) < 0 ||
            repository_manifest(m->repository, r.digest ?: r.tag, &found, err) < 0)
                return -1;
        return read_any(m, found.text, found.len, err);
}

/* index.json's manifest of the tag, or that of the digest. */
static int open_folder(const struct build_entry *e, int folder, struct build_import *m, struct error *err)
{
        const char *digest = strmap_get(&e->attributes, "digest"), *tag = strmap_get(&e->attributes, "tag") ?: "latest";
        cleanup_image_index struct image_index index = {};
        cleanup_free char *text = NULL, *manifest = NULL;
        cleanup_close int file = -1;
        size_t len;

        m->name = xstrdup(strmap_get(&e->attributes, "src") ?: "");
        m->folder = fcntl(folder, F_DUPFD_CLOEXEC, 3);
        if (!digest) {
                file = open_in_root(m->folder, "index.json", O_RDONLY | O_NONBLOCK, 0, err);
                if (file < 0 || fd_read_file(file, IMAGE_MANIFEST_MAX, &text, &len, err) < 0 ||
                    image_index_parse(text, len, &index, err) < 0)
                        return -1;
        }
        for (size_t i = 0; i < index.n_manifests; i++)
                if (streq(strmap_get(&index.manifests[i].annotations, "org.opencontainers.image.ref.name"), tag))
                        digest = index.manifests[i].digest;
        if (!digest)
                return error_set(err, ERROR_NOT_FOUND, "no cache by the tag %s", tag);
        return read_by_digest(m, digest, &manifest, &len, err) < 0 ? -1 : read_any(m, manifest, len, err);
}

static size_t count_folders(const struct build_options *o)
{
        size_t count = 0;

        for (size_t i = 0; i < o->n_cache_from; i++)
                count += streq(o->cache_from[i].type, "local");
        return count;
}

static int open_import(struct build *b, const struct build_entry *e, size_t *folder, struct build_import *m,
                       struct error *err)
{
        if (streq(e->type, "registry"))
                return open_registry(b, e, m, err);
        if (!streq(e->type, "local"))
                return error_set(err, ERROR_UNSUPPORTED, "cache import type %s is not supported by davit", e->type);
        if (*folder >= b->request->n_fds)
                return error_set(err, ERROR_INVALID, "the cache's folder is missing");
        return open_folder(e, b->request->fds[(*folder)++], m, err);
}

void build_imports_open(struct build *b)
{
        const struct build_options *o = b->options;
        size_t folder = b->request->n_fds - MIN(b->request->n_fds, count_folders(o)); /* they come last */

        for (size_t i = 0; i < o->n_cache_from; i++) {
                const struct build_entry *e = &o->cache_from[i];
                struct build_import m = { .folder = -1 };
                cleanup_error struct error why = {};
                struct vertex v;
                int r;

                vertex_begin(b, &v, "importing cache manifest from %s",
                             strmap_get(&e->attributes, "ref") ?: strmap_get(&e->attributes, "src") ?: e->type);
                r = open_import(b, e, &folder, &m, &why);
                ARRAY_APPEND(b->imports, b->n_imports, m);
                if (r < 0) {
                        vertex_failed(b, &v, &why);
                        continue;
                }
                if (m.entries.foreign && !m.entries.count)
                        vertex_status(b, &v, "WARNING: another builder's cache means nothing to davit: ignored");
                vertex_done(b, &v);
        }
}

/* ---- Use ---- */

static int fetch_layer(struct build *b, struct build_import *m, const struct import_layer *l, struct error *err)
{
        cleanup_stream struct stream *in = NULL;
        struct layer layer;

        if (layer_get(b->store, &l->diff_id, &layer, NULL) < 0) {
                if (!m->repository && m->folder < 0)
                        return error_set(err, ERROR_NOT_FOUND, "the layer is gone");
                if (open_blob(m, &l->blob, l->size, &in, err) < 0 ||
                    layer_apply(b->store, in, &l->diff_id, &layer, err) < 0)
                        return -1;
        }
        build_hold(b, &l->diff_id);
        return 0;
}

int build_import_find(struct build *b, const struct digest *key, const char *what, struct cache_record *ret,
                      struct error *err)
{
        for (size_t i = 0; i < b->n_imports; i++) {
                struct build_import *m = &b->imports[i];

                for (size_t n = 0; n < m->entries.count; n++) {
                        const struct cache_entry *e = &m->entries.items[n];
                        struct cache_record record = { .layer = m->layers[e->layer].diff_id, .created = e->created };

                        if (!digest_equal(&e->key, key) || fetch_layer(b, m, &m->layers[e->layer], NULL) < 0)
                                continue;
                        if (build_cache_store(b, NULL, key, &record, what, err) < 0)
                                return -1;
                        *ret = record;
                        return 1;
                }
        }
        return 0;
}
