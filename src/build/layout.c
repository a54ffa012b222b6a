/* An OCI image layout (a folder with index.json and blobs/) as an image: its layers come into the store, a
 * record of the image does not. Nothing in the folder is trusted: blobs are checked against their digests. */
#include "build/build-internal.h"

#include "store/layer.h"

#define JSON_MAX (4 << 20)
#define INDEX_DEPTH 4

static int open_blob(int root, const char *digest, struct error *err)
{
        struct digest want;
        char hex[DIGEST_HEX_SIZE];
        cleanup_free char *path = NULL;

        if (digest_parse(digest, &want, err) < 0)
                return -1;
        digest_format_hex(&want, hex);
        path = string_format("blobs/sha256/%s", hex);
        return open_in_root(root, path, O_RDONLY | O_NONBLOCK, 0, err);
}

/* Checked against its digest. */
static int read_blob(int root, const char *digest, char **ret, size_t *ret_len, struct error *err)
{
        cleanup_close int fd = open_blob(root, digest, err);
        cleanup_free char *text = NULL;
        char got[DIGEST_TEXT_SIZE];
        struct digest of;

        if (fd < 0 || fd_read_file(fd, JSON_MAX, &text, ret_len, err) < 0)
                return -1;
        digest_of(text, *ret_len, &of);
        digest_format(&of, got);
        if (!streq(got, digest))
                return error_set(err, ERROR_INVALID, "%s: the content has the digest %s", digest, got);
        *ret = take_ptr(text);
        return 0;
}

/* index.json has one entry for each tag; a digest may name any of its manifests. */
static int choose(const struct image_index *index, const char *tag, const struct platform *want, char **ret,
                  struct error *err)
{
        struct image_index tagged = *index;
        const struct descriptor *d;
        cleanup_free struct descriptor *list = NULL;
        size_t count = 0;

        for (size_t i = 0; i < index->n_manifests; i++) {
                const char *name =
                    strmap_get(&index->manifests[i].annotations, "org.opencontainers.image.ref.name");

                if (!tag || streq(name, tag) || (!name && streq(tag, "latest")))
                        ARRAY_APPEND(list, count, index->manifests[i]);
        }
        tagged.manifests = list;
        tagged.n_manifests = count;
        d = image_index_select(&tagged, want, false);
        if (!d && count)
                d = &list[0];
        if (!d)
                return error_set(err, ERROR_NOT_FOUND, "%s: not found", tag ? tag : "manifest");
        *ret = xstrdup(d->digest);
        return 0;
}

/* Through indexes to the manifest. */
static int find_manifest(int root, const char *tag, const char *digest, const struct platform *want,
                         struct manifest *ret, struct error *err)
{
        cleanup_free char *at = digest ? xstrdup(digest) : NULL;

        for (int depth = 0; depth < INDEX_DEPTH; depth++) {
                cleanup_image_index struct image_index index = {};
                cleanup_close int fd = -1;
                cleanup_free char *text = NULL, *next = NULL;
                size_t len;

                if (at) {
                        if (read_blob(root, at, &text, &len, err) < 0)
                                return -1;
                        if (manifest_parse(text, len, ret, NULL) == 0)
                                return 0;
                } else if ((fd = open_in_root(root, "index.json", O_RDONLY | O_NONBLOCK, 0, err)) < 0 ||
                           fd_read_file(fd, JSON_MAX, &text, &len, err) < 0) {
                        return -1;
                }
                if (image_index_parse(text, len, &index, err) < 0 ||
                    choose(&index, at ? NULL : tag, want, &next, err) < 0)
                        return -1;
                free(at);
                at = take_ptr(next);
        }
        return error_set(err, ERROR_INVALID, "index.json: nested too deep");
}

/* The diff id tells whether the bytes are right. */
static int load_layer(struct build *b, int root, const char *digest, const struct digest *diff_id,
                      struct error *err)
{
        cleanup_stream struct stream *file = NULL;
        struct layer layer;
        int fd;

        if (layer_get(b->store, diff_id, &layer, NULL) < 0) {
                if ((fd = open_blob(root, digest, err)) < 0)
                        return -1;
                file = stream_new_fd(fd);
                if (layer_apply(b->store, file, diff_id, &layer, err) < 0)
                        return error_context(err, "layer %s", digest);
        }
        build_hold(b, &layer.diff_id);
        return 0;
}

static int read_image(char *text, size_t len, struct image **ret, struct error *err)
{
        cleanup_image struct image *image = xcalloc(1, sizeof(*image));

        image->config_text = text;
        image->config_len = len;
        digest_of(text, len, &image->id);
        digest_format(&image->id, image->id_text);
        if (image_config_parse(text, len, &image->config, err) < 0)
                return -1;
        image->n_diff_ids = strv_length(image->config.diff_ids);
        image->diff_ids = xcalloc(image->n_diff_ids + 1, sizeof(*image->diff_ids));
        for (size_t i = 0; i < image->n_diff_ids; i++)
                if (digest_parse(image->config.diff_ids[i], &image->diff_ids[i], err) < 0)
                        return -1;
        digest_chain(image->diff_ids, image->n_diff_ids, &image->chain_id);
        *ret = take_ptr(image);
        return 0;
}

int build_layout_load(struct build *b, int root, const char *reference, struct image **ret, struct error *err)
{
        cleanup_manifest struct manifest manifest = {};
        cleanup_platform struct platform want = {};
        cleanup_image struct image *image = NULL;
        const char *at = strchr(reference, '@'), *colon = strchr(reference, ':');
        cleanup_free char *tag =
            colon && (!at || colon < at) ? xstrndup(colon + 1, strcspn(colon + 1, "@")) : xstrdup("latest");
        char *text;
        size_t len;

        if (string_empty(b->platform))
                platform_host(&want);
        else if (platform_parse(b->platform, &want, err) < 0)
                return -1;
        if (find_manifest(root, tag, at ? at + 1 : NULL, &want, &manifest, err) < 0 ||
            read_blob(root, manifest.config.digest, &text, &len, err) < 0 ||
            read_image(text, len, &image, err) < 0)
                return -1;
        if (image->n_diff_ids != manifest.n_layers)
                return error_set(err, ERROR_INVALID, "the image has %zu diff ids for %zu layers",
                                 image->n_diff_ids, manifest.n_layers);
        for (size_t i = 0; i < manifest.n_layers; i++)
                if (load_layer(b, root, manifest.layers[i].digest, &image->diff_ids[i], err) < 0)
                        return -1;
        *ret = take_ptr(image);
        return 0;
}
